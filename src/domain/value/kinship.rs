//! Near relatives (近亲属): the eight kinds of 《民法典》 art. 1045, and nothing else (policy_facts §3).

use crate::domain::value::stored_enum::stored_enum;

stored_enum! {
    /// What the payee is to the payer. In-laws (姻亲) are not near relatives. Numbers are those of the wire enum.
    Kinship {
        /// 配偶
        Spouse = 1 "spouse",
        /// 父母
        Parent = 2 "parent",
        /// 子女
        Child = 3 "child",
        /// 兄弟姐妹
        Sibling = 4 "sibling",
        /// 祖父母
        PaternalGrandparent = 5 "paternal_grandparent",
        /// 外祖父母
        MaternalGrandparent = 6 "maternal_grandparent",
        /// 孙子女
        SonsChild = 7 "sons_child",
        /// 外孙子女
        DaughtersChild = 8 "daughters_child",
    }
}

//! Names of provinces as they stand on forms: GB/T 2260, and 66 for 新疆生产建设兵团.

const NAMES: [(&str, &str); 32] = [
    ("11", "北京市"),
    ("12", "天津市"),
    ("13", "河北省"),
    ("14", "山西省"),
    ("15", "内蒙古自治区"),
    ("21", "辽宁省"),
    ("22", "吉林省"),
    ("23", "黑龙江省"),
    ("31", "上海市"),
    ("32", "江苏省"),
    ("33", "浙江省"),
    ("34", "安徽省"),
    ("35", "福建省"),
    ("36", "江西省"),
    ("37", "山东省"),
    ("41", "河南省"),
    ("42", "湖北省"),
    ("43", "湖南省"),
    ("44", "广东省"),
    ("45", "广西壮族自治区"),
    ("46", "海南省"),
    ("50", "重庆市"),
    ("51", "四川省"),
    ("52", "贵州省"),
    ("53", "云南省"),
    ("54", "西藏自治区"),
    ("61", "陕西省"),
    ("62", "甘肃省"),
    ("63", "青海省"),
    ("64", "宁夏回族自治区"),
    ("65", "新疆维吾尔自治区"),
    ("66", "新疆生产建设兵团"),
];

/// A province's name by its two digits; the digits where there is no such province.
pub(in crate::cli) fn province_name(code: &str) -> &str {
    NAMES.iter().find(|(it, _)| *it == code).map_or(code, |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_province_of_the_table_of_places_has_the_name_that_stands_there() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/regions.toml");
        let places = crate::config::regions::load(&path).expect("the table of places");
        assert_eq!(places.directory.provinces().count(), NAMES.len());
        for province in places.directory.provinces() {
            assert_eq!(province_name(&province.code.to_string()), province.name);
        }
        assert_eq!(province_name("00"), "00");
    }
}

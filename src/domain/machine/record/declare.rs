//! How the kinds of record are declared: what each holds, and its number and version, once.

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A kind or version that this program does not know: a newer one wrote it, or it is damaged.
    #[error("record kind {kind} version {version} is unknown to this program")]
    Unknown {
        /// Number of the kind.
        kind: u16,
        /// Version of its content.
        version: u8,
    },
    /// The bytes do not fit.
    #[error("record kind {kind} version {version} does not hold what it should")]
    Content {
        /// Number of the kind.
        kind: u16,
        /// Version of its content.
        version: u8,
    },
}

/// Declares what records hold, as structs.
macro_rules! contents {
    ($($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $ty:ty),* $(,)? })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
            pub struct $name { $($(#[$doc])* pub $field: $ty),* }

            impl $crate::domain::machine::describe::Describe for $name {
                fn describe(&self, _: &'static str, to: &mut $crate::domain::machine::describe::Details) {
                    $(self.$field.describe(stringify!($field), to);)*
                }
            }
        )+
    };
}

/// Declares the kinds of record: number and version of each.
macro_rules! records {
    ($($name:ident $kind:literal v $version:literal)+) => {
        $(
            impl From<$name> for Record {
                fn from(record: $name) -> Record { Record::$name(record) }
            }
        )+

        /// One record of a journal.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Record { $(
            #[doc = concat!("See [`", stringify!($name), "`].")]
            $name($name)
        ),+ }

        impl Record {
            /// The number of its kind; never changes.
            pub fn kind(&self) -> u16 {
                match self { $(Record::$name(_) => $kind),+ }
            }

            /// The name of its kind, for people.
            pub fn name(&self) -> &'static str {
                match self { $(Record::$name(_) => stringify!($name)),+ }
            }

            /// What it says, as names and values.
            pub fn details(&self) -> $crate::domain::machine::describe::Details {
                use $crate::domain::machine::describe::Describe;
                let mut details = Vec::new();
                match self { $(Record::$name(record) => record.describe("", &mut details)),+ }
                details
            }

            /// The version of its content that is written today.
            pub fn version(&self) -> u8 {
                match self { $(Record::$name(_) => $version),+ }
            }

            /// Its canonical bytes.
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Record::$name(record) => borsh::to_vec(record).unwrap_or_default()),+ }
            }

            /// The record that these bytes hold.
            pub fn decode(kind: u16, version: u8, bytes: &[u8]) -> Result<Record, DecodeError> {
                match (kind, version) {
                    $(($kind, $version) => borsh::from_slice(bytes).map(Record::$name)
                        .map_err(|_| DecodeError::Content { kind, version }),)+
                    _ => Err(DecodeError::Unknown { kind, version }),
                }
            }
        }
    };
}

pub(super) use {contents, records};

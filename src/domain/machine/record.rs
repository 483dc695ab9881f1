//! How records are declared: what each holds, its number and versions, what it is about, and who tells it back after a
//! restore. One canonical encoding (borsh) for each version. Records are never edited: a change of content is a new
//! version, and the old one is read through an upgrade for ever.

use crate::domain::machine::describe::Details;
use crate::domain::machine::own::{IncidentRaised, PeerSeen};
use crate::domain::machine::table::Row;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::value::TransferId;
use std::fmt::Debug;

/// What a machine journals.
pub trait Record:
    Clone + Debug + PartialEq + Eq + Send + Sync + From<PeerSeen> + From<IncidentRaised> + 'static
{
    /// The rows that its records change.
    type Row: Row;

    /// What is declared of each kind, in order of declaration.
    const KINDS: &'static [Kind];

    /// Applies the record, which stands at `sequence`: the only way in which rows change, live and in replay. Cannot
    /// fail: whatever could stand against it was checked before it was made. A panic here is a bug, and stops the
    /// process before anything of the batch is stored.
    fn apply(&self, sequence: u64, rows: &mut WorkingSet<Self::Row>);
    /// The number of its kind; never changes, and is not given twice, whichever machine.
    fn kind(&self) -> u16;
    /// The name of its kind, for people.
    fn name(&self) -> &'static str;
    /// What it says, as names and values.
    fn details(&self) -> Details;
    /// The version of its content that is written today.
    fn version(&self) -> u8;
    /// The one transfer that it is about, for the journal's index; none for those about several or none.
    fn transfer_id(&self) -> Option<TransferId>;
    /// Its canonical bytes.
    fn encode(&self) -> Vec<u8>;
    /// The record that these bytes hold.
    ///
    /// # Errors
    /// A kind or version that this machine does not know; bytes that do not fit.
    fn decode(kind: u16, version: u8, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// What is declared of a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its number.
    pub number: u16,
    /// Its name, for people.
    pub name: &'static str,
    /// The version of its content that is written today.
    pub version: u8,
    /// Versions that were written before, and are read for ever.
    pub earlier: &'static [u8],
    /// The field that holds the one transfer that it is about; none for a kind about several or none.
    pub about: Option<&'static str>,
    /// Who tells it back to a restored store that has lost it.
    pub told_back_by: ToldBackBy,
}

/// Who has what a record says, and tells it to a restored store that has lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToldBackBy {
    /// The hub, in a resync.
    Hub,
    /// The nodes, in a recovery, or as soon as they speak again.
    Node,
    /// The province's own system, which repeats its requests.
    Platform,
    /// Nobody: it was about the lost incarnation itself, or can be made anew.
    Nobody,
}

/// Rebuilds all tables but the vault's from a journal's records, in order, the first at sequence 1.
pub fn replay<'a, R: Record>(records: impl IntoIterator<Item = &'a R>) -> WorkingSet<R::Row> {
    let mut rows = WorkingSet::complete();
    for (sequence, record) in (1..).zip(records) {
        record.apply(sequence, &mut rows);
    }
    rows
}

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

/// Declares a machine's records as the enum `Record` where it is called. `LegPrepared 24 v 2 (v 1 LegPreparedV1) about
/// leg.transfer_id, told back by Hub` is written as version 2; bytes of version 1 are read as a `LegPreparedV1` and
/// turned into today's by `From`. Beside it stands the method `Record::apply_to`, written by hand.
///
/// To change what a kind holds, add a version; what was written is never changed:
/// 1. Copy the struct in `contents!` under the name of its version, `LegPreparedV1`, and change the struct itself.
/// 2. Write `impl From<LegPreparedV1> for LegPrepared`: what the new fields mean for a record that had none.
/// 3. Raise the version in `records!` and name the one before: `v 2 (v 1 LegPreparedV1)`. A third version adds to the
///    list: `v 3 (v 1 LegPreparedV1) (v 2 LegPreparedV2)`.
/// 4. Change its sample in `tests/golden/samples.rs` and run `BLESS=1 cargo test golden`: that adds a vector of the new
///    version and keeps those of the earlier ones, which must be read for ever.
///
/// A store that holds the new version is not read by earlier programs: they stop with [`DecodeError::Unknown`].
macro_rules! records {
    ($row:ty: $(
        $name:ident $kind:literal v $version:literal $((v $old:literal $former:ty))*
        $(about $($field:ident).+)?, told back by $teller:ident;
    )+) => {
        $(
            impl From<$name> for Record {
                fn from(record: $name) -> Record { Record::$name(record) }
            }
        )+

        /// One record of the journal.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Record { $(
            #[doc = concat!("See [`", stringify!($name), "`].")]
            $name($name)
        ),+ }

        impl $crate::domain::machine::record::Record for Record {
            type Row = $row;

            const KINDS: &'static [$crate::domain::machine::record::Kind] = &[$(
                $crate::domain::machine::record::Kind {
                    number: $kind,
                    name: stringify!($name),
                    version: $version,
                    earlier: &[$($old),*],
                    about: {
                        let about: &[&str] = &[$(stringify!($($field).+))?];
                        about.first().copied()
                    },
                    told_back_by: $crate::domain::machine::record::ToldBackBy::$teller,
                }
            ),+];

            fn apply(&self, sequence: u64, rows: &mut $crate::domain::machine::working_set::WorkingSet<$row>) {
                self.apply_to(sequence, rows);
            }
            fn kind(&self) -> u16 {
                match self { $(Record::$name(_) => $kind),+ }
            }
            fn name(&self) -> &'static str {
                match self { $(Record::$name(_) => stringify!($name)),+ }
            }
            fn details(&self) -> $crate::domain::machine::describe::Details {
                use $crate::domain::machine::describe::Describe;
                let mut details = Vec::new();
                match self { $(Record::$name(record) => record.describe("", &mut details)),+ }
                details
            }
            fn version(&self) -> u8 {
                match self { $(Record::$name(_) => $version),+ }
            }
            fn transfer_id(&self) -> Option<$crate::domain::value::id::TransferId> {
                match self { $(
                    Record::$name(_record) => [$(_record.$($field).+)?].first().copied(),
                )+ }
            }
            fn encode(&self) -> Vec<u8> {
                // Writing to memory cannot fail.
                match self { $(Record::$name(record) => borsh::to_vec(record).unwrap_or_default()),+ }
            }
            fn decode(
                kind: u16,
                version: u8,
                bytes: &[u8],
            ) -> Result<Record, $crate::domain::machine::record::DecodeError> {
                use $crate::domain::machine::record::DecodeError;
                let record = match (kind, version) {
                    $(
                        ($kind, $version) => borsh::from_slice(bytes).map(Record::$name),
                        $(($kind, $old) => borsh::from_slice::<$former>(bytes).map(|old| $name::from(old).into()),)*
                    )+
                    _ => return Err(DecodeError::Unknown { kind, version }),
                };
                record.map_err(|_| DecodeError::Content { kind, version })
            }
        }
    };
}

pub(crate) use {contents, records};

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;

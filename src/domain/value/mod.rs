//! Values: what money, persons, places and days are, and how each is stored.

pub mod calendar;
pub mod column;
pub mod due_dates;
pub mod id;
pub mod id_number;
pub mod kinship;
pub mod ledger;
pub mod member;
pub mod money;
pub mod period;
pub mod ranges;
pub mod region;
pub mod schedule;
pub mod side;
pub mod stored_enum;
pub mod text;
pub mod window;
pub mod working_days;

pub use calendar::{Civil, Day, Mono, Now};
pub use due_dates::{DueDates, PaymentDates};
pub use id::{Digest, MemberRef, StartId, TransferId, hex};
pub use id_number::{IdNumber, IdNumberError, Person, PersonName};
pub use kinship::Kinship;
pub use ledger::{AccountKind, Direction, EntryKind};
pub use member::{AccountState, Insurance, InsuranceStatus, InsuranceType, WalletState};
pub use money::{Money, MoneyError};
pub use period::Period;
pub use ranges::NumberRanges;
pub use region::{Area, Opening, Province, ProvinceCode, RegionCode, RegionDirectory, RegionError};
pub use schedule::Schedule;
pub use side::{BySide, Side, Sides};
pub use text::{TextFault, Texts};
pub use window::Window;
pub use working_days::{DueDay, WorkingDays};

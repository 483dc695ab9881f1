//! Values: what money, persons, places and days are, and how each is stored.

pub mod calendar;
pub mod column;
pub mod id;
pub mod id_number;
pub mod kinship;
pub mod ledger;
pub mod member;
pub mod money;
pub mod region;
pub mod side;
pub mod stored_enum;

//! Between the wire's messages and the core's values, one file for each subject. Reading collects everything that is
//! wrong with a request, with the path of each field; the first thing wrong, in the documented order, gives the reason.

pub mod accept;
pub mod account;
pub mod announce;
pub mod audit;
pub mod compensation;
pub mod decide;
pub mod inspect;
pub mod leg;
pub mod member;
pub mod notice;
pub mod operation;
pub mod page;
pub mod party;
pub mod prepare;
pub mod query;
pub mod reader;
pub mod region;
pub mod resolve;
pub mod sender;
pub mod settlement;
pub mod status;
pub mod suspension;
pub mod terms;
pub mod time;
pub mod transfer;
pub mod verification;
pub mod wallet;

#[cfg(test)]
pub(crate) mod test_kit;

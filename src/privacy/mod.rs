//! Personal data: keys in files, keyed hashes, sealing, and the form in which names and remarks are compared.
//! What leaves here is a digest, sealed bytes or masked text; nothing here prints a person.

pub mod digests;
pub mod holder;
pub mod in_force;
pub mod key;
pub mod key_file;
pub mod names;
pub mod people;
pub mod private_file;
pub mod proof;
pub mod random;
pub mod seal;
pub mod sealed_row;

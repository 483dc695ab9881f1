//! Development tools on real files and processes: nothing of this serves a province.

pub mod dev_ca;

//! Development tools on real files and processes, shared by `gongji demo`, `gongji bench` and the tests: nothing of
//! this serves a province.

pub mod auditor;
pub mod cast;
pub mod client;
pub mod dev_ca;
pub mod launcher;
pub mod processes;
pub mod site;
pub mod until;

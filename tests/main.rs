//! The one test binary: `cargo test --test gongji`.

mod cli;
mod compat;
mod crash;
mod docs;
mod e2e;
mod foreign;
mod golden;
mod load;
mod model;
mod scenario;
mod sim;
mod tidy;

//! The one test binary: `cargo test --test gongji`.

mod crash;
mod e2e;
mod golden;
mod tidy;

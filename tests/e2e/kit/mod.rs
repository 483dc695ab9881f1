//! What the end-to-end and crash tests share: a site (folder, certificates, ports, configuration files), servers on
//! it, members, and what an answer must look like.

pub mod audit;
pub mod cluster;
pub mod foreign_node;
pub mod people;
pub mod proxy;
pub mod site;
pub mod verdict;

use std::time::Duration;

/// No test waits longer for anything: a test that hangs must fail and say where.
pub const BOUND: Duration = Duration::from_secs(60);

/// Runs a test's client side on a runtime of its own.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(BOUND * 2, test).await.expect("the test took too long") })
}

/// Looks again and again until there is something to see, at most for [`BOUND`].
pub async fn until<T>(what: &'static str, look: impl AsyncFnMut() -> Option<T>) -> T {
    let seen = gongji::devkit::until::until(BOUND, look).await;
    seen.unwrap_or_else(|| panic!("waited too long for: {what}"))
}

//! A panic is a bug, and nobody knows what it left half done: it ends a server, whichever of its tasks or threads it is
//! in. Only a step of the engine may panic: that costs the one input.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::thread::Result;

/// How a process ends that panicked, as any program of this language does.
const PANICKED: i32 = 101;

thread_local! {
    static MAY_PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Does what may panic without an end of the process; the caller answers for what is left.
///
/// # Errors
/// That it panicked.
pub(super) fn survive<T>(work: impl FnOnce() -> T) -> Result<T> {
    let before = MAY_PANIC.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    MAY_PANIC.set(before);
    done
}

/// From now on a panic anywhere else ends this process, after a line that says where.
pub fn end_process() {
    set_hook(Box::new(|panic| {
        // The log takes the line even where nobody reads it; standard error itself may wait for its reader for ever.
        tracing::error!(%panic, backtrace = %Backtrace::capture(), "a panic: this is a bug");
        if !MAY_PANIC.get() {
            tracing::error!("ALARM: the process ends, since nobody knows what the panic left half done");
            #[expect(clippy::exit, reason = "no thread may go on, whatever it waits for")]
            std::process::exit(PANICKED);
        }
    }));
}

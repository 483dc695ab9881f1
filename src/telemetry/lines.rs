//! Log lines on their way out. What cannot be written (a full disk, a pipe that nobody reads) is dropped and counted: a
//! server neither ends nor waits for its log.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a line is waited for: a process that is killed leaves what it said before. It is waited for once; then
/// nothing waits until a line has been written again.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Most lines that wait to be written.
const LINES_MAX: usize = 1_000;

/// Where lines are handed in. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    handed_in: Condvar,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Lines that were handed in, and those that were written or dropped since.
    taken: u64,
    done: u64,
    /// Lines that were lost since the last that was written.
    lost: u64,
    /// Whether a line was waited for in vain.
    stuck: bool,
}

impl Shared {
    // Nothing in here panics between two changes.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Lines that a thread of their own writes to `out`.
    pub(super) fn to(mut out: impl Write + Send + 'static) -> Lines {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let write = move || {
            loop {
                write_next(&of_thread, &mut out);
            }
        };
        // Without the thread every line is lost: a server without a log serves.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(write);
        Lines(shared)
    }

    /// Hands a line in, and waits a little until it is written.
    fn hand_in(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.waiting.len() >= LINES_MAX {
            state.lost += 1;
            return;
        }
        state.waiting.push_back(line.to_vec());
        state.taken += 1;
        self.0.handed_in.notify_one();
        if state.stuck {
            return;
        }
        let mine = state.taken;
        let waited = self.0.done.wait_timeout_while(state, WAIT_MAX, |state| state.done < mine);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stuck |= timeout.timed_out();
    }
}

/// Waits for a line and writes it, after how many were lost before it.
fn write_next(shared: &Shared, out: &mut impl Write) {
    let state = shared.handed_in.wait_while(shared.lock(), |state| state.waiting.is_empty());
    let mut state = state.unwrap_or_else(PoisonError::into_inner);
    let Some(line) = state.waiting.pop_front() else { return };
    let lost = state.lost;
    drop(state);
    let notice = match lost {
        0 => Ok(()),
        _ => out.write_all(format!("{lost} log lines were lost: they could not be written\n").as_bytes()),
    };
    let told = notice.is_ok();
    let written = notice.and_then(|()| out.write_all(&line)).and_then(|()| out.flush());
    let mut state = shared.lock();
    if told {
        state.lost -= lost;
    }
    state.lost += u64::from(written.is_err());
    state.done += 1;
    state.stuck = false;
    drop(state);
    shared.done.notify_all();
}

impl Write for Lines {
    /// One event, whole. Never fails: who logs can do nothing about it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.hand_in(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A log whose every write waits for what comes of it.
    struct Gate {
        outcomes: Receiver<bool>,
        written: Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.outcomes.recv() != Ok(true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.send(String::from_utf8_lossy(bytes).into_owned()).expect("a test that reads");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Lines, Sender<bool>, Receiver<String>) {
        let ((open, outcomes), (written, lines)) = (channel(), channel());
        (Lines::to(Gate { outcomes, written }), open, lines)
    }

    fn say(lines: &Lines, text: &str) {
        lines.clone().write_all(format!("{text}\n").as_bytes()).expect("never fails");
    }

    #[test]
    fn a_full_disk_loses_lines_and_says_how_many_once_there_is_room() {
        let (lines, outcome, written) = gated();
        [false, false, true, true].into_iter().for_each(|well| outcome.send(well).expect("open"));
        ["one", "two", "three"].into_iter().for_each(|text| say(&lines, text));
        let said = [written.recv().expect("a notice"), written.recv().expect("a line")];
        assert_eq!(said, ["2 log lines were lost: they could not be written\n", "three\n"]);
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up_and_takes_no_more_than_so_many_lines() {
        let (lines, outcome, written) = gated();
        let extra = 10;
        // The first is with the thread that writes; nobody waits behind it once one has waited in vain.
        (0..=LINES_MAX + extra).for_each(|number| say(&lines, &number.to_string()));
        assert_eq!(lines.0.lock().waiting.len(), LINES_MAX);
        (0..LINES_MAX + 2).for_each(|_| outcome.send(true).expect("open"));
        assert_eq!(written.recv().as_deref(), Ok("0\n"));
        assert_eq!(
            written.recv().as_deref(),
            Ok(&*format!("{extra} log lines were lost: they could not be written\n"))
        );
    }
}

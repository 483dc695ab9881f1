//! A server on a thread and a runtime of its own (current_thread, beside the engine's thread: measured, a call
//! costs half the processor time that it costs on several threads).

use crate::server::common::serve::ServerError;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Threads that may block, for readings beside the writer: one for each view, one for a stream, and some for files and
/// names. Each costs memory while it is used.
pub const BLOCKING_THREADS: usize = 8;

/// Told once, when a server listens.
pub type Ready = oneshot::Sender<SocketAddr>;
/// Ends a server when something is sent or the sender is dropped.
pub type Stop = oneshot::Receiver<()>;

/// A server that runs beside this thread.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), ServerError>>,
}

/// How a server that was started ended too early.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its own error.
    #[error(transparent)]
    Server(ServerError),
    /// Thread or runtime could not be made, or the server panicked.
    #[error("the server's thread ended: {0}")]
    Thread(String),
}

impl Running {
    /// Runs a server on a thread of its own and waits until it listens.
    pub fn start<F>(
        name: &str,
        run: impl FnOnce(Ready, Stop) -> F + Send + 'static,
    ) -> Result<Self, StartError>
    where
        F: Future<Output = Result<(), ServerError>>,
    {
        let (ready, listening) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(BLOCKING_THREADS)
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| StartError::Thread(error.to_string()))?;
        let body = move || runtime.block_on(run(ready, stopped));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        let thread = thread.map_err(|error| StartError::Thread(error.to_string()))?;
        match listening.blocking_recv() {
            Ok(address) => Ok(Running { address, stop, thread }),
            Err(_) => Err(match thread.join() {
                Ok(Err(error)) => StartError::Server(error),
                Ok(Ok(())) => StartError::Thread("it stopped before it listened".to_owned()),
                Err(_) => StartError::Thread("it panicked".to_owned()),
            }),
        }
    }

    /// Stops it, lets it drain, and waits for its end.
    pub fn stop(self) -> Result<(), StartError> {
        // A server that has ended already needs no telling.
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(result) => result.map_err(StartError::Server),
            Err(_) => Err(StartError::Thread("it panicked".to_owned())),
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

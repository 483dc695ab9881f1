//! Small messages leave together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// A stream whose small messages leave in one TLS record and one system call: a hundred answers, or a call's head and
/// its body, which come from two tasks.
///
/// It does not say that it can write from many places at once, as rustls does: HTTP/2 then copies messages into one
/// buffer. And before the first write after a flush it lets the tasks run that are ready on this thread, so that they
/// add to that buffer.
#[derive(Debug)]
pub struct CoalescingIo<S> {
    stream: S,
    /// Whether others have run since something was to be written.
    waited: bool,
}

impl<S> CoalescingIo<S> {
    /// Gathers what is written to this stream.
    pub fn new(stream: S) -> CoalescingIo<S> {
        CoalescingIo { stream, waited: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CoalescingIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CoalescingIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !std::mem::replace(&mut self.waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.waited &= flushed.is_pending();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Connected> Connected for CoalescingIo<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// Notes the size of each write.
    #[derive(Default)]
    struct Writes(Vec<usize>);

    impl AsyncWrite for Writes {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.0.push(buf.len());
            Poll::Ready(Ok(buf.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn whoever_is_ready_runs_before_something_is_written() {
        let mut stream = CoalescingIo::new(Writes::default());
        for round in 1..=2 {
            let other = tokio::spawn(async {});
            let first = stream.write(b"one").await.unwrap();
            assert!(other.is_finished(), "round {round}");
            let other = tokio::spawn(async {});
            let rest = stream.write(b"and more").await.unwrap();
            assert!(!other.is_finished(), "nothing waits again before a flush");
            assert_eq!((first, rest), (3, 8));
            stream.flush().await.unwrap();
        }
        assert_eq!(stream.stream.0, [3, 8, 3, 8]);
    }
}

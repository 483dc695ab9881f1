//! Calls that are running, from the request's first byte to the answer's last: a server that stops waits for these, not
//! for connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::codegen::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

/// Streams that never end by themselves: the server ends them when it stops, and waits for nobody who does not read.
const ENDLESS: [&str; 4] = [
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/gongji.hub.v1.TransferService/WatchTransfers",
];

/// Counts the calls that are running. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Calls(Arc<watch::Sender<usize>>);

impl Default for Calls {
    fn default() -> Calls {
        Calls(Arc::new(watch::Sender::new(0)))
    }
}

impl Calls {
    /// Waits until none is running, and none has come for so long.
    pub(super) async fn none_for(&self, quiet: Duration) {
        let mut running = self.0.subscribe();
        // The sender is here: it cannot go away meanwhile.
        while running.wait_for(|running| *running == 0).await.is_ok()
            && timeout(quiet, running.changed()).await.is_ok()
        {}
    }

    fn begin(&self) -> Call {
        self.0.send_modify(|running| *running += 1);
        Call(Arc::clone(&self.0))
    }
}

/// One that is running, until it is dropped.
#[derive(Debug)]
struct Call(Arc<watch::Sender<usize>>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl<S> Layer<S> for Calls {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting { inner, calls: self.clone() }
    }
}

/// What [`Calls`] makes of a service.
#[derive(Clone, Debug)]
pub(super) struct Counting<S> {
    inner: S,
    calls: Calls,
}

impl<S, B, R> Service<Request<B>> for Counting<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Counted<R>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = (!ENDLESS.contains(&request.uri().path())).then(|| self.calls.begin());
        let answer = self.inner.call(request);
        Box::pin(
            async move { answer.await.map(|response| response.map(|body| Counted { body, _call: call })) },
        )
    }
}

/// An answer whose call runs until it has been sent.
#[derive(Debug)]
pub(super) struct Counted<R> {
    body: R,
    _call: Option<Call>,
}

impl<R: Body + Unpin> Body for Counted<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<R::Data>, R::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_runs_is_waited_for_and_what_never_ends_is_not() {
        let quiet = Duration::from_millis(20);
        let calls = Calls::default();
        let answer = async |_: Request<()>| Ok::<_, Infallible>(Response::new(()));
        let mut service = calls.layer(tower::service_fn(answer));
        let mut call = async |path: &str| {
            let request = Request::builder().uri(path).body(()).expect("a request");
            service.call(request).await.expect("an answer")
        };
        let endless = call(ENDLESS[0]).await;
        timeout(50 * quiet, calls.none_for(quiet)).await.expect("nothing that ends is running");
        let running = call("/a/b").await;
        assert!(timeout(9 * quiet, calls.none_for(quiet)).await.is_err());
        drop(running);
        timeout(50 * quiet, calls.none_for(quiet)).await.expect("it has been answered");
        drop(endless);
    }
}

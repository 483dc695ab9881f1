use super::*;
use crate::devkit::site::{Addresses, Site};
use crate::transport::testing::{Authority, YEAR, write};
use rustls::pki_types::pem::PemObject as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::Code;

/// Stands for the lead's table of statuses: the reason's code is the message.
fn status(reason: Reason) -> Status {
    let code = match reason {
        Reason::CertificateRequired => Code::Unauthenticated,
        _ => Code::PermissionDenied,
    };
    Status::new(code, reason.code())
}

/// Counts calls and answers with the role that it was given.
#[derive(Clone, Default)]
struct Inner(Arc<AtomicUsize>);

impl Service<Request<()>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        let role = request.extensions().get::<Role>().map_or("none".to_owned(), Role::to_string);
        std::future::ready(Ok(Response::new(role)))
    }
}

const PREPARE: &str = "/gongji.node.v1.ParticipantService/Prepare";

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// What a call with these stated roles gets: the role that the service saw, or the error.
async fn call(trust: Trust, path: &str, stated: &[&str]) -> Result<String, Status> {
    let inner = Inner::default();
    let mut gate = AccessLayer::new(Role::Hub, trust, Grants::any(), status, 8 << 20).layer(inner.clone());
    let mut request = Request::builder().uri(path);
    for role in stated {
        request = request.header(ROLE_HEADER, *role);
    }
    let response = gate.call(request.body(()).expect("a request")).await.expect("infallible");
    let denied = Status::from_header_map(response.headers());
    assert_eq!(
        inner.0.load(Ordering::Relaxed),
        usize::from(denied.is_none()),
        "a denied call goes no further"
    );
    denied.map_or_else(|| Ok(response.into_body()), Err)
}

async fn code(trust: Trust, path: &str, stated: &[&str]) -> (Code, String) {
    let denied = call(trust.clone(), path, stated).await.expect_err("denied");
    (denied.code(), denied.message().to_owned())
}

#[tokio::test]
async fn on_plaintext_the_stated_role_counts() {
    let trust = Trust::plaintext(loopback()).expect("loopback");
    let seen = call(trust.clone(), PREPARE, &["urn:gongji:hub"]).await;
    assert_eq!(seen.expect("allowed"), "urn:gongji:hub");
    let refused = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
    assert_eq!(code(trust.clone(), PREPARE, &["urn:gongji:node:13"]).await, refused);
    let required = (Code::Unauthenticated, "CERTIFICATE_REQUIRED".to_owned());
    for stated in [&[][..], &["hub"], &[""], &["urn:gongji:hub", "urn:gongji:node:13"]] {
        assert_eq!(code(trust.clone(), PREPARE, stated).await, required, "{stated:?}");
    }
    assert_eq!(call(trust.clone(), "/grpc.health.v1.Health/Check", &[]).await.expect("allowed"), "none");
    let unknown = code(trust, "/gongji.node.v1.ParticipantService/Undo", &["urn:gongji:hub"]).await;
    assert_eq!(unknown.0, Code::Unimplemented);
}

#[tokio::test]
async fn with_certificates_a_stated_role_counts_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::new(folder.path(), Addresses::new());
    site.issue([Role::Hub]).expect("issued");
    let trust = Trust::certificates(site.tls(&Role::Hub).expect("its certificate"));
    let refused = code(trust, PREPARE, &["urn:gongji:hub"]).await;
    assert_eq!(refused, (Code::Unauthenticated, "CERTIFICATE_REQUIRED".to_owned()));
}

#[test]
fn plaintext_is_for_loopback_only() {
    for fine in [loopback(), (Ipv6Addr::LOCALHOST, 7000).into(), ([127, 0, 0, 2], 1).into()] {
        assert!(Trust::plaintext(fine).is_ok(), "{fine}");
    }
    for bad in
        [(Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::UNSPECIFIED, 0).into(), ([10, 0, 0, 1], 1).into()]
    {
        assert_eq!(Trust::plaintext(bad).err(), Some(NotLoopback(bad)));
    }
}

#[test]
fn a_denial_is_a_whole_grpc_answer_without_a_body() {
    let response = status(Reason::RoleNotAllowed).into_http::<String>();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(response.headers()["grpc-status"], "7");
    assert!(response.body().is_empty());
}

#[test]
fn clients_state_their_role_on_plaintext_only() {
    let ask = |mut how: StateRole| how.call(tonic::Request::new(())).expect("never refused");
    let stated = ask(StateRole::of(&Role::Hub));
    assert_eq!(
        stated.metadata().get(ROLE_HEADER).and_then(|role| role.to_str().ok()),
        Some("urn:gongji:hub")
    );
    assert!(ask(StateRole::nothing()).metadata().get(ROLE_HEADER).is_none());
}

#[test]
fn a_role_is_forgotten_after_a_minute_and_when_certificates_change() {
    let start = Instant::now();
    let known = |generation, seconds| {
        let mut known = Known::new(1, start);
        known.roles.insert(vec![1], Some(Role::Hub));
        known.renew(generation, start + Duration::from_secs(seconds));
        known.roles.len()
    };
    assert_eq!(known(1, 59), 1);
    assert_eq!(known(1, 60), 0, "it may have expired");
    assert_eq!(known(2, 0), 0);
}

/// A caller whose certificate was revoked went on reading a stream for as long as it lasted.
#[tokio::test(start_paused = true)]
async fn a_call_that_lasts_ends_when_its_caller_is_revoked() {
    let (folder, ca) = (tempfile::tempdir().expect("a folder"), Authority::new("one", YEAR));
    let app: Role = "urn:gongji:app:demo".parse().expect("a role");
    let (own, leaf) = (ca.leaf(&Role::Hub, 1, YEAR), ca.leaf(&app, 2, YEAR));
    let none = ca.list(&[], YEAR);
    let tls = Tls::load(&write(folder.path(), &ca.pem, &own, Some(&none))).expect("sound");
    let trust = Trust::certificates(tls.clone());
    let layer = AccessLayer::new(Role::Hub, trust, Grants::any(), status, 8 << 20);
    let chain = CertificateDer::from_pem_slice(leaf.cert.as_bytes()).expect("a certificate");
    let standing = Standing { role: app, chain: Some(Arc::new(vec![chain])), by: layer.0 };
    let ended = tokio::spawn({
        let standing = standing.clone();
        async move { standing.ended().await }
    });
    tokio::time::advance(KNOWN_FOR * 3).await;
    assert!(standing.holds() && !ended.is_finished());
    write(folder.path(), &ca.pem, &own, Some(&ca.list(&[&leaf], YEAR)));
    assert!(tls.reload().expect("sound"));
    ended.await.expect("it ends");
    assert!(!Standing { chain: None, ..standing }.holds(), "nobody without a certificate");
}

/// What tonic says of a request that it could not read comes in this service's form; other errors and answers stay.
#[test]
fn a_request_that_could_not_be_read_is_refused_in_our_form() {
    let said = |status: Status| {
        let response: Response<String> = readable(status.into_http(), 9);
        Status::from_header_map(response.headers()).expect("an error")
    };
    let unread = said(Status::internal("a decoder's words"));
    assert!(unread.message().starts_with("REQUEST_MALFORMED") && !unread.details().is_empty(), "{unread:?}");
    assert_eq!(said(Status::aborted("ours")).message(), "ours");
    let answer = readable(Response::new("whole".to_owned()), 9);
    assert_eq!(answer.body(), "whole");
}

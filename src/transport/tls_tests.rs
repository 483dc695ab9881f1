use super::*;
use crate::devkit::dev_ca::{CA_CERT, files_of, init, issue};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::transport::access::Grants;
use crate::transport::access_layer::{AccessLayer, StateRole, Trust};
use crate::transport::channel::channel;
use crate::transport::incoming::TlsIncoming;
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request, Response};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};

/// An authority's folder with certificates for these roles.
fn certs(roles: &[&Role]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    init(folder.path()).expect("an authority");
    for role in roles {
        issue(folder.path(), role, &[]).expect("issued");
    }
    folder
}

fn files(folder: &TempDir, role: &Role) -> TlsFiles {
    let issued = files_of(folder.path(), role);
    TlsFiles::new(folder.path().join(CA_CERT), issued.cert, issued.key)
}

fn tls(folder: &TempDir, role: &Role) -> Tls {
    Tls::load(&files(folder, role)).expect("loaded")
}

pub(super) fn node(number: u8) -> Role {
    Role::Node(ProvinceCode::new(number))
}

pub(super) fn app() -> Role {
    Role::App("demo".to_owned())
}

/// Stands in for the transfer service: counts calls, and answers ABORTED with the role that it was given.
#[derive(Clone, Default)]
struct Echo(Arc<AtomicUsize>);

impl tonic::server::NamedService for Echo {
    const NAME: &'static str = "gongji.hub.v1.TransferService";
}

impl tower::Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.fetch_add(1, Ordering::SeqCst);
        let role = request.extensions().get::<Role>().map_or("none".to_owned(), Role::to_string);
        std::future::ready(Ok(Status::aborted(role).into_http()))
    }
}

fn status(reason: Reason) -> Status {
    let code =
        if reason == Reason::CertificateRequired { Code::Unauthenticated } else { Code::PermissionDenied };
    Status::new(code, reason.code())
}

pub(super) struct Running {
    port: u16,
    echo: Echo,
}

/// A hub with an echo and a health service on a port of the system's.
pub(super) async fn serve(tls: Option<&Tls>) -> Running {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let echo = Echo::default();
    let plaintext = || Trust::plaintext(address).expect("loopback");
    let trust = tls.map_or_else(plaintext, |tls| Trust::certificates(tls.clone()));
    let (_, health) = tonic_health::server::health_reporter();
    let router = Server::builder()
        .layer(AccessLayer::new(Role::Hub, trust, Grants::any(), status, 8 << 20))
        .add_service(echo.clone())
        .add_service(health);
    let incoming = TcpIncoming::from(listener);
    match tls {
        Some(tls) => {
            tokio::spawn(router.serve_with_incoming(TlsIncoming::new(incoming, tls.clone())));
        }
        None => drop(tokio::spawn(router.serve_with_incoming(incoming))),
    }
    Running { port: address.port(), echo }
}

impl Running {
    pub(super) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn calls(&self) -> usize {
        self.echo.0.load(Ordering::SeqCst)
    }
}

pub(super) const GET: &str = "/gongji.hub.v1.TransferService/GetTransfer";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Calls a method with an empty message, as `who` on plaintext.
async fn call(channel: Channel, who: StateRole, path: &'static str) -> Status {
    let mut client = Grpc::new(InterceptedService::new(channel, who));
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let answer = match client.ready().await {
        Ok(()) => client.unary(tonic::Request::new(()), PathAndQuery::from_static(path), codec).await,
        Err(error) => panic!("a lazy channel is always ready: {error}"),
    };
    answer.map_or_else(|status| status, |_| Status::ok(""))
}

pub(super) async fn call_tls(channel: Channel, path: &'static str) -> Status {
    call(channel, StateRole::nothing(), path).await
}

#[tokio::test]
async fn a_service_sees_the_role_of_the_client_certificate() {
    let folder = certs(&[&Role::Hub, &app(), &node(13)]);
    let hub = serve(Some(&tls(&folder, &Role::Hub))).await;
    let dial = |role| channel(&hub.address(), Some(&tls(&folder, &role)), Role::Hub).expect("dialled");

    let seen = call_tls(dial(app()), GET).await;
    assert_eq!((seen.code(), seen.message()), (Code::Aborted, "urn:gongji:app:demo"));
    let refused = call_tls(dial(node(13)), GET).await;
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "ROLE_NOT_ALLOWED"));
    assert_eq!(call_tls(dial(node(13)), HEALTH).await.code(), Code::Ok);
    assert_eq!(hub.calls(), 1);

    let by_name = format!("https://localhost:{}", hub.port);
    let by_name = channel(&by_name, Some(&tls(&folder, &app())), Role::Hub).expect("dialled");
    assert_eq!(call_tls(by_name, GET).await.code(), Code::Aborted);
}

#[tokio::test]
async fn without_a_certificate_only_health_answers() {
    let folder = certs(&[&Role::Hub]);
    let hub = serve(Some(&tls(&folder, &Role::Hub))).await;
    let ca = tonic::transport::Certificate::from_pem(fs::read(folder.path().join(CA_CERT)).expect("read"));
    let anonymous = Endpoint::from_shared(hub.address())
        .expect("an address")
        .tls_config(tonic::transport::ClientTlsConfig::new().ca_certificate(ca))
        .expect("configured")
        .connect_lazy();
    assert_eq!(call_tls(anonymous.clone(), HEALTH).await.code(), Code::Ok);
    let refused = call_tls(anonymous, GET).await;
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "CERTIFICATE_REQUIRED"));
    assert_eq!(hub.calls(), 0);
}

#[tokio::test]
async fn a_server_of_another_role_is_never_spoken_to() {
    let folder = certs(&[&Role::Hub, &node(13), &app()]);
    // A genuine certificate of the same authority, for the same host, but of node 13.
    let impostor = serve(Some(&tls(&folder, &node(13)))).await;
    let dialled = channel(&impostor.address(), Some(&tls(&folder, &app())), Role::Hub).expect("dialled");
    let refused = call_tls(dialled, GET).await;
    assert_eq!(refused.code(), Code::Unavailable);
    let why = with_sources(&refused);
    assert!(why.contains("the server is urn:gongji:node:13, but urn:gongji:hub was dialled"), "{why}");
    let client_only = serve(Some(&tls(&folder, &app()))).await;
    let dialled = channel(&client_only.address(), Some(&tls(&folder, &app())), app()).expect("dialled");
    assert_eq!(
        call_tls(dialled, GET).await.code(),
        Code::Unavailable,
        "a client's certificate serves nobody"
    );
    assert_eq!((impostor.calls(), client_only.calls()), (0, 0));
}

#[tokio::test]
async fn peers_of_another_authority_are_refused_by_both_sides() {
    let (ours, theirs) = (certs(&[&Role::Hub, &app()]), certs(&[&Role::Hub, &app()]));
    let hub = serve(Some(&tls(&ours, &Role::Hub))).await;
    let dial = |tls: &Tls| channel(&hub.address(), Some(tls), Role::Hub).expect("dialled");
    assert_eq!(call_tls(dial(&tls(&theirs, &app())), GET).await.code(), Code::Unavailable);
    let stranger = TlsFiles { ca: ours.path().join(CA_CERT), ..files(&theirs, &app()) };
    let stranger = Tls::load(&stranger).expect("consistent in itself");
    for path in [GET, HEALTH] {
        let refused = call_tls(dial(&stranger), path).await;
        assert_ne!(refused.code(), Code::Ok, "{path}");
        assert_ne!(refused.code(), Code::Aborted, "{path}");
    }
    assert_eq!(hub.calls(), 0);
    assert_eq!(call_tls(dial(&tls(&ours, &app())), GET).await.code(), Code::Aborted, "our own are served on");
}

#[tokio::test]
async fn on_plaintext_loopback_the_stated_role_is_seen() {
    let hub = serve(None).await;
    let dialled = channel(&format!("http://127.0.0.1:{}", hub.port), None, Role::Hub).expect("dialled");
    let seen = call(dialled.clone(), StateRole::of(&app()), GET).await;
    assert_eq!((seen.code(), seen.message()), (Code::Aborted, "urn:gongji:app:demo"));
    assert_eq!(call(dialled, StateRole::nothing(), GET).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn addresses_that_would_lose_protection_or_mean_nothing_are_refused() {
    let folder = certs(&[&app()]);
    let tls = tls(&folder, &app());
    for fine in ["https://127.0.0.1:7013", "https://hub.example:7013/", "https://[::1]:7013"] {
        assert!(channel(fine, Some(&tls), Role::Hub).is_ok(), "{fine}");
    }
    for fine in ["http://127.0.0.1:7013", "http://localhost:7013", "http://[::1]:7013"] {
        assert!(channel(fine, None, Role::Hub).is_ok(), "{fine}");
        assert!(channel(fine, Some(&tls), Role::Hub).is_err(), "{fine} with certificates");
    }
    for bad in [
        "http://10.0.0.1:7013",
        "http://hub.example:7013",
        "http://127.0.0.1.example:1",
        "https://127.0.0.1:1",
    ] {
        assert!(matches!(channel(bad, None, Role::Hub), Err(TlsError::Address(..))), "{bad}");
    }
    for bad in
        ["", "127.0.0.1:7013", "ftp://hub", "https://hub/path", "https://", "unix:/run/x", "https://a b"]
    {
        assert!(matches!(channel(bad, Some(&tls), Role::Hub), Err(TlsError::Address(..))), "{bad}");
    }
}

#[test]
fn what_would_fail_each_handshake_is_found_at_loading() {
    let folder = certs(&[&Role::Hub, &app()]);
    let (hub, app_files) = (files(&folder, &Role::Hub), files(&folder, &app()));
    let fails = |files: &TlsFiles| Tls::load(files).expect_err("refused").to_string();
    assert!(fails(&TlsFiles { key: app_files.key.clone(), ..hub.clone() }).contains("is not the key of"));
    assert!(fails(&TlsFiles { ca: hub.key.clone(), ..hub.clone() }).contains("no readable certificate"));
    assert!(fails(&TlsFiles { cert: hub.key.clone(), ..hub.clone() }).contains("no readable certificate"));
    assert!(fails(&TlsFiles { cert: hub.ca.clone(), ..hub.clone() }).contains("no URI name"));
    assert!(fails(&TlsFiles { ca: folder.path().join("absent"), ..hub.clone() }).contains("absent"));
    assert!(matches!(Tls::load_server(&hub, &node(13)), Err(TlsError::Role { .. })));
    assert_eq!(Tls::load_server(&hub, &Role::Hub).expect("its own").role(), &Role::Hub);
    fs::set_permissions(&hub.key, fs::Permissions::from_mode(0o644)).expect("changed");
    assert!(fails(&hub).contains("chmod 600"));
}

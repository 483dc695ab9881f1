//! Certificates, authorities and lists of revoked ones that change while servers and clients run.

use super::tests::{GET, Running, app, call_tls, node, serve};
use super::*;
use crate::transport::channel::channel;
use crate::transport::peer::Peer;
use crate::transport::refusals::refusal;
use crate::transport::testing::{Authority, Leaf, YEAR, write};
use std::fs;
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// One side and the folder of its files.
struct Side {
    folder: TempDir,
    files: TlsFiles,
    tls: Tls,
}

impl Side {
    fn new(ca: &str, leaf: &Leaf, crl: Option<&str>) -> Side {
        let folder = TempDir::new().expect("a folder");
        let files = write(folder.path(), ca, leaf, crl);
        let tls = Tls::load(&files).expect("sound");
        Side { folder, files, tls }
    }

    /// Writes other files and takes them.
    fn renew(&self, ca: &str, leaf: &Leaf, crl: Option<&str>) {
        write(self.folder.path(), ca, leaf, crl);
        assert!(self.tls.reload().expect("sound"), "they are new");
    }

    /// The hub as this side dials it, with connections that are renewed.
    fn dial(&self, hub: &Running) -> Peer {
        Peer::new(&hub.address(), Some(&self.tls), Role::Hub, self.tls.role()).expect("dialled")
    }
}

/// What the echo says to a call over the connection of this moment.
async fn ask(peer: &Peer) -> Status {
    let mut client = tonic::client::Grpc::new(peer.service());
    client.ready().await.expect("a lazy channel is always ready");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(GET);
    let mut request = tonic::Request::new(());
    request.set_timeout(Duration::from_secs(20));
    client.unary(request, path, codec).await.map_or_else(|status| status, |_| Status::ok(""))
}

#[tokio::test]
async fn an_authority_is_replaced_step_by_step_and_no_call_fails() {
    let (old, new) = (Authority::new("old", YEAR), Authority::new("new", YEAR));
    let leaves = |by: &Authority| (by.leaf(&Role::Hub, 1, YEAR), by.leaf(&app(), 2, YEAR));
    let ((hub_old, app_old), (hub_new, app_new)) = (leaves(&old), leaves(&new));
    let both = [old.pem.as_str(), &new.pem].concat();
    let (server, client) = (Side::new(&old.pem, &hub_old, None), Side::new(&old.pem, &app_old, None));
    let hub = serve(Some(&server.tls)).await;
    let peer = client.dial(&hub);
    let answered = async |step: &str| {
        let fresh = client.dial(&hub);
        for (peer, which) in [(&peer, "kept"), (&fresh, "fresh")] {
            let seen = ask(peer).await;
            assert_eq!(
                (seen.code(), seen.message()),
                (Code::Aborted, "urn:gongji:app:demo"),
                "{step}, {which}"
            );
        }
    };
    answered("before").await;
    server.renew(&both, &hub_old, None);
    answered("the hub believes both").await;
    client.renew(&both, &app_old, None);
    answered("the app believes both").await;
    server.renew(&both, &hub_new, None);
    answered("the hub shows the new").await;
    client.renew(&both, &app_new, None);
    answered("the app shows the new").await;
    server.renew(&new.pem, &hub_new, None);
    answered("the hub believes the new only").await;
    client.renew(&new.pem, &app_new, None);
    answered("the app believes the new only").await;
    assert_eq!((server.tls.generation(), client.tls.generation()), (3, 3));
    // And the old is no longer anybody.
    let stranger = Side::new(&both, &app_old, None);
    let refused = ask(&stranger.dial(&hub)).await;
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
}

#[tokio::test]
async fn what_is_not_sound_is_not_taken_and_what_was_in_force_stays() {
    let ca = Authority::new("one", YEAR);
    let (own, client) = (ca.leaf(&Role::Hub, 1, YEAR), Side::new(&ca.pem, &ca.leaf(&app(), 2, YEAR), None));
    let server = Side::new(&ca.pem, &own, None);
    let hub = serve(Some(&server.tls)).await;
    for (ca_text, leaf, why) in [
        ("", &own, "no readable certificate"),
        (own.cert.as_str(), &own, "is no authority"),
        (&ca.pem, &ca.leaf(&Role::Hub, 3, (-3, -2)), "expired on"),
        (&ca.pem, &ca.leaf(&node(13), 4, YEAR), "is the certificate of urn:gongji:node:13"),
        (
            &ca.pem,
            &Leaf { cert: ca.leaf(&Role::Hub, 5, YEAR).cert, key: own.key.clone(), serial: 5 },
            "is not the key of",
        ),
    ] {
        write(server.folder.path(), ca_text, leaf, None);
        let error = server.tls.reload().expect_err("refused").to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(ask(&client.dial(&hub)).await.code(), Code::Aborted, "served on");
    }
    fs::remove_file(&server.files.cert).expect("removed");
    assert!(server.tls.reload().is_err());
    write(server.folder.path(), &ca.pem, &own, None);
    assert!(!server.tls.reload().expect("sound"), "the same as ever");
    assert_eq!(server.tls.generation(), 0);
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_on_new_connections_and_on_open_ones() {
    let ca = Authority::new("one", YEAR);
    let (own, revoked, other) =
        (ca.leaf(&Role::Hub, 1, YEAR), ca.leaf(&app(), 2, YEAR), ca.leaf(&app(), 3, YEAR));
    let server = Side::new(&ca.pem, &own, Some(&ca.list(&[], YEAR)));
    let hub = serve(Some(&server.tls)).await;
    let (thief, good) = (Side::new(&ca.pem, &revoked, None), Side::new(&ca.pem, &other, None));
    let open = thief.dial(&hub);
    assert_eq!(ask(&open).await.code(), Code::Aborted);
    server.renew(&ca.pem, &own, Some(&ca.list(&[&revoked], YEAR)));
    let refused = ask(&open).await;
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "CERTIFICATE_REQUIRED"));
    let refused = ask(&thief.dial(&hub)).await;
    assert_eq!(
        refusal(&refused).expect("of TLS").english,
        "the peer refuses our certificate: it is revoked (CertificateRevoked)"
    );
    assert_eq!(ask(&good.dial(&hub)).await.code(), Code::Aborted, "others are served on");
    assert_eq!(hub.calls(), 2);
    // A client believes a revoked server as little.
    let careful = Side::new(&ca.pem, &other, Some(&ca.list(&[&own], YEAR)));
    let refused = ask(&careful.dial(&hub)).await;
    assert_eq!(
        refusal(&refused).expect("of TLS").english,
        "the peer's certificate is refused: it is revoked"
    );
}

#[tokio::test]
async fn a_client_learns_why_it_is_refused_instead_of_waiting() {
    let (ca, other) = (Authority::new("one", YEAR), Authority::new("other", YEAR));
    let server = Side::new(&ca.pem, &ca.leaf(&Role::Hub, 1, YEAR), None);
    let hub = serve(Some(&server.tls)).await;
    let stranger = Side::new(&ca.pem, &other.leaf(&app(), 2, YEAR), None);
    let dialled: Channel = channel(&hub.address(), Some(&stranger.tls), Role::Hub).expect("dialled");
    // Each call: not only the first one of a connection.
    for _ in 0..4 {
        let status = call_tls(dialled.clone(), GET).await;
        let refusal = refusal(&status).unwrap_or_else(|| panic!("{status:?}"));
        assert_eq!(
            refusal.english,
            "the peer refuses our certificate: its authority is not believed (UnknownCA)"
        );
        assert!(refusal.chinese.contains("不受信任"), "{refusal:?}");
    }
    let unbelieving = Side::new(&other.pem, &ca.leaf(&app(), 2, YEAR), None);
    let status = ask(&unbelieving.dial(&hub)).await;
    assert_eq!(
        refusal(&status).expect("of TLS").english,
        "the peer's certificate is refused: its authority is not believed"
    );
}

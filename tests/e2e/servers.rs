//! What every server answers: places, health, and a description of itself.

use super::kit::cluster::shared;
use super::kit::site::{HEBEI, SICHUAN};
use super::kit::verdict::{malformed, refused};
use gongji::devkit::client::Caller;
use gongji::proto::hub::{GetRegionRequest, ListRegionsRequest};
use gongji::transport::identity::Role;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

#[test]
fn places_are_listed_with_what_is_open() {
    shared(async |cluster| {
        let caller = cluster.caller("node:13");
        let mut request = ListRegionsRequest { page_size: 1000, ..Default::default() };
        let all = caller.ask_hub(request.clone()).await.expect("a list");
        assert_eq!(all.next_page_token, "");
        assert!(all.regions.len() > 330, "the whole country");
        request.open_only = true;
        let open = caller.ask_hub(request.clone()).await.expect("a list");
        assert!(open.regions.len() < all.regions.len() && open.regions.iter().all(|it| it.wallet_open));
        let paged = ListRegionsRequest { page_size: 7, province_code: "13".to_owned(), ..Default::default() };
        let first = caller.ask_hub(paged.clone()).await.expect("a list");
        let second = ListRegionsRequest { page_token: first.next_page_token.clone(), ..paged };
        let second = caller.ask_hub(second).await.expect("a list");
        let codes: Vec<&str> =
            first.regions.iter().chain(&second.regions).map(|it| it.region_code.as_str()).collect();
        let of_13: Vec<&str> =
            all.regions.iter().map(|it| it.region_code.as_str()).filter(|it| it.starts_with("13")).collect();
        assert_eq!(codes, of_13);
    });
}

#[test]
fn a_place_is_found_by_its_own_or_a_county_s_code() {
    shared(async |cluster| {
        let caller = cluster.app();
        let get = async |code: &str| caller.ask_hub(GetRegionRequest { region_code: code.to_owned() }).await;
        let region = get("510104").await.expect("found").region.expect("a region");
        assert_eq!((region.region_code.as_str(), region.province_code.as_str()), ("510100", "51"));
        assert!(region.wallet_open && !region.open_periods.is_empty());
        let closed = get("441500").await.expect("found").region.expect("a region");
        assert!(!closed.wallet_open);
        // 石河子 lies in 新疆 and belongs to 兵团.
        let region = get("659001").await.expect("found").region.expect("a region");
        assert_eq!(region.province_code, "66");
        refused(get("990100").await, Code::NotFound, "REGION_NOT_FOUND");
        malformed(get("").await, "region_code", "FIELD_REQUIRED");
        malformed(get("x").await, "region_code", "REGION_MALFORMED");
    });
}

#[test]
fn health_can_be_watched_without_a_certificate() {
    shared(async |cluster| {
        let nobody = cluster.site().nobody();
        for server in [Role::Hub, Role::Node(HEBEI)] {
            let mut client = HealthClient::new(nobody.channel(&server));
            let mut watch = client.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
            let first = watch.message().await.expect("a state").expect("a state");
            assert_eq!(first.status(), ServingStatus::Serving);
        }
    });
}

macro_rules! services_by_reflection {
    ($api:ident, $channel:expr) => {{
        use tonic_reflection::pb::$api::ServerReflectionRequest;
        use tonic_reflection::pb::$api::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$api::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$api::server_reflection_response::MessageResponse;
        let ask = |message_request| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        };
        let questions = vec![
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol("google.rpc.ErrorInfo".to_owned())),
        ];
        let mut client = ServerReflectionClient::new($channel);
        let questions = Request::new(tokio_stream::iter(questions));
        let mut answers = client.server_reflection_info(questions).await?.into_inner();
        let list = answers.message().await?.and_then(|it| it.message_response);
        let Some(MessageResponse::ListServicesResponse(list)) = list else { panic!("{list:?}") };
        let file = answers.message().await?.and_then(|it| it.message_response);
        assert!(
            matches!(file, Some(MessageResponse::FileDescriptorResponse(_))),
            "the error details can be resolved"
        );
        Ok(list.service.into_iter().map(|service| service.name).collect())
    }};
}

async fn by_v1(caller: &Caller, server: &Role) -> Result<Vec<String>, tonic::Status> {
    services_by_reflection!(v1, caller.channel(server))
}

async fn by_v1alpha(caller: &Caller, server: &Role) -> Result<Vec<String>, tonic::Status> {
    services_by_reflection!(v1alpha, caller.channel(server))
}

#[test]
fn servers_describe_themselves_in_both_versions_of_reflection() {
    shared(async |cluster| {
        let app = cluster.app();
        for (server, service) in [
            (Role::Hub, "gongji.hub.v1.TransferService"),
            (Role::Node(SICHUAN), "gongji.node.v1.WalletService"),
        ] {
            for services in [by_v1(&app, &server).await, by_v1alpha(&app, &server).await] {
                let services = services.expect("a list");
                assert!(services.iter().any(|it| it == service), "{services:?}");
                assert!(services.iter().any(|it| it == "grpc.health.v1.Health"), "{services:?}");
            }
        }
        let nobody = cluster.site().nobody();
        refused(by_v1(&nobody, &Role::Hub).await, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
        refused(by_v1alpha(&nobody, &Role::Hub).await, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
    });
}

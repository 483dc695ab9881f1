//! RegionService: which places have opened their wallet.

use super::Shared;
use crate::domain::reason::Reason;
use crate::domain::value::{Day, RegionCode};
use crate::proto::hub::region_service_server::RegionService;
use crate::proto::hub::{GetRegionRequest, GetRegionResponse, ListRegionsRequest, ListRegionsResponse};
use crate::server::common::Answer;
use crate::wire::page::{number_token, page_size, read_number_token};
use crate::wire::reader::{Path, Violations};
use crate::wire::region::region_to_proto;
use crate::wire::status::Problem;
use std::sync::Arc;
use tonic::{Request, Response};

/// RegionService, over what the server shares.
pub(super) struct Regions(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl RegionService for Regions {
    async fn list_regions(&self, request: Request<ListRegionsRequest>) -> Answer<ListRegionsResponse> {
        let shared = &self.0;
        let request = request.get_ref();
        let limit = page_size(request.page_size)?;
        let mut found = Violations::default();
        let province =
            shared.reading().province(&Path::Root.field("province_code"), &request.province_code, &mut found);
        let province = found.finish(Some(province))?;
        let scope = format!("regions {province:?} {}", request.open_only).into_bytes();
        let after = read_number_token("page_token", &scope, &request.page_token)?.unwrap_or(0);
        let today = Day::of(shared.clock.now().civil);
        let mut matching = shared
            .places
            .areas()
            .filter(|area| u64::from(area.code.number()) > after)
            .filter(|area| province.is_none_or(|province| area.province == province))
            .filter(|area| !request.open_only || area.is_open(today));
        let page: Vec<_> = matching.by_ref().take(limit).collect();
        let next_page_token = match (matching.next(), page.last()) {
            (Some(_), Some(last)) => number_token(&scope, u64::from(last.code.number())),
            (Some(_), None) | (None, _) => String::new(),
        };
        let regions = page.into_iter().map(|area| region_to_proto(&shared.places, area, today)).collect();
        Ok(Response::new(ListRegionsResponse {
            regions,
            next_page_token,
            region_table_version: shared.places_version.clone(),
        }))
    }

    async fn get_region(&self, request: Request<GetRegionRequest>) -> Answer<GetRegionResponse> {
        let shared = &self.0;
        let text = &request.get_ref().region_code;
        if text.is_empty() {
            return Err(Problem::field("region_code", Reason::FieldRequired).into());
        }
        let code =
            RegionCode::parse(text).ok_or_else(|| Problem::field("region_code", Reason::RegionMalformed))?;
        let area = shared.places.locate(code).ok_or_else(|| Problem::new(Reason::RegionNotFound))?;
        let region = region_to_proto(&shared.places, area, Day::of(shared.clock.now().civil));
        Ok(Response::new(GetRegionResponse { region: Some(region) }))
    }
}

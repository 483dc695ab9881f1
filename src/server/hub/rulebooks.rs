//! RulebookService: the texts by which transfers were judged.

use super::Shared;
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, hex};
use crate::proto::hub::rulebook_service_server::RulebookService;
use crate::proto::hub::{GetRulebookRequest, GetRulebookResponse, Rulebook, RulebookFile};
use crate::server::common::Answer;
use crate::wire::status::Problem;
use std::sync::Arc;
use tonic::{Request, Response};

/// RulebookService, over what the server shares.
pub(super) struct Rulebooks(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl RulebookService for Rulebooks {
    async fn get_rulebook(&self, request: Request<GetRulebookRequest>) -> Answer<GetRulebookResponse> {
        let asked = &request.get_ref().rulebook_hash;
        let reason = if asked.is_empty() { Reason::FieldRequired } else { Reason::HashMalformed };
        let hash = Digest::parse(asked).ok_or_else(|| Problem::field("rulebook_hash", reason))?;
        let rules = Arc::clone(&self.0.rulebook);
        let texts = tokio::task::spawn_blocking(move || rules.texts(&hash)).await;
        let layers = match texts {
            Ok(Ok(layers)) => layers.ok_or_else(|| Problem::new(Reason::RulebookNotFound))?,
            Ok(Err(error)) => {
                tracing::error!(%error, "a kept rulebook cannot be given out");
                return Err(Problem::new(Reason::Internal).into());
            }
            Err(_) => return Err(Problem::new(Reason::Internal).into()),
        };
        let file = |it: &crate::domain::rules::rulebook::RuleLayer| RulebookFile {
            name: it.name.to_string(),
            text: it.text.to_string(),
        };
        let files = layers.iter().map(file).collect();
        let rulebook = Rulebook { rulebook_hash: hex(&hash.0), files };
        Ok(Response::new(GetRulebookResponse { rulebook: Some(rulebook) }))
    }
}

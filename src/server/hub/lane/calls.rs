//! The calls of a lane: legs to be prepared and decisions, up to a thousand together. What comes back is told to the
//! engine item by item; what does not come back is told, too.

use super::super::link::Prepared;
use super::halves::Halves;
use super::{Finished, ITEMS_MAX, Lane};
use crate::domain::hub::{HubMachine, Input};
use crate::domain::protocol::{Ask, Decision, Leg, LegId};
use crate::domain::value::{ProvinceCode, TransferId};
use crate::engine::Handle;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;
use tonic::Code;

/// Prepares on their way. Those that are not answered have failed, however their call ends: a lane that loses its node
/// drops the calls that are still under way.
struct Unanswered {
    province: ProvinceCode,
    engine: Handle<HubMachine>,
    legs: Vec<LegId>,
}

impl Unanswered {
    fn answered(&mut self, legs: &[Leg]) {
        let legs: BTreeSet<LegId> = legs.iter().map(|leg| leg.reference.id).collect();
        self.legs.retain(|leg| !legs.contains(leg));
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let transfer_ids: Vec<TransferId> = self.legs.drain(..).map(|leg| leg.transfer_id).collect();
        if !transfer_ids.is_empty() {
            self.engine.tell(Input::PrepareFailed { province: self.province, transfer_ids });
        }
    }
}

impl Lane {
    /// Legs that are asked for by their id go in calls of their own: a node of before acceptance cannot read them, and
    /// must not refuse the others with them.
    pub(super) fn prepare_call(&mut self) -> impl Future<Output = Finished> + use<> {
        let is_first = |(leg, _): &(Box<Leg>, Instant)| matches!(leg.ask, Ask::ByPerson { .. });
        let first = self.prepares.front().is_some_and(is_first);
        let count = self.prepares.iter().take(ITEMS_MAX).take_while(|it| is_first(it) == first).count();
        let waited = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let legs: Vec<Leg> =
            self.prepares.drain(..count).map(|(leg, since)| leg.waited(waited(since))).collect();
        let (province, link, engine) = (self.province, self.link.clone(), self.engine.clone());
        let names = legs.iter().map(|leg| leg.reference.id).collect();
        let mut unanswered = Unanswered { province, engine: engine.clone(), legs: names };
        async move {
            let (mut parts, mut unreadable) = (Halves::of(legs.len()), None);
            while let Some(part) = parts.next() {
                let asked = &legs[part.clone()];
                match link.prepare(asked.to_vec()).await {
                    Ok(Prepared { votes, refusals }) => {
                        unanswered.answered(asked);
                        if let Some((node, votes)) = votes {
                            engine.tell(Input::Votes { province, node, votes });
                        }
                        if !refusals.is_empty() {
                            engine.tell(Input::NoVote { province, refusals });
                        }
                    }
                    // A node that cannot read a call is there all the same, and can read the rest of it.
                    Err(error) if error.code() == Code::InvalidArgument => {
                        if let Some(leg) = parts.refused(part).and_then(|lost| legs.get(lost.start)) {
                            unreadable = Some((error, leg.reference.id.transfer_id));
                        }
                    }
                    Err(error) => return Finished::failed(true, error),
                }
            }
            Finished::with(true, unreadable)
        }
    }

    pub(super) fn decide_call(&mut self) -> impl Future<Output = Finished> + use<> {
        let count = self.decisions.len().min(ITEMS_MAX);
        let decisions: Vec<Decision> = self.decisions.drain(..count).collect();
        if self.decisions.is_empty() {
            self.decide_by = None;
        }
        let (province, link, engine) = (self.province, self.link.clone(), self.engine.clone());
        async move {
            let (mut parts, mut unreadable) = (Halves::of(decisions.len()), None);
            // Without an answer they wait again; of a lane that is lost, all do.
            let failed = |part: Range<usize>| {
                let legs = decisions[part].iter().map(Decision::leg).collect();
                engine.tell(Input::DecideFailed { province, legs });
            };
            while let Some(part) = parts.next() {
                let said = &decisions[part.clone()];
                match link.decide(said).await {
                    Ok((node, acks)) => {
                        let told = said.iter().map(|it| (it.transfer_id, it.side)).collect();
                        engine.tell(Input::Acks { province, node, told, acks });
                    }
                    Err(error) if error.code() == Code::InvalidArgument => {
                        if let Some(lost) = parts.refused(part) {
                            unreadable = Some((error, decisions[lost.start].transfer_id));
                            failed(lost);
                        }
                    }
                    Err(error) => {
                        parts.rest(part).for_each(failed);
                        return Finished::failed(false, error);
                    }
                }
            }
            Finished::with(false, unreadable)
        }
    }
}

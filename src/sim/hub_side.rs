//! What surrounds the hub's machine in place of its server: lanes, probes, and the answers to callers.

use super::network::{Event, Letter, Message, Said};
use super::world::{Pending, World};
use crate::domain::hub::tables::Key;
use crate::domain::hub::{Answer, Effect, Input};
use crate::domain::machine::{IncidentRow, Output, TableRow, Ticket};
use crate::domain::protocol::{Decision, HubReply, HubRequest, Leg, LegId, NodeReply, NodeRequest, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, Side, TransferId};
use crate::testkit::{self, Asker, Call, HUB, reply_of_hub};
use std::collections::BTreeMap;

/// How long a decision's call may take, and how long a probe's.
const DECIDE_WITHIN: u64 = 3_000;
const PROBE_WITHIN: u64 = 1_000;
/// How often a quiet link is looked at.
const PROBE_EVERY: u64 = 2_000;

/// Whether a refusal says that what was asked is not known yet.
fn may_pass(reason: Reason) -> bool {
    matches!(reason, Reason::Recovering | Reason::ProvinceLeftOut | Reason::ClockNotBelieved)
}

impl World {
    /// The hub takes what waits.
    pub(super) fn run_hub(&mut self) {
        let outputs = match self.cluster.hub.run_at(self.at) {
            Ok(outputs) => outputs,
            Err(error) => return self.failed(HUB, &error),
        };
        let mut prepares: BTreeMap<ProvinceCode, Vec<Leg>> = BTreeMap::new();
        let mut decisions: BTreeMap<ProvinceCode, Vec<Decision>> = BTreeMap::new();
        for output in outputs {
            match output {
                Output::Effect(Effect::Prepare(province, leg)) => {
                    prepares.entry(province).or_default().push(*leg);
                }
                Output::Effect(Effect::Decide(province, decision)) => {
                    decisions.entry(province).or_default().push(decision);
                }
                // What is sent here is sent at once.
                Output::Effect(Effect::Flush(_)) => {}
                Output::Effect(Effect::AcceptClock) => self.cluster.hub.accept_clock(self.at),
                Output::Effect(Effect::ReadBack(province, page)) => {
                    let page = self.break_page(self.cluster.read_back(province, page));
                    self.cluster.hub.inbox.push(page);
                    self.soon(HUB);
                }
                Output::Effect(Effect::News) => self.tell_notices(),
                Output::Effect(Effect::NoticeRefused(number)) => {
                    self.log(format_args!("hub takes no notice {number}"));
                    self.report.count("notice refused");
                }
                Output::Effect(Effect::AskWhatWasLost(province, above)) => {
                    let pending = Pending::WhatWasLost(province);
                    self.ask_node(province, NodeRequest::WhatWasLost(above), pending, DECIDE_WITHIN);
                }
                Output::Effect(Effect::Recovered(incarnation)) => {
                    self.cluster.hub.incarnation = incarnation;
                    self.hub_restored = false;
                    self.log(format_args!("hub has recovered as {incarnation}"));
                    self.report.count("hub recovered");
                }
                // A hub that had to decide while it recovered says so; that is no contradiction.
                Output::Effect(Effect::Alarm(transfer_id, _)) if self.decided_at_recovery(transfer_id) => {
                    self.report.count("decided at recovery");
                }
                Output::Effect(Effect::Alarm(..)) if self.is_aftermath() => {}
                Output::Effect(Effect::Alarm(transfer_id, side)) => self.alarm(HUB, transfer_id, side),
                Output::Answer(ticket, answer) => {
                    if let Some(caller) = self.cluster.hub.callers.remove(&ticket) {
                        self.hub_answers(caller, answer);
                    }
                }
            }
        }
        for (province, legs) in prepares {
            self.prepare(province, legs);
        }
        for (province, decisions) in decisions {
            self.tell(province, decisions);
        }
        if let Some(at) = self.cluster.hub.next_wake(self.at) {
            self.cluster.network.at(at, Event::Wake(HUB, self.cluster.hub.life));
        }
    }

    fn prepare(&mut self, province: ProvinceCode, legs: Vec<Leg>) {
        let ids: Vec<TransferId> = legs.iter().map(|it| it.reference.id.transfer_id).collect();
        if !self.up.contains(&province) {
            self.cluster.hub.inbox.push(Input::PrepareFailed { province, transfer_ids: ids });
            return self.soon(HUB);
        }
        let within = legs.iter().map(|it| it.time_left_ms).max().unwrap_or(0) + 200;
        self.log(format_args!("hub asks {province} to prepare {}", legs.len()));
        self.ask_node(province, NodeRequest::Prepare(legs), Pending::Prepare(province, ids), within);
    }

    fn ask_node(&mut self, province: ProvinceCode, request: NodeRequest, pending: Pending, within: u64) {
        let message = Message::Peer(self.cluster.hub.mark(), testkit::Message::ToNode(request));
        self.call(HUB, province, message, pending, within);
    }

    fn tell(&mut self, province: ProvinceCode, decisions: Vec<Decision>) {
        // While the province is dark they stay in the outbox.
        if self.up.contains(&province) {
            self.log(format_args!("hub tells {province} {} decisions", decisions.len()));
            let pending = Pending::Decide(province, World::legs_of(&decisions));
            self.ask_node(province, NodeRequest::Decide(decisions), pending, DECIDE_WITHIN);
        }
    }

    /// Tells each province that is there what has happened in clearing.
    fn tell_notices(&mut self) {
        for province in self.up.clone() {
            self.tell_notices_to(province);
        }
    }

    fn tell_notices_to(&mut self, province: ProvinceCode) {
        let notices = self.cluster.notices(province);
        if !notices.is_empty() {
            self.log(format_args!("hub tells {province} {} notices", notices.len()));
            self.ask_node(province, NodeRequest::Notices(notices), Pending::Notices(province), DECIDE_WITHIN);
        }
    }

    /// Looks whether a province is there.
    pub(super) fn probe(&mut self, province: ProvinceCode) {
        self.ask_node(province, NodeRequest::Probe, Pending::Probe(province), PROBE_WITHIN);
    }

    /// A call had no answer in time.
    pub(super) fn unanswered(&mut self, pending: Pending) {
        self.log(format_args!("no answer: {pending:?}"));
        match pending {
            Pending::Prepare(province, transfer_ids) => {
                self.cluster.hub.inbox.push(Input::PrepareFailed { province, transfer_ids });
                self.set_unreachable(province);
            }
            // A call that is late says nothing of the province; one whose connection broke does.
            Pending::Decide(province, told) if self.at.is_multiple_of(2) => {
                let legs = told.into_iter().map(|(transfer_id, side)| LegId { transfer_id, side }).collect();
                self.cluster.hub.inbox.push(Input::DecideFailed { province, legs });
                self.soon(HUB);
            }
            Pending::Decide(province, _) | Pending::Probe(province) => self.set_unreachable(province),
            // The node's next announcement has it asked again.
            Pending::WhatWasLost(_) => {}
            // The next look whether it is there tells it again.
            Pending::Notices(_) => {}
            Pending::Announce(province) => {
                let after = self.chance.between(100, 1_000);
                self.announce_after(province, after);
            }
            Pending::Resolve(province, questions) => self.not_resolved(province, questions),
        }
    }

    fn set_unreachable(&mut self, province: ProvinceCode) {
        if self.up.remove(&province) {
            self.log(format_args!("hub loses {province}"));
        }
        self.cluster.hub.inbox.push(Input::Link { province, up: false });
        self.soon(HUB);
        let after = self.chance.between(100, 1_000);
        self.probe_after(province, after);
    }

    /// The hub will look whether a province is there, unless it will sooner.
    fn probe_after(&mut self, province: ProvinceCode, after: u64) {
        let (life, at) = (self.cluster.hub.life, self.at + after);
        let sooner = |next: &(u64, u64)| next.0 == life && next.1 <= at;
        if !self.probing.get(&province).is_some_and(sooner) {
            self.probing.insert(province, (life, at));
            self.cluster.network.at(at, Event::Probe(province, life));
        }
    }

    /// The time has come, if no sooner one was chosen meanwhile.
    pub(super) fn probe_now(&mut self, province: ProvinceCode, life: u64) {
        if self.probing.get(&province).is_some_and(|next| next.0 == life && next.1 <= self.at) {
            self.probing.remove(&province);
            self.probe(province);
        }
    }

    /// An answer came to a call of the hub's.
    pub(super) fn hub_hears(&mut self, pending: Pending, node: PeerMark, reply: NodeReply) {
        let (province, told) = match &pending {
            Pending::Probe(province) if reply == NodeReply::Alive(true) => {
                let province = *province;
                self.up.insert(province);
                self.cluster.hub.inbox.push(Input::Link { province, up: true });
                self.probe_after(province, PROBE_EVERY);
                self.tell_notices_to(province);
                return self.soon(HUB);
            }
            Pending::Decide(province, told) => (*province, told.clone()),
            Pending::Prepare(province, _) | Pending::WhatWasLost(province) | Pending::Notices(province) => {
                (*province, Vec::new())
            }
            Pending::Probe(_) | Pending::Announce(_) | Pending::Resolve(..) => {
                return self.unanswered(pending);
            }
        };
        if !self.cluster.hub_hears((province, node), reply, told) {
            return self.unanswered(pending);
        }
        self.soon(HUB);
    }

    /// A node's call reaches the hub.
    pub(super) fn hub_is_asked(
        &mut self,
        (province, node): (ProvinceCode, PeerMark),
        call: Call,
        request: HubRequest,
    ) {
        if matches!(request, HubRequest::Announce(_)) && self.is_fenced(province, &node) {
            return self.reply_to_node(province, call, HubReply::Refused(Reason::SenderRefused));
        }
        self.cluster.hub_is_asked((province, node), call, request);
        self.soon(HUB);
    }

    /// A client's call reaches the hub.
    pub(super) fn hub_is_asked_by_client(&mut self, call: Call, message: Message) {
        let caller = self.cluster.hub.caller(Asker::Client(usize::try_from(call).unwrap_or(0)));
        let input = match message {
            Message::Create(mut request) => {
                self.seal_parties(&mut request);
                Input::Create { ticket: Ticket::new(caller), request }
            }
            Message::Accept(request) => Input::Accept { ticket: Ticket::new(caller), request },
            Message::Compensate(request) => Input::Compensate { ticket: Ticket::new(caller), request },
            _ => return,
        };
        self.cluster.hub.inbox.push(input);
        self.soon(HUB);
    }

    fn reply_to_node(&mut self, to: ProvinceCode, call: Call, reply: HubReply) {
        let message = Message::Peer(self.cluster.hub.mark(), testkit::Message::FromHub(reply));
        self.send(Letter { from: HUB, to, call, message });
    }

    fn decided_at_recovery(&self, transfer_id: TransferId) -> bool {
        let reasons = [Reason::DecidedAtRecovery, Reason::LeftOutUndecided, Reason::LeftOutUnconfirmed];
        let row = self.cluster.hub.disk.row(&Key::Incident(transfer_id, Side::Payer));
        row.as_ref().and_then(IncidentRow::of).is_some_and(|it| reasons.contains(&it.refusal.reason))
    }

    fn hub_answers(&mut self, caller: Asker, answer: Answer) {
        match (caller, answer) {
            (Asker::Client(number), Answer::Transfer(row)) => {
                if let Some(refusal) = &row.refusal {
                    self.report.mark(format!("client: aborted × {}", refusal.reason.code()));
                    self.must_be_found(refusal.reason);
                }
                let (life, by_old) = (self.cluster.hub.life, self.stale.hub_is_old());
                self.answer_client(number, Message::Stands(Said { state: row.state, life, by_old }));
            }
            (Asker::Client(number), Answer::Compensation(_)) => {
                self.answer_client(number, Message::Noted);
            }
            // Not known yet: ask again.
            (Asker::Client(_), Answer::Refused(refusal)) if may_pass(refusal.reason) => {}
            (Asker::Client(number), Answer::Refused(refusal)) => {
                self.answer_client(number, Message::NotTaken(refusal.reason));
            }
            (Asker::Peer(to, call), answer) => {
                if let Some(reply) = reply_of_hub(answer) {
                    self.reply_to_node(to, call, reply);
                }
            }
            (Asker::Client(_), _) => {}
        }
    }
}

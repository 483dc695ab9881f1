//! Random worlds: messages are lost, doubled, late and out of order; hub and nodes die and come back with nothing but
//! what was journaled; time jumps. Then everything heals, and both sides must agree, whatever happened.

use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::audit::invariant::violations;
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{self, Effect as HubEffect};
use crate::domain::machine::record::{Record, replay};
use crate::domain::machine::step::{Output, Ticket};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{AccountRow, LegRow, WalletRow};
use crate::domain::node::{self, Effect as NodeEffect, WalletChange};
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::leg::{Leg, LegState};
use crate::domain::protocol::message::{Ack, Decision, Question, Ruling, Vote};
use crate::domain::protocol::transfer::{Outcome, TransferState};
use crate::domain::toy::{
    HubOutput, NodeOutput, PAYEE, PAYER, Toy, compensate, create, id, id_hash, member, proposal,
};
use crate::domain::value::calendar::{Mono, next_six};
use crate::domain::value::id::Digest;
use crate::domain::value::kinship::Kinship;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::WalletState;
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

mod audit_tests;

/// A message on its way, with its sender's mark as it was when it was sent.
#[derive(Clone, Debug)]
enum Message {
    Prepare(ProvinceCode, PeerMark, Box<Leg>),
    Votes(ProvinceCode, PeerMark, Vec<Vote>),
    Decide(ProvinceCode, PeerMark, Decision),
    Acks(ProvinceCode, PeerMark, Vec<Ack>),
    Ask(ProvinceCode, PeerMark, Vec<Question>),
    Rulings(ProvinceCode, PeerMark, Vec<Ruling>),
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Create(u8),
    Say(u8, bool),
    Deliver(u8),
    Double(u8),
    Lose(u8),
    Pass(u16),
    Six,
    RestartHub,
    RestartNode(bool),
    Link(bool),
    Wallet(u8),
    Propose(u8, u8),
    Approve(u8),
    Withdraw(u8),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1u8..12).prop_map(Action::Create),
        2 => (1u8..12, any::<bool>()).prop_map(|(number, takes)| Action::Say(number, takes)),
        20 => any::<u8>().prop_map(Action::Deliver),
        3 => any::<u8>().prop_map(Action::Double),
        3 => any::<u8>().prop_map(Action::Lose),
        2 => (1u16..9_000).prop_map(Action::Pass),
        1 => Just(Action::Six),
        1 => Just(Action::RestartHub),
        1 => any::<bool>().prop_map(Action::RestartNode),
        2 => any::<bool>().prop_map(Action::Link),
        2 => any::<u8>().prop_map(Action::Wallet),
        2 => (40u8..46, 1u8..12).prop_map(|(number, original)| Action::Propose(number, original)),
        2 => (40u8..46).prop_map(Action::Approve),
        1 => (40u8..46).prop_map(Action::Withdraw),
    ]
}

struct World {
    toy: Toy,
    network: Vec<Message>,
    starts: u8,
    told: BTreeMap<u8, TransferState>,
    tombstone: BTreeSet<(ProvinceCode, node::Key)>,
}

impl World {
    fn new(acceptance: bool) -> World {
        World {
            toy: Toy::with_rules(|values| values.acceptance = Some(acceptance)),
            network: Vec::new(),
            starts: 100,
            told: BTreeMap::new(),
            tombstone: BTreeSet::new(),
        }
    }

    fn hub_says(&mut self, outputs: Vec<HubOutput>) {
        let mark = self.toy.hub.mark;
        for output in outputs {
            match output {
                Output::Effect(HubEffect::Prepare(to, leg)) => {
                    self.network.push(Message::Prepare(to, mark, leg));
                }
                Output::Effect(HubEffect::Decide(to, it)) => self.network.push(Message::Decide(to, mark, it)),
                Output::Effect(
                    HubEffect::ReadBack(..) | HubEffect::AskWhatWasLost(..) | HubEffect::Recovered(_),
                ) => panic!("nobody was restored"),
                Output::Effect(HubEffect::Alarm(id, side)) => panic!("alarm at the hub: {id} {side:?}"),
                Output::Answer(_, hub::Answer::Transfer(row)) => self.remember(&row),
                Output::Effect(HubEffect::Flush(_)) | Output::Answer(..) => {}
            }
        }
    }

    /// What a caller was told of a decided transfer must stay true.
    fn remember(&mut self, row: &TransferRow) {
        if row.state.is_decided() {
            let first = *self.told.entry(row.transfer_id.0[0]).or_insert(row.state);
            assert_eq!(first, row.state, "a terminal answer changed");
        }
    }

    fn node_says(&mut self, from: ProvinceCode, outputs: Vec<NodeOutput>) {
        let mark = self.toy.node(from).mark;
        for output in outputs {
            match output {
                Output::Answer(_, node::Answer::Votes(votes)) => {
                    self.network.push(Message::Votes(from, mark, votes));
                }
                Output::Answer(_, node::Answer::Acks(acks)) => {
                    self.network.push(Message::Acks(from, mark, acks));
                }
                Output::Effect(NodeEffect::Ask(asked)) => self.network.push(Message::Ask(from, mark, asked)),
                Output::Effect(NodeEffect::Post(_)) => panic!("nothing is posted here"),
                Output::Effect(NodeEffect::Announce) => {
                    let outputs = self.toy.join(from);
                    self.hub_says(outputs);
                }
                Output::Effect(NodeEffect::HubRefused) => panic!("{from} refuses the hub"),
                Output::Effect(NodeEffect::Alarm(id, side)) => panic!("alarm at {from}: {id} {side:?}"),
                Output::Answer(..) => {}
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        let now = self.toy.now;
        match message {
            Message::Prepare(province, hub, leg) => {
                let legs = vec![Ok(leg.with_id_hash(|_| id_hash(province)))];
                let outputs = self
                    .toy
                    .node(province)
                    .run(now, node::Input::Prepare { ticket: Ticket::new(0), hub, legs });
                self.node_says(province, outputs);
            }
            Message::Decide(province, hub, decision) => {
                let aborted = decision.outcome == Outcome::Abort;
                let leg = (province, node::Key::Leg(decision.transfer_id, decision.side));
                let input = node::Input::Decide { ticket: Ticket::new(0), hub, decisions: vec![decision] };
                let outputs = self.toy.node(province).run(now, input);
                // An order of an earlier life of the hub is refused, and told again by its present life.
                let taken = |it: &NodeOutput| matches!(it, Output::Answer(_, node::Answer::Acks(_)));
                if aborted && outputs.iter().any(taken) {
                    self.tombstone.insert(leg);
                }
                self.node_says(province, outputs);
            }
            Message::Rulings(province, hub, rulings) => {
                let outputs = self.toy.node(province).run(now, node::Input::Rulings { hub, rulings });
                self.node_says(province, outputs);
            }
            Message::Votes(province, node, votes) => {
                let outputs = self.toy.hub.run(now, hub::Input::Votes { province, node, votes });
                self.hub_says(outputs);
            }
            Message::Acks(province, node, acks) => {
                let outputs = self.toy.hub.run(now, hub::Input::Acks { province, node, told: vec![], acks });
                self.hub_says(outputs);
            }
            Message::Ask(province, node, questions) => self.resolve(province, node, questions),
        }
    }

    fn resolve(&mut self, province: ProvinceCode, node: PeerMark, questions: Vec<Question>) {
        let input = hub::Input::Resolve { ticket: Ticket::new(0), province, node, questions };
        for output in self.toy.hub.run(self.toy.now, input) {
            match output {
                Output::Answer(_, hub::Answer::Rulings(rulings)) => {
                    self.network.push(Message::Rulings(province, self.toy.hub.mark, rulings));
                }
                // A question of an earlier life of the node is refused; its present life asks again.
                Output::Answer(_, hub::Answer::Refused(_)) => {}
                other => panic!("no answer to a question: {other:?}"),
            }
        }
    }

    /// An id whose abort has reached a node is never held there again, however late its prepare comes.
    fn no_hold_after_abort(&mut self) {
        for (province, key) in self.tombstone.clone() {
            let leg: Option<LegRow> = self.toy.node(province).get(&key);
            assert!(
                leg.as_ref().is_none_or(|leg| leg.state != LegState::Prepared),
                "held after its abort: {leg:?}"
            );
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.toy.now;
        let pick = |network: &[Message], number: u8| usize::from(number) % network.len().max(1);
        match action {
            Action::Create(number) => {
                let input = create(u64::from(number), number, 10_000 * i64::from(number));
                let outputs = self.toy.hub.run(now, input);
                self.hub_says(outputs);
            }
            Action::Say(number, takes) => {
                let outputs = self.toy.say(100, number, takes);
                self.hub_says(outputs);
            }
            Action::Deliver(number) if !self.network.is_empty() => {
                let message = self.network.remove(pick(&self.network, number));
                self.deliver(message);
            }
            Action::Double(number) if !self.network.is_empty() => {
                let message = self.network[pick(&self.network, number)].clone();
                self.deliver(message);
            }
            Action::Lose(number) if !self.network.is_empty() => {
                self.network.remove(pick(&self.network, number));
            }
            Action::Deliver(_) | Action::Double(_) | Action::Lose(_) => {}
            Action::Pass(ms) => self.pass(u64::from(ms)),
            Action::Six => {
                self.toy.now.civil = next_six(self.toy.now.civil);
                self.pass(1);
            }
            Action::RestartHub => {
                self.starts += 1;
                let outputs = self.toy.start_hub(self.starts);
                self.hub_says(outputs);
            }
            Action::RestartNode(payer) => {
                self.starts += 1;
                self.toy.restart_node(if payer { PAYER } else { PAYEE }, self.starts);
            }
            Action::Link(payer) => self.relink(if payer { PAYER } else { PAYEE }),
            Action::Wallet(number) => self.change_wallet(number),
            // Half of it goes back at a time.
            Action::Propose(number, original) => {
                let word = proposal(number, original, 5_000 * i64::from(original));
                let outputs = self.toy.hub.run(now, compensate(90, number, "a", word));
                self.hub_says(outputs);
            }
            Action::Approve(number) => {
                let outputs = self.toy.approve(number);
                self.hub_says(outputs);
            }
            Action::Withdraw(number) => {
                let word = hub::CompensationWord::Withdraw;
                let outputs = self.toy.hub.run(now, compensate(92, number, "b", word));
                self.hub_says(outputs);
            }
        }
    }

    /// The relative's wallet is frozen, unfrozen, closed, opened anew, under ids that come again.
    fn change_wallet(&mut self, number: u8) {
        let (member_ref, code) = (member(PAYEE), "MISUSE".to_owned());
        let request = RequestMark { request_id: format!("wallet {number}"), digest: Digest([number; 32]) };
        let change = match number % 4 {
            0 => WalletChange::Freeze(code),
            1 => WalletChange::Unfreeze(code),
            2 => WalletChange::Close,
            _ => {
                let use_region = RegionCode::new(510_100).expect("a code");
                let (opened_by, holder) = (Some(Kinship::Child), None);
                let input = node::Input::OpenWallet {
                    ticket: Ticket::new(0),
                    request,
                    member_ref,
                    use_region,
                    opened_by,
                    holder,
                };
                return drop(self.toy.payee.run(self.toy.now, input));
            }
        };
        let input = node::Input::ChangeWallet { ticket: Ticket::new(0), request, member_ref, change };
        self.toy.payee.run(self.toy.now, input);
    }

    /// A closed wallet has nothing in it, and nothing is on its way to it.
    fn closed_is_empty(&self) {
        let wallet: Option<WalletRow> = self.toy.payee.get(&node::Key::Wallet(member(PAYEE)));
        if wallet.is_some_and(|wallet| wallet.state == WalletState::Closed) {
            let key = node::Key::Account(member(PAYEE), AccountKind::Wallet);
            let account: Option<AccountRow> = self.toy.payee.get(&key);
            let is_empty = |row: &AccountRow| {
                row.posted == Money::ZERO && row.pending == Money::ZERO && row.held == Money::ZERO
            };
            assert!(account.as_ref().is_none_or(is_empty), "closed with money: {account:?}");
        }
    }

    fn pass(&mut self, ms: u64) {
        self.toy.now.mono = Mono(self.toy.now.mono.0 + ms);
        let now = self.toy.now;
        let outputs = self.toy.hub.run(now, hub::Input::Tick);
        self.hub_says(outputs);
        for province in [PAYER, PAYEE] {
            let outputs = self.toy.node(province).run(now, node::Input::Tick);
            self.node_says(province, outputs);
        }
    }

    /// The link breaks and comes back: what was on its way to the node is told again.
    fn relink(&mut self, province: ProvinceCode) {
        for up in [false, true] {
            let outputs = self.toy.hub.run(self.toy.now, hub::Input::Link { province, up });
            self.hub_says(outputs);
        }
    }

    /// Nothing is lost any more; everything must end.
    fn heal(&mut self) {
        for round in 0..6 {
            // What nobody has taken goes back in the end.
            if round == 2 {
                self.act(Action::Six);
            }
            self.relink(PAYER);
            self.relink(PAYEE);
            while let Some(message) = self.network.pop() {
                self.deliver(message);
            }
            self.pass(9_000);
        }
    }
}

/// Every invariant, at this moment or at rest.
fn check(world: &World, at_rest: bool) {
    let (hub, payer, payee) = (&world.toy.hub, &world.toy.payer, &world.toy.payee);
    let books = Books {
        hub: HubBooks::of(hub.rows.rows().cloned()),
        nodes: vec![
            NodeBooks::of(PAYER, payer.rows.rows().cloned()),
            NodeBooks::of(PAYEE, payee.rows.rows().cloned()),
        ],
        told: world.told.iter().map(|(number, state)| (id(*number), *state)).collect(),
        restored: BTreeMap::new(),
        hub_lost: false,
        at_rest,
    };
    assert_eq!(violations(&books), vec![]);
}

fn same_after_replay<R: Record>(journal: &[R], rows: &WorkingSet<R::Row>) {
    let replayed: Vec<R::Row> = replay(journal).rows().cloned().collect();
    assert_eq!(replayed, rows.rows().cloned().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_or_neither_whatever_happens(
        actions in proptest::collection::vec(action(), 1..160),
        acceptance in any::<bool>(),
    ) {
        let mut world = World::new(acceptance);
        for action in actions {
            world.act(action);
            world.no_hold_after_abort();
            world.closed_is_empty();
            check(&world, false);
        }
        world.heal();
        check(&world, true);
        same_after_replay(&world.toy.hub.journal, &world.toy.hub.rows);
        same_after_replay(&world.toy.payer.journal, &world.toy.payer.rows);
        same_after_replay(&world.toy.payee.journal, &world.toy.payee.rows);
    }
}

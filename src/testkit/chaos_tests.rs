//! Random worlds of a pair: letters are lost, doubled, late and out of order; servers die; a wallet is frozen, closed and
//! opened again; operators propose, approve and withdraw; loans are repaid by the payee's node alone; time jumps. Every
//! invariant holds at every moment, an audit that reads the servers at different ones finds nothing, and in the end both
//! sides agree.

use super::made_up_tests::{loan, repayment};
use super::*;
use crate::domain::audit::Audit;
use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::audit::invariant::violations;
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{self, CompensationWord};
use crate::domain::machine::step::{Caller, Ticket};
use crate::domain::node::tables::{AccountRow, WalletRow};
use crate::domain::node::{self, WalletChange};
use crate::domain::protocol::transfer::TransferState;
use crate::domain::value::calendar::next_six;
use crate::domain::value::id::TransferId;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::WalletState;
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens: an action's name, and numbers that say to whom.
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
    RestartNode(ProvinceCode),
    Relink(ProvinceCode),
    Wallet(u8),
    Operator(u8, u8, u8),
    Lend(u8),
    Repay(u8, u8),
}

fn action() -> impl Strategy<Value = Action> {
    let province = || prop_oneof![Just(PAYER), Just(PAYEE)];
    prop_oneof![
        4 => (1u8..12).prop_map(Action::Create),
        2 => (1u8..12, any::<bool>()).prop_map(|(number, takes)| Action::Say(number, takes)),
        20 => any::<u8>().prop_map(Action::Deliver),
        3 => any::<u8>().prop_map(Action::Double),
        3 => any::<u8>().prop_map(Action::Lose),
        2 => (1u16..9_000).prop_map(Action::Pass),
        1 => Just(Action::Six),
        1 => Just(Action::RestartHub),
        1 => province().prop_map(Action::RestartNode),
        2 => province().prop_map(Action::Relink),
        2 => any::<u8>().prop_map(Action::Wallet),
        5 => (40u8..46, 1u8..12, 0u8..5).prop_map(|(number, of, word)| Action::Operator(number, of, word)),
        2 => (60u8..63).prop_map(Action::Lend),
        4 => (70u8..85, 60u8..63).prop_map(|(number, of)| Action::Repay(number, of)),
    ]
}

struct World {
    pair: Pair,
    starts: u8,
    /// What callers were told of decided transfers.
    told: BTreeMap<TransferId, TransferState>,
}

impl World {
    fn new(acceptance: bool) -> World {
        let pair = Pair::with_rules(|values| values.acceptance = Some(acceptance));
        World { pair, starts: 100, told: BTreeMap::new() }
    }

    fn hear(&mut self, answers: Vec<(Caller, hub::Answer)>) {
        for (_, answer) in answers {
            if let hub::Answer::Transfer(row) = answer
                && row.state.is_decided()
            {
                let first = *self.told.entry(row.transfer_id).or_insert(row.state);
                assert_eq!(first, row.state, "a terminal answer changed");
            }
        }
    }

    fn act(&mut self, action: Action) {
        let letters = self.pair.network.post.len();
        let pick = |number: u8| usize::from(number) % letters.max(1);
        let outputs = match action {
            Action::Create(number) => self.pair.create(number.into(), number, 10_000 * i64::from(number)),
            Action::Lend(number) => self.pair.run_hub(loan(number, 1_000 * i64::from(number))),
            // The payee's node decides it, and tells the hub as time passes.
            Action::Repay(number, of) => {
                let request = repayment(number, of, 5_000);
                drop(self.pair.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(0), request }));
                return self.pass(1);
            }
            Action::Say(number, takes) => self.pair.say(100, number, takes),
            Action::Deliver(number) | Action::Lose(number) => {
                let letter = self.pair.network.post.remove(pick(number));
                let arrives = letter.filter(|_| matches!(action, Action::Deliver(_)));
                let answers = arrives.map(|letter| self.pair.arrive(letter));
                return self.hear(answers.unwrap_or_default());
            }
            Action::Double(number) => {
                let letter = self.pair.network.post.get(pick(number)).cloned();
                let answers = letter.map(|letter| self.pair.arrive(letter));
                return self.hear(answers.unwrap_or_default());
            }
            Action::Pass(ms) => return self.pass(ms.into()),
            Action::Six => {
                self.pair.network.now.civil = next_six(self.pair.network.now.civil);
                return self.pass(1);
            }
            Action::RestartHub => {
                self.starts += 1;
                self.pair.start_hub_as(self.starts, false)
            }
            Action::RestartNode(province) => {
                self.starts += 1;
                return self.pair.restart_node(province, self.starts);
            }
            // What was on its way to the node is told again.
            Action::Relink(province) => {
                let mut outputs = self.pair.link(province, false);
                outputs.extend(self.pair.link(province, true));
                outputs
            }
            Action::Wallet(number) => return self.change_wallet(number),
            // Half of it goes back at a time.
            Action::Operator(number, of, word) => {
                let (name, word) = match word {
                    0 | 1 => ("a", proposal(number, of, 5_000 * i64::from(of))),
                    2 | 3 => ("b", CompensationWord::Approve { deadline_ms: 10_000 }),
                    _ => ("b", CompensationWord::Withdraw),
                };
                self.pair.run_hub(compensate(90, number, name, word))
            }
        };
        let answers = self.pair.hub_says(outputs);
        self.hear(answers);
    }

    fn pass(&mut self, ms: u64) {
        let now = &mut self.pair.network.now.mono;
        *now = now.after(ms);
        let answers = self.pair.tick();
        self.hear(answers);
    }

    /// The relative's wallet is frozen, unfrozen, closed, opened anew, under ids that come again.
    fn change_wallet(&mut self, number: u8) {
        let (ticket, request) = (Ticket::new(0), request(&format!("wallet {number}")));
        let (member_ref, code) = (member(PAYEE), "MISUSE".to_owned());
        let change =
            |change| node::Input::ChangeWallet { ticket, request: request.clone(), member_ref, change };
        let input = match number % 4 {
            0 => change(WalletChange::Freeze(code)),
            1 => change(WalletChange::Unfreeze(code)),
            2 => change(WalletChange::Close),
            _ => {
                let use_region = RegionCode::new(510_100).expect("a code");
                let request = request.clone();
                node::Input::OpenWallet {
                    ticket,
                    request,
                    member_ref,
                    use_region,
                    opened_by: None,
                    holder: None,
                }
            }
        };
        drop(self.pair.run_node(PAYEE, input));
    }

    /// Every invariant holds, nobody is called, and a closed wallet has nothing in it, and nothing on its way to it.
    fn check(&self, at_rest: bool) {
        let told = self.told.iter().map(|(id, state)| (*id, *state)).collect();
        assert_eq!(violations(&Books { told, at_rest, ..self.pair.books() }), []);
        assert_eq!(self.pair.network.alarms, []);
        let node = self.pair.node(PAYEE);
        let wallet: Option<WalletRow> = node.get(&node::Key::Wallet(member(PAYEE)));
        if wallet.is_some_and(|wallet| wallet.state == WalletState::Closed) {
            let account: Option<AccountRow> =
                node.get(&node::Key::Account(member(PAYEE), AccountKind::Wallet));
            let money = account.map(|row| [row.posted, row.pending, row.held]);
            assert!(money.is_none_or(|it| it == [Money::ZERO; 3]), "closed with money: {money:?}");
        }
    }

    /// Nothing is lost any more; everything must end. What nobody has taken goes back.
    fn heal(&mut self) {
        for round in 0..6 {
            if round == 2 {
                self.act(Action::Six);
            }
            self.act(Action::Relink(PAYER));
            self.act(Action::Relink(PAYEE));
            let answers = self.pair.settle(Vec::new());
            self.hear(answers);
            self.pass(9_000);
        }
    }

    fn read(&self, audit: &mut Audit, province: ProvinceCode) {
        audit.add_node(NodeBooks::of(province, self.pair.node(province).rows()), true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_or_neither_whatever_happens(
        actions in prop::collection::vec(action(), 1..160),
        acceptance in any::<bool>(),
        moments in [any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()],
    ) {
        let mut moments = moments.map(|at| at.index(actions.len()));
        moments.sort_unstable();
        let (mut world, mut audit) = (World::new(acceptance), None);
        for (at, action) in actions.into_iter().enumerate() {
            world.act(action);
            world.check(false);
            if at == moments[0] {
                let books = HubBooks::of(world.pair.hub.rows()).with_journal(&world.pair.hub.journal());
                let mut begun = Audit::new(books);
                begun.add_told(world.told.iter().map(|(id, state)| (*id, *state)));
                audit = Some(begun);
            }
            if at == moments[1] {
                world.read(audit.as_mut().expect("begun"), PAYER);
            }
            if at == moments[2] {
                let mut audit = audit.take().expect("begun");
                world.read(&mut audit, PAYEE);
                for id in audit.missing() {
                    let row: Option<TransferRow> = world.pair.hub.get(&hub::Key::Transfer(id));
                    row.into_iter().for_each(|row| audit.add_late(row));
                }
                let found: Vec<_> = audit.conclude().into_iter().flat_map(|it| it.violations).collect();
                prop_assert_eq!(found, vec![]);
            }
        }
        world.heal();
        world.check(true);
        assert!(world.pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    }
}

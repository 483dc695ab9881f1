//! Random worlds of a pair: letters are lost, doubled, late and out of order; servers die; a wallet is frozen, closed
//! and opened again; operators propose, approve and withdraw; loans are repaid by the payee's node alone; time jumps.
//! Every invariant holds at every moment, an audit that reads the servers at different ones finds nothing, and in the
//! end both sides agree.

use super::made_up_tests::{loan, repayment};
use super::*;
use crate::domain::audit::Audit;
use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::audit::invariant::violations;
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{self, CompensationWord};
use crate::domain::machine::{Caller, Ticket};
use crate::domain::node::tables::{AccountRow, WalletRow};
use crate::domain::node::{self, WalletChange};
use crate::domain::protocol::TransferState;
use crate::domain::value::calendar::next_six;
use crate::domain::value::{AccountKind, Money, ProvinceCode, RegionCode, TransferId, WalletState};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens, by its weight, and two numbers that say to whom.
type Action = (u8, u8, u8);

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

    fn act(&mut self, (kind, first, second): Action) {
        let post = &mut self.pair.network.post;
        let letter = usize::from(first) % post.len().max(1);
        let (number, province) = (1 + first % 11, if first % 2 == 0 { PAYER } else { PAYEE });
        let answers = match kind {
            0..4 => self.take(|pair| pair.create(number.into(), number, 10_000 * i64::from(number))),
            4..6 => self.take(|pair| pair.say(100, number, second % 2 == 0)),
            6..26 => post.remove(letter).map_or(Vec::new(), |letter| self.pair.arrive(letter)),
            // Doubled, and lost.
            26..29 => post.get(letter).cloned().map_or(Vec::new(), |letter| self.pair.arrive(letter)),
            29..32 => post.remove(letter).map_or(Vec::new(), |_| Vec::new()),
            32..34 => self.pass(35 * u64::from(first)),
            34 => {
                self.pair.network.now.civil = next_six(self.pair.network.now.civil);
                self.pass(1)
            }
            35 => {
                self.starts += 1;
                let start = self.starts;
                self.take(|pair| pair.start_hub_as(start, false))
            }
            36 => {
                self.starts += 1;
                self.pair.restart_node(province, self.starts);
                Vec::new()
            }
            // What was on its way to the node is told again.
            37..39 => self.take(|pair| [pair.link(province, false), pair.link(province, true)].concat()),
            39..41 => self.change_wallet(first),
            41..43 => self.take(|pair| pair.run_hub(loan(60 + first % 3, 60_000))),
            // The payee's node decides it, and tells the hub as time passes.
            43..47 => {
                let request = repayment(70 + first % 15, 60 + second % 3, 5_000);
                self.pair.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(0), request });
                self.pass(1)
            }
            // Half of it goes back at a time.
            _ => {
                let (name, word) = match second % 5 {
                    0 | 1 => ("a", proposal(40 + first % 6, number, 5_000 * i64::from(number))),
                    2 | 3 => ("b", CompensationWord::Approve { deadline_ms: 10_000 }),
                    _ => ("b", CompensationWord::Withdraw),
                };
                self.take(|pair| pair.run_hub(compensate(90, 40 + first % 6, name, word)))
            }
        };
        self.hear(answers);
    }

    /// What the hub does is on its way.
    fn take(&mut self, does: impl FnOnce(&mut Pair) -> Vec<HubOutput>) -> Vec<(Caller, hub::Answer)> {
        let outputs = does(&mut self.pair);
        self.pair.hub_says(outputs)
    }

    fn pass(&mut self, ms: u64) -> Vec<(Caller, hub::Answer)> {
        let now = &mut self.pair.network.now.mono;
        *now = now.after(ms);
        self.pair.tick()
    }

    /// The relative's wallet is frozen, unfrozen, closed, opened anew, under ids that come again.
    fn change_wallet(&mut self, number: u8) -> Vec<(Caller, hub::Answer)> {
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
        self.pair.run_node(PAYEE, input);
        Vec::new()
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
                self.act((34, 0, 0));
            }
            self.act((37, 0, 0));
            self.act((37, 1, 0));
            let answers = self.pair.finish(Vec::new());
            self.hear(answers);
            let answers = self.pass(9_000);
            self.hear(answers);
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
        actions in prop::collection::vec((0u8..52, any::<u8>(), any::<u8>()), 1..160),
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

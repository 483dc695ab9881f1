//! An audit of a world that goes on: its readings are of different moments, and it finds nothing.

use super::{World, action};
use crate::domain::audit::Audit;
use crate::domain::audit::books::{HubBooks, NodeBooks};
use crate::domain::audit::invariant::Violation;
use crate::domain::hub;
use crate::domain::hub::tables::TransferRow;
use crate::domain::toy::{PAYEE, PAYER, id};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Hub, nodes and hub again are read at different moments of a world that goes on.
    #[test]
    fn an_audit_of_servers_that_work_finds_nothing(
        actions in proptest::collection::vec(action(), 1..160),
        between in [any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()],
    ) {
        let mut moments = between.map(|at| at.index(actions.len()));
        moments.sort_unstable();
        let [first, second, third] = moments;
        let mut world = World::new(true);
        let mut audit = None;
        for (at, action) in actions.into_iter().enumerate() {
            world.act(action);
            if at == first {
                audit = Some(begin_audit(&world));
            }
            if at == second {
                let audit = audit.as_mut().expect("begun");
                audit.add_node(NodeBooks::of(PAYER, world.toy.payer.rows.rows().cloned()), true);
            }
            if at == third {
                let mut audit = audit.take().expect("begun");
                audit.add_node(NodeBooks::of(PAYEE, world.toy.payee.rows.rows().cloned()), true);
                prop_assert_eq!(end_audit(&world, audit), vec![]);
            }
        }
    }
}

fn begin_audit(world: &World) -> Audit {
    let hub = HubBooks::of(world.toy.hub.rows.rows().cloned()).with_journal(&world.toy.hub.journal);
    let mut audit = Audit::new(hub);
    audit.add_told(world.told.iter().map(|(number, state)| (id(*number), *state)));
    audit
}

fn end_audit(world: &World, mut audit: Audit) -> Vec<Violation> {
    for id in audit.missing() {
        let row: Option<TransferRow> = world.toy.hub.get(&hub::Key::Transfer(id));
        row.into_iter().for_each(|row| audit.add_late(row));
    }
    audit.conclude().into_iter().flat_map(|checked| checked.violations).collect()
}

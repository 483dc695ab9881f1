//! The one thing that all of this is for.

use super::kit::cluster::shared;
use super::kit::people::{Funds, province_of};
use super::kit::verdict::recorded;
use gongji::proto::hub::{TransferState, WaitMode};
use gongji::proto::node::{Entry, EntryAccount, EntryDirection, EntryKind, ListEntriesRequest};
use gongji::proto::types::Party;

use gongji::devkit::client::Caller;

async fn entries(caller: &Caller, party: &Party, account: EntryAccount) -> Vec<Entry> {
    let request = ListEntriesRequest {
        party: Some(party.clone()),
        account: account.into(),
        page_size: 0,
        page_token: String::new(),
    };
    let answer = caller.ask_node(province_of(party), request).await;
    answer.expect("a statement").entries
}

#[test]
fn money_leaves_one_province_and_arrives_in_the_other() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let (app, request) = (cluster.app(), family.transfer("400.5"));
        let transfer = app.create(request.clone()).await.expect("an answer");
        recorded(&transfer);
        assert_eq!(transfer.transfer_id, request.transfer_id);
        assert_eq!(transfer.amount, "400.50");
        assert_eq!(transfer.rulebook_hashes.len(), 2);
        assert_eq!(family.funds().await, Funds::settled("9599.50", "400.50"));

        let out = entries(&app, &family.payer, EntryAccount::Personal).await;
        let [out, allotment] = &out[..] else { panic!("two lines: {out:?}") };
        assert_eq!((out.kind(), out.direction()), (EntryKind::TransferOut, EntryDirection::Debit));
        assert_eq!((out.amount.as_str(), out.balance_after.as_str()), ("400.50", "9599.50"));
        assert_eq!((&out.transfer_id, out.counter_region_code.as_str()), (&request.transfer_id, "510100"));
        assert_eq!((allotment.kind(), allotment.period.as_str()), (EntryKind::Allotment, "202611"));

        let into = entries(&app, &family.payee, EntryAccount::Wallet).await;
        let [into] = &into[..] else { panic!("one line: {into:?}") };
        assert_eq!((into.kind(), into.direction()), (EntryKind::TransferIn, EntryDirection::Credit));
        assert_eq!((into.amount.as_str(), into.balance_after.as_str()), ("400.50", "400.50"));
        assert_eq!((&into.transfer_id, into.counter_region_code.as_str()), (&request.transfer_id, "130100"));
    });
}

#[test]
fn persons_are_shown_masked() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let transfer = cluster.app().create(family.transfer("1.00")).await.expect("an answer");
        for (shown, party) in [(transfer.payer, &family.payer), (transfer.payee, &family.payee)] {
            let (shown, person) = (shown.expect("shown"), party.person.as_ref().expect("a person"));
            let number = &person.id_number;
            assert_eq!(shown.id_number, format!("{}********{}", &number[..4], &number[14..]));
            let letters: Vec<char> = person.name.chars().collect();
            assert_eq!((letters.len(), shown.name), (3, format!("{}*{}", letters[0], letters[2])));
            assert_eq!(shown.region_code, party.region_code);
        }
    });
}

#[test]
fn a_decision_may_be_enough_for_the_caller() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let mut request = family.transfer("1.00");
        request.wait = WaitMode::Decided.into();
        let app = cluster.app();
        let transfer = app.create(request.clone()).await.expect("an answer");
        assert_eq!(transfer.state(), TransferState::Committed);
        // The same id again, waiting for more, joins it and gets the same transfer.
        request.wait = WaitMode::Recorded.into();
        let again = app.create(request).await.expect("an answer");
        recorded(&again);
        assert_eq!((again.hub_seq, again.decide_time), (transfer.hub_seq, transfer.decide_time));
        assert_eq!(family.funds().await, Funds::settled("9999.00", "1.00"));
    });
}

#[test]
fn a_platform_may_pay_for_its_own_members_and_a_county_stands_for_its_pooling_area() {
    shared(async |cluster| {
        let family = cluster.family("14", "51").await;
        let mut request = family.transfer("1.00");
        request.payer.as_mut().expect("a payer").region_code = "140105".to_owned();
        let transfer = cluster.caller("platform:14").create(request).await.expect("an answer");
        recorded(&transfer);
        assert_eq!(transfer.payer.expect("shown").region_code, "140100");
        assert_eq!(family.funds().await, Funds::settled("9999.00", "1.00"));
    });
}

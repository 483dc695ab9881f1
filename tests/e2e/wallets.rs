//! The life of a wallet over the wire: who may do what to it, what repeats and refusals look like, its statement.

use super::kit::cluster::shared;
use super::kit::people::{enrol, fresh_id, opening, resident, somebody};
use super::kit::site::SICHUAN;
use super::kit::verdict::{malformed, refused};
use gongji::proto::hub::TransferState;
use gongji::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, EntryAccount, FreezeWalletRequest, GetStatementRequest,
    UnfreezeWalletRequest, Wallet, WalletRelative, WalletState,
};
use gongji::proto::types::{Kinship, Party};
use tonic::Code;

fn freeze(party: &Party, code: &str) -> FreezeWalletRequest {
    FreezeWalletRequest { request_id: fresh_id(), party: Some(party.clone()), reason_code: code.to_owned() }
}

fn unfreeze(party: &Party) -> UnfreezeWalletRequest {
    let reason_code = "CLEARED".to_owned();
    UnfreezeWalletRequest { request_id: fresh_id(), party: Some(party.clone()), reason_code }
}

fn close(party: &Party) -> CloseWalletRequest {
    CloseWalletRequest { request_id: fresh_id(), party: Some(party.clone()) }
}

fn place(party: &Party, code: &str) -> ChangePlaceRequest {
    let use_region_code = code.to_owned();
    ChangePlaceRequest { request_id: fresh_id(), party: Some(party.clone()), use_region_code }
}

fn seen(wallet: Option<Wallet>) -> (WalletState, String, String) {
    let wallet = wallet.expect("a wallet");
    (wallet.state(), wallet.use_region_code, wallet.state_code)
}

#[test]
fn a_frozen_wallet_takes_nothing_new_and_a_full_one_is_not_closed() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let payee = &family.payee;
        let (app, platform) = (cluster.app(), cluster.caller("platform:51"));
        let first = app.create(family.transfer("150.00")).await.expect("an answer");
        assert_eq!(first.state(), TransferState::Committed, "{first:?}");
        let request = freeze(payee, "SUSPECTED_MISUSE");
        let frozen = platform.ask_node(SICHUAN, request.clone()).await.expect("frozen");
        let again = platform.ask_node(SICHUAN, request.clone()).await.expect("the same");
        assert_eq!(frozen, again);
        let expected = (WalletState::Frozen, "510100".to_owned(), "SUSPECTED_MISUSE".to_owned());
        assert_eq!(seen(frozen.wallet), expected);
        let other = FreezeWalletRequest { reason_code: "COURT_ORDER".to_owned(), ..request };
        let said = refused(platform.ask_node(SICHUAN, other).await, Code::AlreadyExists, "CONTENT_DIFFERS");
        assert_eq!(said.fact("field"), Some("request_id"));
        let second = app.create(family.transfer("1.00")).await.expect("an answer");
        assert_eq!(second.refusal.expect("a refusal").reason, "PAYEE_WALLET_FROZEN");
        refused(platform.ask_node(SICHUAN, close(payee)).await, Code::FailedPrecondition, "WALLET_FROZEN");
        platform.ask_node(SICHUAN, unfreeze(payee)).await.expect("in use again");
        refused(platform.ask_node(SICHUAN, close(payee)).await, Code::FailedPrecondition, "WALLET_NOT_EMPTY");
        let third = app.create(family.transfer("1.00")).await.expect("an answer");
        assert_eq!(third.state(), TransferState::Committed, "{third:?}");
    });
}

#[test]
fn a_relative_opens_it_and_only_the_province_moves_and_closes_it() {
    shared(async |cluster| {
        let (platform, app) = (cluster.caller("platform:51"), cluster.app());
        let (member, relative) = (somebody("510100"), somebody("130100"));
        enrol(&platform, resident(&member)).await;
        let mut request = opening(&member);
        request.opened_by = Some(WalletRelative {
            person: relative.person.clone(),
            kinship: Kinship::Child.into(),
            statement: "已核验双方身份证影像".to_owned(),
        });
        let opened = app.ask_node(SICHUAN, request.clone()).await.expect("opened");
        let wallet = opened.wallet.clone().expect("a wallet");
        assert_eq!((wallet.opened_by(), wallet.state_time), (Kinship::Child, wallet.open_time));
        assert_eq!(app.ask_node(SICHUAN, request.clone()).await.expect("the same"), opened);
        request.opened_by = None;
        refused(app.ask_node(SICHUAN, request).await, Code::AlreadyExists, "CONTENT_DIFFERS");
        let moved = platform.ask_node(SICHUAN, place(&member, "510300")).await.expect("moved");
        assert_eq!(seen(moved.wallet).1, "510300");
        let elsewhere = platform.ask_node(SICHUAN, place(&member, "130100")).await;
        let said = refused(elsewhere, Code::FailedPrecondition, "WALLET_MOVE_ACROSS_PROVINCES");
        assert_eq!(said.fact("region"), Some("130100"));
        // Moving, freezing and closing are the province's own; an app and another province may not.
        for answer in [
            app.ask_node(SICHUAN, place(&member, "510100")).await.err(),
            app.ask_node(SICHUAN, freeze(&member, "MISUSE")).await.err(),
            app.ask_node(SICHUAN, unfreeze(&member)).await.err(),
            app.ask_node(SICHUAN, close(&member)).await.err(),
        ] {
            refused::<()>(Err(answer.expect("refused")), Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        }
        let other = cluster.caller("platform:13");
        let answer = other.ask_node(SICHUAN, close(&member)).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        let closed = platform.ask_node(SICHUAN, close(&member)).await.expect("closed");
        assert_eq!(seen(closed.wallet).0, WalletState::Closed);
        let answer = platform.ask_node(SICHUAN, freeze(&member, "MISUSE")).await;
        refused(answer, Code::FailedPrecondition, "WALLET_CLOSED");
        let anew = app.ask_node(SICHUAN, opening(&member)).await.expect("open anew");
        assert_eq!(seen(anew.wallet), (WalletState::Open, "510100".to_owned(), String::new()));
    });
}

#[test]
fn a_statement_has_the_balances_around_its_period() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        for amount in ["100.00", "20.00", "3.00"] {
            let transfer = app.create(family.transfer(amount)).await.expect("an answer");
            assert_eq!(transfer.state(), TransferState::Committed, "{transfer:?}");
        }
        let period = |from: &str, to: &str| GetStatementRequest {
            party: Some(family.payee.clone()),
            account: EntryAccount::Wallet.into(),
            from_date: from.to_owned(),
            to_date: to.to_owned(),
            page_size: 2,
            page_token: String::new(),
        };
        // The servers' clocks begin on 2026-11-21.
        let mut request = period("2026-11-01", "2026-11-30");
        let page = app.ask_node(SICHUAN, request.clone()).await.expect("a page");
        let sums = |it: &gongji::proto::node::GetStatementResponse| {
            [&it.opening_balance, &it.credit_sum, &it.debit_sum, &it.closing_balance].map(Clone::clone)
        };
        assert_eq!(sums(&page), ["0.00", "123.00", "0.00", "123.00"]);
        assert_eq!((page.entry_count, page.entries.len(), page.entries[0].entry_no), (3, 2, 3));
        request.page_token = page.next_page_token.clone();
        let last = app.ask_node(SICHUAN, request.clone()).await.expect("a page");
        assert_eq!((sums(&last), last.entries.len(), last.next_page_token.as_str()), (sums(&page), 1, ""));
        request.to_date = "2026-12-31".to_owned();
        malformed(app.ask_node(SICHUAN, request).await, "page_token", "PAGE_TOKEN_INVALID");
        let before = app.ask_node(SICHUAN, period("2026-01-01", "2026-10-31")).await;
        let before = before.expect("a page");
        assert_eq!((sums(&before)[3].as_str(), before.entry_count), ("0.00", 0));
        let after = app.ask_node(SICHUAN, period("2027-01-01", "2027-12-31")).await;
        assert_eq!(sums(&after.expect("a page")), ["123.00", "0.00", "0.00", "123.00"]);
        let reversed = app.ask_node(SICHUAN, period("2026-12-01", "2026-11-30")).await;
        malformed(reversed, "to_date", "DATES_REVERSED");
    });
}

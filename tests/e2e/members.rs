//! What a province's own system feeds: each request is done once, bad rows are named and good ones kept.

use super::kit::cluster::{own, shared};
use super::kit::people::{
    SPECIMENS, credit, employee, enrol, fresh_id, opening, party, report, resident, somebody,
};
use super::kit::site::{HEBEI, Options, SICHUAN};
use super::kit::verdict::{item_refused, malformed, refused};
use gongji::domain::value::ProvinceCode;
use gongji::proto::node::{
    CreditAccountRequest, EntryAccount, GetMemberRequest, GetWalletRequest, ListEntriesRequest,
    UpdateInsuranceRequest, UpsertMembersRequest,
};
use gongji::proto::types::{InsuranceStatus, InsuranceType};
use tonic::Code;

#[test]
fn a_stream_keeps_good_rows_names_bad_ones_and_may_be_sent_again() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let row = |member| UpsertMembersRequest {
            request_id: fresh_id(),
            member: Some(member),
            phone: String::new(),
        };
        let mut rows = vec![
            row(employee(&party(SPECIMENS[0], "张小三", "130100"))),
            row(employee(&party("110105194912310021", "李四", "130100"))),
            row(employee(&somebody("510100"))),
            row(resident(&somebody("130600"))),
            UpsertMembersRequest::default(),
        ];
        let send = async |rows: Vec<_>| platform.upsert(HEBEI, rows).await.expect("an answer");
        let answer = send(rows.clone()).await;
        assert_eq!(answer.rejected_count, 3);
        let bad = |at: usize, reason| {
            let row = &answer.rejected[at];
            item_refused(row.error.as_ref().expect("an error"), Code::InvalidArgument, reason);
            row.index
        };
        assert_eq!(
            [bad(0, "ID_NUMBER_CHECK_DIGIT"), bad(1, "REGION_ELSEWHERE"), bad(2, "FIELD_REQUIRED")],
            [1, 2, 4]
        );
        let again = send(rows.clone()).await;
        assert_eq!((again.accepted_count, again.unchanged_count, again.rejected_count), (0, 2, 3));
        // The same request id for something else is refused.
        rows.truncate(1);
        rows[0].member.as_mut().expect("a member").in_arrears = true;
        let changed = send(rows).await;
        assert_eq!(changed.rejected_count, 1);
        let error = changed.rejected[0].error.as_ref().expect("an error");
        item_refused(error, Code::AlreadyExists, "CONTENT_DIFFERS");
    });
}

#[test]
fn an_allotment_is_credited_once() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let member = somebody("130100");
        enrol(&platform, employee(&member)).await;
        let request = CreditAccountRequest {
            request_id: fresh_id(),
            party: Some(member.clone()),
            amount: "120.50".to_owned(),
            period: "202611".to_owned(),
            remark: String::new(),
        };
        let first = platform.ask_node(HEBEI, request.clone()).await.expect("credited");
        assert_eq!(first.balance, "120.50");
        let again = platform.ask_node(HEBEI, request.clone()).await.expect("the same");
        assert_eq!(again, first);
        let more = CreditAccountRequest { amount: "120.51".to_owned(), ..request.clone() };
        refused(platform.ask_node(HEBEI, more).await, Code::AlreadyExists, "CONTENT_DIFFERS");
        for (period, reason) in
            [("", "FIELD_REQUIRED"), ("202613", "PERIOD_MALFORMED"), ("2026-1", "PERIOD_MALFORMED")]
        {
            let bad =
                CreditAccountRequest { period: period.to_owned(), request_id: fresh_id(), ..request.clone() };
            malformed(platform.ask_node(HEBEI, bad).await, "period", reason);
        }
        let stranger =
            CreditAccountRequest { party: Some(somebody("130100")), request_id: fresh_id(), ..request };
        refused(platform.ask_node(HEBEI, stranger).await, Code::NotFound, "MEMBER_NOT_FOUND");
        let asked = GetMemberRequest { party: Some(member) };
        let member = platform.ask_node(HEBEI, asked).await.expect("there").member.expect("there");
        assert_eq!((member.balance.as_str(), member.held.as_str()), ("120.50", "0.00"));
    });
}

#[test]
fn insurance_is_updated_and_a_resident_has_no_account() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let member = somebody("130100");
        enrol(&platform, employee(&member)).await;
        let update = UpdateInsuranceRequest {
            request_id: fresh_id(),
            party: Some(member.clone()),
            insurance_type: InsuranceType::Resident.into(),
            insurance_status: InsuranceStatus::Suspended.into(),
            ..UpdateInsuranceRequest::default()
        };
        let answer = platform.ask_node(HEBEI, update.clone()).await.expect("updated");
        assert_eq!(answer.member.expect("shown").insurance_status(), InsuranceStatus::Suspended);
        let bad = UpdateInsuranceRequest { insurance_status: 0, request_id: fresh_id(), ..update };
        malformed(platform.ask_node(HEBEI, bad).await, "insurance_status", "FIELD_REQUIRED");
        let request = CreditAccountRequest {
            request_id: fresh_id(),
            party: Some(member),
            amount: "1.00".to_owned(),
            period: "202611".to_owned(),
            remark: String::new(),
        };
        refused(platform.ask_node(HEBEI, request).await, Code::FailedPrecondition, "ACCOUNT_ABSENT");
    });
}

#[test]
fn a_wallet_is_opened_once_and_by_confirmation() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:51");
        let member = somebody("510100");
        enrol(&platform, resident(&member)).await;
        let app = cluster.app();
        let wallet = GetWalletRequest { party: Some(member.clone()) };
        refused(app.ask_node(SICHUAN, wallet.clone()).await, Code::NotFound, "WALLET_NOT_FOUND");
        let request = opening(&member);
        let mut bad = request.clone();
        bad.confirmed = false;
        malformed(app.ask_node(SICHUAN, bad).await, "confirmed", "NOT_CONFIRMED");
        let mut bad = request.clone();
        bad.phone = "12x45".to_owned();
        malformed(app.ask_node(SICHUAN, bad).await, "phone", "PHONE_MALFORMED");
        let opened = app.ask_node(SICHUAN, request.clone()).await.expect("opened");
        let again = app.ask_node(SICHUAN, request).await.expect("the same");
        let anew = app.ask_node(SICHUAN, opening(&member)).await.expect("the same");
        assert_eq!((&opened, &opened), (&again, &anew));
        let seen = app.ask_node(SICHUAN, wallet).await.expect("there");
        assert_eq!(seen.wallet, opened.wallet);
        let ended = somebody("510100");
        let mut member = resident(&ended);
        member.insurance_status = InsuranceStatus::Ended.into();
        enrol(&platform, member).await;
        refused(app.ask_node(SICHUAN, opening(&ended)).await, Code::FailedPrecondition, "NOT_INSURED");
    });
}

#[test]
fn a_wallet_is_not_opened_where_the_place_has_not() {
    let options = Options { provinces: vec!["44"], ..Options::default() };
    own(&options, async |cluster| {
        let platform = cluster.caller("platform:44");
        let member = somebody("440100");
        enrol(&platform, resident(&member)).await;
        let (app, guangdong) = (cluster.app(), ProvinceCode::new(44));
        let answer = app.ask_node(guangdong, opening(&member)).await;
        let said = refused(answer, Code::FailedPrecondition, "PLACE_NOT_OPEN");
        assert_eq!(said.fact("region"), Some("440100"));
        let wallet = GetWalletRequest { party: Some(member) };
        refused(app.ask_node(guangdong, wallet).await, Code::NotFound, "WALLET_NOT_FOUND");
    });
}

#[test]
fn statements_are_paged_newest_first() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let member = somebody("130100");
        let answer = report(&platform, vec![employee(&member)]).await;
        assert_eq!(answer.accepted_count, 1);
        for amount in ["1.00", "2.00", "3.00"] {
            credit(&platform, &member, amount).await;
        }
        let mut request = ListEntriesRequest {
            party: Some(member),
            account: EntryAccount::Personal.into(),
            page_size: 2,
            page_token: String::new(),
        };
        let page = platform.ask_node(HEBEI, request.clone()).await.expect("a page");
        let lines: Vec<_> = page.entries.iter().map(|it| (it.entry_no, it.balance_after.as_str())).collect();
        assert_eq!(lines, [(3, "6.00"), (2, "3.00")]);
        request.page_token = page.next_page_token;
        let page = platform.ask_node(HEBEI, request.clone()).await.expect("a page");
        assert_eq!((page.entries.len(), page.entries[0].entry_no, page.next_page_token.as_str()), (1, 1, ""));
        // A token of one account is none of another's.
        request.account = EntryAccount::Wallet.into();
        malformed(platform.ask_node(HEBEI, request.clone()).await, "page_token", "PAGE_TOKEN_INVALID");
        request.account = 0;
        malformed(platform.ask_node(HEBEI, request).await, "account", "FIELD_REQUIRED");
    });
}

//! What a province's own system feeds: each request is done once, bad rows are named and good ones kept.

use super::kit::cluster::{own, shared};
use super::kit::people::{
    SPECIMENS, credit, employee, enrol, fresh_id, opening, party, report, resident, somebody,
};
use super::kit::site::{HEBEI, Options, SICHUAN};
use super::kit::verdict::{item_refused, malformed, refused};
use gongji::devkit::cast;
use gongji::devkit::client::Caller;
use gongji::domain::value::ProvinceCode;
use gongji::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, CreditAccountRequest, EntryAccount, FreezeWalletRequest,
    GetMemberRequest, GetStatementRequest, GetWalletRequest, ListEntriesRequest, MemberChange,
    OpenWalletRequest, SuspendSettlementRequest, UnfreezeWalletRequest, UpdateInsuranceRequest,
    UpsertMembersRequest, UpsertMembersResponse,
};
use gongji::proto::types::{InsuranceStatus, InsuranceType, Party};
use tonic::{Code, Status};

#[test]
fn a_stream_keeps_good_rows_names_bad_ones_and_may_be_sent_again() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let row = |member| UpsertMembersRequest {
            request_id: fresh_id(),
            member: Some(member),
            phone: String::new(),
            ..Default::default()
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

/// Every method names a member by number, name and pooling area; UpsertMembers alone moves him.
#[test]
fn another_area_finds_nobody_and_only_a_report_moves() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let here = somebody("130100");
        enrol(&platform, employee(&here)).await;
        credit(&platform, &here, "1.00").await;
        platform.open_wallet(opening(&here)).await.expect("opened");
        let there = Party { region_code: "130600".to_owned(), ..here.clone() };
        members_find_nobody(&platform, &there).await;
        wallets_find_nobody(&platform, &there).await;
        assert_eq!(platform.member(&here).await.expect("there").insurance_status(), InsuranceStatus::Active);
        let answer = report(&platform, vec![employee(&there)]).await;
        assert_eq!((answer.accepted_count, told(&answer)), (1, vec![(0, vec![MemberChange::Moved])]));
        assert_eq!(platform.member(&there).await.expect("moved").balance, "1.00");
        nobody(platform.member(&here).await);
    });
}

fn nobody<T: std::fmt::Debug>(answer: Result<T, Status>) {
    refused(answer, Code::NotFound, "MEMBER_NOT_FOUND");
}

macro_rules! finds_nobody {
    ($platform:ident: $($request:expr),+ $(,)?) => {
        $(nobody($platform.ask_node(HEBEI, $request).await);)+
    };
}

async fn members_find_nobody(platform: &Caller, party: &Party) {
    let (party, request_id) = (Some(party.clone()), fresh_id());
    finds_nobody!(platform:
        GetMemberRequest { party: party.clone() },
        GetWalletRequest { party: party.clone() },
        ListEntriesRequest { party: party.clone(), account: 1, ..ListEntriesRequest::default() },
        GetStatementRequest {
            party: party.clone(),
            account: 1,
            from_date: "2026-01-01".to_owned(),
            to_date: "2026-01-31".to_owned(),
            ..GetStatementRequest::default()
        },
        UpdateInsuranceRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            insurance_type: InsuranceType::Employee.into(),
            insurance_status: InsuranceStatus::Suspended.into(),
            ..UpdateInsuranceRequest::default()
        },
        CreditAccountRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            amount: "1.00".to_owned(),
            period: "202611".to_owned(),
            remark: String::new(),
        },
        SuspendSettlementRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            from_date: "2026-01-01".to_owned(),
            until_date: "2026-06-01".to_owned(),
            lift: false,
        }
    );
}

async fn wallets_find_nobody(platform: &Caller, named: &Party) {
    let (party, request_id) = (Some(named.clone()), fresh_id());
    finds_nobody!(platform:
        OpenWalletRequest { party: party.clone(), ..opening(named) },
        ChangePlaceRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            use_region_code: "130600".to_owned(),
        },
        FreezeWalletRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            reason_code: "TEST".to_owned(),
        },
        UnfreezeWalletRequest {
            request_id: request_id.clone(),
            party: party.clone(),
            reason_code: "TEST".to_owned(),
        },
        CloseWalletRequest { request_id, party: party.clone() },
    );
}

fn told(answer: &UpsertMembersResponse) -> Vec<(u64, Vec<MemberChange>)> {
    answer.changed.iter().map(|row| (row.index, row.changes().collect())).collect()
}

fn renamed(party: &Party, name: &str) -> Party {
    let mut party = party.clone();
    party.person.as_mut().expect("a person").name = name.to_owned();
    party
}

/// What was booked for a number, a month and an amount is booked, whatever its member is called now.
#[test]
fn a_repeat_is_found_before_names_and_areas_are_looked_at() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let first = renamed(&somebody("130100"), "买买提·吐尔逊");
        enrol(&platform, employee(&first)).await;
        let (credit_id, open_id) = (fresh_id(), fresh_id());
        let credit =
            async |party: &Party, amount: &str| platform.credit(&credit_id, party, (amount, "202611")).await;
        credit(&first, "100.00").await.expect("credited");
        let open = OpenWalletRequest { request_id: open_id.clone(), ..opening(&first) };
        let wallet = platform.open_wallet(open.clone()).await.expect("opened");
        let corrected = Party { region_code: "130600".to_owned(), ..renamed(&first, "买买提·吐尔孙") };
        let changes = vec![MemberChange::Renamed, MemberChange::Moved];
        let answer = report(&platform, vec![employee(&corrected)]).await;
        assert_eq!((answer.accepted_count, told(&answer)), (1, vec![(0, changes)]));
        for again in [&first, &corrected, &renamed(&first, "买买提．吐尔逊"), &renamed(&first, "别人")]
        {
            credit(again, "100.00").await.expect("booked before");
            refused(credit(again, "100.01").await, Code::AlreadyExists, "CONTENT_DIFFERS");
        }
        let again = platform.open_wallet(open).await.expect("the same");
        assert_eq!(again.use_region_code, wallet.use_region_code);
        let member = platform.member(&corrected).await.expect("there");
        assert_eq!(member.balance, "100.00", "booked once");
        refused(platform.member(&first).await, Code::NotFound, "MEMBER_NOT_FOUND");
    });
}

#[test]
fn a_row_undoes_neither_a_name_nor_what_is_newer_unless_it_may() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let member = somebody("130100");
        enrol(&platform, employee(&member)).await;
        let row = |party: &Party, as_of: &str| UpsertMembersRequest {
            same_name: true,
            as_of_date: as_of.to_owned(),
            ..cast::report(fresh_id(), employee(party))
        };
        let send =
            async |row: UpsertMembersRequest| platform.upsert(HEBEI, vec![row]).await.expect("an answer");
        let bad = |answer: &UpsertMembersResponse, code, reason| {
            item_refused(answer.rejected[0].error.as_ref().expect("an error"), code, reason);
        };
        let other = renamed(&member, "王丽华");
        bad(&send(row(&other, "")).await, Code::FailedPrecondition, "NAME_MISMATCH");
        let mut suspended = row(&member, "2020-01-01");
        suspended.member.as_mut().expect("a member").set_insurance_status(InsuranceStatus::Suspended);
        bad(&send(suspended.clone()).await, Code::FailedPrecondition, "MEMBER_NEWER");
        bad(&send(row(&member, "2020-1-1")).await, Code::InvalidArgument, "DATE_MALFORMED");
        let same = send(row(&member, "2020-01-01")).await;
        assert_eq!(same.unchanged_count, 1, "what changes nothing undoes nothing");
        suspended.as_of_date = "2999-01-01".to_owned();
        assert_eq!(send(suspended).await.accepted_count, 1);
        let back = send(row(&member, "")).await;
        assert_eq!(told(&back), [(0, vec![MemberChange::Reactivated])]);
        credit(&platform, &member, "1.00").await;
        let mut ended = row(&member, "");
        ended.member.as_mut().expect("a member").set_insurance_status(InsuranceStatus::None);
        assert_eq!(told(&send(ended).await), [(0, vec![MemberChange::ClosedWithMoney])]);
    });
}

/// Rows of one person that came together were all judged by what stood before the first of them.
#[test]
fn a_row_is_judged_by_what_the_rows_before_it_made() {
    shared(async |cluster| {
        let platform = cluster.caller("platform:13");
        let member = somebody("130100");
        enrol(&platform, employee(&member)).await;
        let other = renamed(&member, "王丽华");
        let row = |party: &Party, same_name| UpsertMembersRequest {
            same_name,
            ..cast::report(fresh_id(), employee(party))
        };
        let answer = platform.upsert(HEBEI, vec![row(&other, false), row(&member, true)]).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.accepted_count, 1);
        let error = answer.rejected[0].error.as_ref().expect("an error");
        item_refused(error, Code::FailedPrecondition, "NAME_MISMATCH");
    });
}

/// One row of the vault stopped an import at its chunk for ever.
#[test]
fn a_damaged_person_is_his_own_line_and_nobody_elses() {
    let options = Options { provinces: vec!["13"], ..Options::default() };
    own(&options, async |cluster| {
        let platform = cluster.caller("platform:13");
        let damaged = somebody("130100");
        enrol(&platform, employee(&damaged)).await;
        cluster.stop("13");
        let database = rusqlite::Connection::open(cluster.site().data("13").join("gongji.sqlite"));
        let changed = database.expect("a store").execute("UPDATE vault_person SET sealed = zeroblob(60)", []);
        assert_eq!(changed.expect("damaged"), 1);
        cluster.restart("13");
        let mut members: Vec<_> = (0..499).map(|_| employee(&somebody("130100"))).collect();
        members.insert(250, employee(&damaged));
        let answer = report(&platform, members).await;
        assert_eq!((answer.accepted_count, answer.rejected_count, answer.rejected[0].index), (499, 1, 250));
        let error = answer.rejected[0].error.as_ref().expect("an error");
        item_refused(error, Code::FailedPrecondition, "PERSON_UNREADABLE");
        refused(platform.member(&damaged).await, Code::FailedPrecondition, "PERSON_UNREADABLE");
    });
}

use super::*;
use crate::domain::audit::invariant::violations;
use crate::domain::hub::breaks::{BreakInput, Bucket, CloseBreakRequest, Comparison, FoundBreak, Standing};
use crate::domain::hub::tables::{PositionRow, WindowRow};
use crate::domain::hub::{Answer, Input};
use crate::domain::machine::TableRow;
use crate::domain::protocol::Kind;
use crate::domain::value::{Money, ProvinceCode, Side, Window};
use crate::testkit::{PAYEE, PAYER, Pair as Machines, id};

const DAY_MS: u64 = 86_400_000;
const NOVEMBER: u32 = 202_611;

pub(super) fn period(number: u32) -> Period {
    Period::from_number(number)
}

pub(super) fn pair() -> Pair {
    Pair::of(PAYER, PAYEE).expect("two provinces")
}

pub(super) fn person(province: ProvinceCode, name: &str) -> String {
    format!("urn:gongji:finance:{province}:{name}")
}

pub(super) fn fen(fen: i64) -> Money {
    Money::from_fen(fen)
}

/// Hub and nodes, as persons of finance offices use them.
pub(in crate::domain) struct Office {
    pub(in crate::domain) machines: Machines,
    requests: u8,
}

impl Office {
    /// A month with so many commits of 100.00 each, over and closed.
    pub(in crate::domain) fn after_november(commits: u8) -> Office {
        Office::after_november_by(Scheme::Gross, commits)
    }

    pub(in crate::domain) fn after_november_by(scheme: Scheme, commits: u8) -> Office {
        let mut office = Office { machines: Machines::new(), requests: 100 };
        (1..=commits).for_each(|number| office.send(number));
        office.pass(10);
        let close = Command::Close(period(NOVEMBER), scheme, vec![PAYER, PAYEE]);
        office.ask("urn:gongji:operator:a", close).expect("closed");
        office
    }

    pub(in crate::domain) fn send(&mut self, number: u8) {
        self.machines.send(1, number, 10_000);
    }

    pub(in crate::domain) fn pass(&mut self, days: u64) {
        for _ in 0..days {
            self.machines.network.now.civil.0 += i64::try_from(DAY_MS).expect("small");
            self.machines.done(|machines| machines.pass(DAY_MS));
        }
    }

    pub(in crate::domain) fn ask(&mut self, caller: &str, command: Command) -> Result<u64, Reason> {
        self.requests += 1;
        self.ask_as(id(self.requests), caller, command)
    }

    fn ask_as(&mut self, request_id: TransferId, caller: &str, command: Command) -> Result<u64, Reason> {
        self.try_ask(request_id, caller, command).map_err(|refusal| refusal.reason)
    }

    fn try_ask(
        &mut self,
        request_id: TransferId,
        caller: &str,
        command: Command,
    ) -> Result<u64, RefusalRecord> {
        let request_id = Some(request_id);
        let request = Box::new(ClearingRequest { request_id, caller: caller.to_owned(), command });
        let told = self.machines.hand_in(Input::Clear { ticket: Ticket::new(8), request });
        let answer = told.into_iter().find_map(|answer| match answer {
            (8, Answer::Cleared(Cleared(number))) => Some(Ok(number)),
            (8, Answer::Refused(refusal)) => Some(Err(refusal)),
            _ => None,
        });
        answer.expect("an answer")
    }

    /// Both sides of each window of the month agree with the hub, or differ by this break.
    pub(in crate::domain) fn compare(&mut self, number: u32, with: &[(ProvinceCode, FoundBreak)]) {
        let rows = self.machines.hub.disk.rows();
        let closed = rows.iter().filter_map(|row| WindowRow::of(row).map(|row| row.window));
        let windows: Vec<Window> = closed.filter(|it| Period::from(*it) == period(number)).collect();
        for window in windows {
            for province in [PAYER, PAYEE] {
                let position = self.row::<PositionRow>(&Key::Position(window, province));
                let counted = position.map_or(0, |row| row.sent_count + row.received_count);
                let found = with.iter().filter(|(its, _)| *its == province && counted > 0);
                let found: Vec<FoundBreak> = found.map(|(_, found)| found.clone()).collect();
                let agrees = found.is_empty();
                let comparison = Comparison {
                    window,
                    province,
                    state: if agrees { Standing::Agrees } else { Standing::Differs },
                    incomplete: false,
                    counted,
                    pending_count: 0,
                    late_count: 0,
                    found,
                    due_within_ms: 1,
                };
                let ticket = Ticket::new(8);
                self.machines.run_hub(Input::Breaks(BreakInput::Compared { ticket, comparison }));
            }
        }
    }

    pub(in crate::domain) fn publish(&mut self, number: u32) -> Result<u64, Reason> {
        self.compare(number, &[]);
        self.publish_as_it_is(number)
    }

    fn publish_as_it_is(&mut self, number: u32) -> Result<u64, Reason> {
        self.ask("urn:gongji:operator:a", Command::Publish(period(number), pair()))
    }

    pub(in crate::domain) fn row<T: TableRow<super::super::Row> + Clone>(&self, key: &Key) -> Option<T> {
        self.machines.hub.get::<T>(key)
    }

    pub(in crate::domain) fn table(&self, number: u32) -> PairRow {
        self.row(&publish::pair_key(period(number), pair())).expect("a table")
    }

    pub(in crate::domain) fn sign(
        &mut self,
        number: u32,
        province: ProvinceCode,
        name: &str,
    ) -> Result<u64, Reason> {
        let digest = self.table(number).digest;
        let signature = Signature { period: period(number), pair: pair(), digest, province };
        self.ask(&person(province, name), Command::Sign(signature))
    }

    pub(in crate::domain) fn sign_all(&mut self, number: u32) {
        for province in [PAYER, PAYEE] {
            for name in ["maker", "checker"] {
                self.sign(number, province, name).expect("signed");
            }
        }
    }

    pub(in crate::domain) fn object(&mut self, number: u32, transfer: u8) -> Result<u64, Reason> {
        let objection = Objection {
            period: period(number),
            pair: pair(),
            transfer_id: id(transfer),
            province: PAYEE,
            code: "AMOUNT".to_owned(),
            note: String::new(),
        };
        self.ask(&person(PAYEE, "maker"), Command::Object(objection))
    }

    pub(in crate::domain) fn obligation(&self, number: u32) -> ObligationRow {
        self.row(&Key::Obligation(period(number), PAYER, PAYEE)).expect("an obligation")
    }

    pub(in crate::domain) fn pay(
        &mut self,
        payment: u8,
        serial: &str,
        amount: i64,
        is_part: bool,
    ) -> Result<u64, RefusalRecord> {
        let payment_of = Payment {
            period: period(NOVEMBER),
            debtor: PAYER,
            creditor: PAYEE,
            bank: "工商银行".to_owned(),
            serial: serial.to_owned(),
            amount: fen(amount),
            pay_day: Day::from_number(20_261_228),
            is_part,
        };
        self.try_ask(id(payment), &person(PAYER, "maker"), Command::Pay(id(payment), payment_of))
    }

    pub(in crate::domain) fn say(
        &mut self,
        payment: u8,
        province: ProvinceCode,
        says: PaymentSays,
    ) -> Result<u64, Reason> {
        let word = PaymentWord { payment_id: id(payment), province, says };
        self.ask(&person(province, "checker"), Command::Say(word))
    }

    pub(in crate::domain) fn cover(&mut self, due: u32) -> Result<u64, Reason> {
        let due = Day::from_number(due);
        let cover = Cover { period: period(NOVEMBER), debtor: PAYER, creditor: PAYEE, due };
        self.ask(&person(PAYEE, "maker"), Command::Cover(cover))
    }

    pub(in crate::domain) fn deposit(&mut self, what: PrefundMove, amount: i64) -> Result<u64, Reason> {
        let reference = "ICBC 1".to_owned();
        let (debtor, creditor, amount) = (PAYER, PAYEE, fen(amount));
        let deposit = Deposit { debtor, creditor, what, amount, year: 2026, reference };
        self.ask("urn:gongji:operator:a", Command::Deposit(deposit))
    }

    pub(in crate::domain) fn prefund(&self) -> PrefundRow {
        self.row(&Key::Prefund(PAYER, PAYEE)).expect("a prefund")
    }

    /// The journal gives the same tables once more.
    pub(in crate::domain) fn ends(self) {
        let found = violations(&self.machines.books());
        assert!(found.is_empty(), "{found:?}");
        assert!(self.machines.rebuilds().into_iter().all(|(_, (same, _))| same));
        let events = self.row::<ClearingRow>(&Key::CLEARING).expect("a row").events;
        for number in 1..=events {
            assert!(self.row::<EventRow>(&Key::Event(number)).is_some(), "event {number}");
        }
    }
}

#[test]
fn a_month_is_closed_published_signed_by_four_persons_and_paid() {
    let mut office = Office::after_november(2);
    assert_eq!(office.publish(202_612), Err(Reason::PeriodOpen));
    let digest = Digest::default();
    let early = Signature { period: period(NOVEMBER), pair: pair(), digest, province: PAYER };
    let early = office.ask(&person(PAYER, "zhang"), Command::Sign(early));
    assert_eq!(early, Err(Reason::TableNotPublished));
    let published = office.publish(NOVEMBER).expect("published");
    assert_eq!(office.publish(NOVEMBER), Ok(0), "once");
    let table = office.table(NOVEMBER);
    let owed = (table.version, table.count, table.first_owes, table.second_owes, table.final_time);
    assert_eq!(owed, (1, 2, fen(20_000), Money::ZERO, None));
    assert!(published > 10, "the windows of ten days were told before");
    assert_eq!(office.sign(NOVEMBER, PAYER, "zhang"), Ok(published + 1));
    assert_eq!(office.sign(NOVEMBER, PAYER, "zhang"), Err(Reason::SecondPersonNeeded));
    assert_eq!(office.sign(NOVEMBER, ProvinceCode::new(31), "li"), Err(Reason::TableOfOthers));
    assert_eq!(office.sign(NOVEMBER, PAYER, "li"), Ok(published + 2));
    assert_eq!(office.sign(NOVEMBER, PAYER, "li"), Ok(0), "as it is");
    assert_eq!(office.sign(NOVEMBER, PAYER, "wang"), Err(Reason::TableSigned));
    assert_eq!(office.table(NOVEMBER).final_time, None);
    office.sign(NOVEMBER, PAYEE, "zhao").expect("signed");
    office.sign(NOVEMBER, PAYEE, "qian").expect("signed");
    assert!(office.table(NOVEMBER).final_time.is_some());
    assert_eq!(office.object(NOVEMBER, 1), Err(Reason::TableFinal));
    assert_eq!(office.obligation(NOVEMBER).amount, fen(20_000));
    assert_eq!(office.row::<ObligationRow>(&Key::Obligation(period(NOVEMBER), PAYEE, PAYER)), None);
    office.pay(50, "A1", 20_000, false).expect("paid");
    assert_eq!(office.say(50, PAYEE, PaymentSays::Received(fen(20_000))).map(|it| it > 0), Ok(true));
    assert_eq!(office.obligation(NOVEMBER).open(), Money::ZERO);
    office.ends();
}

/// What is not compared, or differs between the two, is not published; what one of them has with others holds up
/// nothing.
#[test]
fn a_table_waits_until_its_windows_are_reconciled() {
    let mut office = Office::after_november(2);
    assert_eq!(office.publish_as_it_is(NOVEMBER), Err(Reason::NotReconciled));
    let found = |counterpart| FoundBreak {
        transfer_id: id(1),
        bucket: Bucket::Amount,
        counterpart,
        side: Side::Payee,
        kind: Kind::TRANSFER,
        hub_seq: 1,
        hub_amount: Some(fen(10_000)),
        node_amount: Some(fen(10_001)),
    };
    office.compare(NOVEMBER, &[(PAYEE, found(PAYER))]);
    assert_eq!(office.publish_as_it_is(NOVEMBER), Err(Reason::NotReconciled));
    let window = Window::parse("20261121").expect("a window");
    for name in ["a", "b"] {
        let request = CloseBreakRequest {
            request_id: format!("close-{name}"),
            id: (window, PAYEE, id(1)),
            correction: None,
            proof: "journals compared".to_owned(),
            operator: format!("urn:gongji:operator:{name}"),
        };
        office.machines.run_hub(Input::Breaks(BreakInput::Close { ticket: Ticket::new(8), request }));
    }
    assert!(office.publish_as_it_is(NOVEMBER).is_ok(), "two operators have closed the break");
    office.ends();
    let mut office = Office::after_november(2);
    office.compare(NOVEMBER, &[(PAYEE, found(ProvinceCode::new(31)))]);
    assert!(office.publish_as_it_is(NOVEMBER).is_ok(), "it is between others");
    office.ends();
}

#[test]
fn periods_are_closed_in_order_once_their_last_day_is_over() {
    let mut office = Office { machines: Machines::new(), requests: 100 };
    let close = |office: &mut Office, number| {
        office.ask("urn:gongji:operator:a", Command::Close(period(number), Scheme::Gross, vec![PAYER, PAYEE]))
    };
    office.pass(9);
    assert_eq!(close(&mut office, NOVEMBER), Err(Reason::PeriodOpen), "its last day is today");
    office.pass(32);
    assert_eq!(close(&mut office, 202_612), Err(Reason::PeriodOutOfOrder));
    assert_eq!(close(&mut office, 202_610), Err(Reason::PeriodNotFound));
    assert!(close(&mut office, NOVEMBER).is_ok_and(|number| number > 0));
    assert_eq!(close(&mut office, NOVEMBER), Ok(0));
    let net = Command::Close(period(NOVEMBER), Scheme::Net, vec![]);
    assert_eq!(office.ask("urn:gongji:operator:a", net), Err(Reason::PeriodClosed));
    assert!(close(&mut office, 202_612).is_ok_and(|number| number > 0));
    assert_eq!(office.publish(202_612), Err(Reason::PeriodOutOfOrder));
    office.publish(NOVEMBER).expect("published");
    assert!(office.table(NOVEMBER).final_time.is_some(), "nobody signs for nothing");
    assert_eq!(office.sign(NOVEMBER, PAYER, "li"), Err(Reason::NothingToSign));
    office.publish(202_612).expect("published");
    office.ends();
}

/// A signs, then B objects: A has signed what is no more.
#[test]
fn an_objection_carries_an_item_and_makes_a_new_version_that_nobody_has_signed() {
    let mut office = Office::after_november(2);
    office.publish(NOVEMBER).expect("published");
    let old = office.table(NOVEMBER);
    for name in ["maker", "checker"] {
        office.sign(NOVEMBER, PAYER, name).expect("signed");
    }
    assert_eq!(office.object(NOVEMBER, 9), Err(Reason::ItemNotInTable), "no such transfer");
    office.object(NOVEMBER, 1).expect("carried");
    let new = office.table(NOVEMBER);
    assert_eq!((new.version, new.count, new.first_owes), (2, 1, fen(10_000)));
    assert_eq!((new.first_maker, new.first_checker), (None, None));
    let signature = Signature { period: period(NOVEMBER), pair: pair(), digest: old.digest, province: PAYER };
    let signed = office.ask(&person(PAYER, "maker"), Command::Sign(signature));
    assert_eq!(signed, Err(Reason::VersionSuperseded));
    assert_eq!(office.object(NOVEMBER, 1), Err(Reason::ItemNotInTable), "it is in December's");
    office.sign_all(NOVEMBER);
    assert_eq!(office.obligation(NOVEMBER).amount, fen(10_000));
    // In December's table, and in January's; then people must rule.
    office.send(3);
    office.pass(31);
    for number in [202_612, 202_701] {
        office
            .ask("urn:gongji:operator:a", Command::Close(period(number), Scheme::Gross, vec![PAYER, PAYEE]))
            .expect("closed");
        office.publish(number).expect("published");
        let in_it = if number == 202_612 { 2 } else { 1 };
        assert_eq!(office.table(number).count, in_it, "{number}");
        if number == 202_612 {
            office.object(number, 1).expect("once more");
            office.pass(31);
        }
    }
    assert_eq!(office.object(202_701, 1), Err(Reason::CarriedTooOften));
    let carried: CarriedRow = office.row(&Key::Carried(id(1))).expect("carried");
    assert_eq!((carried.period, carried.of_period, carried.times), (period(202_701), period(NOVEMBER), 2));
    office.ends();
}

#[test]
fn a_wrong_amount_is_refused_with_the_difference_and_parts_add_up() {
    let mut office = Office::after_november(2);
    office.publish(NOVEMBER).expect("published");
    let unsigned = office.pay(50, "A1", 20_000, false).expect_err("unsigned");
    assert_eq!(unsigned.reason, Reason::ObligationNotFound);
    office.sign_all(NOVEMBER);
    for (amount, is_part, difference) in
        [(20_001, false, "0.01"), (20_001, true, "0.01"), (19_999, false, "-0.01")]
    {
        let refusal = office.pay(50, "A1", amount, is_part).expect_err("differs");
        assert_eq!(refusal.reason, Reason::PaymentDiffers);
        let said = refusal.metadata.iter().find(|(name, _)| *name == "difference");
        assert_eq!(said.map(|(_, value)| value.as_str()), Some(difference));
    }
    office.pay(50, "A1", 19_999, true).expect("a part");
    assert_eq!(office.pay(51, "A1", 1, false).expect_err("used").reason, Reason::SerialUsed);
    office.pay(51, "A2", 1, false).expect("the rest");
    let again = office.pay(51, "A2", 1, false);
    assert!(again.is_ok(), "a repeat is answered as before: {again:?}");
    assert_eq!(office.pay(52, "A3", 1, true).expect_err("paid").reason, Reason::ObligationPaid);
    assert_eq!(office.pay(51, "A2", 2, false).expect_err("other").reason, Reason::ContentDiffers);
    assert_eq!(office.say(50, PAYEE, PaymentSays::Received(fen(19_998))), Err(Reason::PaymentDiffers));
    assert_eq!(office.say(50, PAYER, PaymentSays::Received(fen(19_999))), Err(Reason::CreditorOnly));
    let other = ProvinceCode::new(31);
    assert_eq!(office.say(50, other, PaymentSays::Received(fen(19_999))), Err(Reason::PaymentNotFound));
    office.say(50, PAYEE, PaymentSays::Received(fen(19_999))).expect("confirmed");
    assert_eq!(office.say(50, PAYEE, PaymentSays::Received(fen(19_999))), Ok(0));
    assert_eq!(office.obligation(NOVEMBER).open(), fen(1));
    office.ends();
}

#[test]
fn a_payment_that_came_back_is_owed_again_and_its_serial_number_is_free() {
    let mut office = Office::after_november(1);
    office.publish(NOVEMBER).expect("published");
    office.sign_all(NOVEMBER);
    let bounced = || PaymentSays::Void { code: "BOUNCED".to_owned(), note: String::new() };
    office.pay(50, "A1", 10_000, false).expect("paid");
    office.say(50, PAYER, bounced()).expect("void");
    assert_eq!(office.say(50, PAYEE, PaymentSays::Received(fen(10_000))), Err(Reason::PaymentVoid));
    office.pay(51, "A1", 10_000, false).expect("paid");
    office.say(51, PAYEE, PaymentSays::Received(fen(10_000))).expect("confirmed");
    assert_eq!(office.say(51, PAYER, bounced()), Err(Reason::CreditorOnly), "he has confirmed it");
    office.say(51, PAYEE, bounced()).expect("void");
    let row = office.obligation(NOVEMBER);
    assert_eq!((row.paid, row.confirmed, row.open()), (Money::ZERO, Money::ZERO, fen(10_000)));
    office.ends();
}

#[test]
fn a_prefund_covers_what_is_late_and_is_refilled_by_the_late_payment() {
    let mut office = Office::after_november(2);
    office.publish(NOVEMBER).expect("published");
    office.sign_all(NOVEMBER);
    assert_eq!(office.cover(20_261_101), Err(Reason::PrefundEmpty));
    assert_eq!(office.deposit(PrefundMove::Figure, 1_500_000), Err(Reason::FigureNotWhole));
    office.deposit(PrefundMove::Figure, 1_000_000).expect("1 万元");
    office.deposit(PrefundMove::Payment, 15_000).expect("paid in");
    assert_eq!(office.deposit(PrefundMove::Payment, i64::MAX), Err(Reason::SumTooLarge));
    assert_eq!(office.cover(20_261_201), Err(Reason::NotDue), "the day itself is in time");
    office.cover(20_261_130).expect("covered");
    let row = office.obligation(NOVEMBER);
    assert_eq!((row.covered, row.open(), row.to_pay()), (fen(15_000), fen(5_000), fen(20_000)));
    assert_eq!(office.cover(20_261_130), Err(Reason::PrefundEmpty));
    assert_eq!(office.deposit(PrefundMove::Adjustment, -1), Err(Reason::PrefundUsed));
    office.deposit(PrefundMove::Payment, 10_000).expect("topped up");
    office.cover(20_261_130).expect("the rest");
    assert_eq!(office.cover(20_261_130), Ok(0), "nothing is open");
    assert_eq!((office.obligation(NOVEMBER).open(), office.prefund().left()), (Money::ZERO, fen(5_000)));
    // The late payment comes in two parts, and one of them bounces.
    office.pay(50, "A1", 12_000, true).expect("a part");
    office.say(50, PAYEE, PaymentSays::Received(fen(12_000))).expect("confirmed");
    assert_eq!(office.prefund().left(), fen(17_000));
    let bounced = PaymentSays::Void { code: "BOUNCED".to_owned(), note: String::new() };
    office.say(50, PAYEE, bounced).expect("void");
    let row = office.obligation(NOVEMBER);
    assert_eq!((office.prefund().left(), row.covered, row.open()), (fen(5_000), fen(20_000), Money::ZERO));
    office.pay(51, "A2", 20_000, false).expect("all");
    office.say(51, PAYEE, PaymentSays::Received(fen(20_000))).expect("confirmed");
    assert_eq!((office.prefund().left(), office.obligation(NOVEMBER).covered), (fen(25_000), Money::ZERO));
    office.ends();
}

/// Worked by hand for finance offices: the text of the table, and `sha256sum`.
#[test]
fn what_is_signed_is_the_digest_of_a_text() {
    let line = Line { count: 2, amount: fen(20_000), ..Line::empty((PAYER, PAYEE, Kind::TRANSFER)) };
    let zeros = "0".repeat(64);
    let text = format!("gongji table 1\n202611\n13 51\n1\n13 51 1 2 200.00 {zeros} {zeros}\n");
    let digest = Digest(Sha256::digest(text.as_bytes()).into());
    assert_eq!(pair().digest(period(NOVEMBER), 1, &[line]), digest);
}

/// Another month's window: nothing of the store of before has told provinces of it.
#[test]
fn each_closed_window_is_an_event() {
    let mut office = Office { machines: Machines::new(), requests: 100 };
    office.pass(2);
    let events: Vec<ClearingEvent> = (1..=2)
        .map(|number| office.row::<EventRow>(&Key::Event(number)).expect("an event"))
        .map(|row| borsh::from_slice::<Logged>(&row.content).expect("an event").event)
        .collect();
    let day = |text| Window::parse(text).expect("a window");
    let ended = |window, next| {
        ClearingEvent::WindowEnded(WindowEnded {
            window: day(window),
            next: day(next),
            closer: String::new(),
        })
    };
    assert_eq!(events, [ended("20261121", "20261122"), ended("20261122", "20261123")]);
}

//! Notices of clearing, in the words of the wire: as the hub tells them, and as it hears them back.

use crate::domain::hub::clearing::{
    ClearingEvent, HeardNotice, ItemCarried, Line, Logged, ObligationCovered, Pair, PaymentConfirmed,
    PaymentRecorded, PaymentVoided, PeriodClosed, PrefundMove, PrefundMoved, RequestMark, Scheme,
    TablePublished, TableSigned, Telling, WindowEnded,
};
use crate::domain::hub::tables::TotalRow;
use crate::domain::node::tables::NoticeRow;
use crate::domain::protocol::{Kind, Notice, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::{Day, Digest, Money, Period, ProvinceCode, TransferId, Window};
use crate::proto::types::clearing_notice::Event;
use crate::proto::{node, types};
use crate::wire::reader::check_batch;
use crate::wire::sender::sender_from_proto;
use crate::wire::status::Problem;
use crate::wire::time::{civil, timestamp};
use prost::Message as _;

/// A notice to a province; `totals`: of the window that it closes.
pub fn notice_to_proto(
    telling: &Telling,
    province: ProvinceCode,
    totals: &[TotalRow],
) -> types::ClearingNotice {
    let Logged { event, request } = &telling.logged;
    types::ClearingNotice {
        number: telling.number,
        previous_number: telling.previous,
        time: Some(timestamp(telling.time)),
        request: request.as_ref().map(|it| types::NoticeRequest {
            request_id: it.request_id.to_string(),
            caller: it.caller.clone(),
            digest: it.digest.0.to_vec(),
        }),
        event: Some(event_to_proto(event, province, totals)),
    }
}

fn event_to_proto(event: &ClearingEvent, province: ProvinceCode, totals: &[TotalRow]) -> Event {
    match event {
        ClearingEvent::WindowEnded(it) => Event::WindowClosed(types::WindowClosedNotice {
            window_id: it.window.to_string(),
            next_window_id: it.next.to_string(),
            closer: it.closer.clone(),
            totals: totals.iter().flat_map(|row| totals_of(row, province)).collect(),
        }),
        ClearingEvent::PeriodClosed(it) => Event::PeriodClosed(types::PeriodClosedNotice {
            period_id: it.period.to_string(),
            net: it.scheme == Scheme::Net,
            province_codes: it.provinces.iter().map(ProvinceCode::to_string).collect(),
            operator: it.operator.clone(),
        }),
        ClearingEvent::TablePublished(it) => Event::TablePublished(types::TablePublishedNotice {
            period_id: it.period.to_string(),
            first_province_code: it.pair.first.to_string(),
            second_province_code: it.pair.second.to_string(),
            version: it.version,
            lines: it.lines.iter().map(line_to_proto).collect(),
            first_owes: it.first_owes.to_string(),
            second_owes: it.second_owes.to_string(),
            digest: it.digest.0.to_vec(),
        }),
        ClearingEvent::TableSigned(it) => Event::TableSigned(types::TableSignedNotice {
            period_id: it.period.to_string(),
            first_province_code: it.pair.first.to_string(),
            second_province_code: it.pair.second.to_string(),
            version: it.version,
            digest: it.digest.0.to_vec(),
            province_code: it.province.to_string(),
            person: it.person.clone(),
            checks: it.checks,
        }),
        ClearingEvent::ItemCarried(it) => Event::ItemCarried(types::ItemCarriedNotice {
            transfer_id: it.transfer_id.to_string(),
            line: Some(line_to_proto(&it.line)),
            from_period_id: it.from.to_string(),
            to_period_id: it.to.to_string(),
            times: it.times,
            province_code: it.province.to_string(),
            person: it.person.clone(),
            reason_code: it.code.clone(),
            note: it.note.clone(),
        }),
        ClearingEvent::PaymentRecorded(_)
        | ClearingEvent::PaymentConfirmed(_)
        | ClearingEvent::PaymentVoided(_)
        | ClearingEvent::ObligationCovered(_)
        | ClearingEvent::PrefundMoved(_) => money_to_proto(event),
    }
}

/// The same of what is paid and deposited.
fn money_to_proto(event: &ClearingEvent) -> Event {
    match event {
        ClearingEvent::PaymentRecorded(it) => Event::PaymentRecorded(types::PaymentRecordedNotice {
            payment_id: it.payment_id.to_string(),
            period_id: it.period.to_string(),
            debtor_province_code: it.debtor.to_string(),
            creditor_province_code: it.creditor.to_string(),
            bank: it.bank.clone(),
            serial_number: it.serial.clone(),
            amount: it.amount.to_string(),
            pay_date: it.pay_day.to_string(),
            person: it.person.clone(),
        }),
        ClearingEvent::PaymentConfirmed(it) => Event::PaymentConfirmed(types::PaymentConfirmedNotice {
            payment_id: it.payment_id.to_string(),
            debtor_province_code: it.debtor.to_string(),
            creditor_province_code: it.creditor.to_string(),
            person: it.person.clone(),
        }),
        ClearingEvent::PaymentVoided(it) => Event::PaymentVoided(types::PaymentVoidedNotice {
            payment_id: it.payment_id.to_string(),
            debtor_province_code: it.debtor.to_string(),
            creditor_province_code: it.creditor.to_string(),
            reason_code: it.code.clone(),
            note: it.note.clone(),
            person: it.person.clone(),
        }),
        ClearingEvent::ObligationCovered(it) => Event::ObligationCovered(types::ObligationCoveredNotice {
            period_id: it.period.to_string(),
            debtor_province_code: it.debtor.to_string(),
            creditor_province_code: it.creditor.to_string(),
            amount: it.amount.to_string(),
            due_date: it.due.to_string(),
            person: it.person.clone(),
        }),
        ClearingEvent::PrefundMoved(it) => Event::PrefundMoved(types::PrefundMovedNotice {
            debtor_province_code: it.debtor.to_string(),
            creditor_province_code: it.creditor.to_string(),
            r#move: it.what.name().to_owned(),
            amount: it.amount.to_string(),
            year: it.year,
            reference: it.reference.clone(),
            person: it.person.clone(),
        }),
        ClearingEvent::WindowEnded(_)
        | ClearingEvent::PeriodClosed(_)
        | ClearingEvent::TablePublished(_)
        | ClearingEvent::TableSigned(_)
        | ClearingEvent::ItemCarried(_) => unreachable!("it is no payment"),
    }
}

/// A total, for each side of it that is the province's.
fn totals_of(row: &TotalRow, province: ProvinceCode) -> Vec<types::NoticeTotal> {
    let sides = [
        (row.payer_province, row.payee_province, true, row.payer_digest),
        (row.payee_province, row.payer_province, false, row.payee_digest),
    ];
    let own = sides.into_iter().filter(|(own, ..)| *own == province);
    let told = own.map(|(_, counter, paid, digest)| types::NoticeTotal {
        counter_province_code: counter.to_string(),
        paid,
        kind: i32::from(row.kind.number()),
        count: row.count,
        amount: row.amount.to_string(),
        digest: digest.0.to_vec(),
    });
    told.collect()
}

fn line_to_proto(line: &Line) -> types::NoticeLine {
    types::NoticeLine {
        payer_province_code: line.payer.to_string(),
        payee_province_code: line.payee.to_string(),
        kind: i32::from(line.kind.number()),
        count: line.count,
        amount: line.amount.to_string(),
        payer_digest: line.payer_digest.0.to_vec(),
        payee_digest: line.payee_digest.0.to_vec(),
    }
}

/// Reads a notice that a province tells back.
///
/// # Errors
/// `REQUEST_MALFORMED`: something in it cannot be, or is not known to this program.
pub fn notice_from_proto(notice: &types::ClearingNotice) -> Result<HeardNotice, Problem> {
    heard(notice).ok_or_else(|| Problem::new(Reason::RequestMalformed))
}

fn heard(notice: &types::ClearingNotice) -> Option<HeardNotice> {
    let request = match &notice.request {
        Some(it) => Some(RequestMark {
            request_id: TransferId::parse(&it.request_id)?,
            caller: it.caller.clone(),
            digest: Digest::from_slice(&it.digest)?,
        }),
        None => None,
    };
    let event = event(notice.event.as_ref()?)?;
    let time = civil(notice.time.as_ref()?)?;
    Some(HeardNotice { number: notice.number, logged: Logged { event, request }, time })
}

fn event(event: &Event) -> Option<ClearingEvent> {
    Some(match event {
        Event::WindowClosed(it) => ClearingEvent::WindowEnded(WindowEnded {
            window: Window::parse(&it.window_id)?,
            next: Window::parse(&it.next_window_id)?,
            closer: it.closer.clone(),
        }),
        Event::PeriodClosed(it) => {
            let provinces = it.province_codes.iter().map(|code| ProvinceCode::parse(code));
            ClearingEvent::PeriodClosed(PeriodClosed {
                period: Period::parse(&it.period_id)?,
                scheme: if it.net { Scheme::Net } else { Scheme::Gross },
                provinces: provinces.collect::<Option<_>>()?,
                operator: it.operator.clone(),
            })
        }
        Event::TablePublished(it) => ClearingEvent::TablePublished(TablePublished {
            period: Period::parse(&it.period_id)?,
            pair: pair(&it.first_province_code, &it.second_province_code)?,
            version: it.version,
            lines: it.lines.iter().map(line).collect::<Option<_>>()?,
            first_owes: Money::parse(&it.first_owes).ok()?,
            second_owes: Money::parse(&it.second_owes).ok()?,
            digest: Digest::from_slice(&it.digest)?,
        }),
        Event::TableSigned(it) => ClearingEvent::TableSigned(TableSigned {
            period: Period::parse(&it.period_id)?,
            pair: pair(&it.first_province_code, &it.second_province_code)?,
            version: it.version,
            digest: Digest::from_slice(&it.digest)?,
            province: ProvinceCode::parse(&it.province_code)?,
            person: it.person.clone(),
            checks: it.checks,
        }),
        Event::ItemCarried(it) => ClearingEvent::ItemCarried(ItemCarried {
            transfer_id: TransferId::parse(&it.transfer_id)?,
            line: line(it.line.as_ref()?)?,
            from: Period::parse(&it.from_period_id)?,
            to: Period::parse(&it.to_period_id)?,
            times: it.times,
            province: ProvinceCode::parse(&it.province_code)?,
            person: it.person.clone(),
            code: it.reason_code.clone(),
            note: it.note.clone(),
        }),
        Event::PaymentRecorded(_)
        | Event::PaymentConfirmed(_)
        | Event::PaymentVoided(_)
        | Event::ObligationCovered(_)
        | Event::PrefundMoved(_) => money(event)?,
    })
}

/// The same of what is paid and deposited.
fn money(event: &Event) -> Option<ClearingEvent> {
    Some(match event {
        Event::PaymentRecorded(it) => ClearingEvent::PaymentRecorded(PaymentRecorded {
            payment_id: TransferId::parse(&it.payment_id)?,
            period: Period::parse(&it.period_id)?,
            debtor: ProvinceCode::parse(&it.debtor_province_code)?,
            creditor: ProvinceCode::parse(&it.creditor_province_code)?,
            bank: it.bank.clone(),
            serial: it.serial_number.clone(),
            amount: Money::parse(&it.amount).ok()?,
            pay_day: Day::parse(&it.pay_date)?,
            person: it.person.clone(),
        }),
        Event::PaymentConfirmed(it) => ClearingEvent::PaymentConfirmed(PaymentConfirmed {
            payment_id: TransferId::parse(&it.payment_id)?,
            debtor: ProvinceCode::parse(&it.debtor_province_code)?,
            creditor: ProvinceCode::parse(&it.creditor_province_code)?,
            person: it.person.clone(),
        }),
        Event::PaymentVoided(it) => ClearingEvent::PaymentVoided(PaymentVoided {
            payment_id: TransferId::parse(&it.payment_id)?,
            debtor: ProvinceCode::parse(&it.debtor_province_code)?,
            creditor: ProvinceCode::parse(&it.creditor_province_code)?,
            code: it.reason_code.clone(),
            note: it.note.clone(),
            person: it.person.clone(),
        }),
        Event::ObligationCovered(it) => ClearingEvent::ObligationCovered(ObligationCovered {
            period: Period::parse(&it.period_id)?,
            debtor: ProvinceCode::parse(&it.debtor_province_code)?,
            creditor: ProvinceCode::parse(&it.creditor_province_code)?,
            amount: Money::parse(&it.amount).ok()?,
            due: Day::parse(&it.due_date)?,
            person: it.person.clone(),
        }),
        Event::PrefundMoved(it) => ClearingEvent::PrefundMoved(PrefundMoved {
            debtor: ProvinceCode::parse(&it.debtor_province_code)?,
            creditor: ProvinceCode::parse(&it.creditor_province_code)?,
            what: PrefundMove::from_name(&it.r#move)?,
            amount: signed(&it.amount)?,
            year: it.year,
            reference: it.reference.clone(),
            person: it.person.clone(),
        }),
        Event::WindowClosed(_)
        | Event::PeriodClosed(_)
        | Event::TablePublished(_)
        | Event::TableSigned(_)
        | Event::ItemCarried(_) => return None,
    })
}

fn signed(text: &str) -> Option<Money> {
    match text.strip_prefix('-') {
        Some(less) => Money::ZERO.checked_sub(Money::parse(less).ok()?),
        None => Money::parse(text).ok(),
    }
}

fn pair(first: &str, second: &str) -> Option<Pair> {
    let pair = Pair { first: ProvinceCode::parse(first)?, second: ProvinceCode::parse(second)? };
    (pair.first < pair.second).then_some(pair)
}

fn line(it: &types::NoticeLine) -> Option<Line> {
    Some(Line {
        payer: ProvinceCode::parse(&it.payer_province_code)?,
        payee: ProvinceCode::parse(&it.payee_province_code)?,
        kind: Kind::from_number(u8::try_from(it.kind).ok()?)?,
        count: it.count,
        amount: Money::parse(&it.amount).ok()?,
        payer_digest: Digest::from_slice(&it.payer_digest)?,
        payee_digest: Digest::from_slice(&it.payee_digest)?,
    })
}

/// Reads what the hub tells a node: each notice is kept as it came.
///
/// # Errors
/// `FIELD_REQUIRED`, `BATCH_SIZE_INVALID`, and those of the sender.
pub fn notices_from_proto(request: &node::AnnounceRequest) -> Result<(PeerMark, Vec<Notice>), Problem> {
    let hub = sender_from_proto(request.sender.as_ref())?;
    if !request.notices.is_empty() {
        check_batch("notices", request.notices.len())?;
    }
    let kept = |it: &types::ClearingNotice| Notice {
        number: it.number,
        previous: it.previous_number,
        content: it.encode_to_vec(),
    };
    Ok((hub, request.notices.iter().map(kept).collect()))
}

/// A notice as it is kept, in the words of the wire. One that this program cannot read says its number alone.
pub fn kept_to_proto(row: &NoticeRow) -> types::ClearingNotice {
    types::ClearingNotice::decode(row.content.as_slice())
        .unwrap_or(types::ClearingNotice { number: row.number, ..types::ClearingNotice::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::Civil;

    fn telling(event: ClearingEvent) -> Telling {
        let request = Some(RequestMark {
            request_id: TransferId([7; 16]),
            caller: "urn:gongji:finance:13:li".to_owned(),
            digest: Digest([8; 32]),
        });
        Telling { number: 9, previous: 4, logged: Logged { event, request }, time: Civil(1_795_190_400_123) }
    }

    fn person() -> String {
        "urn:gongji:finance:51:li".to_owned()
    }

    fn months() -> Vec<ClearingEvent> {
        let [debtor, creditor] = [13, 51].map(ProvinceCode::new);
        let (period, amount) = (Period::from_number(202_611), Money::from_fen(40_050));
        let (pair, digest) = (Pair { first: debtor, second: creditor }, Digest([6; 32]));
        let line = Line {
            payer: debtor,
            payee: creditor,
            kind: Kind::TRANSFER,
            count: 3,
            amount,
            payer_digest: Digest([1; 32]),
            payee_digest: Digest([2; 32]),
        };
        let window = Window::parse("20261121").expect("a window");
        let next = window.next_cut().expect("a cut");
        vec![
            ClearingEvent::WindowEnded(WindowEnded { window, next, closer: person() }),
            ClearingEvent::PeriodClosed(PeriodClosed {
                period,
                scheme: Scheme::Net,
                provinces: vec![debtor, creditor],
                operator: person(),
            }),
            ClearingEvent::TablePublished(TablePublished {
                period,
                pair,
                version: 2,
                lines: vec![line],
                first_owes: amount,
                second_owes: Money::ZERO,
                digest,
            }),
            ClearingEvent::TableSigned(TableSigned {
                period,
                pair,
                version: 2,
                digest,
                province: creditor,
                person: person(),
                checks: true,
            }),
            ClearingEvent::ItemCarried(ItemCarried {
                transfer_id: TransferId([4; 16]),
                line,
                from: period,
                to: period.next(),
                times: 1,
                province: creditor,
                person: person(),
                code: "AMOUNT".to_owned(),
                note: "金额".to_owned(),
            }),
        ]
    }

    fn payments() -> Vec<ClearingEvent> {
        let [debtor, creditor] = [13, 51].map(ProvinceCode::new);
        let (period, amount) = (Period::from_number(202_611), Money::from_fen(40_050));
        let (payment_id, day) = (TransferId([5; 16]), Day::from_number(20_261_228));
        let (code, note) = ("BOUNCED".to_owned(), "退汇".to_owned());
        vec![
            ClearingEvent::PaymentRecorded(PaymentRecorded {
                payment_id,
                period,
                debtor,
                creditor,
                bank: "工商银行".to_owned(),
                serial: "A1".to_owned(),
                amount,
                pay_day: day,
                person: person(),
            }),
            ClearingEvent::PaymentConfirmed(PaymentConfirmed {
                payment_id,
                debtor,
                creditor,
                person: person(),
            }),
            ClearingEvent::PaymentVoided(PaymentVoided {
                payment_id,
                debtor,
                creditor,
                code,
                note,
                person: person(),
            }),
            ClearingEvent::ObligationCovered(ObligationCovered {
                period,
                debtor,
                creditor,
                amount,
                due: day,
                person: person(),
            }),
            ClearingEvent::PrefundMoved(PrefundMoved {
                debtor,
                creditor,
                what: PrefundMove::Adjustment,
                amount: Money::from_fen(-5),
                year: 2026,
                reference: "医保财 3".to_owned(),
                person: person(),
            }),
        ]
    }

    #[test]
    fn every_event_comes_back_as_it_was_told() {
        for event in [months(), payments()].concat() {
            let telling = telling(event);
            let told = notice_to_proto(&telling, ProvinceCode::new(51), &[]);
            let heard = notice_from_proto(&told).expect("it can be read");
            assert_eq!((heard.number, &heard.logged, heard.time), (9, &telling.logged, telling.time));
            let spoilt = types::ClearingNotice { time: None, ..told };
            assert!(notice_from_proto(&spoilt).is_err());
        }
        assert!(notice_from_proto(&types::ClearingNotice::default()).is_err(), "of a newer program");
    }
}

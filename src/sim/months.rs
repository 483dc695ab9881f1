//! What comes after the end of a world: people clear its months. Every window is compared, every month is closed and
//! its tables published, an item is objected to in some worlds, all provinces sign, pay and confirm. Every other world
//! is paid net.

use super::world::World;
use crate::domain::audit::totals::side_of;
use crate::domain::hub::breaks::{BreakInput, Comparison, Standing};
use crate::domain::hub::clearing::{
    ClearingRequest, Command, Line, Objection, Pair, Payment, PaymentSays, PaymentWord, Scheme, Signature,
};
use crate::domain::hub::tables::{
    CarriedRow, ClearingRow, Key, LineRow, ObligationRow, PairRow, PeriodRow, TotalRow, TransferRow,
    WindowRow,
};
use crate::domain::hub::{self, Answer, Input};
use crate::domain::machine::{Output, TableRow, Ticket};
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::add_digest;
use crate::domain::value::{Civil, Day, Digest, Now, Period, ProvinceCode, TransferId};
use std::collections::BTreeMap;

/// People come to their offices at nine.
const NINE_MS: i64 = 9 * 3_600_000;
/// Who asks; nobody else does any more.
const CALLER: u64 = u64::MAX;

type Done = Result<(), String>;
/// Of which commits, and what they add up to.
type Sums = BTreeMap<(ProvinceCode, ProvinceCode, Kind), (u64, i64, Digest, Digest)>;

fn add(sums: &mut Sums, line: &Line) {
    let (count, fen, payer, payee) = sums.entry((line.payer, line.payee, line.kind)).or_default();
    (*count, *fen) = (*count + line.count, *fen + line.amount.fen());
    *payer = add_digest(*payer, line.payer_digest);
    *payee = add_digest(*payee, line.payee_digest);
}

fn person(province: ProvinceCode, name: &str) -> String {
    match province {
        ProvinceCode::HUB => format!("urn:gongji:operator:{name}"),
        province => format!("urn:gongji:finance:{province}:{name}"),
    }
}

/// The people, and the day on which they do all of it: the first one after the last of the months.
struct Office<'a> {
    world: &'a mut World,
    now: Now,
    requests: u128,
}

impl World {
    /// Clears the months of a world in which each node has counted what the hub has.
    pub(super) fn clear_months(&mut self) {
        let rows = self.cluster.hub.disk.rows();
        let Some(open) = rows.iter().find_map(ClearingRow::of).map(|row| Period::from(row.open)) else {
            return;
        };
        let closed = rows.iter().filter_map(WindowRow::of).map(|row| Period::from(row.window));
        let first = closed.min().unwrap_or(open);
        let civil = Civil(open.last_day().end().0 + NINE_MS);
        let mut office =
            Office { now: Now { civil, ..self.cluster.hub.now(self.at) }, world: self, requests: 0 };
        let mut months =
            std::iter::successors(Some(first), |it| Some(it.next())).take_while(|it| *it <= open);
        let done = months.try_for_each(|month| office.clear(month)).and_then(|()| office.sums_agree());
        match done {
            Ok(()) => self.report.count("months cleared"),
            Err(what) => self.complain(format!("months: {what}")),
        }
    }
}

impl Office<'_> {
    fn take(&mut self, input: Input) -> Result<Answer, String> {
        let outputs = self.world.cluster.hub.take(self.now, input);
        let mut answers = outputs.into_iter().filter_map(|output| match output {
            Output::Answer(CALLER, answer) => Some(answer),
            _ => None,
        });
        match answers.next() {
            Some(Answer::Refused(refusal)) => Err(refusal.reason.code().to_owned()),
            Some(answer) => Ok(answer),
            None => Err("no answer".to_owned()),
        }
    }

    fn ask(&mut self, caller: String, command: Command) -> Done {
        let id = self.new_id();
        let said = format!("{caller}: {command:?}");
        let request = Box::new(ClearingRequest { request_id: Some(id), caller, command });
        let done = self.take(Input::Clear { ticket: Ticket::new(CALLER), request });
        done.map(drop).map_err(|why| format!("{why}: {said}"))
    }

    fn new_id(&mut self) -> TransferId {
        self.requests += 1;
        TransferId((0x7000_8000_0000_0000_0000 + self.requests).to_be_bytes())
    }

    fn rows<T: TableRow<hub::Row> + Clone>(&self) -> Vec<T> {
        self.world.cluster.hub.disk.rows().iter().filter_map(T::of).cloned().collect()
    }

    fn table(&self, month: Period, pair: Pair) -> Result<PairRow, String> {
        let row = self.world.cluster.hub.get(&Key::Pair(month, pair.first, pair.second));
        row.ok_or_else(|| format!("{month} {pair} is not published"))
    }

    fn clear(&mut self, month: Period) -> Done {
        let scheme = if self.world.plan.seed.is_multiple_of(2) { Scheme::Gross } else { Scheme::Net };
        let provinces = self.world.cluster.country.provinces.clone();
        self.ask(person(ProvinceCode::HUB, "a"), Command::Close(month, scheme, provinces))?;
        self.compare(month)?;
        let row: PeriodRow = self.world.cluster.hub.get(&Key::Period(month)).ok_or("it is not closed")?;
        let (pairs, signed) = (row.pairs().collect::<Vec<_>>(), row.signed_pairs());
        for pair in pairs.iter().chain(signed.iter().filter(|pair| pair.is_net())) {
            self.ask(person(ProvinceCode::HUB, "a"), Command::Publish(month, *pair))?;
        }
        if self.world.plan.seed.is_multiple_of(3) {
            self.object(month)?;
        }
        for pair in signed {
            self.sign(month, pair)?;
        }
        self.pay(month)
    }

    /// That both have counted the same was seen before.
    fn compare(&mut self, month: Period) -> Done {
        let mut windows: BTreeMap<_, Vec<TotalRow>> = BTreeMap::new();
        for row in self.rows::<TotalRow>().into_iter().filter(|row| Period::from(row.window) == month) {
            windows.entry(row.window).or_default().push(row);
        }
        for (window, totals) in windows {
            for province in self.world.cluster.country.provinces.clone() {
                let comparison = Comparison {
                    window,
                    province,
                    state: Standing::Agrees,
                    incomplete: false,
                    counted: side_of(province, &totals).values().map(|it| it.count).sum(),
                    pending_count: 0,
                    late_count: 0,
                    found: Vec::new(),
                    due_within_ms: 1,
                };
                let ticket = Ticket::new(CALLER);
                self.take(Input::Breaks(BreakInput::Compared { ticket, comparison }))?;
            }
        }
        Ok(())
    }

    /// A province objects to the first item that there is, if it can still be carried.
    fn object(&mut self, month: Period) -> Done {
        let carried: Vec<CarriedRow> = self.rows();
        let is_in_it = |row: &&TransferRow| {
            let its = carried.iter().find(|it| it.transfer_id == row.transfer_id).map(|it| it.period);
            let of = row.window.map(Period::from);
            of.is_some_and(|of| its.unwrap_or(of) == month && month.months_after(of) < 2)
        };
        let transfers: Vec<TransferRow> = self.rows();
        let Some(row) = transfers.iter().find(is_in_it) else { return Ok(()) };
        let pair = Pair::of(row.payer_province, row.payee_province).ok_or("within a province")?;
        let (transfer_id, province) = (row.transfer_id, row.payee_province);
        let (code, note) = ("AMOUNT".to_owned(), String::new());
        let objection = Objection { period: month, pair, transfer_id, province, code, note };
        self.ask(person(province, "a"), Command::Object(objection))?;
        self.world.report.count("objected");
        Ok(())
    }

    fn sign(&mut self, month: Period, pair: Pair) -> Done {
        let PairRow { digest, count, .. } = self.table(month, pair)?;
        if count == 0 {
            return Ok(());
        }
        for province in [pair.first, pair.second] {
            for name in ["a", "b"] {
                let signature = Signature { period: month, pair, digest, province };
                self.ask(person(province, name), Command::Sign(signature))?;
            }
        }
        Ok(())
    }

    fn pay(&mut self, month: Period) -> Done {
        for row in self.rows::<ObligationRow>().into_iter().filter(|row| row.period == month) {
            let ObligationRow { debtor, creditor, amount, .. } = row;
            let payment_id = self.new_id();
            let payment = Payment {
                period: month,
                debtor,
                creditor,
                bank: "ICBC".to_owned(),
                serial: payment_id.to_string(),
                amount,
                pay_day: Day::of(self.now.civil),
                is_part: false,
            };
            self.ask(person(debtor, "a"), Command::Pay(payment_id, payment))?;
            let word = PaymentWord { payment_id, province: creditor, says: PaymentSays::Received(amount) };
            self.ask(person(creditor, "a"), Command::Say(word))?;
            self.world.report.count("paid");
        }
        Ok(())
    }

    /// What is cleared in all months is what was counted in all windows, wherever an item was carried.
    fn sums_agree(&self) -> Done {
        let (mut counted, mut cleared) = (Sums::new(), Sums::new());
        self.rows::<TotalRow>().iter().for_each(|row| add(&mut counted, &Line::from(row)));
        self.rows::<LineRow>().iter().for_each(|row| add(&mut cleared, &Line::from(row)));
        for sums in [&mut counted, &mut cleared] {
            sums.retain(|_, (count, ..)| *count > 0);
        }
        if counted == cleared { Ok(()) } else { Err("other sums than those of the windows".to_owned()) }
    }
}

//! Obligations and what is paid for them; prefunds.

use super::super::Exit;
use super::super::client::{CallArgs, province};
use super::super::json::{all, to_json};
use super::super::table::{self, facts};
use super::periods::id_or_new;
use crate::domain::value::ProvinceCode;
use crate::proto::Method;
use crate::proto::hub::{
    AdjustPrefundRequest, ConfirmReceiptRequest, CoverObligationRequest, GetPrefundsRequest,
    ListObligationsRequest, Obligation, ObligationState, Prefund, PrefundAlarm, PrefundMove,
    RecordPaymentRequest, VoidPaymentRequest,
};
use serde_json::json;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List what provinces have to pay each other (应付款项)
    Obligations {
        /// Only of this month
        #[arg(long, value_name = "PERIOD", default_value = "")]
        period: String,
        /// Only what this province owes or is owed
        #[arg(long, value_name = "NN", value_parser = province)]
        province: Option<ProvinceCode>,
        /// Only what is not settled
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Record a payment that your province has made
    Pay(PayArgs),
    /// Confirm that a payment came
    Confirm {
        /// The payment
        #[arg(value_name = "PAYMENT")]
        payment: String,
        /// How much came, in yuan
        #[arg(long, value_name = "YUAN")]
        amount: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Say that a payment does not count: it came back (退汇), or was recorded wrongly
    Void {
        /// The payment
        #[arg(value_name = "PAYMENT")]
        payment: String,
        /// Why, as a code: BOUNCED, MISBOOKED
        #[arg(long, value_name = "CODE")]
        code: String,
        /// Why, in words; name no person
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Take what is late from the debtor's prefund (预付金) that your province holds
    Cover {
        /// The month, for example 202611
        #[arg(value_name = "PERIOD")]
        period: String,
        /// The province that owes
        #[arg(long, value_name = "NN")]
        from: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Show prefunds (预付金) and their use rates, or record what moves one
    Prefund {
        #[command(subcommand)]
        command: PrefundCommand,
    },
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum PrefundCommand {
    /// List prefunds with their use rates
    List {
        /// Only of or at this province
        #[arg(long, value_name = "NN", value_parser = province)]
        province: Option<ProvinceCode>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Record what moves a prefund, with its document
    Adjust(AdjustArgs),
}

/// What every command that writes has.
#[derive(clap::Args)]
pub(in crate::cli) struct WriteArgs {
    /// Id of this request, a UUID: give it again to repeat the request [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct PayArgs {
    /// The month, for example 202611
    #[arg(value_name = "PERIOD")]
    period: String,
    /// The province that was paid
    #[arg(long, value_name = "NN")]
    to: String,
    /// The bank that carried it
    #[arg(long, value_name = "TEXT")]
    bank: String,
    /// Its serial number there
    #[arg(long, value_name = "TEXT")]
    serial: String,
    /// How much, in yuan
    #[arg(long, value_name = "YUAN")]
    amount: String,
    /// When it was paid
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: String,
    /// It is a part: others follow
    #[arg(long)]
    part: bool,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MoveArg {
    /// The figure of a year, in whole 万元: moves no money
    Figure,
    /// Paid in: the year's figure, or a top-up
    Payment,
    /// Left of the year before
    Carried,
    /// The books were wrong: more, or with "-" less
    Adjustment,
}

#[derive(clap::Args)]
pub(in crate::cli) struct AdjustArgs {
    /// The province whose money it is
    #[arg(long, value_name = "NN")]
    debtor: String,
    /// The province that holds it
    #[arg(long, value_name = "NN")]
    creditor: String,
    /// What moves it
    #[arg(long = "move", value_name = "MOVE")]
    what: MoveArg,
    /// How much, in yuan
    #[arg(long, value_name = "YUAN", allow_hyphen_values = true)]
    amount: String,
    /// The year for which
    #[arg(long, value_name = "YYYY")]
    year: u32,
    /// Bank serial number, or number of the document
    #[arg(long, value_name = "TEXT")]
    reference: String,
    #[command(flatten)]
    write: WriteArgs,
}

fn code(province: Option<ProvinceCode>) -> String {
    province.map_or_else(String::new, |it| it.to_string())
}

pub(super) fn run(command: &Command) -> Exit {
    match command {
        Command::Obligations { period, province, open, call } => list(period, *province, *open, call),
        Command::Pay(args) => {
            let request = RecordPaymentRequest {
                payment_id: id_or_new(args.write.id.as_ref()),
                period_id: args.period.clone(),
                creditor_province_code: args.to.clone(),
                bank: args.bank.clone(),
                serial_number: args.serial.clone(),
                amount: args.amount.clone(),
                pay_date: args.date.clone(),
                is_part: args.part,
            };
            args.write.ask(request, |it| it.obligation)
        }
        Command::Confirm { payment, amount, write } => {
            let request_id = id_or_new(write.id.as_ref());
            let (payment_id, amount) = (payment.clone(), amount.clone());
            write.ask(ConfirmReceiptRequest { request_id, payment_id, amount }, |it| it.obligation)
        }
        Command::Void { payment, code, note, write } => {
            let request_id = id_or_new(write.id.as_ref());
            let (payment_id, reason_code, note) = (payment.clone(), code.clone(), note.clone());
            write.ask(VoidPaymentRequest { request_id, payment_id, reason_code, note }, |it| it.obligation)
        }
        Command::Cover { period, from, write } => {
            let request_id = id_or_new(write.id.as_ref());
            let (period_id, debtor_province_code) = (period.clone(), from.clone());
            let request = CoverObligationRequest { request_id, period_id, debtor_province_code };
            write.ask(request, |it| it.obligation)
        }
        Command::Prefund { command: PrefundCommand::List { province, call } } => {
            call.run(async |connection| {
                let hub = connection.hub_as_operator()?;
                let found = hub.ask(GetPrefundsRequest { province_code: code(*province) }).await?;
                call.output.print(
                    || to_json(&found),
                    || {
                        table::list(
                            PREFUND_HEADER,
                            found.prefunds.iter().map(prefund_cells),
                            &[3, 4, 5, 6, 7],
                        )
                    },
                );
                Ok(Exit::Done)
            })
        }
        Command::Prefund { command: PrefundCommand::Adjust(args) } => adjust(args),
    }
}

fn list(period: &str, province: Option<ProvinceCode>, open_only: bool, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let request = |page_size, page_token| ListObligationsRequest {
            period_id: period.to_owned(),
            province_code: code(province),
            open_only,
            page_size,
            page_token,
        };
        let found = hub.list(usize::MAX, request, |it| (it.obligations, it.next_page_token)).await?.rows;
        call.output.print(
            || json!({ "obligations": all(&found) }),
            || {
                let header =
                    ["period", "owes", "is owed", "amount", "paid", "confirmed", "covered", "state", "due"];
                table::list(header, found.iter().map(cells), &[3, 4, 5, 6])
            },
        );
        Ok(Exit::Done)
    })
}

fn adjust(args: &AdjustArgs) -> Exit {
    let call = &args.write.call;
    call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let what = match args.what {
            MoveArg::Figure => PrefundMove::Figure,
            MoveArg::Payment => PrefundMove::Payment,
            MoveArg::Carried => PrefundMove::Carried,
            MoveArg::Adjustment => PrefundMove::Adjustment,
        };
        let request = AdjustPrefundRequest {
            request_id: id_or_new(args.write.id.as_ref()),
            debtor_province_code: args.debtor.clone(),
            creditor_province_code: args.creditor.clone(),
            r#move: what.into(),
            amount: args.amount.clone(),
            year: args.year,
            reference: args.reference.clone(),
        };
        let found = hub.ask(request).await?.prefund.unwrap_or_default();
        call.output.print(
            || json!({ "prefund": to_json(&found) }),
            || table::list(PREFUND_HEADER, [prefund_cells(&found)], &[3, 4, 5, 6, 7]),
        );
        Ok(Exit::Done)
    })
}

impl WriteArgs {
    /// Asks for something that changes an obligation, and shows how that stands.
    fn ask<M: Method>(&self, request: M, obligation: impl Fn(M::Answer) -> Option<Obligation>) -> Exit {
        self.call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let found = obligation(hub.ask(request).await?).unwrap_or_default();
            self.call.output.print(|| json!({ "obligation": to_json(&found) }), || facts(&shown(&found)));
            Ok(Exit::Done)
        })
    }
}

fn state(it: &Obligation) -> &'static str {
    match it.state() {
        ObligationState::Unspecified => "?",
        ObligationState::Due => "DUE 待付",
        ObligationState::Late => "LATE 逾期",
        ObligationState::Paid => "PAID 已付待确认",
        ObligationState::Covered => "COVERED 预付金已抵付",
        ObligationState::Settled => "SETTLED 已结清",
    }
}

fn due(it: &Obligation) -> String {
    let provisional = if it.due_date_provisional { " (provisional 暂定)" } else { "" };
    format!("{}{provisional}", it.due_date)
}

fn cells(it: &Obligation) -> [String; 9] {
    [
        it.period_id.clone(),
        it.debtor_province_code.clone(),
        it.creditor_province_code.clone(),
        it.amount.clone(),
        it.paid.clone(),
        it.confirmed.clone(),
        it.covered.clone(),
        state(it).to_owned(),
        due(it),
    ]
}

fn shown(it: &Obligation) -> Vec<(&'static str, String)> {
    let [period, debtor, creditor, amount, paid, confirmed, covered, state, due] = cells(it);
    let mut pairs = vec![
        ("period 清算期", period),
        ("owes 应付方", debtor),
        ("is owed 应收方", creditor),
        ("amount 金额", amount),
        ("paid 已登记付款", paid),
        ("confirmed 已确认", confirmed),
        ("covered 预付金抵付", covered),
        ("state 状态", state),
        ("due 付款期限", due),
    ];
    for payment in &it.payments {
        let counts = if payment.void_code.is_empty() { "" } else { " void 作废" };
        let said = format!("{} {} {}{counts}", payment.payment_id, payment.serial_number, payment.amount);
        pairs.push(("payment 付款", said));
    }
    pairs
}

const PREFUND_HEADER: [&str; 9] =
    ["owner", "held by", "year", "figure", "deposited", "available", "open", "unpaid", "use"];

fn prefund_cells(it: &Prefund) -> [String; 9] {
    let alarm = match it.alarm() {
        PrefundAlarm::Unspecified => "",
        PrefundAlarm::Yellow => " YELLOW 黄色预警",
        PrefundAlarm::Red => " RED 红色预警",
    };
    [
        it.debtor_province_code.clone(),
        it.creditor_province_code.clone(),
        it.year.to_string(),
        it.figure.clone(),
        it.deposited.clone(),
        it.available.clone(),
        it.open_position.clone(),
        it.unpaid.clone(),
        format!("{} %{alarm}", it.use_percent),
    ]
}

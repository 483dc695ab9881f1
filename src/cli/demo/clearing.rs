//! A month is cleared: its windows are compared, a planted break is found and closed, its tables are published and
//! signed, what is owed is paid.

use super::clerks::Clerks;
use super::error::DemoError;
use super::folder::Folder;
use super::planted;
use crate::cli::settle::forms::{self, Kind, published};
use crate::devkit::until::until;
use crate::domain::reason::Reason;
use crate::domain::value::{Period, ProvinceCode, Window};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::{
    Break, BreakBucket, ClearingTable, CloseBreakRequest, ClosePeriodRequest, CloseWindowRequest,
    ConfirmReceiptRequest, ListBreaksRequest, ListObligationsRequest, ListTablesRequest, ListWindowsRequest,
    Obligation, ObligationState, PublishPeriodRequest, PublishPeriodResponse, ReconcileWindowRequest,
    ReconcileWindowResponse, ReconciliationState, RecordPaymentRequest, SignPeriodRequest, WindowState,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

/// Who owes in the script's first transfer: 河北. His table with 四川 is signed and paid.
const DEBTOR: &str = "13";
/// Who is owed: 四川. A row of its node's tables is changed.
const CREDITOR: &str = "51";
/// How long hub and provinces may take until all is recorded and compared.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was done, and what came of it.
pub(super) struct Step {
    /// By whom.
    pub(super) who: String,
    /// What, in English.
    pub(super) english: &'static str,
    /// 中文
    pub(super) chinese: &'static str,
    /// What came of it.
    pub(super) result: String,
    /// Whether that is what must.
    pub(super) well: bool,
}

fn step(
    who: impl Into<String>,
    (english, chinese): (&'static str, &'static str),
    (result, well): (String, bool),
) -> Step {
    Step { who: who.into(), english, chinese, result, well }
}

fn new_id() -> String {
    new_transfer_id().to_string()
}

/// What clearing has led to.
pub(super) struct Cleared {
    /// What was done.
    pub(super) steps: Vec<Step>,
    /// The file that was written.
    pub(super) notice: PathBuf,
    /// A table that is left to sign.
    pub(super) unsigned: Option<ClearingTable>,
}

/// The month of a window.
pub(super) struct Clearing<'a> {
    /// Folder with the stores.
    pub(super) folder: &'a Folder,
    /// Who clears.
    pub(super) clerks: &'a Clerks,
    /// The day's window.
    pub(super) window: Window,
}

impl Clearing<'_> {
    fn period(&self) -> Period {
        Period::from(self.window)
    }

    /// On the day itself: its window is closed, and compared with each province.
    pub(super) async fn close_day(&self) -> Result<Step, DemoError> {
        let operator = &self.clerks.operator;
        let request = CloseWindowRequest { window_id: self.window.to_string() };
        let closed = operator.ask(request).await?.window.unwrap_or_default();
        let mut last = ReconcileWindowResponse::default();
        // What was committed a moment ago is still being told to its provinces.
        let agreed = until(PATIENCE, async || {
            last = self.reconcile().await.ok()?;
            in_state(&last, ReconciliationState::Agrees).eq(all(&last)).then_some(())
        })
        .await;
        let agrees: Vec<&str> = in_state(&last, ReconciliationState::Agrees).collect();
        let result = format!("CLOSED 已关闭 {}\nAGREES 一致 {}", closed.window_id, agrees.join(" "));
        let well = closed.state() == WindowState::Closed && agreed.is_some() && !agrees.is_empty();
        let what = (
            "the day's window is closed early; hub and provinces have counted the same",
            "提前关闭当日清算窗口；中心与各省逐省对账一致",
        );
        Ok(step(operator.name(), what, (result, well)))
    }

    /// On the first day of the next month: everything else. `transfer_id`: the first transfer of the script.
    pub(super) async fn clear(&self, transfer_id: &str) -> Result<Cleared, DemoError> {
        let mut steps = vec![self.month_is_over().await?];
        let found = self.plant(transfer_id, &mut steps).await?;
        self.close_and_publish(&mut steps).await?;
        self.correct(&found, &mut steps).await?;
        let published = self.publish(self.period()).await?;
        let what = ("the other table is published as well", "发布其余的清算表");
        let is_all = tables_of(&published).is_some_and(|(count, of)| count == of && of > 0);
        let well = is_all && published.held_up.is_empty();
        steps.push(step(self.clerks.operator.name(), what, (shown(&published), well)));
        let table = self.sign(&mut steps).await?;
        self.pay(&mut steps).await?;
        let (step, notice) = self.write_notice(&table)?;
        steps.push(step);
        let unsigned = self.tables().await?.into_iter().find(|it| it.final_time.is_none());
        Ok(Cleared { steps, notice, unsigned })
    }

    /// The published tables of the month.
    async fn tables(&self) -> Result<Vec<ClearingTable>, DemoError> {
        let request = ListTablesRequest {
            period_id: self.period().to_string(),
            page_size: 1_000,
            ..ListTablesRequest::default()
        };
        Ok(self.clerks.operator.ask(request).await?.tables)
    }

    async fn reconcile(&self) -> Result<ReconcileWindowResponse, DemoError> {
        let request = ReconcileWindowRequest { window_id: self.window.to_string() };
        self.clerks.operator.ask(request).await
    }

    /// Every closed window, in order.
    async fn windows(&self) -> Result<Vec<crate::proto::hub::Window>, DemoError> {
        let (mut windows, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListWindowsRequest { page_size: 1_000, page_token };
            let page = self.clerks.operator.ask(request).await?;
            windows.extend(page.windows.into_iter().filter(|it| it.state() == WindowState::Closed));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(windows);
            }
        }
    }

    async fn month_is_over(&self) -> Result<Step, DemoError> {
        let closed = self.windows().await?;
        let of_month = |it: &&crate::proto::hub::Window| {
            Window::parse(&it.window_id).is_some_and(|window| Period::from(window) == self.period())
        };
        let closed: Vec<_> = closed.iter().filter(of_month).collect();
        let last = Window::from(self.period().last_day()).to_string();
        let well = closed.last().is_some_and(|it| it.window_id == last && it.closer.is_empty());
        let result = format!("{} windows 个清算窗口\nCLOSED 已关闭 … {last}", closed.len());
        let what = (
            "the month is over: the hub has closed every day of it by itself",
            "本月已过：各日清算窗口由中心自动关闭",
        );
        Ok(step("hub 清算中心", what, (result, well)))
    }

    /// Changes a row behind a node's back, and has the hub look for it.
    async fn plant(&self, transfer_id: &str, steps: &mut Vec<Step>) -> Result<Break, DemoError> {
        let creditor = ProvinceCode::parse(CREDITOR).unwrap_or(ProvinceCode::HUB);
        planted::plant(self.folder, creditor, transfer_id)?;
        let compared = self.reconcile().await?;
        let found = self.breaks().await?;
        let [found] = found.as_slice() else {
            return Err(DemoError::Planted(format!("{} breaks were found instead of one", found.len())));
        };
        let commit = found.commit.clone().unwrap_or_default();
        let others: BTreeSet<&str> = in_state(&compared, ReconciliationState::Agrees).collect();
        let well = commit.transfer_id == transfer_id
            && commit.bucket() == BreakBucket::Amount
            && in_state(&compared, ReconciliationState::Differs).eq([CREDITOR])
            && others.len() + 1 == compared.provinces.len();
        let result = format!(
            "AMOUNT 金额不符 {CREDITOR}\nhub 中心 {}, node 节点 {}\n{}",
            commit.hub_amount, commit.node_amount, commit.transfer_id
        );
        let what = (
            "planted: 0.01 more in a row of 四川's tables, behind its node's back; comparing finds it",
            "人为制造差错：绕过四川节点把一行金额改大 0.01 元；对账找出该笔",
        );
        steps.push(step(self.clerks.operator.name(), what, (result, well)));
        Ok(found.clone())
    }

    /// Breaks of the window that are not closed.
    async fn breaks(&self) -> Result<Vec<Break>, DemoError> {
        let request = ListBreaksRequest {
            window_id: self.window.to_string(),
            open_only: true,
            ..ListBreaksRequest::default()
        };
        Ok(self.clerks.operator.ask(request).await?.breaks)
    }

    /// Closes and publishes months that an earlier start left so when it was killed: they come in order.
    async fn close_earlier(&self) -> Result<(), DemoError> {
        let windows = self.windows().await?;
        let month = |it: &crate::proto::hub::Window| Window::parse(&it.window_id).map(Period::from);
        let is_earlier = |it: &&crate::proto::hub::Window| month(it) < Some(self.period());
        for it in windows.iter().filter(is_earlier).filter(|it| !it.reconciled) {
            let request = ReconcileWindowRequest { window_id: it.window_id.clone() };
            self.clerks.operator.ask(request).await?;
        }
        let mut months: Vec<Period> = windows.iter().filter(is_earlier).filter_map(month).collect();
        months.dedup();
        for month in months {
            self.close_period(month).await?;
            self.publish(month).await?;
        }
        Ok(())
    }

    /// Publishes the tables of a month, until nothing is held up any more or patience ends.
    async fn publish(&self, month: Period) -> Result<PublishPeriodResponse, DemoError> {
        let request = || PublishPeriodRequest { period_id: month.to_string() };
        let published = until(PATIENCE, async || {
            let published = self.clerks.operator.ask(request()).await.ok()?;
            published.held_up.is_empty().then_some(published)
        });
        match published.await {
            Some(published) => Ok(published),
            None => self.clerks.operator.ask(request()).await,
        }
    }

    /// Closes the month, and publishes what can be.
    async fn close_and_publish(&self, steps: &mut Vec<Step>) -> Result<(), DemoError> {
        let (operator, period) = (&self.clerks.operator, self.period());
        self.close_earlier().await?;
        let closed = self.close_period(period).await?;
        let result = format!("CLOSED 已关闭 {}\n{} tables 张清算表", closed.period_id, closed.table_count);
        let what = ("the month is closed", "关闭清算期");
        steps.push(step(operator.name(), what, (result, closed.table_count > 0)));

        let mut last = PublishPeriodResponse::default();
        let held_up = until(PATIENCE, async || {
            last = operator.ask(PublishPeriodRequest { period_id: period.to_string() }).await.ok()?;
            let [held_up] = last.held_up.as_slice() else { return None };
            let pair = (held_up.first_province_code.as_str(), held_up.second_province_code.as_str());
            (pair == (DEBTOR, CREDITOR) && held_up.reason == Reason::NotReconciled.code()).then_some(())
        })
        .await;
        let what = (
            "its tables are published; the break holds up one, and no other",
            "发布清算表；差错未关闭，只暂缓所涉两省的一张",
        );
        let result = format!("{}\nNOT_RECONCILED {DEBTOR}-{CREDITOR}", shown(&last));
        steps.push(step(operator.name(), what, (result, held_up.is_some())));
        Ok(())
    }

    async fn close_period(&self, period: Period) -> Result<crate::proto::hub::Period, DemoError> {
        let request = ClosePeriodRequest { request_id: new_id(), period_id: period.to_string(), scheme: 0 };
        Ok(self.clerks.operator.ask(request).await?.period.unwrap_or_default())
    }

    /// The row is put right, and two operators close the break.
    async fn correct(&self, found: &Break, steps: &mut Vec<Step>) -> Result<(), DemoError> {
        let Clerks { operator, second, .. } = self.clerks;
        planted::put_right(self.folder)?;
        let compared = self.reconcile().await?;
        let well = in_state(&compared, ReconciliationState::Agrees).eq(all(&compared));
        let what = (
            "corrected: the row is put right at the node, and compared again",
            "更正：在节点恢复该行原金额，重新对账一致",
        );
        steps.push(step(format!("node:{CREDITOR}"), what, (format!("AGREES 一致 {CREDITOR}"), well)));

        let close = || CloseBreakRequest {
            window_id: found.window_id.clone(),
            province_code: found.province_code.clone(),
            transfer_id: found.commit.clone().unwrap_or_default().transfer_id,
            correction_id: String::new(),
            proof: "row put right, compared again: equal 已更正该行，重新对账一致".to_owned(),
            request_id: new_id(),
        };
        operator.ask(close()).await?;
        let alone = operator.refused(close()).await;
        let closed = second.ask(close()).await?.found.unwrap_or_default();
        let well = alone.as_deref() == Some(Reason::SameOperator.code())
            && closed.close_time.is_some()
            && self.breaks().await?.is_empty();
        let what = (
            "the break is closed by two operators; one alone is refused",
            "由两名操作员关闭差错；一人两次被拒绝",
        );
        let who = format!("{}\n{}", operator.name(), second.name());
        steps.push(step(who, what, ("CLOSED 已关闭".to_owned(), well)));
        Ok(())
    }

    /// Each of the two provinces signs by a maker and a checker.
    async fn sign(&self, steps: &mut Vec<Step>) -> Result<ClearingTable, DemoError> {
        let is_theirs =
            |it: &ClearingTable| it.first_province_code == DEBTOR && it.second_province_code == CREDITOR;
        let mut table = self.tables().await?.into_iter().find(is_theirs).unwrap_or_default();
        for (own, other) in [(DEBTOR, CREDITOR), (CREDITOR, DEBTOR)] {
            let (maker, checker) = self.clerks.office(own)?;
            let request = || SignPeriodRequest {
                request_id: new_id(),
                period_id: self.period().to_string(),
                counter_province_code: other.to_owned(),
                digest: table.digest.clone(),
            };
            maker.ask(request()).await?;
            let alone = maker.refused(request()).await;
            table = checker.ask(request()).await?.table.unwrap_or_default();
            let is_last = own == CREDITOR;
            let well = alone.as_deref() == Some(Reason::SecondPersonNeeded.code())
                && table.final_time.is_some() == is_last;
            let standing = if is_last { "final 已生效" } else { "signed 本省已签署" };
            let result = format!(
                "{DEBTOR}-{CREDITOR} v{}: {standing}\n{DEBTOR} owes 应付 {}\n{CREDITOR} owes 应付 {}",
                table.version, table.first_owes, table.second_owes
            );
            let what = (
                "maker and checker sign the table; one person twice is refused",
                "制表人、复核人签署清算表；一人两次被拒绝",
            );
            let who = format!("{}\n{}", maker.name(), checker.name());
            steps.push(step(who, what, (result, well)));
        }
        Ok(table)
    }

    /// What the two owe each other by the signed table is paid, and confirmed by who was paid.
    async fn pay(&self, steps: &mut Vec<Step>) -> Result<(), DemoError> {
        let (maker, _) = self.clerks.office(DEBTOR)?;
        let request = ListObligationsRequest {
            period_id: self.period().to_string(),
            page_size: 1_000,
            ..ListObligationsRequest::default()
        };
        let owed = maker.ask(request).await?.obligations;
        if owed.is_empty() {
            return Err(DemoError::Call(maker.name(), "nothing is owed by the signed table".to_owned()));
        }
        for it in owed {
            let (debtor, _) = self.clerks.office(&it.debtor_province_code)?;
            let (creditor, _) = self.clerks.office(&it.creditor_province_code)?;
            let payment = RecordPaymentRequest {
                payment_id: new_id(),
                period_id: it.period_id.clone(),
                creditor_province_code: it.creditor_province_code.clone(),
                bank: "示例银行".to_owned(),
                serial_number: format!("DEMO-{}-{}", it.period_id, it.debtor_province_code),
                amount: it.amount.clone(),
                pay_date: self.period().next().first_day().to_string(),
                is_part: false,
            };
            let payment_id = payment.payment_id.clone();
            let paid = debtor.ask(payment).await?.obligation.unwrap_or_default();
            let what = ("what is owed is paid by the banks, and recorded here", "经银行付款后登记");
            steps.push(step(debtor.name(), what, stands(&paid, ObligationState::Paid)));
            let request = ConfirmReceiptRequest { request_id: new_id(), payment_id, amount: it.amount };
            let settled = creditor.ask(request).await?.obligation.unwrap_or_default();
            let what = ("who was paid confirms it", "收款省确认到账");
            steps.push(step(creditor.name(), what, stands(&settled, ObligationState::Settled)));
        }
        Ok(())
    }

    /// The payment notice of the signed table, as finance offices know it.
    fn write_notice(&self, table: &ClearingTable) -> Result<(Step, PathBuf), DemoError> {
        let period = self.period().to_string();
        let path = self.folder.path().join(format!("payment-notice-{DEBTOR}-{period}.xlsx"));
        let form = published(Kind::Payment, &period, DEBTOR, std::slice::from_ref(table));
        let form = form.ok_or_else(|| DemoError::Content(path.clone(), "nothing is signed".to_owned()))?;
        let write = || forms::write(&form, BufWriter::new(File::create(&path)?));
        write().map_err(|error| DemoError::Io(path.clone(), error))?;
        let well = ![&form.maker, &form.rechecker, &form.issued].iter().any(|it| it.is_empty());
        let result = format!("制表 {}  复核 {}\n{}  XLSX", form.maker, form.rechecker, form.issued);
        let what = ("the payment notice of the signed table is written", "依据已签署的清算表生成付款通知书");
        Ok((step("gongji", what, (result, well)), path))
    }
}

fn all(compared: &ReconcileWindowResponse) -> impl Iterator<Item = &str> {
    compared.provinces.iter().map(|it| it.province_code.as_str())
}

/// The provinces of which comparing has led to this.
fn in_state(compared: &ReconcileWindowResponse, state: ReconciliationState) -> impl Iterator<Item = &str> {
    let is = move |it: &&crate::proto::hub::ProvinceReconciliation| it.state() == state;
    compared.provinces.iter().filter(is).map(|it| it.province_code.as_str())
}

/// How many tables are published, and of how many.
fn tables_of(published: &PublishPeriodResponse) -> Option<(u32, u32)> {
    published.period.as_ref().map(|it| (it.published_count, it.table_count))
}

fn shown(published: &PublishPeriodResponse) -> String {
    let (count, of) = tables_of(published).unwrap_or_default();
    format!("published 已发布 {count}/{of}")
}

fn stands(it: &Obligation, must: ObligationState) -> (String, bool) {
    let state = match it.state() {
        ObligationState::Paid => "PAID 已付待确认",
        ObligationState::Settled => "SETTLED 已结清",
        other => other.as_str_name(),
    };
    let (debtor, creditor) = (&it.debtor_province_code, &it.creditor_province_code);
    let result = format!("{state}\n{debtor} → {creditor} {}\ndue 期限 {}", it.amount, it.due_date);
    (result, it.state() == must)
}

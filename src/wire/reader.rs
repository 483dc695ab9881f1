//! What reading a request needs: the places, the form of its texts, and where violations are collected.

use crate::domain::reason::Reason;
use crate::domain::value::{
    Digest, Money, ProvinceCode, RegionCode, RegionDirectory, TextFault, Texts, TransferId,
};
use crate::wire::status::{FieldViolation, Problem};
use std::fmt;

/// Most items of a batch on every method that takes one.
pub const BATCH_MAX: usize = 1000;

/// Reads requests into values of the core.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// All places.
    pub regions: &'a RegionDirectory,
    /// A node's own province: parties and places of another one are refused. None at the hub.
    pub home: Option<ProvinceCode>,
    /// The form in which names and remarks are read.
    pub texts: Texts,
    /// Places that are read though they are not listed any more, or are listed elsewhere.
    pub former: Former<'a>,
}

/// Which places are read as they were once. Whoever reads them compares with what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former<'a> {
    /// None: as they are listed today.
    No,
    /// These pooling areas, and the counties that belong to them by their code, before those of today.
    These(&'a [(RegionCode, ProvinceCode)]),
    /// Every code, as a pooling area of this province, after those of today.
    AllIn(ProvinceCode),
}

impl Former<'_> {
    fn before_today(&self, code: RegionCode) -> Option<(RegionCode, ProvinceCode)> {
        let Former::These(areas) = self else { return None };
        let exact = areas.iter().find(|(area, _)| *area == code);
        exact.or_else(|| areas.iter().find(|(area, _)| belongs(code, *area))).copied()
    }
}

/// Whether a county belongs by its code to a pooling area: of a prefecture, or of a whole province.
fn belongs(county: RegionCode, area: RegionCode) -> bool {
    let (county, area) = (county.number(), area.number());
    let span = if area.is_multiple_of(10_000) { 10_000 } else { 100 };
    area.is_multiple_of(span) && county / span == area / span
}

/// Where in a request a field stands. Made into text only when the field is malformed.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The request itself.
    Root,
    /// A field of a message.
    Field(&'a Path<'a>, &'static str),
    /// An item of a repeated field.
    Item(&'a Path<'a>, &'static str, usize),
}

impl Path<'_> {
    /// A field of the message that stands here.
    pub fn field(&self, name: &'static str) -> Path<'_> {
        Path::Field(self, name)
    }

    /// An item of a repeated field of the message that stands here.
    pub fn item(&self, name: &'static str, index: usize) -> Path<'_> {
        Path::Item(self, name, index)
    }
}

/// "payer.person.id_number", "legs[3].amount".
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = |f: &mut fmt::Formatter<'_>, parent: &Path<'_>| match parent {
            Path::Root => Ok(()),
            Path::Field(..) | Path::Item(..) => write!(f, "{parent}."),
        };
        match self {
            Path::Root => Ok(()),
            Path::Field(parent, name) => after(f, parent).and_then(|()| f.write_str(name)),
            Path::Item(parent, name, index) => after(f, parent).and_then(|()| write!(f, "{name}[{index}]")),
        }
    }
}

/// What was found wrong so far, in the order of checking.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Adds one.
    pub fn add(&mut self, at: &Path<'_>, reason: Reason) {
        self.0.push(FieldViolation { field: at.to_string(), reason, character: None });
    }

    /// The text, or a violation that names the character that may not stand in it.
    pub fn text<T>(
        &mut self,
        at: &Path<'_>,
        (length, content): (Reason, Reason),
        text: Result<T, TextFault>,
    ) -> Option<T> {
        let (reason, character) = match text {
            Ok(text) => return Some(text),
            Err(TextFault::Length) => (length, None),
            Err(TextFault::Character(c)) => (content, Some(c)),
        };
        self.0.push(FieldViolation { field: at.to_string(), reason, character });
        None
    }

    /// The value, or a violation when there is none.
    pub fn need<T>(&mut self, at: &Path<'_>, reason: Reason, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(at, reason);
        }
        value
    }

    /// Adds one that another reading found.
    pub fn push(&mut self, violation: FieldViolation) {
        self.0.push(violation);
    }

    /// Adds what another reading missed (`FIELD_REQUIRED`) in the message that stands at `at`.
    pub fn take_missing(&mut self, at: &Path<'_>, other: &Violations) {
        let dot = if matches!(at, Path::Root) { "" } else { "." };
        for missing in other.0.iter().filter(|violation| violation.reason == Reason::FieldRequired) {
            self.push(FieldViolation {
                field: format!("{at}{dot}{}", missing.field),
                reason: missing.reason,
                character: None,
            });
        }
    }

    /// The first thing found, if any.
    pub fn first(&self) -> Option<&FieldViolation> {
        self.0.first()
    }

    /// The value if it is whole and nothing was found, else what was found.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(Problem::fields(self.0)),
        }
    }
}

/// Reads a message as a whole: what `read` makes of it, or everything that it finds wrong.
///
/// # Errors
/// What was found.
pub fn whole<T>(read: impl FnOnce(&mut Violations) -> Option<T>) -> Result<T, Problem> {
    let mut found = Violations::default();
    let value = read(&mut found);
    found.finish(value)
}

/// Refuses a batch that is empty or has more than 1,000 items.
///
/// # Errors
/// `BATCH_SIZE_INVALID` with `limit` and `value`.
pub fn check_batch(field: &'static str, size: usize) -> Result<(), Problem> {
    if (1..=BATCH_MAX).contains(&size) {
        return Ok(());
    }
    Err(Problem::field(field, Reason::BatchSizeInvalid).with("limit", BATCH_MAX).with("value", size))
}

/// Reads the id of a transfer: `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`.
pub fn transfer_id(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<TransferId> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::TransferIdMalformed };
    found.need(at, reason, TransferId::parse(text))
}

/// Reads the id of a transfer as servers write it to each other: lower case, so that one id is always the same text.
pub fn transfer_id_between_servers(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<TransferId> {
    let id = transfer_id(at, text, found)?;
    found.need(at, Reason::TransferIdMalformed, (id.to_string() == text).then_some(id))
}

/// Reads an amount as servers write it to each other: with two places.
pub fn amount_between_servers(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Money> {
    let amount = amount(at, text, found)?;
    found.need(at, Reason::AmountMalformed, (amount.to_string() == text).then_some(amount))
}

/// Reads an id that is all a request is about, as in `GetTransfer`.
///
/// # Errors
/// `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`, about the field `transfer_id`.
pub fn only_transfer_id(text: &str) -> Result<TransferId, Problem> {
    whole(|found| transfer_id(&Path::Root.field("transfer_id"), text, found))
}

/// Reads an amount of more than zero: `FIELD_REQUIRED`, `AMOUNT_MALFORMED`, `AMOUNT_NOT_POSITIVE`.
pub fn amount(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Money> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::AmountMalformed };
    let amount = found.need(at, reason, Money::parse(text).ok())?;
    found.need(at, Reason::AmountNotPositive, amount.is_positive().then_some(amount))
}

/// Reads a digest of 32 bytes: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn digest(at: &Path<'_>, bytes: &[u8], found: &mut Violations) -> Option<Digest> {
    let reason = if bytes.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
    found.need(at, reason, Digest::from_slice(bytes))
}

/// Reads the caller's key of a request: `FIELD_REQUIRED`, `REQUEST_ID_MALFORMED`.
pub fn request_id(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<String> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RequestIdMalformed };
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    found.need(at, reason, fits.then(|| text.to_owned()))
}

/// Reads a code of why something is done, `CLOCK_REPAIRED`: `FIELD_REQUIRED`, `REASON_CODE_MALFORMED`. Letters and
/// underscores only: it is journaled, and what holds no digit holds no number of a person.
pub fn reason_code(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<String> {
    let fits = (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::ReasonCodeMalformed };
    found.need(at, reason, fits.then(|| text.to_owned()))
}

/// Reads a value of an enum: `FIELD_REQUIRED` for 0, `unknown` for a number that is not listed.
pub fn choice<T>(
    at: &Path<'_>,
    number: i32,
    unknown: Reason,
    value: Option<T>,
    found: &mut Violations,
) -> Option<T> {
    let reason = if number == 0 { Reason::FieldRequired } else { unknown };
    found.need(at, reason, value)
}

/// The value of `all` that the wire writes as this number.
pub fn number_in<T: Copy>(all: &[T], to_proto: impl Fn(T) -> i32, number: i32) -> Option<T> {
    all.iter().copied().find(|it| to_proto(*it) == number)
}

impl Reader<'_> {
    /// Reads a place and finds its pooling area and province: `FIELD_REQUIRED`, `REGION_MALFORMED`, `UNKNOWN_REGION`,
    /// and `REGION_ELSEWHERE` when it is not in the home province.
    pub fn place(
        &self,
        at: &Path<'_>,
        text: &str,
        found: &mut Violations,
    ) -> Option<(RegionCode, ProvinceCode)> {
        let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RegionMalformed };
        let code = found.need(at, reason, RegionCode::parse(text))?;
        if let Some(place) = self.former.before_today(code) {
            return Some(place);
        }
        let former = if let Former::AllIn(province) = self.former { Some((code, province)) } else { None };
        let listed = self.regions.locate(code).map(|area| (area.code, area.province));
        let place = found.need(at, Reason::UnknownRegion, listed.or(former))?;
        let here = self.home.is_none_or(|home| home == place.1);
        found.need(at, Reason::RegionElsewhere, if here { Some(place) } else { former })
    }

    /// Reads a filter by province, two digits; empty means none: `UNKNOWN_REGION`. One that is not listed any more
    /// stays readable.
    pub fn province(&self, at: &Path<'_>, text: &str, found: &mut Violations) -> Option<ProvinceCode> {
        if text.is_empty() {
            return None;
        }
        let known = ProvinceCode::parse(text)
            .filter(|code| self.regions.province(*code).is_some() || code.is_standard());
        found.need(at, Reason::UnknownRegion, known)
    }

    /// Reads an optional remark: `REMARK_TOO_LONG`, `REMARK_MALFORMED`.
    pub fn remark(&self, at: &Path<'_>, text: &str, found: &mut Violations) -> Option<String> {
        found.text(at, (Reason::RemarkTooLong, Reason::RemarkMalformed), (self.texts.remark)(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_county_belongs_to_the_area_of_its_prefecture_or_province() {
        let code = |number| RegionCode::new(number).expect("six digits");
        for (county, area, expected) in [
            (130_102, 130_100, true),
            (130_602, 130_100, false),
            (310_101, 310_000, true),
            (320_101, 310_000, false),
            (130_600, 130_100, false),
            (659_002, 659_001, false),
        ] {
            assert_eq!(belongs(code(county), code(area)), expected, "{county} in {area}");
        }
    }
}

//! The forms in which names and remarks are compared, digested and stored.

use crate::domain::value::text::{is_hidden, is_private_use};
use crate::domain::value::{PersonName, TextFault, Texts};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

/// Longest remark, in characters after normalising.
pub const REMARK_CHARS_MAX: usize = 100;

/// What stands between the parts of a name.
const DOT: char = '\u{b7}';

/// A form of names and remarks. Digests are made of one form and carry its number, so a repeat of what was said under
/// an earlier one is compared under that too. Numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// That of v0.1: NFC, six dots as `·`, trimmed.
    First = 1,
    /// Today's: see [`normalise_name`] and [`normalise_remark`].
    Second = 2,
}

impl Form {
    /// All, today's first.
    pub const ALL: [Form; 2] = [Form::Second, Form::First];
    /// What is said today is digested and stored in this one.
    pub const TODAY: Form = Form::Second;

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// How texts are read in it.
    pub fn texts(self) -> Texts {
        match self {
            Form::First => Texts { name: first::name, remark: first::remark },
            Form::Second => Texts { name: normalise_name, remark: normalise_remark },
        }
    }
}

/// Dots that people and systems put between the parts of a name, all meant as `·`.
const DOTS: [char; 15] = [
    DOT, '\u{2d9}', '\u{1427}', '\u{2022}', '\u{2024}', '\u{2027}', '\u{2219}', '\u{22c5}', '\u{25cf}',
    '\u{2e31}', '\u{2e33}', '\u{30fb}', '\u{318d}', '\u{a78f}', '\u{ff65}',
];
/// Full stops, which are such a dot unless they end a Latin abbreviation ("Jr.").
const STOPS: [char; 4] = ['.', '\u{3002}', '\u{fe52}', '\u{ff61}'];

/// The ideographs that U+2E80 to U+2EF3 stand for (Unicode's EquivalentUnifiedIdeograph); `?` where there is none.
const RADICALS: &str = "\
    ?厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑彐忄心扌攵?旡日月歺母民氵氺灬爫爫丬牛犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀聿肉\
    𦥑艹艹艹虎衤覀西见角𧢲讠贝𧾷车辶辶辶邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟";
/// What U+E815 to U+E864 stand for, where GBK was carried over into the private use of Unicode (FE50 to FEA0).
const GBK: &str = "\
    ⺁𠂇𠂉𠃌⺄㑳㑇⺈⺋龴㖞㘚㘎⺌⺗㥮㤘龵㧏㧟㩳㧐龶龷㭎㱮㳠⺧𡗗龸⺪䁖䅟⺮䌷⺳⺶⺷𢦏䎱䎬⺻䏝䓖䙡䙌龹䜣䜩䝼䞍⻊䥇\
    䥺䥽䦂䦃䦅䦆䦟䦛䦷䦶龺𤇾䲣䲟䲠䲡䱷䲢䴓䴔䴕䴖䴗䴘䴙䶮龻";

/// A name as it is compared: NFC; trimmed; every dot between its parts `·`, without space beside it; one space between
/// Latin words; compatibility forms (radicals, full-width letters, GB 18030's private use) as the character that they
/// stand for. The twelve unified ideographs of the compatibility block stay.
///
/// # Errors
/// `Character`: one that nobody can see or type (controls, bidirectional marks, variation selectors, private use), a
/// space beside an ideograph, a dot at either end. `Length`: empty, or longer than 50 characters.
pub fn normalise_name(name: &str) -> Result<PersonName, TextFault> {
    match folded(name) {
        (_, Some(refused)) => Err(TextFault::Character(refused)),
        (name, None) => PersonName::new(&name).ok_or(TextFault::Length),
    }
}

/// A name that was stored, in today's form: what would be refused today is left out. Nothing when nothing is left.
pub fn stored_name(name: &str) -> Option<PersonName> {
    PersonName::new(&folded(name).0)
}

/// A remark as it is compared and kept: NFC, trimmed. An empty remark is none.
///
/// # Errors
/// `Character`: a control (line breaks too) or a character that nobody sees. `Length`: longer than 100 characters.
pub fn normalise_remark(remark: &str) -> Result<String, TextFault> {
    let normalised: String = remark.trim().nfc().collect();
    if let Some(hidden) = normalised.chars().find(|c| is_hidden(*c)) {
        return Err(TextFault::Character(hidden));
    }
    remark_of(normalised)
}

fn remark_of(trimmed: String) -> Result<String, TextFault> {
    if trimmed.chars().count() <= REMARK_CHARS_MAX { Ok(trimmed) } else { Err(TextFault::Length) }
}

/// A name in today's form without what is refused, and the first character that is.
fn folded(name: &str) -> (String, Option<char>) {
    let (mut said, mut refused, mut space) = (String::new(), None, None);
    for c in name.trim().chars().map(meant).nfc() {
        let last = said.chars().next_back();
        if is_hidden(c) || is_private_use(c) || is_no_character(c) {
            refused.get_or_insert(c);
        } else if c.is_whitespace() {
            space.get_or_insert(c);
        } else if DOTS.contains(&c) || STOPS.contains(&c) && (space.is_some() || !last.is_some_and(is_latin))
        {
            space = None;
            if last != Some(DOT) {
                said.push(DOT);
            }
        } else {
            let space = space.take().zip(last.filter(|last| *last != DOT));
            match space {
                Some((space, last)) if is_ideograph(last) || is_ideograph(c) => {
                    refused.get_or_insert(space);
                }
                Some(_) => said.push(' '),
                None => {}
            }
            said.push(c);
        }
    }
    let inner = said.trim_matches(DOT);
    if inner.len() < said.len() {
        refused.get_or_insert(DOT);
    }
    (inner.to_owned(), refused)
}

/// The character that a compatibility form stands for; itself otherwise.
fn meant(c: char) -> char {
    let c = match c {
        '\u{e815}'..='\u{e864}' => nth(GBK, '\u{e815}', c),
        '\u{e7c7}' => '\u{1e3f}',
        '\u{e7c8}' => '\u{1f9}',
        _ => c,
    };
    match c {
        '\u{2e80}'..='\u{2ef3}' => nth(RADICALS, '\u{2e80}', c),
        '\u{2f00}'..='\u{2fd5}' | '\u{ff01}'..='\u{ff5e}' => {
            let mut one = c;
            // Each of these stands for a single character.
            decompose_compatible(c, |meant| one = meant);
            one
        }
        _ => c,
    }
}

/// The character of a list that begins with `first`; itself where the list has none.
fn nth(list: &str, first: char, c: char) -> char {
    let at = usize::try_from(u32::from(c) - u32::from(first)).unwrap_or(usize::MAX);
    list.chars().nth(at).filter(|found| *found != '?').unwrap_or(c)
}

/// What stands for a character that a system does not have: radicals without one, descriptions, the sign of damage.
fn is_no_character(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fff}' | '\u{303e}' | '\u{fffd}')
}

/// Whether a character is of a script that puts no spaces between words.
fn is_ideograph(c: char) -> bool {
    matches!(
        c,
        '\u{3005}' | '\u{3007}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}'
    )
}

/// Whether a full stop behind this character ends an abbreviation.
fn is_latin(c: char) -> bool {
    c.is_alphanumeric() && !is_ideograph(c)
}

/// The form of v0.1, as it was.
mod first {
    use super::{DOT, PersonName, TextFault, UnicodeNormalization, remark_of};

    const MIDDLE_DOTS: [char; 6] = ['\u{2022}', '\u{30fb}', '\u{2027}', '\u{2219}', '\u{22c5}', '\u{ff65}'];

    pub(super) fn name(name: &str) -> Result<PersonName, TextFault> {
        let one_dot = |c: char| if MIDDLE_DOTS.contains(&c) { DOT } else { c };
        let normalised: String = name.nfc().map(one_dot).collect();
        PersonName::new(normalised.trim()).ok_or(TextFault::Length)
    }

    pub(super) fn remark(remark: &str) -> Result<String, TextFault> {
        let normalised: String = remark.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect();
        remark_of(normalised.trim().to_owned())
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;

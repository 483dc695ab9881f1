//! The worked numbers on the pages for those who write a node, or a finance system, of their own.

use gongji::cli::json::to_json;
use gongji::proto::constraints::KnownConstraints;
use gongji::proto::node::{DemandKind, Leg, LegDemand, LegKind, LegSide, PrepareRequest};
use gongji::proto::types::{InsuranceType, Kinship, Party, Person, Sender};
use prost::Message;
use prost_types::{Duration, Timestamp};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const PAGE: &str = "docs/integrate/write-a-node.md";
const MARKS: [&str; 2] = ["<!-- worked -->\n", "<!-- end of worked -->"];
/// The page for a province's own systems.
const RECONCILE: &str = "docs/integrate/reconcile.md";
/// Transfers: id, hub_seq, fen.
const LEGS: [(&str, u64, u64); 2] =
    [("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a", 41, 40_000), ("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5b", 44, 150)];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

/// A payee's leg whose payer's place sends to residents only. The person is a published specimen of GB 11643.
fn prepare() -> PrepareRequest {
    let residents = i32::from(InsuranceType::Resident);
    let demand = LegDemand { demand: DemandKind::InsuranceTypes.into(), values: vec![residents.to_string()] };
    let constraints = KnownConstraints {
        allowed_insurance_types: vec![residents],
        acceptance: false,
        demands: vec![demand],
    };
    let person = Person { id_number: "440524188001010014".to_owned(), name: "李四".to_owned() };
    let leg = Leg {
        transfer_id: LEGS[0].0.to_owned(),
        side: LegSide::Payee.into(),
        kind: LegKind::CreditWallet.into(),
        party: Some(Party { person: Some(person), region_code: "510100".to_owned() }),
        counter_region_code: "130100".to_owned(),
        kinship: Kinship::Parent.into(),
        amount: "400.00".to_owned(),
        terms_digest: vec![5; 32],
        receipt_time: Some(Timestamp { seconds: 1_795_226_400, nanos: 123_000_000 }),
        time_left: Some(Duration { seconds: 9, nanos: 750_000_000 }),
        constraints: Some(constraints.into()),
        ..Leg::default()
    };
    let sender = Sender {
        incarnation: 3,
        start_id: vec![7; 16],
        sequence: 41,
        head_hash: vec![9; 32],
        ..Sender::default()
    };
    PrepareRequest { sender: Some(sender), legs: vec![leg] }
}

/// The sum of two digests, as one adds numbers by hand: from the last byte on, and what goes beyond the first is gone.
fn added(mut sum: [u8; 32], one: [u8; 32]) -> [u8; 32] {
    let mut carry = false;
    for (digit, more) in sum.iter_mut().zip(one).rev() {
        let (with_more, over) = digit.overflowing_add(more);
        let (with_carry, again) = with_more.overflowing_add(u8::from(carry));
        (*digit, carry) = (with_carry, over || again);
    }
    sum
}

/// What is hashed of the two transfers' legs of one direction, the hashes, and their sum.
fn legs(direction: u8) -> (String, [u8; 32]) {
    let (mut text, mut sum) = (String::new(), [0; 32]);
    for (id, hub_seq, fen) in LEGS {
        let id: [u8; 16] = uuid::Uuid::parse_str(id).expect("a UUID").into_bytes();
        let row = [&hub_seq.to_be_bytes()[..], &id, &[1, direction], &fen.to_be_bytes()].concat();
        let one = sha256(&[&row]);
        sum = added(sum, one);
        writeln!(text, "bytes   {}\nSHA-256 {}", hex(&row), hex(&one)).expect("a string");
    }
    writeln!(text, "SUM     {}", hex(&sum)).expect("a string");
    (text, sum)
}

/// The digest of the same two legs, as its author would add it up.
fn digest_of_paid() -> String {
    format!(
        "`digest` over the same two legs, which were paid (1) by transfers (1), and of each the 34 bytes that are \
         hashed: hub_seq,\nid, kind, direction, fen. Add them as big-endian numbers, and forget what goes beyond 256 \
         bits.\n\n```text\n{}```\n\n",
        legs(1).0
    )
}

fn worked() -> String {
    let request = prepare();
    let bytes = request.encode_to_vec();
    let json = serde_json::to_string_pretty(&to_json(&request)).expect("JSON");
    let mut text = format!(
        "A Prepare with one leg (bytes are shown as hexadecimal digits; the leg was received at \
         10:00:00.123 in Asia/Shanghai):\n\n```json\n{json}\n```\n\nOn the wire it has {} bytes; with fields in the \
         order of their numbers their SHA-256 is\n`{}`.\n\n",
        bytes.len(),
        hex(&sha256(&[&bytes]))
    );
    text += "`set_digest` over two committed legs, and of each the 32 bytes that are hashed: id, hub_seq, fen.\n\n\
             ```text\n";
    let mut sum = [0; 32];
    for (id, hub_seq, fen) in LEGS {
        let id: [u8; 16] = uuid::Uuid::parse_str(id).expect("a UUID").into_bytes();
        let row = [&id[..], &hub_seq.to_be_bytes(), &fen.to_be_bytes()].concat();
        let one = sha256(&[&row]);
        sum.iter_mut().zip(one).for_each(|(sum, byte)| *sum ^= byte);
        writeln!(text, "bytes   {}\nSHA-256 {}", hex(&row), hex(&one)).expect("a string");
    }
    writeln!(text, "XOR     {}\n```\n", hex(&sum)).expect("a string");
    text += &digest_of_paid();
    text += "A chain of two journal records, SHA-256(hash before ‖ sequence as 8 bytes big-endian ‖ bytes), from 32 \
             zero bytes on:\n\n```text\n";
    let mut head = [0; 32];
    for (sequence, record) in [(1_u64, "first"), (2, "second")] {
        head = sha256(&[&head, &sequence.to_be_bytes(), record.as_bytes()]);
        writeln!(text, "sequence {sequence}, bytes \"{record}\": {}", hex(&head)).expect("a string");
    }
    text + "```\n\nA node with this journal says sequence 2 and the second hash in its `Sender`; asked to prove \
            sequence 1, it\nshows the first.\n"
}

#[test]
fn the_page_for_authors_of_nodes_shows_what_is_computed() {
    check(PAGE, &worked());
}

#[test]
fn the_page_for_a_province_s_own_systems_shows_what_is_computed() {
    let ((paid, payer), (received, payee)) = (legs(1), legs(2));
    let text = format!(
        "`payer_digest`, direction 1:\n\n```text\n{paid}```\n\n`payee_digest`, direction 2:\n\n```text\n{received}\
         ```\n\n`digest` of the trailer, the sum of both:\n\n```text\nSUM     {}\n```\n",
        hex(&added(payer, payee))
    );
    check(RECONCILE, &text);
}

/// Compares what stands between the marks of a page with what is computed.
fn check(path: &str, worked: &str) {
    let page = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    let page = page.expect("the page");
    let (before, rest) = page.split_once(MARKS[0]).expect("where the numbers begin");
    let (_, after) = rest.split_once(MARKS[1]).expect("where they end");
    super::check(path, &format!("{before}{}{worked}{}{after}", MARKS[0], MARKS[1]));
}

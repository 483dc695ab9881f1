"""Reads the files of `gongji settle statement` back, with nothing of ours.

    papers.py FOLDER DIGEST WINDOW

CSV, JSON lines and the workbook must have the same rows, and their digest must be the one that the command told. The
forms must add up. The messages of ISO 20022 must be what their schemas allow, element by element.
"""

import csv
import dataclasses
import enum
import hashlib
import json
import re
import sys
import types
import typing
import uuid
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import openpyxl
from pyiso20022.camt.camt_053_001_08 import camt_053_001_08 as camt
from pyiso20022.pacs.pacs_009_001_08 import pacs_009_001_08 as pacs

FOLDER, DIGEST, WINDOW = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
KINDS = {"TRANSFER_KIND_TRANSFER": 1, "TRANSFER_KIND_COMPENSATION": 2}
AMOUNTS = ["400.00", "0.05", "7.00", "1.05"]


def check(condition, what):
    if not condition:
        sys.exit(f"papers.py: {what}")


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r}, not {expected!r}")


def leg_digest(row, direction):
    """SHA-256 of number, id, kind, direction and fen, as docs/integrate/reconcile.md says."""
    fen = int(Decimal(row["amount"]) * 100)
    parts = int(row["hub_seq"]).to_bytes(8, "big") + uuid.UUID(row["transfer_id"]).bytes
    parts += bytes([KINDS[row["kind"]], direction]) + fen.to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(parts).digest(), "big")


def rows():
    raw = (FOLDER / "all.csv").read_bytes()
    check(raw.startswith(b"\xef\xbb\xbf"), "a byte order mark, without which Excel takes the file for GBK")
    table = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
    names = [cell.split(" ")[1] for cell in table[0]]
    found = [dict(zip(names, row, strict=True)) for row in table[1:]]
    lines = (FOLDER / "all.jsonl").read_text(encoding="utf-8").splitlines()
    equal([{name: str(it) for name, it in json.loads(line).items()} for line in lines], found, "JSON lines")
    equal([row["amount"] for row in found], AMOUNTS, "amounts")
    equal({row["window_id"] for row in found}, {WINDOW}, "windows")
    total = sum(leg_digest(row, direction) for row in found for direction in (1, 2)) % 2**256
    equal(f"{total:064x}", DIGEST, "digest")
    return found


def cells(name):
    book = openpyxl.load_workbook(FOLDER / name)
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()], book


def detail(found):
    table, book = cells("all.xlsx")
    equal(book.sheetnames, ["明细1"], "sheets")
    equal(book.properties.created.year, 2000, "a workbook that does not tell when it was made")
    equal(table[0][0], "医保钱包跨省共济资金清算明细", "title")
    check(WINDOW in table[1][0] and table[1][-1] == "单位：元", f"facts: {table[1]}")
    body = table[3:-1]
    equal([row[1] for row in body], [row["hub_seq"] for row in found], "numbers")
    equal([row[2] for row in body], [row["transfer_id"] for row in found], "ids")
    equal([round(Decimal(row[8]), 2) for row in body], [Decimal(it) for it in AMOUNTS], "amounts are numbers")
    equal((table[-1][0], table[-1][8]), ("合计", 408.1), "total")


def form(name, title, unit="单位：元", who=("", "", "", "")):
    table, _ = cells(name)
    equal(table[0][0], title, "title")
    head = next(at for at, row in enumerate(table) if row[0] == "序号")
    check(any(unit in row for row in table[:head]), f"{name}: {unit}")
    end = next(at for at, row in enumerate(table) if row[0] == "合计")
    signed = [str(cell) for cell in table[-1] if cell]
    places = ["制表", "复核", "审核", "日期"]
    equal(signed, [f"{place}：{name}" for place, name in zip(places, who, strict=True)], "who signs")
    return table[head], table[head + 1 : end], table[end]


def forms():
    _, body, total = form("table.xlsx", "医保钱包跨省共济资金清算表")
    expected = [["13", "河北省", 408.05, 0.05], ["14", "山西省", 0, 7], ["51", "四川省", 0.05, 401.05]]
    equal([row[1:] for row in body], expected, "清算表")
    equal(total[3:], [408.1, 408.1], "what is owed is what is owed to somebody")
    head, body, total = form("payment.xlsx", "医保钱包跨省共济资金付款通知书")
    expected = [["14", "山西省", 1, 7], ["51", "四川省", 2, 401.05]]
    equal((head[2], [row[1:] for row in body]), ("收款省", expected), "付款")
    equal(total[3:], [3, 408.05], "付款合计")
    head, body, _ = form("collection.xlsx", "医保钱包跨省共济资金收款通知书")
    equal((head[2], [row[1:] for row in body]), ("付款省", [["51", "四川省", 1, 0.05]]), "收款")
    who = ("李娜", "", "王芳", "2026-02-05")
    _, body, total = form("prefund.xlsx", "医保钱包跨省共济预付金额度表", "单位：万元", who)
    equal([row[1:] for row in body], [["河北省", "四川省", 500, 20, 1, 521, 0.7025]], "预付金")
    equal(total[3:7], [500, 20, 1, 521], "预付金合计")


def inner(kind):
    """The one type of a field, without `None` and `list`."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union, list):
        return next(inner(it) for it in typing.get_args(kind) if it is not type(None))
    return kind


def simple(text, kind, rules, where):
    """A text by the rules of its type."""
    check(text is not None and text.strip() == text and text != "", f"{where}: an empty text")
    for rule, fits in [
        ("max_length", lambda it: len(text) <= it),
        ("min_length", lambda it: len(text) >= it),
        ("pattern", lambda it: re.fullmatch(it, text)),
        ("fraction_digits", lambda it: -Decimal(text).as_tuple().exponent <= it),
        ("total_digits", lambda it: len(Decimal(text).as_tuple().digits) <= it),
        ("min_inclusive", lambda it: Decimal(text) >= it),
    ]:
        check(rule not in rules or fits(rules[rule]), f"{where}: {text!r} against {rule}")
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        check(text in {it.value for it in kind}, f"{where}: {text!r} is no code")


def validate(element, kind, where):
    """An element by a class that was made from the schema: which elements, in which order, with which texts."""
    hints = typing.get_type_hints(kind)
    fields = [(it, inner(hints[it.name]), dict(it.metadata)) for it in dataclasses.fields(kind)]
    attributes = {it[2]["name"] for it in fields if it[2].get("type") == "Attribute"}
    equal(set(element.attrib), attributes, f"{where}: attributes")
    for field, of, rules in fields:
        if rules.get("type") == "Attribute":
            simple(element.attrib[rules["name"]], of, rules, f"{where}@{rules['name']}")
        if field.name == "value":
            simple(element.text, of, rules, where)
    children = [it for it in fields if it[2].get("type") == "Element"]
    space = element.tag.split("}")[0]
    names = [f"{space}}}{it[2]['name']}" for it in children]
    places = [names.index(child.tag) if child.tag in names else None for child in element]
    check(None not in places, f"{where}: {[child.tag for child in element if child.tag not in names]} are not known")
    equal(places, sorted(places), f"{where}: order")
    for place, (field, _, rules) in enumerate(children):
        count = places.count(place)
        check(count > 0 or not rules.get("required"), f"{where}: {rules['name']} is missing")
        check(count >= rules.get("min_occurs", 0), f"{where}: too few of {rules['name']}")
        check(count <= 1 or typing.get_origin(hints[field.name]) is list, f"{where}: {rules['name']} twice")
    for child, place in zip(element, places, strict=True):
        _, of, rules = children[place]
        deeper = f"{where}/{rules['name']}"
        if dataclasses.is_dataclass(of):
            validate(child, of, deeper)
        else:
            check(len(child) == 0, f"{deeper}: a text")
            simple(child.text, of, rules, deeper)


def message(name, schema):
    root = ET.parse(FOLDER / name).getroot()
    equal(root.tag, f"{{{schema.Document.Meta.namespace}}}Document", "document")
    validate(root, schema.Document, name)
    short = {"": schema.Document.Meta.namespace}
    return lambda path: [it.text for it in root.iterfind(path, short)]


def messages(found):
    texts = message("camt053.xml", camt)
    entries = [Decimal(it) for it in texts(".//Ntry/Amt")]
    signs = [{"DBIT": -1, "CRDT": 1}[it] for it in texts(".//Ntry/CdtDbtInd")]
    equal(sum(sign * it for sign, it in zip(signs, entries, strict=True)), Decimal("-408.00"), "net of the entries")
    equal((texts(".//Bal/Amt"), texts(".//Bal/CdtDbtInd")), (["0.00", "408.00"], ["CRDT", "DBIT"]), "balances")
    equal(texts(".//NbOfNtries"), ["4", "1", "3"], "entries")
    equal(texts(".//TxId"), [row["transfer_id"].replace("-", "") for row in found], "ids")
    texts = message("pacs009.xml", pacs)
    equal(texts(".//IntrBkSttlmAmt"), ["7.00", "401.05"], "payments")
    equal(texts(".//NbOfTxs"), ["2"], "count")


def main():
    found = rows()
    detail(found)
    forms()
    messages(found)


if __name__ == "__main__":
    main()

"""Two finance offices: Python, grpcio, a certificate for each person, and stubs made from proto/. Nothing of ours.

    finance.py CONFIG.json

What is to be signed is believed of nobody: the rows of the statement make the digests of the table's lines, the lines
make the table's text, and the text its digest. Only then maker and checker sign, the debtor pays, the creditor confirms.
"""

import hashlib
import json
import sys
import tempfile
import uuid
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import grpc

from client import SECONDS, check, generate, refused

PERIOD = "202611"
PAID, RECEIVED = 1, 2
TRANSFER = 1


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r}, not {expected!r}")


def leg_digest(hub_seq, transfer_id, kind, direction, amount):
    """SHA-256 of number, id, kind, direction and fen, as docs/integrate/reconcile.md says."""
    parts = hub_seq.to_bytes(8, "big") + uuid.UUID(transfer_id).bytes
    parts += bytes([kind, direction]) + int(Decimal(amount) * 100).to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(parts).digest(), "big")


def channel(config, role, address):
    key, cert = (Path(config["certificates"][role][part]).read_bytes() for part in ("key", "cert"))
    root = Path(config["ca"]).read_bytes()
    credentials = grpc.ssl_channel_credentials(root_certificates=root, private_key=key, certificate_chain=cert)
    return grpc.secure_channel(address, credentials)


class Sum:
    """What rows add up to: count, amount, and the digests of the legs that were paid and received."""

    def __init__(self):
        self.count, self.amount, self.digests = 0, Decimal(0), {PAID: 0, RECEIVED: 0}

    def add(self, row):
        self.count += 1
        self.amount += Decimal(row.amount)
        for direction in self.digests:
            its = leg_digest(row.hub_seq, row.transfer_id, row.kind, direction, row.amount)
            self.digests[direction] = (self.digests[direction] + its) % 2**256

    def parts(self):
        paid, received = (self.digests[direction].to_bytes(32, "big") for direction in (PAID, RECEIVED))
        return self.count, f"{self.amount:.2f}", paid, received


class Office:
    """A province's finance office, of which one person is at the keyboard."""

    def __init__(self, config, province, name):
        from gongji.hub.v1 import settlement_service_pb2_grpc
        from gongji.node.v1 import participant_service_pb2_grpc

        self.province, self.person = province, f"urn:gongji:finance:{province}:{name}"
        own = channel(config, f"finance:{province}:{name}", config["hub"])
        self.hub = settlement_service_pb2_grpc.SettlementServiceStub(own)
        # The node is read with the certificate of the province's platform: persons of finance offices have none there.
        node = channel(config, f"platform:{province}", config["nodes"][province])
        self.node = participant_service_pb2_grpc.ParticipantServiceStub(node)

    def statement(self, after=None):
        """Header, rows and trailer of the month, as this province sees it."""
        from gongji.hub.v1 import settlement_statement_pb2 as messages

        asked = messages.GetStatementRequest(period_id=PERIOD, after=after)
        header, rows, trailer = None, [], None
        for part in self.hub.GetStatement(asked, timeout=SECONDS):
            check(trailer is None, "something behind the trailer")
            match part.WhichOneof("part"):
                case "header":
                    header = part.header
                case "rows":
                    rows += part.rows.rows
                case "trailer":
                    trailer = part.trailer
        check(trailer is not None, "a statement without its trailer")
        equal(trailer.count, len(rows), "rows of the trailer")
        digest = sum(sum_of(rows).digests.values()) % 2**256
        equal(trailer.digest, digest.to_bytes(32, "big"), "digest of the trailer")
        return header, rows

    def at_node(self, window_id):
        """What the province's own node has of a window: its legs, and its totals."""
        from gongji.node.v1 import participant_service_pb2 as messages

        asked = messages.InspectRequest(window_id=window_id, page_size=1000)
        answer = self.node.Inspect(asked, timeout=SECONDS)
        check(not answer.next_page_token, "one page is enough here")
        return answer

    def table(self):
        from gongji.hub.v1 import settlement_period_pb2 as messages

        answer = self.hub.ListTables(messages.ListTablesRequest(period_id=PERIOD), timeout=SECONDS)
        tables = [it for it in answer.tables if it.count > 0]
        equal(len(tables), 1, "tables that are not empty")
        return tables[0]

    def signature(self, table, digest=None):
        from gongji.hub.v1 import settlement_period_pb2 as messages

        pair = {table.first_province_code, table.second_province_code}
        (other,) = pair - {self.province}
        return messages.SignPeriodRequest(
            request_id=str(uuid.uuid4()),
            period_id=PERIOD,
            counter_province_code=other,
            digest=digest or digest_of(table),
        )

    def signs(self, table):
        return self.hub.SignPeriod(self.signature(table), timeout=SECONDS).table

    def obligation(self, debtor):
        from gongji.hub.v1 import settlement_payment_pb2 as messages

        answer = self.hub.ListObligations(messages.ListObligationsRequest(period_id=PERIOD), timeout=SECONDS)
        (found,) = [it for it in answer.obligations if it.debtor_province_code == debtor]
        return found


def sum_of(rows):
    total = Sum()
    for row in rows:
        total.add(row)
    return total


def by_line(rows):
    """What rows add up to by payer, payee and kind."""
    sums = defaultdict(Sum)
    for row in rows:
        sums[row.payer_province_code, row.payee_province_code, row.kind].add(row)
    return {line: total.parts() for line, total in sums.items()}


def told(lines):
    """The same, as the hub tells it of a statement's totals or of a table's lines."""
    return {
        (it.payer_province_code, it.payee_province_code, it.kind): (
            it.count,
            it.amount,
            it.payer_digest,
            it.payee_digest,
        )
        for it in lines
    }


def digest_of(table):
    """SHA-256 of the table's text, as settlement_period.proto says."""
    pair = f"{table.first_province_code} {table.second_province_code}"
    text = f"gongji table 1\n{table.period_id}\n{pair}\n{table.version}\n"
    for it in table.lines:
        digests = f"{it.payer_digest.hex()} {it.payee_digest.hex()}"
        text += f"{it.payer_province_code} {it.payee_province_code} {it.kind} {it.count} {it.amount} {digests}\n"
    return hashlib.sha256(text.encode()).digest()


def believes_nobody(office):
    """The table's lines are what the statement's rows and the own node's legs make; gives the table."""
    from gongji.hub.v1 import settlement_statement_pb2 as messages
    from gongji.node.v1 import leg_pb2

    header, rows = office.statement()
    check(len(rows) >= 4, f"{len(rows)} rows")
    equal(told(header.totals), by_line(rows), "totals of the statement")
    own = (row.payer_province_code == office.province or row.payee_province_code == office.province for row in rows)
    check(all(own), "rows of others")

    second = messages.StatementPosition(window_id=rows[1].window_id, hub_seq=rows[1].hub_seq)
    equal(office.statement(after=second)[1], rows[2:], "what comes behind the second row")

    committed = {}
    for window_id in header.window_ids:
        answer = office.at_node(window_id)
        for total in answer.totals:
            of = (total.counter_province_code, total.side, total.kind)
            its = [leg for leg in answer.legs if (leg.counter_region_code[:2], leg.side, leg.kind) == of]
            # A leg's kind says on which account of this side it is; these are all legs of transfers.
            made = sum(leg_digest(leg.hub_seq, leg.transfer_id, TRANSFER, leg.side, leg.amount) for leg in its)
            equal(total.digest, (made % 2**256).to_bytes(32, "big"), f"the node's total of {window_id}")
        for leg in answer.legs:
            equal(leg.state, leg_pb2.LEG_STATE_COMMITTED, "state of a leg in a window")
            committed[leg.transfer_id] = (leg.window_id, leg.hub_seq, leg.amount)
    equal({row.transfer_id: (row.window_id, row.hub_seq, row.amount) for row in rows}, committed, "statement and node")

    table = office.table()
    equal(told(table.lines), by_line(rows), "lines of the table")
    equal(table.digest, digest_of(table), "digest of the table")
    rows[0].amount = f"{Decimal(rows[0].amount) + Decimal('0.01')}"
    check(told(table.lines) != by_line(rows), "a row that was changed is not seen")
    return table


def sign(maker, checker):
    table = believes_nobody(maker)
    code, info = refused(maker.hub.SignPeriod, maker.signature(table, hashlib.sha256(b"another").digest()))
    equal((code, info.reason), (grpc.StatusCode.FAILED_PRECONDITION, "VERSION_SUPERSEDED"), "another digest")
    maker.signs(table)
    code, info = refused(maker.hub.SignPeriod, maker.signature(table))
    equal((code, info.reason), (grpc.StatusCode.FAILED_PRECONDITION, "SECOND_PERSON_NEEDED"), "the maker again")
    table = checker.signs(believes_nobody(checker))
    first = table.first_province_code == maker.province
    signatures = table.first_signatures if first else table.second_signatures
    equal((signatures.maker, signatures.checker), (maker.person, checker.person), "who has signed")
    return table


def pay(debtor, creditor):
    from gongji.hub.v1 import settlement_payment_pb2 as messages

    owed = debtor.obligation(debtor.province)
    amount, cent = Decimal(owed.amount), Decimal("0.01")
    payment = messages.RecordPaymentRequest(
        payment_id=str(uuid.uuid4()),
        period_id=PERIOD,
        creditor_province_code=creditor.province,
        bank="工商银行",
        serial_number=f"P{debtor.province}-1",
        amount=str(amount + cent),
        pay_date="2026-12-02",
    )
    for wrong, difference in [(amount + cent, "0.01"), (amount - cent, "-0.01")]:
        payment.amount = str(wrong)
        code, info = refused(debtor.hub.RecordPayment, payment)
        found = (code, info.reason, info.metadata["difference"])
        equal(found, (grpc.StatusCode.FAILED_PRECONDITION, "PAYMENT_DIFFERS", difference), f"{wrong} paid")
    payment.amount = str(amount)
    first = debtor.hub.RecordPayment(payment, timeout=SECONDS).obligation
    equal(first.state, messages.OBLIGATION_STATE_PAID, "state once it is paid")
    equal(debtor.hub.RecordPayment(payment, timeout=SECONDS).obligation, first, "repeated, it answers otherwise")

    receipt = messages.ConfirmReceiptRequest(request_id=str(uuid.uuid4()), payment_id=payment.payment_id)
    receipt.amount = str(amount - cent)
    code, info = refused(creditor.hub.ConfirmReceipt, receipt)
    equal((info.reason, info.metadata["difference"]), ("PAYMENT_DIFFERS", "-0.01"), "a receipt that is short")
    receipt.amount = str(amount)
    code, info = refused(debtor.hub.ConfirmReceipt, receipt)
    equal((code, info.reason), (grpc.StatusCode.PERMISSION_DENIED, "CREDITOR_ONLY"), "the debtor's own word")
    creditor.hub.ConfirmReceipt(receipt, timeout=SECONDS)
    for office in (debtor, creditor):
        settled = office.obligation(debtor.province)
        found = (settled.state, settled.open, settled.payments[0].confirmer)
        equal(found, (messages.OBLIGATION_STATE_SETTLED, "0.00", creditor.person), f"as {office.province} sees it")


def sees_its_own_side_only(office, other):
    from gongji.hub.v1 import settlement_statement_pb2 as messages

    asked = messages.GetStatementRequest(period_id=PERIOD, province_code=other)
    code, info = refused(lambda request, timeout: list(office.hub.GetStatement(request, timeout=timeout)), asked)
    equal((code, info.reason), (grpc.StatusCode.PERMISSION_DENIED, "PROVINCE_NOT_ALLOWED"), "another's statement")


def main():
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        zhang, li = Office(config, "13", "zhang"), Office(config, "13", "li")
        zhao, qian = Office(config, "51", "zhao"), Office(config, "51", "qian")
        sees_its_own_side_only(zhang, "51")
        check(not sign(zhang, li).HasField("final_time"), "final before the other province has signed")
        check(sign(zhao, qian).HasField("final_time"), "not final when both have signed")
        pay(zhang, zhao)
        pay(qian, li)


if __name__ == "__main__":
    main()

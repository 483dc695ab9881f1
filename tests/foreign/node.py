"""A province's node in another language: written from proto/ and docs/integrate/write-a-node.md alone.

    node.py FOLDER

FOLDER holds config.json (province, address, hub, ca, cert, key), members.csv, and the node's store once it has run
(store.sqlite3; the sealing key stands apart in seal.key). Nothing but the standard library and grpcio. faults.py is the
same node with faults.
"""

import csv
import hashlib
import hmac
import json
import os
import secrets
import socket
import sqlite3
import ssl
import sys
import tempfile
import threading
import time
from concurrent import futures
from decimal import Decimal
from pathlib import Path

import grpc
import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2] / "proto"
GENERATED = tempfile.TemporaryDirectory()
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
OPTIONS = [f"-I{ROOT}", f"-I{WELL_KNOWN}", f"--python_out={GENERATED.name}", f"--grpc_python_out={GENERATED.name}"]
if protoc.main(["protoc", *OPTIONS, *sorted(str(file) for file in ROOT.rglob("*.proto"))]) != 0:
    sys.exit("node.py: proto/ does not compile")
sys.path.append(GENERATED.name)

from google.protobuf.timestamp_pb2 import Timestamp  # noqa: E402
from google.protobuf.unknown_fields import UnknownFieldSet  # noqa: E402
from gongji.hub.v1 import coordinator_service_pb2 as hub_pb  # noqa: E402
from gongji.hub.v1 import coordinator_service_pb2_grpc as hub_grpc  # noqa: E402
from gongji.node.v1 import leg_pb2 as leg_pb  # noqa: E402
from gongji.node.v1 import participant_service_pb2 as node_pb  # noqa: E402
from gongji.node.v1 import participant_service_pb2_grpc as node_grpc  # noqa: E402
from gongji.type.v1 import refusal_pb2, sender_pb2  # noqa: E402

PAYER, PAYEE = leg_pb.LEG_SIDE_PAYER, leg_pb.LEG_SIDE_PAYEE
PREPARED, REFUSED = leg_pb.LEG_STATE_PREPARED, leg_pb.LEG_STATE_REFUSED
COMMITTED, ABORTED = leg_pb.LEG_STATE_COMMITTED, leg_pb.LEG_STATE_ABORTED
ACK = node_pb.AckResult
YES, NO, CONFLICT = node_pb.VERDICT_YES, node_pb.VERDICT_NO, node_pb.VERDICT_CONFLICT
RECORDED, ALREADY, REJECTED = ACK.ACK_RECORDED, ACK.ACK_ALREADY, ACK.ACK_REJECTED
UNAVAILABLE, PRECONDITION = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE IF NOT EXISTS journal (sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS member (number TEXT PRIMARY KEY, name TEXT, region TEXT, type INTEGER, status TEXT,
    balance INTEGER, held INTEGER DEFAULT 0, wallet INTEGER, pending INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS leg (id TEXT, side INTEGER, digest BLOB, state INTEGER, kind INTEGER, member TEXT,
    amount INTEGER, counter TEXT, vote BLOB, record BLOB, window TEXT, hub_seq INTEGER DEFAULT 0, receipt BLOB,
    prepared BLOB, decided BLOB, suspense INTEGER DEFAULT 0, ask_at REAL, PRIMARY KEY (id, side));
CREATE INDEX IF NOT EXISTS leg_by_state ON leg (state, id);
CREATE TABLE IF NOT EXISTS notice (number INTEGER PRIMARY KEY, content BLOB NOT NULL);
"""


def fen(text):
    """"400.00" as 40000; nothing for any other form."""
    yuan, dot, rest = text.partition(".")
    digits = yuan.isascii() and yuan.isdigit() and rest.isascii() and rest.isdigit()
    good = dot and digits and len(rest) == 2 and (yuan == "0" or yuan[0] != "0")
    return int(yuan + rest) if good and int(yuan + rest) > 0 else None


def yuan(amount):
    return f"{Decimal(amount) / 100:.2f}"


def now():
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp


def set_digest(rows):
    """XOR of SHA-256(id ‖ hub_seq ‖ fen) over (id, hub_seq, fen)."""
    total = 0
    for transfer_id, hub_seq, amount in rows:
        row = bytes.fromhex(transfer_id.replace("-", "")) + hub_seq.to_bytes(8, "big") + amount.to_bytes(8, "big")
        total ^= int.from_bytes(hashlib.sha256(row).digest(), "big")
    return total.to_bytes(32, "big")


def digest(rows, side):
    """The sum modulo 2^256 of SHA-256(hub_seq ‖ id ‖ transfer ‖ direction ‖ fen)."""
    total = 0
    for transfer_id, hub_seq, amount in rows:
        row = hub_seq.to_bytes(8, "big") + bytes.fromhex(transfer_id.replace("-", "")) + bytes([1, side])
        total += int.from_bytes(hashlib.sha256(row + amount.to_bytes(8, "big")).digest(), "big")
    return (total % 2**256).to_bytes(32, "big")


class Refused(Exception):
    """The whole call is answered with an error. Its message begins with the reason: that is all a hub needs."""

    def __init__(self, code, reason, text):
        super().__init__(f"{reason}: {text}")
        self.code = code


class Seal:
    """Seals leg records with a key that stands apart from the store."""

    def __init__(self, path):
        if not path.exists():
            path.write_bytes(secrets.token_bytes(32))
        self.key = path.read_bytes()

    def stream(self, nonce, size):
        blocks = (hmac.digest(self.key, b"stream" + nonce + bytes([at]), "sha256") for at in range(size // 32 + 1))
        return b"".join(blocks)[:size]

    def seal(self, plain):
        nonce = secrets.token_bytes(16)
        body = nonce + bytes(a ^ b for a, b in zip(plain, self.stream(nonce, len(plain))))
        return body + hmac.digest(self.key, b"tag" + body, "sha256")

    def open(self, sealed):
        body, tag = sealed[:-32], sealed[-32:]
        if len(body) < 16 or not hmac.compare_digest(tag, hmac.digest(self.key, b"tag" + body, "sha256")):
            return None
        return bytes(a ^ b for a, b in zip(body[16:], self.stream(body[:16], len(body) - 16)))


class Store:
    """SQLite; each change is one durable transaction with a line of the journal, which is 32 random bytes: a store that
    was restored from a copy cannot have drawn the same ones."""

    def __init__(self, folder):
        self.lock = threading.RLock()
        self.db = sqlite3.connect(folder / "store.sqlite3", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
        for row in csv.DictReader((folder / "members.csv").open(encoding="utf-8")):
            self.db.execute(
                "INSERT OR IGNORE INTO member (number, name, region, type, status, balance, wallet)"
                " VALUES (?,?,?,?,?,?,?)",
                (row["id_number"], row["name"], row["region_code"], int(row["type"]), row["status"],
                 fen(row["balance"]) or 0, 0 if row["wallet"] == "open" else None))

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    def run(self, sql, *values):
        return self.db.execute(sql, values)

    def __enter__(self):
        self.lock.acquire()
        self.db.execute("BEGIN IMMEDIATE")
        self.changes = self.db.total_changes
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                if self.db.total_changes != self.changes:
                    self.run("INSERT INTO journal (hash) VALUES (?)", secrets.token_bytes(32))
                self.db.execute("COMMIT")
            else:
                self.db.execute("ROLLBACK")
        finally:
            self.lock.release()

    def meta(self, name):
        row = self.one("SELECT value FROM meta WHERE name = ?", name)
        return row and row["value"]

    def set_meta(self, name, value):
        self.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)

    def hash_at(self, sequence):
        row = self.one("SELECT hash FROM journal WHERE sequence = ?", sequence)
        return row["hash"] if row else b""

    def leg(self, transfer_id, side):
        return self.one("SELECT * FROM leg WHERE id = ? AND side = ?", transfer_id, side)


class Node(node_grpc.ParticipantServiceServicer):
    def __init__(self, folder):
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.store, self.seal = Store(folder), Seal(folder / "seal.key")
        self.start_id = secrets.token_bytes(16)
        self.incarnation = self.store.meta("incarnation") or 0
        self.state = "alone"  # alone, resync, joined
        self.admitted_by, self.admitted_at, self.regions = None, 0, set()
        self.announce_now = threading.Event()

    # ---- who speaks

    def sender(self):
        with self.store.lock:
            row = self.store.one("SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1")
        sequence, head = (row["sequence"], row["hash"]) if row else (0, bytes(32))
        return sender_pb2.Sender(
            incarnation=self.incarnation, start_id=self.start_id, sequence=sequence, head_hash=head)

    def hub_seen(self):
        stored = self.store.meta("hub_seen")
        return sender_pb2.Sender.FromString(stored) if stored else None

    def meet(self, hub, least):
        """Takes the hub as it speaks in a call or an answer; refuses any but the one that has admitted this start."""
        if self.state != "joined" and self.state != least:
            raise Refused(UNAVAILABLE, "NOT_ANNOUNCED", "this node was not admitted yet")
        if hub.incarnation > self.admitted_by.incarnation:
            self.announce_now.set()
            raise Refused(UNAVAILABLE, "NOT_ANNOUNCED", "this start of the hub has not admitted the node")
        if (hub.incarnation, hub.start_id) != (self.admitted_by.incarnation, self.admitted_by.start_id):
            raise Refused(PRECONDITION, "SENDER_REFUSED", "an older hub, or a copy")
        # Calls overtake each other: lower than the highest seen is usual, lower than at the admission is not.
        if hub.sequence < self.admitted_at:
            raise Refused(PRECONDITION, "SENDER_REFUSED", "sent to an earlier start")
        seen = self.hub_seen()
        same = seen and (seen.incarnation, seen.sequence) == (hub.incarnation, hub.sequence)
        if same and seen.head_hash != hub.head_hash:
            raise Refused(PRECONDITION, "SENDER_REFUSED", "another journal")
        # In a resync what was seen is kept out of the store: a backup taken now would hide what it has not got yet.
        newer = not seen or (hub.incarnation, hub.sequence) > (seen.incarnation, seen.sequence)
        if self.state == "joined" and newer:
            self.store.set_meta("hub_seen", hub.SerializeToString())

    def check_caller(self, context, also=()):
        names = context.auth_context()
        found = {name.decode() for key in ("x509_subject_alternative_name", "x509_uri") for name in names.get(key, [])}
        if "urn:gongji:hub" in found:
            return "hub"
        if also and any(name.startswith(also) for name in found):
            return "reader"
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED: only the hub may call this")

    def answer(self, context, work):
        try:
            with self.store:
                answer = work()
        except Refused as refused:
            context.abort(refused.code, str(refused))
        answer.sender.CopyFrom(self.sender())
        return answer

    # ---- Prepare

    def Prepare(self, request, context):
        self.check_caller(context)

        def work():
            self.meet(request.sender, "joined")
            if not 1 <= len(request.legs) <= 1000:
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BATCH_SIZE_INVALID", "1 to 1000 legs")
            return node_pb.PrepareResponse(votes=[self.vote(leg) for leg in request.legs])

        return self.answer(context, work)

    def vote(self, leg):
        side = leg.side
        vote = node_pb.Vote(transfer_id=leg.transfer_id, side=side, terms_digest=leg.terms_digest)
        known = self.store.leg(leg.transfer_id, side)
        if known:
            if known["digest"] == leg.terms_digest and known["state"] != ABORTED and known["vote"]:
                return node_pb.Vote.FromString(known["vote"])
            reason = "ABORTED_BEFORE" if known["state"] == ABORTED else "TERMS_DIFFER"
            vote.verdict = CONFLICT
            vote.refusal.CopyFrom(self.refusal(reason, side))
            return vote
        amount, (reason, facts) = fen(leg.amount), self.judge(leg)
        member = leg.party.person.id_number
        if reason:
            vote.verdict = NO
            vote.refusal.CopyFrom(self.refusal(reason, side, facts))
        else:
            vote.verdict = YES
            column = "held" if side == PAYER else "pending"
            self.store.run(f"UPDATE member SET {column} = {column} + ? WHERE number = ?", amount, member)
            vote.leg_record = self.seal.seal(json.dumps({
                "id": leg.transfer_id, "side": side, "digest": leg.terms_digest.hex(), "kind": leg.kind,
                "member": member, "amount": amount, "counter": leg.counter_region_code,
                "receipt": leg.receipt_time.SerializeToString().hex()}).encode())
        self.store.run(
            "INSERT INTO leg (id, side, digest, state, kind, member, amount, counter, vote, record, receipt, prepared,"
            " ask_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            leg.transfer_id, side, leg.terms_digest, REFUSED if reason else PREPARED, leg.kind, member, amount or 0,
            leg.counter_region_code, vote.SerializeToString(), vote.leg_record,
            leg.receipt_time.SerializeToString(), now().SerializeToString(),
            time.time() + leg.time_left.ToTimedelta().total_seconds())
        return vote

    def judge(self, leg):
        """The first reason against a leg and its facts; nothing when it can be prepared."""
        kinds = {PAYER: leg_pb.LEG_KIND_DEBIT_ACCOUNT, PAYEE: leg_pb.LEG_KIND_CREDIT_WALLET}
        if leg.kind != kinds.get(leg.side):
            return "UNSUPPORTED", {"field": "kind"}
        if leg.accepted:
            return "NOTHING_TO_ACCEPT", {}
        amount, allowed = fen(leg.amount), []
        if amount is None:
            return "AMOUNT_MALFORMED", {"field": "amount"}
        if len(UnknownFieldSet(leg.constraints)):
            return "DEMAND_UNKNOWN", {"demand": "unknown field"}
        for demand in leg.constraints.demands:
            if demand.demand == leg_pb.DEMAND_KIND_INSURANCE_TYPES:
                allowed = [int(value) for value in demand.values]
            elif demand.demand == leg_pb.DEMAND_KIND_ACCEPTANCE:
                return "UNSUPPORTED", {"field": "constraints"}
            else:
                return "DEMAND_UNKNOWN", {"demand": str(demand.demand)}
        if leg.constraints.acceptance:
            return "UNSUPPORTED", {"field": "constraints"}
        allowed = allowed or list(leg.constraints.allowed_insurance_types)
        if leg.counter_region_code not in self.regions:
            return "UNKNOWN_REGION", {"field": "counter_region_code"}
        who, person = ("PAYER", "PAYEE")[leg.side == PAYEE], leg.party.person
        member = self.store.one("SELECT * FROM member WHERE number = ?", person.id_number)
        if not member:
            return f"{who}_NOT_INSURED", {}
        if member["name"] != person.name:
            return f"{who}_IDENTITY_MISMATCH", {}
        if member["status"] != "active":
            return f"{who}_{member['status'].upper()}", {}
        if leg.side == PAYEE:
            if allowed and member["type"] not in allowed:
                return "PAYEE_TYPE_NOT_ALLOWED", {}
            return ("", {}) if member["wallet"] is not None else ("PAYEE_WALLET_NOT_OPEN", {})
        return ("", {}) if member["balance"] - member["held"] >= amount else ("INSUFFICIENT_BALANCE", {})

    def refusal(self, reason, side, facts=None):
        sides = {PAYER: refusal_pb2.REFUSAL_SIDE_PAYER, PAYEE: refusal_pb2.REFUSAL_SIDE_PAYEE}
        return refusal_pb2.Refusal(reason=reason, side=sides[side], metadata=facts or {})

    # ---- Decide

    def Decide(self, request, context):
        self.check_caller(context)

        def work():
            self.meet(request.sender, "resync")
            return node_pb.DecideResponse(acks=[self.decide(decision) for decision in request.decisions])

        return self.answer(context, work)

    def decide(self, order):
        commit = order.outcome == node_pb.OUTCOME_COMMIT
        ack = node_pb.Ack(transfer_id=order.transfer_id, side=order.side, terms_digest=order.terms_digest)
        leg = self.store.leg(order.transfer_id, order.side)
        ack.result, reason = self.carry_out(order, leg, commit)
        if reason:
            ack.refusal.CopyFrom(self.refusal(reason, order.side, {"outcome": "commit" if commit else "abort"}))
        return ack

    def carry_out(self, order, leg, commit):
        """What becomes of a decision: the result, and the reason of a rejection."""
        if order.outcome not in (node_pb.OUTCOME_COMMIT, node_pb.OUTCOME_ABORT):
            return REJECTED, "VALUE_UNSUPPORTED"
        if leg is None:
            if commit:
                return (RECORDED, "") if self.recreate(order) else (REJECTED, "CONTRARY_ORDER")
            self.store.run(
                "INSERT INTO leg (id, side, digest, state, decided) VALUES (?,?,?,?,?)", order.transfer_id, order.side,
                order.terms_digest, ABORTED, order.decide_time.SerializeToString())
            return RECORDED, ""
        same = leg["digest"] == order.terms_digest
        if leg["state"] == PREPARED:
            if not same:
                return REJECTED, "TERMS_DIFFER"
            self.book(leg, order, commit)
            return RECORDED, ""
        if leg["state"] == COMMITTED:
            if commit and not same:
                return REJECTED, "TERMS_DIFFER"
            return (ALREADY, "") if commit else (REJECTED, "CONTRARY_ORDER")
        return (REJECTED, "CONTRARY_ORDER") if commit else (ALREADY, "")

    def book(self, leg, order, commit):
        kept = "held = held" if leg["side"] == PAYER else "pending = pending"
        self.store.run(f"UPDATE member SET {kept} - ? WHERE number = ?", leg["amount"], leg["member"])
        if commit:
            self.move(leg["side"], leg["amount"], leg["member"])
        self.store.run(
            "UPDATE leg SET state = ?, window = ?, hub_seq = ?, decided = ? WHERE id = ? AND side = ?",
            COMMITTED if commit else ABORTED, order.window_id, order.hub_seq,
            order.decide_time.SerializeToString(), leg["id"], leg["side"])

    def move(self, side, amount, member):
        moved = "balance = balance -" if side == PAYER else "wallet = wallet +"
        self.store.run(f"UPDATE member SET {moved} ? WHERE number = ?", amount, member)

    def recreate(self, order):
        """A commit of a leg that this store has lost: from the record that this node sealed when it voted."""
        plain = self.seal.open(order.leg_record)
        was = json.loads(plain) if plain else {}
        if (was.get("id"), was.get("side"), was.get("digest")) != (
                order.transfer_id, order.side, order.terms_digest.hex()):
            return False
        member, amount = self.store.one("SELECT * FROM member WHERE number = ?", was["member"]), was["amount"]
        takes = member and (member["balance"] >= amount if was["side"] == PAYER else member["wallet"] is not None)
        if takes:
            self.move(was["side"], amount, was["member"])
        self.store.run(
            "INSERT INTO leg (id, side, digest, state, kind, member, amount, counter, record, window, hub_seq, receipt,"
            " decided, suspense) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            was["id"], was["side"], order.terms_digest, COMMITTED, was["kind"], was["member"], amount,
            was["counter"], order.leg_record, order.window_id, order.hub_seq, bytes.fromhex(was["receipt"]),
            order.decide_time.SerializeToString(), 0 if takes else 1)
        return True

    # ---- Announce
    def last_notice(self):
        return self.store.one("SELECT MAX(number) AS last FROM notice")["last"] or 0

    def Announce(self, request, context):
        self.check_caller(context)

        def work():
            self.meet(request.sender, "resync")
            if len(request.notices) > 1000:
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BATCH_SIZE_INVALID", "at most 1000 notices")
            for notice in request.notices:
                last = self.last_notice()
                # One that is here already, or that leaves a gap, is told again from the last one on.
                if notice.number > last and notice.previous_number == last:
                    self.store.run("INSERT INTO notice VALUES (?, ?)", notice.number, notice.SerializeToString())
            return node_pb.AnnounceResponse(last_number=self.last_notice())

        return self.answer(context, work)

    # ---- Check, Inspect

    def Check(self, request, context):
        self.check_caller(context)
        with self.store.lock:
            judged = [(leg.side, *self.judge(leg)) for leg in request.legs]
        against = ([self.refusal(reason, side, facts)] if reason else [] for side, reason, facts in judged)
        return node_pb.CheckResponse(results=[node_pb.CheckResult(refusals=refusals) for refusals in against])

    def Inspect(self, request, context):
        own = f"urn:gongji:platform:{self.config['province']}"
        for_hub = self.check_caller(context, ("urn:gongji:operator:", own)) == "hub"
        selector = request.WhichOneof("selector")
        if selector == "notices_above" and for_hub:
            return self.notices(request)
        if selector == "transfer_ids":
            ids = list(request.transfer_ids.transfer_ids)
            where, values = f"id IN ({','.join('?' * len(ids))})", ids
        elif selector == "state":
            where, values = "state = ?", [request.state]
        elif selector == "hub_seq_range":
            last = request.hub_seq_range.last or 2**62
            where, values = f"state = {COMMITTED} AND hub_seq BETWEEN ? AND ?", [request.hub_seq_range.first, last]
        elif selector == "window_id":
            where, values = f"state = {COMMITTED} AND window = ?", [request.window_id]
        else:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED: a selector")
        where += " AND id >= ? AND id <= ?"
        values += [request.first_transfer_id, request.last_transfer_id or "g"]
        size = min(request.page_size or 50, 1000)
        with_records = for_hub and request.with_leg_records
        answer = node_pb.InspectResponse()
        with self.store.lock:
            answer.sender.CopyFrom(self.sender())
            if not request.totals_only:
                order = f"SELECT * FROM leg WHERE {where} AND id > ? ORDER BY id, side LIMIT ?"
                rows = self.store.run(order, *values, request.page_token, size + 1).fetchall()
                answer.legs.extend(self.view(row, with_records) for row in rows[:size])
                answer.next_page_token = rows[size - 1]["id"] if len(rows) > size else ""
            if not request.page_token and not with_records:
                chosen = f"SELECT * FROM leg WHERE {where} AND state = {COMMITTED} ORDER BY id"
                answer.totals.extend(self.totals(self.store.run(chosen, *values).fetchall()))
        return answer

    def notices(self, request):
        """Notices as they came: what a hub that was restored may have lost."""
        size = min(request.page_size or 50, 1000)
        chosen = "SELECT content FROM notice WHERE number > ? ORDER BY number LIMIT ?"
        with self.store.lock:
            answer = node_pb.InspectResponse(sender=self.sender())
            for row in self.store.run(chosen, request.notices_above, size):
                answer.notices.add().ParseFromString(row["content"])
        return answer

    def view(self, row, with_records):
        leg = node_pb.LegView(
            transfer_id=row["id"], side=row["side"], state=row["state"], terms_digest=row["digest"],
            hub_seq=row["hub_seq"])
        if row["kind"]:
            leg.kind, leg.amount, leg.counter_region_code = row["kind"], yuan(row["amount"]), row["counter"]
            if row["prepared"]:
                leg.prepare_time.ParseFromString(row["prepared"])
        if row["state"] == COMMITTED:
            leg.window_id = row["window"]
        if row["decided"]:
            leg.decide_time.ParseFromString(row["decided"])
        if row["vote"] and (vote := node_pb.Vote.FromString(row["vote"])).HasField("refusal"):
            leg.refusal.CopyFrom(vote.refusal)
        if with_records and row["record"]:
            leg.leg_record = row["record"]
            leg.receipt_time.ParseFromString(row["receipt"])
        return leg

    def totals(self, rows):
        groups = {}
        for row in rows:
            groups.setdefault((row["window"], row["counter"][:2], row["side"], row["kind"]), []).append(row)
        for (window, counter, side, kind), legs in groups.items():
            hashed = [(leg["id"], leg["hub_seq"], leg["amount"]) for leg in legs]
            yield node_pb.LegTotal(
                window_id=window, counter_province_code=counter, side=side, kind=kind, count=len(legs),
                amount=yuan(sum(leg["amount"] for leg in legs)),
                set_digest=set_digest(hashed), digest=digest(hashed, side),
                first_transfer_id=legs[0]["id"], last_transfer_id=legs[-1]["id"])

    # ---- towards the hub

    def dial(self):
        """A channel to the hub. grpcio shows no certificate of a server: another connection looks at it."""
        host, port = self.config["hub"].rsplit(":", 1)
        tls = ssl.create_default_context(cafile=self.config["ca"])
        tls.load_cert_chain(self.config["cert"], self.config["key"])
        with socket.create_connection((host, int(port)), 5) as raw, tls.wrap_socket(raw, server_hostname=host) as plain:
            names = plain.getpeercert()["subjectAltName"]
        if ("URI", "urn:gongji:hub") not in names:
            raise OSError(f"no hub answers there, but {names}")
        read = {name: Path(self.config[name]).read_bytes() for name in ("ca", "cert", "key")}
        credentials = grpc.ssl_channel_credentials(read["ca"], read["key"], read["cert"])
        # A restarted hub is found within a second, and not after gRPC's two minutes.
        options = [("grpc.max_reconnect_backoff_ms", 1000), ("grpc.initial_reconnect_backoff_ms", 100)]
        return hub_grpc.CoordinatorServiceStub(grpc.secure_channel(self.config["hub"], credentials, options))

    def announce(self, hub):
        """Announces this start; gives how long to wait before the next time."""
        proof = None
        while True:
            request = hub_pb.AnnounceNodeRequest(
                sender=self.sender(), hub_seen=self.hub_seen(), proof=proof, again=self.state != "alone",
                protocol_version=2, capabilities=[hub_pb.NODE_CAPABILITY_WINDOW_CUTS])
            answer = hub.AnnounceNode(request, timeout=5)
            if answer.state != hub_pb.ANNOUNCE_STATE_PROVE:
                break
            proof = hub_pb.JournalProof(
                sequence=answer.prove_sequence, hash=self.store.hash_at(answer.prove_sequence))
        resync = answer.state == hub_pb.ANNOUNCE_STATE_RESYNC
        with self.store as store:
            seen, spoke = self.hub_seen(), answer.sender
            recovered = seen and seen.incarnation < answer.hub_recovered <= spoke.incarnation
            if seen and not recovered and (
                    spoke.incarnation < seen.incarnation or spoke.incarnation > seen.incarnation
                    and spoke.sequence < seen.sequence):
                raise OSError("an older hub answers: nothing is taken from it")
            new = self.admitted_by is None or self.admitted_by.incarnation != spoke.incarnation
            if self.incarnation != answer.incarnation:
                self.incarnation = answer.incarnation
                store.set_meta("incarnation", answer.incarnation)
            newer = not seen or (spoke.incarnation, spoke.sequence) > (seen.incarnation, seen.sequence)
            if not resync and (recovered or newer):
                store.set_meta("hub_seen", spoke.SerializeToString())
            if self.state == "alone":
                self.admitted_at = spoke.sequence
            elif recovered:
                self.admitted_at = 0
            if new:
                store.run("UPDATE leg SET ask_at = 0 WHERE state = ?", PREPARED)
            self.admitted_by, self.regions = spoke, {region.region_code for region in answer.regions}
            if self.state != (entered := "resync" if resync else "joined"):
                print(f"{entered} as incarnation {self.incarnation}", flush=True)
            self.state = entered
        return 1 if resync else 10

    def resolve(self, hub):
        """Asks about every leg whose decision is overdue."""
        sql = "SELECT * FROM leg WHERE state = ? AND ask_at <= ? LIMIT 1000"
        with self.store.lock:
            due = self.store.run(sql, PREPARED, time.time()).fetchall() if self.state == "joined" else []
        if not due:
            return
        questions = [
            hub_pb.ResolveQuestion(transfer_id=leg["id"], side=leg["side"], terms_digest=leg["digest"]) for leg in due]
        answers = hub.Resolve(hub_pb.ResolveRequest(sender=self.sender(), questions=questions), timeout=5)
        outcomes = {hub_pb.RULING_COMMIT: node_pb.OUTCOME_COMMIT, hub_pb.RULING_ABORT: node_pb.OUTCOME_ABORT}
        with self.store:
            self.meet(answers.sender, "joined")
            for ruling in answers.answers:
                if ruling.ruling in outcomes:
                    self.decide(node_pb.Decision(
                        transfer_id=ruling.transfer_id, side=ruling.side, outcome=outcomes[ruling.ruling],
                        terms_digest=ruling.terms_digest, window_id=ruling.window_id, hub_seq=ruling.hub_seq,
                        decide_time=ruling.decide_time))
                else:
                    wait = time.time() + (ruling.ask_after.ToTimedelta().total_seconds() or 1)
                    self.store.run("UPDATE leg SET ask_at = ? WHERE id = ?", wait, ruling.transfer_id)

    def keep_in_touch(self):
        hub, due, pause = None, 0, 0.1
        while True:
            try:
                hub = hub or self.dial()
                if time.time() >= due or self.announce_now.is_set():
                    self.announce_now.clear()
                    due, pause = time.time() + self.announce(hub), 0.1
                self.resolve(hub)
            except (grpc.RpcError, OSError, Refused) as error:
                words = error.details() if isinstance(error, grpc.RpcError) else str(error)
                print(f"the hub: {words}", flush=True)
                reason = (words or "").split(":")[0]
                if reason == "SENDER_REFUSED" and self.state != "alone" and isinstance(error, grpc.RpcError):
                    os._exit(3)  # a copy of this store was admitted
                if reason == "RECOVERING":
                    self.state, self.admitted_by, due = "alone", None, time.time() + 1
                else:
                    due, pause = time.time() + pause, min(pause * 2, 5)
            self.announce_now.wait(0.1)

    def health(self, _request, _context):
        return b"\x08\x02" if self.state == "alone" else b"\x08\x01"

    def serve(self):
        read = {name: Path(self.config[name]).read_bytes() for name in ("ca", "cert", "key")}
        credentials = grpc.ssl_server_credentials([(read["key"], read["cert"])], read["ca"], True)
        # 1,000 decisions with a leg_record each are more than grpcio takes by itself; the hub pings every 20 s.
        options = {"grpc.max_receive_message_length": 16 << 20, "grpc.http2.min_ping_interval_without_data_ms": 10_000}
        server = grpc.server(futures.ThreadPoolExecutor(16), options=list(options.items()))
        node_grpc.add_ParticipantServiceServicer_to_server(self, server)
        health = {"Check": grpc.unary_unary_rpc_method_handler(self.health)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),))
        if server.add_secure_port(self.config["address"], credentials) == 0:
            sys.exit("node.py: the address is taken")
        server.start()
        print("listening", flush=True)
        self.keep_in_touch()


if __name__ == "__main__":
    Node(Path(sys.argv[1])).serve()

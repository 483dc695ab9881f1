"""A foreign client: Python, grpcio, mTLS, and stubs that it generates from proto/ by itself.

    client.py CONNECT.json

Makes a transfer, repeats it, repeats it with another amount, sees an uninsured relative refused, comes without a
certificate, and compares what the two provinces' ledgers say before and after.
"""

import json
import sys
import tempfile
import uuid
from decimal import Decimal
from pathlib import Path

import grpc
import grpc_tools
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"
SECONDS = 20


def generate(folder):
    """Writes Python stubs of all of proto/ into the folder and makes them importable."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(str(file) for file in PROTO.rglob("*.proto"))
    options = [f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *options, *files]) != 0:
        sys.exit("client.py: proto/ does not compile")
    # `google` is a namespace shared with protobuf's own package: ours comes second.
    sys.path.append(folder)


def check(condition, what):
    if not condition:
        sys.exit(f"client.py: {what}")


class Demo:
    """The running demo, as its connect.json describes it."""

    def __init__(self, path):
        self.connect = json.loads(Path(path).read_text(encoding="utf-8"))
        self.members = self.connect["members"]

    def file(self, name):
        return Path(self.connect[name]).read_bytes()

    def channel(self, address, certificate=True):
        own = {"private_key": self.file("key"), "certificate_chain": self.file("cert")} if certificate else {}
        credentials = grpc.ssl_channel_credentials(root_certificates=self.file("ca"), **own)
        return grpc.secure_channel(address.removeprefix("https://"), credentials)

    def hub(self, certificate=True):
        from gongji.hub.v1 import transfer_service_pb2_grpc as stubs

        return stubs.TransferServiceStub(self.channel(self.connect["hub"], certificate))

    def wallets(self, member):
        from gongji.node.v1 import wallet_service_pb2_grpc as stubs

        return stubs.WalletServiceStub(self.channel(self.connect["nodes"][member["province"]]))

    def payers(self):
        """Members with money whom the demo's own script left alone: no limit of theirs is used up."""
        return [
            one
            for one in self.members
            if one["insurance"] == "employee"
            and one["status"] == "active"
            and not one["in_arrears"]
            and Decimal(one["balance"]) >= 10000
            and has_sent_nothing(self, one)
        ]

    def receivers(self, payer):
        return [
            one
            for one in self.members
            if one["province"] != payer["province"]
            and one["wallet"]
            and one["status"] == "active"
            and not one["in_arrears"]
        ]

    def uninsured(self, payer):
        """Relatives elsewhere whose insurance is not in force, and the reason for which each is refused."""
        reasons = {"suspended": "PAYEE_SUSPENDED", "ended": "PAYEE_ENDED", "none": "PAYEE_NOT_INSURED"}
        elsewhere = (one for one in self.members if one["province"] != payer["province"])
        return [(one, reasons[one["status"]]) for one in elsewhere if one["status"] in reasons]


def party(member):
    from gongji.type.v1 import party_pb2

    person = party_pb2.Person(id_number=member["id_number"], name=member["name"])
    return party_pb2.Party(person=person, region_code=member["region_code"])


def request(payer, receiver, amount, transfer_id=None):
    from gongji.hub.v1 import transfer_service_pb2
    from gongji.type.v1 import kinship_pb2

    return transfer_service_pb2.CreateTransferRequest(
        transfer_id=transfer_id or str(uuid.uuid4()),
        payer=party(payer),
        payee=party(receiver),
        kinship=kinship_pb2.KINSHIP_PARENT,
        amount=amount,
        remark="给家人",
    )


def refused(call, *arguments):
    """The code, the ErrorInfo and the Chinese text of a call that must fail."""
    from google.rpc import error_details_pb2, status_pb2

    try:
        call(*arguments, timeout=SECONDS)
    except grpc.RpcError as error:
        trailer = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        check(trailer is not None, f"no grpc-status-details-bin beside {error.code()}: {error.details()}")
        status = status_pb2.Status.FromString(trailer)
        info, chinese = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
        infos = [detail for detail in status.details if detail.Unpack(info)]
        check(len(infos) == 1, f"{len(infos)} ErrorInfo in one error")
        check(any(detail.Unpack(chinese) for detail in status.details), "no LocalizedMessage")
        check(status.code == error.code().value[0] and status.message == error.details(), "two different errors")
        check(info.domain == "gongji", f"domain {info.domain!r}")
        check(error.details().startswith(f"{info.reason}: "), f"message {error.details()!r} of {info.reason}")
        check(chinese.locale == "zh-CN" and not chinese.message.isascii(), f"no Chinese text: {chinese}")
        return error.code(), info
    sys.exit("client.py: a call that must be refused was answered")


def ledger(demo, member, account):
    """Balance after the newest line, and that line's transfer; zero and none when there is no line."""
    from gongji.node.v1 import wallet_service_pb2

    asked = wallet_service_pb2.ListEntriesRequest(party=party(member), account=account, page_size=1)
    entries = demo.wallets(member).ListEntries(asked, timeout=SECONDS).entries
    return (Decimal(entries[0].balance_after), entries[0]) if entries else (Decimal(0), None)


def has_sent_nothing(demo, member):
    from gongji.node.v1 import entry_pb2, wallet_service_pb2

    account = entry_pb2.ENTRY_ACCOUNT_PERSONAL
    asked = wallet_service_pb2.ListEntriesRequest(party=party(member), account=account, page_size=1000)
    entries = demo.wallets(member).ListEntries(asked, timeout=SECONDS).entries
    return all(entry.kind == entry_pb2.ENTRY_KIND_ALLOTMENT for entry in entries)


def wallet_balance(demo, member):
    from gongji.node.v1 import wallet_service_pb2

    wallet = demo.wallets(member).GetWallet(wallet_service_pb2.GetWalletRequest(party=party(member)), timeout=SECONDS)
    return Decimal(wallet.wallet.balance)


def balances(demo, payer, receiver):
    """What the payer has, what is in each of the two wallets (none for one that is not open)."""
    from gongji.node.v1 import entry_pb2

    account, _ = ledger(demo, payer, entry_pb2.ENTRY_ACCOUNT_PERSONAL)
    own_wallet = wallet_balance(demo, payer) if payer["wallet"] else None
    return account, own_wallet, wallet_balance(demo, receiver)


def allowed_pair(demo):
    """The first payer with a relative to whom the hub says that he may send now."""
    from gongji.hub.v1 import transfer_service_pb2

    hub, reasons = demo.hub(), set()
    for payer in demo.payers():
        for receiver in demo.receivers(payer):
            asked = request(payer, receiver, "0.01")
            answer = hub.CheckTransfer(
                transfer_service_pb2.CheckTransferRequest(
                    payer=asked.payer, payee=asked.payee, kinship=asked.kinship, amount="123.45"
                ),
                timeout=SECONDS,
            )
            check(answer.allowed == (not answer.refusals), "allowed and refusals contradict each other")
            if answer.allowed:
                return payer, receiver
            reasons |= {refusal.reason for refusal in answer.refusals}
    sys.exit(f"client.py: no member may send to any other: {sorted(reasons)}")


def makes_a_transfer_once(demo, payer, receiver):
    from gongji.hub.v1 import transfer_service_pb2
    from gongji.node.v1 import entry_pb2

    hub, amount = demo.hub(), Decimal("123.45")
    account, own_wallet, wallet = balances(demo, payer, receiver)
    asked = request(payer, receiver, str(amount))
    made = hub.CreateTransfer(asked, timeout=SECONDS).transfer
    check(made.state == transfer_service_pb2.TRANSFER_STATE_COMMITTED, f"not committed: {made.refusal.reason}")
    check(made.transfer_id == asked.transfer_id and made.amount == "123.45", "another transfer was answered")
    check(made.payer_recorded and made.payee_recorded and made.hub_seq > 0, "answered before both sides recorded it")
    for shown, member in [(made.payer, payer), (made.payee, receiver)]:
        check(member["id_number"] not in shown.id_number and "*" in shown.name, "a party is not masked")

    repeated = hub.CreateTransfer(asked, timeout=SECONDS).transfer
    check(repeated == made, "repeated, it answers otherwise")
    asked.amount = "123.46"
    code, info = refused(hub.CreateTransfer, asked)
    check(code == grpc.StatusCode.ALREADY_EXISTS and info.reason == "CONTENT_DIFFERS", f"{code} {info.reason}")
    check(info.metadata["field"] == "amount", f"named {info.metadata['field']!r} instead of the amount")

    moved = (account - amount, own_wallet, wallet + amount)
    found = balances(demo, payer, receiver)
    check(found == moved, f"account, own wallet and relative's wallet are {found}, not {moved}")
    _, paid = ledger(demo, payer, entry_pb2.ENTRY_ACCOUNT_PERSONAL)
    _, received = ledger(demo, receiver, entry_pb2.ENTRY_ACCOUNT_WALLET)
    for line in (paid, received):
        same = line.transfer_id == made.transfer_id and Decimal(line.amount) == amount
        check(same, "the ledger names another transfer")
    check(paid.direction == entry_pb2.ENTRY_DIRECTION_DEBIT, "the payer's line is no debit")
    check(received.direction == entry_pb2.ENTRY_DIRECTION_CREDIT, "the relative's line is no credit")


def refuses_the_uninsured(demo, payer):
    from gongji.hub.v1 import transfer_service_pb2
    from gongji.node.v1 import entry_pb2
    from gongji.type.v1 import refusal_pb2

    uninsured = demo.uninsured(payer)
    check(uninsured, "the demo has no member without insurance elsewhere")
    before = ledger(demo, payer, entry_pb2.ENTRY_ACCOUNT_PERSONAL)
    for member, reason in uninsured:
        made = demo.hub().CreateTransfer(request(payer, member, "1.00"), timeout=SECONDS).transfer
        check(made.state == transfer_service_pb2.TRANSFER_STATE_ABORTED, f"a {member['status']} member received")
        check(made.refusal.reason == reason, f"{made.refusal.reason} instead of {reason}")
        check(made.refusal.side == refusal_pb2.REFUSAL_SIDE_PAYEE, "refused by another side")
        check(made.refusal.message.isascii() and not made.refusal.message_zh.isascii(), "a text is missing")
    check(ledger(demo, payer, entry_pb2.ENTRY_ACCOUNT_PERSONAL) == before, "a refused transfer left a line")


def is_nobody_without_a_certificate(demo, payer, receiver):
    code, info = refused(demo.hub(certificate=False).CreateTransfer, request(payer, receiver, "1.00"))
    check(code == grpc.StatusCode.UNAUTHENTICATED and info.reason == "CERTIFICATE_REQUIRED", f"{code} {info.reason}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        demo = Demo(sys.argv[1])
        payer, receiver = allowed_pair(demo)
        makes_a_transfer_once(demo, payer, receiver)
        refuses_the_uninsured(demo, payer)
        is_nobody_without_a_certificate(demo, payer, receiver)


if __name__ == "__main__":
    main()

"""The node of node.py with one fault: what a node must never do, for a hub that must not be harmed by it.

    faults.py FOLDER

The file FOLDER/fault, read at each call, holds one word: a key of VOTES, or one that a method below asks for.
"""

import os
import signal
import sys
import time
from pathlib import Path

from node import NO, PAYEE, Node, node_pb, yuan

# Spoils one vote.
VOTES = {
    "norecord": lambda vote: vote.ClearField("leg_record"),
    "longrecord": lambda vote: setattr(vote, "leg_record", bytes(5000)),
    "digest": lambda vote: setattr(vote, "terms_digest", bytes(32)),
    "hash": lambda vote: setattr(vote, "rulebook_hash", bytes(3)),
    "nountil": lambda vote: setattr(vote, "verdict", node_pb.VERDICT_AWAITING),
    "upper": lambda vote: setattr(vote, "transfer_id", vote.transfer_id.upper()),
}


class Faulty(Node):
    def fault(self):
        file = self.folder / "fault"
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""

    def judge(self, leg):
        if self.fault() == "balance" and leg.side == PAYEE:
            return "PAYEE_WALLET_FROZEN", {"balance": yuan(7700), "field": "77.00"}
        if self.fault() == "payer" and leg.side == PAYEE:
            return "PAYER_SUSPENDED", {}
        return super().judge(leg)

    def answer(self, context, work):
        fault = self.fault()
        if fault == "hang":
            time.sleep(3600)
        answer = super().answer(context, work)
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def Prepare(self, request, context):
        answer, fault = super().Prepare(request, context), self.fault()
        if fault == "fewer":
            del answer.votes[-1]
        if fault == "sender":
            answer.sender.ClearField("start_id")
        for vote in answer.votes:
            if fault in VOTES and vote.verdict != NO:
                VOTES[fault](vote)
        return answer

    def Decide(self, request, context):
        answer, fault = super().Decide(request, context), self.fault()
        if fault == "fewacks":
            del answer.acks[-1]
        for ack in answer.acks:
            if fault == "ackdigest":
                ack.terms_digest = bytes(32)
        return answer


if __name__ == "__main__":
    Faulty(Path(sys.argv[1])).serve()

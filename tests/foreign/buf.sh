#!/usr/bin/env bash
# A client without any file of ours: buf curl learns the services by server reflection, lists them and makes a transfer.
#
#   BUF=path/to/buf tests/foreign/buf.sh CONNECT.json
set -euo pipefail
connect=$1

# A value out of connect.json, by a Python expression over `it`; `pair` is a payer and a relative elsewhere.
ask() {
    python3 - "$connect" "$1" <<'PYTHON'
import json, sys, uuid

it = json.load(open(sys.argv[1], encoding="utf-8"))
insured = [m for m in it["members"] if m["status"] == "active" and not m["in_arrears"]]
rich = [m for m in insured if m["insurance"] == "employee" and float(m["balance"]) >= 10000]
pair = [(a, b) for a in rich for b in insured if b["wallet"] and a["province"] != b["province"]][-1]


def party(member):
    person = {"idNumber": member["id_number"], "name": member["name"]}
    return {"person": person, "regionCode": member["region_code"]}


payer, payee = map(party, pair)
request = {"payer": payer, "payee": payee, "kinship": "KINSHIP_SIBLING", "amount": "12.34"}
print(eval(sys.argv[2]))
PYTHON
}

expect() { # TEXT PATTERN
    if ! grep -q -- "$2" <<<"$1"; then
        printf 'buf: no "%s" in:\n%s\n' "$2" "$1" >&2
        exit 1
    fi
}

hub=$(ask 'it["hub"].removeprefix("https://")')
node=$(ask 'it["nodes"]["13"].removeprefix("https://")')
curl=("$BUF" curl --protocol grpc --cacert "$(ask 'it["ca"]')" --cert "$(ask 'it["cert"]')" --key "$(ask 'it["key"]')")

listed=$("${curl[@]}" --list-services "https://$hub")
for service in Transfer Coordinator Region; do
    expect "$listed" "^gongji.hub.v1.${service}Service$"
done
listed=$("${curl[@]}" --list-services "https://$node")
for service in Participant Member Wallet; do
    expect "$listed" "^gongji.node.v1.${service}Service$"
done
expect "$("${curl[@]}" --list-methods "https://$hub")" "gongji.hub.v1.TransferService/CreateTransfer"

create=https://$hub/gongji.hub.v1.TransferService/CreateTransfer
request=$(ask 'json.dumps({"transferId": str(uuid.uuid4()), **request})')
answer=$("${curl[@]}" --data "$request" "$create")
expect "$answer" '"state": *"TRANSFER_STATE_COMMITTED"'
expect "$answer" '"amount": *"12.34"'
expect "$answer" '"payerRecorded": *true'
expect "$answer" '"payeeRecorded": *true'

# The same again is the same transfer, field by field.
again=$("${curl[@]}" --data "$request" "$create")
same='import json, sys; sys.exit(json.loads(sys.argv[1]) != json.loads(sys.argv[2]))'
if ! python3 -c "$same" "$answer" "$again"; then
    printf 'buf: repeated, it answers otherwise:\n%s\n%s\n' "$answer" "$again" >&2
    exit 1
fi

# An error says its reason in plain text.
request=$(ask 'json.dumps({"transferId": str(uuid.uuid4()), **request, "amount": "1e3"})')
if refused=$("${curl[@]}" --data "$request" "$create" 2>&1); then
    echo "buf: an amount of 1e3 was taken" >&2
    exit 1
fi
expect "$refused" "AMOUNT_MALFORMED"
expect "$refused" "invalid_argument"

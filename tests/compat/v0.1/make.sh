#!/usr/bin/env bash
# How stores.tar.gz and answers.jsonl were made, once, with the program of tag v0.1. They are never made anew: what a later
# program writes is no proof that it reads what v0.1 wrote.
#
#   make.sh PATH/TO/v0.1/gongji PATH/TO/v0.1/deploy
#
# Three servers: the hub, 河北 (13) and 福建 (35), where payees of 莆田 have to accept. All people are invented.
set -euo pipefail
gongji=$(realpath "$1")
deploy=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
cd "$work"
umask 077

declare -A running=()
trap 'for pid in "${running[@]}"; do kill -9 "$pid" || true; done; rm -rf "$work"' EXIT

# --- configuration, as v0.1 has it
cp "$deploy/regions.toml" .
mkdir rulebooks
cp "$deploy/rulebooks/national.toml" "$deploy/demo/rulebooks/example-350300.toml" rulebooks/
common() { # SERVER CERTIFICATE
    printf 'data = "data/%s"\nvault_key = "%s.vault.key"\n' "$1" "$1"
    printf 'reflection = true\ncivil_start = "2026-11-21T10:00:00+08:00"\n'
    printf '[tls]\nca = "certs/ca.pem"\ncert = "certs/%s.pem"\nkey = "certs/%s.key"\n' "$2" "$2"
}
{
    printf 'listen = "127.0.0.1:27000"\n'
    common hub hub
    printf '[[nodes]]\nprovince = "13"\naddress = "https://127.0.0.1:27013"\n'
    printf '[[nodes]]\nprovince = "35"\naddress = "https://127.0.0.1:27035"\n'
    printf '[[apps]]\nname = "demo"\nprovinces = "*"\n'
} >hub.toml
for province in 13 35; do
    {
        printf 'province = "%s"\nlisten = "127.0.0.1:270%s"\n' "$province" "$province"
        common "$province" "node-$province"
        printf '[hub]\naddress = "https://127.0.0.1:27000"\n[[apps]]\nname = "demo"\n'
    } >"$province.toml"
done
"$gongji" certs init --dir certs
for role in hub node:13 node:35 app:demo platform:13 platform:35 operator:ops operator:second; do
    "$gongji" certs issue --dir certs --role "urn:gongji:$role"
done >/dev/null

# --- servers and callers
start() { # SERVER
    local role=node
    if [ "$1" = hub ]; then role=hub; fi
    "$gongji" "$role" --config "$1.toml" >"$1.out" 2>>"$1.log" &
    running[$1]=$!
    until grep -q listening "$1.out"; do sleep 0.1; done
}
cut_off() { # SERVER
    kill -9 "${running[$1]}"
    wait "${running[$1]}" 2>/dev/null || true
    unset "running[$1]"
}
as() { # ROLE COMMAND...
    local name=$1
    shift
    "$gongji" "$@" --hub 127.0.0.1:27000 --node 13=127.0.0.1:27013 --node 35=127.0.0.1:27035 \
        --ca certs/ca.pem --cert "certs/$name.pem" --key "certs/$name.key"
}
person() { # NUMBER NAME REGION
    printf -- '--person\n%s\n--name\n%s\n--region\n%s\n' "$1" "$2" "$3"
}
giver=(--payer 139999198503120173 --payer-name 张建国 --payer-region 130100)
other_giver=(--payer 139999198811010531 --payer-name 陈晓东 --payer-region 130100)
spouse=(--payee 440524188001010014 --payee-name 李秀兰 --payee-region 350100 --kinship spouse)
parent=(--payee 11010519491231002X --payee-name 林国强 --payee-region 350300 --kinship parent)
late=(--payee 139999195608200248 --payee-name 王桂英 --payee-region 350100 --kinship child)
mapfile -t spouse_person < <(person 440524188001010014 李秀兰 350100)
mapfile -t parent_person < <(person 11010519491231002X 林国强 350300)
mapfile -t late_person < <(person 139999195608200248 王桂英 350100)
id() { printf '01990000-0000-7000-8000-0000000000%02d' "$1"; }
refused() { if "$@"; then exit 1; elif [ $? -ne 1 ]; then exit 1; fi; }

start hub
start 13
start 35
cat >13.csv <<'CSV'
id_number,name,region_code,insurance,status,credit
139999198503120173,张建国,130100,employee,active,9000.00
139999198811010531,陈晓东,130100,employee,active,5000.00
139999199005050314,赵立新,130200,employee,suspended,3000.00
CSV
cat >35.csv <<'CSV'
id_number,name,region_code,insurance,status
440524188001010014,李秀兰,350100,resident,active
11010519491231002X,林国强,350300,resident,active
CSV
as platform-13 members import --province 13 --period 202611 13.csv
as platform-35 members import --province 35 35.csv
as platform-35 wallet open "${spouse_person[@]}" --phone 13800000000 --confirmed
as platform-35 wallet open "${parent_person[@]}" --phone 13800000001 --confirmed

# Until the hub reaches both provinces, it refuses; the ids used up so are part of what is kept.
try=50
get_through() { # AMOUNT
    until as app-demo transfer "${giver[@]}" "${spouse[@]}" --amount "$1" --id "$(id $try)"; do
        try=$((try + 1))
        sleep 0.2
    done
    try=$((try + 1))
}
get_through 400.00
as app-demo transfer "${other_giver[@]}" "${spouse[@]}" --amount 120.50 --remark 买药 --id "$(id 2)"
refused as app-demo transfer "${giver[@]}" "${spouse[@]}" --amount 2000.01 --id "$(id 3)"
refused as app-demo transfer --payer 139999199005050314 --payer-name 赵立新 --payer-region 130200 "${spouse[@]}" \
    --amount 10.00 --id "$(id 4)"

# Two operators carry a part back; another proposal is withdrawn, a third one waits.
as operator-ops compensate propose --transfer "$(id 2)" --amount 20.50 --reason "ticket 7" --id "$(id 5)"
as operator-second compensate approve "$(id 5)"
as operator-ops compensate propose --transfer "$(id 2)" --amount 1.00 --reason "ticket 8" --id "$(id 6)"
as operator-second compensate withdraw "$(id 6)"
as operator-ops compensate propose --transfer "$(id 2)" --amount 2.00 --reason "ticket 9" --id "$(id 7)"

# The life of a wallet, and a member kept out of the network settlement.
as platform-35 wallet change-place "${spouse_person[@]}" --use-region 350200
as platform-35 wallet freeze "${parent_person[@]}" --reason TICKET_TEN
as platform-35 wallet unfreeze "${parent_person[@]}" --reason TICKET_TEN
as platform-13 members suspend --person 139999199005050314 --name 赵立新 --region 130200 --from 2026-11-21 --until 2027-11-21

# 福建 loses its store, and with it a person that it has not told anybody about: what was sent to her is recorded again
# from the hub, in suspense, with an incident. Both stores are of a second life then.
"$gongji" backup --config 35.toml --to backups
cat >late.csv <<'CSV'
id_number,name,region_code,insurance,status
139999195608200248,王桂英,350100,resident,active
CSV
as platform-35 members import --province 35 late.csv
as platform-35 wallet open "${late_person[@]}" --phone 13800000002 --confirmed
as app-demo transfer "${other_giver[@]}" "${late[@]}" --amount 33.00 --id "$(id 8)"
cut_off 35
rm -r data/35
"$gongji" restore --config 35.toml --from backups/* --yes
start 35
until as operator-ops incidents --json | grep -q SUSPENSE; do sleep 0.2; done
get_through 0.01

# One transfer waits for its payee. Another was declined while 河北 was gone: the hub has decided, 河北 has voted YES and
# is in doubt.
wait_for() { "$@" || [ $? -eq 2 ]; }
wait_for as app-demo transfer "${giver[@]}" "${parent[@]}" --amount 77.00 --id "$(id 9)"
wait_for as app-demo transfer "${other_giver[@]}" "${parent[@]}" --amount 11.00 --id "$(id 10)"
cut_off 13
wait_for as app-demo transfers decline "$(id 10)" "${parent_person[@]}" --timeout 3s
cut_off hub
cut_off 35
mkdir deploy
cp "$deploy"/{hub,node-13,regions}.toml deploy/
cp -r "$deploy/rulebooks" deploy/
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=2026-11-21 --exclude='*-shm' --exclude=lock \
    {hub,13,35}.toml {hub,13,35}.vault.key regions.toml rulebooks data backups deploy | gzip -9 >"$here/stores.tar.gz"

# --- what v0.1 answers, once everything is told
start hub
start 13
start 35
until [ "$(as operator-ops hub in-flight --json | grep -c transfer_id)" = 1 ]; do sleep 0.1; done
while read -r role command; do
    eval "as $role $command --json" >answer || [ $? -le 1 ]
    python3 -c 'import json, sys
question = {"as": sys.argv[1], "command": sys.argv[2]}
print(json.dumps({**question, "answer": json.loads(open("answer").read())}, ensure_ascii=False))' "$role" "$command"
done >"$here/answers.jsonl" <<'QUESTIONS'
app-demo transfers list
app-demo transfers list --province 35 --state committed
app-demo transfers get 01990000-0000-7000-8000-000000000002 01990000-0000-7000-8000-000000000003
app-demo transfer --payer 139999198811010531 --payer-name 陈晓东 --payer-region 130100 --payee 440524188001010014 --payee-name 李秀兰 --payee-region 350100 --kinship spouse --amount 120.50 --remark 买药 --id 01990000-0000-7000-8000-000000000002
app-demo explain 01990000-0000-7000-8000-000000000003
app-demo wallet get --person 440524188001010014 --name 李秀兰 --region 350100
app-demo wallet get --person 11010519491231002X --name 林国强 --region 350300
app-demo wallet entries --person 440524188001010014 --name 李秀兰 --region 350100
app-demo wallet statement --person 440524188001010014 --name 李秀兰 --region 350100 --from 2026-11-01 --to 2026-11-30
platform-13 wallet get --person 139999198503120173 --name 张建国 --region 130100 --account personal
platform-13 wallet get --person 139999198811010531 --name 陈晓东 --region 130100 --account personal
platform-13 wallet entries --person 139999198811010531 --name 陈晓东 --region 130100 --account personal
operator-ops compensate list
operator-ops incidents
QUESTIONS

# order-place: from orders on standard input to the store, to the broker, to receipts; and all that can be wrong with each.
# What is JSON and what is not: json.bats. What a crash leaves at each step: crash.bats.

# shellcheck disable=SC2154 # status, output, lines and stderr: set by run
# shellcheck disable=SC2153,SC2034 # DATA is set, and PATIENCE read, in helper.bash
# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and what it exports is meant for it alone
# shellcheck disable=SC2016 # what bash -c is given expands there

setup()
{
    load helper
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
    STORE=$XDG_STATE_HOME/order-tools/orders.db
    LOGIN=
}

teardown()
{
    [ -z "$LOGIN" ] || api DELETE "users/$LOGIN"
    tidy
}

# ---- what the tests say often ----

# repeat N TEXT
repeat()
{
    local padding

    printf -v padding '%*s' "$1" ''
    printf '%s' "${padding// /$2}"
}

# own N [USER]: an order that comes with an order_id of its own, number N.
own()
{
    printf '{"order_id":"%s","user_id":"%s","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$(id "$1")" "${2:-u}"
}

id()
{
    printf '018f0000-0000-7000-8000-%012d' "$1"
}

# orders N: so many, of users 1 to N.
orders()
{
    seq -f '{"user_id":"%.0f","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' 1 "$1"
}

# receipt N [STATUS]: that of own N.
receipt()
{
    printf '{"order_id": "%s", "status": "%s"}\n' "$(id "$1")" "${2:-PLACED}"
}

# open_input NAME [OPTIONS]: starts order-place on a pipe that stays open; say puts lines into it, close_input ends it.
open_input()
{
    local name=$1
    shift
    mkfifo "$name.in"
    start "$name" bash -c 'name=$1; shift; exec order-place "$@" <"$name.in"' - "$name" "$@"
    exec {INPUT}>"$name.in"
}

say()
{
    (printf '%s\n' "$@" >&"$INPUT")
}

close_input()
{
    exec {INPUT}>&-
}

# has FILE N: are there so many lines in it?
has()
{
    [ "$(wc -l <"$1")" -eq "$2" ]
}

# stored N [STATUS]: are there so many orders in the store?
stored()
{
    [ "$(order-show --count ${2:+--status "$2"})" -eq "$1" ]
}

# placed_ids: of all messages in the queue, which are taken out, sorted.
placed_ids()
{
    drain "$PLACED_Q" | jq -r '.payload | fromjson | .order_id' | sort
}

# data: what was placed, of each order in the store, to the letter.
data()
{
    order-show --all | sed -E 's/^\{"order_id": "[^"]*", "status": "[A-Z]*", "data": (.*), "placed_at": "[^"]*"\}$/\1/'
}

# same FILE FILE: do two files hold the same JSON values?
same()
{
    jq -ne --slurpfile a "$1" --slurpfile b "$2" '$a == $b' >/dev/null || diff "$1" "$2"
}

# no_queue: nothing was published, not even the queue is there; no_message: it is there, or not, and empty.
no_message()
{
    [ "$(queue-inspect "$PLACED_Q" | jq .ready)" -eq 0 ]
}

# ---- receipts and events ----

@test "order-place: a stream of values, however it is laid out: a receipt each, in the order of the input" {
    # Pretty printed; one a line; two on a line, with nothing between; from DOS; the last without a newline.
    {
        order 1 a | jq --indent 7 .
        order 1 b
        order 1 c
        echo
        printf '%s%s  %s\t' "$(order 1 d)" "$(order 1 e)" "$(order 1 f)"
        order 1 g | jq --tab . | sed 's/$/\r/'
        printf '%s' "$(order 1 h)"
    } >input

    run -0 --separate-stderr order-place <input
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 8 ]
    uuid='[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
    [ "$(grep -cxE "\\{\"order_id\": \"$uuid\", \"status\": \"PLACED\"\\}" <<<"$output")" -eq 8 ]
    jq -r .order_id <<<"$output" >ids
    # Each receipt is that of its order, in the store and on the broker.
    [ "$(order-show <ids | jq -r .data.user_id | tr -d '\n')" = abcdefgh ]
    drain "$PLACED_Q" | jq -r '.payload | fromjson | .order_id + " " + .user_id' | diff - <(paste -d ' ' ids <(printf '%s\n' a b c d e f g h))
}

@test "order-place: ids are UUIDs of version 7 that tell the time and ascend" {
    before=$(date +%s%3N)
    run -0 --separate-stderr order-place < <(orders 2000)
    after=$(date +%s%3N)
    [ "${#lines[@]}" -eq 2000 ]
    jq -r .order_id <<<"$output" >ids
    LC_ALL=C sort -uc ids
    for line in 1 2000; do
        at=$(sed -n "${line}p" ids)
        at=$((16#${at:0:8}${at:9:4}))
        [ "$at" -ge "$before" ]
        [ "$at" -le "$((after + 1))" ]
    done
    # The rest of it is chance: 62 bits of which none repeats.
    [ "$(cut -c 20- ids | sort -u | wc -l)" -eq 2000 ]
}

# uuid5_url NAME: UUID of version 5 in the namespace for URLs, as RFC 9562 says.
uuid5_url()
{
    local hash
    hash=$({
        printf '\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8'
        printf '%s' "$1"
    } | sha1sum)
    printf '%s-%s-5%s-%x%s-%s' "${hash:0:8}" "${hash:8:4}" "${hash:13:3}" "$((0x${hash:16:1} & 3 | 8))" "${hash:17:3}" \
        "${hash:20:12}"
}

@test "order-place: the event on the broker: all its properties, its fields, and none besides" {
    [ "$(uuid5_url urn:order-tools:OrderPlaced:018f0000-0000-7000-8000-00000000000a)" = f2e20e87-e428-50d6-a3e0-c80d9de9f8ea ]
    printf '{"user_id":"Zoë \\"Q\\" \\ud83d\\ude00","note":"no onions","items":[{"qty":2e0,"sku":"\\/a\\\\b","size":"L"},' >input
    printf '{"sku":"日本","qty":1000000}],"restaurant_id":"r","event_type":"x","ts":"y","reason":"z"}' >>input
    before=$(date +%s)
    run -0 --separate-stderr order-place <input
    after=$(date +%s)
    id=$(jq -r .order_id <<<"$output")
    drain "$PLACED_Q" >messages
    has messages 1

    [ "$(jq -r '.exchange + " " + .routing_key' messages)" = 'orders-ex order.placed' ]
    jq -S '.properties | del(.timestamp)' messages >properties
    diff properties - <<END
{
  "app_id": "order-place",
  "content_type": "application/json",
  "correlation_id": "$id",
  "delivery_mode": 2,
  "message_id": "$(uuid5_url "urn:order-tools:OrderPlaced:$id")",
  "type": "OrderPlaced"
}
END
    timestamp=$(jq .properties.timestamp messages)
    [ "$timestamp" -ge "$before" ]
    [ "$timestamp" -le "$after" ]

    jq -r .payload messages >payload
    has payload 1
    jq '. | del(.ts)' payload >event
    jq . - >want <<END
{"event_type":"OrderPlaced","order_id":"$id","user_id":"Zoë \"Q\" 😀","restaurant_id":"r",
 "items":[{"sku":"/a\\\\b","qty":2},{"sku":"日本","qty":1000000}]}
END
    diff event want
    ts=$(jq -r .ts payload)
    [[ $ts =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$ ]]
    [ "$(date -d "$ts" +%s)" -ge "$before" ]
    [ "$(date -d "$ts" +%s)" -le "$after" ]
    # What it does not publish it keeps.
    data | diff - input || data | diff - <(cat input; echo)
}

@test "order-place: one order does not wait for company" {
    open_input place
    say "$(order 1 first)"
    eventually has place.out 1
    holds "$PLACED_Q" 1
    stored 1 PLACED
    say "$(order 1 second)"
    eventually has place.out 2
    close_input
    finish "$PID"
    [ "$status" -eq 0 ]
    [ ! -s place.err ]
}

@test "order-place: half an order is waited for, and placed when the rest comes" {
    open_input place
    printf '%s' "$(order | head -c 20)" >&"$INPUT"
    say ''"$(order | tail -c +21)" "$(order | head -c 30 | tr -d '\n')"
    eventually has place.out 1
    (order | tail -c +31 >&"$INPUT")
    eventually has place.out 2
    close_input
    finish "$PID"
    [ "$status" -eq 0 ]
}

# ---- order_id as the key of idempotency ----

@test "order-place: an order_id of one's own is honoured, in either case" {
    upper=0A1B2C3D-4E5F-4A6B-8C7D-9E8F0A1B2C3D
    order | jq -c --arg id "$upper" '{order_id: $id} + .' >input
    run -0 --separate-stderr order-place <input
    [ "$output" = "{\"order_id\": \"${upper,,}\", \"status\": \"PLACED\"}" ]
    # In any case it is the same one.
    sed "s/$upper/${upper,,}/" input >again
    run -0 --separate-stderr order-place <again
    [ "$output" = "{\"order_id\": \"${upper,,}\", \"status\": \"PLACED\"}" ]
    stored 1
    [ "$(order-show "$upper" | jq -r .order_id)" = "${upper,,}" ]
    drain "$PLACED_Q" >messages
    has messages 1
    [ "$(jq -r .properties.correlation_id messages)" = "${upper,,}" ]
    [ "$(jq -r '.payload | fromjson | .order_id' messages)" = "${upper,,}" ]
    [ "$(jq -r .properties.message_id messages)" = "$(uuid5_url "urn:order-tools:OrderPlaced:${upper,,}")" ]
}

@test "order-place: the same order_id and content again: the same receipt, no second order" {
    own 1 >input
    run -0 --separate-stderr order-place <input
    [ "$output" = "$(receipt 1)" ]
    placed_at=$(order-show "$(id 1)" | jq -r .placed_at)

    # In a later run, in other dress; and twice in one input, new and known, in a batch with others.
    run -0 --separate-stderr order-place < <(jq -S . input)
    [ "$output" = "$(receipt 1)" ]
    {
        own 2
        own 1
        jq '{items, restaurant_id, user_id, order_id}' input
        own 2
        sed 's/"u"/"\\u0075"/; s/"qty":1/"qty":1.0/' input
        own 3
        own 2 | tac -s ,
        own 2
    } | sed 's/^\({.*\),$/\1/' >several
    own 2 | jq -c '{items, order_id, user_id, restaurant_id}' >>several
    sed -i '/^"qty"/d;/tac/d' several
    run -0 --separate-stderr order-place <several
    diff <(echo "$output") <(for n in 2 1 1 2 1 3 2 2; do receipt "$n"; done)
    stored 3
    [ "$(order-show "$(id 1)" | jq -r .placed_at)" = "$placed_at" ]
    [ "$(placed_ids)" = "$(printf '%s\n' "$(id 1)" "$(id 2)" "$(id 3)")" ]
}

@test "order-place: an order that came without an id is the same when it comes with the one it was given" {
    order >input
    run -0 --separate-stderr order-place <input
    first=$output
    jq --argjson receipt "$first" '. + {order_id: $receipt.order_id}' input >again
    run -0 --separate-stderr order-place <again
    [ "$output" = "$first" ]
    stored 1
    holds "$PLACED_Q" 1
    # Without an id it is another one.
    run -0 --separate-stderr order-place <input
    [ "$output" != "$first" ]
    stored 2
    holds "$PLACED_Q" 2
}

@test "order-place: other content under a known order_id is refused, and published by nobody" {
    local change bad=0
    own 1 | jq -c '. + {x: [1, {"n": 9007199254740993}], y: null, z: 1e400}' | sed 's/9007199254740992/9007199254740993/; s/1.797[0-9]*e+308/1e400/' >input
    grep -q '9007199254740993.*1e400' input
    order-place <input >receipts
    # Whatever differs, also in what is not published: and what differs by so little that a double does not tell.
    for change in 's/"user_id":"u"/"user_id":"v"/' 's/"qty":1/"qty":2/' 's/"restaurant_id":"r"/"restaurant_id":"R"/' \
        's/"sku":"s"/"sku":"s "/' 's/"y":null,//' 's/"y":null/"y":false/' 's/\[1,/[1,1,/' 's/\[1,{\(.*\)}\]/[{\1},1]/' \
        's/"y"/"Y"/' 's/}$/,"w":0}/' 's/"x":\[1,/"x":["1",/' 's/\(\[{"sku":"s","qty":1}\)\]/\1,{"sku":"s","qty":1}]/' \
        's/9007199254740993/9007199254740992/' 's/1e400/null/' 's/1e400/1e401/'; do
        sed "$change" input >other
        cmp -s input other && bad=1 && echo "changes nothing: $change" >&2
        run --separate-stderr order-place <other
        if [ "$status" -ne 65 ] || [ -n "$output" ] ||
            [ "$stderr" != "order-place: input 1 (line 1): order_id $(id 1) is taken by an order of other content" ]; then
            echo "$change: exit $status, $output, $stderr" >&2
            bad=1
        fi
    done
    [ "$bad" -eq 0 ]
    data | diff input -
    holds "$PLACED_Q" 1
}

@test "order-place: other content under an order_id of the same input is refused too, and kept verbatim by --rejects" {
    own 1 one >input
    own 2 >>input
    own 1 two | jq . >other
    cat other >>input
    own 1 one | jq . >>input
    own 3 >>input
    run -65 --separate-stderr order-place --rejects rejects <input
    [ "$stderr" = "order-place: input 3 (line 3): order_id $(id 1) is taken by an order of other content" ]
    diff <(echo "$output") <(for n in 1 2 1 3; do receipt "$n"; done)
    cmp other rejects
    order-show "$(id 1)" | jq -r .data.user_id | grep -qx one
    [ "$(placed_ids)" = "$(printf '%s\n' "$(id 1)" "$(id 2)" "$(id 3)")" ]
}

# ---- what an order must be ----

# judge TABLE: places the orders of a table, in one stream, and compares what became of each with what the table says. Each
# line is NAME, VERDICT and ORDER, with tabs between; the verdict is "ok" or the reason for which it is refused.
judge()
{
    local name verdict order line number=0 bad=0
    local -A reason

    cut -f 3 "$1" >stream
    status=0
    order-place --rejects rejects <stream >receipts 2>log || status=$?
    while IFS= read -r line; do
        if [[ $line =~ ^order-place:\ input\ ([0-9]+)\ \(line\ ([0-9]+)\):\ (.*)$ ]] &&
            [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]; then
            reason[${BASH_REMATCH[1]}]=${BASH_REMATCH[3]}
        else
            echo "says: $line" >&2
            bad=1
        fi
    done <log
    : >good
    : >refused
    while IFS=$'\t' read -r name verdict order; do
        number=$((number + 1))
        if [ "${reason[$number]:-ok}" != "$verdict" ]; then
            echo "$name: instead of '$verdict': '${reason[$number]:-ok}'" >&2
            bad=1
        fi
        if [ "$verdict" = ok ]; then
            printf '%s\n' "$order" >>good
        else
            printf '%s\n' "$order" >>refused
        fi
    done <"$1"
    [ "$bad" -eq 0 ] || return 1

    # The good ones, and none but them, are on the broker and in the store; the others among the rejects.
    [ "$status" -eq 65 ] || return 1
    has receipts "$(wc -l <good)" || return 1
    data | diff good - || return 1
    grep -v '^$' rejects | diff refused - || return 1
    drain "$PLACED_Q" | jq -c '.payload | fromjson | {user_id, restaurant_id, items}' >published
    jq -c '{user_id, restaurant_id, items: [.items[] | {sku, qty}]}' good >wanted
    same wanted published
}

# texts FIELD NAME FORMAT: what may stand in a field that is a text, and what not, as a table. FORMAT is an order with %s for
# the member, a comma after it.
texts()
{
    local field=$1 what=$2 format=$3 name verdict value
    {
        printf 'missing\t%s is missing\t\n' "$what"
        while IFS='|' read -r name verdict value; do
            [ "$verdict" = ok ] || verdict="$what $verdict"
            printf '%s\t%s\t"%s":%s,\n' "$name" "$verdict" "$field" "$value"
        done <<END
null|is not a string|null
number|is not a string|7
true|is not a string|true
array|is not a string|["a"]
object|is not a string|{"a":"b"}
empty|is empty|""
one byte|ok|"a"
a space|ok|" "
256 bytes|ok|"$(repeat 256 a)"
257 bytes|is longer than 256 bytes|"$(repeat 257 a)"
128 characters of 2 bytes|ok|"$(repeat 128 é)"
128 characters of 2 bytes and one|is longer than 256 bytes|"$(repeat 128 é)a"
64 characters of 4 bytes|ok|"$(repeat 64 😀)"
the same, escaped|ok|"$(repeat 64 '\ud83d\ude00')"
65 of them, escaped|is longer than 256 bytes|"$(repeat 65 '\uD83D\uDE00')"
256 escapes|ok|"$(repeat 256 '\u0041')"
a long text|is longer than 256 bytes|"$(repeat 10000 a)"
many scripts|ok|"Zoë Ünal 日本語 Ελλ עברית क्षि 😀👩🏽‍🍳"
quotes and slashes|ok|"\"\\\\\/ / ' <>& {} [] : ,"
SOH|has a control character|"a\u0001"
tab|has a control character|"\t"
newline|has a control character|"a\nb"
carriage return|has a control character|"a\r"
ESC|has a control character|"\u001b[31m"
US|has a control character|"\u001f"
the first after the controls|ok|"\u0020"
the last before DEL|ok|"\u007e"
DEL|has a control character|"\u007f"
DEL, raw|has a control character|"a$(printf '\177')"
PAD|has a control character|"\u0080"
NEL|has a control character|"a\u0085b"
CSI, raw|has a control character|"$(printf '\302\233')"
APC|has a control character|"\u009f"
the first after C1|ok|"\u00a0"
Arabic letter mark|has a control character|"\u061c"
zero width joiner|ok|"\u200d"
left-to-right mark|has a control character|"\u200e"
right-to-left mark|has a control character|"\u200f"
hyphen|ok|"\u2010"
line separator|has a control character|"\u2028"
paragraph separator|has a control character|"\u2029"
left-to-right embedding|has a control character|"\u202a"
right-to-left override|has a control character|"u\u202e"
right-to-left override, raw|has a control character|"‮u"
narrow no-break space|ok|"\u202f"
left-to-right isolate|has a control character|"\u2066"
pop isolate|has a control character|"\u2069"
the last but one character|ok|"\udbff\udffe"
END
    } | while IFS=$'\t' read -r name verdict value; do
        # shellcheck disable=SC2059 # it is a format
        printf "%s %s\t%s\t$format\n" "$field" "$name" "$verdict" "$value"
    done
    # A name is a name only in its own case.
    # shellcheck disable=SC2059
    printf "%s in capitals\t%s is missing\t$format\n" "$field" "$what" "\"${field^^}\":\"u\","
}

@test "order-place: user_id, restaurant_id and sku are texts of 1 to 256 bytes without control characters" {
    {
        texts user_id user_id '{%s"restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
        texts restaurant_id restaurant_id '{%s"user_id":"u","items":[{"sku":"s","qty":1}]}'
        texts sku 'items[1].sku' '{"user_id":"u","restaurant_id":"r","items":[{"sku":"a","qty":1},{%s"qty":2}]}'
    } >table
    [ "$(wc -l <table)" -gt 140 ]
    judge table
}

@test "order-place: items are 1 to 1000 objects {sku, qty}, qty an integer from 1 to 1000000" {
    local name verdict value
    items=$(repeat 999 '{"sku":"s","qty":1},')
    {
        while IFS='|' read -r name verdict value; do
            printf '%s\t%s\t{"user_id":"u","restaurant_id":"r"%s}\n' "$name" "$verdict" "$value"
        done <<END
no items|items is missing|
items null|items is not an array|,"items":null
items an object|items is not an array|,"items":{"sku":"s","qty":1}
items a text|items is not an array|,"items":"s"
items a number|items is not an array|,"items":1
no item|items is empty|,"items":[]
one item|ok|,"items":[{"sku":"s","qty":1}]
1000 items|ok|,"items":[$items{"sku":"last","qty":2}]
1001 items|items has more than 1000 entries|,"items":[$items{"sku":"s","qty":1},{"sku":"s","qty":1}]
1000 items, the last without qty|items[999].qty is missing|,"items":[$items{"sku":"s"}]
1000 items of 256 bytes|ok|,"items":[${items//\"s\"/\"$(repeat 256 x)\"}{"sku":"$(repeat 128 é)","qty":1}]
a number for an item|items[0] is not an object|,"items":[1]
null for an item|items[1] is not an object|,"items":[{"sku":"s","qty":1},null]
an array for an item|items[0] is not an object|,"items":[["s",1]]
a text for an item|items[0] is not an object|,"items":["s"]
an empty item|items[0].sku is missing|,"items":[{}]
the second of three|items[1].sku is empty|,"items":[{"sku":"s","qty":1},{"sku":"","qty":0},{}]
more in an item|ok|,"items":[{"sku":"s","qty":1,"note":{"sku":1}}]
the same sku twice|ok|,"items":[{"sku":"s","qty":1},{"sku":"s","qty":1}]
END
        while IFS='|' read -r value verdict; do
            [ "$verdict" = ok ] || verdict="items[0].qty $verdict"
            printf 'qty %s\t%s\t{"user_id":"u","restaurant_id":"r","items":[{"sku":"s"%s}]}\n' "$value" "$verdict" "${value:+,\"qty\":$value}"
        done <<'END'
|is missing
null|is not a number
"1"|is not a number
true|is not a number
[1]|is not a number
{}|is not a number
1|ok
2|ok
1000000|ok
1000001|is not an integer from 1 to 1000000
0|is not an integer from 1 to 1000000
-0|is not an integer from 1 to 1000000
-1|is not an integer from 1 to 1000000
0.5|is not an integer from 1 to 1000000
1.5|is not an integer from 1 to 1000000
999999.5|is not an integer from 1 to 1000000
1000000.5|is not an integer from 1 to 1000000
1e0|ok
1.0|ok
1e2|ok
2.5e1|ok
10E-1|ok
1e6|ok
1e-1|is not an integer from 1 to 1000000
1e7|is not an integer from 1 to 1000000
1e400|is not an integer from 1 to 1000000
-1e400|is not an integer from 1 to 1000000
1e-400|is not an integer from 1 to 1000000
4294967297|is not an integer from 1 to 1000000
18446744073709551617|is not an integer from 1 to 1000000
END
    } >table
    judge table
}

@test "order-place: order_id, if it comes, is a UUID" {
    local name verdict value
    {
        while IFS='|' read -r name verdict value; do
            [ "$verdict" = ok ] || verdict='order_id is not a UUID'
            printf '%s\t%s\t{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"order_id":%s}\n' "$name" "$verdict" "$value"
        done <<'END'
version 7|ok|"018f0000-0000-7000-8000-000000000001"
version 4|ok|"6f9619ff-8b86-4011-b42d-00c04fc964ff"
version 1, capitals|ok|"6BA7B811-9DAD-11D1-80B4-00C04FD430C8"
null||null
number||7
object||{}
empty||""
text||"order 1"
short||"018f0000-0000-7000-8000-00000000001"
long||"018f0000-0000-7000-8000-0000000000011"
no hex digit||"018f0000-0000-7000-8000-00000000000g"
hyphen moved||"018f00000-000-7000-8000-000000000001"
no hyphens||"018f0000000070008000000000000001"
braces||"{018f0000-0000-7000-8000-000000000001}"
URN||"urn:uuid:018f0000-0000-7000-8000-000000000001"
space before||" 018f0000-0000-7000-8000-000000000001"
space after||"018f0000-0000-7000-8000-000000000001 "
END
        printf 'no object\tnot a JSON object\t[{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}]\n'
        printf 'empty object\tuser_id is missing\t{}\n'
    } >table
    judge table
}

@test "order-place: an order may have 1 MiB, and 64 levels; one more of either is refused" {
    frame='{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"x":""}'
    padding=$(repeat $((1048576 - ${#frame})) x)
    # The largest, with others close around it, and one of white space.
    {
        printf '%s' "${frame%\"\}}$padding\"}"
        order 1 between
        printf '%s\n' "${frame%\"\}}y$padding\"}"
        printf '%s%s}\n' "${frame%\}}" "$(repeat $((1048576 - ${#frame})) ' ')"
        printf '%s%s}' "${frame%\}}" "$(repeat $((1048577 - ${#frame})) $'\n')"
        order 1 last
    } >input
    run -65 --separate-stderr order-place --rejects rejects <input
    diff <(echo "$stderr") - <<'END'
order-place: input 3 (line 2): too large
order-place: input 5 (line 4): too large
END
    [ "${#lines[@]}" -eq 4 ]
    data >kept
    cmp <(sed -n 1p kept) <(printf '%s\n' "${frame%\"\}}$padding\"}")
    diff <(sed 1d kept) <(order 1 between; echo "$frame"; order 1 last)
    cmp rejects <(sed -n 2p input; sed '1,3d' input | sed 's/^}{.*/}/')
    holds "$PLACED_Q" 4

    {
        printf 'arrays\tok\t%s\n' "${frame%\"\"\}}$(repeat 63 '[')$(repeat 63 ']')}"
        printf 'one array more\tnested too deeply\t%s\n' "${frame%\"\"\}}$(repeat 64 '[')$(repeat 64 ']')}"
        printf 'objects\tok\t%s\n' "${frame%\"\"\}}$(repeat 63 '{"":')0$(repeat 63 '}')}"
        printf 'one object more\tnested too deeply\t%s\n' "${frame%\"\"\}}$(repeat 64 '{"":')0$(repeat 64 '}')}"
    } >table
    rm rejects
    drain "$PLACED_Q" >/dev/null
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/depth
    judge table
}

# ---- input that is none ----

@test "order-place: refused input is told by its number and line, and the rest goes on" {
    cat >input <<'END'
{
  "user_id": "good 1",
  "restaurant_id": "r", "items": [{"sku": "s", "qty": 1}]
}

{
  "user_id": "bad", "restaurant_id": "r",
  "items": []
} {"user_id":"good 2","restaurant_id":"r","items":[{"sku":"s","qty":1}]} []
{
  "user_id": "a syntax error",
  "restaurant_id": 'r',
  "items": [
    {"sku": "s", "qty": 1}
  ]
}
this line goes with it
{"user_id":"good 3","restaurant_id":"r","items":[{"sku":"s","qty":1}]} {"lost"} {"user_id":"after it on the line"}
 {"user_id":"not at the start of a line"}
{"user_id":"not closed","restaurant_id":"r","items":[{"sku":"s","qty":1}]
{"user_id":"good 4","restaurant_id":"r","items":[{"sku":"s","qty":1}]}}
{"user_id":"not closed either","x":"...
{"user_id":"good 5","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
nor this
END
    run -65 --separate-stderr order-place --rejects rejects <input
    diff <(echo "$stderr") - <<'END'
order-place: input 2 (line 6): items is empty
order-place: input 4 (line 9): not a JSON object
order-place: input 5 (line 12): no JSON value starts like this
order-place: input 7 (line 18): a colon is missing after a key
order-place: input 8 (line 21): a comma or a closing bracket is missing
order-place: input 10 (line 21): no JSON value starts like this
order-place: input 11 (line 22): a string has a raw control character
order-place: input 13 (line 24): no JSON value starts like this
END
    [ "$(data | jq -r .user_id | paste -sd ,)" = 'good 1,good 2,good 3,good 4,good 5' ]
    [ "${#lines[@]}" -eq 5 ]
    # All that was refused is there, to the letter; a newline was added to each.
    diff rejects - <<'END'
{
  "user_id": "bad", "restaurant_id": "r",
  "items": []
}
[]
{
  "user_id": "a syntax error",
  "restaurant_id": 'r',
  "items": [
    {"sku": "s", "qty": 1}
  ]
}
this line goes with it

{"lost"} {"user_id":"after it on the line"}
 {"user_id":"not at the start of a line"}

{"user_id":"not closed","restaurant_id":"r","items":[{"sku":"s","qty":1}]

}

{"user_id":"not closed either","x":"...

nor this

END
}

@test "order-place: --rejects appends, and makes a file that is its owner's alone" {
    umask 000
    echo '{"no":"order"}' >input
    run -65 --separate-stderr order-place --rejects rejects <input
    [ "$(stat -c %a rejects)" = 600 ]
    chmod 640 rejects
    run -65 --separate-stderr order-place --rejects rejects <input
    diff rejects <(cat input input)
    [ "$(stat -c %a rejects)" = 640 ]
    # Nothing refused, nothing added.
    run -0 --separate-stderr order-place --rejects rejects <"$DATA/order.json"
    diff rejects <(cat input input)
}

@test "order-place: rejects that cannot be written: 74, before anything is placed if that can be known" {
    order >input
    for file in "$BATS_TEST_TMPDIR" missing/rejects; do
        run -74 --separate-stderr order-place --rejects "$file" <input
        [ -z "$output" ]
        [[ $stderr == "order-place: cannot open '$file': "* ]]
    done
    [ ! -e "$STORE" ]
    echo '{}' >>input
    run -74 --separate-stderr order-place --rejects /dev/full <input
    [ "${#lines[@]}" -eq 1 ]
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    [[ $stderr == *"order-place: cannot write '/dev/full': No space left on device"* ]]
    stored 1 PLACED
}

@test "order-place: empty input, or only white space: nothing is printed, no broker is needed" {
    local text
    export AMQP_URL=$NOWHERE
    for text in '' ' ' $'\n\n' $'\t\r\n '; do
        run -0 --separate-stderr order-place < <(printf '%s' "$text")
        [ -z "$output$stderr" ]
    done
}

@test "order-place: a standard input that cannot be read is 65 and says so" {
    run -65 --separate-stderr order-place </
    [ -z "$output" ]
    [ "$stderr" = 'order-place: cannot read standard input: Is a directory' ]
    run -65 --separate-stderr timeout -s KILL 10 bash -c 'exec order-place <&-'
    [ -z "$output" ]
    [ "$stderr" = 'order-place: cannot read standard input: Bad file descriptor' ]
}

@test "order-place: values, garbage and white space of many MiB pass through little memory, and verbatim to the rejects" {
    # A value that is too large, at once or only after a while, or is no JSON in the end.
    printf '{"user_id":"%s","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' "$(repeat 1500000 'ab')" >large
    {
        printf '[1'
        yes '   ,"\u0041"' | head -n 250000
        printf ']'
    } >many
    printf '%s' '{"x":"' "$(repeat 3000000 y)" $'\x01"}\ngarbage that goes with it' >broken
    {
        order 1 first
        cat large
        order 1 second
        cat many
        cat broken
        echo
        order 1 third
    } >input
    run -65 --separate-stderr bash -c 'ulimit -v 65536; exec order-place --rejects rejects <input'
    diff <(echo "$stderr") - <<'END'
order-place: input 2 (line 2): too large
order-place: input 4 (line 3): too large
order-place: input 5 (line 250003): too large
END
    [ "$(data | jq -r .user_id | paste -sd ,)" = first,second,third ]
    cmp rejects <(cat large; echo; cat many; echo; cat broken; echo; echo)

    # Much more than the memory there is: 64 MiB of each kind, as fast as it comes.
    for make in "tr '\0' x" "tr '\0' ' '" "tr '\0' '['" "sed 's/.*/{\"/'"; do
        run --separate-stderr bash -c '
            { head -c 67108864 /dev/zero | eval "$1"; echo; order 1 after; } | { ulimit -v 65536; order-place; }' - "$make"
        [ "$status" -eq 65 ] || [ "$make" = "tr '\0' ' '" ]
        [ "$(jq -r .status <<<"$output")" = PLACED ]
    done
}

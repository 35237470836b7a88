# order-place: from orders on standard input to the store, to the broker, to receipts; and all that can be wrong with each.
# Which input is valid JSON: json.bats. Crashes at each step: crash.bats.

load ../support/helper

setup()
{
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
    STORE=$XDG_STATE_HOME/order-tools/orders.db
    LOGIN=
    SHARED=
}

teardown()
{
    [ -z "$LOGIN" ] || api DELETE "users/$LOGIN"
    [ -z "$SHARED" ] || { chmod -R u+w "$SHARED" && rm -r "$SHARED"; }
    tidy
}

# ---- what the tests say often ----

# many N TEXT: the same for a number so large that bash would take its time.
many()
{
    yes -- "$2" | head -n "$1" | tr -d '\n'
}

# own N [USER]: an order that comes with an order_id of its own, number N.
own()
{
    printf '{"order_id":"%s","user_id":"%s","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$(uuid "$1")" "${2:-u}"
}

uuid()
{
    printf '018f0000-0000-7000-8000-%012d' "$1"
}

# receipt N [STATUS]: that of own N.
receipt()
{
    printf '{"order_id": "%s", "status": "%s"%s}\n' "$(uuid "$1")" "${2:-PLACED}" "${3:+, \"$3\": true}"
}

# again N [STATUS]: the receipt of an order that the store knew.
again()
{
    receipt "$1" "${2:-PLACED}" repeated
}

# placed_ids: of all messages in the queue, which are taken out, sorted.
placed_ids()
{
    drain "$PLACED_Q" | jq -r '.payload | fromjson | .order_id' | sort
}

# same FILE FILE: do two files hold the same JSON values?
same()
{
    jq -ne --slurpfile a "$1" --slurpfile b "$2" '$a == $b' >/dev/null || diff "$1" "$2"
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
    # So does the store, always in the same form.
    order-show --all | jq -r .placed_at >placed_at
    [ "$(grep -cxE '20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z' placed_at)" -eq 2000 ]
    LC_ALL=C sort -c placed_at
    # The rest of it is chance: 62 bits of which none repeats.
    [ "$(cut -c 20- ids | sort -u | wc -l)" -eq 2000 ]
}

@test "order-place: the event on the broker: all its properties, its fields, and none besides" {
    [ "$(uuid_of urn:order-tools:OrderPlaced:018f0000-0000-7000-8000-00000000000a)" = f2e20e87-e428-50d6-a3e0-c80d9de9f8ea ]
    printf '{"user_id":"Zoë \\"Q\\" \\ud83d\\ude00","note":"no onions","items":[{"qty":2e0,"sku":"\\/a\\\\b","size":"L"},' >input
    printf '{"sku":"日本","qty":1000000}],"restaurant_id":"r","event_type":"x","ts":"y","reason":"z"}' >>input
    before=$(date +%s)
    run -0 --separate-stderr order-place <input
    after=$(date +%s)
    id=$(jq -r .order_id <<<"$output")
    drain "$PLACED_Q" >messages
    has_lines messages 1

    [ "$(jq -r '.exchange + " " + .routing_key' messages)" = 'orders-ex order.placed' ]
    jq -S '.properties | del(.timestamp)' messages >properties
    diff properties - <<END
{
  "app_id": "order-place",
  "content_type": "application/json",
  "correlation_id": "$id",
  "delivery_mode": 2,
  "message_id": "$(uuid_of "urn:order-tools:OrderPlaced:$id")",
  "type": "OrderPlaced"
}
END
    timestamp=$(jq .properties.timestamp messages)
    [ "$timestamp" -ge "$before" ]
    [ "$timestamp" -le "$after" ]

    jq -r .payload messages >payload
    has_lines payload 1
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
    stored_data | diff - input || stored_data | diff - <(cat input; echo)
}

@test "order-place: one order does not wait for company" {
    start_fed place order-place
    order 1 first >&7
    eventually has_lines place.out 1
    holds "$PLACED_Q" 1
    stored 1 PLACED
    order 1 second >&7
    eventually has_lines place.out 2
    exec 7>&-
    finish -0 "$PID"
    [ ! -s place.err ]
}

@test "order-place: half an order is waited for, and placed when the rest comes" {
    start_fed place order-place
    half=$(order | head -c 30)
    printf '%s' "$half" >&7
    order | tail -c +31 >&7
    eventually has_lines place.out 1
    printf '%s\n%s' "$(order)" "$half" >&7
    eventually has_lines place.out 2
    order | tail -c +31 >&7
    eventually has_lines place.out 3
    exec 7>&-
    finish -0 "$PID"
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
    [ "$output" = "{\"order_id\": \"${upper,,}\", \"status\": \"PLACED\", \"repeated\": true}" ]
    stored 1
    [ "$(order-show "$upper" | jq -r .order_id)" = "${upper,,}" ]
    drain "$PLACED_Q" >messages
    has_lines messages 1
    [ "$(jq -r .properties.correlation_id messages)" = "${upper,,}" ]
    [ "$(jq -r '.payload | fromjson | .order_id' messages)" = "${upper,,}" ]
    [ "$(jq -r .properties.message_id messages)" = "$(uuid_of "urn:order-tools:OrderPlaced:${upper,,}")" ]
}

@test "order-place: the same order_id and content again: its receipt says repeated, and there is no second order" {
    own 1 >input
    run -0 --separate-stderr order-place <input
    [ "$output" = "$(receipt 1)" ]
    placed_at=$(order-show "$(uuid 1)" | jq -r .placed_at)

    # In a later run, in other dress; and twice in one input, new and known, in a batch with others.
    run -0 --separate-stderr order-place < <(jq -S . input)
    [ "$output" = "$(again 1)" ]
    {
        own 2
        own 1
        jq '{items, restaurant_id, user_id, order_id}' input
        own 2
        sed 's/"u"/"\\u0075"/; s/"sku"/"\\u0073ku"/' input
        own 3
        own 2 | jq -c '{items, order_id, user_id, restaurant_id}'
        own 2
    } >several
    run -0 --separate-stderr order-place <several
    diff <(echo "$output") <(receipt 2; again 1; again 1; again 2; again 1; receipt 3; again 2; again 2)
    stored 3
    [ "$(order-show "$(uuid 1)" | jq -r .placed_at)" = "$placed_at" ]
    [ "$(placed_ids)" = "$(printf '%s\n' "$(uuid 1)" "$(uuid 2)" "$(uuid 3)")" ]
}

@test "order-place: an order that came without an id is the same when it comes with the one it was given" {
    order >input
    run -0 --separate-stderr order-place <input
    first=$output
    jq --argjson receipt "$first" '. + {order_id: $receipt.order_id}' input >again
    run -0 --separate-stderr order-place <again
    [ "$output" = "${first%\}}, \"repeated\": true}" ]
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
    own 1 | jq -c '. + {x: [1, {"n": 9007199254740993}], y: null, z: 1e400}' | sed 's/9007199254740992/9007199254740993/; s/1.797[0-9]*e+308/1e400/; s/1E+400/1e400/' >input
    grep -q '9007199254740993.*1e400' input
    order-place <input >receipts
    # Any difference counts, also in members that are not published. Numbers are compared exactly: some differ by too little for a double.
    for change in 's/"user_id":"u"/"user_id":"v"/' 's/"qty":1/"qty":2/' 's/"qty":1/"qty":10/' 's/"restaurant_id":"r"/"restaurant_id":"R"/' \
        's/"sku":"s"/"sku":"s "/' 's/"y":null,//' 's/"y":null/"y":false/' 's/\[1,/[1,1,/' 's/\[1,{\(.*\)}\]/[{\1},1]/' \
        's/"y"/"Y"/' 's/}$/,"w":0}/' 's/"x":\[1,/"x":["1",/' 's/\(\[{"sku":"s","qty":1}\)\]/\1,{"sku":"s","qty":1}]/' \
        's/9007199254740993/9007199254740992/' 's/1e400/null/' 's/1e400/1e401/'; do
        sed "$change" input >other
        cmp -s input other && bad=1 && echo "changes nothing: $change" >&2
        run --separate-stderr order-place <other
        if [ "$status" -ne 65 ] || [ -n "$output" ] ||
            [ "$stderr" != "order-place: input 1 (line 1): order_id $(uuid 1) is taken by an order of other content" ]; then
            echo "$change: exit $status, $output, $stderr" >&2
            bad=1
        fi
    done
    [ "$bad" -eq 0 ]
    stored_data | diff input -
    holds "$PLACED_Q" 1
}

@test "order-place: other content under an order_id of the same input is refused too, and kept verbatim by --rejects" {
    own 1 two | jq . >other
    {
        own 1 one
        own 2
        cat other
        own 1 one | jq .
        own 3
    } >input
    run -65 --separate-stderr order-place --rejects rejects <input
    [ "$stderr" = "order-place: input 3 (line 3): order_id $(uuid 1) is taken by an order of other content" ]
    diff <(echo "$output") <(receipt 1; receipt 2; again 1; receipt 3)
    cmp other rejects
    order-show "$(uuid 1)" | jq -r .data.user_id | grep -qx one
    [ "$(placed_ids)" = "$(printf '%s\n' "$(uuid 1)" "$(uuid 2)" "$(uuid 3)")" ]
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
    has_lines receipts "$(wc -l <good)" || return 1
    stored_data | diff good - || return 1
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
a long text|is longer than 256 bytes|"$(repeat 5000 a)"
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
        printf "%s %s\t%s\t$format\n" "$field" "$name" "$verdict" "$value"
    done
    # A name is a name only in its own case.
    printf "%s in capitals\t%s is missing: '%s' is not its name\t$format\n" "$field" "$what" "${field^^}" "\"${field^^}\":\"u\","
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
    large=$(repeat 1000 ",{\"sku\":\"$(repeat 128 é)\",\"qty\":1000000}")
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
1000 items of 256 bytes|ok|,"items":[${large:1}]
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
0.99999999999999999999|is not an integer from 1 to 1000000
1.00000000000000000001|is not an integer from 1 to 1000000
1000000.0000000000000001|is not an integer from 1 to 1000000
99999999999999999999e-20|is not an integer from 1 to 1000000
1e-99999999999999999999|is not an integer from 1 to 1000000
1e99999999999999999999|is not an integer from 1 to 1000000
0e99999999999999999999|is not an integer from 1 to 1000000
1.00000000000000000000|ok
0.00000000000000000001e20|ok
100000000000000000000e-20|ok
0.001E+0000000000000000000000009|ok
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
        printf '%s\t%s\t%s\n' 'no object' "not a JSON object, but an array: --array takes the orders in it" \
            '[{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}]'
        printf 'empty object\tuser_id is missing\t{}\n'
    } >table
    judge table
}

@test "order-place: an order may have 1 MiB, and 64 levels; one more of either is refused" {
    frame='{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"x":""}'
    padding=$(many $((1048576 - ${#frame})) x)
    # The largest, with others close around it, and one of white space.
    {
        printf '%s' "${frame%\"\}}$padding\"}"
        order 1 between
        printf '%s\n' "${frame%\"\}}y$padding\"}"
        printf '%s%s}\n' "${frame%\}}" "$(many $((1048576 - ${#frame})) ' ')"
        printf '%s' "${frame%\}}"
        yes '' | head -n $((1048577 - ${#frame}))
        printf '}'
        order 1 last
    } >input
    run -65 --separate-stderr order-place --rejects rejects <input
    diff <(echo "$stderr") - <<'END'
order-place: input 3 (line 2): too large
order-place: input 5 (line 4): too large
END
    [ "${#lines[@]}" -eq 4 ]
    stored_data >kept
    cmp <(sed -n 1p kept) <(printf '%s\n' "${frame%\"\}}$padding\"}")
    diff <(sed 1d kept) <(order 1 between; echo "$frame"; order 1 last)
    cmp rejects <(sed -n 2p input; sed '1,3d; s/^}{.*/}/' input)
    holds "$PLACED_Q" 4

    {
        printf 'arrays\tok\t%s\n' "${frame%\"\"\}}$(repeat 63 '[')$(repeat 63 ']')}"
        printf 'one array more\tnested too deeply\t%s\n' "${frame%\"\"\}}$(repeat 64 '[')$(repeat 64 ']')}"
        printf 'objects\tok\t%s\n' "${frame%\"\"\}}$(repeat 63 '{"":')0$(repeat 63 '}')}"
        printf 'one object more\tnested too deeply\t%s\n' "${frame%\"\"\}}$(repeat 64 '{"":')0$(repeat 64 '}')}"
    } >table
    rm rejects
    drain "$PLACED_Q" >/dev/null
    other_store
    judge table
}

# ---- refused input ----

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
order-place: input 4 (line 9): not a JSON object, but an array: --array takes the orders in it
order-place: input 5 (line 12): no JSON value starts like this: strings stand in double quotes
order-place: input 7 (line 18): a colon is missing after a key
order-place: input 8 (line 21): a comma or a closing bracket is missing
order-place: input 10 (line 21): no JSON value starts like this
order-place: input 11 (line 22): a string has a raw control character
order-place: input 13 (line 24): no JSON value starts like this
END
    [ "$(stored_data | jq -r .user_id | paste -sd ,)" = 'good 1,good 2,good 3,good 4,good 5' ]
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

@test "order-place: --rejects-json says of each refusal where, why and what, and which order" {
    {
        own 1 one
        own 1 two
        echo '{"order_id": "A-7", "user_id": 1}'
        printf '{"x": "\\u0041", \xff\\\nrest \x00 \t"\n'
        jq -nc '{user_id: "u", restaurant_id: ("€" * 6000)}'
        echo '{"order_id": 7, "user_id": "u"}'
        echo 17
    } >input
    umask 000
    run -65 --separate-stderr order-place --rejects plain --rejects-json json <input
    [ "$output" = "$(receipt 1 PLACED)" ]
    [ "$(stat -c %a json)" = 600 ]
    # All that is written to standard error, and to the other file.
    diff <(jq -r '"order-place: input \(.number) (line \(.line)): \(.reason)"' json) <(echo "$stderr")
    jq -sc 'sort_by(.number)[] | [.number, .line, .order_id, .member, .cut]' json | diff - <(
        printf '%s\n' "[2,2,\"$(uuid 1)\",\"order_id\",null]" '[3,3,"A-7","order_id",null]' '[4,4,null,null,null]' \
            '[5,6,null,"restaurant_id",true]' '[6,7,null,"order_id",null]' '[7,8,null,null,null]'
    )
    [ "$(jq -r 'select(.number == 2).input' json)" = "$(own 1 two)" ]
    jq -se 'map(select(.number == 4))[0].input == "{\"x\": \"\\u0041\", \ufffd\\\nrest \ufffd \t\"\n"' json
    # As many whole characters as there is room for.
    jq -se 'map(select(.number == 5))[0].input | utf8bytelength > 16381 and utf8bytelength <= 16384 and (.[-1:] == "€")' json
    # They are appended, and a file that cannot be written is 74.
    run -65 --separate-stderr order-place --rejects-json json <<<'{}'
    tail -n 1 json | jq -e '. == {number: 1, line: 1, member: "user_id", reason: "user_id is missing", input: "{}"}'
    has_lines json 7
    run -74 --separate-stderr order-place --rejects-json missing/json <input
    [ "$stderr" = "order-place: cannot open 'missing/json': No such file or directory" ]
    run -74 --separate-stderr order-place --rejects-json /dev/full <input
    [[ $stderr == *"order-place: cannot write '/dev/full': No space left on device"* ]]
}

@test "order-place: empty input, or only white space: nothing is printed, no broker is needed" {
    local text
    export AMQP_URL=$NOWHERE
    for text in '' ' ' $'\n\n' $'\t\r\n '; do
        run -0 --separate-stderr order-place --retries 1 < <(printf '%s' "$text")
        [ -z "$output$stderr" ]
    done
}

@test "order-place: a standard input that cannot be read is 65 and says so" {
    run -65 --separate-stderr order-place </
    [ -z "$output" ]
    [ "$stderr" = 'order-place: cannot read standard input: Is a directory' ]
    run -65 --separate-stderr timeout -s KILL "$HANGING" bash -c 'exec order-place <&-'
    [ -z "$output" ]
    [ "$stderr" = 'order-place: cannot read standard input: Bad file descriptor' ]
    # An order that waits for the broker counts more.
    run -75 order-place --url "$NOWHERE" --retries 1 < <(order)
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 </
    [[ $stderr == *'order-place: cannot read standard input: Is a directory'* ]]
}

@test "order-place: values, garbage and white space of many MiB pass through little memory, and verbatim to the rejects" {
    # A value that is too large, at once or only after a while, or is no JSON in the end.
    printf '{"user_id":"%s","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' "$(many 1500000 ab)" >large
    {
        printf '[1'
        yes '   ,"\u0041"' | head -n 250000
        printf ']'
    } >many
    printf '%s' '{"x":"' "$(many 3000000 y)" $'\x01"}\ngarbage that goes with it' >broken
    {
        order 1 first
        cat large
        order 1 second
        cat many
        cat broken
        echo
        order 1 third
    } >input
    run -65 --separate-stderr with_memory 65536 order-place --rejects rejects <input
    diff <(echo "$stderr") - <<'END'
order-place: input 2 (line 2): too large
order-place: input 4 (line 3): not a JSON object, but an array: --array takes the orders in it
order-place: input 5 (line 250003): too large
END
    [ "$(stored_data | jq -r .user_id | paste -sd ,)" = first,second,third ]
    cmp rejects <(cat large; echo; cat many; echo; cat broken; echo; echo)

    # Of each kind as much as the memory that it is given.
    for kind in x ' ' ']'; do
        other_store
        {
            order 1 before
            [ "$kind" != x ] || printf '"'
            head -c 67108864 /dev/zero | tr '\0' "$kind"
            printf '\n%s' "$(order 1 after)"
        } | (
            status=0
            with_memory 65536 order-place >receipts 2>log || status=$?
            [ "$status" -eq "$([ "$kind" = ' ' ] && echo 0 || echo 65)" ]
        )
        has_lines log "$([ "$kind" = ' ' ] && echo 0 || echo 1)"
        [ "$(jq -r .status receipts | paste -sd ' ')" = 'PLACED PLACED' ]
    done
}

@test "order-place: many large orders pass through little memory too" {
    items=$(repeat 1000 ",{\"sku\":\"$(repeat 256 x)\",\"qty\":1}")
    awk '{ for (i = 0; i < 200; i++) printf "{\"user_id\":\"%d\",\"restaurant_id\":\"r\",\"items\":[%s]}\n", i, $0 }' \
        <<<"${items:1}" >input
    [ "$(wc -c <input)" -gt 54000000 ]
    run -0 --separate-stderr with_memory 49152 order-place <input
    [ "${#lines[@]}" -eq 200 ]
    [[ $output != *PENDING* ]]
    stored 200 PLACED
    holds "$PLACED_Q" 200
}

# ---- the store ----

@test "order-place: the broker away: the order is stored first, PENDING; the next run publishes it, once" {
    own 1 one >input
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 2 --retry-delay 0 <input
    [ "$output" = "$(receipt 1 PENDING)" ]
    diff <(echo "$stderr") - <<'END'
order-place: broker '127.0.0.1:1' (publishing): cannot connect: Connection refused; attempt 1 of 2, the next in 0 s
order-place: broker '127.0.0.1:1' (publishing): cannot connect: Connection refused; giving up after 2 attempts
END
    [ "$(order-show "$(uuid 1)" | jq -r .status)" = PENDING ]
    placed_at=$(order-show "$(uuid 1)" | jq -r .placed_at)

    # It has no receipt from the next run, which did not ask for it.
    run -0 --separate-stderr order-place < <(own 2)
    [ "$output" = "$(receipt 2)" ]
    stored 2 PLACED
    drain "$PLACED_Q" | jq -c '.payload | fromjson | [.order_id, .user_id, .ts]' | sort >messages
    has_lines messages 2
    # The time is that of when it was placed, not when it was published.
    [ "$(head -n 1 messages)" = "[\"$(uuid 1)\",\"one\",\"$placed_at\"]" ]
    # That is the end of it.
    run -0 --separate-stderr order-place </dev/null
    [ -z "$output$stderr" ]
    holds "$PLACED_Q" 0
}

@test "order-place: a run without input publishes pending orders, too" {
    own 1 | order-place --url "$NOWHERE" --retries 1 >/dev/null 2>&1 || [ $? -eq 75 ]
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 </dev/null
    [ -z "$output" ]
    run -0 --separate-stderr order-place </dev/null
    [ -z "$output$stderr" ]
    stored 1 PLACED
    [ "$(placed_ids)" = "$(uuid 1)" ]
}

@test "order-place: the same input again after the broker was away: its receipts say repeated, no order twice" {
    {
        own 1
        own 2
        own 1
        own 3
    } >input
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 <input
    diff <(echo "$output") <(receipt 1 PENDING; receipt 2 PENDING; again 1 PENDING; receipt 3 PENDING)
    # One more was pending already; one is new.
    own 9 >>input
    run -0 --separate-stderr order-place <input
    diff <(echo "$output") <(for n in 1 2 1 3; do again "$n"; done; receipt 9)
    stored 4 PLACED
    [ "$(placed_ids)" = "$(for n in 1 2 3 9; do uuid "$n"; echo; done)" ]
}

@test "order-place: --flush publishes the pending orders with a receipt each, in the order of placing; a second --flush publishes nothing" {
    {
        own 3
        own 1
        own 2
    } >input
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 --retry-delay 0 <input
    [ "$(jq -r .status <<<"$output" | paste -sd ' ')" = 'PENDING PENDING PENDING' ]

    # The broker is still away: all of them are still pending, and it says so of all.
    run -75 --separate-stderr order-place --flush --url "$NOWHERE" --retries 1
    diff <(echo "$output") <(for n in 3 1 2; do receipt "$n" PENDING; done)
    stored 3 PENDING

    # It reads no input.
    run -0 --separate-stderr order-place --flush < <(order)
    [ -z "$stderr" ]
    diff <(echo "$output") <(for n in 3 1 2; do receipt "$n"; done)
    stored 3 PLACED
    [ "$(placed_ids)" = "$(for n in 1 2 3; do uuid "$n"; echo; done)" ]

    run -0 --separate-stderr order-place --flush --url "$NOWHERE" --retries 1
    [ -z "$output$stderr" ]
    holds "$PLACED_Q" 0
}

@test "order-place: --flush of more than fits into a window and a batch" {
    orders 2500 >input
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 <input
    [ "${#lines[@]}" -eq 2500 ]
    jq -r .order_id <<<"$output" >ids
    run -0 --separate-stderr order-place --flush
    jq -r .order_id <<<"$output" | cmp ids -
    stored 2500 PLACED
    placed_ids | cmp - <(sort ids)
}

@test "order-place: --flush leaves alone what a live run is about to publish" {
    own 1 >first
    start waiting bash -c 'exec order-place --url "$0" <first' "$NOWHERE"
    eventually stored 1 PENDING
    run -0 --separate-stderr order-place --flush
    [ -z "$output$stderr" ]
    run -0 --separate-stderr order-place < <(own 2)
    [ "$output" = "$(receipt 2)" ]
    stored 1 PENDING
    holds "$PLACED_Q" 1
    [ ! -s waiting.out ]

    # Killed, it owns it no longer.
    finish -137 "$PID" KILL
    [ ! -s waiting.out ]
    run -0 --separate-stderr order-place --flush
    [ "$output" = "$(receipt 1)" ]
    [ "$(placed_ids)" = "$(uuid 1; echo; uuid 2)" ]
}

@test "order-place: two at once on one store, and --flush beside them: every order once" {
    local n pid
    order-place </dev/null
    for n in 1 2; do
        orders 1500 >"input.$n"
        start "place.$n" bash -c 'exec order-place <"$0"' "input.$n"
    done
    for n in 1 2 3; do
        order-place --flush >>flushed
    done
    for pid in "${STARTED[@]}"; do
        finish -0 "$pid"
    done
    [ ! -s place.1.err ]
    [ ! -s place.2.err ]
    [ ! -s flushed ]
    stored 3000 PLACED
    cat place.1.out place.2.out | jq -r 'select(.status == "PLACED").order_id' | sort >ids
    placed_ids | cmp - ids
    [ "$(uniq ids | wc -l)" -eq 3000 ]
    # Receipts are in the order of each one's input.
    for n in 1 2; do
        jq -r .order_id "place.$n.out" | order-show | jq -r .data.user_id | cmp - <(seq 1500)
    done
}

@test "order-place: the same orders by two at once: one order each, whoever comes first" {
    local n pid
    order-place </dev/null
    for ((n = 0; n < 400; n++)); do own "$n"; done >input
    for n in 1 2 3; do
        start "place.$n" bash -c 'exec order-place <input'
    done
    for pid in "${STARTED[@]}"; do
        finish -0 "$pid"
    done
    stored 400 PLACED
    for n in 2 3; do
        cmp <(as_first <place.1.out) <(as_first <"place.$n.out")
    done
    # Of the three receipts of an order one is the first.
    [ "$(cat place.*.out | grep -vc repeated)" -eq 400 ]
    # On the wire it may be there more than once; that is told by its message_id.
    drain "$PLACED_Q" >messages
    [ "$(jq -r .properties.message_id messages | sort -u | wc -l)" -eq 400 ]
    [ "$(jq -c '.payload | fromjson' messages | sort -u | wc -l)" -eq 400 ]
}

@test "order-place: several may start at once on a store that is not there yet" {
    about_files
    run --separate-stderr bash -c '
        failed=0
        for ((round = 0; round < 50; round++)); do
            export ORDER_STORE=$round/store
            pids=()
            for n in 1 2 3 4 5; do
                order-place </dev/null &
                pids+=($!)
            done
            for pid in "${pids[@]}"; do
                wait "$pid" || failed=1
            done
            [ "$(order-show --count)" = 0 ] || failed=1
        done
        exit "$failed"'
    sort <<<"$stderr" >&2
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
}

@test "order-place: the store and all beside it are its owner's alone" {
    about_files
    umask 000
    start_fed place order-place
    order >&7
    eventually has_lines place.out 1
    # At work: the log of transactions is there too.
    [ -e "$STORE-wal" ]
    find "$XDG_STATE_HOME" -printf '%y %m\n' | sort -u | diff - <(printf '%s\n' 'd 700' 'f 600')
    exec 7>&-
    finish -0 "$PID"
    find "$XDG_STATE_HOME" -printf '%y %m\n' | sort -u | diff - <(printf '%s\n' 'd 700' 'f 600')
}

@test "order-place: the store is where ORDER_STORE says, or XDG_STATE_HOME, or HOME; or there is none: 73" {
    about_files
    local setting file bad=0
    order >input
    # A relative XDG_STATE_HOME does not count, nor does anything empty: so the XDG specification says.
    while IFS='|' read -r setting file; do
        run --separate-stderr env -u XDG_STATE_HOME -u HOME $setting order-place <input
        if [ "$status" -ne 0 ] || [ ! -s "$file" ] ||
            [ "$(env -u XDG_STATE_HOME -u HOME $setting order-show --count)" != 1 ]; then
            echo "$setting: exit $status, $stderr" >&2
            bad=1
        fi
        [ ! -e relative ] || bad=1
    done <<END
ORDER_STORE=a.db|a.db
ORDER_STORE=$PWD/b/c/d.db HOME=$PWD/b1 XDG_STATE_HOME=$PWD/b2|b/c/d.db
XDG_STATE_HOME=$PWD/c HOME=$PWD/c1|c/order-tools/orders.db
HOME=$PWD/d|d/.local/state/order-tools/orders.db
XDG_STATE_HOME=relative HOME=$PWD/e|e/.local/state/order-tools/orders.db
ORDER_STORE= XDG_STATE_HOME= HOME=$PWD/f|f/.local/state/order-tools/orders.db
END
    [ "$bad" -eq 0 ]
    [ ! -e b1 ] && [ ! -e b2 ] && [ ! -e c1 ]
    holds "$PLACED_Q" 6

    for setting in HOME= HOME=relative ''; do
        run -73 --separate-stderr env -u XDG_STATE_HOME -u HOME $setting order-place <input
        [ -z "$output" ]
        [ "$stderr" = 'order-place: nothing says where to keep data: set ORDER_STORE, XDG_STATE_HOME or HOME' ]
    done
    holds "$PLACED_Q" 6
}

@test "order-place: a file that is not a store, or a store of another version: 73, a reason, nothing published, the file as it was" {
    about_files
    local file reason bad=0
    order >input
    topology
    echo 'a text of some length, which is no database' >text
    head -c 8192 /dev/urandom >noise
    mkdir folder
    INVENTORY_LEDGER=ledger inventory-worker --idle-timeout 0
    # An SQLite file says at byte 60 what version its tables have.
    env ORDER_STORE=newer order-place </dev/null
    printf '\0\0\0\143' | dd of=newer bs=1 seek=60 conv=notrunc status=none
    env ORDER_STORE=cut order-place </dev/null
    truncate -s 5000 cut
    for file in text noise ledger newer cut; do cp "$file" "$file.before"; done
    while IFS='|' read -r file reason; do
        ORDER_STORE=$file run --separate-stderr order-place <input
        if [ "$status" -ne 73 ] || [ -n "$output" ] || [[ $stderr != "order-place: "*"'$file'"*"$reason"* ]] ||
            [[ $stderr == *$'\n'* ]]; then
            echo "$file: exit $status, $output, $stderr" >&2
            bad=1
        fi
        [ ! -f "$file.before" ] || cmp "$file" "$file.before" || bad=1
    done <<END
text|file is not a database
noise|file is not a database
ledger|is a database of something else: ORDER_STORE names another file
newer|was written by a newer version of order-tools (schema 99, this one knows 3)
cut|malformed
folder|it is a folder
/proc/orders.db|unable to open database file
/dev/null/orders.db|
END
    [ "$bad" -eq 0 ]
    holds "$PLACED_Q" 0
    # A file with nothing in it is as good as none.
    : >empty
    ORDER_STORE=empty run -0 --separate-stderr order-place <input
    holds "$PLACED_Q" 1
}

@test "order-place: ORDER_STORE is the name of a file, also one that means something else to SQLite" {
    about_files
    local name
    for name in :memory: 'file:orders.db?mode=memory'; do
        ORDER_STORE=$name run -0 --separate-stderr order-place < <(order)
        [ "$(ORDER_STORE=$name order-show --count)" -eq 1 ]
        [ -s "$name" ]
    done
}

@test "order-place: a store that the user may not write: 73, and nothing is published" {
    about_files
    local place=("$(type -P order-place)")
    # Root may write everything: be somebody else.
    if [ "$(id -u)" -eq 0 ]; then
        SHARED=$(mktemp -d "${TMPDIR:-/tmp}/order-tools-shared.XXXXXX")
        chmod 755 "$SHARED"
        cp "${place[0]}" "$SHARED"
        place=(setpriv --reuid=65534 --regid=65534 --clear-groups "$SHARED/order-place")
        "${place[@]}" --version || skip 'cannot act as another user here'
    else
        SHARED=$(mktemp -d "$BATS_TEST_TMPDIR/shared.XXXXXX")
    fi
    topology
    order >input
    mkdir "$SHARED/store"
    chmod 555 "$SHARED" "$SHARED/store"
    export ORDER_STORE=$SHARED/store/orders.db
    run -73 --separate-stderr "${place[@]}" <input
    [ -z "$output" ]
    [[ $stderr == "order-place: cannot "*"'$ORDER_STORE'"* ]]
    export ORDER_STORE=$SHARED/none/orders.db
    run -73 --separate-stderr "${place[@]}" <input
    [[ $stderr == "order-place: cannot make the folder '$SHARED/none': "* ]]
    # One that is there, but is another's.
    chmod 755 "$SHARED" "$SHARED/store"
    export ORDER_STORE=$SHARED/store/orders.db
    order-place </dev/null
    chmod 444 "$SHARED/store"/*
    chmod 555 "$SHARED/store"
    run -73 --separate-stderr "${place[@]}" <input
    [ -z "$output" ]
    [[ $stderr == "order-place: cannot "*"'$ORDER_STORE"* ]]
    holds "$PLACED_Q" 0
}

@test "order-place: no more room for the store: 73, and whatever has a receipt is in it" {
    about_files
    orders 20000 >input
    # No file may grow beyond 1 MiB, and SIGXFSZ is ignored.
    (
        trap '' XFSZ
        ulimit -f 1024
        exec order-place <input 2>log
    ) | cat >receipts
    status=${PIPESTATUS[0]}
    [ "$status" -eq 73 ]
    count=$(order-show --count)
    [ "$count" -ge 500 ]
    [ "$count" -lt 20000 ]
    # Newer versions of SQLite know the system's reason.
    sed 's/: File too large$//' log | diff - <(cat <<END
order-place: cannot write to '$STORE': disk I/O error
order-place: nothing from input $((count + 1)) (line $((count + 1))) on was placed
END
    )
    jq -r 'select(.status == "PLACED").order_id' receipts >ids
    order-show --status PLACED | jq -r .order_id | cmp ids -
    # With room again all that is stored goes out.
    run -0 --separate-stderr order-place --flush
    stored "$count" PLACED
    placed_ids | uniq | cmp - <(order-show --all | jq -r .order_id | sort)
}

# ---- the broker says no ----

# binding: that of the queue for orders, in the management API's words.
binding()
{
    echo "bindings/$VHOST/e/orders-ex/q/$PLACED_Q/order.placed"
}

@test "order-place: orders that no queue takes: PENDING, 76, and a message each; --flush places them later" {
    local guest=$AMQP_URL
    topology
    # A user who may not put the binding back.
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    large=$(repeat 900 ',{"sku":"sku sku sku sku sku sku sku sku sku sku sku sku sku sku sku sku sku sku","qty":1}')
    start_fed place order-place
    own 1 >&7
    eventually has_lines place.out 1
    api DELETE "$(binding)"
    # Among them one that comes back in many frames, and two that differ in nothing but their ids.
    printf '%s\n' "$(own 2)" "{\"order_id\":\"$(uuid 3)\",\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[${large:1}]}" "$(own 4)" >&7
    eventually has_lines place.out 4
    # It goes on, and as soon as there is a queue again it is fine.
    api POST "bindings/$VHOST/e/orders-ex/q/$PLACED_Q" '{"routing_key": "order.placed"}'
    own 5 >&7
    eventually has_lines place.out 5
    exec 7>&-
    finish -76 "$PID"
    diff place.out <(receipt 1; receipt 2 PENDING; receipt 3 PENDING; receipt 4 PENDING; receipt 5)
    has_lines place.err 3
    for n in 2 3 4; do
        grep -q "^order-place: order $(uuid "$n") is stored, but the broker did not take it: .*NO_ROUTE" place.err
    done
    stored 3 PENDING
    [ "$(placed_ids)" = "$(uuid 1; echo; uuid 5)" ]

    # A later run declares the missing parts, if it may.
    api DELETE "$(binding)"
    AMQP_URL=$guest
    run -0 --separate-stderr order-place --flush
    diff <(echo "$output") <(for n in 2 3 4; do receipt "$n"; done)
    stored 0 PENDING
    drain "$PLACED_Q" | jq -r '.payload | fromjson | "\(.order_id) \(.items | length)"' |
        diff - <(echo "$(uuid 2) 1"; echo "$(uuid 3) 900"; echo "$(uuid 4) 1")
}

@test "order-place: a queue that is full takes no more: PENDING, 75; with room --flush places the rest" {
    topology
    api DELETE "queues/$VHOST/$PLACED_Q"
    api PUT "queues/$VHOST/$PLACED_Q" '{"durable": true, "arguments": {"x-max-length": 2, "x-overflow": "reject-publish"}}'
    for n in 1 2 3 4; do own "$n"; done >input
    run -75 --separate-stderr order-place --retries 3 <input
    diff <(echo "$output") <(receipt 1; receipt 2; receipt 3 PENDING; receipt 4 PENDING)
    [[ $stderr == *"cannot take messages for 'order.placed': a queue is full, or has no leader; giving up after 3 attempts" ]]
    holds "$PLACED_Q" 2
    drain "$PLACED_Q" >/dev/null
    run -0 --separate-stderr order-place --flush
    diff <(echo "$output") <(receipt 3; receipt 4)
    [ "$(placed_ids)" = "$(uuid 3; echo; uuid 4)" ]
}

@test "order-place: login refused, or no such virtual host: 77 at once, the order is kept, no password is shown" {
    local url bad=0 n=0
    for url in "amqp://guest:sEcReT@${SUITE_URL##*@}/$VHOST" "amqp://nobody:sEcReT@${SUITE_URL##*@}/$VHOST" \
        "$SUITE_URL/none-$VHOST"; do
        n=$((n + 1))
        own "$n" >input
        start=$SECONDS
        run --separate-stderr order-place --url "$url" <input
        if [ "$status" -ne 77 ] || [ "$output" != "$(receipt "$n" PENDING)" ] || [ $((SECONDS - start)) -gt "$PATIENCE" ] ||
            [[ $stderr != "order-place: broker '127.0.0.1:"*": login failed: "* ]] ||
            [[ $stderr == *attempt* || $stderr == *sEcReT* || $stderr == *$'\n'* ]]; then
            echo "$url: exit $status, $output, $stderr, $((SECONDS - start)) s" >&2
            bad=1
        fi
    done
    [ "$bad" -eq 0 ]
    run -0 --separate-stderr order-place --flush
    diff <(echo "$output") <(receipt 1; receipt 2; receipt 3)
}

@test "order-place: a malformed URL: 64, before anything is stored, and it is not shown" {
    local url bad=0
    order >input
    for url in 'http://user:sEcReT@localhost/' 'amqp://user:sEcReT@localhost:port' "$AMQP_URL,amqp//sEcReT" ',' "$AMQP_URL," \
        'sEcReT' '://' ' amqp://sEcReT'; do
        run --separate-stderr order-place --url "$url" <input
        [ "$status" -eq 64 ] && [ -z "$output" ] && [[ $stderr == 'order-place: URL number '* ]] && [[ $stderr != *sEcReT* ]] ||
            { echo "--url '$url': exit $status, $stderr" >&2; bad=1; }
        AMQP_URL=$url run --separate-stderr order-place <input
        [ "$status" -eq 64 ] && [ -z "$output" ] && [[ $stderr != *sEcReT* ]] ||
            { echo "AMQP_URL='$url': exit $status, $stderr" >&2; bad=1; }
    done
    [ "$bad" -eq 0 ]
    [ ! -e "$STORE" ]
    # The option goes before the environment.
    AMQP_URL=nonsense run -0 --separate-stderr order-place -u "$SUITE_URL/$VHOST" <input
}

@test "order-place: of several URLs the first that works is taken, at once" {
    order >input
    start=$SECONDS
    AMQP_URL="$NOWHERE,amqp://127.0.0.1:2,$AMQP_URL" run -0 --separate-stderr order-place <input
    [ -z "$stderr" ]
    # An attempt of its own for each would begin after a second of waiting, and be said.
    [ $((SECONDS - start)) -le "$PATIENCE" ]
    run -0 --separate-stderr order-place --url "$AMQP_URL,$NOWHERE" <input
    # None of them: that counts as one attempt.
    run -75 --separate-stderr order-place --url "$NOWHERE,amqp://127.0.0.1:2" --retries 2 --retry-delay 0 <input
    [[ $stderr == *'attempt 1 of 2'*'giving up after 2 attempts'* ]]
    # One that refuses the login, and one that may come yet.
    for url in "amqp://guest:wrong@${AMQP_URL##*@},$NOWHERE" "$NOWHERE,amqp://guest:wrong@${AMQP_URL##*@}"; do
        run -75 --separate-stderr order-place --url "$url" --retries 2 --retry-delay 0 <input
        [[ $stderr == *'giving up after 2 attempts'* ]]
    done
    holds "$PLACED_Q" 2
}

@test "order-place: --authfile brings the login, and must be its owner's alone" {
    LOGIN=$VHOST
    api PUT "users/$LOGIN" '{"password": "sEcReT: x", "tags": ""}'
    api PUT "permissions/$VHOST/$LOGIN" '{"configure": ".*", "write": ".*", "read": ".*"}'
    export AMQP_URL="amqp://other:wrong@${SUITE_URL##*@}/$VHOST"
    order >input
    (
        umask 077
        printf 'username:%s\npassword:sEcReT: x\n' "$LOGIN" >login
        printf 'username: %s\npassword: sEcReT: x\n' "$LOGIN" >spaced
    )
    run -0 --separate-stderr order-place --authfile login <input
    [ -z "$stderr" ]
    run -0 --separate-stderr order-place --authfile spaced <input
    AMQP_URL=$SUITE_URL/$VHOST holds "$PLACED_Q" 2

    for mode in 640 604 620 610; do
        chmod "$mode" login
        run -77 --separate-stderr order-place --authfile login <input
        [ -z "$output" ]
        [ "$stderr" = "order-place: 'login' holds a password and must be its owner's alone: chmod 600 it" ]
    done
    chmod 600 login
    run -77 --separate-stderr order-place --authfile none <input
    [ "$stderr" = "order-place: cannot open 'none': No such file or directory" ]
    while IFS= read -r text; do
        printf '%b' "$text" >spaced
        run -77 --separate-stderr order-place --authfile spaced <input
        [[ $stderr == "order-place: 'spaced' does not hold a line 'username:"* ]]
        [[ $stderr != *sEcReT* ]]
    done <<'END'

username:name
password:sEcReT\nusername:name\n
name\nsEcReT\n
username:name\npassword:sEcReT\nmore:sEcReT\n
END
    # The wrong password in the right file.
    printf 'username:%s\npassword:sEcReT\n' "$LOGIN" >spaced
    run -77 --separate-stderr order-place --authfile spaced <input
    [[ $stderr == *'login failed'* && $stderr != *sEcReT* ]]
    stored 3
}

@test "order-place: TLS: what it needs for it must be there and fit" {
    order >input
    for option in --cert --key; do
        run -64 --separate-stderr order-place "$option" file <input
        [ "$stderr" = 'order-place: --cert and --key go together' ]
    done
    [ ! -e "$STORE" ]
    run -77 --separate-stderr order-place --url amqps://localhost --cacert none <input
    [[ $stderr == *"cannot load certificate authorities from 'none'"* ]]
    # The broker does not speak it on this port: the order is not sent in the clear instead.
    run -75 --separate-stderr order-place --url "amqps://${AMQP_URL#amqp://}" --cacert "$DATA/order-ca.pem" --retries 1 <input
    [ "$(jq -r .status <<<"$output")" = PENDING ]
}

@test "order-place: a connection that is lost is made again, and nothing is lost or doubled in the store" {
    start_fed place order-place --retry-delay 0
    own 1 >&7
    eventually has_lines place.out 1
    cut_connections " $PID "
    eventually grep -q "lost the broker" place.err
    own 2 >&7
    eventually has_lines place.out 2
    # What it publishes to is deleted under it.
    api DELETE "exchanges/$VHOST/orders-ex"
    own 3 >&7
    eventually has_lines place.out 3
    exec 7>&-
    finish -0 "$PID"
    diff place.out <(receipt 1; receipt 2; receipt 3)
    stored 3 PLACED
    [ "$(placed_ids | uniq)" = "$(uuid 1; echo; uuid 2; echo; uuid 3)" ]
}

# ---- how it ends ----

@test "order-place: killed while it waits for the broker, with the order stored: the next run publishes it, once" {
    own 1 >input
    start place bash -c 'exec order-place --url "$0" <input' "$NOWHERE"
    eventually stored 1 PENDING
    eventually grep -q 'attempt 1 of 60, the next in 1 s' place.err
    # No receipt before the broker has confirmed, and none without.
    [ ! -s place.out ]
    finish -137 "$PID" KILL
    [ ! -s place.out ]
    run -0 --separate-stderr order-place < <(own 2)
    [ "$output" = "$(receipt 2)" ]
    stored 2 PLACED
    [ "$(placed_ids)" = "$(uuid 1; echo; uuid 2)" ]
    # What its user does then: place it again.
    run -0 --separate-stderr order-place <input
    [ "$output" = "$(again 1)" ]
    holds "$PLACED_Q" 0
}

@test "order-place: killed during a stream: every receipt holds, and every stored order is published" {
    orders 30000 >input
    start place bash -c 'exec order-place <input'
    eventually test -s place.out
    finish -137 "$PID" KILL
    grep -a '}$' place.out | jq -r .order_id >ids
    [ "$(wc -l <ids)" -lt 30000 ]
    order-show --status PLACED | jq -r .order_id | head -n "$(wc -l <ids)" | cmp - ids
    run -0 --separate-stderr order-place --flush
    stored 0 PENDING
    # Some may have gone out twice, none not at all.
    placed_ids | uniq | cmp - <(order-show --all | jq -r .order_id | sort)
}

@test "order-place: a signal while it waits for input: what was read has its receipt, then it dies of that signal" {
    local signal want n=0
    while read -r signal want; do
        n=$((n + 2))
        start_fed "place.$n" env --default-signal="$signal" order-place
        # The last is not complete.
        printf '%s\n' "$(own "$n")" "$(own $((n + 1)))" >&7
        own 99 | head -c 40 >&7
        eventually has_lines "place.$n.out" 2
        ends "-$want" "$PID" "$signal"
        exec 7>&-
        diff "place.$n.out" <(receipt "$n"; receipt $((n + 1)))
        [ "$(cat "place.$n.err")" = 'order-place: input 3 (line 3): asked to stop before it ended' ]
    done <<'END'
TERM 143
INT 130
HUP 129
END
    stored 6 PLACED
    holds "$PLACED_Q" 6
}

@test "order-place: SIGTERM during a stream: a receipt for every stored order, and for no other" {
    orders 100000 >input
    start place bash -c 'exec order-place <input'
    eventually test -s place.out
    finish -143 "$PID" TERM
    next=$(($(wc -l <place.out) + 1))
    [ "$next" -lt 100000 ]
    # What was read of the next one, if anything.
    [ ! -s place.err ] || [ "$(cat place.err)" = "order-place: input $next (line $next): asked to stop before it ended" ]
    jq -r 'select(.status == "PLACED").order_id' place.out >ids
    order-show --all | jq -r .order_id | cmp - ids
    stored "$(wc -l <ids)" PLACED
    placed_ids | cmp - ids
}

@test "order-place: SIGTERM while the broker is away: receipts say PENDING, and it dies of the signal" {
    {
        own 1
        own 2
    } >input
    start place bash -c 'exec order-place --url "$0" --retry-delay 60 <input' "$NOWHERE"
    eventually stored 2 PENDING
    eventually grep -q 'attempt 1' place.err
    ends -143 "$PID" TERM
    diff place.out <(receipt 1 PENDING; receipt 2 PENDING)
    run -0 --separate-stderr order-place --flush
    diff <(echo "$output") <(receipt 1; receipt 2)
    holds "$PLACED_Q" 2
}

@test "order-place: receipts that cannot be written: 74, the orders are stored and published" {
    own 1 >input
    run -74 --separate-stderr bash -c 'order-place <input >/dev/full'
    [ "$stderr" = 'order-place: cannot write standard output: No space left on device' ]
    stored 1 PLACED
    holds "$PLACED_Q" 1
    # The receipt can still be had.
    run -0 --separate-stderr order-place <input
    [ "$output" = "$(again 1)" ]
    holds "$PLACED_Q" 1
    run -74 --separate-stderr bash -c 'order-place <input >&-'
    [ "$stderr" = 'order-place: cannot write standard output: Bad file descriptor' ]
}

@test "order-place: the reader of its receipts is gone: 74, and every stored order is published now or by the next run" {
    # More receipts than a pipe holds.
    orders 5000 >input
    run -0 --separate-stderr bash -c 'order-place <input | head -n 1; exit $((PIPESTATUS[0] - 74))'
    [ "${#lines[@]}" -eq 1 ]
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    count=$(order-show --count)
    diff <(echo "$stderr") - <<END
order-place: cannot write standard output: Broken pipe
order-place: nothing from input $((count + 1)) (line $((count + 1))) on was placed
END
    order-show "$(jq -r .order_id <<<"$output")" | jq -r .status | grep -qx PLACED
    run -0 --separate-stderr order-place --flush
    stored 0 PENDING
    placed_ids | uniq | cmp - <(order-show --all | jq -r .order_id | sort)
}

@test "order-place: which exit code counts when there are several" {
    # Refused input and a broker that is away: try again, the input can wait.
    { own 1; echo '{}'; } >input
    run -75 --separate-stderr order-place --url "$NOWHERE" --retries 1 <input
    [[ $stderr == *'user_id is missing'* ]]
    # Refused input and output that cannot be written.
    run -74 bash -c 'order-place <input >/dev/full'
    # Refused input and a refused login.
    run -77 order-place --url "$SUITE_URL/none-$VHOST" < <(echo '{}'; own 2)
}

@test "order-place: a command line that is wrong ends with 64, says why, and touches nothing" {
    local arguments want bad=0
    while IFS='|' read -r arguments want; do
        run --separate-stderr order-place $arguments < <(order)
        if [ "$status" -ne 64 ] || [ -n "$output" ] || [[ $stderr != "order-place: $want"* ]]; then
            echo "$arguments: exit $status, $output, $stderr" >&2
            bad=1
        fi
    done <<'END'
order.json|orders are read from standard input: 'order.json' is no option
--flush order.json|orders are read from standard input: 'order.json' is no option
-|orders are read from standard input: '-' is no option
--unknown|unrecognized option '--unknown'
-x|invalid option -- 'x'
--flush=yes|option '--flush' doesn't allow an argument
--rejects|option '--rejects' requires an argument
--url|option '--url' requires an argument
-u|option requires an argument -- 'u'
--authfile|option '--authfile' requires an argument
--retries 0|--retries: '0' is not a number from 1
--retries -1|--retries: '-1' is not a number from 1
--retries=|--retries: '' is not a number from 1
--retries 2x|--retries: '2x' is not a number from 1
--retries 1.5|--retries: '1.5' is not a number from 1
--retries 99999999999999999999|--retries: '99999999999999999999' is not a number
--retry-delay -1|--retry-delay: '-1' is not a number from 0
--retry-delay 1s|--retry-delay: '1s' is not a number from 0
END
    [ "$bad" -eq 0 ]
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "order-place: --help and --version" {
    helps order-place --flush --array --rejects --rejects-json --url --authfile --cacert --cert --key --retries --retry-delay --shuffle \
        --confirm-timeout --queue-type --help --version
    run -0 order-place --help
    [[ $output == 'usage: order-place [options] < orders'* ]]
    for option in --help --version; do
        run -74 --separate-stderr bash -c 'order-place "$0" >/dev/full' "$option"
        [ "$stderr" = 'order-place: cannot write standard output: No space left on device' ]
    done
    [ ! -e "$XDG_STATE_HOME" ]
}

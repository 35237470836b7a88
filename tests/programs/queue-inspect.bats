# queue-inspect: depth, peek, wait and health, each read against what was put on the broker by other means.

load ../support/helper

# peeked FILTER [N]: what jq makes of the first N messages of order.placed.q.
peeked()
{
    queue-inspect --peek "${2:-100}" "$PLACED_Q" | jq -c "$1"
}

# catches PID SIGNAL: has the program come to where it handles the signal?
catches()
{
    local caught
    caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
    (((0x$caught >> ($(kill -l "$2") - 1)) & 1))
}

# on_terminal ARGUMENTS: queue-inspect with a terminal for its standard output; the arguments are for a shell.
on_terminal()
{
    script -qec "queue-inspect $1" /dev/null </dev/null | tr -d '\r'
    return "${PIPESTATUS[0]}"
}

# No byte but printable ASCII and UTF-8 that a terminal shows: no C0, DEL, C1, nor marks that turn the direction of text.
shows_no_controls()
{
    ! LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]' "$1"
}

# unhealthy CHECK PATTERN: this check alone fails, and says so.
unhealthy()
{
    run -1 --separate-stderr queue-inspect --health
    [ "${#lines[@]}" -eq 1 ]
    jq -e --arg check "$1" --arg pattern "$2" '.healthy == false and .checks[$check].ok == false
        and (.checks[$check].detail | test($pattern)) and (.checks | del(.[$check]) | all(.ok))
        and (.checks | length == 5)' <<<"$output"
}

# ---- listing

@test "queue-inspect: a line for each queue of the workflow, in its order" {
    topology
    put_numbers 2 "$PLACED_Q"
    put_numbers 1 "$FAILED_Q"
    run -0 --separate-stderr queue-inspect
    [ "$output" = '{"queue":"order.placed.q","exists":true,"ready":2,"consumers":0}
{"queue":"order.placed.dlq","exists":true,"ready":0,"consumers":0}
{"queue":"inventory.reserved.q","exists":true,"ready":0,"consumers":0}
{"queue":"inventory.failed.q","exists":true,"ready":1,"consumers":0}' ]
    [ -z "$stderr" ]
}

@test "queue-inspect: queues by name, in the order given, also one twice" {
    topology
    queue other
    put_numbers 3 other
    run -0 --separate-stderr queue-inspect other "$FAILED_Q" other
    [ "$(jq -rs 'map("\(.queue) \(.ready)") | join(",")' <<<"$output")" = 'other 3,inventory.failed.q 0,other 3' ]
}

@test "queue-inspect: queues that are missing do not hinder the default list" {
    run -0 --separate-stderr queue-inspect
    [ "$(jq -c '[.queue, .exists, .ready, .consumers]' <<<"$output")" = '["order.placed.q",false,null,null]
["order.placed.dlq",false,null,null]
["inventory.reserved.q",false,null,null]
["inventory.failed.q",false,null,null]' ]
    [ -z "$stderr" ]
}

@test "queue-inspect: a queue that was named and is missing is a failure" {
    topology
    run -1 --separate-stderr queue-inspect missing "$PLACED_Q"
    [ "$(jq -c '[.queue, .exists, .ready]' <<<"$output")" = '["missing",false,null]
["order.placed.q",true,0]' ]
    [ "$stderr" = "queue-inspect: no queue 'missing'" ]
}

@test "queue-inspect: each queue that was named and is missing is reported" {
    run -1 --separate-stderr queue-inspect missing "$PLACED_Q"
    [ "$stderr" = "queue-inspect: no queue 'missing'
queue-inspect: no queue '$PLACED_Q'" ]
}

@test "queue-inspect: a table on a terminal, aligned" {
    topology
    put_numbers 12 "$PLACED_Q"
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    run -0 on_terminal ''
    [[ ${lines[0]} =~ ^QUEUE\ +READY\ +CONSUMERS$ ]]
    [[ ${lines[1]} =~ ^order\.placed\.q\ +12\ +0$ ]]
    [[ ${lines[2]} =~ ^order\.placed\.dlq\ +0\ +0$ ]]
    [[ ${lines[3]} =~ ^inventory\.reserved\.q\ +0\ +0$ ]]
    [[ ${lines[4]} =~ ^inventory\.failed\.q\ +missing\ +-$ ]]
    [ "${#lines[@]}" -eq 5 ]
    for line in "${lines[@]}"; do
        [ "${#line}" -eq "${#lines[0]}" ]
    done
}

@test "queue-inspect: --format gives the one or the other, wherever it goes" {
    topology
    queue-inspect >lines
    on_terminal '' >table
    run -0 --separate-stderr queue-inspect --format table
    diff table - <<<"$output"
    run -0 on_terminal '--format json'
    diff lines - <<<"$output"
    run -0 --separate-stderr queue-inspect --until-empty --format table --timeout 0
    [[ ${lines[0]} =~ ^QUEUE\ +READY\ +CONSUMERS$ ]]
    [ "${#lines[@]}" -eq 3 ]
}

@test "queue-inspect: a table is aligned by characters, and shows no escapes" {
    topology
    run -1 on_terminal "größe-日本 $PLACED_Q $(printf "'%s'" $'bell\a\e[31m')"
    [[ ${lines[1]} =~ ^größe-日本\ +missing\ +-$ ]]
    [[ ${lines[3]} == 'bell\x07\x1b[31m '* ]]
    # Two of the characters are two columns wide: a program may reckon with that or not.
    [ "${#lines[2]}" -eq "${#lines[0]}" ]
    [ "${#lines[1]}" -eq "${#lines[0]}" ] || [ "${#lines[1]}" -eq $((${#lines[0]} - 2)) ]
}

@test "queue-inspect: odd names" {
    local long
    printf -v long '%0255d' 0
    queue 'with%20two%20spaces'
    queue 'gr%C3%B6%C3%9Fe'
    queue "$long"
    put_numbers 1 "$long"
    run -0 --separate-stderr queue-inspect 'with two spaces' größe "$long"
    [ "$(jq -rs 'map("\(.queue) \(.ready)") | join(",")' <<<"$output")" = "with two spaces 0,größe 0,$long 1" ]
}

@test "queue-inspect: a name is printed as it is, escaped as JSON has it" {
    queue 'back%5Cslash%1B%5B31m'
    run -0 --separate-stderr queue-inspect $'back\\slash\e[31m'
    jq -e --arg name $'back\\slash\e[31m' '.queue == $name and .exists' <<<"$output"
    [[ $output != *$'\e'* ]]
}

@test "queue-inspect: names that AMQP cannot have are wrong usage" {
    run -64 --separate-stderr queue-inspect ''
    [[ $stderr == *'1 to 255 bytes'* ]]
    run -64 --separate-stderr queue-inspect "$(printf '%0256d' 0)"
    [[ $stderr == *'1 to 255 bytes'* ]]
    [ -z "$output" ]
}

@test "queue-inspect: consumers are counted, and what they have in hand is not ready" {
    topology
    put_numbers 3 "$FAILED_Q"
    mkfifo gate
    start reader amqp-consume -u "$AMQP_URL" -q "$FAILED_Q" -p 2 cat gate
    start worker notify-worker
    eventually queue_consumers "$FAILED_Q" 1
    eventually queue_consumers "$RESERVED_Q" 1
    eventually holds "$FAILED_Q" 1
    start second notify-worker
    eventually queue_consumers "$RESERVED_Q" 2
    finish "$PID" TERM
    eventually queue_consumers "$RESERVED_Q" 1
    # Ends the child of amqp-consume too, which waits for a writer.
    kill "${STARTED[0]}"
    : <>gate
    eventually holds "$FAILED_Q" 3
}

# ---- peeking

@test "queue-inspect: --peek shows the first messages in their order, and leaves all as they are" {
    topology
    seq 5 | while read -r i; do
        publish orders-ex order.placed "{\"n\": $i}" -p -C application/json
    done
    messages "$PLACED_Q" | jq -c '{payload, properties, routing_key}' >before
    run -0 --separate-stderr queue-inspect --peek 3 "$PLACED_Q"
    [ "$(jq -c .body <<<"$output")" = '{"n":1}
{"n":2}
{"n":3}' ]
    [ -z "$stderr" ]
    eventually holds "$PLACED_Q" 5
    run -0 --separate-stderr queue-inspect --peek 5 "$PLACED_Q"
    [ "$(jq -s 'map(.body.n)' -c <<<"$output")" = '[1,2,3,4,5]' ]
    eventually holds "$PLACED_Q" 5
    messages "$PLACED_Q" | jq -c '{payload, properties, routing_key}' | cmp before
}

@test "queue-inspect: --peek shows a message as an envelope" {
    topology
    publish orders-ex order.placed '{"a": 1}'
    run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    [ "$output" = '{"queue":"order.placed.q","exchange":"orders-ex","routing_key":"order.placed","redelivered":false,"death":null,"deaths":0,"replays":0,"properties":{"delivery_mode":1},"headers":null,"body":{"a":1},"body_text":"{\"a\": 1}"}' ]
    # It says itself that a second look finds them marked.
    [ "$(eventually holds "$PLACED_Q" 1 && peeked .redelivered)" = true ]
}

@test "queue-inspect: --peek shows where a dead letter came from" {
    topology
    publish orders-ex order.placed poison
    run -0 --separate-stderr inventory-worker --count 1
    run -0 --separate-stderr queue-inspect --peek 1 "$DEAD_Q"
    jq -e '.queue == "order.placed.dlq" and .exchange == "orders-dlx" and .routing_key == "order.placed.dlq"' <<<"$output"
    jq -e '.death | del(.time) == {queue: "order.placed.q", reason: "rejected", exchange: "orders-ex",
           routing_key: "order.placed", count: 1}' <<<"$output"
    jq -e '.death.time | fromdateiso8601? // sub("\\.[0-9]+"; "") | fromdateiso8601 | now - . < 60' <<<"$output"
}

@test "queue-inspect: --peek of more than there is, of nothing, and of very many" {
    topology
    run -0 --separate-stderr queue-inspect --peek 3 "$PLACED_Q"
    [ -z "$output$stderr" ]
    put_numbers 3 "$PLACED_Q"
    [ "$(peeked .body 70000 | paste -sd,)" = 1,2,3 ]
    eventually holds "$PLACED_Q" 3
    put_numbers 2000 "$FAILED_Q"
    run -0 --separate-stderr queue-inspect --peek 1500 "$FAILED_Q"
    [ "$(jq .body <<<"$output" | cksum)" = "$(seq 1500 | cksum)" ]
    eventually holds "$FAILED_Q" 2000
}

@test "queue-inspect: --peek of a queue that is missing" {
    run -78 --separate-stderr queue-inspect --peek 1 missing
    [[ $stderr == *"no queue 'missing'"* ]]
    [ -z "$output" ]
}

@test "queue-inspect: --peek leaves the messages of a quorum queue where they are" {
    queue lives "$(endless)"
    put_numbers 2 lives
    for _ in 1 2 3; do
        eventually holds lives 2
        run -0 --separate-stderr queue-inspect --peek 2 lives
        [ "$(jq .body <<<"$output" | paste -sd,)" = 1,2 ]
    done
    eventually holds lives 2
}

@test "queue-inspect: --peek keeps JSON to the letter, and takes out white space" {
    topology
    post '' "$PLACED_Q" $' { "big" : 123456789012345678901234567890 , "e":1E400,\t"z": -0.0,\r\n"s": " a \\u00e9 \\" \\\\ ",  "l": [ 1 , 2.50 ] }\n'
    post '' "$PLACED_Q" ' 7 '
    post '' "$PLACED_Q" '"text"'
    post '' "$PLACED_Q" null
    post '' "$PLACED_Q" '[]'
    run -0 --separate-stderr queue-inspect --peek 9 "$PLACED_Q"
    [[ ${lines[0]} == *',"body":{"big":123456789012345678901234567890,"e":1E400,"z":-0.0,"s":" a \u00e9 \" \\ ","l":[1,2.50]},"body_text":"'* ]]
    [[ ${lines[1]} == *',"body":7,"body_text":" 7 "}' ]]
    [[ ${lines[2]} == *',"body":"text"}' ]]
    [[ ${lines[3]} == *',"body":null}' ]]
    [[ ${lines[4]} == *',"body":[]}' ]]
    # What was written differently is there to the letter.
    jq -e '.body_text == " { \"big\" : 123456789012345678901234567890 , \"e\":1E400,\t\"z\": -0.0,\r\n\"s\": \" a \\u00e9 \\\" \\\\ \",  \"l\": [ 1 , 2.50 ] }\n"' <<<"${lines[0]}"
}

@test "queue-inspect: --peek shows bodies that are not JSON as text, and those that are not text as base64" {
    topology
    post '' "$PLACED_Q" 'plain "text" größe'
    post '' "$PLACED_Q" '{"cut": '
    post '' "$PLACED_Q" '01'
    post '' "$PLACED_Q" ''
    post '' "$PLACED_Q" "$(printf '{"a":"\xff"}' | base64)" '{}' base64
    post '' "$PLACED_Q" "$(printf 'nul\0' | base64)" '{}' base64
    post '' "$PLACED_Q" "$(printf '\xed\xa0\x80' | base64)" '{}' base64
    run -0 --separate-stderr queue-inspect --peek 9 "$PLACED_Q"
    jq -cs 'map(del(.queue, .exchange, .routing_key, .redelivered, .death, .deaths, .replays, .properties, .headers))' <<<"$output" >bodies
    jq -e '. == [{body_text: "plain \"text\" größe"}, {body_text: "{\"cut\": "}, {body_text: "01"}, {body_text: ""},
                 {body_base64: "eyJhIjoi/yJ9"}, {body_base64: "bnVsAA=="}, {body_base64: "7aCA"}]' bodies
}

@test "queue-inspect: --peek shows a large body whole" {
    topology
    head -c 700000 /dev/urandom >blob
    base64 -w 0 blob | jq -Rc '{routing_key: "order.placed.q", payload: ., payload_encoding: "base64", properties: {}}' >message
    api POST "exchanges/$VHOST/amq.default/publish" @message >/dev/null
    queue-inspect --peek 1 "$PLACED_Q" | jq -r .body_base64 | base64 -d | cmp - blob
}

@test "queue-inspect: --peek shows every property" {
    topology
    local properties='{"content_type":"text/plain","content_encoding":"gzip","correlation_id":"c","reply_to":"r","expiration":"600000",
        "message_id":"m","type":"t","user_id":"guest","app_id":"a","cluster_id":"cl","delivery_mode":2,"priority":4,"timestamp":1700000000}'
    post '' "$PLACED_Q" x "$properties"
    post '' "$PLACED_Q" x '{"delivery_mode":1,"content_type":""}'
    publish orders-ex order.placed x -p -C a/b -E gz -t back -H 'name: value: with colon'
    run -0 --separate-stderr queue-inspect --peek 3 "$PLACED_Q"
    jq -e --argjson properties "$properties" '.properties == $properties and .headers == null' <<<"${lines[0]}"
    jq -e '.properties == {delivery_mode: 1, content_type: ""}' <<<"${lines[1]}"
    jq -e '.properties == {content_type: "a/b", content_encoding: "gz", reply_to: "back", delivery_mode: 2}
           and .headers == {name: "value: with colon"}' <<<"${lines[2]}"
}

@test "queue-inspect: --peek shows headers of every type that JSON knows" {
    topology
    local headers='{"text":"größe","empty":"","int":5,"negative":-70000,"float":1.5,"yes":true,"no":false,
        "table":{"in":{"deep":[1,"z",{"k":false}]},"none":{}},"list":[1,"a",[2,[]],{"t":true}],"":"no name"}'
    post '' "$PLACED_Q" x "{\"headers\": $headers}"
    # Not by way of jq, which reckons in doubles.
    api POST "exchanges/$VHOST/amq.default/publish" '{"routing_key": "order.placed.q", "payload": "x",
        "payload_encoding": "string", "properties": {"headers": {"big": 9007199254740993}}}' >/dev/null
    run -0 --separate-stderr queue-inspect --peek 2 "$PLACED_Q"
    jq -e --argjson headers "$headers" '.headers == ($headers | .float = {amqp: "float64", value: 1.5})' <<<"${lines[0]}"
    jq -e '.headers == {big: {amqp: "int64", value: "9007199254740993"}}' <<<"${lines[1]}"
}

# As a program on the broker itself: the management API does not know these.
publish_all_types()
{
    publish_record "" "$PLACED_Q" x "{'P_basic', undefined, undefined, Headers, 2, 9, <<\"c\", 255>>, undefined, undefined, undefined,
            undefined, undefined, undefined, undefined, undefined}" "
        Headers = [{<<\"byte\">>, byte, -5}, {<<\"ubyte\">>, unsignedbyte, 250}, {<<\"short\">>, short, -300},
            {<<\"ushort\">>, unsignedshort, 65000}, {<<\"int\">>, signedint, -70000}, {<<\"uint\">>, unsignedint, 4000000000},
            {<<\"long\">>, long, -9007199254740993}, {<<\"float\">>, float, 0.5}, {<<\"double\">>, double, 0.1},
            {<<\"void\">>, void, undefined}, {<<\"time\">>, timestamp, 1700000000}, {<<\"bytes\">>, binary, <<255, 0, 1>>},
            {<<\"latin\">>, longstr, <<228>>}, {<<\"nul\">>, longstr, <<\"a\", 0, \"b\">>}],"
}

@test "queue-inspect: --peek shows headers of AMQP's other types with their types, and strings that are not UTF-8 as base64" {
    topology
    publish_all_types
    run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    jq -e 'def is($type; $value): {amqp: $type, value: $value}; .headers == {byte: is("int8"; -5), ubyte: is("uint8"; 250),
           short: is("int16"; -300), ushort: is("uint16"; 65000), int: is("int32"; -70000), uint: is("uint32"; 4000000000),
           long: is("int64"; "-9007199254740993"), float: is("float32"; 0.5), double: is("float64"; 0.1), void: null,
           time: is("timestamp"; 1700000000), bytes: {amqp: "bytes", base64: "/wAB"},
           latin: {amqp: "string", base64: "5A=="}, nul: {amqp: "string", base64: "YQBi"}}' <<<"$output"
    jq -e '.properties.correlation_id == {amqp: "string", base64: "Y/8="}' <<<"$output"
}

@test "queue-inspect: --peek shows control characters and terminal escapes only escaped" {
    topology
    local text=$'a\e[31m\a\t\n\r\b"\\z'
    local value
    value=$(jq -nc --arg text "$text" '$text')
    post '' "$PLACED_Q" "$text" "{\"content_type\": $value, \"type\": $value, \"headers\": {\"value\": $value, \"list\": [$value]}}"
    queue-inspect --peek 1 "$PLACED_Q" >shown
    shows_no_controls shown
    jq -e --arg text "$text" '.body_text == $text and .properties.content_type == $text and .properties.type == $text
                              and .headers == {value: $text, list: [$text]}' shown
}

@test "queue-inspect: --peek shows the names of headers as they are, escaped as JSON has it" {
    topology
    local name=$'back\\slash\e[31m"'
    post '' "$PLACED_Q" x "$(jq -nc --arg name "$name" '{headers: {($name): 1, table: {($name): 2}}}')"
    queue-inspect --peek 1 "$PLACED_Q" >shown
    shows_no_controls shown
    jq -e --arg name "$name" '.headers == {($name): 1, table: {($name): 2}}' shown
}

@test "queue-inspect: --peek escapes DEL, C1 controls and marks that turn the direction of text" {
    topology
    local text=$'a\x7fb\u009b31mc\u202ed\u2066e'
    local value
    value=$(jq -nc --arg text "$text" '$text')
    post '' "$PLACED_Q" "$text" "{\"content_type\": $value, \"headers\": {\"value\": $value}}"
    post '' "$PLACED_Q" "{\"body\": $value}"
    queue-inspect --peek 2 "$PLACED_Q" >shown
    jq -e -s --arg text "$text" '.[0].body_text == $text and .[0].properties.content_type == $text
                                 and .[0].headers.value == $text and .[1].body.body == $text' shown
    shows_no_controls shown
}

# nested LEVELS: a message with headers like that.
nested()
{
    publish_record "" "$PLACED_Q" x "{'P_basic', undefined, undefined, Deep($1), 2, 9, undefined, undefined, undefined, undefined,
            undefined, undefined, undefined, undefined, undefined}" "
        Deep = fun Deep(0) -> []; Deep(N) -> [{<<\"h\">>, table, Deep(N - 1)}] end,"
}

@test "queue-inspect: --peek shows headers that are nested deep in a way that jq can read; librabbitmq 0.14 and later read 100 levels" {
    topology
    nested 100
    run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    jq -e '.body_text == "x"' <<<"$output"
    drain "$PLACED_Q" >/dev/null
    nested 10000
    if pkg-config --atleast-version=0.14 librabbitmq; then
        run -69 --separate-stderr queue-inspect --peek 1 --retries 2 --retry-delay 0 "$PLACED_Q"
        [[ $stderr == *'nested too deep'* ]]
    else
        run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
        jq -e '.body_text == "x"' <<<"$output"
    fi
}

# ---- following

# The queues that followers have, as the broker sees them.
taps()
{
    queues_now | jq -c '.[] | select(.name | startswith("amq.gen-")) | {exclusive, auto_delete, arguments}'
}

# tapped N: are there so many bindings of followers?
tapped()
{
    [ "$(api GET "bindings/$VHOST" | jq '[.[] | select(.source != "" and (.destination | startswith("amq.gen-")))] | length')" = "$1" ]
}

@test "queue-inspect: --follow shows messages as they are published, and their queue gets them all the same" {
    topology
    put_numbers 1 "$PLACED_Q"
    start follower queue-inspect --follow orders-ex
    eventually tapped 2
    run -0 order-place <"$DATA/order.json"
    publish orders-ex order.placed 'no JSON'
    eventually has_lines follower.out 2
    [ "$(jq -r '[.exchange, .routing_key, .redelivered, .properties.type, .body.event_type, .body_text] | join(" ")' follower.out)" = \
        'orders-ex order.placed false OrderPlaced OrderPlaced 
orders-ex order.placed false   no JSON' ]
    jq -se 'map(.queue | startswith("amq.gen-")) | all' follower.out
    holds "$PLACED_Q" 3
    finish -143 "$PID" TERM
    [ ! -s follower.err ]
}

@test "queue-inspect: --follow has a queue of its own, bounded, which goes when it does, even by SIGKILL" {
    local signal
    topology
    for signal in INT KILL; do
        start follower env --default-signal=INT queue-inspect --follow orders-ex
        eventually tapped 2
        [ "$(taps)" = '{"exclusive":true,"auto_delete":true,"arguments":{"x-max-length":10000,"x-max-length-bytes":67108864}}' ]
        finish "$PID" "$signal"
        eventually tapped 0
        [ -z "$(taps)" ]
    done
}

@test "queue-inspect: --follow shows all that the workflow publishes to an exchange; --routing-key some of it" {
    topology
    start all queue-inspect --follow inventory-ex
    start failed queue-inspect --follow inventory-ex --routing-key inventory.failed
    start topic queue-inspect --follow amq.topic --routing-key 'a.*' --routing-key 'b.#'
    eventually tapped 7
    publish inventory-ex inventory.reserved 1
    publish inventory-ex inventory.failed 2
    publish amq.topic a.x 3
    publish amq.topic a.x.y 4
    publish amq.topic b 5
    eventually has_lines all.out 2
    eventually has_lines failed.out 1
    eventually has_lines topic.out 2
    [ "$(jq -c .body all.out failed.out topic.out | paste -sd,)" = 1,2,2,3,5 ]
}

@test "queue-inspect: --follow, with the management API, finds the routing keys itself" {
    local url=http://guest:guest@${SUITE_API#http://}
    topology
    api POST "bindings/$VHOST/e/amq.direct/q/$FAILED_Q" '{"routing_key": "one"}' >/dev/null
    MANAGEMENT_URL=$url start direct queue-inspect --follow amq.direct
    MANAGEMENT_URL=$url start fanout queue-inspect --follow amq.fanout
    eventually tapped 2
    publish amq.direct one 1
    publish amq.direct two 2
    publish amq.fanout any 3
    eventually has_lines direct.out 1
    eventually has_lines fanout.out 1
    [ "$(jq -c .body direct.out fanout.out | paste -sd,)" = 1,3 ]
}

@test "queue-inspect: --follow ends after --timeout" {
    topology
    run -0 --separate-stderr queue-inspect --follow orders-ex --timeout 1
    [ -z "$output$stderr" ]
}

@test "queue-inspect: --follow of more than comes at once, in order" {
    topology
    start follower queue-inspect --follow orders-ex --routing-key many
    eventually tapped 1
    seq 3000 | amqp-publish -u "$AMQP_URL" -e orders-ex -r many -l
    eventually has_lines follower.out 3000
    [ "$(jq .body follower.out | cksum)" = "$(seq 3000 | cksum)" ]
}

@test "queue-inspect: --follow of an exchange whose keys nobody knows, and of one that is missing" {
    topology
    run -64 --separate-stderr queue-inspect --follow amq.topic
    [[ $stderr == *"'amq.topic'"*--routing-key* ]]
    run -78 --separate-stderr queue-inspect --follow missing --routing-key a
    [[ $stderr == *"no exchange 'missing'"* ]]
    run -64 --separate-stderr queue-inspect --follow ''
    [ -z "$output" ]
    run -64 --separate-stderr queue-inspect --follow orders-ex --routing-key "$(printf %0256d 0)"
    [[ $stderr == *'a routing key has at most 255 bytes'* ]]
    MANAGEMENT_URL=http://127.0.0.1:1 run -69 --separate-stderr queue-inspect --follow amq.direct
    [ "$stderr" = "queue-inspect: management API 'http://127.0.0.1:1': cannot connect: Connection refused" ]
}

connections()
{
    api GET "vhosts/$VHOST/connections" | jq -r '.[].name'
}

@test "queue-inspect: --follow goes on after a lost connection, and says that messages may be missing" {
    topology
    start follower queue-inspect --follow orders-ex --retry-delay 0
    eventually tapped 2
    connected()
    {
        [ "$(connections | wc -l)" = 1 ]
    }
    eventually connected
    api DELETE "connections/$(connections | sed 's/ /%20/g; s/>/%3E/g')" >/dev/null
    eventually grep -qx 'queue-inspect: connected anew: messages that were published meanwhile may be missing' follower.err
    eventually tapped 2
    publish orders-ex order.placed 7
    eventually has_lines follower.out 1
    [ "$(jq .body follower.out)" = 7 ]
    grep -q "lost the broker" follower.err
}

# ---- waiting

@test "queue-inspect: --until-empty waits for a worker that drains the queue" {
    local waiting
    topology
    seq 300 | sed 's/.*/{"event_type":"OrderPlaced","order_id":"id-&","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}/' |
        amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -l
    start waiting queue-inspect --until-empty "$PLACED_Q"
    waiting=$PID
    run -1 --separate-stderr queue-inspect --until-empty --timeout 1 "$PLACED_Q"
    kill -0 "$waiting"
    run -0 --separate-stderr inventory-worker --count 300
    finish -0 "$waiting"
    jq -e '.queue == "order.placed.q" and .ready == 0' waiting.out
    holds "$RESERVED_Q" 300
}

@test "queue-inspect: --until-empty waits for all of the queues; by default for those of the workers" {
    topology
    run -0 --separate-stderr queue-inspect --until-empty --timeout 0
    [ "$(jq -s 'map([.queue, .ready])' -c <<<"$output")" = '[["order.placed.q",0],["inventory.reserved.q",0]]' ]
    put_numbers 1 "$RESERVED_Q"
    run -1 --separate-stderr queue-inspect --until-empty --timeout 0
    [[ $stderr == *"'$RESERVED_Q'"* ]]
    put_numbers 1 "$FAILED_Q"
    run -1 --separate-stderr queue-inspect --until-empty --timeout 0 "$PLACED_Q" "$FAILED_Q"
    [[ $stderr == *"'$FAILED_Q'"* ]]
    run -1 --separate-stderr queue-inspect --until 1 --timeout 0
    [[ $stderr == *"'$PLACED_Q'"* ]]
}

@test "queue-inspect: --until waits for a producer" {
    local waiting
    topology
    put_numbers 2 "$PLACED_Q"
    start waiting queue-inspect --until 4 "$PLACED_Q"
    waiting=$PID
    put_numbers 1 "$PLACED_Q"
    run -1 --separate-stderr queue-inspect --until 4 --timeout 1 "$PLACED_Q"
    kill -0 "$waiting"
    put_numbers 2 "$PLACED_Q"
    finish -0 "$waiting"
    jq -e '.ready >= 4' waiting.out
    run -0 --separate-stderr queue-inspect --until 5 --timeout 0 "$PLACED_Q"
    [ "$(jq .ready <<<"$output")" = 5 ]
    run -0 --separate-stderr queue-inspect --until 4 --timeout 0 "$PLACED_Q"
    run -1 --separate-stderr queue-inspect --until 6 --timeout 0 "$PLACED_Q"
}

@test "queue-inspect: --until waits for a queue that is still to be made" {
    local waiting
    start waiting queue-inspect --until 1 "$PLACED_Q" "$FAILED_Q"
    waiting=$PID
    topology
    put_numbers 1 "$PLACED_Q"
    run -1 --separate-stderr queue-inspect --until 1 --timeout 1 "$PLACED_Q" "$FAILED_Q"
    kill -0 "$waiting"
    put_numbers 1 "$FAILED_Q"
    finish -0 "$waiting"
    [ "$(jq -s 'map([.queue, .ready])' -c waiting.out)" = '[["order.placed.q",1],["inventory.failed.q",1]]' ]
}

@test "queue-inspect: --timeout ends a wait with the answer no" {
    topology
    put_numbers 1 "$PLACED_Q"
    # Without --timeout it waits for ever.
    run -1 --separate-stderr timeout "$HANGING" queue-inspect --until-empty --timeout 1 "$PLACED_Q"
    [ "$(jq .ready <<<"$output")" = 1 ]
    [ "$stderr" = "queue-inspect: queue '$PLACED_Q' is not empty: 1 ready" ]
    run -1 --separate-stderr queue-inspect --until 2 --timeout 0 "$PLACED_Q"
    [ "$stderr" = "queue-inspect: queue '$PLACED_Q' has 1 of 2 messages ready" ]
    run -1 --separate-stderr queue-inspect --until 0 --timeout 0 missing
    [ "$stderr" = "queue-inspect: queue 'missing' is not there" ]
    run -1 --separate-stderr queue-inspect --until-empty --timeout 0 missing
}

@test "queue-inspect: a signal ends a wait" {
    local signal
    topology
    put_numbers 1 "$PLACED_Q"
    for signal in TERM:143 INT:130; do
        start "wait-$signal" env --default-signal=INT queue-inspect --until-empty "$PLACED_Q"
        eventually catches "$PID" "${signal%:*}"
        finish "-${signal#*:}" "$PID" "${signal%:*}"
        # It says what is true, as far as it has got.
        grep -qxE "queue-inspect: asked to stop(: queue '$PLACED_Q' is not empty: 1 ready| before the broker has told how full the queues are)" "wait-$signal.err"
    done
}

# ---- health

@test "queue-inspect: --health with both workers" {
    start_workers
    run -0 --separate-stderr queue-inspect --health
    [ "${#lines[@]}" -eq 1 ]
    jq -e '. == {healthy: true, checks: {broker: {ok: true}, topology: {ok: true}, consumers: {ok: true}, dead_letters: {ok: true}, outbox: {ok: true}}}' <<<"$output"
    [ -z "$stderr" ]
}

@test "queue-inspect: --health: a worker is missing, a dead letter, a queue is missing" {
    local inventory notify
    start_workers

    put_numbers 2 "$DEAD_Q"
    unhealthy dead_letters "2 .*$DEAD_Q"
    purge "$DEAD_Q"

    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    unhealthy topology "^queue '$FAILED_Q': missing\$"
    topology

    api DELETE "exchanges/$VHOST/orders-dlx" >/dev/null
    unhealthy topology "^exchange 'orders-dlx': missing\$"
    topology

    finish "$inventory" TERM
    unhealthy consumers "$PLACED_Q"
    start inventory inventory-worker
    eventually queue_consumers "$PLACED_Q" 1
    finish "$notify" TERM
    unhealthy consumers "^nobody consumes from '$RESERVED_Q'\$"
    # All of them are named, also those of what only some workflows have.
    queue order.outcome.q
    unhealthy consumers "^nobody consumes from '$RESERVED_Q', 'order.outcome.q'\$"
}

@test "queue-inspect: queues that only some workflows have are shown while they are there" {
    topology
    queue order.cancelled.q
    queue order.placed.parked
    run -0 --separate-stderr queue-inspect
    [ "$(jq -r .queue <<<"$output" | paste -sd' ')" = "$PLACED_Q $DEAD_Q $RESERVED_Q $FAILED_Q order.cancelled.q order.placed.parked" ]
    run -0 --separate-stderr queue-inspect --format table
    [ "${#lines[@]}" -eq 7 ]
    run -0 --separate-stderr queue-inspect --watch --timeout 0
    jq -e '.queues | length == 6' <<<"$output"
    # To a user without a right to them they are not there.
    reduced_user none none '^(order.placed|inventory).*q$'
    run -0 --separate-stderr queue-inspect
    [ -z "$stderr" ]
}

@test "queue-inspect: --health: how much is too much, and since when" {
    local options wanted
    start_workers
    put_numbers 3 "$FAILED_Q"
    queue order.placed.parked
    put_numbers 2 order.placed.parked
    post '' "$DEAD_Q" 1 "{\"timestamp\": $(($(date +%s) - 7200))}"
    eventually holds "$DEAD_Q" 1
    while IFS='|' read -r options wanted; do
        run --separate-stderr queue-inspect --health $options
        echo "$options: $output"
        [ "$(jq -r '.checks | to_entries | map(select(.value.ok | not) | "\(.key) \(.value.level)") | join(" ")' <<<"$output")" = "$wanted" ]
        eventually holds "$DEAD_Q" 1
    done <<'END'
|dead_letters warning
--max-dead 1|
--max-dead 0,0|dead_letters critical
--max-dead 9 --max-failed 3 --max-parked 2 --max-age 3h|
--max-dead 9 --max-failed 1,2|failed critical
--max-dead 9 --max-failed 2,3|failed warning
--max-dead 9 --max-parked 1|parked warning
--max-dead 9 --max-age 90m,1d|age warning
--max-dead 9 --max-age 1h,7199s|age critical
END
    run -1 --separate-stderr queue-inspect --health --max-dead 0 --max-age 1h
    jq -e --arg queue "'$DEAD_Q'" '.checks.dead_letters.detail == "1 in \($queue)"
        and (.checks.age.detail | test("^the first message in \($queue) is 72[0-9][0-9] s old, more than 3600$"))' <<<"$output"
    # A look that might use up a delivery is not taken.
    queue order.cancelled.q "$(jq -nc '{"x-queue-type": "quorum", "x-delivery-limit": 3}')"
    start_holder cancelled order.cancelled.q
    put_numbers 2 order.cancelled.q
    eventually holds order.cancelled.q 1
    run -1 --separate-stderr queue-inspect --health --max-dead 9 --max-age 3h
    jq -e '.checks.age | .level == "unknown" and (.detail | test("order.cancelled.q.*might count as a delivery"))' <<<"$output"
    messages order.cancelled.q | jq -e '.properties.headers["x-delivery-count"] // 0 | . <= 1'
}

@test "queue-inspect: --nagios: a line as its plugins print, and their exit codes" {
    start_workers
    run -0 --separate-stderr queue-inspect --health --nagios --max-ready 100,1000
    [ "$(sed 's/outbox=[0-9]*;;;0 outbox_age=0s/outbox/' <<<"$output")" = "ORDERS OK - all is well | cons_$PLACED_Q=1;;1:;0 cons_$RESERVED_Q=1;;1:;0 $DEAD_Q=0;0;;0 $FAILED_Q=0;;;0 $PLACED_Q=0;100;1000;0 $RESERVED_Q=0;100;1000;0 outbox;;60;0" ]
    put_numbers 2 "$DEAD_Q"
    run -1 --separate-stderr queue-inspect --health --nagios
    [[ $output == "ORDERS WARNING - 2 in '$DEAD_Q' | "*" order.placed.dlq=2;0;;0 "* ]]
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    run -2 --separate-stderr queue-inspect --health --nagios --max-dead 0,9
    [[ $output == "ORDERS CRITICAL - queue '$FAILED_Q': missing; 2 in '$DEAD_Q' | "*" order.placed.dlq=2;0;9;0 "* ]]
    run -2 --separate-stderr queue-inspect --health --nagios -u amqp://127.0.0.1:1
    [ "$output" = "ORDERS CRITICAL - '127.0.0.1:1': cannot connect: Connection refused" ]
    run -3 --separate-stderr queue-inspect --health --nagios -u "${AMQP_URL/guest:guest/guest:wrong}"
    [[ $output == 'ORDERS UNKNOWN - '*ACCESS_REFUSED* ]]
    run -3 --separate-stderr queue-inspect --health --nagios --authfile missing
    # One that takes the connection and says nothing; librabbitmq would wait for 12 s.
    start mute python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)'
    eventually test -s mute.out
    run -2 --separate-stderr timeout -s KILL 10 queue-inspect --health --nagios -u "amqp://127.0.0.1:$(cat mute.out)?connection_timeout=500"
    [ "$output" = "ORDERS CRITICAL - '127.0.0.1:$(cat mute.out)': login failed: request timed out" ]
}

@test "queue-inspect: --nagios exits with none but Nagios's codes, also if the options are wrong" {
    local options
    topology
    while read -r options; do
        echo "$options"
        run -3 --separate-stderr queue-inspect $options
        [ -z "$output" ]
        [[ $stderr == "queue-inspect: "* ]]
    done <<'END'
--nagios
--health --max-dead few --nagios
--health --nagios --frobnicate
--health --nag --url ftp://127.0.0.1
--health --nagios a
END
    run -3 sh -c 'queue-inspect --health --nagios >/dev/full'
}

@test "queue-inspect: --health: a ledger that is named, and is not there" {
    start_workers
    INVENTORY_LEDGER=missing run -1 --separate-stderr queue-inspect --health
    jq -e '.checks.outbox == {ok: false, level: "unknown", detail: "cannot read '"'missing'"': No such file or directory"}' <<<"$output"
    run -1 --separate-stderr queue-inspect --health --ledger missing
    jq -e '.checks.outbox.level == "unknown"' <<<"$output"
    [ ! -e missing ]
    INVENTORY_LEDGER='' XDG_STATE_HOME=$PWD/none run -0 --separate-stderr queue-inspect --health
    jq -e '.checks | has("outbox") | not' <<<"$output"
}

@test "queue-inspect: --health on an empty virtual host" {
    run -1 --separate-stderr queue-inspect --health
    jq -e '.healthy == false and .checks.broker.ok and .checks.topology.detail == "exchange '"'"'orders-ex'"'"': missing, and 6 more"' <<<"$output"
    api GET "queues/$VHOST" | jq -e '. == []'
}

@test "queue-inspect: --health --max-ready: at most so many for each of the workers" {
    numbered_events()
    {
        local i
        for i in $(seq "$1"); do
            publish inventory-ex inventory.reserved "$i"
        done
    }
    topology
    numbered_events 3
    put_numbers 9 "$FAILED_Q"
    run -1 --separate-stderr queue-inspect --health --max-ready 3
    jq -e '.checks.backlog == {ok: true}' <<<"$output"
    run -1 --separate-stderr queue-inspect --health --max-ready 2
    jq -e '.checks.backlog == {ok: false, level: "warning", detail: "3 in '"'inventory.reserved.q'"', more than 2"}' <<<"$output"
    run -1 --separate-stderr queue-inspect --health
    jq -e '.checks | has("backlog") | not' <<<"$output"
    # With nobody there but a consumer for each, the backlog alone decides.
    start_holder placed "$PLACED_Q"
    start_holder reserved "$RESERVED_Q"
    eventually queue_consumers "$PLACED_Q" 1
    eventually queue_consumers "$RESERVED_Q" 1
    eventually holds "$RESERVED_Q" 2
    run -0 --separate-stderr queue-inspect --health --max-ready 2
    run -1 --separate-stderr queue-inspect --health --max-ready 1
}

@test "queue-inspect: --health answers quickly that the broker is away, or refuses the login" {
    local began=$SECONDS
    run -1 --separate-stderr queue-inspect --health -u amqp://127.0.0.1:1
    # Of the 60 attempts, a second apart, there is one.
    ((SECONDS - began < PATIENCE))
    [ "${#lines[@]}" -eq 1 ]
    jq -e '.healthy == false and .checks.broker.ok == false and .checks.broker.detail == "'"'127.0.0.1:1'"': cannot connect: Connection refused"' <<<"$output"
    run -1 --separate-stderr queue-inspect --health -u "${AMQP_URL/guest:guest/guest:wrong}"
    jq -e '.healthy == false and .checks.broker.ok == false and (.checks.broker.detail | test("ACCESS_REFUSED"))' <<<"$output"
}

# ---- failures

@test "queue-inspect: wrong usage" {
    refuses_usage queue-inspect <<'END'
--peek 1
--peek 1 a b
--peek 0 a
--peek -1 a
--peek 1x a
--peek 99999999999999999999 a
--peek
--until
--until -1 a
--until 1.5 a
--timeout 5
--timeout 5 --health
--watch 0
--watch=x
--watch --peek 1 a
--watch --format table
--follow orders-ex a
--follow
--follow orders-ex --routing-key
--routing-key a
--max-ready 5
--health --max-ready -1
--health --max-ready 2,1
--health --max-dead 1,
--health --max-dead 1,2,3
--health --max-failed few
--health --max-parked ,1
--health --max-age 5
--health --max-age 2026-01-31T12:00:00Z
--max-dead 1
--check-topology a
--check-topology --health
--check-topology --timeout 5
--api
--timeout 5 --peek 1 a
--force a
--force --follow orders-ex
--format
--format xml
--peek 1 --format table a
--follow orders-ex --format table
--check-topology --format table
--health --format table
--until 1 --timeout -1 a
--until 1 --timeout soon a
--until 1 --until-empty a
--until-empty --health
--peek 1 --health
--peek 1 --until 1 a
--health a
--frobnicate
-x
--url
--url ftp://127.0.0.1
--retries 0
--retry-delay -1
--cert a
END
}

@test "queue-inspect: --help and --version" {
    helps queue-inspect --api --format --watch --peek --force --follow --routing-key --check-topology --max-ready --max-dead --max-failed --max-parked --max-age --nagios --until-empty --until \
        --timeout --health --url --authfile --cacert --cert --key --retries --retry-delay --shuffle --version
}

@test "queue-inspect: output that cannot be written" {
    topology
    put_numbers 3 "$PLACED_Q"
    local arguments
    while read -r arguments; do
        run -74 --separate-stderr to_full queue-inspect $arguments
        [[ $stderr == 'queue-inspect: cannot write standard output: No space left on device' ]]
    done <<END

$PLACED_Q
--peek 3 $PLACED_Q
--until 1 $PLACED_Q
--until-empty --timeout 0 $FAILED_Q
--health
--watch
END
    eventually holds "$PLACED_Q" 3
}

@test "queue-inspect: a reader that goes away" {
    local statuses
    topology
    put_numbers 2000 "$PLACED_Q"
    env --default-signal=PIPE queue-inspect --peek 2000 "$PLACED_Q" 2>err | head -n 1 >first
    statuses=${PIPESTATUS[*]}
    [ "$statuses" = '141 0' ]
    [ ! -s err ]
    [ "$(jq .body first)" = 1 ]
    eventually holds "$PLACED_Q" 2000
}

@test "queue-inspect: the broker is away" {
    run -69 --separate-stderr queue-inspect -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0
    [[ $stderr == *"'127.0.0.1:1'"*'attempt 1 of 2'*'giving up after 2 attempts'* ]]
    [ -z "$output" ]
    run -69 --separate-stderr queue-inspect -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0 --peek 1 a
    run -69 --separate-stderr queue-inspect -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0 --until 1 a
    # The second of two is there.
    run -1 --separate-stderr queue-inspect -u "amqp://127.0.0.1:1,$AMQP_URL" a
    jq -e '.queue == "a" and .exists == false' <<<"$output"
}

@test "queue-inspect: the login or the virtual host is refused" {
    run -77 --separate-stderr queue-inspect -u "${AMQP_URL/guest:guest/guest:wrong}"
    [[ $stderr == *ACCESS_REFUSED* ]]
    [[ $stderr != *wrong* ]]
    run -77 --separate-stderr queue-inspect -u "$SUITE_URL/no-such-vhost"
    [[ $stderr == *no-such-vhost* ]]
    run -77 --separate-stderr queue-inspect -u "${AMQP_URL/guest:guest/guest:wrong}" --peek 1 a
    run -77 --separate-stderr queue-inspect -u "${AMQP_URL/guest:guest/guest:wrong}" --until 1 a
    [ -z "$output" ]
}

# beats SECONDS: has the connection of the test this heartbeat? The broker may ask for a shorter one.
beats()
{
    api GET "vhosts/$VHOST/connections" | jq -e --argjson s "$1" 'length == 1 and .[0].timeout == $s'
}

@test "queue-inspect: the query of a URL: heartbeat and size of frames are asked for; what is not supported is named" {
    local url=$AMQP_URL
    start waits queue-inspect --url "$url?heartbeat=3&frame_max=8192&connection_timeout=3000" --until 9 "$PLACED_Q"
    eventually beats 3
    api GET "vhosts/$VHOST/connections" | jq -e '.[0].frame_max == 8192'
    ends "$PID" TERM
    run -64 --separate-stderr queue-inspect --url "$url?heartbeat=7,$url?ssl=1"
    [ "$stderr" = "queue-inspect: URL number 2: the parameter 'ssl' is not supported" ]
}

@test "queue-inspect: an exclusive queue of another connection ends it at once" {
    topology
    start owner amqp-consume -u "$AMQP_URL" -e orders-ex -r none -x cat
    eventually grep -q 'amq\.' owner.err
    local name
    name=$(grep -o 'amq\..*' owner.err)
    run -78 --separate-stderr timeout -k 1 "$HANGING" queue-inspect --retries 2 --retry-delay 0 "$name"
    [[ $stderr == *RESOURCE_LOCKED* ]]
}

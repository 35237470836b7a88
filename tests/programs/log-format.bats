# --log-format: standard error as text, as it ever was; as JSON, an object a line; and for journald, with priorities.

load ../support/http

setup()
{
    isolate
    NOWHERE=amqp://127.0.0.1:1
    NOBODY=00000000-0000-7000-8000-000000000000
}

# keep_one: makes a store, so that order-show can tell that it does not have another.
keep_one()
{
    order-place --url "$NOWHERE" --retries 1 <"$DATA/order.json" >/dev/null 2>&1 || [ $? = 75 ]
}

# run_workers [OPTIONS]: a run of each worker, which logs to NAME.err: an order is reserved, one fails, a message is malformed, and the
# first order comes again.
run_workers()
{
    topology
    printf '%s\n' "$(order 1)" "$(order 9)" | order-place >receipts
    mapfile -t ids < <(jq -r .order_id receipts)
    publish orders-ex order.placed 'no JSON'
    publish orders-ex order.placed "$(jq -nc --arg id "${ids[0]}" '{event_type: "OrderPlaced", order_id: $id, user_id: "u",
        restaurant_id: "r", items: [{sku: "s", qty: 1}]}')"
    timeout "$HANGING" inventory-worker --count 4 "$@" >inventory.out 2>inventory.err
    timeout "$HANGING" notify-worker --count 1 "$@" >notify.out 2>notify.err
}

# is_json FILE: is each line an object with the members that all have, and nothing else?
is_json()
{
    jq -se 'length > 0 and all(.[]; type == "object" and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$"))
        and (.level | IN("error", "warning", "notice", "info")) and (.program | test("^[a-z-]+$")) and (.message | length) > 0)' "$1" &&
        [ "$(wc -l <"$1")" -eq "$(jq -c . "$1" | wc -l)" ]
}

# --- the three forms

@test "text is what comes without the option, and has neither time nor level" {
    run_workers --log-format text
    [ "$(sed 's/message: .*/message: .../' inventory.err | sort)" = "$(sort <<END
[inventory] reservation OK for ${ids[0]}
[inventory] reservation FAILED for ${ids[1]}
[inventory] rejected a message: ...
[inventory] duplicate ignored: ${ids[0]}
[inventory] published InventoryReserved for ${ids[0]}
[inventory] published InventoryFailed for ${ids[1]}
END
    )" ]
    [ "$(<notify.err)" = "[notify] Order confirmed: ${ids[0]}" ]
}

@test "JSON: the fixed lines are messages, and their order has a member of its own" {
    run_workers --log-format json
    is_json inventory.err
    is_json notify.err
    [ "$(jq -c '[.level, .order_id, .message]' inventory.err | sed 's/message: .*/message: ..."]/' | sort)" = "$(sort <<END
["info","${ids[0]}","[inventory] reservation OK for ${ids[0]}"]
["info","${ids[1]}","[inventory] reservation FAILED for ${ids[1]}"]
["warning",null,"[inventory] rejected a message: ..."]
["info","${ids[0]}","[inventory] duplicate ignored: ${ids[0]}"]
["info","${ids[0]}","[inventory] published InventoryReserved for ${ids[0]}"]
["info","${ids[1]}","[inventory] published InventoryFailed for ${ids[1]}"]
END
    )" ]
    [ "$(jq -r '.program, .message, .order_id' notify.err)" = "notify-worker
[notify] Order confirmed: ${ids[0]}
${ids[0]}" ]
    # What they print is data, and has not changed.
    [ "$(jq -r .order_id notify.out)" = "${ids[0]}" ]
}

@test "for the journal: the priorities of syslog before the same text" {
    run_workers --log-format journal
    [ "$(cut -c 1-15 inventory.err | sort | uniq -c | tr -s ' ')" = ' 1 <4>[inventory] 
 5 <6>[inventory] ' ]
    [ "$(<notify.err)" = "<6>[notify] Order confirmed: ${ids[0]}" ]
}

# --- what ends a program, what is tried again

@test "levels: an error that ends it, a broker that is tried again" {
    run -75 --separate-stderr order-place --log-format json --url "$NOWHERE" --retries 2 --retry-delay 0 <"$DATA/order.json"
    printf '%s\n' "$stderr" >log
    is_json log
    [ "$(jq -r .level log | uniq | paste -sd ' ')" = 'warning error' ]
    [ "$(jq -r .message log | tail -n 1)" = "broker '127.0.0.1:1' (publishing): $(jq -r .message log | sed -n '1s/.*(publishing): \(.*\); attempt.*/\1/p'); giving up after 2 attempts" ]
}

@test "every program: --log-format, and ORDER_LOG_FORMAT, which the option overrides" {
    for program in "$REPO"/bin/*; do
        name=${program##*/}
        "$name" --help | grep -q -e '--log-format'
        run -64 --separate-stderr "$name" --log-format json --no-such-option
        printf '%s\n' "$stderr" >log
        is_json log
        [ "$(jq -r .message log | head -n 1)" = "unrecognized option '--no-such-option'" ]
        run -64 --separate-stderr "$name" --log-format xml --help
        [ "${stderr_lines[0]}" = "$name: --log-format: 'xml' is neither text nor json nor journal" ]
        ORDER_LOG_FORMAT=xml run -64 --separate-stderr "$name"
        [ "${stderr_lines[-1]}" = "$name: ORDER_LOG_FORMAT: 'xml' is neither text nor json nor journal" ]
    done
    keep_one
    ORDER_LOG_FORMAT=json run -1 --separate-stderr order-show "$NOBODY"
    [ "$(jq -r .message <<<"$stderr")" = "no order '$NOBODY'" ]
    ORDER_LOG_FORMAT=xml run -1 --separate-stderr order-show --log-format text "$NOBODY"
    [ "$stderr" = "order-show: no order '$NOBODY'" ]
    ORDER_LOG_FORMAT='' run -1 --separate-stderr order-show "$NOBODY"
    [ "$stderr" = "order-show: no order '$NOBODY'" ]
}

# --- journald

# stream_of FILE: what JOURNAL_STREAM is for a program whose standard error is the file.
stream_of()
{
    stat -c '%d:%i' "$1"
}

@test "priorities by themselves if standard error is what JOURNAL_STREAM names, and only then" {
    keep_one
    : >log
    : >other
    status=0
    JOURNAL_STREAM=$(stream_of log) order-show "$NOBODY" 2>log || status=$?
    [ "$status" = 1 ]
    [ "$(<log)" = "<3>order-show: no order '$NOBODY'" ]
    for stream in "$(stream_of other)" '' '8:' 'x' "$(stream_of log)9"; do
        JOURNAL_STREAM=$stream order-show "$NOBODY" 2>log || true
        [ "$(<log)" = "order-show: no order '$NOBODY'" ]
    done
    JOURNAL_STREAM=$(stream_of log) order-show --log-format text "$NOBODY" 2>log || true
    [ "$(<log)" = "order-show: no order '$NOBODY'" ]
    JOURNAL_STREAM=$(stream_of log) order-show --log-format json "$NOBODY" 2>log || true
    is_json log
    [ "$(jq -r .level log)" = error ]
}

# --- hostile

@test "JSON stays JSON, whatever bytes come from input, files and arguments" {
    printf '{"user_id": "\033[31m\xff", "x": }\n{"user_id":"u\\u001b","restaurant_id":"r","items":[]}\n' >input
    status=0
    order-place --log-format json --url "$NOWHERE" --retries 1 <input 2>log || status=$?
    [ "$status" = 65 ]
    is_json log
    run -77 --separate-stderr order-place --log-format json --authfile $'no\nsuch"file\xc3' </dev/null
    printf '%s\n' "$stderr" >log
    is_json log
    [ "$(jq -r .message log | head -n 1)" = 'cannot open '"'no" ]
    iconv -f UTF-8 -t UTF-8 log >/dev/null
    for option in $'--no\nsuch\033' --token-f=x --url --help=x -u $'-\033'; do
        run -64 --separate-stderr "$REPO/bin/order-place" --log-format json "$option"
        printf '%s\n' "$stderr" >log
        is_json log
        run -64 --separate-stderr "$REPO/bin/order-place" --log-format journal "$option"
        [ "$(grep -c '^<3>order-place: ' <<<"$stderr")" = 2 ]
        [ "${#stderr_lines[@]}" = 2 ]
    done
    # Two lines of text, both with their level.
    run -77 --separate-stderr order-place --log-format journal --authfile $'no\nfile' </dev/null
    [ "${stderr_lines[0]}" = "<3>order-place: cannot open 'no" ]
    [ "${stderr_lines[1]}" = "<3>file': No such file or directory" ]
}

@test "order-http: all that it logs is JSON, requests as well" {
    start_http --url "$NOWHERE" --log-format json
    ask /health
    place_http "$(order 1)"
    finish -0 "$HTTP" TERM
    is_json http.err
    [ "$(jq -c 'select(.method) | [.level, .program, .method, .path, .order_id]' http.err | tail -n 1)" = \
        "[\"info\",\"order-http\",\"POST\",\"/order\",\"$(jq -r .order_id body)\"]" ]
    [[ $(jq -r 'select(.method) | .message' http.err | tail -n 1) == "[http] POST /order 202 "* ]]
}

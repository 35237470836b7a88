# order-track: what became of each order is in the store, whenever and however often it is told.

load ../support/helper

setup()
{
    isolate
    Q=order.outcome.q
    KEYS='RESERVED FAILED CANCELLED HANDED_OVER'
    declare -gA TYPE=([RESERVED]=InventoryReserved [FAILED]=InventoryFailed [CANCELLED]=InventoryReleased
        [HANDED_OVER]=InventoryHandedOver)
    declare -gA KEY=([RESERVED]=inventory.reserved [FAILED]=inventory.failed [CANCELLED]=inventory.released
        [HANDED_OVER]=inventory.handed_over)
}

# place N: places orders of users 1 to N, and sets ids to their ids.
place()
{
    orders "$1" | order-place >receipts
    mapfile -t ids < <(jq -r .order_id receipts)
}

# outcome STATUS ORDER_ID [REASON]: the event that tells it; a second for each status.
outcome()
{
    local second
    second=$(printf '%s\n' $KEYS | grep -nx "$1" | cut -d: -f1)
    jq -cn --arg type "${TYPE[$1]}" --arg id "$2" --arg reason "${3:-}" --arg second "$second" \
        '{event_type: $type, order_id: $id, ts: "2026-01-02T03:04:0\($second).678Z"}
        + if $reason == "" then {} else {reason: $reason} end'
}

# tell STATUS ORDER_ID [REASON]: publishes it.
tell()
{
    publish inventory-ex "${KEY[$1]}" "$(outcome "$@")"
}

# track ARGUMENTS...: runs it to its end, as with run.
track()
{
    run -0 --separate-stderr timeout "$HANGING" order-track "$@"
}

# subscribe: declares the queue, and takes nothing.
subscribe()
{
    topology
    queue "$Q"
    local key
    for key in "${KEY[@]}"; do
        api POST "bindings/$VHOST/e/inventory-ex/q/$Q" "{\"routing_key\": \"$key\"}" >/dev/null
    done
}

# life ID: what order-show tells of it, without what was placed.
life()
{
    order-show "$1" | jq -r '[.status, .reason, .reserved_at, .failed_at, .cancelled_at, .handed_over_at] | map(. // "") | join(" ")'
}

# all_settled: is nothing left, be it ready or in hand?
all_settled()
{
    has_none "$Q"
}

@test "order-track: all four outcomes, with their times and reasons, a line and a log line each" {
    place 4
    subscribe
    tell RESERVED "${ids[0]}"
    tell FAILED "${ids[1]}" 'out of "soup"'
    tell RESERVED "${ids[2]}"
    tell CANCELLED "${ids[2]}" 'she is ill'
    tell RESERVED "${ids[3]}"
    tell HANDED_OVER "${ids[3]}"
    track --count 6
    [ "$(jq -c . <<<"$output" | sort)" = "$(sort <<END
{"order_id":"${ids[0]}","status":"RESERVED","at":"2026-01-02T03:04:01.678Z"}
{"order_id":"${ids[1]}","status":"FAILED","at":"2026-01-02T03:04:02.678Z","reason":"out of \"soup\""}
{"order_id":"${ids[2]}","status":"RESERVED","at":"2026-01-02T03:04:01.678Z"}
{"order_id":"${ids[2]}","status":"CANCELLED","at":"2026-01-02T03:04:03.678Z","reason":"she is ill"}
{"order_id":"${ids[3]}","status":"RESERVED","at":"2026-01-02T03:04:01.678Z"}
{"order_id":"${ids[3]}","status":"HANDED_OVER","at":"2026-01-02T03:04:04.678Z"}
END
)" ]
    [[ $stderr == *"[track] recorded: ${ids[1]} is FAILED"* ]]
    [ "$(life "${ids[0]}")" = 'RESERVED  2026-01-02T03:04:01.678Z   ' ]
    [ "$(life "${ids[1]}")" = 'FAILED out of "soup"  2026-01-02T03:04:02.678Z  ' ]
    [ "$(life "${ids[2]}")" = 'CANCELLED she is ill 2026-01-02T03:04:01.678Z  2026-01-02T03:04:03.678Z ' ]
    [ "$(life "${ids[3]}")" = 'HANDED_OVER  2026-01-02T03:04:01.678Z   2026-01-02T03:04:04.678Z' ]
    all_settled
}

@test "order-track: whatever the order in which they come, and however often, the life is the same" {
    local i
    place 6
    subscribe
    # Within one batch, and over several.
    for i in 1 2; do
        tell CANCELLED "${ids[0]}" late
        tell RESERVED "${ids[0]}"
        tell RESERVED "${ids[1]}"
        tell CANCELLED "${ids[1]}" late
        tell RESERVED "${ids[1]}"
    done
    track --count 10
    # Each once, though it came twice in a batch.
    [ "$(jq -r '.order_id + " " + .status' <<<"$output" | sort)" = "$(printf '%s\n' "${ids[0]} "{CANCELLED,RESERVED} "${ids[1]} "{CANCELLED,RESERVED} | sort)" ]
    # Nor is what was known told again beside what is new.
    tell RESERVED "${ids[4]}"
    track --count 1
    tell RESERVED "${ids[4]}"
    tell HANDED_OVER "${ids[4]}"
    track --count 2
    [ "$(jq -r '.order_id + " " + .status' <<<"$output")" = "${ids[4]} HANDED_OVER" ]
    for i in CANCELLED RESERVED CANCELLED; do
        tell "$i" "${ids[2]}" late
        track --count 1
    done
    [[ $stderr == *"[track] known already: ${ids[2]} is CANCELLED"* ]]
    [ -z "$output" ]
    for i in 0 1 2; do
        [ "$(life "${ids[$i]}")" = 'CANCELLED late 2026-01-02T03:04:01.678Z  2026-01-02T03:04:03.678Z ' ]
    done
    [ "$(life "${ids[3]}")" = 'PLACED     ' ]
}

@test "order-track: an outcome that comes before the receipt wins over PENDING and PLACED" {
    subscribe
    order 1 | order-place --url amqp://127.0.0.1:1 --retries 1 >receipt 2>/dev/null || true
    id=$(order-show --all | jq -r .order_id)
    [ "$(order-show --count --status PENDING)" = 1 ]
    tell RESERVED "$id"
    track --count 1
    [ "$(order-show --count --status PENDING) $(order-show --count --status PLACED) $(order-show --count --status RESERVED)" = '0 0 1' ]
    [ "$(order-show --status PENDING)" = '' ]
    order-place --flush
    [ "$(life "$id")" = 'RESERVED  2026-01-02T03:04:01.678Z   ' ]
    [ "$(order-show --count --status PLACED)" = 0 ]
}

@test "order-track: foreign events: unknown orders, other types, no time, no routing key; and malformed ones, which become dead letters" {
    place 2
    subscribe
    # As a service in Python writes id and time.
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved", "order_id": "'"${ids[1]^^}"'", "ts": "2026-01-02T05:04:01.678901+02:00"}'
    tell RESERVED 00000000-0000-4000-8000-000000000000
    tell RESERVED a-17
    publish inventory-ex inventory.failed '{"event_type": "OrderShipped", "order_id": "x"}'
    publish inventory-ex inventory.failed $'\xef\xbb\xbf \n{"order_id": "'"${ids[0]}"$'", "reason": "\\u0000\\ud83d", "event_type": "InventoryFailed"}'
    publish inventory-ex inventory.failed 'no JSON'
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved"}'
    # As a dead letter that is replayed to the queue itself.
    publish '' "$Q" "$(outcome RESERVED "${ids[0]}")"
    track --count 8
    grep -xF "{\"order_id\": \"${ids[1]}\", \"status\": \"RESERVED\", \"at\": \"2026-01-02T03:04:01.678Z\"}" <<<"$output"
    [[ $stderr == *'[track] unknown order: 00000000-0000-4000-8000-000000000000 is RESERVED'* ]]
    [[ $stderr == *'[track] unknown order: a-17 is RESERVED'* ]]
    [[ $stderr == *"[track] ignored a message: event_type is 'OrderShipped'"* ]]
    [[ $stderr == *'[track] moved to order.placed.dlq: '* ]]
    [ "$(order-show "${ids[0]}" | jq -r '"\(.status) \(.reserved_at) \(.failed_at > "2026")"')" = 'FAILED 2026-01-02T03:04:01.678Z true' ]
    all_settled
    holds order.placed.dlq 2
    [ "$(messages order.placed.dlq | jq -r '.properties.headers["order-tools-queue"]' | sort -u)" = "$Q" ]
}

@test "order-track: a malformed event that the dead letter queue refuses stays, holds up nothing, and the exit code says so" {
    place 2
    subscribe
    policy full 'order\\.placed\\.dlq' '{"max-length": 0, "overflow": "reject-publish"}' order.placed.dlq
    tell RESERVED "${ids[0]}"
    publish inventory-ex inventory.failed 'no JSON'
    tell RESERVED "${ids[1]}"
    run -76 --separate-stderr timeout "$HANGING" order-track --retries 1 --count 3
    [[ $stderr == *"it stays in '$Q'"* ]]
    [ "$(order-show --count --status RESERVED)" = 2 ]
    eventually holds "$Q" 1
}

@test "T0, T1, T2: order-track killed before it recorded, after that, and after the acknowledgement: each outcome is there" {
    local point
    for point in commit:1:before commit:1:after ack:1:after; do
        place 2
        subscribe
        tell FAILED "${ids[0]}" no
        tell RESERVED "${ids[1]}"
        run -137 --separate-stderr dying "$point" order-track --count 2
        eventually holds "$Q" "$([ "$point" = ack:1:after ] && echo 0 || echo 2)"
        track --idle-timeout 0
        [ "$(life "${ids[0]}")" = 'FAILED no  2026-01-02T03:04:02.678Z  ' ]
        [ "$(life "${ids[1]}")" = 'RESERVED  2026-01-02T03:04:01.678Z   ' ]
        all_settled
    done
}

@test "order-track: what came while it was down, with two at once, and over a lost connection" {
    local i pids=()
    place 60
    subscribe
    for ((i = 0; i < 60; i++)); do
        outcome RESERVED "${ids[$i]}"
        outcome HANDED_OVER "${ids[$i]}"
    done >events
    grep Reserved events | publish_lines inventory.reserved
    start one order-track --prefetch 7 --retry-delay 1
    start two order-track --prefetch 7 --retry-delay 1
    eventually is_consumed "$Q"
    cut_connections
    grep HandedOver events | publish_lines inventory.handed_over
    eventually handed_over 60
    [ "$(order-show --status HANDED_OVER | jq -r '.reserved_at + .handed_over_at' | sort -u)" = 2026-01-02T03:04:01.678Z2026-01-02T03:04:04.678Z ]
    eventually all_settled
}

# publish_lines KEY: each line of standard input to inventory-ex.
publish_lines()
{
    amqp-publish -u "$AMQP_URL" -e inventory-ex -r "$1" -p -l
}

# handed_over N: so many, by the store?
handed_over()
{
    [ "$(order-show --count --status HANDED_OVER)" = "$1" ]
}

@test "order-track: the whole workflow: declared by it alone, with what inventory decides" {
    place 1
    topology
    [ "$(queues_now | jq -r '.[].name' | grep -c outcome)" = 0 ]
    start track order-track
    eventually is_consumed "$Q"
    printf '%s\n' '{"user_id": "u", "restaurant_id": "r", "items": [{"sku": "s", "qty": 6}]}' | order-place >receipt
    inventory-worker --count 2 >/dev/null 2>&1
    eventually stored_as FAILED 1
    order-show --status FAILED >failed
    [ "$(jq -r .order_id failed)" = "$(jq -r .order_id receipt)" ]
    [[ $(jq -r .reason failed) == *'qty'* ]]
    eventually stored_as RESERVED 1
    [ "$(order-show --count --status FAILED) $(order-show --count --status PLACED)" = '1 0' ]
}

# stored_as STATUS N
stored_as()
{
    [ "$(order-show --count --status "$1")" = "$2" ]
}

@test "order-track: orders are listed for those who ask, and asked for alone or together" {
    local i user
    for i in 1 2 3 4 5 6; do
        user=u$((i % 2))
        printf '{"user_id": "%s", "restaurant_id": "r%s", "items": [{"sku": "s", "qty": %s}]}\n' "$user" $((i % 3)) "$i"
    done >input
    order-place <input >receipts
    mapfile -t ids < <(jq -r .order_id receipts)
    # Without order-track each order is looked at; then all are listed.
    for i in 1 2; do
        found() { order-show "$@" | jq -r '.data.items[0].qty' | paste -sd ' '; }
        [ "$(found --user u1)" = '1 3 5' ]
        [ "$(found --restaurant r0)" = '3 6' ]
        [ "$(found --user u1 --restaurant r0)" = 3 ]
        [ "$(found --user u1 --restaurant r0 --status PENDING)" = '' ]
        [ "$(found --user u1 --status PLACED --since 1h)" = '1 3 5' ]
        [ "$(found --status PLACED) $(found --status PLACED --since 1h)" = '1 2 3 4 5 6 1 2 3 4 5 6' ]
        [ "$(found --user nobody)" = '' ]
        [ "$(found --since 2020-01-01T00:00:00Z)" = '1 2 3 4 5 6' ]
        [ "$(found --until 2020-01-01T00:00:00Z)" = '' ]
        [ "$(found --since 1h --until 2w)" = '' ]
        [ "$(order-show --count --user u0 --since 1h)" = 3 ]
        track --idle-timeout 0
        [ "$(rows listed) $(rows awaited)" = '6 6' ]
    done
    tell FAILED "${ids[2]}" no
    track --count 1
    [ "$(found --user u1 --status FAILED)" = 3 ]
    [ "$(found --user u1 --status PLACED)" = '1 5' ]
    [ "$(found --status FAILED --since 1h)" = 3 ]
    [ "$(rows awaited)" = 5 ]
    # The exact moment is in, or out.
    i=$(order-show "${ids[1]}" | jq -r .placed_at)
    [ "$(found --since "$i" | cut -d ' ' -f 1)" -le 2 ]
    [[ " $(found --since "$i") " == *' 2 '* ]]
    [[ " $(found --until "$i") " != *' 2 '* ]]
    # Of those that are placed now some are not listed.
    head -n 1 input | order-place >/dev/null
    [ "$(order-show --count --user u1)" = 4 ]
    [ "$(found --status PLACED) $(order-show --count --status PLACED)" = '1 2 4 5 6 1 6' ]
    # Listed after its outcome, and while it is pending.
    sed -n 3p input | order-place >late
    run -75 order-place --url amqp://127.0.0.1:1 --retries 1 <<<"$(sed -n 2p input)"
    tell RESERVED "$(jq -r .order_id late)" ''
    track --count 1
    track --idle-timeout 0
    [ "$(rows listed) $(rows awaited)" = '9 7' ]
    [ "$(found --status PENDING) $(found --status PENDING --since 1h) $(found --user u0 --status PENDING)" = '2 2 2' ]
    [ "$(found --status PLACED) $(found --status PLACED --since 1h)" = '1 2 4 5 6 1 1 2 4 5 6 1' ]
    order-place --flush
    [ "$(found --status PLACED)" = '1 2 4 5 6 1 2' ]
}

# rows TABLE: how many it has.
rows()
{
    if on_postgresql; then
        in_database "SELECT count(*) FROM order_tools.$1"
    else
        sqlite3 "${ORDER_STORE:-$XDG_STATE_HOME/order-tools/orders.db}" "SELECT count(*) FROM $1"
    fi
}

# reads COMMAND...: prints how many bytes it reads.
reads()
{
    bash -c '"$@" >/dev/null; exec awk "/^rchar/ { print \$2 }" /proc/$$/io' - "$@"
}

@test "order-show: of many orders that are listed only those are read that are asked for" {
    about_files
    order-place </dev/null
    sqlite3 "$XDG_STATE_HOME/order-tools/orders.db" "
        INSERT INTO orders SELECT value, randomblob(16), 1767323045678 + value * 1000, json_object('user_id', 'u' || (value % 5000),
            'restaurant_id', 'r' || (value % 5000), 'items', json_array(json_object('sku', 's', 'qty', 1)), 'note', hex(zeroblob(100)))
            FROM generate_series(1, 50000);
        INSERT INTO listed SELECT seq, placed_at, data ->> 'user_id', data ->> 'restaurant_id' FROM orders;
        INSERT INTO outcomes (seq, status, reserved_at) SELECT seq, CASE WHEN seq % 5000 = 1 THEN 3 ELSE 2 END, placed_at FROM orders
            WHERE seq % 5000 <> 3;
        INSERT INTO awaited SELECT seq FROM orders WHERE seq % 5000 = 3"
    [ "$(reads order-show --all)" -gt 10000000 ]
    local question
    while read -r question; do
        echo "$question"
        # shellcheck disable=SC2086 # several arguments
        [ "$(order-show $question | wc -l)" = 10 ]
        # shellcheck disable=SC2086
        [ "$(reads order-show $question)" -lt 1500000 ]
    done <<END
--user u1
--restaurant r1
--status FAILED
--status FAILED --since 2026-01-01T00:00:00Z
--status PLACED
--status PLACED --since 2026-01-01T00:00:00Z
--user u2 --restaurant r2 --status RESERVED
--since 2026-01-02T16:57:16Z
--until 2026-01-02T03:04:16Z
--restaurant r1 --status FAILED --since 2026-01-01T00:00:00Z
END
}

@test "order-track: help, version and refusals" {
    helps order-track
    refuses_usage order-track <<'END'
x
--prefetch 0
--count
END
}

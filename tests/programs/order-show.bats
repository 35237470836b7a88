# order-show: the orders in the store, as they were placed.

load ../support/helper

setup()
{
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
    UNKNOWN=00000000-0000-4000-8000-000000000000
}

# Four orders, the second and the fourth of them PENDING. Their ids are in the array ids.
four_orders()
{
    local status
    order 1 'user 1' | order-place >receipts
    # The second belongs to a run that lives until the third is placed, which would publish it otherwise.
    order 2 'user 2' >second
    start second bash -c 'exec order-place --url "$0" <second' "$NOWHERE"
    eventually stored 2
    order 3 'user 3' | order-place >>receipts
    finish "$PID" KILL
    status=0
    order 4 'user 4' | order-place --url "$NOWHERE" --retries 1 >>receipts 2>/dev/null || status=$?
    [ "$status" -eq 75 ]
    mapfile -t ids < <(jq -r .order_id receipts)
    ids=("${ids[0]}" "$(order-show --all | sed -n 2p | jq -r .order_id)" "${ids[@]:1}")
    [ "${#ids[@]}" -eq 4 ]
}

# has_store PID: has it opened the store? In PostgreSQL, has any program a connection?
has_store()
{
    if on_postgresql; then
        [ "$(in_database "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'order'")" != 0 ]
    else
        [ -n "$(find "/proc/$1/fd" -lname '*/orders.db')" ]
    fi
}

# users: of the orders that were shown, in one line.
users()
{
    jq -r .data.user_id <<<"$output" | paste -sd ' '
}

@test "order-show: an order is {order_id, status, data, placed_at}, its data to the letter" {
    printf '{\n  "user_id": "\\u00fc\\/ü",\t"restaurant_id" :"r",\r\n"items":[{"sku":"s","qty":1e0,"note":"  a  "}],' >order
    printf '"z":12345678901234567890.1234567890e-5,"a":{"k":[1.0,1E400,"\\ud83d\\ude00"]}}' >>order
    run -0 --separate-stderr order-place <order
    id=$(jq -r .order_id <<<"$output")

    run -0 --separate-stderr order-show "$id"
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 1 ]
    data='{"user_id":"\u00fc\/ü","restaurant_id":"r","items":[{"sku":"s","qty":1e0,"note":"  a  "}],'
    data+='"z":12345678901234567890.1234567890e-5,"a":{"k":[1.0,1E400,"\ud83d\ude00"]}}'
    start="{\"order_id\": \"$id\", \"status\": \"PLACED\", \"data\": $data, \"placed_at\": \""
    [ "${output:0:${#start}}" = "$start" ]
    [[ ${output:${#start}} =~ ^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}Z\"\}$ ]]

    # It was placed just now, and that is the time in the event.
    at=$(jq -r .placed_at <<<"$output")
    age=$(($(date +%s%3N) - $(date -d "$at" +%s%3N)))
    [ "$age" -ge 0 ]
    [ "$age" -lt 60000 ]
    [ "$(drain "$PLACED_Q" | jq -r '.payload | fromjson | .ts')" = "$at" ]
}

@test "order-show: orders by id: one, several, in either case, and twice; of those unknown it says so" {
    four_orders
    unset AMQP_URL

    run -0 --separate-stderr order-show "${ids[2]}"
    [ "$(users)" = 'user 3' ]
    [ "$(jq -r .order_id <<<"$output")" = "${ids[2]}" ]
    run -0 --separate-stderr order-show "${ids[3]^^}" "${ids[0]}" "${ids[3]}"
    [ "$(users)" = 'user 4 user 1 user 4' ]
    [ "$(jq -r .status <<<"$output" | paste -sd ' ')" = 'PENDING PLACED PENDING' ]

    run -1 --separate-stderr order-show "$UNKNOWN"
    [ -z "$output" ]
    [ "$stderr" = "order-show: no order '$UNKNOWN'" ]
    run -1 --separate-stderr order-show "${ids[0]}" "$UNKNOWN" "${ids[1]}" 'nonsense' "${ids[2]} "
    [ "$(users)" = 'user 1 user 2' ]
    diff <(echo "$stderr") - <<END
order-show: no order '$UNKNOWN'
order-show: no order 'nonsense'
order-show: no order '${ids[2]} '
END
    # What is not found is shown so that it cannot harm a terminal.
    run -1 --separate-stderr order-show $'\e[31m\u202e\n\\'
    [ "$stderr" = "order-show: no order '\\x1b[31m\\xe2\\x80\\xae\\x0a\\\\'" ]
    run -1 --separate-stderr order-show ''
    [ "$stderr" = "order-show: no order ''" ]
}

@test "order-show: ids on standard input, as other programs write them" {
    four_orders
    unset AMQP_URL

    printf '%s\r\n\n%s\n\r\n%s\n%s' "${ids[1]}" "${ids[3]}" "$UNKNOWN" "${ids[0]}" >list
    run -1 --separate-stderr order-show <list
    [ "$(users)" = 'user 2 user 4 user 1' ]
    [ "$stderr" = "order-show: no order '$UNKNOWN'" ]

    run -0 --separate-stderr order-show </dev/null
    [ -z "$output$stderr" ]
    run -65 --separate-stderr order-show </
    [ -z "$output" ]
    [ "$stderr" = 'order-show: cannot read standard input: Is a directory' ]
    run -65 --separate-stderr timeout -s KILL "$HANGING" bash -c 'exec order-show <&-'
    [ "$stderr" = 'order-show: cannot read standard input: Bad file descriptor' ]

    # A line is one id, however long it is. Receipts, events and stored orders name theirs.
    {
        printf '%01000d\n' 0
        echo "${ids[2]}"
        order-show "${ids[0]}" | jq .
        echo '{"order_id": 7}'
        echo "\"${ids[2]}\""
    } >list
    run -65 --separate-stderr order-show <list
    [ "$(users)" = 'user 3 user 1 user 3' ]
    [ "$(wc -l <<<"$stderr")" -eq 2 ]
    [[ $stderr == 'order-show: input 1 (line 1): '*'order-show: input 4 (line '*'order_id is not a string'* ]]
    # Refused input counts more than an order that is not there, whichever comes last.
    printf '{"order_id": 7}\n%s\n' "$UNKNOWN" >list
    run -65 order-show <list
    run -65 order-show < <(tac list)
}

@test "order-show: order-place | jq | order-show shows what was just placed" {
    run -0 --separate-stderr bash -c 'order-place <"$1" | jq -r .order_id | order-show' - "$DATA/orders-30.jsonl"
    [ -z "$stderr" ]
    jq -c .data <<<"$output" | diff - <(jq -c . "$DATA/orders-30.jsonl")
    [ "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" = ' 30 PLACED' ]
}

@test "order-show: all orders, oldest first; those of a status; how many" {
    local options count want bad=0
    four_orders
    unset AMQP_URL
    while read -r options count want; do
        run -0 --separate-stderr order-show ${options//,/ } </dev/null
        [ -z "$stderr" ] && [ "$(users)" = "$want" ] || { echo "$options: $output $stderr" >&2; bad=1; }
        run -0 --separate-stderr order-show --count ${options//,/ } </dev/null
        [ -z "$stderr" ] && [ "$output" = "$count" ] || { echo "$options, --count: $output $stderr" >&2; bad=1; }
    done <<'END'
--all 4 user 1 user 2 user 3 user 4
--status,PENDING 2 user 2 user 4
--status,PLACED 2 user 1 user 3
--all,--status,PENDING 2 user 2 user 4
--status=PLACED,--all 2 user 1 user 3
--status,PLACED,--status,PENDING 2 user 2 user 4
END
    [ "$bad" -eq 0 ]
    run -0 --separate-stderr order-show --count </dev/null
    [ "$output" = 4 ]
    order-show --status PENDING | jq -r .status | sort -u | grep -qx PENDING
    order-show --status PLACED | jq -r .status | sort -u | grep -qx PLACED

    # None of a kind is an answer like any other.
    order-place --flush >/dev/null --url "$SUITE_URL/$VHOST"
    run -0 --separate-stderr order-show --status PENDING
    [ -z "$output$stderr" ]
    run -0 --separate-stderr order-show --status PENDING --count
    [ "$output" = 0 ]
}

@test "order-show: a command line that is wrong ends with 64 and shows nothing" {
    local arguments want bad=0
    order-place <"$DATA/order.json" >receipt
    while IFS='|' read -r arguments want; do
        run --separate-stderr order-show $arguments </dev/null
        if [ "$status" -ne 64 ] || [ -n "$output" ] || [[ $stderr != "order-show: $want"* ]]; then
            echo "$arguments: exit $status, $output, $stderr" >&2
            bad=1
        fi
    done <<END
--status pending|--status: 'pending' is not PENDING, PLACED, RESERVED, FAILED, CANCELLED or HANDED_OVER
--status=ALL|--status: 'ALL' is not PENDING
--since tomorrow|--since: 'tomorrow' is neither an age such as 15m nor a time such as 2026-01-31T12:00:00Z
--until 1y|--until: '1y' is neither
--story --all|--story is about orders that are named
--audit audit $UNKNOWN|--audit goes with --story
--status|option '--status' requires an argument
--all $UNKNOWN|--all, --count and the options that select orders take no ids
$UNKNOWN --count|--all, --count and the options that select orders take no ids
--status PLACED $UNKNOWN|--all, --count and the options that select orders take no ids
--unknown|unrecognized option '--unknown'
-x|invalid option -- 'x'
--all=yes|option '--all' doesn't allow an argument
END
    [ "$bad" -eq 0 ]
}

@test "order-show: --help and --version" {
    helps order-show --all --status --count --help --version
    run -0 order-show --help
    [[ $output == 'usage: order-show ID...'* ]]
    run -74 --separate-stderr bash -c 'order-show --help >/dev/full'
    [ "$stderr" = 'order-show: cannot write standard output: No space left on device' ]
    run -74 bash -c 'order-show --version >/dev/full'
    # None of that needs or makes a store.
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "order-show: without a store, or with a file that is not one, it ends with 73, says why, and creates nothing" {
    about_files
    local options
    for options in --all --count '--status PLACED' "$UNKNOWN" ''; do
        run -73 --separate-stderr order-show $options <<<"$UNKNOWN"
        [ -z "$output" ]
        [[ $stderr == "order-show: cannot open '$XDG_STATE_HOME/order-tools/orders.db': "* ]]
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
    [ ! -e "$XDG_STATE_HOME" ]

    echo 'a text of some length, which is no database' >text
    ORDER_STORE=text run -73 --separate-stderr order-show --all
    [ "$stderr" = "order-show: cannot read 'text': file is not a database" ]
    : >empty
    ORDER_STORE=empty run -73 --separate-stderr order-show --all
    [ "$stderr" = "order-show: 'empty' has nothing in it" ]
    [ ! -s empty ]
    INVENTORY_LEDGER=ledger inventory-worker --idle-timeout 0
    ORDER_STORE=ledger run -73 --separate-stderr order-show --count
    [ "$stderr" = "order-show: 'ledger' is a database of something else: ORDER_STORE names another file" ]
    run -73 --separate-stderr env -u HOME -u XDG_STATE_HOME order-show --all
    [ "$stderr" = 'order-show: nothing says where to keep data: set ORDER_STORE, XDG_STATE_HOME or HOME' ]
}

@test "order-show: output that cannot be written is 74, whether the disk is full or the reader gone" {
    local i
    for ((i = 0; i < 1000; i++)); do
        order 1 "user $i"
    done | order-place >receipts
    id=$(head -n 1 receipts | jq -r .order_id)

    for options in --all --count "$id"; do
        run -74 --separate-stderr bash -c 'order-show "$1" >/dev/full' - "$options"
        [ "$stderr" = 'order-show: cannot write standard output: No space left on device' ]
    done
    run -74 --separate-stderr bash -c 'order-show --all >&-'
    [ "$stderr" = 'order-show: cannot write standard output: Bad file descriptor' ]
    # More than a pipe holds. A reader that has seen enough is no failure, unless the parent ignores the signal.
    order-show --all >whole
    [ "$(wc -c <whole)" -gt 131072 ]
    run -0 --separate-stderr bash -c 'env --default-signal=PIPE order-show --all | head -n 1; echo "${PIPESTATUS[0]}"'
    [ "${lines[0]}" = "$(head -n 1 whole)" ]
    [ "${lines[1]}" -eq 141 ]
    [ -z "$stderr" ]
    run -0 --separate-stderr bash -c 'env --ignore-signal=PIPE order-show --all | head -n 1; echo "${PIPESTATUS[0]}"'
    [ "${lines[1]}" -eq 74 ]
    [ "$stderr" = 'order-show: cannot write standard output: Broken pipe' ]
}

@test "order-show: a signal ends it while it waits for ids" {
    order-place <"$DATA/order.json" >receipt
    start_fed show order-show
    ids <receipt >&7
    # What it was asked is answered at once, and not when the input ends.
    eventually grep -q order_id show.out
    ends -143 "$PID" TERM
}

@test "order-show: a store can be read while order-place is at work on it" {
    start_fed place order-place
    order 1 'user 1' >&7
    eventually test -s place.out
    run -0 --separate-stderr order-show --all
    [ "$(users)" = 'user 1' ]
    order 1 'user 2' >&7
    exec 7>&-
    finish -0 "$PID"
    run -0 --separate-stderr order-show --all
    [ "$(users)" = 'user 1 user 2' ]
}

@test "order-show: a store of the version before is upgraded, whoever opens it, with all that it holds" {
    about_files
    local program
    for program in 'order-place --flush' 'order-show --count' 'order-place'; do
        rm -rf old.db*
        sqlite3 old.db "CREATE TABLE orders (seq INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE,
            placed_at INTEGER NOT NULL, data TEXT NOT NULL);
            CREATE TABLE pending (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL);
            INSERT INTO orders VALUES (1, x'00000000000040008000000000000001', 1767323045678, '$(order)'),
                (2, x'00000000000040008000000000000002', 1767323045678, '$(order)'),
                (3, x'00000000000040008000000000000003', 1767323045678, '$(order)');
            INSERT INTO pending VALUES (3, 1);
            PRAGMA application_id = 1869771636; PRAGMA user_version = 1"
        ORDER_STORE=old.db run -0 --separate-stderr $program </dev/null
        [ -z "$stderr" ]
        run -0 --separate-stderr env ORDER_STORE=old.db order-show 00000000-0000-4000-8000-000000000002
        [[ $output == '{"order_id": "00000000-0000-4000-8000-000000000002", "status": "PLACED", '*'"placed_at": "2026-01-02T03:04:05.678Z"}' ]]
        [ "$(sqlite3 old.db 'SELECT user_version % 256 FROM pragma_user_version' 'SELECT count(*) FROM outcomes')" = $'3\n0' ]
    done
}

@test "order-show --story: what store, ledger, notices and audit know, and what is not at hand" {
    order | order-place >receipt
    id=$(jq -r .order_id receipt)
    run -0 --separate-stderr order-show --story "$id"
    [ "$(jq -r '"\(.order.status) \(.inventory) \(.notified) \(.dead_letters)"' <<<"$output")" = \
        'PLACED not at hand not at hand not at hand' ]
    [ "$(grep -c '^order-show: cannot ' <<<"$stderr")" -eq 2 ]
    inventory-worker --count 1 >/dev/null 2>&1
    notify-worker --count 1 >/dev/null 2>&1
    publish inventory-ex inventory.reserved "$(jq -cn '{event_type: "InventoryReserved", order_id: "z"}')"
    notify-worker --count 1 >/dev/null 2>&1
    printf '%s\n' '{"fate":"left","order_id":"other"}' '{"fate":"replayed","order_id":"'"$id"'","replays":1}' 'no JSON' '{"fate":"parked","order_id":null}' >audit
    run -0 --separate-stderr order-show --story --audit audit <<<"$id"
    [ -z "$stderr" ]
    [ "$(jq -c '[.order.order_id, .inventory.outcome, .notified.reserved.status, .notified.reserved.attempts, (.notified | keys), .dead_letters]' <<<"$output")" = \
        '["'"$id"'","RESERVED","TOLD",1,["reserved"],[{"fate":"replayed","order_id":"'"$id"'","replays":1}]]' ]
    [[ "$(jq -r '.notified.reserved.at + .inventory.decided_at' <<<"$output")" == 20*Z20*Z ]]
    [ "$(jq -c .cancellation <<<"$output")" = null ]
    order-cancel --url "$NOWHERE" --retries 1 --reason 'no appetite' "$id" >/dev/null 2>&1 || [ $? = 75 ]
    run -0 order-show --story "$id"
    [ "$(jq -c '.cancellation | .asked_at |= .[:2]' <<<"$output")" = '{"asked_at":"20","reason":"no appetite","published":false}' ]
    order-cancel --flush >/dev/null
    run -0 order-show --story "$id"
    [ "$(jq -c .cancellation.published <<<"$output")" = true ]
    # Of another producer; and of nobody.
    run -0 --separate-stderr order-show --story z
    [ "$(jq -c '[.order, .cancellation, .inventory, .notified.reserved.status]' <<<"$output")" = '[null,null,null,"TOLD"]' ]
    publish inventory-ex inventory.reserved "$(jq -cn '{event_type: "InventoryReserved", order_id: "y"}')"
    start later notify-worker --retry-delay 3600 --exec sh -c 'exit 75'
    eventually grep '^\[notify\] later: y: ' later.err
    eventually bash -c 'order-show --story y | jq -e ".notified.reserved.status == \"TO_BE_TOLD\""'
    ends -0 "$PID" TERM 2
    run -1 --separate-stderr order-show --story "$UNKNOWN" ''
    [ "$stderr" = "order-show: no order '$UNKNOWN'"$'\n'"order-show: no order ''" ]
    run -65 --separate-stderr order-show --story --audit none "$id"
    [[ $stderr == "order-show: cannot open 'none': "* ]]
}

@test "order-show --story: of ids that end in the first characters of their length, among others" {
    local id ids=($'z\u00c0' $'z\u0800' $'z\ue000' $'z\U10000' z)
    # More keys than are read of one order, right before those of the first and of the last.
    reserved_events $'z\u00bf\u00e9'{1..4} $'y\u00e9'{1..4} "${ids[@]}" >events
    topology
    amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved -l <events
    order | order-place >/dev/null
    notify-worker --count 13 >/dev/null 2>&1
    for id in "${ids[@]}"; do
        run -0 --separate-stderr order-show --story "$id"
        [ "$(jq -r '"\(.order_id) \(.notified.reserved.status)"' <<<"$output")" = "$id TOLD" ]
    done
    # No order has such an id.
    run -1 --separate-stderr order-show --story $'z\x80' $'\x01' $'\xff' "$(repeat 129 x)"
    [ "$(grep -c ": no order '" <<<"$stderr")" -eq 4 ]
}

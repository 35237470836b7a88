# Surroundings that are hostile: disks that are full or read-only, files that others hold, TLS that cannot be trusted.

load ../support/helper

teardown()
{
    mountpoint -q small && umount -l small
    [ "$BROKER_HOME" != "$BATS_TEST_TMPDIR/tls" ] || broker stop 2>/dev/null
    tidy
}

@test "the fuzzing corpus runs clean under the sanitizers" {
    local target
    make -s --no-print-directory -C "$REPO" fuzz-replay
    for target in "$REPO"/tests/fuzz/corpus/*; do
        run -0 --separate-stderr "$REPO/.build/sanitized/tests/fuzz/${target##*/}" "$target"/*
        [ "$output" -ge 5 ]
    done
}

@test "the store's disk is full: every order with a receipt is stored, and the exit code is 73" {
    about_files
    small_disk 300k
    export ORDER_STORE=$PWD/small/orders.db
    jq -nc 'range(5000) | {user_id: "u-\(.)", restaurant_id: "r", items: [{sku: "burger", qty: 1}], note: ("x" * 100)}' >orders
    run -73 --separate-stderr order-place <orders
    [[ $stderr == *"cannot write to '$ORDER_STORE': database or disk is full: No space left on device"* ]]
    [ "${#lines[@]}" -lt 5000 ]
    printf '%s\n' "${lines[@]}" >receipts
    mount -o remount,size=50m small
    # Each receipt's order is there, and each published order is stored.
    jq -r 'select(.order_id) | .order_id' receipts | order-show >shown
    [ "$(wc -l <shown)" = "$(grep -c order_id receipts)" ]
    order-place --flush >/dev/null
    [ "$(order-show --count --status PENDING)" = 0 ]
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "${#lines[@]}" = "$(order-show --count)" ]
}

# settled: does the ledger know that all was confirmed?
settled()
{
    [ "$(sqlite3 "$INVENTORY_LEDGER" 'SELECT count(*) FROM owed')" = 0 ]
}

@test "the ledger's disk is full: orders that were recorded are published, acknowledged and settled, no others are; with room again all are handled once" {
    about_files
    local size note
    topology
    # Where the disk is full is another place each time. Long events have pages of their own.
    while read -r size note; do
        jq -nc --argjson note "$note" \
            'range(2000) | {user_id: "u-\(.)", restaurant_id: "r", items: [{sku: "burger", qty: 1, note: ("x" * $note)}]}' |
            order-place >/dev/null
        small_disk "$size"
        export INVENTORY_LEDGER=$PWD/small/ledger.db
        # Small batches, so that events of one are on their way when the next cannot be recorded.
        run -73 --separate-stderr inventory-worker --idle-timeout 0 --prefetch 8
        [[ $stderr == *"cannot write to '$INVENTORY_LEDGER': "*"No space left on device"* ]]
        printf '%s\n' "${lines[@]}" >first
        [ "$(wc -l <first)" -ge 20 ]
        holds "$RESERVED_Q" "$(wc -l <first)"
        eventually holds "$PLACED_Q" $((2000 - $(wc -l <first)))
        settled
        mount -o remount,size=200m small
        run -0 --separate-stderr inventory-worker --idle-timeout 1
        printf '%s\n' "${lines[@]}" | cat first - >all
        [ "$(wc -l <all)" = 2000 ]
        [ "$(ids <all | sort -u | wc -l)" = 2000 ]
        holds "$PLACED_Q" 0
        holds "$RESERVED_Q" 2000
        settled
        start_over
    done <<'END'
500k 1
600k 1
611k 1
700k 1
3m 6000
END
}

# start_over: no disk, and no events in their queue.
start_over()
{
    umount small
    purge "$RESERVED_Q"
}

# filled_on_the_way EVENTS NOTE PREFETCH STATUS: the ledger's disk becomes full when the first batch of events is on its way to the
# broker. The worker ends with that status, and then there is room again.
filled_on_the_way()
{
    small_disk 20m
    jq -nc --argjson events "$1" --argjson note "$2" \
        'range($events) | {user_id: "u-\(.)", restaurant_id: "r", items: [{sku: "burger", qty: 1, note: ("x" * $note)}]}' |
        order-place >/dev/null
    DIE_STOP=yes start worker dying publish:1:after inventory-worker --idle-timeout 1 --prefetch "$3"
    eventually is_stopped "$PID"
    run dd if=/dev/zero of=small/fill bs=4k
    [ "$status" -ne 0 ]
    kill -CONT "$PID"
    ends "-$4" "$PID" '' 20
    settled
    rm small/fill
}

@test "the ledger's disk becomes full while an event is on its way: it is settled, and does not go out again" {
    about_files
    local note
    topology
    export INVENTORY_LEDGER=$PWD/small/ledger.db
    for note in 1 100000; do
        # There was nothing to be recorded any more, but that it was confirmed.
        filled_on_the_way 1 "$note" 1 0
        says worker.err "[inventory] published InventoryReserved for $(ids <worker.out)"
        run -0 --separate-stderr inventory-worker --idle-timeout 1
        [ -z "$output" ]
        holds "$RESERVED_Q" 1
        start_over
    done
}

@test "the ledger's disk becomes full while the first of many events are on their way: those that were confirmed are settled at the end" {
    about_files
    local note
    topology
    export INVENTORY_LEDGER=$PWD/small/ledger.db
    for note in 1 6000; do
        filled_on_the_way 1500 "$note" 32 73
        mv worker.out first
        mount -o remount,size=200m small
        run -0 --separate-stderr inventory-worker --idle-timeout 1
        printf '%s\n' "${lines[@]}" | cat first - | ids >all
        [ "$(wc -l <all)" = 1500 ]
        [ "$(sort -u all | wc -l)" = 1500 ]
        holds "$RESERVED_Q" 1500
        start_over
    done
}

@test "reserved room is available: whether the log is copied, restarts or grows, and its index with it" {
    about_files
    small_disk 96m
    run -0 --separate-stderr room "$PWD/small/room.db" "$PWD/small/fill" 60
    # The index is for 4062 pages, and then for 4096 more.
    [ "$output" -gt 4062 ]
    [ "$(ls small)" = room.db ]
    [ "$(sqlite3 small/room.db 'PRAGMA integrity_check')" = ok ]
}

@test "killed with room reserved: the rest of the log has nothing in it, the next run takes what was committed, and leaves one file" {
    about_files
    local call when
    topology
    export INVENTORY_LEDGER=$PWD/ledger.db
    # The first commit makes the ledger.
    for call in 2 3 4; do
        for when in before after; do
            rm -f ledger.db*
            jq -nc 'range(60) | {user_id: "u-\(.)", restaurant_id: "r", items: [{sku: "burger", qty: 1}]}' | order-place >/dev/null
            start killed dying "commit:$call:$when" inventory-worker --idle-timeout 1 --prefetch 20
            ends -137 "$PID" '' 20
            # At its end the log's file has more than a page without anything.
            [ -z "$(tail -c 5000 ledger.db-wal | tr -d '\0')" ]
            run -0 --separate-stderr inventory-worker --idle-timeout 1
            [ "$(sqlite3 ledger.db 'SELECT count(*), count(DISTINCT order_id) FROM handled')" = '60|60' ]
            settled
            [ "$(sqlite3 ledger.db 'PRAGMA integrity_check')" = ok ]
            [ "$(echo ledger.db*)" = 'ledger.db ledger.db-runs' ]
            holds "$PLACED_Q" 0
            [ "$(messages "$RESERVED_Q" | jq -r .payload | ids | sort -u | wc -l)" = 60 ]
            purge "$RESERVED_Q"
        done
    done
}

@test "notify-worker's disk is full: no event is acknowledged that was not recorded" {
    about_files
    topology
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    inventory-worker --idle-timeout 0 >/dev/null 2>&1
    small_disk 8k
    NOTIFY_LEDGER=$PWD/small/notices.db run -73 --separate-stderr notify-worker --idle-timeout 0
    eventually holds "$RESERVED_Q" 30
}

# limited KIB COMMAND...: no file that it writes to may be larger than that.
limited()
{
    (
        ulimit -f "$1"
        shift
        exec "$@"
    )
}

# to_limit COMMAND...: its output is added to a file that may not grow any more.
to_limit()
{
    [ -e at-limit ] || head -c 1M /dev/zero >at-limit
    limited 1024 "$@" >>at-limit
}

@test "files that may not grow (ulimit -f): an error with its reason, as on a full disk, and no program is killed by it" {
    about_files
    local i
    topology
    order >orders
    run -73 --separate-stderr limited 8 order-place <orders
    [[ $stderr == *"orders.db"*": File too large" ]]
    run -74 --separate-stderr to_limit order-place <orders
    [ "$stderr" = 'order-place: cannot write standard output: File too large' ]
    [ "$(order-show --count --status PLACED)" = 1 ]

    run -73 --separate-stderr limited 8 inventory-worker --idle-timeout 0
    [[ $stderr == *"ledger.db"*": File too large" ]]
    run -74 --separate-stderr to_limit inventory-worker --idle-timeout 0
    [[ $stderr == *'inventory-worker: cannot write standard output: File too large' ]]
    inventory-worker --idle-timeout 0 >events
    [ "$(wc -l <events)" = 1 ]
    holds "$PLACED_Q" 0

    run -73 --separate-stderr limited 8 notify-worker --idle-timeout 0 --exec sh -c ': >told'
    [[ $stderr == *"notices.db"*": File too large" ]]
    [ ! -e told ]
    for i in 74 0 0; do
        run "-$i" --separate-stderr to_limit notify-worker --idle-timeout 0 --exec sh -c 'jq -r .order_id >>told'
    done
    [ "$(cat told)" = "$(ids <events)" ]
    holds "$RESERVED_Q" 0
}

@test "a command of --exec is still killed by SIGXFSZ" {
    topology
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved", "order_id": "a"}'
    run -0 --separate-stderr notify-worker --count 1 --max-attempts 1 --exec sh -c 'kill -XFSZ $$; exit 0'
    [[ $stderr == *"'sh' exited with 153, attempt 1 of 1"* ]]
}

@test "a read-only disk: 73, the reason, and nothing lost" {
    about_files
    small_disk 1m
    export ORDER_STORE=$PWD/small/orders.db INVENTORY_LEDGER=$PWD/small/ledger.db
    order-place <"$DATA/order.json"
    inventory-stock <<<'{"sku":"s","on_hand":1}' >/dev/null
    mount -o remount,ro small
    run -73 --separate-stderr order-place <"$DATA/order.json"
    [[ $stderr == *"order-place: cannot "*"'$ORDER_STORE': "*": Read-only file system" ]]
    [ "$output" = "" ]
    run -73 --separate-stderr inventory-worker --idle-timeout 0
    [[ $stderr == *"inventory-worker: cannot "*"'$INVENTORY_LEDGER': "*": Read-only file system" ]]
    # Who only looks need not write.
    [ "$(order-show --count)" = 1 ]
    holds "$PLACED_Q" 1
}

@test "a store and a ledger that another process holds for long: 73 after some seconds, and fine when it lets go" {
    about_files
    local holder
    order-place </dev/null
    DIE_STOP=yes start holder dying commit:1:before order-place <"$DATA/order.json"
    holder=$PID
    eventually is_stopped "$holder"
    run -73 --separate-stderr order-place <"$DATA/order.json"
    [[ ${stderr_lines[0]} == *"cannot write to '"*"orders.db': database is locked: process $holder has held it for more than 5 s" ]]
    [ "${stderr_lines[1]}" = 'order-place: nothing from input 1 (line 1) on was placed' ]
    # Readers are not held up.
    [ "$(order-show --count)" = 0 ]
    kill -CONT "$holder"
    finish -0 "$holder"
    order-place <"$DATA/order.json"
    [ "$(order-show --count)" = 2 ]

    # A worker while levels are settled, which takes long if orders are many.
    echo '{"sku": "burger", "on_hand": 9}' | inventory-stock
    sqlite3 "$(inventory-stock --where)" 'UPDATE stock SET reserved = 2'
    DIE_STOP=yes start holder dying commit:1:before inventory-stock --settle --all
    holder=$PID
    eventually is_stopped "$holder"
    run -73 --separate-stderr inventory-worker --idle-timeout 0
    [[ $stderr == *"ledger.db': database is locked: process $holder has held it for more than 5 s"* ]]
    eventually holds "$PLACED_Q" 2
    kill -CONT "$holder"
    finish -0 "$holder"
    [ "$(jq .settled holder.out)" = 2 ]
    inventory-worker --idle-timeout 0
    [ "$(inventory-stock </dev/null)" = '{"sku":"burger","on_hand":5,"reserved":4}' ]
}

@test "a database of another program, a text, and one of a newer version are left alone: 73" {
    about_files
    local kind file
    export ORDER_STORE=$PWD/orders.db INVENTORY_LEDGER=$PWD/ledger.db NOTIFY_LEDGER=$PWD/notices.db
    order-place </dev/null
    inventory-worker --idle-timeout 0
    notify-worker --idle-timeout 0
    ORDER_STORE=$INVENTORY_LEDGER run -73 --separate-stderr order-place <"$DATA/order.json"
    [[ $stderr == *"is a database of something else: ORDER_STORE names another file"* ]]
    INVENTORY_LEDGER=$NOTIFY_LEDGER run -73 --separate-stderr inventory-worker --idle-timeout 0
    NOTIFY_LEDGER=$ORDER_STORE run -73 --separate-stderr notify-worker --idle-timeout 0
    # user_version stands at offset 60 of the file.
    for file in orders ledger notices; do
        printf '\0\0\0\143' | dd of="$file.db" bs=1 seek=60 conv=notrunc status=none
    done
    for kind in "order-place" "inventory-worker --idle-timeout 0" "notify-worker --idle-timeout 0" "order-show --all" inventory-stock; do
        run -73 --separate-stderr $kind </dev/null
        [[ $stderr == *"was written by a newer version of order-tools (schema 99, this one knows "[1-9]')'* ]]
    done
}

# ---- TLS

# tls_broker [LINE...]: on $TLS_PORT, as server.pem.
tls_broker()
{
    TLS_PORT=$(free_port)
    { tls_listener "$PWD" && printf '%s\n' "$@"; } >extra.conf
    export BROKER_HOME=$BATS_TEST_TMPDIR/tls BROKER_CONFIG_EXTRA=$PWD/extra.conf
    broker start 2>/dev/null
    AMQP_URL=amqps://guest:guest@localhost:$TLS_PORT
}

@test "TLS: the right authority works; no authority, a wrong one and a wrong host name are refused with the reason" {
    authority ca
    authority other
    certificate server DNS:localhost 2
    tls_broker
    run -0 --separate-stderr order-place --cacert ca.pem <"$DATA/order.json"
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    run -0 --separate-stderr inventory-worker --cacert ca.pem --count 1
    run -0 --separate-stderr notify-worker --cacert ca.pem --count 1
    run -0 --separate-stderr queue-inspect --cacert ca.pem
    run -0 --separate-stderr dlq-replay --cacert ca.pem --list

    run -77 --separate-stderr queue-inspect --retries 1
    [[ $stderr == *"cannot connect: SSL peer cert verification failed"* ]]
    run -77 --separate-stderr queue-inspect --retries 1 --cacert other.pem
    [[ $stderr == *"SSL peer cert verification failed"* ]]
    AMQP_URL=${AMQP_URL/localhost/127.0.0.1} run -77 --separate-stderr queue-inspect --retries 1 --cacert ca.pem
    [[ $stderr == *"SSL hostname verification failed"* ]]
    run -64 --separate-stderr queue-inspect --url "$AMQP_URL?verify=verify_none"
    [[ $stderr == 'queue-inspect: URL number 1: verify is verify_peer, and nothing else is supported: '* ]]
    run -77 --separate-stderr queue-inspect --cacert missing.pem
    [[ $stderr == *"cannot load certificate authorities from 'missing.pem'"* ]]
}

@test "TLS: an expired certificate is refused" {
    authority ca
    certificate server DNS:localhost 0
    # It comes before anything of AMQP does.
    start tls openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www
    eventually grep -q '^ACCEPT 127' tls.out
    AMQP_URL=amqps://guest:guest@localhost:$(sed -n 's/^ACCEPT .*://p' tls.out)
    run -77 --separate-stderr queue-inspect --retries 1 --cacert ca.pem
    [[ $stderr == *"SSL peer cert verification failed"* ]]
}

@test "TLS: where the broker asks for a client certificate, it must be given, with its key" {
    authority ca
    certificate server DNS:localhost 2
    certificate client DNS:client 2
    tls_broker "ssl_options.verify = verify_peer" "ssl_options.fail_if_no_peer_cert = true"
    run -0 --separate-stderr order-place --cacert ca.pem --cert client.pem --key client.key <"$DATA/order.json"
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    # A URL may name them, as other clients take it.
    query="cacertfile=$PWD/ca.pem&certfile=client.pem&keyfile=client.key&verify=verify_peer&heartbeat=30"
    run -0 --separate-stderr queue-inspect --url "$AMQP_URL?$query"
    run -77 --separate-stderr queue-inspect --cacert missing.pem --url "$AMQP_URL?$query"
    run -69 --separate-stderr queue-inspect --cacert ca.pem --retries 2 --retry-delay 0
    run -64 --separate-stderr queue-inspect --cacert ca.pem --cert client.pem
    run -77 --separate-stderr queue-inspect --cacert ca.pem --cert client.pem --key missing.key
    [[ $stderr == *"cannot load the client certificate 'client.pem' with its key 'missing.key'"* ]]
}

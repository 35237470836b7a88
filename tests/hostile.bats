# Surroundings that are hostile: disks that are full or read-only, files that others hold, TLS that cannot be trusted.

setup_file()
{
    load helper
    build_shim "$SUITE_DIR/stop.so"
}

setup()
{
    load helper
    isolate
}

teardown()
{
    mountpoint -q small && umount -l small
    [ -z "${OWN_BROKER:-}" ] || broker stop 2>/dev/null
    tidy
}

@test "what fuzzing has found, and what it starts from, runs clean under the sanitizers" {
    local target
    for target in envelope json message order urls; do
        # shellcheck disable=SC2046 # words are what is wanted
        cc -std=c11 -D_POSIX_C_SOURCE=200809L -I"$REPO/lib" -g -fsanitize=address,undefined -fno-sanitize-recover=all \
            -o "$target" "$REPO/tests/fuzz/$target.c" "$REPO/tests/fuzz/replay.c" "$REPO"/lib/*.c \
            $(pkg-config --cflags --libs $(sed -n 's|^PACKAGES := ||p' "$REPO/Makefile"))
        run -0 --separate-stderr "./$target" "$REPO/tests/fuzz/corpus/$target"/*
        [ "$output" -ge 5 ]
    done
}

@test "the store's disk is full: what has a receipt is stored, the rest has none, and the exit code is 73" {
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

@test "the ledger's disk is full: what is on it is told and acknowledged, nothing else is; with room again all is handled once" {
    topology
    jq -nc 'range(3000) | {user_id: "u-\(.)", restaurant_id: "r", items: [{sku: "burger", qty: 1}]}' | order-place >/dev/null
    small_disk 200k
    export INVENTORY_LEDGER=$PWD/small/ledger.db
    # Small batches, so that events of one are on their way when the next cannot be recorded.
    run -73 --separate-stderr inventory-worker --idle-timeout 0 --prefetch 8
    [[ $stderr == *"cannot write to '$INVENTORY_LEDGER': database or disk is full"* ]]
    printf '%s\n' "${lines[@]}" | grep . >first || true
    holds "$RESERVED_Q" "$(wc -l <first)"
    eventually holds "$PLACED_Q" $((3000 - $(wc -l <first)))
    mount -o remount,size=50m small
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    printf '%s\n' "${lines[@]}" | cat first - >all
    # That they were confirmed could not be recorded of the last ones: their events go out again, the same.
    [ "$(wc -l <all)" -le 3016 ]
    [ "$(jq -r .order_id all | sort -u | wc -l)" = 3000 ]
    [ "$(sort -u all | wc -l)" = 3000 ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" "$(wc -l <all)"
}

@test "the disk for notices is full: nobody is acknowledged who is not noted" {
    topology
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    inventory-worker --idle-timeout 0 >/dev/null 2>&1
    small_disk 8k
    NOTIFY_LEDGER=$PWD/small/notices.db run -73 --separate-stderr notify-worker --idle-timeout 0
    eventually holds "$RESERVED_Q" 30
}

@test "a read-only disk: 73, the reason, and nothing lost" {
    small_disk 1m
    export ORDER_STORE=$PWD/small/orders.db INVENTORY_LEDGER=$PWD/small/ledger.db
    order-place <"$DATA/order.json"
    inventory-stock </dev/null
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
    local holder
    order-place </dev/null
    ASAN_OPTIONS=verify_asan_link_order=0 DIE_AT=commit:1:before DIE_STOP=yes LD_PRELOAD=$SUITE_DIR/stop.so \
        start holder order-place <"$DATA/order.json"
    holder=$PID
    stopped()
    {
        grep -q '^State:.T' "/proc/$holder/status"
    }
    eventually stopped
    run -73 --separate-stderr order-place <"$DATA/order.json"
    [[ ${stderr_lines[0]} == *"cannot write to '"*"orders.db': database is locked: process $holder has held it for more than 5 s" ]]
    [ "${stderr_lines[1]}" = 'order-place: nothing from input 1 (line 1) on was placed' ]
    # Readers are not held up.
    [ "$(order-show --count)" = 0 ]
    kill -CONT "$holder"
    finish "$holder"
    [ "$status" = 0 ]
    order-place <"$DATA/order.json"
    [ "$(order-show --count)" = 2 ]
}

@test "a database of another program, a text, and one of a newer version are left alone: 73" {
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
        # shellcheck disable=SC2086 # a program and its options
        run -73 --separate-stderr $kind </dev/null
        [[ $stderr == *"was written by a newer version of order-tools (schema 99, this one knows "[1-9]')'* ]]
    done
}

# ---- TLS

free_port()
{
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# certificate NAME SUBJECT-ALTERNATIVE-NAME DAYS: signed by ca.pem.
certificate()
{
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -out "$1.pem" \
        -extfile <(printf 'subjectAltName=%s\n' "$2") 2>/dev/null
    chmod 644 "$1.key"
}

authority()
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null
}

# tls_broker CERTIFICATE [LINE...]: on $TLS_PORT.
tls_broker()
{
    local cert=$1
    shift
    TLS_PORT=$(free_port)
    {
        echo "listeners.ssl.1 = 127.0.0.1:$TLS_PORT"
        echo "ssl_options.cacertfile = $PWD/ca.pem"
        echo "ssl_options.certfile = $PWD/$cert.pem"
        echo "ssl_options.keyfile = $PWD/$cert.key"
        printf '%s\n' "$@"
    } >extra.conf
    export BROKER_HOME=$BATS_TEST_TMPDIR/tls BROKER_CONFIG_EXTRA=$PWD/extra.conf
    OWN_BROKER=yes
    broker start 2>/dev/null
    AMQP_URL=amqps://guest:guest@localhost:$TLS_PORT
}

@test "TLS: the right authority works; no authority, a wrong one and a wrong host name are refused with the reason" {
    authority ca
    authority other
    certificate server DNS:localhost 2
    tls_broker server
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
    run -77 --separate-stderr queue-inspect --cacert missing.pem
    [[ $stderr == *"cannot load certificate authorities from 'missing.pem'"* ]]
}

@test "TLS: an expired certificate is refused" {
    authority ca
    certificate server DNS:localhost 0
    tls_broker server
    run -77 --separate-stderr queue-inspect --retries 1 --cacert ca.pem
    [[ $stderr == *"SSL peer cert verification failed"* ]]
}

@test "TLS: where the broker asks for a client certificate, it must be given, with its key" {
    authority ca
    certificate server DNS:localhost 2
    certificate client DNS:client 2
    tls_broker server "ssl_options.verify = verify_peer" "ssl_options.fail_if_no_peer_cert = true"
    run -0 --separate-stderr order-place --cacert ca.pem --cert client.pem --key client.key <"$DATA/order.json"
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    run -69 --separate-stderr queue-inspect --cacert ca.pem --retries 2 --retry-delay 0
    run -64 --separate-stderr queue-inspect --cacert ca.pem --cert client.pem
    run -77 --separate-stderr queue-inspect --cacert ca.pem --cert client.pem --key missing.key
    [[ $stderr == *"cannot load the client certificate 'client.pem' with its key 'missing.key'"* ]]
}

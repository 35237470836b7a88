# What others have met with PostgreSQL: settings, rights, locks, standbys and limits as administrators make them.

load ../support/http
load ../support/postgres

teardown()
{
    # First: without it no other change returns.
    standbys ''
    as_admin postgres -c 'ALTER ROLE "order" CONNECTION LIMIT -1'
    tidy
    [ -z "${PLACING_VHOST:-}" ] || api DELETE "vhosts/$PLACING_VHOST"
}

# own N: an order that comes with an order_id of its own, number N.
own()
{
    printf '{"order_id":"018f0000-0000-7000-8000-%012d","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$1"
}

orders()
{
    seq -f '{"order_id":"018f0000-0000-7000-8000-%012.0f","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' "$1"
}

# standbys NAMES: commits wait for these.
standbys()
{
    as_admin postgres -c "ALTER SYSTEM SET synchronous_standby_names = '$1'"
    as_admin postgres -c 'SELECT pg_reload_conf()' >/dev/null
}

# waits_for EVENT: does a program of the test wait for that, in the server?
waits_for()
{
    gives t "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '$DATABASE' AND application_name LIKE 'order-%'
        AND '$1' IN (wait_event, wait_event_type)"
}

says()
{
    grep -qF "$2" "$1"
}

# ---- settings ----

@test "what is wrong in a URI or the environment is not tried again" {
    local wrong
    for wrong in sslmode=nonsense sslmode=require sslmode=verify-full target_session_attrs=nonsense connect_timeout=soon; do
        run -73 --separate-stderr timeout "$HANGING" env ORDER_STORE="$URI?$wrong" order-place < <(own 1)
        [[ $stderr != *'trying again'* && $stderr != *"$PASSWORD"* ]] || { echo "$wrong: $stderr" && return 1; }
    done
    run -73 --separate-stderr timeout "$HANGING" env PGPORT=x ORDER_STORE=postgresql://order@127.0.0.1/x order-place < <(own 1)
    [[ $stderr != *'trying again'* ]]
    run -73 --separate-stderr timeout "$HANGING" env ORDER_STORE="postgresql://?service=nonsense" order-place < <(own 1)
    [[ $stderr == *'service nonsense'* && $stderr != *'trying again'* ]]
}

@test "a URL of something else is not taken for a file, and not shown" {
    run -73 --separate-stderr env ORDER_STORE="jdbc:$URI" order-place < <(own 1)
    [[ $stderr == *'ORDER_STORE is a URL, but not one of PostgreSQL'* && $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr env INVENTORY_LEDGER="mysql://u:$PASSWORD@h/x" inventory-stock </dev/null
    [[ $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr env NOTIFY_LEDGER="cockroachdb://h/x" notify-worker --idle-timeout 0
    run -73 --separate-stderr order-tools-migrate orders "sqlite://x" new.db
    [ "$(echo *:*)" = '*:*' ]
}

@test "passwords and hosts from the files of libpq" {
    local at=${URI#*@}
    printf '*:*:*:*:%s\n' "$PASSWORD" >passwords
    chmod 600 passwords
    printf '[campus]\nhost=127.0.0.1\nport=%s\nuser=order\ndbname=%s\n' "$(sed 's,.*:\(.*\)/.*,\1,' <<<"$at")" "$DATABASE" >services
    export PGPASSFILE=$PWD/passwords PGSERVICEFILE=$PWD/services
    run -0 --separate-stderr env ORDER_STORE="postgresql://order@$at" order-place < <(own 1)
    run -0 --separate-stderr env ORDER_STORE='postgresql://?service=campus' order-place < <(own 2)
    run -0 --separate-stderr env PGSERVICE=campus ORDER_STORE='postgresql://' order-show --count
    [ "$output" = 2 ]
    chmod 644 passwords
    run -73 --separate-stderr env ORDER_STORE="postgresql://order@$at" order-place < <(own 3)
    [[ $stderr == *'no password supplied'* ]]
}

@test "what an administrator sets for a role does not matter" {
    local setting
    for setting in "default_transaction_isolation = 'serializable'" 'default_transaction_deferrable = on' "search_path = 'nowhere'" \
        "DateStyle = 'German'" "IntervalStyle = 'sql_standard'" 'standard_conforming_strings = off' "client_encoding = 'LATIN1'" \
        "lock_timeout = '1ms'" "idle_in_transaction_session_timeout = '500ms'" "plan_cache_mode = 'force_generic_plan'"; do
        as_admin postgres -c "ALTER ROLE \"order\" IN DATABASE $DATABASE SET $setting"
    done
    orders 300 >input
    run -0 --separate-stderr order-place <input
    [ -z "$stderr" ]
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    run -0 --separate-stderr notify-worker --idle-timeout 1
    gives 300 "SELECT count(*) FROM order_tools.notified WHERE status = 'TOLD'"
    gives 0 'SELECT count(*) FROM order_tools.outbox'
}

@test "of two hosts that only a service file names, the one that can be written to is used" {
    local second port
    mkdir "$POSTGRES_HOME/second"
    chmod 711 "$POSTGRES_HOME/second"
    second=$POSTGRES_HOME/second
    POSTGRES_HOME=$second postgres start
    POSTGRES_HOME=$second as_admin postgres -c "ALTER ROLE \"order\" PASSWORD '$PASSWORD'" -c \
        'ALTER ROLE "order" SET default_transaction_read_only = on' -c "CREATE DATABASE $DATABASE OWNER \"order\""
    port=$(cat "$POSTGRES_HOME/port")
    printf '[campus]\nhost=127.0.0.1,127.0.0.1\nport=%s,%s\nuser=order\npassword=%s\ndbname=%s\n' "$(cat "$second/port")" "$port" \
        "$PASSWORD" "$DATABASE" >services
    run -0 --separate-stderr env PGSERVICEFILE="$PWD/services" ORDER_STORE='postgresql://?service=campus' order-place < <(own 1)
    POSTGRES_HOME=$second postgres kill
    [ -z "$stderr" ]
    gives 1 'SELECT count(*) FROM order_tools.orders'
}

# ---- rights ----

@test "a schema that an administrator has made for the programs is enough" {
    as_admin postgres -c "CREATE DATABASE poor_$DATABASE"
    as_admin "poor_$DATABASE" -c 'CREATE SCHEMA order_tools AUTHORIZATION "order"'
    export ORDER_STORE=${URI%/*}/poor_$DATABASE
    run -0 --separate-stderr order-place < <(own 1)
    INVENTORY_LEDGER=$ORDER_STORE run -0 --separate-stderr inventory-worker --idle-timeout 1
}

@test "a copy of the schema in another database goes on where the first one was" {
    order-place < <(own 1)
    run -75 --separate-stderr order-place --url amqp://127.0.0.1:1 --retries 1 < <(own 2)
    create_database "copy_$DATABASE"
    pg_dump -n order_tools "$URI" >dump
    psql -q -v ON_ERROR_STOP=1 "${URI%/*}/copy_$DATABASE" <dump >/dev/null
    export ORDER_STORE=${URI%/*}/copy_$DATABASE
    run -0 order-place --flush
    [[ $output == *0002*PLACED* ]]
    run -0 --separate-stderr order-place < <(own 3)
    run -0 order-show --count --status PLACED
    [ "$output" = 3 ]
}

# ---- limits ----

@test "forty programs share five connections" {
    local i pids=()
    order-place < <(own 99)
    as_admin postgres -c 'ALTER ROLE "order" CONNECTION LIMIT 5'
    for ((i = 1; i <= 40; i++)); do
        start "p$i" order-place < <(own "$i")
        pids+=("$PID")
    done
    for i in "${pids[@]}"; do
        finish -0 "$i"
    done
    gives 41 'SELECT count(*) FROM order_tools.orders'
}

# ---- locks ----

none_waits()
{
    ! waits_for Lock
}

@test "a lock in the way leaves nothing behind in the server that order-http has given up" {
    start_http
    eventually place_http "$(own 1)"
    start_fed other as_admin "$DATABASE"
    echo 'BEGIN; LOCK TABLE order_tools.orders IN ACCESS EXCLUSIVE MODE;' >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql' AND state = 'idle in transaction'"
    for i in 2 3 4; do
        place_http "$(own "$i")"
        [ "$code" = 503 ]
        ask "/order/018f0000-0000-7000-8000-00000000000$i"
        [ "$code" = 503 ]
    done
    eventually none_waits
    echo 'COMMIT;' >&7
    exec 7>&-
    gives 1 'SELECT count(*) FROM order_tools.orders'
    eventually place_http "$(own 2)"
    ends -0 "$HTTP" TERM
}

# ---- standbys ----

@test "a standby that is gone: the receipt waits, and order-place says that it does not know" {
    order-place < <(own 1)
    standbys gone
    start placing order-place < <(own 2)
    eventually waits_for SyncRep
    ends -143 "$PID" TERM
    says placing.err 'it is not known what from input 1 (line 1) on was placed'
    [ ! -s placing.out ]
}

@test "who cancels the wait for a standby gets no receipt by it" {
    order-place < <(own 1)
    standbys gone
    start placing order-place < <(own 2)
    eventually waits_for SyncRep
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    eventually gives 1 "SELECT count(*) FROM order_tools.orders WHERE order_id::text LIKE '%2'"
    eventually waits_for SyncRep
    [ ! -s placing.out ]
    standbys ''
    finish -0 "$PID"
    says placing.out PLACED
    gives 2 'SELECT count(*) FROM order_tools.orders'
}

@test "leases are renewed without the standby" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out PLACED
    standbys gone
    sql 'SET synchronous_commit = off; UPDATE order_tools.runs SET alive_until = now()'
    eventually gives t "SELECT alive_until > now() + interval '20 seconds' FROM order_tools.runs"
    standbys ''
    exec 7>&-
    ends -0 "$PID"
}

# ---- crashes ----

@test "what a server forgets in a crash, since it was not synced, is recorded again by programs that wait" {
    local marks='SELECT (SELECT count(*) FROM order_tools.pending), (SELECT count(*) FROM order_tools.outbox)'
    local port url way placing worker
    # Those that place are alone in a virtual host, and the way to it is shut at first: the worker gets nothing of them.
    PLACING_VHOST=$VHOST-placing
    api PUT "vhosts/$PLACING_VHOST"
    topology
    port=$(sed -E 's|.*:([0-9]+)/.*|\1|' <<<"$AMQP_URL")
    start way /usr/bin/python3 "$REPO/tests/support/cut.py" "$port" $((1 << 40))
    way=$PID
    eventually test -s way.out
    kill -STOP "$way"
    url=${AMQP_URL/:$port\/*/:$(cat way.out)/$PLACING_VHOST}
    start_fed placing order-place --url "$url" --retries 100
    placing=$PID
    own 1 >&7
    AMQP_URL=$url start_http
    place_http "$(own 2)"
    start worker inventory-worker
    worker=$PID
    eventually gives '2|0' "$marks"
    # From now on nothing reaches the log of the server but with a commit that is synced. That of the worker is the last.
    as_admin postgres -c 'ALTER SYSTEM SET autovacuum = off' -c 'SELECT pg_reload_conf()'
    kill -STOP "$(sql "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")"
    publish orders-ex order.placed "$(event 1)"
    eventually says worker.err 'published InventoryReserved for 1'
    eventually gives '2|0' "$marks"
    kill -CONT "$way"
    eventually gives '0|0' "$marks"
    kill -STOP "$HTTP" "$placing" "$worker"
    postgres kill
    postgres start
    gives '2|1' "$marks"
    kill -CONT "$HTTP" "$placing" "$worker"
    eventually gives '0|0' "$marks"
    exec 7>&-
    ends -0 "$placing"
    ends -0 "$HTTP" TERM
}

# ---- pgbouncer ----

@test "pgbouncer in transaction mode is in nobody's way" {
    command -v pgbouncer >/dev/null || skip 'pgbouncer is not installed'
    local at=${URI#*@} port as=()
    [ "$EUID" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    at=${at%/*}
    port=$((30000 + SRANDOM % 2000))
    printf '%s\n' '[databases]' "$DATABASE = host=127.0.0.1 port=${at#*:} user=order password=$PASSWORD pool_size=3" '[pgbouncer]' \
        "listen_addr=127.0.0.1" "listen_port=$port" auth_type=any pool_mode=transaction unix_socket_dir= >"$POSTGRES_HOME/pgbouncer.ini"
    start pgbouncer "${as[@]}" pgbouncer "$POSTGRES_HOME/pgbouncer.ini"
    export ORDER_STORE=postgresql://order@127.0.0.1:$port/$DATABASE
    export INVENTORY_LEDGER=$ORDER_STORE NOTIFY_LEDGER=$ORDER_STORE
    seq 500 | jq -c '{user_id: "u\(.)", restaurant_id: "r", items: [{sku: "s\(. % 7)", qty: 1}]}' >input
    local pooler=$PID
    order-place <input >receipts
    start one inventory-worker --idle-timeout 1
    local one=$PID
    start two inventory-worker --idle-timeout 1
    finish -0 "$PID"
    finish -0 "$one"
    [ "$(notify-worker --idle-timeout 1 | wc -l)" = 500 ]
    [ ! -s one.err ] || ! grep -v '^\[inventory\]' one.err
    gives 0 'SELECT count(*) FROM order_tools.runs'
    finish "$pooler" KILL
}

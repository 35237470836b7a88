# Orders in PostgreSQL: what holds in a file holds there, too; and what only a database can do: be away, come back, refuse.

load ../support/postgres

teardown()
{
    signal_postgres CONT 2>/dev/null || true
    tidy
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

receipt()
{
    printf '{"order_id": "%s", "status": "%s"}\n' "$(uuid "$1")" "${2:-PLACED}"
}

# orders N
orders()
{
    seq -f '{"order_id":"018f0000-0000-7000-8000-%012.0f","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' "$1"
}

# says FILE TEXT
says()
{
    grep -qF "$2" "$1"
}

# ---- the same as in a file ----

@test "an order is placed, shown, and the same again gives the same receipt" {
    run -0 --separate-stderr order-place < <(own 1)
    [ "$output" = "$(receipt 1)" ]
    [ -z "$stderr" ]
    run -0 --separate-stderr order-place < <(own 1)
    [ "$(as_first <<<"$output")" = "$(receipt 1)" ]
    [[ $output == *repeated* ]]
    holds "$PLACED_Q" 1
    run -0 order-show "$(uuid 1)"
    jq -e '.status == "PLACED" and .data.user_id == "u" and (.placed_at | endswith("Z"))' <<<"$output"
    run -0 order-show --count
    [ "$output" = 1 ]
    run -1 --separate-stderr order-show "$(uuid 2)"
    # People can read it.
    gives "$(uuid 1)|$(own 1 | jq -c .)" 'SELECT order_id, data FROM order_tools.orders'
    gives 0 'SELECT count(*) FROM order_tools.pending'
    gives 0 'SELECT count(*) FROM order_tools.runs'
}

@test "other content under a known id is refused, even within a batch" {
    run -65 --separate-stderr order-place < <(own 1 && own 1 other && own 2 && own 1)
    [ "$output" = "$(receipt 1 && receipt 2 && receipt 1 | as_repeated)" ]
    [[ $stderr == *"input 2 "*"is taken by an order of other content"* ]]
    run -65 --separate-stderr order-place < <(own 2 other)
    [ -z "$output" ]
    gives 2 'SELECT count(*) FROM order_tools.orders'
}

@test "the receipts of many orders come in the order of the input" {
    orders 1500 | shuf --random-source=/dev/zero >input
    order-place <input >receipts
    cmp <(jq -r .order_id input) <(jq -r .order_id receipts)
    run -0 order-show --count --status PLACED
    [ "$output" = 1500 ]
    order-show --all >shown
    [ "$(jq -r .order_id shown | sort -u | wc -l)" = 1500 ]
    [ "$(order-show --status PENDING | wc -l)" = 0 ]
}

# happened N: what the SELECT of order-tools(7) tells about order N; times are only there or not.
happened()
{
    sed -n '/^SELECT placed_at/,/;$/p' "$REPO/man/order-tools.7" |
        as_admin "$DATABASE" -v id="$(uuid "$1")" | sed -E 's/20[0-9-]{8} [0-9:.+]+/TIME/g'
}

@test "the SELECT of order-tools(7) tells what happened to an order" {
    orders 2 | order-place
    run -0 inventory-worker --idle-timeout 0
    run -0 notify-worker --count 1
    run -75 order-place --url amqp://127.0.0.1:1 --retries 1 < <(own 3)
    [ "$(happened 1)" = 'TIME|f|RESERVED|TIME|||f|TOLD|TIME|TIME|1' ]
    [ "$(happened 2)" = 'TIME|f|RESERVED|TIME|||f||||' ]
    [ "$(happened 3)" = 'TIME|t|||||f||||' ]
    [ -z "$(happened 4)" ]
    order-cancel "$(uuid 2)"
    run -0 inventory-worker --cancelled --idle-timeout 0
    [ "$(happened 2)" = 'TIME|f|RESERVED|TIME|RELEASED|TIME|f||||' ]
    inventory-stock --hand-over "$(uuid 1)"
    [ "$(happened 1)" = 'TIME|f|RESERVED|TIME|HANDED_OVER|TIME|t|TOLD|TIME|TIME|1' ]
}

@test "text comes back as it was stored" {
    printf '%s\n' '{"user_id":"\u00e9 \"\\ é 😀 {},NULL","restaurant_id":"r'"'"'","items":[{"sku":"s","qty":1}]}' >order
    order-place <order >receipt
    order-show "$(jq -r .order_id receipt)" | jq -c .data >shown
    cmp <(jq -c . order) shown
    run -0 order-show "$(jq -r .order_id receipt)"
    [[ $output == *'"data": '"$(cat order)"','* ]]
}

# ---- runs ----

@test "what a run left pending is claimed at once if it has ended, and once its lease has passed if it was killed" {
    run -75 --separate-stderr order-place --url amqp://127.0.0.1:1 --retries 1 < <(own 1)
    [ "$output" = "$(receipt 1 PENDING)" ]
    run -0 order-place --flush
    [ "$output" = "$(receipt 1)" ]
    start_fed killed order-place --url amqp://127.0.0.1:1 --retries 1
    own 2 >&7
    eventually says killed.out "$(receipt 2 PENDING)"
    finish -137 "$PID" KILL
    exec 7>&-
    run -0 order-place --flush
    [ -z "$output" ]
    end_leases
    run -0 order-place --flush
    [ "$output" = "$(receipt 2)" ]
    gives 0 'SELECT count(*) FROM order_tools.runs'
}

@test "a run that lives keeps its lease, and one that was taken for dead begins anew" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    sql "UPDATE order_tools.runs SET alive_until = now() + interval '2 seconds'"
    eventually gives t "SELECT alive_until > now() + interval '20 seconds' FROM order_tools.runs"
    sql 'DELETE FROM order_tools.runs'
    own 2 >&7
    eventually says placing.out "$(receipt 2)"
    gives 1 'SELECT count(*) FROM order_tools.runs'
    exec 7>&-
    ends -0 "$PID"
    [ ! -s placing.err ]
}

@test "two that claim at once share, and none gets what the other has" {
    run -75 --separate-stderr order-place --url amqp://127.0.0.1:1 --retries 1 < <(orders 300)
    start one order-place --flush
    one=$PID
    start two order-place --flush
    finish -0 "$PID"
    finish -0 "$one"
    cat one.out two.out | jq -r .order_id | sort >ids
    [ "$(wc -l <ids)" = 300 ]
    [ "$(uniq ids | wc -l)" = 300 ]
    holds "$PLACED_Q" 300
}

@test "two that place the same orders at once, in whatever order, store each once and tell both" {
    orders 2000 >up
    tac up >down
    order-place < <(own 9999)
    start one order-place <up
    local one=$PID
    start two order-place <down
    finish -0 "$PID"
    finish -0 "$one"
    gives 2001 'SELECT count(*) FROM order_tools.orders'
    gives 0 'SELECT count(*) FROM order_tools.pending'
    cmp <(jq -r .order_id up) <(jq -r .order_id one.out)
    cmp <(jq -r .order_id down) <(jq -r .order_id two.out)
    [ ! -s one.err ] && [ ! -s two.err ]
}

@test "an order that another process stores just now is found once it is there" {
    order-place < <(own 9)
    start_fed other as_admin "$DATABASE"
    echo "BEGIN; INSERT INTO order_tools.orders (order_id, placed_at, data) VALUES ('$(uuid 2)', now(), '$(own 2 | jq -c .)');" >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql' AND state = 'idle in transaction'"
    start placing order-place < <(own 1 && own 2)
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'order-place' AND wait_event_type = 'Lock'"
    echo 'COMMIT;' >&7
    finish -0 "$PID"
    exec 7>&-
    [ "$(cat placing.out)" = "$(receipt 1 && receipt 2 | as_repeated)" ]
    holds "$PLACED_Q" 2
}

@test "a hundred programs that start at once on an empty database" {
    local i pids=()
    for ((i = 1; i <= 100; i++)); do
        start "p$i" order-place < <(own "$i")
        pids+=("$PID")
    done
    for i in "${pids[@]}"; do
        finish -0 "$i"
    done
    [ "$(cat p*.err)" = "" ]
    gives 100 'SELECT count(*) FROM order_tools.orders'
}

# while_made TABLE PROGRAM...: runs the program while another one makes that table, which is taken back. From then on the name that its
# sequence would have is taken, in some versions of PostgreSQL. What the program writes is in made.out and made.err.
while_made()
{
    local other
    start_fed "other-$1" psql -q "$URI"
    other=$PID
    echo "BEGIN; CREATE TABLE order_tools.$1 (seq bigint GENERATED ALWAYS AS IDENTITY);" >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = '$DATABASE'"
    start made "${@:2}"
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$DATABASE'"
    echo 'ROLLBACK;' >&7
    exec 7>&-
    finish -0 "$other"
    finish -0 "$PID"
}

@test "tables that another one has begun to make, and takes back" {
    as_admin "$DATABASE" -c 'CREATE SCHEMA order_tools AUTHORIZATION "order"'
    while_made orders order-place < <(orders 2)
    [ "$(cat made.out)" = "$(receipt 1 && receipt 2)" ]
    [ ! -s made.err ]
    while_made reservations inventory-worker --idle-timeout 0
    [ "$(wc -l <made.out)" = 2 ]
    run -1 grep -v '^\[inventory\] ' made.err
}

# ---- away ----

@test "the database is killed while orders are placed: none is lost, none comes twice" {
    seq 12000 | jq -c '{user_id: "u\(.)", restaurant_id: "r", items: [{sku: "s", qty: 1}]}' >input
    start placing order-place <input
    eventually test -s placing.out
    postgres kill
    postgres start
    PATIENCE=$HANGING ends -0 "$PID" '' "$HANGING"
    [ "$(jq -r .order_id placing.out | sort -u | wc -l)" = 12000 ]
    gives 12000 'SELECT count(*) FROM order_tools.orders'
    gives 0 'SELECT count(*) FROM order_tools.pending'
    [ "$(ready "$PLACED_Q")" -ge 12000 ]
}

@test "while the database is away order-place waits, says so once, and goes on" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    postgres stop
    own 2 >&7
    eventually says placing.err "is away: "
    postgres start
    eventually says placing.out "$(receipt 2)"
    exec 7>&-
    ends -0 "$PID"
    [ "$(grep -c 'is away' placing.err)" = 1 ]
    [ "$(grep -c 'is back' placing.err)" = 1 ]
}

@test "a database that stays away: 73, and nothing was stored" {
    start_fed placing order-place --retries 2
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    postgres stop
    own 2 >&7
    ends -73 "$PID"
    exec 7>&-
    says placing.err 'nothing from input 2 (line 2) on was placed'
    run -73 --separate-stderr order-place --retries 1 < <(own 3)
    [ -z "$output" ]
    [[ $stderr == *"127.0.0.1"*"/$DATABASE': "*"Connection refused"* ]]
    run -73 --separate-stderr order-show --count
    postgres start
    gives 1 'SELECT count(*) FROM order_tools.orders'
}

@test "a stop ends the wait for a database that is away" {
    postgres stop
    start waiting order-place < <(own 1)
    eventually says waiting.err 'is away: '
    ends -143 "$PID" TERM
}

@test "a connection that is cut in between is made again, without a word" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$DATABASE' AND application_name = 'order-place'"
    own 2 >&7
    eventually says placing.out "$(receipt 2)"
    exec 7>&-
    ends -0 "$PID"
    [ ! -s placing.err ]
}

@test "a server that became read-only is waited for" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    # As the database is while it follows another one.
    postgres stop
    touch "$POSTGRES_HOME/data/standby.signal"
    chown --reference="$POSTGRES_HOME/data" "$POSTGRES_HOME/data/standby.signal"
    postgres start
    own 2 >&7
    eventually says placing.err 'is away: '
    as_admin postgres -c 'SELECT pg_promote()'
    eventually says placing.out "$(receipt 2)"
    exec 7>&-
    ends -0 "$PID"
}

@test "a commit of which nobody knows whether it was done is done again, and nothing comes twice" {
    order-place < <(own 1)
    # Its third round trip stores them.
    start_flights 3
    run -0 --separate-stderr env ORDER_STORE="$FLIGHTS" order-place < <(own 2 && own 3 && own 2)
    [ "$output" = "$(receipt 2 && receipt 3 && receipt 2 | as_repeated)" ]
    [ "$(head -n 1 flights.log)" = 3 ]
    gives 3 'SELECT count(*) FROM order_tools.orders'
    gives 0 'SELECT count(*) FROM order_tools.pending'
    holds "$PLACED_Q" 3
}

@test "the answer to a claim of what is left pending is lost: it is published all the same, in the same run" {
    run -75 order-place --url amqp://127.0.0.1:1 --retries 1 < <(own 1)
    behind_doubt 'UPDATE order_tools.pending p SET run'
    run -0 env ORDER_STORE="$DOUBTED" order-place --flush
    says doubt.out cut
    gives 0 'SELECT count(*) FROM order_tools.pending'
    holds "$PLACED_Q" 1
    finish "$PROXY" KILL
}

@test "a server that hangs does not keep a stop waiting" {
    start_fed placing order-place
    own 1 >&7
    eventually says placing.out "$(receipt 1)"
    signal_postgres STOP
    own 2 >&7
    ends -143 "$PID" TERM 12
    exec 7>&-
}

# ---- what is refused ----

@test "no message shows the password, nor does a password stand in the command line" {
    run -73 --separate-stderr env ORDER_STORE="${URI}x" order-show --count
    [[ $stderr == *'does not exist'* && $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr env ORDER_STORE="${URI/@127/x@127}" order-show --count
    [[ $stderr == *'authentication failed'* && $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr env ORDER_STORE="postgresql://u:$PASSWORD@[::1/x" order-show --count
    [[ $stderr == *'ORDER_STORE is not a URI of PostgreSQL'* && $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr env ORDER_STORE="postgresql://u@h/x?password=$PASSWORD&nonsense=1" order-show --count
    [[ $stderr != *"$PASSWORD"* ]]
}

@test "of several hosts the one that answers is used, and a message shows them all" {
    local at=${URI#*@}
    order-place < <(own 1)
    run -0 --separate-stderr env ORDER_STORE="${URI%@*}@127.0.0.1:1,$at" order-show --count
    [ "$output" = 1 ]
    run -73 --separate-stderr env ORDER_STORE="${URI%@*}@127.0.0.1:1,127.0.0.1:2/x" order-show --count
    [[ $stderr == *"PostgreSQL '127.0.0.1:1,127.0.0.1:2/x': "*'Connection refused; '*'Connection refused' ]]
}

@test "a wrong password is not tried again" {
    run -73 --separate-stderr timeout "$HANGING" env ORDER_STORE="${URI/@127/x@127}" order-place --retries 1000 < <(own 1)
    [[ $stderr != *'trying again'* ]]
}

@test "without the right to make tables the message names the file, and that file is enough" {
    sql "CREATE ROLE poor_$DATABASE LOGIN PASSWORD 'poor'"
    local poor=postgresql://poor_$DATABASE:poor@${URI#*@}
    run -73 --separate-stderr env ORDER_STORE="$poor" order-place < <(own 1)
    [[ $stderr == *'permission denied'*'postgresql.sql makes and upgrades the tables'* ]]
    make -s -C "$REPO" install DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
    as_admin "$DATABASE" -f - <root/usr/share/order-tools/postgresql.sql
    run -73 --separate-stderr env ORDER_STORE="$poor" order-place < <(own 1)
    [[ $stderr == *'permission denied'*'which rights are needed'* ]]
    sql "GRANT USAGE ON SCHEMA order_tools TO poor_$DATABASE"
    sql "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA order_tools TO poor_$DATABASE"
    sql "GRANT USAGE ON ALL SEQUENCES IN SCHEMA order_tools TO poor_$DATABASE"
    run -0 --separate-stderr env ORDER_STORE="$poor" order-place < <(own 1)
    sql "REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA order_tools FROM poor_$DATABASE"
    sql "REVOKE USAGE ON ALL SEQUENCES IN SCHEMA order_tools FROM poor_$DATABASE"
    run -0 --separate-stderr env ORDER_STORE="$poor" order-show --count
    [ "$output" = 1 ]
}

@test "a database without tables, and one of a later version" {
    run -73 --separate-stderr order-show --count
    [[ $stderr == *'there are no tables'* ]]
    order-place < <(own 1)
    sql 'UPDATE order_tools.version SET version = 99'
    run -73 --separate-stderr order-place < <(own 2)
    [[ $stderr == *'of a newer version of order-tools' ]]
}

# make_orders_1: the tables of version 1, with two orders of which the second is pending.
make_orders_1()
{
    as_admin "$DATABASE" -c 'CREATE SCHEMA order_tools AUTHORIZATION "order"'
    in_database "SET ROLE \"order\";
        CREATE TABLE order_tools.version (domain text PRIMARY KEY, version bigint NOT NULL);
        CREATE TABLE order_tools.runs (run bigint PRIMARY KEY, domain text NOT NULL, program text NOT NULL,
            host text NOT NULL, pid bigint NOT NULL, alive_until timestamptz NOT NULL);
        $(cat "$REPO/lib/postgres/orders.sql")
        INSERT INTO order_tools.orders (order_id, placed_at, data)
            SELECT ('00000000-0000-4000-8000-00000000000' || i)::uuid, '2026-01-02 03:04:05.678Z',
                '{\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":1}]}'
            FROM generate_series(1, 2) i;
        INSERT INTO order_tools.pending SELECT 2, 0"
}

@test "tables of an earlier version: who reads says what is to be done, who writes upgrades them, of several one" {
    local i pids=()
    make_orders_1
    run -73 --separate-stderr order-show --all
    [[ $stderr == *'domain orders have version 1, and are read in version 3: '*'postgresql.sql' ]]
    for i in {1..8}; do
        start "p$i" order-place < <(own "$i")
        pids+=("$PID")
    done
    for i in "${pids[@]}"; do
        finish -0 "$i"
    done
    [ "$(cat p*.err)" = "" ]
    gives 3 "SELECT version FROM order_tools.version WHERE domain = 'orders'"
    order-place --flush
    [ "$(order-show --count --status PLACED)" = 10 ]
    run -0 --separate-stderr order-show 00000000-0000-4000-8000-000000000002
    [ "$output" = '{"order_id": "00000000-0000-4000-8000-000000000002", "status": "PLACED", "data": {"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}, "placed_at": "2026-01-02T03:04:05.678Z"}' ]
}

@test "tables that may not be upgraded: the message names the file, which does it, and does nothing the next time" {
    make_orders_1
    sql "CREATE ROLE poor_$DATABASE LOGIN PASSWORD 'poor'"
    local poor=postgresql://poor_$DATABASE:poor@${URI#*@} script
    local rights="GRANT USAGE ON SCHEMA order_tools TO poor_$DATABASE;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA order_tools TO poor_$DATABASE;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA order_tools TO poor_$DATABASE"
    in_database "$rights"
    run -73 --separate-stderr env ORDER_STORE="$poor" order-place < <(own 1)
    [[ $stderr == *'permission denied'*'postgresql.sql makes and upgrades the tables'* ]]
    gives 1 "SELECT version FROM order_tools.version WHERE domain = 'orders'"
    make -s -C "$REPO" install DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
    script=$(cat root/usr/share/order-tools/postgresql.sql)
    in_database "$script"
    in_database "$script"
    in_database "$rights"
    run -0 --separate-stderr env ORDER_STORE="$poor" order-place < <(own 1)
    [ "$(order-show --count)" = 3 ]
}

@test "only a name of PostgreSQL loads libpq, and without it the message says what to install" {
    local program
    for program in "$REPO"/bin/*; do
        run -1 grep -E 'NEEDED.*libpq' < <(readelf -d "$program")
    done
    mkdir empty
    : >empty/libpq.so.5
    run -73 --separate-stderr env LD_LIBRARY_PATH="$PWD/empty" order-show --count
    [[ $stderr == *'PostgreSQL needs'*'libpq.so.5 (Debian: apt install libpq5): '* ]]
    run -0 --separate-stderr env -u ORDER_STORE LD_LIBRARY_PATH="$PWD/empty" order-place < <(own 1)
}

# ---- round trips ----

# start_flights [CUT]: starts tests/support/flights, and sets FLIGHTS to the URI that leads through it.
start_flights()
{
    local at=${URI#*@}
    at=${at%/*}
    rm -f flights.log
    start flights "$REPO/tests/support/flights" "${at%:*}" "${at#*:}" "$PWD/flights.log" "$@"
    eventually test -s flights.out
    FLIGHTS="${URI%@*}@127.0.0.1:$(cat flights.out)/$DATABASE?sslmode=disable&gssencmode=disable"
}

# flights_of FILE: places its orders, and prints how many round trips that took.
flights_of()
{
    start_flights
    ORDER_STORE=$FLIGHTS order-place <"$1" >placed
    eventually test -s flights.log
    finish "$PID" KILL
    cat flights.log
}

@test "a batch takes as many round trips as one order" {
    orders 201 >all
    # The first makes the tables.
    head -n 1 all >first
    flights_of first >/dev/null
    sed -n 201p all >one
    head -n 200 all >many
    # Look at the version, look for what was left, store, mark as placed, end the run.
    [ "$(flights_of one)" = 5 ]
    [ "$(flights_of many)" -le 7 ]
}

# ---- listing ----

@test "an order that is committed after a later one is listed all the same" {
    local other
    order-place < <(own 1)
    start_fed late psql -q "$URI"
    other=$PID
    echo "BEGIN; INSERT INTO order_tools.orders (order_id, placed_at, data)
        VALUES ('00000000-0000-4000-8000-000000000009', now(), '{\"user_id\":\"late\"}');" >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = '$DATABASE'"
    order-place < <(own 2)
    order-track --idle-timeout 0
    gives 0 'SELECT count(*) FROM order_tools.listed WHERE seq > 1'
    echo 'COMMIT;' >&7
    exec 7>&-
    finish -0 "$other"
    order-track --idle-timeout 0
    gives 3 'SELECT count(*) FROM order_tools.listed'
    [ "$(order-show --count --user late)" = 1 ]
}

@test "scripts/postgres psql reads a file where it is called" {
    echo 'SELECT 40 + 2;' >query.sql
    run -0 --separate-stderr "$REPO/scripts/postgres" psql -At -f query.sql
    [ "$output" = 42 ]
}

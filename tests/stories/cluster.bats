# A cluster of three brokers and two databases, each a host of its own: scripts/cluster itself; then the programs on it, with quorum queues
# whose leader dies, hangs or is without a majority, and classic queues whose node is down; then a drill and a short storm. What a single
# node can show is in tests/programs/quorum.bats.

load ../support/cluster

# sql STATEMENT: on the primary, from a host of the cluster.
sql()
{
    cluster run h1 "$PSQL" "$DATABASE_URL&connect_timeout=2" -AtXqc "$1"
}

# place_one BROKER HOST: an order is placed through that broker, from that host.
place_one()
{
    order | AMQP_URL=$(url_of "$1") cluster run "$2" order-place | jq -e '.status == "PLACED"'
}

# reaches FROM TO: does a datagram arrive? Both are clients.
reaches()
{
    local port=$((20000 + RANDOM % 10000)) receiver
    cluster run "$2" timeout 5 /usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', $port))
open('listens', 'w')
s.recv(1)" 3>&- &
    receiver=$!
    eventually test -e listens
    rm listens
    cluster run "$1" bash -c "echo >/dev/udp/$(address_of "$2")/$port"
    wait "$receiver"
}

# declare_quorum: one order is placed, by whom the queues are declared as quorum queues.
declare_quorum()
{
    order | ORDER_QUEUE_TYPE=quorum order-place >/dev/null
}

# others_of BROKER: prints the other two, first URLs, then the first's management API.
others_of()
{
    local broker
    for broker in b1 b2 b3; do
        [ "$broker" = "$1" ] || url_of "$broker"
    done | paste -sd,
}

# api_of BROKER: its management API.
api_of()
{
    echo "http://guest:guest@$(address_of "$1"):15672"
}

# receipts N STATUS: has order-place told so of N orders?
receipts()
{
    [ "$(jq -r .status place.out | sort | uniq -c | xargs)" = "$1 $2" ]
}

# ---- the cluster

@test "cluster up, status, env: all is well, and each broker serves all orders, from each host and from this machine" {
    run -0 --separate-stderr cluster status
    [ "$(grep -cE '^b[123] +broker +up .*; sees 3 of 3 brokers$' <<<"$output")" = 3 ]
    [[ $output =~ d1\ +primary\ +up.*"commits wait for d2, which follows; now waiting: 0" ]]
    [[ $output =~ d2\ +standby\ +up.*"follows d1: streaming" ]]
    run -0 cluster up
    [[ $output == *"already up"* ]]

    # The settings of env make quorum queues.
    eval "$(cluster env | grep ORDER_QUEUE_TYPE=)"
    place_one b1 h1
    place_one b2 h2
    order | AMQP_URL=$(url_of b3) order-place
    for broker in b1 b2 b3; do
        AMQP_URL=$(url_of "$broker") cluster run h2 queue-inspect --until 3 --timeout "$PATIENCE" "$PLACED_Q"
    done
    says_of "$(leader "$PLACED_Q")" "up .* 4 quorum queues, leads [1-4]; "
    [ "$(sql 'SELECT inet_server_addr()')" = "$(address_of d1)" ]
}

@test "cluster kill, start: the leader dies while orders flow: all are placed and reserved, and --health warns; with it back all is well" {
    local victim other=b1
    declare_quorum
    victim=$(leader "$PLACED_Q")
    [ "$victim" != b1 ] || other=b2
    start inventory cluster run h1 inventory-worker
    start notify cluster run h2 notify-worker
    eventually is_consumed "$PLACED_Q"
    eventually is_consumed "$RESERVED_Q"
    start_fed place cluster run h1 order-place
    orders 200 >&7
    eventually has_lines place.out 200
    cluster kill "$victim"
    orders 200 >&7
    exec 7>&-
    says_of "$victim" down
    finish -0 "$PID"
    receipts 400 PLACED
    SUITE_URL=$(url_of "$other")
    eventually customers_told 401
    [ "$(jq -r .order_id inventory.out | sort -u | wc -l)" = 401 ]
    run -1 cluster status

    warns()
    {
        MANAGEMENT_URL=$(api_of "$other") queue-inspect --health --url "$(url_of "$other")" |
            jq -e --arg queue "'$PLACED_Q'" '.checks.quorum == {ok: true, warning: "\($queue) hangs by one node: 2 of 3 nodes online"}'
    }
    eventually warns
    run -0 env MANAGEMENT_URL="$(api_of "$other")" queue-inspect --format table --url "$(url_of "$other")" "$PLACED_Q"
    [[ ${lines[1]} =~ \ 2/3\ b ]]
    cluster start "$victim"
    eventually cluster status
    cluster run "$victim" queue-inspect -u "amqp://guest:guest@127.0.0.1/$VHOST" --until-empty --timeout "$PATIENCE" "$PLACED_Q"
    whole()
    {
        MANAGEMENT_URL=$(api_of "$other") queue-inspect --health | jq -e '.checks.quorum == {ok: true}'
    }
    eventually whole
}

@test "cluster cut, heal: a broker without the others stops serving, and what it misses it gets afterwards" {
    quorum_queues
    cluster cut b3
    says_of b3 'cut off'
    run -124 cluster run h1 timeout 1 bash -c "</dev/tcp/$(address_of b3)/5672"
    PATIENCE=15 eventually says_of b3 'does not serve'
    place_one b1 h1
    place_one b2 h2
    cluster heal
    eventually cluster status
    AMQP_URL=$(url_of b3) queue-inspect --until 2 --timeout "$PATIENCE" "$PLACED_Q"
}

@test "cluster cut HOST HOST, and --one-way: nobody else notices" {
    reaches h1 h2
    cluster cut --one-way h1 h2
    says_of h1 'what it sends to h2 is lost'
    run ! reaches h1 h2
    reaches h2 h1
    cluster cut h1 b1
    run -124 cluster run h1 timeout 1 bash -c "</dev/tcp/$(address_of b1)/5672"
    cluster run h2 timeout 5 bash -c "</dev/tcp/$(address_of b1)/5672"
    cluster heal
    reaches h1 h2
    cluster run h1 timeout 5 bash -c "</dev/tcp/$(address_of b1)/5672"
    cluster status
}

@test "cluster pause, resume: a broker that hangs keeps its connections, and answers when it goes on" {
    exec 6<>"/dev/tcp/$(address_of b2)/5672"
    cluster pause b2
    says_of b2 paused
    printf 'AMQP\0\0\11\1' >&6
    run -124 timeout 0.3 head -c 1 <&6
    cluster resume b2
    [ "$(timeout "$PATIENCE" head -c 1 <&6 | od -An -tx1)" = " 01" ]
    exec 6<&-
}

@test "a database without its standby: commits hang, status says so, and they go on when it is back" {
    sql 'CREATE TABLE alone (n int)'
    cluster kill d2
    says_of d1 'commits hang: d2 does not follow; now waiting: 0'
    start insert sql 'INSERT INTO alone VALUES (1)'
    eventually says_of d1 'now waiting: 1'
    run -1 cluster status
    cluster start d2
    finish -0 "$PID"
    cluster status
    [ "$(sql 'SELECT n FROM alone')" = 1 ]
}

# count_up: puts numbers into a table, each in a transaction, and prints those that are surely in it.
count_up()
{
    local n
    for ((n = 1; ; n++)); do
        ! sql "INSERT INTO promoted VALUES ($n)" || echo "$n"
    done
}

@test "cluster promote: nothing is lost that was committed, and the old primary becomes the standby" {
    sql 'CREATE TABLE promoted (n int)'
    start committed count_up
    before=5
    enough() { [ "$(wc -l <committed.out)" -ge $((before + 5)) ]; }
    eventually enough
    cluster kill d1
    cluster promote
    before=$(wc -l <committed.out)
    eventually enough
    says_of d2 'primary .* commits wait for nobody'
    run -69 --separate-stderr cluster promote
    [[ $stderr == *"the standby d1 does not answer"* ]]
    cluster start d1
    kill "$PID"
    says_of d1 'standby .* follows d2: streaming'
    says_of d2 'primary .* commits wait for d1, which follows'
    sql 'SELECT n FROM promoted ORDER BY n' >there
    [ -z "$(sort committed.out | comm -23 - <(sort there))" ]

    # The other way round, while the primary hangs.
    cluster pause d2
    cluster promote
    cluster start d2
    cluster status
    sql 'SELECT n FROM promoted ORDER BY n' | cmp - there
}

# traces: what there is of the cluster, but for processes.
traces()
{
    ls -d "$CLUSTER_HOME" "/run/netns/$NAME"-* "/sys/class/net/$NAME" 2>/dev/null
}

# processes: of all hosts of the cluster.
processes()
{
    local host
    for host in b1 b2 b3 d1 d2 h1 h2; do
        ip netns pids "$NAME-$host"
    done
}

@test "cluster down leaves nothing, not even of one that is half up" {
    export CLUSTER_HOME=$BATS_TEST_TMPDIR/half
    start up cluster up
    half_up() { [ -e half/d1/data/PG_VERSION ]; }
    eventually half_up
    finish -137 "$PID" KILL
    NAME=ot$(sha1sum <<<"$CLUSTER_HOME" | head -c 6)
    # What was begun goes on.
    some_run() { pids=$(processes) && [ "$(wc -w <<<"$pids")" -gt 3 ]; }
    eventually some_run
    [ "$(traces | wc -l)" = 10 ]
    # Shared memory of its own, which ends with it.
    [ "$(readlink "/proc/$(ip netns pids "$NAME-d1" | head -n 1)/ns/ipc")" != "$(readlink /proc/self/ns/ipc)" ]
    run -1 cluster env
    run -3 cluster status
    cluster down
    [ -z "$(traces)" ]
    for pid in $pids; do
        eventually ended "$pid"
    done
    # Once more does nothing.
    cluster down
}

@test "cluster: wrong usage, without root, and in a folder with something else" {
    for arguments in '' jump 'up now' kill 'kill b9' 'start h1' cut 'cut b1 b1' 'cut --one-way b1' 'cut b1 b2 b3' 'run h1' 'run x true'; do
        echo "$arguments"
        # shellcheck disable=SC2086 # several
        run -64 --separate-stderr cluster $arguments
        [[ -z $output && $stderr == "cluster: "* ]]
    done
    run -0 cluster --help
    run -77 --separate-stderr setpriv --reuid 65534 --clear-groups "$REPO/scripts/cluster" status
    [ "$stderr" = "cluster: needs root, for network namespaces" ]
    mkdir other
    touch other/precious
    CLUSTER_HOME=$PWD/other run -69 cluster up
    CLUSTER_HOME=$PWD/other run -0 cluster down
    [ -e other/precious ]
}

# ---- the programs

@test "cluster: the leader dies: its queue does not look empty to --until-empty, nor to dlq-replay" {
    local victim others try
    declare_quorum
    for try in 1 2 3; do
        AMQP_URL=$(url_of b1) publish "" "$DEAD_Q" poison
    done
    eventually holds "$DEAD_Q" 3
    victim=$(leader "$DEAD_Q")
    others=$(others_of "$victim")
    cluster kill "$victim"
    for try in 1 2 3 4 5; do
        run -1 queue-inspect --url "$others" --until-empty --timeout 0 "$DEAD_Q"
    done
    run -0 --separate-stderr dlq-replay --url "$others" --list
    [ "${#lines[@]}" = 3 ]
}

# In one test, since each broker that has hung, or was killed, has to be started again.
@test "cluster: a broker that hangs, a lost majority, and a crash of all servers at once" {
    declare_quorum
    sql 'CREATE TABLE kept AS SELECT 1 AS n'
    # After --confirm-timeout orders go to the next one.
    start_fed place order-place --confirm-timeout 2 --url "$(url_of b1),$(url_of b2),$(url_of b3)"
    order >&7
    eventually has_lines place.out 1
    cluster pause b1
    order >&7
    eventually has_lines place.out 2
    exec 7>&-
    finish -0 "$PID"
    receipts 2 PLACED
    grep -q "lost the broker '$(address_of b1):5672' (publishing): no confirm for 2 s$" place.err
    grep -q "connected to the broker '$(address_of b2):5672' (publishing)$" place.err

    # Without a majority nothing is confirmed: the order is kept.
    order >input
    cluster pause b2
    run -75 --separate-stderr order-place --confirm-timeout 1 --retries 2 --url "$(url_of b3)" <input
    [ "$(jq -r .status <<<"$output")" = PENDING ]
    grep -qE 'no confirm for 1 s|has no leader' <<<"$stderr"

    # They start together; with a majority again it is placed, and nothing is lost.
    cluster kill b1 b2 b3 d1 d2
    cluster start d2 d1 b3 b2 b1
    eventually cluster status
    AMQP_URL=$(url_of b2) queue-inspect --until 3 --timeout "$PATIENCE" "$PLACED_Q"
    [ "$(sql 'SELECT n FROM kept')" = 1 ]
    run -0 --separate-stderr order-place --flush
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    queue-inspect --until 4 --timeout "$PATIENCE" "$PLACED_Q"
}

@test "cluster: a classic queue whose broker is down: the programs wait for it, and never call it missing" {
    # The virtual host is new to it.
    AMQP_URL=$(url_of b3) eventually topology
    [ "$(api GET "queues/$VHOST/$PLACED_Q" | jq -r .node | cut -d@ -f1)" = b3 ]
    cluster kill b3
    run -69 --separate-stderr inventory-worker --retries 2 --retry-delay 0
    [[ $stderr == *"404 NOT_FOUND - home node"*'; giving up after 2 attempts' ]]
    run -69 --separate-stderr dlq-replay --list --retries 2 --retry-delay 0
    [[ $stderr == *"404 NOT_FOUND - home node"*'; giving up after 2 attempts' ]]
    order >input
    run -75 --separate-stderr order-place --retries 2 --retry-delay 0 <input
    [[ $stderr == *"404 NOT_FOUND - home node"*'; giving up after 2 attempts' ]]
    start inventory inventory-worker --count 1
    cluster start b3
    run -0 --separate-stderr order-place --flush
    finish -0 "$PID"
    has_lines inventory.out 1
}

# ---- drill and storm

@test "drill cluster: orders from two hosts, with data in files; a broker dies" {
    export AMQP_URL=$CLUSTER_URL
    run -0 --separate-stderr drill cluster --file
    [ "$(grep -c '^NO' <<<"$output")" = 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 10 ]
    [[ $output == *"which leads order.placed.q, is killed"* && $output == *"each was reserved exactly once"* ]]
    cluster status
}

@test "storm on a cluster: the seed decides what fails, and for how long" {
    run -0 "$REPO/tests/stories/storm" --cluster --plan --seed 7 --rounds 300
    plan=$output
    [ "${#lines[@]}" -eq 300 ]
    for strike in 'kill-program order-place.h.' 'pause-program notify-worker.h.' 'kill-program order-cancel.h2' \
        'kill-program inventory-stock.h1' 'kill-program inventory-cancelled.h.' 'pause-program order-track.h.' \
        'kill b.' 'pause b.' 'cut b. b.' \
        'cut --one-way b. b.' 'cut h. d.' 'cut --one-way d. h.' 'cut [bdh].' promote 'kill primary' 'pause standby' \
        part 'part and restart'; do
        grep -qE "[:,] $strike(,|$)" <<<"$plan"
    done
    [ "$(grep -c ', .*, ' <<<"$plan")" -gt 30 ]
    run -0 "$REPO/tests/stories/storm" --cluster --plan --seed 7 --rounds 300
    [ "$output" = "$plan" ]
}

# The long one is make storm CLUSTER=1 ROUNDS=100.
@test "a storm on a cluster: nothing that was acknowledged is lost, the stock balances, every customer is told" {
    run "$REPO/tests/stories/storm" --cluster --rounds 2
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok  ' <<<"$output")" -ge 32 ]
    [[ $output =~ "lost 0, duplicated 0, unexpected 0" ]]
}

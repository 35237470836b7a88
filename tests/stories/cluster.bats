# scripts/cluster: three brokers and two databases, each a host of its own.

load ../support/cluster

# sql STATEMENT: on the primary, from a host of the cluster.
sql()
{
    cluster run h1 psql "$DATABASE_URL&connect_timeout=2" -AtXqc "$1"
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

@test "cluster kill, start: orders go on without the broker that led their queues, and it comes back" {
    local victim
    quorum_queues
    victim=$(leader "$PLACED_Q")
    start inventory cluster run h1 inventory-worker
    start notify cluster run h2 notify-worker
    eventually is_consumed "$PLACED_Q"
    start_fed place cluster run h1 order-place --retries 100
    orders 50 >&7
    eventually has_lines place.out 50
    cluster kill "$victim"
    orders 50 >&7
    exec 7>&-
    says_of "$victim" down
    PATIENCE=60 eventually has_lines place.out 100
    [ "$(grep -c PLACED place.out)" = 100 ]
    eventually customers_told 100
    run -1 cluster status
    cluster start "$victim"
    eventually cluster status
    cluster run "$victim" queue-inspect -u "amqp://guest:guest@127.0.0.1/$VHOST" --until-empty --timeout "$PATIENCE" "$PLACED_Q"
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
    eventually has_lines committed.out 10
    cluster kill d1
    cluster promote
    before=$(wc -l <committed.out)
    enough() { [ "$(wc -l <committed.out)" -ge $((before + 5)) ]; }
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

@test "all servers crash at once, and start together" {
    quorum_queues
    place_one b1 h1
    sql 'CREATE TABLE kept AS SELECT 1 AS n'
    cluster kill b1 b2 b3 d1 d2
    cluster start d2 d1 b3 b2 b1
    eventually cluster status
    AMQP_URL=$(url_of b2) queue-inspect --until 1 --timeout "$PATIENCE" "$PLACED_Q"
    [ "$(sql 'SELECT n FROM kept')" = 1 ]
}

@test "drill cluster: orders from two hosts, with data in files; a broker dies" {
    export AMQP_URL=$CLUSTER_URL
    run -0 --separate-stderr drill cluster --file
    [ "$(grep -c '^NO' <<<"$output")" = 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 10 ]
    [[ $output == *"which leads order.placed.q, is killed"* && $output == *"each was reserved exactly once"* ]]
    cluster status
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
    pids=$(processes)
    [ "$(wc -w <<<"$pids")" -gt 3 ]
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

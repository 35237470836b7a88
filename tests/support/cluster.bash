# shellcheck disable=SC2034,SC2154 # the tests use the variables that are set here, bats sets others
# For files of tests that share a cluster: see scripts/cluster. Each test starts with all of it up, and with a virtual host of its own on
# it; AMQP_URL has all brokers. Where there can be no cluster, the tests are skipped.

load ../support/helper

# why_no_cluster: prints why there can be none here; nothing if there can.
why_no_cluster()
{
    local postgres
    ((EUID == 0)) || { echo "needs root, for network namespaces" && return; }
    command -v ip >/dev/null || { echo "there is no ip" && return; }
    for postgres in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$postgres" ] || { echo "PostgreSQL is not installed" && return; }
    done
    unshare --net --mount sh -c 'ip link add left type veth peer name right && ip link add switch type bridge' 2>&1
}

setup_file()
{
    # A broker looks for the others every 30 s, and may miss them twice on a busy machine.
    export CLUSTER_HOME=$BATS_FILE_TMPDIR/cluster CLUSTER_TIMEOUT=150 NO_CLUSTER
    NO_CLUSTER=$(why_no_cluster)
    [ -z "$NO_CLUSTER" ] || return 0
    "$REPO/scripts/cluster" up
    "$REPO/scripts/cluster" status >"$BATS_FILE_TMPDIR/hosts"
    eval "$("$REPO/scripts/cluster" env)"
    SUITE_URL=${AMQP_URL%%,*}
    SUITE_API=${SUITE_URL/amqp/http}
    SUITE_API=http://${SUITE_URL##*@}
    SUITE_API=${SUITE_API%:*}:15672/
    # Of the programs only those that a test gives a database use it.
    export DATABASE_URL=$ORDER_STORE SUITE_URL SUITE_API CLUSTER_URL=$AMQP_URL
}

teardown_file()
{
    [ -n "$NO_CLUSTER" ] || "$REPO/scripts/cluster" down
}

setup()
{
    [ -z "$NO_CLUSTER" ] || skip "$NO_CLUSTER"
    isolate
    unset ORDER_QUEUE_TYPE ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
    AMQP_URL=$(url_of b1),$(url_of b2),$(url_of b3)
}

teardown()
{
    [ -z "$NO_CLUSTER" ] || return 0
    CLUSTER_HOME=$BATS_FILE_TMPDIR/cluster
    repair
    tidy
}

# repair: whatever a test has broken is whole again.
repair()
{
    ! cluster status >/dev/null || return 0
    cluster heal
    cluster resume b1 b2 b3 d1 d2
    cluster start b1 b2 b3 d1 d2
    ! PATIENCE=2 eventually cluster status >/dev/null 2>&1 || return 0
    # Brokers that hung for longer than a tick may each wait for the others for ever.
    cluster kill b1 b2 b3
    cluster start b1 b2 b3
    eventually cluster status
}

# address_of HOST
address_of()
{
    awk -v host="$1" '$1 == host { print $5 }' "$BATS_FILE_TMPDIR/hosts"
}

# url_of BROKER: prints its URL, with the virtual host of the test.
url_of()
{
    local urls number=${1#b}
    IFS=, read -ra urls <<<"$CLUSTER_URL"
    echo "${urls[number - 1]}/$VHOST"
}

# says_of HOST TEXT: does the host's line of cluster status have it?
says_of()
{
    local said
    said=$(cluster status) || true
    grep -q "^$1 .*$2" <<<"$said" || { echo "$said" && return 1; }
}

# quorum_queues: declares the queues as quorum queues, with a member on each broker.
quorum_queues()
{
    local letters='"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq",
        "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"'
    queue "$DEAD_Q" "$(endless)"
    queue "$PLACED_Q" "$(endless "{$letters}")"
    queue "$RESERVED_Q" "$(endless)"
    queue "$FAILED_Q" "$(endless)"
    # Exchanges and bindings.
    topology
}

# leader QUEUE: prints the broker on which its leader is.
leader()
{
    api GET "queues/$VHOST/$1" | jq -r '.leader | split("@")[0]'
}

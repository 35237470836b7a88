# The programs on a cluster of three brokers: quorum queues whose leader dies, hangs or is without a majority, and classic queues whose
# node is down. What a single node can show is in tests/programs/quorum.bats.

load ../support/cluster

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

# rejoin BROKERS...: starts brokers that hung for so long that the others gave them up: only so they surely find together again.
rejoin()
{
    local broker
    for broker in "$@"; do
        cluster kill "$broker"
    done
    for broker in "$@"; do
        cluster start "$broker"
    done
}

# receipts N STATUS: has order-place told so of N orders?
receipts()
{
    [ "$(jq -r .status place.out | sort | uniq -c | xargs)" = "$1 $2" ]
}

@test "cluster: the leader dies while orders flow: all are placed and reserved, and --health warns; with it back all is well" {
    local victim other=b1
    declare_quorum
    victim=$(leader "$PLACED_Q")
    [ "$victim" != b1 ] || other=b2
    start_workers
    start_fed place order-place
    orders 200 >&7
    eventually has_lines place.out 200
    cluster kill "$victim"
    orders 200 >&7
    exec 7>&-
    finish -0 "$PID"
    receipts 400 PLACED
    SUITE_URL=$(url_of "$other")
    eventually customers_told 401
    [ "$(jq -r .order_id inventory.out | sort -u | wc -l)" = 401 ]

    warns()
    {
        MANAGEMENT_URL=$(api_of "$other") queue-inspect --health --url "$(url_of "$other")" |
            jq -e --arg queue "'$PLACED_Q'" '.checks.quorum == {ok: true, warning: "\($queue) hangs by one node: 2 of 3 nodes online"}'
    }
    eventually warns
    run -0 env MANAGEMENT_URL="$(api_of "$other")" queue-inspect --format table --url "$(url_of "$other")" "$PLACED_Q"
    [[ ${lines[1]} =~ \ 2/3\ b ]]
    cluster start "$victim"
    whole()
    {
        MANAGEMENT_URL=$(api_of "$other") queue-inspect --health | jq -e '.checks.quorum == {ok: true}'
    }
    eventually whole
}

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

@test "cluster: a broker that hangs: after --confirm-timeout orders go to the next one" {
    declare_quorum
    start_fed place order-place --confirm-timeout 2 --url "$(url_of b1),$(url_of b2),$(url_of b3)"
    order >&7
    eventually has_lines place.out 1
    cluster pause b1
    order >&7
    eventually has_lines place.out 2
    exec 7>&-
    finish -0 "$PID"
    rejoin b1
    receipts 2 PLACED
    grep -q "lost the broker '$(address_of b1):5672' (publishing): no confirm for 2 s$" place.err
    grep -q "connected to the broker '$(address_of b2):5672' (publishing)$" place.err
}

@test "cluster: without a majority nothing is confirmed: the order is kept, 75; with one again it is placed" {
    declare_quorum
    order >input
    cluster pause b2
    cluster pause b3
    run -75 --separate-stderr order-place --confirm-timeout 1 --retries 2 --url "$(url_of b1)" <input
    [ "$(jq -r .status <<<"$output")" = PENDING ]
    grep -qE 'no confirm for 1 s|has no leader' <<<"$stderr"
    rejoin b2 b3
    run -0 --separate-stderr order-place --flush
    [ "$(jq -r .status <<<"$output")" = PLACED ]
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

# shellcheck shell=bash
# What the tests of dlq-replay share: dead letters, made and counted, and all that is in helper.bash.

# shellcheck source=tests/support/helper.bash
source "${BASH_SOURCE[0]%/*}/helper.bash"

setup()
{
    isolate
    topology
}

# letters JQ-PROGRAM [JQ-OPTIONS]: puts envelopes into their queues: {letter: ...} is an order that died in order.placed.q.
letters()
{
    local program=$1
    shift
    jq -nc "$@" --arg dead "$DEAD_Q" '
        def died($queue; $reason; $exchange; $key; $time): {"x-death": [{exchange: $exchange, queue: $queue, reason: $reason,
            "routing-keys": [$key], count: 1, time: {amqp: "timestamp", value: $time}}]};
        def order($id): {event_type: "OrderPlaced", order_id: $id, user_id: "u", restaurant_id: "r", items: [{sku: "s", qty: 1}]};
        def letter($body; $reason; $time): {queue: $dead, properties: {type: "t"},
            headers: died("order.placed.q"; $reason; "orders-ex"; "order.placed"; $time), body: $body};
        def letter($body): letter($body; "rejected"; 1700000000);
        '"$program" | dlq-replay --from - >restored
    [ "$(grep -vc '"fate":"restored"' restored)" = 0 ]
}

# numbered N: letters of which the body is {"n": 1} to {"n": N}.
numbered()
{
    # shellcheck disable=SC2016 # expanded by jq
    letters 'range($n) | letter({n: (. + 1)})' --argjson n "$1"
    eventually holds "$DEAD_Q" "$1"
}

# numbers QUEUE...: the n of all that is there.
numbers()
{
    local queue
    for queue in "$@"; do
        dlq-replay --queue "$queue" --list | jq .body.n
    done
}

# is_exactly N QUEUE...: each of the letters 1 to N is in one of the queues; is_at_least N: in one or more.
is_exactly()
{
    local n=$1
    shift
    eventually nobody_holds "$@"
    [ "$(numbers "$@" | sort -n | cksum)" = "$(seq "$n" | cksum)" ]
}

is_at_least()
{
    local n=$1
    shift
    eventually nobody_holds "$@"
    [ "$(numbers "$@" | sort -nu | cksum)" = "$(seq "$n" | cksum)" ]
}

nobody_holds()
{
    queue-inspect "$@" | jq -es 'all(.consumers == 0)'
}

# fates: how many of each are in $output, which run has set.
fates()
{
    # shellcheck disable=SC2154
    jq -rs 'group_by(.fate) | map("\(length) \(.[0].fate)") | join(", ")' <<<"$output"
}

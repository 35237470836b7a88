# Users with few rights: an administrator declares what there is, and each program runs with the rights of the table in
# order-tools(7), and may declare nothing.

load ../support/helper

# What the user may configure, write and read who declares the workflow.
ALL='^(orders-ex|orders-dlx|inventory-ex|order\\.[a-z.]+|inventory\\.[a-z]+\\.q)$'

# declare [QUEUE...]: as an administrator who may do that alone.
declare_workflow()
{
    reduced_user "$ALL" "$ALL" "$ALL"
    queue-inspect --declare "$@"
}

@test "--declare makes exchanges, queues and bindings, the optional ones that are named, and what is there stays" {
    run -0 --separate-stderr declare_workflow
    diff <(jq -r .queue <<<"$output") <(printf '%s\n' "$PLACED_Q" "$DEAD_Q" "$RESERVED_Q" "$FAILED_Q")
    [ -z "$stderr" ]
    [ "$(queues_now | jq length)" -eq 4 ]
    run -0 queue-inspect --check-topology --api "$SUITE_API"
    # Again, with others, as quorum queues; those that are there are as they were.
    run -0 --separate-stderr queue-inspect --declare --queue-type quorum order.cancelled.q order.outcome.q inventory.released.q
    [ "$(jq -r .queue <<<"$output" | paste -sd ' ')" = 'order.cancelled.q order.outcome.q inventory.released.q' ]
    [ "$(queues_now | jq -r '[.[] | select(.type == "quorum").name] | sort | join(" ")')" = \
        'inventory.released.q order.cancelled.q order.outcome.q' ]
    [ "$(api GET "bindings/$VHOST" | jq '[.[] | select(.source != "")] | length')" -eq 10 ]
    run -0 queue-inspect --check-topology
}

@test "--declare says what its user may not do: 77; a name that is none of ours: 64" {
    reduced_user '' '' '.*'
    run -77 --separate-stderr queue-inspect --declare --retries 1
    [[ $stderr == *"cannot declare an exchange: "*ACCESS_REFUSED* ]]
    # It may make all but the bindings of one exchange.
    reduced_user "$ALL" '^(orders-dlx|order.*|inventory.*)$' '^(orders-dlx|orders-ex|order.*)$'
    run -77 --separate-stderr queue-inspect --declare --retries 1
    [[ $stderr == *"the user may not bind the queue '$RESERVED_Q' to the exchange 'inventory-ex'"* ]]
    run -64 --separate-stderr queue-inspect --declare mine.q
    [[ $stderr == "queue-inspect: --declare makes queues of the workflow, and 'mine.q' is none: "* ]]
    run -64 --separate-stderr queue-inspect --queue-type quorum
}

# may WRITE READ: from now on the user has these rights, and no right to configure.
may()
{
    reduced_user '' "$1" "$2"
}

# publish_bad EXCHANGE KEY: a message that is no JSON, by somebody else.
publish_bad()
{
    api POST "exchanges/$VHOST/$1/publish" "{\"properties\": {}, \"routing_key\": \"$2\", \"payload\": \"{\", \"payload_encoding\": \"string\"}" |
        jq -e .routed
}

@test "the workflow runs with users who have the rights of the table, and may declare nothing" {
    declare_workflow order.outcome.q >/dev/null
    may '^orders-ex$' ''
    orders 3 | order-place >receipts
    [ "$(jq -r .status receipts | sort | uniq -c | xargs)" = '3 PLACED' ]
    publish_bad orders-ex order.placed

    may '^inventory-ex$' '^order\\.placed\\.q$'
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    [ "${#lines[@]}" -eq 3 ]

    may '^orders-dlx$' '^order\\.outcome\\.q$'
    run -0 --separate-stderr order-track --idle-timeout 1
    [ "${#lines[@]}" -eq 3 ]

    may '^orders-dlx$' '^inventory\\.reserved\\.q$'
    publish_bad inventory-ex inventory.reserved
    run -0 --separate-stderr notify-worker --idle-timeout 1
    [ "${#lines[@]}" -eq 3 ]
    holds "$DEAD_Q" 2

    may '^(orders-ex|inventory-ex|orders-dlx)$' '^order\\.placed\\.dlq$'
    run -0 --separate-stderr dlq-replay --list
    [ "${#lines[@]}" -eq 2 ]
    run -0 --separate-stderr dlq-replay
    [ "${#lines[@]}" -eq 2 ]
    eventually holds "$PLACED_Q" 1

    # Looking takes a right to read only with a newer broker, or to look into a queue.
    may '' '.*'
    run -0 --separate-stderr queue-inspect
    [ "$(jq .ready <<<"$output" | paste -sd ' ')" = '1 0 1 0' ]
    run -0 --separate-stderr queue-inspect --until-empty --timeout 20 "$FAILED_Q"
    run -0 --separate-stderr queue-inspect --peek 1 "$RESERVED_Q"
    # Nothing was declared by any of them.
    [ "$(queues_now | jq length)" -eq 5 ]

    # The same with what ends an order.
    declare_workflow order.cancelled.q >/dev/null
    may '^orders-ex$' ''
    run -0 --separate-stderr order-cancel < <(head -n 1 receipts)
    [ "$(jq -r .status <<<"$output")" = CANCELLING ]
    may '^inventory-ex$' '^order\\.cancelled\\.q$'
    run -0 --separate-stderr inventory-worker --cancelled --idle-timeout 1
    [ "$(jq -r .event_type <<<"$output")" = InventoryReleased ]
}

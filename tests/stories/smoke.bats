# The workflow from end to end.

load ../support/helper

@test "an order is placed, reserved and notified" {
    run -0 --separate-stderr order-place <"$DATA/order.json"
    id=$(jq -r .order_id <<<"$output")
    [ "$(jq -r .status <<<"$output")" = PLACED ]

    run -0 --separate-stderr inventory-worker --count 1
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output")" = "InventoryReserved $id" ]
    [[ $stderr == *"[inventory] reservation OK for $id"*"[inventory] published InventoryReserved for $id"* ]]

    run -0 --separate-stderr notify-worker --count 1
    [ "$(jq -r .order_id <<<"$output")" = "$id" ]
    [[ $stderr == *"[notify] Order confirmed: $id"* ]]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
}

@test "only the program that speaks HTTP loads libcurl" {
    local program
    for program in "$REPO"/bin/*; do
        [ "$(ldd "$program" | grep -c libcurl)" -eq "$([ "${program##*/}" = queue-inspect ] && echo 1 || echo 0)" ]
    done
}

# Stock levels: set, added to, shown; and moved by reservations, all of an order or none.

load ../support/helper

setup()
{
    isolate
    topology
}

levels()
{
    inventory-stock </dev/null | jq -sc 'map([.sku, .on_hand, .reserved])'
}

# place ITEMS-JSON...: an order of each, and what became of them, a word each.
outcomes()
{
    local items
    for items in "$@"; do
        printf '{"user_id":"u","restaurant_id":"r","items":%s}\n' "$items"
    done | order-place >/dev/null
    inventory-worker --idle-timeout 0 2>/dev/null >events
    jq -r .event_type events | tr '\n' ' '
}

@test "levels are set, and added to; each is printed with its new value" {
    run -0 --separate-stderr inventory-stock <<<'{"sku":"burger","on_hand":5}
        {"sku":"fries","on_hand":0} {"on_hand":1000000000000,"sku":"soda"}'
    [ "$output" = '{"sku":"burger","on_hand":5,"reserved":0}
{"sku":"fries","on_hand":0,"reserved":0}
{"sku":"soda","on_hand":1000000000000,"reserved":0}' ]
    run -0 inventory-stock --add <<<'{"sku":"burger","on_hand":3}{"sku":"burger","on_hand":-8}{"sku":"new","on_hand":2}'
    [ "$output" = '{"sku":"burger","on_hand":8,"reserved":0}
{"sku":"burger","on_hand":0,"reserved":0}
{"sku":"new","on_hand":2,"reserved":0}' ]
    [ "$(levels)" = '[["burger",0,0],["fries",0,0],["new",2,0],["soda",1000000000000,0]]' ]
}

@test "the levels it prints can be set again: output is input" {
    inventory-stock <<<'{"sku":"b","on_hand":7}{"sku":"a \"quoted\" é","on_hand":3}' >/dev/null
    inventory-stock </dev/null >levels
    other_store
    run -0 inventory-stock <levels
    [ "$output" = "$(cat levels)" ]
}

@test "invalid levels are refused one by one, with the reason" {
    local bad
    while IFS= read -r bad; do
        run -65 --separate-stderr inventory-stock <<<"$bad"
        [ "$output" = "" ] || { echo "taken: $bad"; false; }
        [[ $stderr == "inventory-stock: input 1 (line 1): "* ]]
    done <<'END'
{"sku":"a"}
{"on_hand":1}
{"sku":"","on_hand":1}
{"sku":5,"on_hand":1}
{"sku":"a\u001b","on_hand":1}
{"sku":"a","on_hand":-1}
{"sku":"a","on_hand":1.5}
{"sku":"a","on_hand":"1"}
{"sku":"a","on_hand":1000000000001}
{"sku":"a","on_hand":1e400}
{"sku":"a","on_hand":1e-400}
{"sku":"a","on_hand":0.99999999999999999999}
{"sku":"a","on_hand":-0.00000000000000000001}
{"sku":"a","on_hand":1000000000000.0000001}
{"sku":"a","sku":"b","on_hand":1}
[]
no JSON
END
    run -65 --separate-stderr inventory-stock --add <<<'{"sku":"a","on_hand":-1}{"sku":"b","on_hand":1}'
    [ "$output" = '{"sku":"b","on_hand":1,"reserved":0}' ]
    [ "$(levels)" = '[["b",1,0]]' ]
}

@test "a reservation moves stock from on hand to reserved; too little stock fails the order, with the wanted and the available quantity" {
    inventory-stock <<<'{"sku":"burger","on_hand":5}' >/dev/null
    [ "$(outcomes '[{"sku":"burger","qty":2}]' '[{"sku":"burger","qty":3}]' '[{"sku":"burger","qty":1}]')" = \
        "InventoryReserved InventoryReserved InventoryFailed " ]
    [ "$(jq -r 'select(.reason) | .reason' events)" = "sku 'burger': wanted 1, available 0" ]
    [ "$(levels)" = '[["burger",0,5]]' ]
}

@test "all items of an order or none; items of one sku count together; a sku without a level is not limited" {
    inventory-stock <<<'{"sku":"burger","on_hand":5}{"sku":"fries","on_hand":1}' >/dev/null
    [ "$(outcomes '[{"sku":"burger","qty":2},{"sku":"fries","qty":2}]' '[{"sku":"burger","qty":3},{"sku":"burger","qty":3}]' \
        '[{"sku":"burger","qty":3},{"sku":"lemonade","qty":5},{"sku":"burger","qty":2}]')" = \
        "InventoryFailed InventoryFailed InventoryReserved " ]
    [ "$(jq -r 'select(.reason) | .reason' events)" = "sku 'fries': wanted 2, available 1
sku 'burger': wanted 6, available 5" ]
    [ "$(levels)" = '[["burger",0,5],["fries",1,0]]' ]
}

@test "changing stock while workers run is safe: no stock is reserved twice, and none is lost" {
    local i put_in
    inventory-stock <<<'{"sku":"burger","on_hand":0}' >/dev/null
    start one inventory-worker
    start two inventory-worker
    jq -nc 'range(400) | {user_id: "u", restaurant_id: "r", items: [{sku: "burger", qty: (1 + . % 3)}]}' >orders
    order-place <orders >/dev/null &
    for ((i = 0; i < 40; i++)); do
        inventory-stock --add <<<'{"sku":"burger","on_hand":10}' >/dev/null
    done
    wait "$!"
    decided()
    {
        [ "$(cat one.out two.out | wc -l)" = 400 ]
    }
    eventually decided
    put_in=$(levels | jq '.[0] | .[1] + .[2]')
    [ "$put_in" = 400 ]
    [ "$(levels | jq '.[0][2]')" = "$(cat one.out two.out | jq -s 'map(select(.event_type == "InventoryReserved").items[0].qty) | add // 0')" ]
}

# a_day_later: all that was decided was decided a day ago.
a_day_later()
{
    if on_postgresql; then
        in_database "UPDATE order_tools.reservations SET decided_at = decided_at - interval '1 day'"
    else
        sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" "UPDATE handled SET at = at - 86400000"
    fi
}

@test "--retain forgets orders that were handled long enough ago, and no others; a late copy of one is then a new order" {
    publish_placed one two three
    inventory-worker --idle-timeout 0 >/dev/null 2>&1
    publish orders-ex order.placed "$(event one)"
    run -0 --separate-stderr inventory-worker --idle-timeout 0 --retain 1
    [ "$stderr" = "[inventory] duplicate ignored: one" ]
    a_day_later
    publish orders-ex order.placed "$(event four)"
    run -0 --separate-stderr inventory-worker --idle-timeout 0 --retain 1
    # As soon as that, a copy may come because the connection was lost.
    run -64 inventory-worker --idle-timeout 0 --retain 0
    [ "${lines[0]}" = "inventory-worker: --retain: '0' is not a number from 1 to 36500" ]
    publish orders-ex order.placed "$(event one)"
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "${stderr_lines[0]}" = "[inventory] reservation OK for one" ]
}

@test "errors of output, ledger and command line are reported" {
    run -74 --separate-stderr sh -c "inventory-stock <<'END' >/dev/full
{\"sku\":\"a\",\"on_hand\":1}
END"
    [ "$(levels)" = '[["a",1,0]]' ]
    INVENTORY_LEDGER=$DATA/order.json run -73 --separate-stderr inventory-stock </dev/null
    [[ $stderr == *"file is not a database"* ]]
    run -64 inventory-stock burger </dev/null
    run -64 inventory-stock --subtract </dev/null
    run -0 inventory-stock --help
    run -65 --separate-stderr inventory-stock </
    [ -z "$output" ]
    [ "$stderr" = 'inventory-stock: cannot read standard input: Is a directory' ]
    run -65 --separate-stderr inventory-stock < <(printf '{"sku": "a", "on_hand": 1, "note": "%04096d"}' 0)
    [ "$stderr" = 'inventory-stock: input 1 (line 1): too large' ]
}

@test "after a failure that ends the reading of input, a message says where to go on" {
    local next
    seq -f '{"sku":"sku-%.0f","on_hand":7}' 1 20000 >input
    # Nobody reads: what was set is all that was read, and tried to be told.
    run -74 --separate-stderr bash -c 'inventory-stock <input >/dev/full'
    next=$(($(levels | jq length) + 1))
    [ "$next" -gt 1000 ]
    [ "$next" -lt 20000 ]
    [ "${stderr_lines[0]}" = 'inventory-stock: cannot write standard output: No space left on device' ]
    [ "${stderr_lines[1]}" = "inventory-stock: nothing from input $next (line $next) on was set" ]
    about_files
    rm -r "$XDG_STATE_HOME"
    # No file may grow beyond 1 MiB, and SIGXFSZ is ignored.
    run -73 --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 1024; exec inventory-stock <input | cat; exit "${PIPESTATUS[0]}"'
    next=$(($(levels | jq length) + 1))
    [ "$next" -eq $((${#lines[@]} + 1)) ]
    [[ $stderr == *"inventory-stock: nothing from input $next (line $next) on was set" ]]
}

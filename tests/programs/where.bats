# Which of several stores a program uses: --where, programs that only show make none, and a word on stock that nobody works with.

load ../support/helper

@test "--where prints the file of a program, and makes nothing" {
    local program file
    unset ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
    while read -r program file; do
        run -0 --separate-stderr "$program" --where
        [ "$output" = "$XDG_STATE_HOME/order-tools/$file" ]
        [ -z "$stderr" ]
    done <<'END'
order-place orders.db
order-show orders.db
order-cancel orders.db
order-track orders.db
order-http orders.db
inventory-worker ledger.db
inventory-stock ledger.db
notify-worker notices.db
END
    [ ! -e "$XDG_STATE_HOME" ]
    # A relative name is of the folder that the program is in.
    ORDER_STORE=some/orders run -0 order-place --where
    [ "$output" = "$PWD/some/orders" ]
    run -73 --separate-stderr env -u XDG_STATE_HOME -u HOME order-place --where
    [ "$stderr" = 'order-place: nothing says where to keep data: set ORDER_STORE, XDG_STATE_HOME or HOME' ]
    run -74 --separate-stderr bash -c 'order-place --where >/dev/full'
}

@test "--where names a database without user and password, and connects to none" {
    NOTIFY_LEDGER='postgresql://u:secret@127.0.0.1:1,other/notes?password=secret' run -0 --separate-stderr notify-worker --where
    [ "$output" = 'PostgreSQL 127.0.0.1:1,other/notes' ]
    [ -z "$stderr" ]
    ORDER_STORE='mysql://u:secret@h/x' run -73 --separate-stderr order-show --where
    [ "$stderr" = 'order-show: ORDER_STORE is a URL, but not one of PostgreSQL: these begin with postgresql://' ]
    ORDER_STORE='user=u password=secret dbname=x' run -73 --separate-stderr order-show --where
    [ "$stderr" = 'order-show: ORDER_STORE is a connection string of PostgreSQL: write it as a URI, postgresql://...' ]
    INVENTORY_LEDGER='mysql://u:secret@h/x' run -1 --separate-stderr queue-inspect --health
    [[ $(jq -r .checks.outbox.detail <<<"$output") == 'the ledger cannot be used'* ]]
    [ "$stderr" = 'queue-inspect: INVENTORY_LEDGER is a URL, but not one of PostgreSQL: these begin with postgresql://' ]
    ORDER_STORE='postgresql://u:secret@[h/x' run -73 --separate-stderr order-show --where
    [[ $stderr != *secret* ]]
}

@test "inventory-stock that shows makes no ledger: 73" {
    run -73 --separate-stderr inventory-stock </dev/null
    [ -z "$output" ]
    [ ! -e "$XDG_STATE_HOME" ]
    # Nor does input of which nothing can be set.
    run -65 --separate-stderr inventory-stock <<<'{"sku":"s"} {"on_hand":1}'
    diff <(echo "$stderr") - <<'END'
inventory-stock: input 1 (line 1): on_hand is missing
inventory-stock: input 2 (line 1): sku is missing
END
    run -73 --separate-stderr inventory-stock </dev/null
    run -0 --separate-stderr inventory-stock <<<'{"sku":"s","on_hand":1}'
    run -0 --separate-stderr inventory-stock </dev/null
    [ "$output" = '{"sku":"s","on_hand":1,"reserved":0}' ]
}

# set_on_terminal: what is seen of setting a level at a terminal.
set_on_terminal()
{
    script -qec "echo '{\"sku\":\"s\",\"on_hand\":1}' | inventory-stock" /dev/null </dev/null | tr -d '\r'
}

@test "stock that is set into a ledger without a worker is worth a word, on a terminal only" {
    run -0 --separate-stderr inventory-stock <<<'{"sku":"s","on_hand":1}'
    [ -z "$stderr" ]
    run -0 set_on_terminal
    [ "${lines[1]}" = "inventory-stock: no inventory-worker has this ledger open now: $(inventory-stock --where)" ]
    start worker inventory-worker
    eventually queue_consumers "$PLACED_Q" 1
    run -0 set_on_terminal
    [ "$output" = '{"sku":"s","on_hand":1,"reserved":0}' ]
    ends -0 "$PID" TERM
}

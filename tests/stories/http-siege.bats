# order-http under attack: whatever others do, the order of another client is placed within a second.

load ../support/http

setup()
{
    isolate
    CLIENT=$REPO/tests/support/client.py
    ATTACKERS=()
    POST='POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
}

# attack NAME KIND N TEXT [OPTIONS]: N clients of that kind of client.py, which send the text with the escapes of printf, or the file that
# is named after an @.
attack()
{
    case $4 in
        @*) cp "${4#@}" "$1.text" ;;
        *) printf '%b' "$4" >"$1.text" ;;
    esac
    start "$1" /usr/bin/python3 "$CLIENT" "$2" "$PWD/socket" "$3" "${@:5}" <"$1.text"
    ATTACKERS+=("$PID")
    eventually grep -q there "$1.out"
}

# nobody_is_hurt: ten orders, one after the other, each PLACED within a second, or more on a busy machine.
nobody_is_hurt()
{
    local i most
    most=$(slowness)
    for ((i = 0; i < 10; i++)); do
        place_http "$(order)" --max-time "$most"
        is_receipt PLACED || return
    done
    ask "/order/$id" --max-time "$most"
    [ "$code" = 200 ]
}

# cease: the attackers leave.
cease()
{
    local each
    for each in "${ATTACKERS[@]}"; do
        ends -0 "$each" TERM 20
    done
    ATTACKERS=()
}

# stalled_body: a body of 1 MiB, without its last byte.
stalled_body()
{
    printf '%bContent-Length: 1048576\r\n\r\n' "$POST"
    head -c 1048575 /dev/zero | tr '\0' ' '
}

# flood: chunks past the limit.
flood()
{
    printf '%bTransfer-Encoding: chunked\r\n\r\n' "$POST"
    for ((i = 0; i < 40; i++)); do
        printf '10000\r\n%s\r\n' "$1"
    done
}

@test "stalled bodies, that fill the room for all bodies again and again, and bodies that drip" {
    start_http
    eventually http_ready
    stalled_body >stalled
    attack stall again 80 @stalled --stay 4
    attack drip crowd 200 "${POST}Content-Length: 100000\r\n\r\n{" --drip 0.1
    nobody_is_hurt
    sleep 1.2
    nobody_is_hurt
    cease
    # The room was full indeed, and those that were slowest had to go.
    grep -q '503:' stall.out
    nobody_is_hurt
    stored 30 PLACED
}

@test "chunks past the limit, requests by the hundred on a connection, two lengths, and what is no HTTP" {
    start_http
    eventually http_ready
    flood "$(head -c 65536 /dev/zero | tr '\0' ' ')" >flooded
    # shellcheck disable=SC2059 # with its escapes
    printf 'GET /orders HTTP/1.1\r\nHost: x\r\n\r\n%.0s' $(seq 300) >pipelined
    head -c 100000 /dev/urandom >noise
    attack flood again 4 @flooded
    attack pipeline again 4 @pipelined
    attack lengths again 2 "${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    attack noise again 2 @noise
    attack smuggle again 2 "${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    nobody_is_hurt
    cease
    grep -q '413:' flood.out
    grep -q '400:' lengths.out
    grep -q '400:' smuggle.out
    run -1 grep smuggled http.err
    stored 10 PLACED
}

@test "2,000 idle connections, headers that drip, and a hundred clients that never read a long list" {
    ((SOFT = $(ulimit -Hn), SOFT > 3000)) || skip "not so many files may be open"
    other_store
    orders 20000 | order-place --url amqp://127.0.0.1:1 --retries 1 >/dev/null 2>&1 || [ $? -eq 75 ]
    # They are listed, and not published: they are another run's, which has not ended.
    start_http
    eventually stored 0 PENDING
    attack idle crowd 2000 ''
    attack drip crowd 400 'GET /health HTTP/1.1\r\nX: ' --drip 0.1
    attack deaf crowd 100 'GET /orders HTTP/1.1\r\nHost: x\r\n\r\n' --small
    nobody_is_hurt
    # Nothing is spent on them.
    before=$(awk '{ print $14 + $15 }' "/proc/$HTTP/stat")
    sleep 1
    after=$(awk '{ print $14 + $15 }' "/proc/$HTTP/stat")
    [ $((after - before)) -lt $(($(getconf CLK_TCK) / 2)) ]
    cease
    nobody_is_hurt
    stored 20020 PLACED
}

@test "clients that leave: within a header, a body, or while they wait for the answer: the order of the last goes on" {
    start_http
    eventually http_ready
    attack header again 4 'POST /order HT' --stay 0.05
    attack body again 4 "${POST}Content-Length: 100\r\n\r\n{\"user_id\":" --stay 0.05
    attack list again 4 'GET /orders HTTP/1.1\r\nHost: x\r\n\r\n' --stay 0.05
    nobody_is_hurt
    cease
    stored 10 PLACED
    whole=$(order 5)
    attack whole again 4 "${POST}Content-Length: ${#whole}\r\n\r\n$whole" --stay 0.001
    nobody_is_hurt
    cease
    none_pending()
    {
        stored 0 PENDING
    }
    eventually none_pending
    diff <(order-show --all | ids | sort) <(drain "$PLACED_Q" | jq -r .properties.correlation_id | sort -u)
    finish -0 "$HTTP" TERM
}

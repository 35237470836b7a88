# order-http before clients that are malformed, slow, many, or not there to listen.

load ../support/http

setup()
{
    isolate
    CLIENT=$REPO/tests/support/client.py
    SOCKET=$BATS_TEST_TMPDIR/socket
    SMUGGLED='GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    HEALTH='GET /health HTTP/1.1\r\nHost: x\r\n\r\n'
}

# send TEXT [OPTIONS]: sends it, with the escapes of printf. The answers go to the file answers.
send()
{
    local text=$1
    shift
    printf '%b' "$text" | /usr/bin/python3 "$CLIENT" send "$SOCKET" "$@" >answers
}

# answered N CODE: are there N answers, the first of them with this code?
answered()
{
    if [ "$(grep -ac '^HTTP/1.1 ' answers)" = "$1" ] && head -1 answers | grep -q "^HTTP/1.1 $2 "; then return 0; fi
    head -c 2000 answers | cat -A
    return 1
}

# is_quick: another client gets its answer at once.
is_quick()
{
    local most
    most=$(slowness)
    ask /health --max-time "$most"
    [ "$code" = 200 ]
}

# crowd N TEXT [OPTIONS]: N clients that have sent this.
crowd()
{
    printf '%b' "$2" >text
    start crowd /usr/bin/python3 "$CLIENT" crowd "$SOCKET" "$1" "${@:3}" <text
    crowd=$PID
    eventually grep -q there crowd.out
}

# cpu_ms: the time that order-http has used so far.
cpu_ms()
{
    local stat
    stat=$(cat "/proc/$HTTP/stat")
    # shellcheck disable=SC2086 # fields
    set -- ${stat##*) }
    echo $(((${12} + ${13}) * 10))
}

@test "a header that others may read otherwise: 400, and nothing that follows is a request" {
    start_http
    while IFS='|' read -r name request; do
        echo "$name"
        send "$request$SMUGGLED"
        answered 1 400
        grep -aq '"status": 400' answers
    done <<'TABLE'
two lengths|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\n
two lengths that are equal|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n
a length and chunks|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
chunks and a length|POST /order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
two encodings|POST /order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n
chunks in HTTP/1.0|POST /order HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
a line that ends without CR|GET /health HTTP/1.1\r\nHost: x\nX: y\r\n\r\n
a header that ends without CR|GET /health HTTP/1.1\r\nHost: x\r\n\n
no CR at all|GET /health HTTP/1.1\nHost: x\n\n
two hosts|GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n
TABLE
    ! grep smuggled http.err || false
}

@test "what is no HTTP: refused, and the connection ends" {
    start_http
    while IFS='|' read -r name request; do
        echo "$name"
        send "$request$SMUGGLED"
        ! grep -aq '^HTTP/1.1 2' answers || { cat -A answers && false; }
    done <<'TABLE'
an encoding that there is none|POST /order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n
a list of lengths|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n
a negative length|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n
a length beyond all bounds|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n
white space before a colon|POST /order HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n
no colon|GET /health HTTP/1.1\r\nHost: x\r\nwhat\r\n\r\n
no host|GET /health HTTP/1.1\r\n\r\n
a NUL in a value|GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n
a NUL in the path|GET /health\0/x HTTP/1.1\r\nHost: x\r\n\r\n
a CR in a value|GET /health HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n
two spaces|GET  /health HTTP/1.1\r\nHost: x\r\n\r\n
HTTP/0.9|GET /health\r\n\r\n
HTTP/2|PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
TLS|\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n
TABLE
    ! grep smuggled http.err || false
    is_quick
}

@test "a body in chunks ends the connection: among them libmicrohttpd takes what others may not" {
    start_http
    for chunks in '5\r\nhello\r\n0\r\n\r\n' '5\nhello\n0\n\n' '5\r\nhello\r\n0\r\nContent-Length: 60\r\n\r\n'; do
        send "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n$chunks$SMUGGLED"
        answered 1 200
        grep -aqi '^Connection: close' answers
    done
    ! grep smuggled http.err || false
}

@test "HEAD of a list: nothing comes after its header, in which libmicrohttpd would end chunks that there are not" {
    start_http
    send "HEAD /orders HTTP/1.1\r\nHost: x\r\n\r\n$HEALTH"
    answered 1 200
    [ "$(tail -c 4 answers | od -An -tx1)" = ' 0d 0a 0d 0a' ]
    ! grep -aq '^0' answers || false
}

@test "a request in pieces, one with an absolute target, and of a client that has shut down its end" {
    start_http
    run -3 send "$HEALTH" --drip 0.01
    answered 1 200
    run -3 send "GET http://shop.example/health?x=y HTTP/1.1\r\nHost: x\r\n\r\n"
    answered 1 200
    run -3 send '\r\nHEAD /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'"$HEALTH"
    answered 2 200
    send 'GET /health HTTP/1.0\r\n\r\n'
    answered 1 200
    send "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" --half
    answered 1 200
}

@test "fields of one name are one field" {
    start_http
    place_http "$(order)"
    id=$(jq -r .order_id body)
    ask "/order/$id"
    etag=$(field ETag)
    fields='Host: x\r\nConnection: close\r\n'
    send "GET /order/$id HTTP/1.1\r\n${fields}Accept: text/html\r\nAccept: application/json\r\n\r\n"
    answered 1 200
    send "GET /order/$id HTTP/1.1\r\n${fields}If-None-Match: \"x\"\r\nIf-None-Match: ${etag}\r\n\r\n"
    answered 1 304
}

@test "white space behind a value is not part of it" {
    ! pkg-config --atleast-version 1.0 libmicrohttpd || skip 'libmicrohttpd 1.0 drops it so that the header looks forged: 400'
    (umask 077 && echo a-token-of-a-client >tokens)
    start_http --token-file tokens
    fields='Host: x\r\nConnection: close\r\nAuthorization: Bearer a-token-of-a-client \t\r\n'
    body=$(order)
    send "POST /order HTTP/1.1\r\n${fields}Content-Type: application/json\t\r\nContent-Encoding: identity \r\nIdempotency-Key: key \t \r\nContent-Length: ${#body}\r\n\r\n$body"
    answered 1 202
    place_http "$body" -H 'Authorization: Bearer a-token-of-a-client' -H 'Idempotency-Key: key'
    [ "$code" = 202 ]
    stored 1
    id=$(jq -r .order_id body)
    ask "/order/$id" -H 'Authorization: Bearer a-token-of-a-client'
    etag=$(field ETag)
    send "GET /order/$id HTTP/1.1\r\n${fields}If-None-Match: ${etag} \r\n\r\n"
    answered 1 304
}

@test "who leaves together with the last bytes that it sends is let go" {
    start_http --header-timeout 60 --body-timeout 60 --idle-timeout 60
    post='POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    for text in 'POST /or' "$post" "${post}Content-Length: 65\r\n\r\n{" "${post}Transfer-Encoding: chunked\r\n\r\n41\r\n{" "$HEALTH" "$HEALTH$post"; do
        printf '%b' "$text" >text
        # Both are there when it looks.
        kill -STOP "$HTTP"
        start leaver /usr/bin/python3 "$CLIENT" send "$SOCKET" --half --wait 20 <text
        sleep 0.3
        kill -CONT "$HTTP"
        wait "$PID"
    done
    grep -q '^\[http\] POST /order - ' http.err
    ! grep 408 http.err || false
    stored 0
}

@test "requests without waiting for the answers: each is answered, in their order" {
    start_http
    eventually ready
    for user in $(seq 100); do
        body=$(order 1 "u$user")
        printf 'POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' "${#body}" "$body"
    done >requests
    run -3 /usr/bin/python3 "$CLIENT" send "$SOCKET" <requests
    [ "$(grep -ac '^HTTP/1.1 202 ' <<<"$output")" -eq 100 ]
    grep -ao '"order_id": "[^"]*"' <<<"$output" | cut -d '"' -f 4 | order-show | jq -r .data.user_id >users
    cmp users <(seq -f 'u%.0f' 100)
    # shellcheck disable=SC2059 # with its escapes
    printf "$HEALTH%.0s" $(seq 3000) >requests
    run -3 /usr/bin/python3 "$CLIENT" send "$SOCKET" <requests
    [ "$(grep -ac '^HTTP/1.1 200 ' <<<"$output")" -eq 3000 ]
}

@test "too large: 413 at once, in chunks at the limit, and the client that goes on sending gets it" {
    start_http
    head -c 3000000 /dev/zero | tr '\0' ' ' >large
    ask /order -H 'Content-Type: application/json' --data-binary @large
    is_problem 413 Content-Length 'a body has at most 1048576 bytes'
    {
        printf 'POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n'
        cat large
    } | /usr/bin/python3 "$CLIENT" send "$SOCKET" >answers
    answered 1 413
    {
        printf 'POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2DC6C0\r\n'
        cat large
    } | /usr/bin/python3 "$CLIENT" send "$SOCKET" >answers
    answered 1 413
    send 'POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n'
    answered 1 413
    grep -q '^\[http\] POST /order 413 ' http.err
    stored 0
}

@test "headers and targets that are too large" {
    start_http
    send "GET /health HTTP/1.1\r\nHost: x\r\nX: $(repeat 20000 a)\r\n\r\n"
    answered 1 431
    grep -aq '"detail": "the header has more than 16384 bytes"' answers
    send "GET /$(repeat 5000 a) HTTP/1.1\r\nHost: x\r\n\r\n"
    answered 1 414
    grep -aq '"detail": "the target has more than 4096 bytes"' answers
    send "GET /health?$(repeat 1900 a | sed 's/a/a\&/g') HTTP/1.1\r\nHost: x\r\n\r\n"
    answered 1 400
    grep -aq '"detail": "the query has more than 32 parameters"' answers
    for size in 50000 3000000; do
        { printf 'GET /health HTTP/1.1\r\nHost: x\r\nX: ' && head -c "$size" /dev/zero | tr '\0' a && printf '\r\n\r\n'; } |
            /usr/bin/python3 "$CLIENT" send "$SOCKET" >answers
        answered 1 431
    done
    is_quick
}

@test "who is too slow gets 408, and who is idle is closed" {
    start_http --header-timeout 1 --body-timeout 1 --idle-timeout 1
    run -0 send '' --wait 30
    answered 1 408
    send 'GET /health HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' --drip 0.1 --wait 30
    answered 1 408
    send 'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n' --wait 30
    answered 1 408
    grep -q '^\[http\] GET /health 408 ' http.err
    send "$HEALTH" --wait 30
    answered 1 200
    ask /metrics
    grep -qx 'order_http_connections_cut_total{reason="header"} 2' body
    grep -qx 'order_http_connections_cut_total{reason="body"} 1' body
    [ -z "$(field Keep-Alive)" ]
    finish "$HTTP" TERM
    start_http --idle-timeout 5
    ask /health
    [ "$(field Keep-Alive)" = timeout=4 ]
}

@test "2,000 idle clients, and 2,000 with half a header of which 500 drip: another one is served at once" {
    ((SOFT = $(ulimit -Hn), SOFT == 0 || SOFT > 2200)) || skip "not so many files may be open"
    start_http --header-timeout 60
    crowd 2000 ''
    is_quick
    before=$(cpu_ms)
    sleep 1
    [ $(($(cpu_ms) - before)) -lt 500 ]
    kill "$crowd"
    eventually grep -qx 2000 crowd.out
    crowd 1500 'GET /health HTTP/1.1\r\nX: '
    quiet=$crowd
    crowd 500 'GET /health HTTP/1.1\r\nX: ' --drip 0.1
    for _ in 1 2 3 4 5; do is_quick; done
    kill "$quiet" "$crowd"
    wait "$quiet" "$crowd"
}

@test "clients that do not read a long answer: cut off, and it costs little memory meanwhile" {
    seq 50000 | sed 's/.*/{"user_id":"u&","restaurant_id":"r","items":[{"sku":"s","qty":1}]}/' | order-place >/dev/null
    start_http --answer-timeout 3
    crowd 100 'GET /orders HTTP/1.1\r\nHost: x\r\n\r\n' --small
    is_quick
    [ -n "${SANITIZE:-}" ] || [ "$(awk '/^VmRSS/ {print $2}' "/proc/$HTTP/status")" -lt 60000 ]
    cut()
    {
        ask /metrics && grep -qx 'order_http_connections_cut_total{reason="answer"} 100' body
    }
    eventually cut
    kill "$crowd" && wait "$crowd"
}

@test "clients that libmicrohttpd gets stuck on cost no time" {
    start_http --body-timeout 60
    crowd 20 "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;$(repeat 40000 a)"
    before=$(cpu_ms)
    sleep 2
    [ $(($(cpu_ms) - before)) -lt 1000 ]
    is_quick
    kill "$crowd" && wait "$crowd"
}

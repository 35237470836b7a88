# shellcheck shell=bash
# What the tests of order-http share, and all that is in helper.bash.

# shellcheck source=tests/support/helper.bash
source "${BASH_SOURCE[0]%/*}/helper.bash"

# start_http [OPTIONS]: starts order-http on a Unix socket of the test's, and waits until it listens.
start_http()
{
    # The line of an earlier run is not to be taken for this one's.
    rm -f http.err
    start http order-http --listen "unix:$BATS_TEST_TMPDIR/socket" "$@"
    # shellcheck disable=SC2034 # for the tests
    HTTP=$PID
    eventually http_listens
}

# http_listens: does the last order-http that was started?
http_listens()
{
    grep -Eq '^(<5>)?order-http: listening on |"message": "listening on ' http.err
}

# ask TARGET [CURL-OPTIONS]: sends a request. The body of the answer goes to the file body, its header to head; sets code.
ask()
{
    local target=$1
    shift
    rm -f body
    code=$(curl -sS -o body -D head -w '%{http_code}' --unix-socket "$BATS_TEST_TMPDIR/socket" "$@" "http://localhost$target")
}

# place_http DATA [CURL-OPTIONS]: asks to place an order; DATA may be @FILE.
place_http()
{
    ask /order -H 'Content-Type: application/json' --data-binary "$@"
}

# is_receipt STATUS: is that what the last answer is? Sets id.
is_receipt()
{
    id=$(jq -r .order_id body)
    if [[ $code == 202 && $(field Content-Type) == application/json && $(field Location) == "/order/$id" &&
        $id =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] &&
        cmp -s body <(printf '{"order_id": "%s", "status": "%s"}\n' "$id" "$1"); then
        return 0
    fi
    printf '%s, not a receipt with %s: ' "$code" "$1"
    cat body
    return 1
}

# has_status ID STATUS: in the store.
has_status()
{
    [ "$(order-show "$1" | jq -r .status)" = "$2" ]
}

# field NAME: of the last answer; empty if it has none.
field()
{
    sed -n "s/^$1: \(.*\)\r\$/\1/Ip" head
}

# is_problem CODE MEMBER DETAIL: is that what the last answer is? MEMBER may be empty.
is_problem()
{
    if [ "$code" = "$1" ] && [ "$(field Content-Type)" = application/problem+json ] &&
        jq -e --argjson code "$1" --arg member "$2" --arg detail "$3" '.type == "about:blank" and .status == $code and
            (.title | length) > 0 and (.member // "") == $member and .detail == $detail' body >/dev/null; then
        return 0
    fi
    printf '%s, not %s: ' "$code" "$1"
    cat body
    return 1
}

# lock_store: another program begins a transaction in the store, and stops in it. Sets LOCKER: unlock_store lets it go on, and end.
lock_store()
{
    DIE_STOP=yes start locker dying commit:1:before order-place --url amqp://127.0.0.1:1 --retries 1 <"$DATA/order.json"
    # shellcheck disable=SC2034 # for the tests
    LOCKER=$PID
    eventually is_stopped "$LOCKER"
}

unlock_store()
{
    kill -CONT "$LOCKER"
    finish "$LOCKER"
}

# takes_less SECONDS COMMAND...: does it, on a machine that is not busy?
takes_less()
{
    local seconds=$1 began=${EPOCHREALTIME/./}
    shift
    "$@"
    [ $((${EPOCHREALTIME/./} - began)) -lt $((seconds * 1000000 * $(slowness))) ]
}

# http_ready: are store and broker there?
http_ready()
{
    ask /ready
    [ "$code" = 200 ]
}

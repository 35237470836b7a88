# shellcheck shell=bash
# What the tests of order-http share, and all that is in helper.bash.

# shellcheck source=tests/support/helper.bash
source "${BASH_SOURCE[0]%/*}/helper.bash"

# start_http [OPTIONS]: starts order-http on a Unix socket of the test's, and waits until it listens.
start_http()
{
    start http order-http --listen "unix:$BATS_TEST_TMPDIR/socket" "$@"
    # shellcheck disable=SC2034 # for the tests
    HTTP=$PID
    eventually grep -q '^order-http: listening on ' http.err
}

# ask TARGET [CURL-OPTIONS]: sends a request. The body of the answer goes to the file body, its header to head; sets code.
ask()
{
    local target=$1
    shift
    rm -f body
    code=$(curl -sS -o body -D head -w '%{http_code}' --unix-socket "$BATS_TEST_TMPDIR/socket" "$@" "http://localhost$target")
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

# http_ready: are store and broker there?
http_ready()
{
    ask /ready
    [ "$code" = 200 ]
}

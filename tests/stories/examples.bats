# The manual pages and the README: every example is run as it stands, every option and exit code is there.
#
# In the sections EXAMPLES and RECIPES of a page, each literal block is an example:
#
#     .Bd -literal -offset indent
#     $ order-place < order.json |        a command,
#     >     jq -r .status                 the rest of it,
#     PLACED                              and what it prints
#     .Ed
#
# Its commands are run by "bash -eo pipefail", so that whatever fails in it fails it. It has to exit with 0, within two minutes,
# and to leave nothing running. Each line of output must be among those that it prints, on either stream, where "..."
# stands for anything. Escapes are \e for a backslash, and \& at the start of a line. Right before the block may stand:
#
#     .\" exit N                          it exits with N, not 0
#     .\" not run: WHY                    no commands, but a file for cron or systemd: only its options are looked at
#
# In a guide, whose name ends in "-guide", every section has such blocks, and those of one section are one example: they run in one
# shell, one after the other. A guide begins with an empty broker and store; broker.example.com is a broker with TLS, see
# managed_broker.
#
# A section with the line
#
#     .\" in a bare system: WHY
#
# is not run here, but by scripts/debian/tests, which make matrix and autopkgtest run.
#
# In README.md, each block that starts with ```sh is an example: lines of commands, without a prompt. Other blocks are
# not run.
#
# Each example has a folder and a virtual host of its own. In the folder are order.json and orders.jsonl (30 orders, a
# line each). On the broker, one message each waits in order.placed.q and inventory.reserved.q, both of order.json,
# and in order.placed.dlq, an order that has no order_id. The store and the ledgers know of these. $API is the URL of the
# broker's management API.

TIME_LIMIT=120
LEAST_EXAMPLES=15
# A folder of the test's, with NAME.sh, NAME.shown (the output), NAME.code for each example, and NAME.file for what is
# not run.
EXAMPLES=

load ../support/helper

setup()
{
    EXAMPLES=$BATS_TEST_TMPDIR/examples
    MAN=$REPO/man
    PATH=$REPO/bin:$PATH
    cd "$BATS_TEST_TMPDIR" || return
    mkdir "$EXAMPLES"
}

teardown()
{
    [ -z "${MANAGED:-}" ] || BROKER_HOME=$MANAGED broker kill
    end_all
    tidy
}

# ---- taking them out ----

# is_guide FILE
is_guide()
{
    [[ $1 == *-guide.7 ]]
}

# extract_page FILE: its examples, into $EXAMPLES. Fails if a block follows no convention.
extract_page()
{
    awk -v base="$EXAMPLES/$(basename "$1")" -v guide="$(is_guide "$1" && echo yes)" \
        -f "$REPO/tests/support/examples.awk" "$1"
}

# extract_readme FILE: the same for a page in Markdown.
extract_readme()
{
    awk -v base="$EXAMPLES/$(basename "$1")" '
        /^```sh$/ { inside = 1; name = sprintf("%s.%02d", base, ++count); print 0 > (name ".code"); next }
        /^```/ { inside = 0 }
        inside { print > (name ".sh") }' "$1"
}

extract()
{
    case $1 in
    *.md) extract_readme "$1" ;;
    *) extract_page "$1" ;;
    esac
}

# ---- running one ----

# What every example finds.
prepare()
{
    export API=$SUITE_API
    cp "$DATA/order.json" .
    cp "$DATA/orders-30.jsonl" orders.jsonl
    topology
    publish orders-ex order.placed \
        '{"event_type":"OrderPlaced","user_id":"u-1003","restaurant_id":"r-1","items":[{"sku":"soda","qty":1}]}'
    order-place <order.json >/dev/null
    inventory-worker --count 2 >/dev/null 2>&1
    order-place <order.json >/dev/null
    eventually holds "$DEAD_Q" 1
    eventually holds "$RESERVED_Q" 1
    eventually holds "$PLACED_Q" 1
}

# managed_broker SCRIPT: starts a broker with TLS, of the authority ca.pem, with the virtual host campus and its users admin and orders,
# whose password is secret; puts its address into the script.
managed_broker()
{
    local SUITE_API
    authority ca
    certificate server DNS:localhost 2
    TLS_PORT=$(free_port)
    MANAGED=$PWD/managed
    tls_listener "$PWD" >extra.conf
    BROKER_CONFIG_EXTRA=$PWD/extra.conf BROKER_HOME=$MANAGED broker start
    SUITE_API=$(BROKER_HOME=$MANAGED broker status | sed -n 's/^management *\(http[^ ]*\).*/\1/p')
    api PUT vhosts/campus
    api PUT users/admin '{"password": "secret", "tags": ""}'
    api PUT users/orders '{"password": "secret", "tags": ""}'
    api PUT permissions/campus/admin '{"configure": ".*", "write": ".*", "read": ".*"}'
    api PUT permissions/campus/orders '{"configure": "^$", "write": "^(orders-ex|inventory-ex|orders-dlx)$", "read": "\\.q$"}'
    sed -i "s/broker\.example\.com/localhost:$TLS_PORT/" "$1"
}

# Processes that carry the address of this example's virtual host: started by it, or by what it has started.
all_running()
{
    local found
    [ -n "${AMQP_URL:-}" ] || return 0
    # grep alone, for its own environment must not have it; and it fails if any process ends while it looks.
    found=$(env -u AMQP_URL grep -lzxF -e "AMQP_URL=$AMQP_URL" /proc/[0-9]*/environ 2>/dev/null) || true
    found=${found//'/proc/'/}
    printf '%s\n' "${found//'/environ'/}"
}

end_all()
{
    local pid
    for pid in $(all_running); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# play NAME: runs an example; what it says goes to NAME.printed.
play()
{
    timeout --kill-after=5 "$TIME_LIMIT" bash -eo pipefail "$EXAMPLES/$1.sh" \
        </dev/null >"$EXAMPLES/$1.printed" 2>&1 3>&-
}

# prints NAME LINE: does the example print that line, with ... for anything?
prints()
{
    local pattern line
    pattern=$(sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g' <<<"$2")
    while IFS= read -r line; do
        # shellcheck disable=SC2053 # it is a pattern
        [[ $line != $pattern ]] || return 0
    done <"$EXAMPLES/$1.printed"
    return 1
}

complain()
{
    printf '%s: %s\n--- the example:\n' "$1" "$2"
    cat "$EXAMPLES/$1.sh"
    printf -- '--- printed:\n'
    cat "$EXAMPLES/$1.printed"
}

# run_example NAME
run_example()
{
    local name=$1 folder=$BATS_TEST_TMPDIR/$1.folder code line
    read -r code <"$EXAMPLES/$name.code"
    mkdir "$folder"
    BATS_TEST_TMPDIR=$folder isolate
    # The pages speak of files.
    unset ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
    if ! is_guide "${name%.*}"; then
        prepare
    else
        cp "$DATA/order.json" .
        cp "$DATA/orders-30.jsonl" orders.jsonl
        ! grep -q broker.example.com "$EXAMPLES/$name.sh" || managed_broker "$EXAMPLES/$name.sh"
    fi
    if ! run "-$code" --separate-stderr play "$name"; then
        complain "$name" "exited with $status, not with $code"
        return 1
    fi
    if [ -n "$(all_running)" ]; then
        complain "$name" "left something running"
        return 1
    fi
    if [ -e "$EXAMPLES/$name.shown" ]; then
        while IFS= read -r line; do
            prints "$name" "$line" || {
                complain "$name" "does not print '$line'"
                return 1
            }
        done <"$EXAMPLES/$name.shown"
    fi
    tidy
    VHOST=
}

# examples_of FILE: runs all of them.
examples_of()
{
    local script count=0
    extract "$REPO/$1"
    for script in "$EXAMPLES"/*.sh; do
        [ -e "$script" ] || break
        run_example "$(basename "$script" .sh)"
        count=$((count + 1))
    done
    echo "$count examples in $1"
    [ "$count" -gt 0 ]
}

@test "the examples of dlq-replay(1)" { examples_of man/dlq-replay.1; }
@test "the examples of inventory-stock(1)" { examples_of man/inventory-stock.1; }
@test "the examples of inventory-worker(1)" { examples_of man/inventory-worker.1; }
@test "the examples of notify-worker(1)" { examples_of man/notify-worker.1; }
@test "the examples of order-cancel(1)" { examples_of man/order-cancel.1; }
@test "the examples of order-http(1)" { examples_of man/order-http.1; }
@test "the examples of order-place(1)" { examples_of man/order-place.1; }
@test "the examples of order-show(1)" { examples_of man/order-show.1; }
@test "the chapters of order-tools-guide(7)" { examples_of man/order-tools-guide.7; }
@test "the examples of order-track(1)" { examples_of man/order-track.1; }
@test "the examples of order-tools-migrate(1)" { examples_of man/order-tools-migrate.1; }
@test "the examples of order-tools(7)" { examples_of man/order-tools.7; }
@test "the examples of queue-inspect(1)" { examples_of man/queue-inspect.1; }
@test "the examples of the README" { examples_of README.md; }

@test "the chapter for bare systems follows the conventions, and has commands" {
    awk -v base="$EXAMPLES/bare" -v guide=yes -v bare=yes -f "$REPO/tests/support/examples.awk" \
        "$REPO/man/order-tools-guide.7"
    run -0 --separate-stderr find "$EXAMPLES" -name 'bare.*.sh'
    [ "${#lines[@]}" -eq 1 ]
    bash -n "${lines[0]}"
}

@test "the chapter RUNNING IT is run" {
    skip "it installs packages as root, with systemd as process 1: scripts/matrix runs it in a bare system"
}

@test "no page is left out above, and there are examples enough" {
    local page
    for page in README.md man/order-tools.7 "$REPO"/man/*; do
        page=${page#"$REPO/"}
        echo "$page"
        grep -qF "{ examples_of $page; }" "$BATS_TEST_FILENAME"
        extract "$REPO/$page"
    done
    run -0 --separate-stderr find "$EXAMPLES" -name '*.sh'
    [ "${#lines[@]}" -ge "$LEAST_EXAMPLES" ]
}

# ---- options ----

programs()
{
    basename -a "$REPO"/src/*
}

# help_options PROGRAM: those in its --help, one a line.
help_options()
{
    "$1" --help | grep -oE -e '(^|[ [])--?[a-zA-Z][a-z-]*' | grep -oE -e '-.*' | sort -u
}

# page_options FILE [MACRO]: "PROGRAM OPTION" for each option in its macros, outside of the examples; only of lines
# that start with that macro, if it is given. The program is the page's own unless .Nm names one right before.
page_options()
{
    awk -v own="$(basename "$1" | sed 's/\.[0-9]$//; s/-guide$//')" -v wanted="${2:-}" '
        /^\.Sh / { section = $2 }
        section == "EXAMPLES" || section == "RECIPES" || !/^\./ || /^\.\\"/ { next }
        wanted != "" && substr($1, 2) != wanted { next }
        {
            program = own
            flag = 0
            sub(/^\./, "")
            for (i = 1; i <= NF; i++) {
                if ($i == "Fl") flag = 1
                else if ($i ~ /^[A-Z][a-z]$/) {
                    flag = 0
                    if ($i == "Nm" && $(i + 1) ~ /^[a-z]+-[a-z]+$/) program = $(i + 1)
                }
                else if (flag && $i ~ /^-?[a-zA-Z]/) print program, "-" $i
            }
        }' "$1" | sort -u
}

# by_units: for sed: a variable with options that a unit of systemd adds is a command line of its program.
by_units()
{
    sed -nE 's|^ExecStart=@bindir@/([a-z-]+) .*\$([A-Z_]+)$|s/^\2=/\1 /|p' "$REPO"/scripts/systemd/*.service
}

# file_options FILE: the same for the command lines in what is not run.
file_options()
{
    sed -f <(by_units) "$1" | awk -v programs=" $(programs | tr '\n' ' ')" '
        {
            program = ""
            sub(/^[A-Za-z]+=/, "")
            for (i = 1; i <= NF; i++) {
                word = $i
                sub(/^.*\//, "", word)
                if (word ~ /^[|;&>]/) program = ""
                else if (index(programs, " " word " ")) program = word
                else if (program != "" && word ~ /^-/) print program, word
                if (word == "--exec") program = ""
            }
        }' | sort -u
}

# learn_options: has the options of each program ready for all_exist.
learn_options()
{
    local program
    for program in $(programs); do
        help_options "$program" | sed "h; s/^/$program /p; g; s/^/order-tools /" >>options
    done
}

# all_exist: reads "PROGRAM OPTION" lines; does each program have that option? Of order-tools, any program will do.
all_exist()
{
    local program option missing=0
    while read -r program option; do
        if ! grep -qxF -e "$program $option" options; then
            echo "$option is no option of $program"
            missing=1
        fi
    done
    return "$missing"
}

@test "every program has a page, and its page has every option that --help prints" {
    local program option missing=0
    for program in $(programs); do
        [ -e "$MAN/$program.1" ] || {
            echo "no page for $program"
            missing=1
            continue
        }
        run -0 --separate-stderr help_options "$program"
        [ "${#lines[@]}" -ge 4 ]
        page_options "$MAN/$program.1" >named
        { page_options "$MAN/$program.1" It && page_options "$MAN/order-tools.7" It; } >described
        for option in "${lines[@]}"; do
            if ! grep -qxF -e "$program $option" named; then
                echo "$program(1) does not name $option"
                missing=1
            fi
            if ! grep -qE -e "^($program|order-tools) $option\$" described; then
                echo "neither $program(1) nor order-tools(7) describes $option"
                missing=1
            fi
        done
    done
    [ "$missing" -eq 0 ]
}

@test "every option in a page exists" {
    local page
    learn_options
    for page in "$MAN"/*; do
        echo "$page"
        run -0 --separate-stderr page_options "$page"
        [ "${#lines[@]}" -gt 0 ]
        all_exist <<<"$output"
    done
}

@test "every option in the files for cron and systemd exists" {
    local page file count=0
    learn_options
    for page in "$MAN"/*; do
        extract "$page"
    done
    for file in "$EXAMPLES"/*.file; do
        echo "$file"
        run -0 --separate-stderr file_options "$file"
        [ "${#lines[@]}" -gt 0 ]
        all_exist <<<"$output"
        count=$((count + 1))
    done
    [ "$count" -gt 0 ]
}

# ---- exit codes ----

# page_codes FILE: those that its section EXIT STATUS lists.
page_codes()
{
    awk '/^\.Sh / { inside = $0 == ".Sh EXIT STATUS" } inside && /^\.It [0-9]+$/ { print $2 }' "$1" | sort -n
}

@test "order-tools(7) lists the exit codes of lib/base/report.h, and no page lists another" {
    local page code
    run -0 --separate-stderr sed -nE 's/^ *EXIT_[A-Z]+ = ([0-9]+).*/\1/p' "$REPO/lib/base/report.h"
    [ "${#lines[@]}" -ge 10 ]
    diff <(sort -n <<<"$output") <(page_codes "$MAN/order-tools.7")
    for page in "$MAN"/*.1; do
        echo "$page"
        run -0 --separate-stderr page_codes "$page"
        [ "${#lines[@]}" -ge 3 ]
        for code in "${lines[@]}"; do
            page_codes "$MAN/order-tools.7" | grep -qx "$code"
        done
    done
}

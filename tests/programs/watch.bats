# queue-inspect --watch: in a real terminal (tmux), and without a terminal.

load ../support/helper

setup()
{
    isolate
    export TERM=xterm
}

teardown()
{
    terminal kill-server 2>/dev/null
    tidy
}

# ---- a terminal

terminal()
{
    tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@" 3>&-
}

# open_terminal [COLUMNS ROWS]: with a shell in it.
open_terminal()
{
    terminal -u new-session -d -x "${1:-80}" -y "${2:-24}" "PS1='$ ' exec bash --norc --noprofile"
    eventually shows '^\$'
}

enter()
{
    terminal send-keys "$1" Enter
}

# Lines on the screen, without the empty ones at its end.
on_screen()
{
    terminal capture-pane -p | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# shows REGEX: is there a line like that?
shows()
{
    on_screen | grep -qE "$1"
}

# row QUEUE: its line.
row()
{
    on_screen | grep -F "$1"
}

# is QUEUE REGEX
is()
{
    row "$1" | grep -qE "$2"
}

# Which of its screens does the terminal show, and its cursor?
state()
{
    terminal display-message -p '#{alternate_on} #{cursor_flag}'
}

has_state()
{
    [ "$(state)" = "$1" ]
}

exited()
{
    test -e "$1"
}

# What the shell waits for.
pid_of_watch()
{
    local shell children
    shell=$(terminal display-message -p '#{pane_pid}')
    read -r children <"/proc/$shell/task/$shell/children" || [ -n "$children" ] || return 1
    echo "${children% }"
}

columns_of_screen()
{
    on_screen | wc -L
}

@test "watch: a screen of 80 columns, redrawn in place" {
    topology
    open_terminal
    enter 'queue-inspect --watch 1'
    eventually is "$FAILED_Q" ' 0 +0 +\+0\.0 +- '
    put_numbers 1234 "$PLACED_Q"
    eventually is "$PLACED_Q" ' 1234 +0 +\+[0-9.]+ +- +█'
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    eventually is "$FAILED_Q" ' missing +- '
    [ "$(on_screen | wc -l)" -eq 6 ]
    [[ $(on_screen | head -n 1) =~ ^20[0-9TZ:.-]+\ +127\.0\.0\.1:[0-9]+\ +every\ 1\ s$ ]]
    [[ $(on_screen | sed -n 2p) =~ ^QUEUE\ +READY\ +CONSUMERS\ +NET/S\ +LEFT\ LAST\ 3\ MIN,\ OWN\ SCALE$ ]]
    [ "$(columns_of_screen)" -eq 80 ]
}

@test "watch: the time that is left while a backlog drains" {
    topology
    for _ in $(seq 40); do
        cat "$DATA/orders-30.jsonl"
    done | order-place >/dev/null
    open_terminal
    enter "queue-inspect --watch 1 $PLACED_Q"
    drains()
    {
        inventory-worker --count 30 >/dev/null 2>&1 && is "$PLACED_Q" ' -[0-9.]+ +([0-9]+m[0-9][0-9]s|[0-9]+s) '
    }
    eventually drains
    inventory-worker --idle-timeout 0 >/dev/null 2>&1
    eventually is "$PLACED_Q" ' 0 +0 +-[0-9.]+ +- .*▁$'
}

@test "watch: with the management API, rates in and out" {
    export MANAGEMENT_URL=http://guest:guest@${SUITE_API#http://}
    topology
    open_terminal
    enter "queue-inspect --watch 1"
    eventually shows '^QUEUE +READY +CONSUMERS +IN/S +OUT/S +LEFT 3 MIN, OWN SCALE$'
    # That they are those of the broker is a test of management.bats; without the API they are dashes.
    eventually is "$PLACED_Q" ' [0-9]+ +0 +[0-9]+\.[0-9] +[0-9]+\.[0-9] '
    [ "$(columns_of_screen)" -eq 80 ]
}

@test "watch: it follows the size of the terminal" {
    topology
    open_terminal
    enter 'queue-inspect --watch 3600'
    eventually shows '^inventory.reserved.q '
    terminal resize-window -x 60 -y 12
    # Before the names, the drawings go.
    eventually shows '^QUEUE +READY +CONSUMERS +NET/S +LEFT$'
    shows '^inventory.reserved.q +0 +0 '
    [ "$(on_screen | wc -l)" -eq 6 ]
    [ "$(columns_of_screen)" -le 60 ]
    terminal resize-window -x 30 -y 4
    fits_small()
    {
        [ "$(columns_of_screen)" -le 30 ] && [ "$(on_screen | wc -l)" -eq 4 ] && shows '^order.placed.q +0'
    }
    eventually fits_small
    terminal resize-window -x 120 -y 24
    eventually shows '^inventory.reserved.q '
    [ "$(on_screen | wc -l)" -eq 6 ]
    [ "$(columns_of_screen)" -eq 120 ]
}

@test "watch: names that are long, wide or odd are cut and aligned" {
    open_terminal
    enter "queue-inspect --watch 3600 $(printf 'n%.0s' {1..200}) $(printf '日%.0s' {1..40}) größe \$'esc\\e[31m'"
    eventually shows '^größe +missing '
    [ "$(on_screen | wc -l)" -eq 6 ]
    shows '^n+\.\.\. +missing '
    shows '^日+\.\.\. +missing '
    shows '^esc\\x1b\[31m +missing '
}

@test "watch: where the terminal's locale is not UTF-8, ASCII" {
    topology
    put_numbers 3 "$PLACED_Q"
    open_terminal
    enter "LC_ALL=C queue-inspect --watch 1 größe $PLACED_Q"
    eventually is "$PLACED_Q" ' 3 +0 .*#$'
    shows '^gr\?+e +missing '
    # Nothing but printable ASCII.
    [ -z "$(on_screen | LC_ALL=C grep '[^ -~]')" ]
}

# leaves HOW: after this the terminal is as it was before.
leaves()
{
    terminal clear-history
    enter "clear; echo something; stty -a >before; queue-inspect --watch 1 $2; echo \$? >code; stty -a >after"
    eventually has_state '1 0'
    eventually shows '^QUEUE '
    rm -f code after
    $1
    eventually exited after
    eventually has_state '0 1'
    cmp before after
    run -1 shows '^QUEUE '
    [ "$(on_screen | head -n 2 | tail -n 1)" = something ] || [ "$(on_screen | head -n 1)" = something ]
    [ "$(cat code)" -eq "$3" ]
}

@test "watch: the terminal is left as it was found" {
    topology
    open_terminal
    interrupt()
    {
        terminal send-keys C-c
    }
    terminate()
    {
        kill "-$SIGNAL" "$(pid_of_watch)"
    }
    refuse()
    {
        api PUT "permissions/$VHOST/guest" '{"configure": "", "write": "", "read": ""}' >/dev/null
        api DELETE "vhosts/$VHOST" >/dev/null
    }
    nothing()
    {
        :
    }
    leaves nothing '--timeout 3' 0
    SIGNAL=TERM leaves terminate '' 143
    SIGNAL=HUP leaves terminate '' 129
    leaves refuse '' 77
    api PUT "vhosts/$VHOST" >/dev/null
    # An interrupted command ends the shell's whole line: what comes after it does not run.
    enter "clear; echo something; stty -a >before; queue-inspect --watch 1"
    eventually has_state '1 0'
    interrupt
    eventually has_state '0 1'
    enter "echo \$? >code; stty -a >after2"
    eventually exited after2
    cmp before after2
    [ "$(cat code)" -eq 130 ]
    shows '^something$'
}

@test "watch: suspended, the terminal is as it was; resumed, the screen is back" {
    topology
    open_terminal
    enter 'queue-inspect --watch 3600'
    eventually shows '^QUEUE '
    terminal send-keys C-z
    eventually shows 'Stopped'
    has_state '0 1'
    run -1 shows '^QUEUE '
    enter fg
    eventually shows '^QUEUE '
    has_state '1 0'
    terminal send-keys C-z
    eventually has_state '0 1'
    enter 'fg'
    eventually has_state '1 0'
    terminal send-keys C-c
    eventually has_state '0 1'
}

# Depths are looked at each second, whatever becomes of the broker.
@test "watch: a broker that goes away is said on the screen, and one that comes back is watched on" {
    own_broker
    topology
    open_terminal
    enter "queue-inspect --watch 1 2>err"
    eventually is "$PLACED_Q" ' 0 +0 '
    broker kill
    eventually shows '^cannot connect: .*refused$'
    is "$PLACED_Q" ' 0 +0 '
    broker start 2>/dev/null
    put_numbers 5 "$PLACED_Q"
    eventually is "$PLACED_Q" ' 5 +0 '
    run -1 shows refused
    # While it waits for an answer, a second signal kills it: even then.
    freeze_broker
    terminal send-keys C-c
    eventually has_state '0 1'
    gone()
    {
        terminal send-keys C-c
        ! pid_of_watch
    }
    eventually gone
    thaw_broker
    enter "queue-inspect --watch 1 --retries 2; echo exit \$?"
    eventually is "$PLACED_Q" ' 5 +0 '
    broker kill
    eventually shows '^exit 69$'
    has_state '0 1'
    shows "^queue-inspect: broker '127.0.0.1:[0-9]+' \(looking\): cannot connect: "
}

# ---- no terminal

@test "watch: without a terminal a line for each look" {
    topology
    put_numbers 2 "$PLACED_Q"
    run -0 --separate-stderr queue-inspect --watch 1 --timeout 2 "$PLACED_Q" missing
    [ "${#lines[@]}" -eq 3 ]
    jq -e '.time | test("^20[0-9-]+T[0-9:.]+Z$")' <<<"${lines[0]}"
    [ "$(jq -c .queues <<<"${lines[0]}")" = \
        '[{"queue":"order.placed.q","exists":true,"ready":2,"consumers":0,"rate_net":null},{"queue":"missing","exists":false,"rate_net":null}]' ]
    jq -e '.queues[0].rate_net == 0' <<<"${lines[2]}"
    [ -z "$stderr" ]
    # Each is there when it is due: it does not wait for the next.
    jq -se '[.[].time | sub("\\.[0-9]+"; "") | fromdate] | .[2] - .[0] | . >= 1 and . <= 4' <<<"$output"
}

@test "watch: lines say how fast a backlog drains, and what is left" {
    local line
    topology
    put_numbers 100 "$PLACED_Q"
    start watching queue-inspect --watch=1 "$PLACED_Q"
    eventually grep -q '"ready":100' watching.out
    purge "$PLACED_Q"
    put_numbers 40 "$PLACED_Q"
    eventually grep -q '"ready":40' watching.out
    line=$(grep -m 1 '"ready":40' watching.out)
    jq -e '.queues[0] | .rate_net < 0 and .seconds_left > 0 and (.seconds_left - 40 / -.rate_net | . >= 0 and . <= 1)' <<<"$line"
    purge "$PLACED_Q"
    eventually grep -q '"ready":0' watching.out
    jq -e '.queues[0] | has("seconds_left") | not' <<<"$(grep -m 1 '"ready":0' watching.out)"
    finish -143 "$PID" TERM
}

@test "watch: by default every 2 s, all queues; --format json and a terminal that cannot be drawn on give lines" {
    topology
    run -0 --separate-stderr queue-inspect --watch --timeout 3
    [ "${#lines[@]}" -eq 2 ]
    [ "$(jq '.queues | length' <<<"${lines[1]}")" = 4 ]
    run -0 script -qec 'queue-inspect --watch 1 --timeout 0 --format json' /dev/null
    [ "$(jq '.queues | length' <<<"${output%%$'\r'*}")" = 4 ]
    TERM=dumb run -0 script -qec 'queue-inspect --watch 1 --timeout 0' /dev/null
    [ "$(jq '.queues | length' <<<"${output%%$'\r'*}")" = 4 ]
    run -64 --separate-stderr queue-inspect --watch --format table
    [[ $stderr == *'needs a terminal'* ]]
}

@test "watch: a terminal gets the sequences for its second screen, and back, in this order" {
    topology
    run -0 script -qec 'queue-inspect --watch 1 --timeout 1' /dev/null
    [[ $output == $'\e[?1049h\e[?25l\e[H'*QUEUE*$'\e[?25h\e[?1049l' ]]
}

@test "watch: lines go on after a lost connection" {
    topology
    start watching queue-inspect --watch 1 --retry-delay 0 "$PLACED_Q"
    connected()
    {
        api GET "vhosts/$VHOST/connections" | jq -er '.[0].name' >connection
    }
    eventually connected
    api DELETE "connections/$(sed 's/ /%20/g; s/>/%3E/g' connection)" >/dev/null
    eventually grep -q 'lost the broker' watching.err
    put_numbers 5 "$PLACED_Q"
    eventually grep -q '"ready":5' watching.out
}

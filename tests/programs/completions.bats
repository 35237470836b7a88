# The completions for bash, zsh and fish, as they are installed, in those shells: see support/tab.py.

load ../support/helper

SHELLS=(bash zsh fish)

setup_file()
{
    make -s --no-print-directory -C "$REPO" install DESTDIR="$BATS_FILE_TMPDIR" prefix=/usr
}

setup()
{
    isolate
    # fish writes there.
    export HOME=$BATS_TEST_TMPDIR
    mkdir files
    touch files/one 'files/a b'
}

# file_of SHELL PROGRAM
file_of()
{
    case $1 in
    bash) echo "$BATS_FILE_TMPDIR/usr/share/bash-completion/completions/$2" ;;
    zsh) echo "$BATS_FILE_TMPDIR/usr/share/zsh/site-functions/_$2" ;;
    fish) echo "$BATS_FILE_TMPDIR/usr/share/fish/vendor_completions.d/$2.fish" ;;
    esac
}

# offered SHELL LINE: prints what the shell offers at the end of the line, sorted.
offered()
{
    local program=${2%% *}
    "$REPO/tests/support/tab.py" "$1" "$(file_of "$1" "${program##*/}")" "$2" 2>seconds | sort
}

# offers SHELL LINE WORDS...: are these offered, and no others?
offers()
{
    local shell=$1 line=$2 found
    shift 2
    found=$(offered "$shell" "$line")
    [ "$found" = "$(printf '%s\n' "$@")" ] || { echo "$shell: '$line': $found" && return 1; }
}

# all_offer LINE WORDS...: the same in all shells.
all_offer()
{
    local shell
    for shell in "${SHELLS[@]}"; do
        offers "$shell" "$@"
    done
}

# be_patient: on a busy machine, a broker may take longer to answer than completion waits: let it wait.
be_patient()
{
    mkdir -p patient
    # shellcheck disable=SC2016 # expanded when it runs
    printf '#!/bin/sh\nshift 3\nexec /usr/bin/timeout -s KILL 60 "$@"\n' >patient/timeout
    chmod +x patient/timeout
    PATH=$PWD/patient:$PATH
}

# has_all_options SHELL: are just the long options offered that --help prints, for each program?
has_all_options()
{
    local program options
    for program in "$REPO"/src/*; do
        program=${program##*/}
        mapfile -t options < <("$program" --help | sed -n 's/^  ....\(--[a-z-]*\).*/\1/p' | sort)
        [ "${#options[@]}" -ge 2 ]
        offers "$1" "$program --" "${options[@]}"
        offers "$1" "$program --versi" --version
    done
}

@test "bash offers all options of all programs" { has_all_options bash; }
@test "zsh offers all options of all programs" { has_all_options zsh; }
@test "fish offers all options of all programs" { has_all_options fish; }

@test "the files are correct for their shells, and bash needs no package for them" {
    local shell program
    for program in "$REPO"/src/*; do
        for shell in "${SHELLS[@]}"; do
            "$shell" -n "$(file_of "$shell" "${program##*/}")"
        done
        # shellcheck disable=SC2016 # that shell expands it
        run -0 --separate-stderr bash --norc -c 'source "$1"; complete -p "$2"' - "$(file_of bash "${program##*/}")" "${program##*/}"
        [[ $output == 'complete -F '*" ${program##*/}" ]]
        [ "$stderr" = "" ]
    done
}

@test "zsh and fish find them where they are installed" {
    # The driver itself has zsh look there.
    offers zsh 'order-show --au' --audit
    run -0 --separate-stderr env XDG_DATA_DIRS="$BATS_FILE_TMPDIR/usr/share:/usr/share" fish -c 'complete -C "order-show --au"'
    [[ $output == --audit* ]]
}

@test "the words that an argument may be" {
    all_offer 'queue-inspect --format ' json table
    all_offer 'queue-inspect --format t' table
    all_offer 'queue-inspect --format=j' --format=json
    all_offer 'order-show --status ' CANCELLED FAILED HANDED_OVER PENDING PLACED RESERVED
    all_offer 'order-place --queue-type q' quorum
    all_offer 'order-tools-migrate ' ledger notified orders
}

@test "files for arguments and operands that are files, and for nothing else" {
    local shell
    all_offer 'dlq-replay --from files/' 'files/a b' files/one
    all_offer 'dlq-replay --from=files/o' --from=files/one
    all_offer 'order-tools-migrate ledger files/o' files/one
    all_offer 'order-tools-migrate ledger files/one files/o' files/one
    all_offer 'order-place --cacert x --rejects files/o' files/one
    # There the first becomes the input, and is no word.
    offers bash 'order-place < files/' files/one
    offers zsh 'order-place < files/' files/one
    offers fish 'order-place < files/' 'files/a b' files/one
    cd files
    all_offer 'dlq-replay --number '
    all_offer 'dlq-replay -n '
    all_offer 'order-show --user '
    for shell in "${SHELLS[@]}"; do
        run -0 --separate-stderr offered "$shell" 'order-tools-migrate ledger a b '
        [[ $output != *one* ]]
    done
}

@test "commands after an option that takes one, and files after them" {
    mkdir bin
    printf '#!/bin/sh\n' >bin/telling-command
    chmod +x bin/telling-command
    PATH=$PWD/bin:$PATH
    all_offer 'notify-worker --exec telling-c' telling-command
    all_offer 'notify-worker --failed --exec telling-command files/o' files/one
    all_offer 'dlq-replay --filter telling-c' telling-command
    all_offer 'dlq-replay --filter telling-command --x -- files/o' files/one
}

@test "queues: those that the broker has" {
    be_patient
    topology
    all_offer 'dlq-replay --queue ' "$FAILED_Q" "$RESERVED_Q" "$DEAD_Q" "$PLACED_Q"
    all_offer 'dlq-replay --queue=order.placed.d' --queue="$DEAD_Q"
    all_offer 'queue-inspect order.p' "$DEAD_Q" "$PLACED_Q"
    all_offer 'queue-inspect --watch order.placed.q inv' "$FAILED_Q" "$RESERVED_Q"
    api DELETE "queues/$VHOST/$DEAD_Q"
    all_offer 'dlq-replay --to order.p' "$PLACED_Q"
    # Where the command is not in PATH, it is beside the program.
    PATH=$PWD/patient:/usr/bin:/bin
    all_offer "$REPO/bin/dlq-replay --parking order.p" "$PLACED_Q"
}

@test "queues: of the broker that the command line names" {
    local url=$AMQP_URL
    be_patient
    topology
    export AMQP_URL=amqp://127.0.0.1:1 THERE=$url
    all_offer 'dlq-replay --queue '
    all_offer "dlq-replay --url $url --queue order.p" "$DEAD_Q" "$PLACED_Q"
    all_offer "dlq-replay --url=$url --queue order.p" "$DEAD_Q" "$PLACED_Q"
    all_offer "dlq-replay -u $url --queue order.p" "$DEAD_Q" "$PLACED_Q"
    all_offer 'dlq-replay -u $THERE --queue order.p' "$DEAD_Q" "$PLACED_Q"
    export AMQP_URL=${url/guest:guest@/}
    printf 'username:guest\npassword:guest\n' >login
    chmod 600 login
    all_offer 'queue-inspect --authfile ~/login order.p' "$DEAD_Q" "$PLACED_Q"
    printf 'username:guest\npassword:wrong\n' >login
    all_offer 'dlq-replay --authfile login --queue '
}

@test "queues: what queue-inspect gets, and it cannot ask anybody" {
    local shell
    be_patient
    mkdir bin
    cat >bin/queue-inspect <<'SPY'
#!/bin/sh
printf '<%s>' "$@" >>asked
echo >>asked
! (: </dev/tty) 2>/dev/null || echo 'a terminal' >>asked
cat >>asked
echo "MANAGEMENT_URL=$MANAGEMENT_URL" >>asked
echo "do not show this" >&2
printf '{"queue":"%s","exists":%s}\n' a.q true b.q false 'c$(touch ran)' true
SPY
    chmod +x bin/queue-inspect
    PATH=$PWD/bin:$PATH
    export MANAGEMENT_URL=http://127.0.0.1:1
    for shell in "${SHELLS[@]}"; do
        rm -f asked
        offers "$shell" "dlq-replay --cacert 'my ca' --url=\"amqps://h/v\" --key ~/k --cert c --rate 5 --to " a.q
        diff - asked <<END
<--cacert><my ca><--url><amqps://h/v><--key><$HOME/k><--cert><c><--retries><1><--format><json>
MANAGEMENT_URL=
END
    done
    # Not for an option.
    rm -f asked
    all_offer 'queue-inspect --hea' --health
    [ ! -e asked ]
    # What is typed is not run before its time.
    for shell in "${SHELLS[@]}"; do
        rm -f asked ran
        offered "$shell" 'dlq-replay --url $(echo>>ran) --queue ' >/dev/null
        [ "$shell" = fish ] || [ "$(wc -l <ran)" = 1 ]
        [ "$shell" != fish ] || [ ! -e ran ]
    done
}

@test "queues: whatever aliases the user has" {
    local shell
    be_patient
    topology
    for shell in bash fish; do
        { printf 'alias sed="sed -E"\nalias timeout=false\n' && cat "$(file_of "$shell" dlq-replay)"; } >"aliased.$shell"
    done
    file_of() { echo "$PWD/aliased.$1"; }
    offers bash 'dlq-replay --queue order.p' "$DEAD_Q" "$PLACED_Q"
    offers fish 'dlq-replay --queue order.p' "$DEAD_Q" "$PLACED_Q"
}

# answers_soon SHELL URL: with no queues, and in half a second more than what needs no broker?
answers_soon()
{
    local least
    offered "$1" 'dlq-replay --queue-type q' >/dev/null
    least=$(<seconds)
    offers "$1" "dlq-replay --url $2 --queue "
    echo "$1: $(<seconds) s and $least s"
    awk -v least="$least" -v slowness="$(slowness)" '{ exit !($1 - least < 0.5 * slowness) }' seconds
}

@test "queues: without a broker, or with one that does not answer, none within half a second" {
    local shell
    start silent python3 -c '
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
time.sleep(600)'
    eventually test -s silent.out
    for shell in "${SHELLS[@]}"; do
        eventually answers_soon "$shell" amqp://127.0.0.1:1
        eventually answers_soon "$shell" "amqp://127.0.0.1:$(<silent.out)"
    done
}

@test "the generator: wrong usage, and a program that does not run" {
    run -64 --separate-stderr "$REPO/scripts/completions/generate" order-place
    [[ $stderr == 'usage: generate PROGRAM bash|zsh|fish'* ]]
    run -64 "$REPO/scripts/completions/generate" order-place tcsh
    run -127 "$REPO/scripts/completions/generate" /nowhere/order-place bash
}

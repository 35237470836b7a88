# shellcheck shell=bash
# For tests of what a program tells the service manager that has started it.

# start_manager [NAME]: starts the manager's end of a NOTIFY_SOCKET of that name, which writes what it is told to told, and has programs
# that are started from here on tell it. It hears nothing more of those that were started before.
start_manager()
{
    export NOTIFY_SOCKET=${1:-$BATS_TEST_TMPDIR/notify}
    rm -f told "$BATS_TEST_TMPDIR/notify"
    # It is not itself managed.
    start manager /usr/bin/python3 "$REPO/tests/support/manager.py" "$NOTIFY_SOCKET" told
    eventually test -e told
}

# was_told LINE [N]: was the manager told this N times (1)? told_of TEXT: something with this in it?
was_told()
{
    [ "$(grep -cxF -e "$1" told)" -eq "${2:-1}" ]
}

told_of()
{
    grep -qF -e "$1" told
}

# status_now: prints the last status.
status_now()
{
    sed -n 's/^STATUS=//p' told | tail -n 1
}

# status_has TEXT: is that a part of it?
status_has()
{
    [[ $(status_now) == *"$1"* ]]
}

# fed: prints how often the watchdog was fed.
fed()
{
    grep -cxF WATCHDOG=1 told || true
}

# fed_more N: was it fed more often than N times?
fed_more()
{
    [ "$(fed)" -gt "$1" ]
}

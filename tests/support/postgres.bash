# For tests of what is kept in PostgreSQL: a file of tests starts with "load ../support/postgres". It has a server of its own, and each
# test a database of its own on it, which ORDER_STORE, INVENTORY_LEDGER and NOTIFY_LEDGER name. A file that needs more has functions
# setup and so on of its own, which call the same; one that loads another file of helpers loads this one last.
# shellcheck shell=bash

load ../support/helper

setup_file()
{
    start_postgres
}

teardown_file()
{
    stop_postgres
}

setup()
{
    isolate
    new_database
}

# start_postgres: in setup_file.
start_postgres()
{
    # A test has the database that it makes, and no other.
    export SUITE_STORE=
    run_postgres
}

# stop_postgres: in teardown_file.
stop_postgres()
{
    end_postgres
}

# new_database: makes one, and sets DATABASE to its name and URI to its URI.
new_database()
{
    local port
    port=$(<"$POSTGRES_HOME/port")
    # A test may have ended it.
    [ -S "$POSTGRES_HOME/run/.s.PGSQL.$port" ] || postgres start 2>/dev/null
    DATABASE=t$BATS_TEST_NUMBER
    create_database "$DATABASE"
    PASSWORD=$(<"$POSTGRES_HOME/password")
    URI=postgresql://order:$PASSWORD@127.0.0.1:$port/$DATABASE
    export ORDER_STORE=$URI INVENTORY_LEDGER=$URI NOTIFY_LEDGER=$URI
}

# sql STATEMENT: prints the rows, with bars between the columns.
sql()
{
    in_database "$1"
}

# gives RESULT STATEMENT: does it give exactly this?
gives()
{
    [ "$(sql "$2")" = "$1" ]
}

# end_leases: lets those of all runs pass, as if none had renewed them for long.
end_leases()
{
    sql "UPDATE order_tools.runs SET alive_until = now() - interval '1 second'"
}

# signal_postgres SIGNAL: sends it to all processes of the server: STOP freezes it, with its connections open.
signal_postgres()
{
    local pid
    read -r pid <"$POSTGRES_HOME/data/postmaster.pid"
    # shellcheck disable=SC2046 # a pid each
    kill "-$1" "$pid" $(cat "/proc/$pid/task/$pid/children")
}

# behind_doubt TEXT: starts a proxy, $PROXY, that loses the answer to the first round trip with TEXT; $DOUBTED is the database behind it.
behind_doubt()
{
    local at=${URI#*@}
    at=${at%%/*}
    start doubt "$REPO/tests/support/doubt" "${at%:*}" "${at#*:}" "$1"
    # shellcheck disable=SC2034 # for the tests
    PROXY=$PID
    eventually test -s doubt.out
    # shellcheck disable=SC2034 # for the tests
    DOUBTED="${URI%@*}@127.0.0.1:$(head -n 1 doubt.out)/$DATABASE?sslmode=disable&gssencmode=disable"
}

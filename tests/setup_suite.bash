# One private broker for the whole run, with a virtual host for each test: see support/helper.bash. With SUITE_STORE=postgresql, which
# make check STORE=postgresql sets, also one server of PostgreSQL, with a database for each test. The folders of tests link to this file,
# since bats looks for it beside the tests.

setup_suite()
{
    # What the tests write as \u is UTF-8, whatever the user's locale.
    export LC_ALL=C.UTF-8
    # The folder for all files of this run. It is removed at the end.
    SUITE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/order-tools-check.XXXXXX")
    export SUITE_DIR
    export BROKER_HOME=$SUITE_DIR/broker
    REPO=$(realpath "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/..")
    # The tools of the tests, which make builds from tests/support.
    SUPPORT=$REPO/.build/tests/support
    PROCESSORS=$(nproc)
    # Itself, and not Debian's wrapper, which takes five times as long to start.
    PSQL=$(printf '%s\n' /usr/lib/postgresql/*/bin/psql | sort -V | tail -n 1)
    export REPO SUPPORT PROCESSORS PSQL
    # Set if make runs the suite: this is a make of its own, without the job server of that one.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s --no-print-directory -C "$REPO" support
    # The broker updates statistics often, and closes silent connections soon, so that tests do not wait long for either.
    export BROKER_CONFIG_EXTRA=$SUITE_DIR/broker.conf
    cat >"$BROKER_CONFIG_EXTRA" <<'END'
heartbeat = 4
collect_statistics_interval = 250
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.10 = 1
END
    unset AMQP_URL MANAGEMENT_URL ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER ORDER_LOG_FORMAT JOURNAL_STREAM NOTIFY_SOCKET
    # shellcheck source=tests/support/helper.bash
    source "$REPO/tests/support/helper.bash"
    run_broker
    case ${SUITE_STORE:=sqlite} in
    sqlite) ;;
    postgresql) run_postgres ;;
    *) echo "STORE is '$SUITE_STORE', neither sqlite nor postgresql" >&2 && return 1 ;;
    esac
    export SUITE_STORE
}

teardown_suite()
{
    [ "$SUITE_STORE" != postgresql ] || end_postgres
    # Not stopped in order: its folder goes, too.
    "$REPO/scripts/broker" kill
    rm -rf "$SUITE_DIR"
}

# One private broker for the whole run. Each test has a virtual host of its own on it: see helper.bash.

setup_suite()
{
    # What the tests write as \u is UTF-8, whatever the user's locale.
    export LC_ALL=C.UTF-8
    # Where the suite keeps everything that it makes: gone afterwards.
    SUITE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/order-tools-check.XXXXXX")
    export SUITE_DIR
    export BROKER_HOME=$SUITE_DIR/broker
    REPO=$(realpath "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/..")
    # What the tests are made with, besides the programs: built from tests/support.
    SUPPORT=$REPO/.build/tests/support
    PROCESSORS=$(nproc)
    export REPO SUPPORT PROCESSORS
    # Of the make that may run the suite: its jobs are none of ours.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s --no-print-directory -C "$REPO" support
    # Quicker than most brokers to count, and to hang up on those who are silent, so that tests need not wait for it.
    export BROKER_CONFIG_EXTRA=$SUITE_DIR/broker.conf
    cat >"$BROKER_CONFIG_EXTRA" <<'END'
heartbeat = 4
collect_statistics_interval = 250
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.10 = 1
END
    unset AMQP_URL MANAGEMENT_URL ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
    # shellcheck source=tests/support/helper.bash
    source "$REPO/tests/support/helper.bash"
    run_broker
}

teardown_suite()
{
    "$REPO/scripts/broker" stop
    rm -rf "$SUITE_DIR"
}

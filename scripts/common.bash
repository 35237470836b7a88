# What the scripts share. To be sourced: it sets where things are, and a broker of one's own for a script's time.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
PATH=$root/bin:$here:$PATH

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
	local status=$1
	shift
	say "$@"
	exit "$status"
}

require_programs() {
	local program
	for program in order-place inventory-worker notify-worker queue-inspect dlq-replay; do
		command -v "$program" >/dev/null || die 69 "there is no $program: run make first"
	done
}

# A folder for this run, gone at its end, and all data of the programs in it.
make_work_folder() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/order-tools.XXXXXX")
	export XDG_STATE_HOME=$work/state WORKFLOW_HOME=$work/workflow
	unset ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

clean_up() {
	workflow down >/dev/null 2>&1 || true
	[[ -z ${own_broker:-} ]] || broker stop 2>/dev/null || true
	rm -rf "$work"
}

# The broker that AMQP_URL names, or else one of our own until the script ends.
provide_broker() {
	[[ -z ${AMQP_URL:-} ]] || return 0
	export BROKER_HOME=$work/broker
	own_broker=yes
	broker start
	eval "$(broker env)"
}

depth() { queue-inspect "$1" | jq -r .ready; }

# until_true SECONDS COMMAND...: tries until it succeeds.
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}

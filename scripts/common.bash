# Sourced by the other scripts: paths, and a private broker for the duration of a script.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
PATH=$root/bin:$here:$PATH
# shellcheck source=scripts/basics.bash
. "$here/basics.bash"

require_programs() {
	local program
	for program in order-place inventory-worker notify-worker order-http queue-inspect dlq-replay; do
		command -v "$program" >/dev/null || die 69 "there is no $program: run make first"
	done
}

# Makes a temporary folder for all data of the programs; it is removed when the script ends.
make_work_folder() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/order-tools.XXXXXX")
	export XDG_STATE_HOME=$work/state WORKFLOW_HOME=$work/workflow WORKFLOW_HTTP=unix:$work/http
	unset ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

clean_up() {
	# shellcheck disable=SC2046 # several
	kill $(jobs -pr) 2>/dev/null || true
	workflow down >/dev/null 2>&1 || true
	[[ -z ${own_broker:-} ]] || broker stop 2>/dev/null || true
	[[ -z ${own_cluster:-} ]] || cluster down 2>/dev/null || true
	rm -rf "$work"
}

# Uses the broker in AMQP_URL, or else starts a private one until the script ends.
provide_broker() {
	[[ -z ${AMQP_URL:-} ]] || return 0
	export BROKER_HOME=$work/broker
	own_broker=yes
	broker start
	eval "$(broker env)"
}

# Prints how many messages are ready in a queue.
depth() { queue-inspect "$1" | jq -r .ready; }

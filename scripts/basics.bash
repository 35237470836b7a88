# Sourced by scripts, and by the tests of the packages: messages, and waiting.
# shellcheck shell=bash

# Prints a message on standard error, after the name of the script.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die STATUS MESSAGE...: prints the message and exits.
die() {
	local status=$1
	shift
	say "$@"
	exit "$status"
}

# until_true SECONDS COMMAND...: repeats the command until it succeeds; fails after SECONDS.
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}

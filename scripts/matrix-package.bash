# Sourced by matrix: the packages, built in the system, and tried in a bare one with systemd.
# shellcheck shell=bash disable=SC2154 # matrix sets here and root

# What the tests of the packages need, beside the packages.
readonly NEEDS=(amqp-tools curl dbus jq man-db openssl postgresql procps python3-pika
	rabbitmq-server sqlite3 systemd-sysv)
# The last commit before tables were given another version, and a version for its packages.
readonly COMMIT_BEFORE=55a045b^ VERSION_BEFORE=0.0.9
readonly PACKAGE_TESTS=(guide postgresql running upgrade)

# build_packages SYSTEM: checked by lintian, and twice the same; and those of before, with the
# packaging of today.
build_packages() {
	local tree=/root/order-tools package
	inside "$1" make -C "$tree" deb
	inside "$1" env DEB_BUILD_OPTIONS=nocheck "$tree/scripts/deb" -d "$tree/.build/deb-again"
	for package in "$1$tree"/.build/deb/*.deb; do
		cmp "$package" "$1$tree/.build/deb-again/${package##*/}"
	done
	inside "$1" env DEB_BUILD_OPTIONS='nocheck noopt' "$tree/scripts/deb" \
		-d "$tree/.build/deb-before" -c "$COMMIT_BEFORE" -v "$VERSION_BEFORE"
}

# make_machine SYSTEM: a copy of what it was at first, with what the tests need, and the packages.
# What they depend on is in the cache of apt: a machine has no network.
make_machine() {
	local system=$1 machine=$1.machine built=$1/root/order-tools/.build
	rm -rf --one-file-system "$machine"
	cp -a --reflink=auto "$system.bare" "$machine"
	inside "$machine" apt-get -qq update
	inside "$machine" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 install "${NEEDS[@]}"
	clone_into "$machine"
	mkdir "$machine/packages" "$machine/before"
	cp "$built"/deb/*.deb "$machine/packages"
	cp "$built"/deb-before/*.deb "$machine/before"
	rm "$machine"/*/*-dbgsym_*.deb
	inside "$machine" sh -c 'apt-get -qq -y --download-only install /packages/*.deb'
	# There is no network later: a package that is only recommended cannot be had.
	printf 'APT::Install-Recommends "false";\n' >"$machine/etc/apt/apt.conf.d/90no-recommends"
	# From here on, packages may start services.
	rm "$machine/usr/sbin/policy-rc.d"
	printf 'machine\n' >"$machine/etc/hostname"
	printf '127.0.0.1\tlocalhost machine\n' >"$machine/etc/hosts"
}

# boot MACHINE GROUPS: becomes systemd, as process 1 of namespaces, in a control group of its own;
# GROUPS is a mount point for these.
boot() {
	# shellcheck disable=SC2016 # the shells expand it
	exec unshare --mount --propagation private bash -c '
		set -e
		mount -t cgroup2 cgroup2 "$2"
		mkdir "$2/order-tools-$$"
		echo "$$" >"$2/order-tools-$$/cgroup.procs"
		exec unshare --mount --pid --fork --kill-child --cgroup --net --uts --ipc \
			bash -c "$3" boot "$1" "$4"
	' boot "$1" "$2" '
		set -e
		. "$2"
		hostname machine
		ip link set lo up
		mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount -t sysfs -o ro sysfs "$1/sys"
		mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
		mount -t tmpfs tmpfs "$1/run"
		own_dev "$1/dev"
		cd "$1"
		mkdir run/host
		pivot_root . run/host
		umount -l /run/host
		# systemd does so only outside of containers. Credentials are mounted by processes of their own.
		mount --make-rshared /
		exec /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			/lib/systemd/systemd --log-target=null --show-status=0
	' "$here/machine.bash"
}

# on_machine PID COMMAND...: runs the command beside that process 1.
on_machine() {
	nsenter --target "$1" --mount --pid --cgroup --net --uts --ipc --root --wd \
		env -i -C /root/order-tools HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
		TERM=dumb DEBIAN_FRONTEND=noninteractive PACKAGES=/packages BEFORE=/before "${@:2}"
}

# end_machine UNSHARE GROUPS: kills all of it, and removes its control group.
end_machine() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null || true
	# shellcheck disable=SC2016 # the shell expands it
	unshare --mount --propagation private bash -c '
		mount -t cgroup2 cgroup2 "$2"
		for ((tries = 0; tries < 100; tries++)); do
			find "$2/order-tools-$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
			[[ -d $2/order-tools-$1 ]] || break
		done
	' end "$1" "$2"
	rmdir "$2"
}

# process_1 UNSHARE: prints its number in this namespace, once it is systemd.
process_1() {
	local pid
	pid=$(pgrep -P "$1") && [[ $(<"/proc/$pid/comm") == systemd ]] && printf '%s\n' "$pid"
}

# is_up PID: has that process 1 started all that there is to start? What cannot work here, such as
# to load modules of the kernel, may have failed.
is_up() {
	local state
	state=$(on_machine "$1" systemctl is-system-running 2>/dev/null) || true
	[[ $state == running || $state == degraded ]]
}

# try_packages SYSTEM: builds, boots, and runs the tests; fails with the first that fails.
try_packages() {
	local machine=$1.machine groups pid first tries=0
	build_packages "$1"
	make_machine "$1"
	groups=$(mktemp -d)
	boot "$machine" "$groups" &
	pid=$!
	# shellcheck disable=SC2064 # as they are now
	trap "end_machine $pid '$groups'" EXIT
	until first=$(process_1 "$pid"); do
		((++tries < 100)) || die "$EX_UNAVAILABLE" 'systemd cannot be run here'
		sleep 0.1
	done
	until_true 500 is_up "$first" || die "$EX_UNAVAILABLE" 'systemd does not get up'
	on_machine "$first" sh -c 'apt-get -qq -y install /packages/*.deb'
	for test in "${PACKAGE_TESTS[@]}"; do
		say "$(basename "$1"): the packages: $test"
		on_machine "$first" "scripts/debian/tests/$test"
	done
}

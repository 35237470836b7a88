#!/usr/bin/env bash
# boot.bash FOLDER: runs systemd as process 1 of namespaces of its own, on a copy of this system that vanishes with it, and to which all
# that is in FOLDER/tree was added. It starts nothing of the system's own. FOLDER/group has the name of its control group, which is to
# be removed at the end. Its parent, which this script becomes, ends it when it is ended. As root; exits with 77 where it cannot.
#
# The copy is an overlay over /, and has the network of all, so that a broker on loopback can be reached. Of the control groups it has
# a part of the hierarchy that systemd keeps for itself, and none that limits anything.
set -euo pipefail

readonly FOLDER=$1 CANNOT=77

# own_group: prints the folder of a new control group, in which this process is from then on.
own_group() {
	local hierarchy group
	for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup; do
		group=$hierarchy/order-tools.$$
		mkdir "$group" 2>/dev/null || continue
		if [[ -w $group/cgroup.procs ]] && echo $$ >"$group/cgroup.procs" 2>/dev/null; then
			printf '%s\n' "$group"
			return
		fi
		rmdir "$group"
	done
	return 1
}

# quiet: leaves of the copy only what is asked for. What systemd starts with any service would change what is shared: the kernel's
# settings, for one.
quiet() {
	rm -rf {etc,lib,usr/lib}/systemd/system/{sysinit,basic,sockets,timers,paths,multi-user,network-online}.target.wants
	printf '[Unit]\nDefaultDependencies=no\n' | tee run/systemd/system/{nothing,sysinit}.target >/dev/null
	ln -s /dev/null run/systemd/system/systemd-journald-audit.socket
	mkdir -p etc/systemd/journald.conf.d
	printf '[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\n' >etc/systemd/journald.conf.d/order-tools.conf
}

# shellcheck source=scripts/machine.bash
. "${BASH_SOURCE[0]%/*}/../../scripts/machine.bash"

# inside GROUP: what runs in the namespaces, up to systemd.
inside() {
	local group=$1 space=$FOLDER/space root=$FOLDER/space/root
	mkdir "$space"
	mount -t tmpfs tmpfs "$space"
	mkdir "$space"/{up,work,root}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$space/up,workdir=$space/work" "$root"
	mount -t proc proc "$root/proc"
	own_dev "$root/dev"
	mount --rbind /sys "$root/sys"
	if [[ $group != /sys/fs/cgroup/order-tools.* ]]; then
		mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
		mkdir "$root/sys/fs/cgroup/systemd"
		mount --bind "$group" "$root/sys/fs/cgroup/systemd"
	else
		mount --bind "$group" "$root/sys/fs/cgroup"
	fi
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mkdir -p "$root/run/systemd/system" "$root/run/old"
	cp -a "$FOLDER/tree/." "$root"
	cd "$root"
	quiet
	pivot_root . run/old
	umount -l /run/old
	rmdir /run/old
	# systemd does so only outside of containers. Credentials are mounted by a process of their own.
	mount --make-rshared /
	exec env -i container=docker PATH="$PATH" /lib/systemd/systemd --system --unit=nothing.target \
		--log-target=null --show-status=no
}

if [[ ${2:-} == inside ]]; then
	inside "$3"
fi
((EUID == 0)) && [[ -x /lib/systemd/systemd ]] || exit "$CANNOT"
group=$(own_group) || exit "$CANNOT"
printf '%s\n' "$group" >"$FOLDER/group"
exec unshare --pid --mount --uts --ipc --cgroup --fork --kill-child --propagation private \
	"$0" "$FOLDER" inside "$group"

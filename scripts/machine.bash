# Sourced by those that run systemd as process 1 of namespaces of its own: scripts/matrix, and
# tests/support/boot.bash.
# shellcheck shell=bash

# own_dev FOLDER: mounts a /dev there. systemd makes /dev/log and more, which must not appear in the
# system around it.
own_dev() {
	local node
	mount -t tmpfs -o mode=755 tmpfs "$1"
	mkdir "$1"/{pts,shm}
	mount -t tmpfs tmpfs "$1/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/pts"
	for node in null zero full random urandom tty; do
		touch "$1/$node"
		mount --bind "/dev/$node" "$1/$node"
	done
	ln -s /proc/self/fd "$1/fd"
	ln -s pts/ptmx "$1/ptmx"
}

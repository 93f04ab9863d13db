#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/check-debian.sh [SUITE...]: do the README's two commands work on a fresh
# Debian? bookworm and trixie unless named. For each a minimal system is made by
# debootstrap from the mirror that this machine's apt uses, with git, make and sudo
# in it, the last commit is cloned there, and an ordinary user who may use sudo types
# the commands: packages, kernel source, patches, build, boot. Needs root, some 12
# GiB of disk, and an hour or two for each; nothing stays.
#
# CHECK=COMMANDS   what is typed instead of 'make demo && make test' (T, V and JOBS
#                  are passed on)
# CHECK_CACHE=1    with this machine's cache (kernel source, what the compiler has
#                  done before), and so as root, rather than everything from nothing
# CHECK_KEEP=1     leave the system there, and use one that was left there

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/apt.sh"

[ "$(id -u)" = 0 ] || die "chroot and mount need root" "run it as root"
for tool in debootstrap unshare git; do
	command -v $tool >/dev/null || die "$tool is not installed" "run 'make setup'"
done

commands=${CHECK:-make demo && make test}
# Several in one word, as make has them.
read -ra suites <<<"${*:-bookworm trixie}"

# Mounts and processes are of a name space of their own, and go away with it: a
# /dev that stays mounted in a directory which is then removed would be this machine's.
if [ -z "${LAB_CHECK_INSIDE:-}" ]; then
	tidy() {
		[ -n "${CHECK_KEEP:-}" ] || rm -rf --one-file-system "${suites[@]/#/$BUILD/debian-}"
	}
	trap tidy EXIT
	trap 'exit 130' INT TERM
	rc=0
	LAB_CHECK_INSIDE=1 unshare --mount --pid --fork --kill-child --propagation private "$0" "$@" || rc=$?
	exit "$rc"
fi

# Of the suite there may be nothing in apt's lists here, so only the address counts.
# shellcheck disable=SC2016 # the dollar is apt's
mirror=$(debian_mirror '$(SITE)')
[ -n "$mirror" ] || die "apt on this machine knows no Debian mirror" "run 'apt-get update' first"
keyring=$KEYRING
[ -f "$keyring" ] || die "$keyring is missing" "install the package debian-archive-keyring"
[ -z "$(git -C "$TOP" status --porcelain)" ] || warn "what is not committed is not tried"

# make_system SUITE DIR
make_system() {
	local suite=$1 root=$2 log=$BUILD/logs/debian-$1.log
	mkdir -p "$BUILD/logs"
	note "debootstrap"
	# systemd, since every installed Debian has it; without it a test is left out.
	debootstrap --variant=minbase --keyring="$keyring" --include=ca-certificates,git,make,sudo,systemd \
		"$suite" "$root" "$mirror" >"$log" 2>&1 || {
		tail -n 5 "$log" | sed 's/^/       | /' >&2
		die "debootstrap could not make $suite" "whole log: $log"
	}
	# How this machine reaches the mirror is how the new one does: a proxy, say.
	apt_host >"$root/etc/apt/apt.conf.d/99host"
	# As the installer of each leaves it.
	case $suite in
	bookworm) echo "deb $mirror $suite main" >"$root/etc/apt/sources.list" ;;
	*)
		rm -f "$root/etc/apt/sources.list"
		printf '%s\n' "Types: deb" "URIs: $mirror" "Suites: $suite" "Components: main" \
			"Signed-By: $keyring" >"$root/etc/apt/sources.list.d/debian.sources"
		;;
	esac
	echo "127.0.0.1 localhost $(uname -n)" >"$root/etc/hosts"
	chroot "$root" useradd --create-home --shell /bin/bash lab
	echo 'lab ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/lab"
	touch "$root/.complete"
}

# enter DIR HOME: what has to be mounted, and the project.
enter() {
	local root=$1 home=$2
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
	if [ -n "${CHECK_CACHE:-}" ]; then
		mkdir -p "$CACHE" "$root/root/.cache/private-nodes"
		mount --bind "$CACHE" "$root/root/.cache/private-nodes"
	fi
	# As a file that anybody may read: git does not clone what another user owns.
	git -C "$TOP" bundle create -q "$root/tmp/project.bundle" HEAD
	chmod a+r "$root/tmp/project.bundle"
	rm -rf "${root:?}$home/private-nodes"
}
leave() {
	local dir
	for dir in root/.cache/private-nodes dev sys proc; do
		! mountpoint -q "$1/$dir" || umount -R -l "$1/$dir"
	done
}

T=${T:-}
failed=()
for suite in "${suites[@]}"; do
	step "Debian $suite: $commands"
	root=$BUILD/debian-$suite
	[ -n "${CHECK_KEEP:-}" ] || rm -rf --one-file-system "$root"
	if [ ! -e "$root/.complete" ]; then
		rm -rf --one-file-system "$root"
		need_space "$BUILD" 14000
		make_system "$suite" "$root"
	fi
	began=$SECONDS rc=0
	user=lab home=/home/lab
	[ -z "${CHECK_CACHE:-}" ] || user=root home=/root
	enter "$root" "$home"
	chroot "$root" su -l "$user" -c "git -c advice.detachedHead=false clone -q /tmp/project.bundle private-nodes && cd private-nodes &&
		git log -1 --format='    commit %h, as user $user' &&
		export V=$V JOBS=$JOBS T=${T@Q} && { $commands; }" </dev/null || rc=$?
	leave "$root"
	if [ "$rc" = 0 ]; then
		printf '%sok%s    Debian %s: %s (%d s)\n' "$green" "$off" "$suite" "$commands" $((SECONDS - began))
	else
		printf '%sFAIL%s  Debian %s: %s (exit status %d)\n' "$red" "$off" "$suite" "$commands" "$rc"
		failed+=("$suite")
	fi
	[ -n "${CHECK_KEEP:-}" ] || rm -rf --one-file-system "$root"
done
[ ${#failed[@]} = 0 ] || die "not on Debian ${failed[*]}" "CHECK_KEEP=1 leaves the system in $BUILD to be looked at"

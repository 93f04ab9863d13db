#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The stage typed of tests/install-vm.sh, which sources this: the newcomer's path. What
# README.md and guide.md say is typed as it stands there, line by line.

# What is in single quotes is for eval, or for programs; some variables are of who sources it.
# shellcheck disable=SC2016,SC2154

# block FILE HEADING N: the Nth block of code under a heading, without its indentation.
block() {
	awk -v heading="$2" -v n="$3" '
		/^ *```/ && inside { inside = 0; next }
		/^ *```/ { inside = 1; indent = match($0, "`") - 1; nr += under; next }
		!inside && /^#+ / { sub(/^#+ /, ""); under = $0 == heading; next }
		inside && under && nr == n { print substr($0, indent + 1) }' "$1"
}

# enter WHERE LINE: in this shell; what serves until it is ended goes to the background.
enter() {
	local where=$1 line=$2 rc=0
	# A number sign would be TAP's.
	line=$(sed -E 's/^#.*|[[:space:]]+#.*$//' <<<"$line")
	[ -n "$line" ] || return 0
	case $line in
	*...*) return 0 ;;
	'pnctl run '* | 'numactl '*)
		(cd /run/typed.d && setsid bash -c "$line" >/run/typed 2>&1 &)
		soon redis_answers_tcp || rc=1
		;;
	*'pnctl watch'*)
		timeout 10 bash -c "$line" >/run/typed 2>&1
		rc=$?
		# It goes on until it is ended.
		if [ $rc = 124 ] || [ $rc = 143 ]; then rc=0; else rc=1; fi
		;;
	# Nothing, if nothing went wrong.
	'dmesg | grep'*) eval "$line" >/run/typed 2>&1 || [ $? = 1 ] || rc=1 ;;
	*) eval "$line" >/run/typed 2>&1 || rc=$? ;;
	esac
	[ $rc = 0 ] || say </run/typed
	result $rc "typed: $where: $line"
}

# typed FILE HEADING N
typed() {
	local lines line
	mapfile -t lines < <(block "$@")
	check "typed: $1, $2: block $3 is there" [ ${#lines[@]} -gt 0 ]
	for line in "${lines[@]}"; do enter "$1, $2" "$line"; done
}

# put FILE HEADING N PATH: the block is a file.
put() {
	mkdir -p "$(dirname "$4")"
	block "$1" "$2" "$3" >"$4"
	check "typed: $1, $2: block $3 goes to $4" [ -s "$4" ]
}

no_redis() {
	redis-cli shutdown nosave >/dev/null 2>&1
	soon eval '! pidof redis-server' || true
}

# An idle one has next to nothing, and how much that is depends on the kernel's huge pages.
give_redis() {
	soon redis_answers_tcp
	head -c 8000000 /dev/zero | redis-cli -x set typed >/dev/null
}

# Sample output: but for numbers, and what is not of this machine, it is what is printed.
sample() {
	local first line
	block "$@" >/run/sample
	read -r first </run/sample
	check "typed: $1, $2: '$first'" eval "${first#\$ } >/run/typed 2>&1"
	sed -i 's/[0-9][0-9]*/N/g' /run/sample /run/typed
	while read -r line; do
		check "typed: it prints '$line'" grep -qxF -- "$line" /run/typed || say </run/typed
	done < <(tail -n +2 /run/sample)
}

newcomer() {
	local real='On a real machine' cgroup=/sys/fs/cgroup
	mkdir -p /run/typed.d
	systemctl stop redis-server

	# README.md. The packages are installed.
	sample README.md "$real" 2
	typed README.md "$real" 3
	check "typed: the node is private, and mbind is on" eval 'private && [ "$(knob mbind)" = 1 ]'
	check "typed: the file's group and mode" [ "$(stat -c '%G %a' "/dev/$DAX")" = "devmem 660" ]
	typed README.md "$real" 4
	must "typed: pnctl who names it" grep redis-server /run/typed
	give_redis
	must "typed: all that redis has is there" anon "$(pidof redis-server)" 1000
	typed README.md "$real" 5
	check "typed: it is saved under that name" [ -s "$conf"/fast.conf ]
	put README.md "$real" 6 "$units"/redis-server.service.d/private-node.conf
	typed README.md "$real" 7
	give_redis
	must "typed: and is on the node" anon "$(main_pid redis-server)" 1000
	must "typed: the unit is active" active private-nodes@fast
	typed README.md "$real" 8
	check "typed: no node is private" eval '! private'
	check "typed: device_dax has the device" [ "$(driver)" = device_dax ]
	check "typed: nothing is saved" [ -z "$(ls "$conf" 2>/dev/null)" ]
	must "typed: redis lives" redis_answers_tcp
	systemctl stop redis-server private-nodes@fast
	check "typed: nothing has failed" [ -z "$(systemctl --failed --plain --no-legend | tee /dev/stderr)" ]
	rmdir "$units"/redis-server.service.d

	# The guide, with pnctl ...
	typed guide.md 'Set up' 1
	no_redis
	check "typed: no node is private" eval '! private'
	rm -f "$conf"/*.conf

	# ... and by hand, first from device_dax, then from kmem.
	typed guide.md 'By hand' 2
	modprobe kmem
	check "typed: kmem has it" [ "$(driver)" = kmem ]
	put guide.md 'By hand' 4 /etc/udev/rules.d/90-private-node.rules
	udevadm control --reload
	typed guide.md 'By hand' 1
	typed guide.md 'By hand' 3
	check "typed: it says node $PNODE" [ "$(cat /run/typed)" = "$PNODE" ]
	udevadm settle
	check "typed: the rule has set the file's group and mode" [ "$(stat -c '%G %a' "/dev/$DAX")" = "devmem 660" ]
	typed guide.md 'Who may have it' 1
	check "typed: the node is granted" [ "$(cat $cgroup/granted/cpuset.mems.effective)" = 0,2 ]
	check "typed: and denied" [ "$(cat $cgroup/kept-off/cpuset.mems.effective)" = 0 ]
	rmdir $cgroup/granted $cgroup/kept-off
	for i in 1 2 3 4; do typed guide.md Tiers $i; done
	check "typed: demotion and reclaim are on" [ "$(knob demotion)$(knob reclaim)" = 11 ]
	typed guide.md 'Putting programs there' 1
	give_redis
	must "typed: it is there" anon "$(pidof redis-server)" 1000
	mkdir -p /srv/cache
	typed guide.md 'Shared memory' 1
	head -c 1M /dev/urandom >/srv/cache/file
	check "typed: the knob shmem is on" [ "$(knob shmem)" = 1 ]
	typed guide.md Watching 1
	typed guide.md 'Counters and tracepoints' 1
	must "typed: the pages of that file are counted" eval '[ "$(awk "\$1 == \"alloc_shmem\" { print \$2 }" /run/typed)" -ge 256 ]'
	umount /srv/cache
	rmdir /srv/cache
	no_redis

	# Uevents, while it is taken down.
	block guide.md Uevents 1 | head -n 1 >/run/monitor
	timeout 20 bash /run/monitor >/run/events 2>&1 &
	sleep 2
	echo 0 >"$dev/demotion"
	typed guide.md 'Taking it down' 2
	wait
	must "typed: an uevent of the knob" grep -x 'KNOB=demotion' /run/events
	must "typed: and one of the plugging" grep -x 'HOTPLUG=unplugged' /run/events
	check "typed: device_dax has the device" [ "$(driver)" = device_dax ]
	check "typed: no node is private" eval '! private'
	check "typed: the rule has taken the file back" [ "$(stat -c '%G %a' "/dev/$DAX")" = "root 600" ]
	rm /etc/udev/rules.d/90-private-node.rules
	groupdel devmem
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/lifecycle.sh rounds N | faults: plug, use, unplug, rebind in changing
# order, or with a memory allocation failing in each step. The node is as before
# or as after, never between. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

block=$(cat /sys/devices/system/memory/block_size_bytes)
want=$(($(cat "$dev/size") / 0x$block * 0x$block / $(getconf PAGESIZE)))
memtotal() { awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo; }
wrong() {
	note "$*"
	return 1
}
# The device's own range, and the memory in it.
iomem() { grep -c "$1" /proc/iomem; }
driver() { basename "$(readlink "$dev/driver" || echo none)"; }

# The state file of a driver that has plugged nothing, or that has all.
is_unplugged() {
	[ ! -e "$hotplug" ] || [ "$(cat "$hotplug")" = unplugged ] || wrong "state $(cat "$hotplug")" || return
	! private || wrong "in has_private_memory" || return
	! ordinary || wrong "in has_memory" || return
	[ "$(managed_pages)" = 0 ] || wrong "$(managed_pages) managed pages" || return
	[ "$(iomem 'System RAM (anondax)')" = 0 ] || wrong "memory in /proc/iomem" || return
	[ "$(memtotal)" = "$memtotal" ] || wrong "MemTotal $memtotal, now $(memtotal)" || return
	! compgen -G "/sys/devices/system/node/node$PNODE/memory[0-9]*" >/dev/null || wrong "memory blocks in sysfs"
}
is_plugged() {
	local state=$1
	[ "$(cat "$hotplug")" = "$state" ] || wrong "state $(cat "$hotplug"), not $state" || return
	private || wrong "not in has_private_memory" || return
	! ordinary || wrong "in has_memory" || return
	[ "$(managed_pages)" = "$want" ] || wrong "$(managed_pages) managed pages, not $want" || return
	[ "$(iomem 'System RAM (anondax)')" -ge 1 ] || wrong "no memory in /proc/iomem" || return
	[ "$(memtotal)" = "$memtotal" ] || wrong "MemTotal $memtotal, now $(memtotal)" || return
	all_free
}
# Folios rest on per-CPU lists of the LRU when their process has gone, until
# compact_memory drains these: so try that before it counts.
all_free() {
	[ "$(free_pages)" != "$(managed_pages)" ] || return 0
	echo 1 >/proc/sys/vm/compact_memory
	[ "$(free_pages)" = "$(managed_pages)" ] || wrong "$(free_pages) of $(managed_pages) pages are free"
}

memtotal=$(memtotal)

use() {
	"$BUILD/tests/failnth" touch "/dev/$DAX" "$1"
}

rounds() {
	local n=$1 i states=(online online_kernel online_movable) state bad=0 rc
	modprobe anondax && modprobe kmem
	for ((i = 0; i < n && bad == 0; i++)); do
		state=${states[(i * 5 + i / 3) % 3]}
		case $((i % 8)) in
		3) echo "$DAX" >"$bus/drivers/$(driver)/unbind" ;;
		5) lab/vm-node.sh -d device_dax unplugged >/dev/null 2>&1 ;;
		7) lab/vm-node.sh -d kmem online_movable >/dev/null && lab/vm-node.sh -d kmem unplugged >/dev/null || bad=1 ;;
		esac
		lab/vm-node.sh unplugged "$DAX" >/dev/null && is_unplugged || bad=1
		echo "$state" >"$hotplug" && is_plugged "$state" || bad=1
		case $((i % 4)) in
		0) use 8 || bad=1 ;;
		1) # unbound while in use, and taken over
			use 8 &
			echo "$DAX" >$bus/drivers/anondax/unbind
			wait $!
			rc=$?
			# Too late to open it is a fair answer.
			[ $rc = 0 ] || [ $rc = 3 ] || bad=1
			echo "$DAX" >$bus/drivers/anondax/bind || bad=1
			;;
		2) # unplugged while in use: the pages move
			use 4 &
			# By another process: a signal stops the unplugging, and this
			# shell gets one when its child ends.
			echo unplugged | tee "$hotplug" >/dev/null || bad=1
			wait $!
			echo "$state" >"$hotplug" || bad=1
			;;
		esac
		is_plugged "$state" || bad=1
		echo unplugged >"$hotplug" && is_unplugged || bad=1
		[ $bad = 0 ] || note "in round $i, $state"
	done
	result $bad "$i rounds of plugging, using, unplugging and rebinding"
}

# failing NAME BEFORE AFTER UNDO failnth-arguments...
failing() {
	local name=$1 before=$2 after=$3 undo=$4 rc check
	shift 4
	check="node $PNODE $hotplug $before $after"
	# Bound or not, the next attempt finds out: it fails if this one was halfway.
	[[ $before != *bound ]] || check=''
	CHECK=$check UNDO=$undo STEP=${STEP:-17} "$BUILD/tests/failnth" "$@"
	rc=$?
	if [ $rc = 4 ]; then
		skip "allocation failures: $name" "this kernel has no fault injection"
	else
		result $rc "allocation failures: $name"
	fi
}
faults() {
	local state
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait 2>/dev/null
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait 2>/dev/null
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order 2>/dev/null
	echo 0 >/sys/kernel/debug/fail_page_alloc/verbose 2>/dev/null
	echo 0 >/sys/kernel/debug/failslab/verbose 2>/dev/null
	# Two memory blocks do, and every attempt is so much faster.
	echo "$DAX" >"$bus/drivers/anondax/unbind"
	echo $((2 * 0x$block)) >"$dev/size" || note "the device keeps its size"
	lab/vm-node.sh unplugged >/dev/null
	want=$(($(cat "$dev/size") / 0x$block * 0x$block / $(getconf PAGESIZE)))
	for state in online online_movable; do
		failing "plug $state" unplugged $state "write $hotplug unplugged" write "$hotplug" $state
		lab/vm-node.sh "$state" >/dev/null
		failing "map and touch, $state" $state $state "" mmap "/dev/$DAX" 1
		failing "unplug from $state" $state unplugged "write $hotplug $state" write "$hotplug" unplugged
		lab/vm-node.sh unplugged >/dev/null
	done
	failing "unbind" bound unbound "write $bus/drivers/anondax/bind $DAX" write $bus/drivers/anondax/unbind "$DAX"
	failing "bind" unbound bound "write $bus/drivers/anondax/unbind $DAX" write $bus/drivers/anondax/bind "$DAX"
	check "and it still works" lab/vm-node.sh online
	check "the node is whole" is_plugged online
	lab/vm-node.sh unplugged >/dev/null
}

lab/vm-node.sh unplugged >/dev/null || {
	echo "Bail out! the device does not go to anondax"
	exit 1
}
case ${1:-} in
rounds) rounds "${2:-100}" ;;
faults) faults ;;
*) exit 2 ;;
esac
conclude

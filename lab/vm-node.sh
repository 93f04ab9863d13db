#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs in the virtual machine: hand dax devices to a driver and plug their memory.
#
#   lab/vm-node.sh [-d DRIVER] online|online_kernel|online_movable|unplugged [daxX.Y...]
#
# DRIVER is anondax unless given; all dax devices unless named. Called again it
# changes driver or state.

set -euo pipefail

fail() {
	echo "error: $1" >&2
	[ $# -lt 2 ] || echo "       $2" >&2
	exit 1
}

driver_of() {
	local link
	# Without readlink: to start a program takes the machine longer than all of this.
	link=$(cd -P "$1/driver" 2>/dev/null && pwd) || link=none
	echo "${link##*/}"
}

driver=anondax
while getopts d: opt; do
	case $opt in
	d) driver=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || fail "no state given" "online, online_kernel, online_movable or unplugged"
state=$1
shift
if [ $# -gt 0 ]; then
	devices=("$@")
else
	. /run/lab.env
	read -ra devices <<<"$DAX_DEVICES"
fi

bus=/sys/bus/dax
# kmem has had this file before us, under another name.
case $driver in
kmem) file=state ;;
*) file=hotplug ;;
esac

[ -d "$bus/drivers/$driver" ] || modprobe "$driver" || fail "there is no driver $driver in this kernel"
[ -d "$bus/drivers/$driver" ] || fail "the module $driver is there, but no driver of that name"

for d in "${devices[@]}"; do
	dev=$bus/devices/$d
	[ -e "$dev" ] || fail "there is no dax device $d" "/run/lab.env lists what there is"
	now=$(driver_of "$dev")
	if [ "$now" != "$driver" ]; then
		# Memory that stays online keeps the device's range and node.
		for f in "$dev/hotplug" "$dev/state"; do
			[ ! -e "$f" ] || [ "$(<"$f")" = unplugged ] || echo unplugged >"$f" ||
				fail "$d is $(<"$f") and cannot be unplugged, so $now keeps it"
		done
		[ "$now" = none ] || echo "$d" >"$bus/drivers/$now/unbind" || fail "$now does not let $d go"
		# new_id binds what matches; a device that it knows needs bind.
		echo "$d" >"$bus/drivers/$driver/new_id" 2>/dev/null || :
		[ -e "$dev/driver" ] || echo "$d" >"$bus/drivers/$driver/bind" || fail "$driver does not take $d"
		now=$(driver_of "$dev")
		[ "$now" = "$driver" ] || fail "$d went to $now instead of $driver"
	fi
	[ -e "$dev/$file" ] || fail "$d bound to $driver has no file '$file'"
	# The drivers want to go through unplugged from one zone to another.
	if [ "$(<"$dev/$file")" != "$state" ]; then
		[ "$state" = unplugged ] || [ "$(<"$dev/$file")" = unplugged ] || echo unplugged >"$dev/$file" ||
			fail "$d cannot be unplugged"
		[ "$(<"$dev/$file")" = "$state" ] || echo "$state" >"$dev/$file" || fail "$d does not become $state"
	fi
	echo "$d: node $(<"$dev/target_node"), $driver, $(<"$dev/$file")"
done

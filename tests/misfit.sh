#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/misfit.sh: devices that cannot become a private node, because the firmware gave them
# the node of a CPU, or none. pnctl says so and what to do, anondax refuses them, and who has
# them keeps them; kmem, the control, takes the one and not the other. Runs in the virtual
# machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

pnctl=$BUILD/pnctl/pnctl
drivers=$bus/drivers
nodes=/sys/devices/system/node
tmp=$(mktemp -d)

driver() {
	local link
	link=$(readlink "$bus/devices/$1/driver") || link=none
	echo "${link##*/}"
}
state() { echo "$(driver "$1") $(stat -c '%u:%g %a' "/dev/$1") $(cat $nodes/{online,has_memory,has_private_memory})"; }
# give DEVICE DRIVER: that it is asked to take it, be it willing or not
give() {
	modprobe "$2"
	echo "$1" >"$drivers/$2/new_id" || true
} 2>/dev/null

# refuses NAME DEVICE WHY CURE: as it is, in two lines; nothing is saved
refuses() {
	local name=$1 dax=$2 why=$3 cure=$4 was
	shift 4
	was=$(state "$dax")
	try "$pnctl" create "$dax" "$@" --config-dir "$tmp/conf"
	[ "$rc" = 1 ] && [ "$out$err" = "pnctl create: $dax $why"$'\n'"$cure" ] &&
		[ "$(state "$dax")" = "$was" ] && [ ! -e "$tmp/conf" ]
	rc=$?
	[ $rc = 0 ] || { shown create "$@" && note "was $was, is $(state "$dax")"; }
	result $rc "$name"
}

# misfit NAME DEVICE WHY CURE: at first nobody has it, then device_dax
misfit() {
	local name=$1 dax=$2 why=$3 cure=$4 who
	echo "$dax" >$drivers/device_dax/unbind || true
	for who in none device_dax; do
		[ $who = none ] || give "$dax" $who
		check "$name: $who has it" test "$(driver "$dax")" = $who
		refuses "$name, $who has it: create" "$dax" "$why" "$cure"
		refuses "$name, $who has it: create, as it is to be at boot" "$dax" "$why" "$cure" --mode movable --set mbind=on --save
		try "$pnctl" check --config-dir "$tmp/conf"
		[ "$rc" = 1 ] && [[ $out$err = *"$dax $why"* ]] && [[ $out$err = *"$cure"* ]]
		rc=$?
		[ $rc = 0 ] || shown check
		result $rc "$name, $who has it: check"
	done
	try "$pnctl" list
	[ "$rc" = 0 ] && [[ $out = *"$dax"* ]]
	result $? "$name: list has it"
	echo "$dax" >$drivers/device_dax/unbind
	dmesg -C
} 2>/dev/null
# says TEXT: the log since then
says() { dmesg >"$tmp/log" && grep -qF "$1" "$tmp/log"; }

# Then by hand: anondax takes the device and refuses to plug it.
name="of a node with CPUs" dax=$DAX_OF_NODE0
misfit "$name" "$dax" "is of node 0, which has CPUs" "its memory needs a node of its own: ask the firmware"
give "$dax" anondax
check "$name: anondax takes it" test "$(driver "$dax")" = anondax
for how in online online_kernel online_movable; do
	try tee "$bus/devices/$dax/hotplug" <<<$how
	[[ $err = *"busy"* ]] && [ "$(<"$bus/devices/$dax/hotplug")" = unplugged ] &&
		[ "$(<$nodes/has_private_memory)" = "" ]
	result $? "$name: $how is refused"
done
check "$name: the log says why" says "node 0 has ordinary memory, it cannot be private"
echo "$dax" >$drivers/anondax/unbind
give "$dax" kmem
check "$name: kmem, the control, takes it" test "$(driver "$dax")" = kmem

# Its variable has no number.
name="without a node" dax=$DAX_OF_NODE
misfit "$name" "$dax" "has no node" "the firmware has to give its memory a proximity domain of its own (SRAT)"
give "$dax" anondax
check "$name: anondax does not take it" test "$(driver "$dax")" = none
check "$name: the log says why" says "anondax $dax: rejecting DAX region with invalid node: -1"
give "$dax" kmem
check "$name: kmem, the control, does not take it either" test "$(driver "$dax")" = none
conclude

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A second owner: the module node_private_sample takes the device's physical range,
# makes a private node of it, allocates folios from it, opts in to services and
# leaves. Nothing of mm knows it. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

module=node_private_sample
parameters=/sys/module/$module/parameters
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
drivers=$bus/drivers

start=$(($(cat "$dev/mapping0/start")))
size=$((($(cat "$dev/mapping0/end") + 1 - start) / block * block))
# sets FILE VALUE: as written, and read back.
sets() { echo "$2" >"$parameters/$1" && [ "$(cat "$parameters/$1")" = "$2" ]; }
# fails FILE VALUE ERROR: and the file reads as before.
fails() {
	local before said
	before=$(cat "$parameters/$1")
	if said=$({ echo "$2" >"$parameters/$1"; } 2>&1); then
		wrong "$2 was taken"
		return
	fi
	[[ $said = *"$3"* ]] || wrong "$said" || return
	[ "$(cat "$parameters/$1")" = "$before" ] || wrong "it reads $(cat "$parameters/$1"), before $before"
}
# It takes what there is.
all_and_one() { ! echo $((all + 1)) 2>/dev/null >"$parameters/folios"; }
thread() { pgrep -x "$1$PNODE" >/dev/null; }
# What moves from a per-CPU list to the buddy lists while the two are read is seen
# in neither, so more than once.
free_are() {
	local i
	for ((i = 0; i < 10; i++)); do
		[ "$(free_pages)" != "$1" ] || return 0
		sleep 0.2
	done
	wrong "$(free_pages) free pages, not $1"
}
# What the node's file says that it has counted.
counted() { awk -v name="$1" '$1 == name { print $2 }' "/sys/devices/system/node/node$PNODE/private_stat"; }
all_counted() { awk '{ n += $2 } END { print n }' "/sys/devices/system/node/node$PNODE/private_stat"; }
owner() { cat "/sys/devices/system/node/node$PNODE/private_owner" 2>/dev/null; }
gone() { ! private && ! ordinary && [ "$(managed_pages)" = 0 ]; }

check "the module wants to know where the memory is" eval "! modprobe $module 2>/dev/null"
check "the module loads" modprobe $module start=$start size=$size nid="$PNODE"

# anondax is an owner too, and the first one counts.
lab/vm-node.sh online "$DAX" >/dev/null
check "while anondax owns the node it is refused" fails plugged 1 "Device or resource busy"
check "and anondax still has it" [ "$(cat "$hotplug")" = online ]
check "the node's file says so" [ "$(owner)" = anondax ]
coproc REST { exec "$BUILD/tests/failnth" rest "/dev/$DAX" 8; }
rest=$REST_PID
read -r -t 100 _ <&"${REST[0]}" || note "nobody has mapped the device"
lab/vm-node.sh unplugged "$DAX" >/dev/null
echo "$DAX" >"$drivers/anondax/unbind"
check "without anondax the node is nobody's" gone

check "folios of a node without memory" fails folios 1 "No such device or address"
check "it plugs the memory" sets plugged 1
check "the node is private" private
check "its file names the new owner" [ "$(owner)" = $module ]
check "to whom it is nothing what was counted for another" [ "$(all_counted)" = 0 ]
check "and not ordinary" eval "! ordinary"
all=$((size / page))
check "all of its $all pages are free" free_are $all
eval "exec ${REST[1]}>&-"
check "who had mapped the device when it was another's gets nothing of it" wait "$rest"
check "so they all are still" free_are $all
check "he is counted as one of the claim before" [ "$(counted refused_claim)" -ge 1 ]
refused=$(all_counted)
modprobe anondax
check "anondax can have it no more" eval "! lab/vm-node.sh online $DAX 2>/dev/null >/dev/null"
check "the module stays while there is memory" eval "! rmmod $module 2>/dev/null"

check "folios, in both scopes" sets folios 5000
check "come from the node" free_are $((all - 5000))
check "and are counted as the owner's" [ "$(counted alloc_owner) $(all_counted)" = "5000 $((refused + 5000))" ]
head -c 300M /dev/zero | tail -c 1 >/dev/null
dd if=/dev/zero of=/tmp/owner.$$ bs=1M count=64 2>/dev/null && rm /tmp/owner.$$
check "others do not" free_are $((all - 5000))
check "nor do they count" [ "$(all_counted)" = $((refused + 5000)) ]
check "a node in use stays" fails plugged 0 "Device or resource busy"
check "with its folios" free_are $((all - 5000))
check "that it could not be unplugged is counted" [ "$(counted unplug_failed)" = 1 ]
check "more folios than there are" all_and_one
check "it got every page" free_are 0
check "and all of them are counted" [ "$(counted alloc_owner)" = "$all" ]
check "and that there was not one more" [ "$(counted refused_full)" -ge 1 ]
check "and gives them back" sets folios 0
check "all of them" free_are $all

check "reclaim is off" eval "! thread kswapd"
check "an unknown service is refused" fails opts 0x100 "Invalid argument"
check "the owner opts in to reclaim" sets opts 0x1
check "reclaim is on" thread kswapd
check "the owner opts out" sets opts 0x0
check "reclaim is off again" eval "! thread kswapd"

check "it unplugs" sets plugged 0
check "the node's files are gone" eval "! owner"
check "the node is as it was" gone
check "the module leaves" rmmod $module
# It would be there for ever, and its owner would not.
refused() { ! modprobe "$module" start="$start" size="$size" nid="$PNODE" "$@" 2>/dev/null && gone; }
check "a load that another parameter ends takes no memory" refused plugged=1 opts=0x100
check "nor does one that asks for memory before it is done" refused plugged=1
check "and anondax can have it" lab/vm-node.sh online "$DAX"
lab/vm-node.sh unplugged "$DAX" >/dev/null
conclude

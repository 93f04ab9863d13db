#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/lifecycle.sh rounds N | ranges | faults [STATE...]: plug, use, unplug, rebind in
# changing order; the same with a device of several ranges, all of them or none;
# or with a memory allocation failing in each step, in these states or in two. The node is as before or as
# after, never between. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

drivers=$bus/drivers
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
memtotal() {
	local kib
	read -r _ kib _ </proc/meminfo
	echo "$kib"
}
# The device's own range, and the memory in it.
iomem() {
	local lines line n=0
	mapfile -t lines </proc/iomem
	for line in "${lines[@]}"; do
		[[ ! $line =~ $1 ]] || n=$((n + 1))
	done
	echo $n
}
driver() {
	local link
	link=$(cd -P "$dev/driver" 2>/dev/null && pwd) || link=none
	echo "${link##*/}"
}
# lab/vm-node.sh, but for another shell to be started for it.
# shellcheck source=/dev/null
vm_node() (
	OPTIND=1
	. lab/vm-node.sh "$@" >/dev/null
)

# The device's ranges: START END.
ranges_of() {
	local m
	for m in "$dev"/mapping[0-9]*; do
		echo "$(($(<"$m/start")))" "$(($(<"$m/end") + 1))"
	done
}
# What of them can be plugged: the numbers of the FIRST and the LAST memory block.
plugged_of() {
	local start end
	ranges_of | while read -r start end; do
		((start = (start + block - 1) / block, end = end / block - 1))
		[ "$start" -gt "$end" ] || echo "$start $end"
	done
}
blocks_of() {
	local first last
	plugged_of | while read -r first last; do
		for (( ; first <= last; first++)); do echo "$first"; done
	done
}
# What the node has when all of it is plugged: pages, memory blocks, and how many
# ranges have some. To be asked again when the device has another size.
wanted() {
	mapfile -t blocks < <(blocks_of)
	mapfile -t plugged < <(plugged_of)
	want=$((${#blocks[@]} * block / page))
	# A struct page has 64 bytes: in each block they take the place of so many pages.
	! memmap_on_memory || want=$((want - want * 64 / page))
}
memmap_on_memory() {
	[ "$(cat /sys/module/memory_hotplug/parameters/memmap_on_memory 2>/dev/null)" = Y ] &&
		[ "$(<"$dev/memmap_on_memory")" = 1 ]
}

# The state file of a driver that has plugged nothing, or that has all.
is_unplugged() {
	[ ! -e "$hotplug" ] || [ "$(<"$hotplug")" = unplugged ] || wrong "state $(<"$hotplug")" || return
	! private || wrong "in has_private_memory" || return
	! ordinary || wrong "in has_memory" || return
	[ "$(managed_pages)" = 0 ] || wrong "$(managed_pages) managed pages" || return
	[ "$(iomem 'System RAM \(anondax\)')" = 0 ] || wrong "memory in /proc/iomem" || return
	[ "$(memtotal)" = "$memtotal" ] || wrong "MemTotal $memtotal, now $(memtotal)" || return
	! compgen -G "/sys/devices/system/node/node$PNODE/memory[0-9]*" >/dev/null || wrong "memory blocks in sysfs"
}
is_plugged() {
	is_online "$1" && all_free
}
# The same with pages in use.
is_online() {
	local state=$1 zone=Normal b there
	[ "$(<"$hotplug")" = "$state" ] || wrong "state $(<"$hotplug"), not $state" || return
	private || wrong "not in has_private_memory" || return
	! ordinary || wrong "in has_memory" || return
	[ "$(managed_pages)" = "$want" ] || wrong "$(managed_pages) managed pages, not $want" || return
	[ "$(memtotal)" = "$memtotal" ] || wrong "MemTotal $memtotal, now $(memtotal)" || return
	# Every block of every range, and no other.
	[ "$state" != online_movable ] || zone=Movable
	[ "$(iomem 'System RAM \(anondax\)')" = ${#plugged[@]} ] || wrong "not all of the memory in /proc/iomem" || return
	for b in "${blocks[@]}"; do
		b=/sys/devices/system/node/node$PNODE/memory$b
		[ "$(<"$b/state") $(<"$b/valid_zones")" = "online $zone" ] || wrong "${b##*/}: $(<"$b/state") $(<"$b/valid_zones")" || return
	done
	mapfile -t there < <(compgen -G "/sys/devices/system/node/node$PNODE/memory[0-9]*")
	[ ${#there[@]} = ${#blocks[@]} ] || wrong "${#there[@]} memory blocks, not ${#blocks[@]}"
}
# Folios rest on per-CPU lists of the LRU when their process has gone, until
# compact_memory drains these: so try that before it counts. And what moves from
# a per-CPU list to the buddy lists while the two are read is seen in neither.
all_free() {
	local i
	for ((i = 0; i < 20; i++)); do
		[ "$(free_pages)" != "$(managed_pages)" ] || return 0
		echo 1 >/proc/sys/vm/compact_memory
		[ "$i" = 0 ] || sleep 0.2
	done
	wrong "$(free_pages) of $(managed_pages) pages are free"
}

memtotal=$(memtotal)

use() {
	"$BUILD/tests/failnth" touch "/dev/$DAX" "$1"
}

# hold MIB: somebody uses so much of the device, until let_go.
hold() {
	local ready
	coproc HOLD { exec "$BUILD/tests/failnth" hold "/dev/$DAX" "$1"; }
	holder=$HOLD_PID
	ready=''
	read -r -t 100 ready <&"${HOLD[0]}" || :
	[ "$ready" = ready ] || wrong "nobody holds any of it"
}
let_go() {
	eval "exec ${HOLD[1]}>&-"
	wait "$holder"
}
# No trace of it, whoever has the device.
gone() {
	! private && [ "$(managed_pages)" = 0 ] && [ "$(iomem 'System RAM \(anondax\)')" = 0 ]
}

rounds() {
	local n=$1 i states=(online online_kernel online_movable) state bad=0 rc on_memory=0
	modprobe anondax && modprobe kmem
	# Two memory blocks: more takes longer and goes the same ways.
	{ divide 2 && wanted; } || bad=1
	for ((i = 0; i < n && bad == 0; i++)); do
		state=${states[(i * 5 + i / 3) % 3]}
		case $((i % 8)) in
		3) # and every other time with its struct pages on the node itself
			echo "$DAX" >"$drivers/$(driver)/unbind"
			echo $((i / 8 % 2)) >"$dev/memmap_on_memory"
			wanted
			! memmap_on_memory || on_memory=$((on_memory + 1))
			;;
		5) vm_node -d device_dax unplugged 2>/dev/null ;;
		7) vm_node -d kmem online_movable && vm_node -d kmem unplugged || bad=1 ;;
		esac
		vm_node unplugged "$DAX" && is_unplugged || bad=1
		echo "$state" >"$hotplug" && is_plugged "$state" || bad=1
		case $((i % 4)) in
		0) use 8 || bad=1 ;;
		1) # unbound while in use, and taken over
			use 8 &
			echo "$DAX" >"$drivers/anondax/unbind"
			wait $!
			rc=$?
			# Too late to open it is a fair answer.
			[ $rc = 0 ] || [ $rc = 3 ] || bad=1
			echo "$DAX" >"$drivers/anondax/bind" || bad=1
			# It goes if nobody uses it any more.
			[ "$(<"$hotplug")" != unplugged ] || echo "$state" >"$hotplug" || bad=1
			;;
		2) # unplugged while in use: the pages move
			use 4 &
			# By another process: a signal stops the unplugging, and this
			# shell gets one when its child ends.
			(echo unplugged >"$hotplug") || bad=1
			wait $!
			echo "$state" >"$hotplug" || bad=1
			;;
		esac
		is_plugged "$state" || bad=1
		echo unplugged >"$hotplug" && is_unplugged || bad=1
		[ $bad = 0 ] || note "in round $i, $state"
	done
	result $bad "$i rounds of plugging, using, unplugging and rebinding"
	check "some of them with struct pages on the node itself" [ $on_memory -gt 0 ]
}

#
# Several ranges.
#

# divide BLOCKS...: make it a device of as many ranges, of so many memory blocks
# each, with another device of one block in each hole. A dax region gives a device
# that grows what is free, wherever that is.
holes=()
divide() {
	local region n total=0 other
	region=$(readlink -f "$dev")
	region=${region%/*}/dax_region
	[ "$(driver)" = none ] || echo "$DAX" >"$drivers/$(driver)/unbind" || return
	for n; do
		if [ $total != 0 ]; then
			echo 1 >"$region/create" && other=$(cat "$region/create") && [ -n "$other" ] &&
				echo "$block" >"$bus/devices/$other/size" || return
			holes+=("$other")
		fi
		total=$((total + n))
		echo $((total * block)) >"$dev/size" || return
	done
}
# Are these the sizes of the ranges, each behind a hole?
is_divided() {
	local start end last=0 sizes=()
	while read -r start end; do
		sizes+=($(((end - start) / block)))
		[ "$start" -gt "$last" ] || wrong "range ${#sizes[@]} does not begin behind a hole" || return
		last=$end
	done < <(ranges_of)
	[ "${sizes[*]}" = "$*" ] || wrong "ranges of ${sizes[*]:-no} blocks"
}
# expect PATTERN WORD...: the answer of tests/fill.c when told so.
answer=''
expect() {
	local pattern=$1
	shift
	echo "$*" >&"${FILL[1]}"
	read -r -t 300 answer <&"${FILL[0]}" || answer="no answer"
	[[ $answer =~ $pattern ]] || wrong "$*: $answer"
}
# filled NUMBER...: has it got so many pages of each range?
filled() {
	read -r -t 300 answer <&"${FILL[0]}" || answer="nothing"
	[ "$answer" = "pages $want in each $* elsewhere 0" ] || wrong "$answer"
}
busy() {
	local error
	error=$( (echo unplugged >"$hotplug") 2>&1) && wrong "it could be unplugged" && return 1
	[[ $error = *"Device or resource busy"* ]] || wrong "$error"
}
# All that the node has but for what fill says is there.
rest_is_free() {
	local there i
	expect '^[0-9]+ pages, 0 wrong, in each' check || return
	there=$(awk '{ for (i = 7; i <= NF && $i != "elsewhere"; i++) sum += $i; print sum }' <<<"$answer")
	for ((i = 0; i < 20; i++)); do
		[ "$(free_pages)" != $((want - there)) ] || return 0
		echo 1 >/proc/sys/vm/compact_memory
		[ "$i" = 0 ] || sleep 0.2
	done
	wrong "$(free_pages) of $want pages are free, $there in use"
}
# Besides what the device's region has for it, a reservation for each range.
is_reserved() {
	[ "$(iomem " : $DAX\$")" = $((others + 3)) ] || wrong "$(($(iomem " : $DAX\$") - others)) reservations"
}
ranges() {
	local state start end args=() pages=() before others pid
	divide 1 2 2 || note "the device cannot be divided"
	check "a device of three ranges with holes between them" is_divided 1 2 2
	before=$(cat /proc/iomem)
	others=$(iomem " : $DAX\$")
	vm_node unplugged "$DAX"
	check "anondax reserves each of them" is_reserved
	wanted
	while read -r start end; do
		args+=("$(printf '%x-%x' "$start" $((end - 1)))")
		pages+=($(((end - start) / page)))
	done < <(ranges_of)
	for state in online online_kernel online_movable; do
		echo "$state" >"$hotplug"
		check "$state: all ranges, and nothing else" is_plugged "$state"
		# What is free as seen by one program, to the last page.
		coproc FILL { exec "$BUILD/tests/fill" "/dev/$DAX" $((want * page / 1048576 + 16)) "${args[@]}"; }
		pid=$FILL_PID
		check "$state: filled to the last page of each range" filled "${pages[@]}"
		check "$state: then nothing is free" [ "$(free_pages)" = 0 ]
		check "$state: a page of the second range is pinned" expect '^pinned' pin 1
		expect '^kept' less
		check "$state: unplug fails, busy" busy
		check "$state: and all ranges are online as before" is_online "$state"
		check "$state: with the data" rest_is_free
		check "$state: and usable" use 16
		check "$state: busy again" busy
		check "$state: unpinned" expect '^unpinned, as written' unpin
		echo unplugged >"$hotplug"
		check "$state: unplugged, all ranges" is_unplugged
		check "$state: and reserved as they were when it was bound" is_reserved
		check "$state: the data have moved" expect '^[0-9]+ pages, 0 wrong, in each 0 0 0 ' check
		echo quit >&"${FILL[1]}"
		wait "$pid"

		# In use it stays when the driver goes, and is found again.
		echo "$state" >"$hotplug"
		hold 8
		echo 1 >"$dev/mbind"
		echo "$DAX" >"$drivers/anondax/unbind"
		check "$state: unbound in use, the node stays" private
		! echo "$DAX" >"$drivers/device_dax/bind" 2>/dev/null
		check "$state: and device_dax gets none of the ranges" [ "$(driver)" = none ]
		echo "$DAX" >"$drivers/anondax/bind"
		check "$state: bound again, all ranges are there" is_online "$state"
		check "$state: and nothing is switched on" [ "$(<"$dev/mbind")" = 0 ]
		let_go
		check "$state: given back" all_free
		# Nobody uses it.
		echo "$DAX" >"$drivers/anondax/unbind"
		check "$state: unbound when nobody uses it, it goes" gone
		echo "$DAX" >"$drivers/anondax/bind"
		check "$state: and is unplugged when it is bound again" is_unplugged
	done
	echo "$DAX" >"$drivers/anondax/unbind"
	check "unbound, /proc/iomem is what it was" [ "$(cat /proc/iomem)" = "$before" ]

	# A range of less than a memory block, and half a block of another.
	echo $((block * 7 / 2)) >"$dev/size"
	vm_node online_movable "$DAX"
	wanted
	check "ranges of 1, 2 and a half blocks: three blocks" [ "$want" = $((3 * block / page)) ]
	check "all three are plugged" is_plugged online_movable
	echo unplugged >"$hotplug"
	check "and unplugged" is_unplugged
	neighbours
	orphans
	kept_open
}

#
# A device that does not come back, or by another name.
#
orphans() {
	local region other refs
	region=$(readlink -f "$dev")
	region=${region%/*}/dax_region
	divide 2
	vm_node online_movable "$DAX"
	wanted
	hold 8
	echo "$DAX" >"$drivers/anondax/unbind"
	# Its range is free again when it has gone, and so another's.
	echo 0 >"$dev/size"
	# The first one of a region stays, without memory.
	echo "$DAX" >"$region/delete" 2>/dev/null
	check "the device is gone, its memory is not" private
	echo 1 >"$region/create" && other=$(<"$region/create")
	echo $((2 * block)) >"$bus/devices/$other/size"
	echo "$other" >"$drivers/anondax/bind" 2>/dev/null || echo "$other" >"$drivers/anondax/new_id"
	DAX=$other dev=$bus/devices/$other hotplug=$dev/hotplug
	check "another with its range finds it" is_online online_movable
	let_go
	check "with all of it given back" all_free
	hold 8
	refs=$(<"/sys/module/anondax/refcnt")
	echo "$DAX" >"$drivers/anondax/unbind"
	let_go
	check "left behind again" private
	offline_blocks
	for ((i = 0; i < 50; i++)); do
		[ "$(<"/sys/module/anondax/refcnt")" -ge "$refs" ] || break
		sleep 0.1
	done
	check "taken offline by hand, its claim ends with the last block" gone
	check "and the driver may go" [ "$(<"/sys/module/anondax/refcnt")" -lt "$refs" ]
	echo "$DAX" >"$drivers/anondax/bind"
	check "bound again, it is unplugged" is_unplugged
}

offline_blocks() {
	local b
	for b in "${blocks[@]}"; do
		echo offline >"/sys/devices/system/memory/memory$b/state" || note "memory$b does not go offline"
	done
}
# Those of another device, one after another.
offline_refused() {
	local b
	while read -r b; do
		! echo offline >"/sys/devices/system/memory/memory$b/state" 2>/dev/null || wrong "memory$b goes offline" || return
	done < <(dev=${1%/*} && blocks_of)
	[ "$(<"$1")" = online_movable ]
}

#
# Somebody keeps the file open that another driver has left: who opens it then gets that
# driver's, until the last one closes it.
#
kept_open() {
	vm_node -d device_dax unplugged "$DAX" 2>/dev/null
	check "the device is device_dax'" [ "$(driver)" = device_dax ]
	exec 9<"/dev/$DAX"
	echo "$DAX" >"$drivers/device_dax/unbind"
	"$BUILD/tests/failnth" touch "/dev/$DAX" 1
	check "kept open over an unbind it cannot be opened" [ $? = 3 ]
	vm_node online_movable "$DAX"
	"$BUILD/tests/failnth" touch "/dev/$DAX" 1
	check "nor when it is anondax'" [ $? = 3 ]
	exec 9<&-
	check "until it is closed" use 1
	vm_node unplugged "$DAX"
}

#
# Two devices of one node.
#
neighbours() {
	local other=${holes[0]} file heard watcher i
	file=$bus/devices/$other/hotplug
	vm_node unplugged "$DAX"
	vm_node unplugged "$other"
	# They share what they are opted in to, plugged or not.
	heard=$(mktemp)
	"$BUILD/pnctl/pnctl" watch -i 0.2 >"$heard" &
	watcher=$!
	until [ -s "$heard" ]; do sleep 0.1; done
	echo 1 >"$dev/mbind"
	check "a knob of one is one of the other" [ "$(<"$bus/devices/$other/mbind")" = 1 ]
	for ((i = 0; i < 50; i++)); do
		[ "$(grep -c ': mbind=1$' "$heard")" != 2 ] || break
		sleep 0.1
	done
	kill $watcher
	check "and each of them says so" [ "$(grep -o '[^ ]*: mbind=1$' "$heard" | sort | tr '\n' ' ')" = "$(printf '%s: mbind=1\n' "$DAX" "$other" | sort | tr '\n' ' ')" ]
	rm "$heard"
	echo 300 >"$bus/devices/$other/adistance"
	check "so is the abstract distance" [ "$(<"$dev/adistance")" = 300 ]
	vm_node online_movable "$DAX"
	check "plugged, the other one cannot set it" eval "! echo 301 >'$bus/devices/$other/adistance' 2>/dev/null"
	echo 0 >"$bus/devices/$other/mbind"
	check "but it can switch off for both" [ "$(<"$dev/mbind")" = 0 ]
	echo 1 >"$dev/ltpin"
	vm_node online_movable "$other"
	check "and when it is plugged takes what is in force" [ "$(<"$bus/devices/$other/ltpin")" = 1 ]
	echo 0 >"$bus/devices/$other/ltpin"
	check "another device of the node: its memory comes on top" [ "$(managed_pages)" = $((want + block / page)) ]
	echo unplugged >"$hotplug"
	check "it keeps the node private when the first is unplugged" private
	check "with its own memory" [ "$(managed_pages)" = $((block / page)) ]
	"$BUILD/tests/failnth" touch "/dev/$other" 16
	check "and it is usable" [ $? = 0 ]
	check "what it has counted goes on" grep -q '^alloc_dax [1-9]' "/sys/devices/system/node/node$PNODE/private_stat"
	echo online_movable >"$hotplug"
	check "and does not begin anew when the first comes back" grep -q '^alloc_dax [1-9]' "/sys/devices/system/node/node$PNODE/private_stat"
	echo unplugged >"$hotplug"
	# One of them is left behind in use: what is the other's is still the other's. They
	# are one pool, so it is more than the other one has.
	echo online_movable >"$hotplug"
	hold $((block / 1048576 + 8))
	echo "$DAX" >"$drivers/anondax/unbind"
	let_go
	check "the first is left behind, the other one is there" [ "$(managed_pages)" = $((want + block / page)) ]
	check "nobody takes the other one's memory away" offline_refused "$file"
	offline_blocks
	for ((i = 0; i < 50; i++)); do
		[ "$(managed_pages)" != $((block / page)) ] || break
		sleep 0.1
	done
	check "but what was left behind goes by hand" [ "$(managed_pages)" = $((block / page)) ]
	check "the other one can be used" "$BUILD/tests/failnth" touch "/dev/$other" 16
	echo "$DAX" >"$drivers/anondax/bind"
	check "the first is bound again, and unplugged" [ "$(<"$hotplug")" = unplugged ]
	echo unplugged >"$file"
	check "with the last the node is as before" is_unplugged
	echo "$other" >"$drivers/anondax/unbind"
}

#
# Failures.
#

# ignore_in ATTRIBUTE FUNCTION: let no allocation fail that is made in there.
# /proc/kallsyms has the addresses too, in minutes; nothing moves at boot here.
ignore_in() {
	local start end dir=/sys/kernel/debug/$1
	read -r start end < <(awk -v f="$2" 'on { print "0x" start, "0x" $1; exit } $3 == f { on = 1; start = $1 }' "$BUILD/kernel-$LAB_KIND/System.map")
	if [ -z "${end:-}" ] || [ ! -e "$dir/reject-start" ]; then
		note "$1 cannot leave out $2: counts of allocations may vary"
		return
	fi
	echo "$start" >"$dir/reject-start"
	echo "$end" >"$dir/reject-end"
	echo 16 >"$dir/stacktrace-depth"
}
# failing NAME STATE UNDO ARGUMENTS...: of tests/failnth.c. STATE is what the
# device is in before and, once undone, afterwards: a state of the hotplug file,
# or "unbound".
failing() {
	local name=$1 state=$2 rc
	shift 2
	case $state in
	unbound*) ;;
	*) vm_node "$state" "$DAX" ;;
	esac
	# What is measured goes up and down by a hundred pages.
	UNDO=$1 NODE=$PNODE DEVICE=$DAX LOST=300 "$BUILD/tests/failnth" "${@:2}"
	rc=$?
	if [ $rc = 4 ]; then
		skip "allocation failures: $name" "this kernel has no fault injection"
		return
	fi
	case $state in
	unbound) is_unplugged && [ "$(driver)" = none ] || rc=1 ;;
	unbound-*) private && [ "$(driver)" = none ] || rc=1 ;;
	unplugged) is_unplugged || rc=1 ;;
	*) is_plugged "$state" || rc=1 ;;
	esac
	result $rc "allocation failures: $name"
}

# The second range fails, and then the first one cannot be taken back.
stuck() {
	local state=$1 action=/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error rc
	vm_node unplugged "$DAX"
	if ! modprobe memory-notifier-error-inject 2>/dev/null; then
		skip "plug $state, half of it stuck" "this kernel cannot make offlining fail"
		return
	fi
	STUCK=$action "$BUILD/tests/failnth" half "$hotplug" "$state"
	rc=$?
	result $rc "plug $state: the second range failed and the first could not be taken back"
	check "plug $state: then it is there, by half" [ "$(managed_pages)" = $((want / 2)) ]
	check "plug $state: which is not said to be all" eval "! echo '$state' >'$hotplug' 2>/dev/null"
	check "plug $state: what there is can be used" "$BUILD/tests/failnth" touch "/dev/$DAX" 16
	vm_node unplugged "$DAX"
	check "plug $state: and it is unplugged, all of it" is_unplugged
	check "plug $state: for the next time" vm_node "$state" "$DAX"
	modprobe -r memory-notifier-error-inject
}
faults() {
	local scrub=/sys/module/anondax/parameters/scrub
	local states=("$@") state bind="write $drivers/anondax/bind $DAX" unbind="write $drivers/anondax/unbind $DAX" rolled_back
	for f in failslab/ignore-gfp-wait fail_page_alloc/ignore-gfp-{wait,highmem}; do
		echo N >"/sys/kernel/debug/$f"
	done 2>/dev/null
	for f in {failslab,fail_page_alloc}/verbose fail_page_alloc/min-order; do
		echo 0 >"/sys/kernel/debug/$f"
	done 2>/dev/null
	# With kmemleak every allocation of the slab makes another, for which it has
	# something put by. Otherwise leave out what fills per-CPU lists now or
	# then: without that, each attempt makes the very same allocations. (With it
	# the count slips by one here and there, and one may be passed over.)
	if grep -qw kmemleak=on /proc/cmdline; then
		ignore_in failslab __alloc_object
	else
		ignore_in failslab __pcs_replace_empty_main
	fi
	# Linux on x86 does not survive it if there is no page for the page tables
	# of the direct map: alloc_low_pages(), a tail call of this one.
	ignore_in fail_page_alloc phys_pud_init
	# A machine this small has no huge pages unless told so. With them so much memory
	# is few allocations, and there are those that huge pages make.
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	# Two ranges of a memory block each: less does not show all, and more takes
	# longer and makes no other allocations.
	# It may be one from before.
	is_divided 1 1 >/dev/null || divide 1 1
	check "a device of two ranges" is_divided 1 1
	wanted
	vm_node online "$DAX"
	[ ${#states[@]} -gt 0 ] || states=(online online_movable)
	for state in "${states[@]}"; do
		rolled_back=$(mktemp)
		dmesg -w | grep -m 1 -E 'mapping[1-9]: memory add failed' >"$rolled_back" &
		# All of them once, some of them again: for most the zone is the same.
		[ "$state" = online ] || export FULL=4 STEP=5
		# What is zeroed between two attempts is not what they are about.
		echo N >"$scrub"
		failing "plug $state" unplugged "write $hotplug unplugged" write "$hotplug" "$state"
		check "plug $state: the second range failed and the first was taken back" [ -s "$rolled_back" ]
		kill $! 2>/dev/null
		[ "$state" != online ] || stuck "$state"
		failing "map and touch, $state" "$state" "" mmap "/dev/$DAX" 2112
		echo Y >"$scrub"
		failing "unplug from $state" "$state" "write $hotplug $state" write "$hotplug" unplugged
		USE="/dev/$DAX 2112" failing "unplug from $state, in use" "$state" "write $hotplug $state" write "$hotplug" unplugged
		# In use it stays; unused it goes, and is unplugged when it is bound again.
		USE="/dev/$DAX 2112" failing "unbind from $state" "$state" "$bind" write "$drivers/anondax/unbind" "$DAX"
		hold 4
		echo "$DAX" >"$drivers/anondax/unbind"
		HELD=$((4 * 1048576 / page)) failing "bind, $state since before" "unbound-$state" "$unbind" write "$drivers/anondax/bind" "$DAX"
		let_go
		echo "$DAX" >"$drivers/anondax/bind"
		unset FULL STEP
	done
	vm_node unplugged "$DAX"
	# Without memory there is but one way to be bound: once is enough.
	if [ "$state" != online ]; then
		echo "$DAX" >"$drivers/anondax/unbind"
		failing "bind" unbound "$unbind" write "$drivers/anondax/bind" "$DAX"
		failing "unbind" unplugged "$bind" write "$drivers/anondax/unbind" "$DAX"
	fi
	check "and it still works" vm_node online "$DAX"
	check "the node is whole" is_plugged online
	vm_node unplugged "$DAX"
}

lab/vm-node.sh unplugged >/dev/null || {
	echo "Bail out! the device does not go to anondax"
	exit 1
}
wanted
case ${1:-} in
rounds) rounds "${2:-100}" ;;
ranges) ranges ;;
faults) faults "${@:2}" ;;
*) exit 2 ;;
esac
conclude

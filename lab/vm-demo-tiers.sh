#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo's second part, inside a machine of shape "both": one private node is
# faster than DRAM and one slower. What does not fit into DRAM flows down to the
# slow one, and what does not fit into the fast one flows down to DRAM. Every
# claim is checked; exit status 1 if one does not hold.

set -euo pipefail
. lab/vm-demo-lib.sh

fast=2 slow=3
fast_dev=${DAX_OF_NODE2:-} slow_dev=${DAX_OF_NODE3:-}
if [ -z "$fast_dev" ] || [ -z "$slow_dev" ]; then
	die "shape $SHAPE has no tiers; shape both has"
fi
tiers=/sys/devices/virtual/memory_tiering

# From the fastest to the slowest: what is demoted goes to the right.
order=("$fast" 0 1 "$slow")
narrow=12

# What a line of bars needs, without starting a program for it.
declare -A now=()
sample() {
	local n k v
	for n in "${order[@]}"; do
		while read -r _ _ k v _; do
			[ "$k" != MemFree: ] || now[$n]=$((v / 4))
		done <"$sysnode/node$n/meminfo"
	done
	while read -r k v; do
		[ "$k" != pswpout ] || now[swap]=$((v - swapped_before))
	done </proc/vmstat
	# How full the slow node is when the first page is seen to go out.
	[ -n "$full_at" ] || [ "${now[swap]}" = 0 ] || full_at=${now[$slow]}
}
declare -A drawn=()
row() {
	local n f color
	printf '   %5d s' "$1"
	for n in "${order[@]}"; do
		color=$blue
		[ "$n" != "$fast" ] && [ "$n" != "$slow" ] || color=$green
		f=$(((now[$n] * narrow + managed[$n] / 2) / managed[$n]))
		printf '  %s%s%s%s%s%s %4d' "$color" "$(repeat █ "$f")" "$off" "$dim" "$(repeat ░ $((narrow - f)))" "$off" $((now[$n] / 256))
	done
	printf '  %7d\n' $((now[swap] / 256))
	for n in "${!now[@]}"; do drawn[$n]=${now[$n]}; done
}
# Has something changed by so much since the last line?
worth_a_row() {
	local n
	for n in "${!now[@]}"; do
		[ $((now[$n] - drawn[$n])) -lt $((some * 256)) ] && [ $((drawn[$n] - now[$n])) -lt $((some * 256)) ] || return 0
	done
	return 1
}

# over_time NAME: bars until that program says something. In ${now[swap]} what
# swap had to take, in $full_at how much of the slow node was free by then.
over_time() {
	local started=$SECONDS
	count_pages
	swapped_before=$(vmstat pswpout) full_at=''
	printf '   %7s  %-17s  %-17s  %-17s  %-17s  %s\n' '' "node $fast, fast" "node 0" "node 1" "node $slow, slow" swapped
	sample
	row 0
	while [ ! -s "/run/demo.$1" ] && kill -0 "${pids[$1]}" 2>/dev/null; do
		sample
		! worth_a_row || row $((SECONDS - started))
		sleep 0.1
	done
	sample
	row $((SECONDS - started))
	said "$1" 1
}

# places NAME PAGES: how many pages of the program's mapping are on each node, in $at.
# What is being moved just then is nowhere, so look again until they are all somewhere.
declare -A at=()
places() {
	local n line sum tries
	for tries in {1..50}; do
		line=$(grep -F " file=/dev/" "/proc/${pids[$1]}/numa_maps")
		sum=0
		for n in "${order[@]}"; do
			at[$n]=0
			[[ ! $line =~ \ N$n=([0-9]+) ]] || at[$n]=${BASH_REMATCH[1]}
			sum=$((sum + at[$n]))
		done
		[ "$sum" != "$2" ] || return 0
		sleep 0.1
	done
	say "of $2 pages $sum are there after $tries looks"
}
all_of_them() { [ $((at[$fast] + at[0] + at[1] + at[$slow])) = "$1" ]; }
# on_nodes NAME: show where the mapping is, as the kernel has it.
on_nodes() {
	typed "grep /dev/ /proc/${pids[$1]}/numa_maps"
	grep -F " file=/dev/" "/proc/${pids[$1]}/numa_maps" | indent
}
# end NAME...: they read all that they wrote and say whether it is what they wrote.
end() {
	local i rc
	local who=()
	for i in "$@"; do who+=("${pids[$i]}"); done
	typed "kill ${who[*]}"
	for i in "$@"; do
		kill "${pids[$i]}" || die "a program was gone before its time"
		rc=0
		wait "${pids[$i]}" || rc=$?
		claim "$(tail -n 1 "/run/demo.$i")" test "$rc" = 0
	done
	# A few pages may wait on a CPU's list of folios to add to the LRU.
	echo 1 >/proc/sys/vm/compact_memory
}
at_most() { [ "$1" -le "$2" ]; }
at_least() { [ "$1" -ge "$2" ]; }

##
title "A machine with memory that is faster than DRAM and memory that is slower: two private nodes"
run "modprobe anondax"
for d in "$fast_dev" "$slow_dev"; do
	[ "$(driver "$d")" = none ] || run "echo $d >$bus/drivers/$(driver "$d")/unbind"
	run "echo $d >$bus/drivers/anondax/new_id"
	run "echo online_movable >$bus/devices/$d/hotplug"
done
run "grep . $bus/devices/*/adistance"
run "grep . $tiers/memory_tier*/nodelist"
say "${dim}The lower the number the faster, by the firmware's latencies. The ordinary nodes are in between.$off"
tier_of() { grep -lx -- "$1" $tiers/memory_tier*/nodelist | sed 's,.*memory_tier\([0-9]*\)/.*,\1,'; }
claim "node $fast is in a tier above DRAM, node $slow in one below" \
	test "$(tier_of "$fast")" -lt "$(tier_of 0-1)" -a "$(tier_of 0-1)" -lt "$(tier_of "$slow")"
bars
dram=$(((managed[0] + managed[1]) / 256))
all_fast=${free[$fast]}
# MiB that are worth a line: 100 on nodes of 1 GiB.
some=$((managed[$slow] * 100 / 262144))

##
title "A working set larger than DRAM: cold pages are demoted to the slow node; nothing is swapped"
mib=$((dram * 8 / 5))
run "mkswap $LAB_DISK >/dev/null && swapon $LAB_DISK"
run "echo 1 >$bus/devices/$slow_dev/demotion"
run "echo 1 >/sys/kernel/mm/numa/demotion_enabled"
served_fast=$(served "$fast")
hold_begin zero "$mib" 0
over_time 0
say "${dim}The bars: █ free, ░ taken, and the number of MiB free; a line whenever $some MiB have gone somewhere.$off"
on_nodes 0
places 0 $((mib * 256))
claim "all $((mib * 256)) pages are in memory, ${at[$slow]} of them on node $slow" all_of_them $((mib * 256))
claim "some are on node $slow and none on node $fast" test "${at[$slow]}" -gt 0 -a "${at[$fast]}" = 0
claim "nothing was swapped" test "${now[swap]}" = 0
claim "nothing was allocated from node $fast, the fastest of all, by default: $served_fast allocations before, $(served "$fast") now" \
	test "$served_fast" = "$(served "$fast")"

##
title "More than DRAM and the slow node have together: when the slow node is full, swap begins"
hold_begin zero $((dram + managed[$slow] / 256 + some - mib)) 1
over_time 1
claim "$((now[swap] / 256)) MiB had to be swapped" at_least "${now[swap]}" $((managed[$slow] / 1024))
claim "when that was first seen node $slow had ${full_at:-?} of its ${managed[$slow]} pages left" at_most "${full_at:-999999}" $((managed[$slow] / 32))
end 0 1
run "swapoff $LAB_DISK"
run "swapon $LAB_DISK"

##
title "A working set larger than the fast node: cold pages are demoted to DRAM, and from there to the slow node"
run "echo 1 >$bus/devices/$fast_dev/reclaim"
mib=$((all_fast / 256 + dram + some))
hold_begin "$fast_dev" "$mib" 2
over_time 2
on_nodes 2
places 2 $((mib * 256))
claim "it got all of its $((mib * 256)) pages, and no SIGBUS" grep -q "^wrote $((mib * 256)) pages" <<<"$line"
claim "all of them are on node $fast, on DRAM and on node $slow: ${at[$fast]}, $((at[0] + at[1])) and ${at[$slow]} pages" \
	all_of_them $((mib * 256))
claim "some are on each of these" test "${at[$fast]}" -gt 0 -a $((at[0] + at[1])) -gt 0 -a "${at[$slow]}" -gt 0
claim "nothing was swapped" test "${now[swap]}" = 0
claim "node $fast stays full of it: $((at[$fast] * 100 / all_fast)) % of the node" \
	at_least "${at[$fast]}" $((all_fast * 9 / 10))
end 2
bars
claim "all $all_fast pages of node $fast are free again" test "${free[$fast]}" = "$all_fast"

##
title "Take it down: other users' pages on the slow node move back to DRAM"
run "swapoff $LAB_DISK"
run "echo 0 >/sys/kernel/mm/numa/demotion_enabled"
for d in "$fast_dev" "$slow_dev"; do
	run "echo unplugged >$bus/devices/$d/hotplug"
	run "echo $d >$bus/drivers/anondax/unbind"
done
run "modprobe -r anondax"
bars
claim "no node is private" test -z "$(cat $sysnode/has_private_memory)"

finish

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo, inside the machine: a dax device becomes a private node, a program
# lives on it, and nothing else gets there while ordinary memory runs out.
# Every claim is checked; exit status 1 if one does not hold. COLOR=1 colours
# the output even if it is not a terminal.

set -euo pipefail
. lab/vm-demo-lib.sh

read -ra devices <<<"$DAX_DEVICES"
read -ra nodes <<<"$DAX_NODES"
mib=300

[ "${#devices[@]}" -gt 0 ] || die "shape $SHAPE has no dax device; try SHAPE=hmem, nvdimm or both"
if [ "${#devices[@]}" = 1 ]; then
	back="the device can be used as before" a_node="a private node" it=it
else
	back="the devices can be used as before" a_node="private nodes" it=them
fi
dev=${devices[0]} P=${nodes[0]}

##
title "The machine as it comes: two ordinary nodes, and device memory that nobody uses yet"
run "uname -sr"
drivers=()
for d in "${devices[@]}"; do
	drivers+=("$(driver "$d")")
	run "cat $bus/devices/$d/{size,target_node}"
done
bars
say "${dim}The bars: █ free, ▒ taken in this step, ░ taken before.$off"
total=$(mem MemTotal)
claim "no node is private" test -z "$(cat $sysnode/has_private_memory)"

##
title "The driver anondax turns $it into $a_node"
run "modprobe anondax"
for i in "${!devices[@]}"; do
	d=${devices[i]}
	[ "${drivers[i]}" = none ] || run "echo $d >$bus/drivers/${drivers[i]}/unbind"
	run "echo $d >$bus/drivers/anondax/new_id"
	run "echo online_movable >$bus/devices/$d/hotplug"
done
run "grep . $sysnode/has_memory $sysnode/has_private_memory"
bars
say "${dim}The ordinary nodes lost 64 bytes for each page of the device: the kernel needs them to manage it.$off"
declare -A empty=()
for n in "${nodes[@]}"; do
	empty[$n]=${free[$n]:-0}
	claim "node $n is private, and every one of its ${empty[$n]} pages is free" \
		test "${managed[$n]:-0}" = "${empty[$n]}" -a "${empty[$n]}" -gt 0
done
claim "it does not count as memory that programs could have: MemTotal is $total kB as before" test "$(mem MemTotal)" = "$total"
claim "nobody may bind memory to it: numactl --membind=$P true is refused" not numactl --membind="$P" true

##
title "A program maps the device: its memory comes from the private node"
for i in "${!devices[@]}"; do
	hold_start "${devices[i]}" $mib "$i"
	typed "grep /dev/dax /proc/${pids[i]}/numa_maps"
	maps=$(grep /dev/dax "/proc/${pids[i]}/numa_maps") || die "the mapping is not in numa_maps"
	echo "$maps" | indent
	n=${nodes[i]}
	count_pages
	claim "all of it is on node $n, and nothing else is: $((mib * 256)) pages" \
		test "$(grep -o ' N[0-9]*=.*' <<<"$maps" | cut -d' ' -f2)" = "N$n=$((mib * 256))" -a \
		$((empty[$n] - free[$n])) = $((mib * 256))
done
bars

##
title "Two processes share memory of the node: each open() of the device is an object of its own"
typed "$hold -s /dev/$dev 64 &"
: >/run/demo.8
"$hold" -s "/dev/$dev" 64 >>/run/demo.8 2>&1 &
pids[8]=$!
said 8 1
said 8 2
said 8 3
typed "grep 'file=/dev/$dev ' /proc/${pids[8]}/numa_maps"
maps=$(grep "file=/dev/$dev" "/proc/${pids[8]}/numa_maps") || die "the mapping is not in numa_maps"
echo "$maps" | indent
claim "what one writes, the other sees" grep -q 'sees the same' /run/demo.8
claim "all of it is on node $P" test "$(grep -o ' N[0-9]*=[0-9]*' <<<"$maps")" = " N$P=$((64 * 256))"
typed "kill ${pids[8]}"
kill "${pids[8]}"
rc=0
wait "${pids[8]}" || rc=$?
claim "nothing was lost" test "$rc" = 0
unset 'pids[8]'

##
title "An unmodified program can use it too, once the owner lets memory policies name the node"
run "echo 1 >$bus/devices/$dev/mbind"
count_pages
left=${free[$P]}
hold_begin zero 200 9 numactl -a --membind="$P"
said 9 1
typed "grep /dev/zero /proc/${pids[9]}/numa_maps"
maps=$(grep /dev/zero "/proc/${pids[9]}/numa_maps") || die "the mapping is not in numa_maps"
echo "$maps" | indent
bars
claim "all of it is on node $P" test "$(grep -o ' N[0-9]*=.*' <<<"$maps" | cut -d' ' -f2)" = "N$P=$((200 * 256))"
run "echo 0 >$bus/devices/$dev/mbind"
claim "no new users are admitted: numactl -a --membind=$P true is refused" not numactl -a --membind="$P" true
typed "kill ${pids[9]}"
kill "${pids[9]}" || die "the program on node $P is gone"
rc=0
wait "${pids[9]}" || rc=$?
claim "$(tail -n 1 /run/demo.9)" test "$rc" = 0

##
title "Two users, and one of them is granted the node"
group=/sys/fs/cgroup
# as USER COMMAND...: with nobody's privileges, in the user's group
as() {
	bash -c 'echo $$ >"$0" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		"$group/$1/cgroup.procs" "${@:2}"
}
run "echo 1 >$bus/devices/$dev/mbind"
run "echo 1 >$bus/devices/$dev/cpuset"
run "echo +cpuset >$group/cgroup.subtree_control"
run "mkdir $group/alice $group/bob"
run "echo 0,$P >$group/alice/cpuset.mems"
run "echo 0 >$group/bob/cpuset.mems"
run "grep . $group/{alice,bob}/cpuset.mems.effective"
claim "alice's programs see node $P: numactl --membind=$P true" as alice numactl --membind="$P" true
claim "bob's do not, and cannot have it by number either" not as bob numactl -a --membind="$P" true
claim "nor can anybody else without a grant" not numactl -a --membind="$P" true
claim "and alice has to ask for it: memory that names no node is elsewhere" \
	as alice bash -c "! grep -q ' N$P=' /proc/self/numa_maps"
# Who has ended leaves its group a moment later.
until ! grep -qs "populated 1" $group/{alice,bob}/cgroup.events; do sleep 0.1; done
run "rmdir $group/alice $group/bob"
run "echo 0 >$bus/devices/$dev/cpuset"
run "echo 0 >$bus/devices/$dev/mbind"
unset 'pids[9]'
echo 1 >/proc/sys/vm/compact_memory
count_pages
claim "its pages came back: $left pages were free before, ${free[$P]} are now" test "${free[$P]}" = "$left"

##
title "The machine runs out of memory: tmpfs and page cache fill it, then a program allocates without limit"
declare -A before=() before_served=()
for n in "${nodes[@]}"; do
	before[$n]=${free[$n]}
	before_served[$n]=$(served "$n")
done
oom=$(vmstat oom_kill)
big=$((total * 9 / 20 / 1024)) small=$((total / 4 / 1024))
run "head -c ${big}M /dev/zero >/dev/shm/fill"
run "head -c ${small}M /dev/zero >/tmp/fill"
# Kept open, because a disk's cache goes with whoever closes it last.
run "exec 9<$LAB_DISK"
exec 9<"$LAB_DISK"
run "head -c ${small}M <&9 >/dev/null"
bars
typed "choom -n 1000 -- $hold /dev/zero $((total / 1024))"
rc=0
(
	choom -n 1000 -- "$hold" /dev/zero $((total / 1024))
	exit $?
) >/dev/null 2>&1 || rc=$?
typed "dmesg | grep Killed"
dmesg | grep 'Killed process' | tail -n 1 | sed 's/, UID.*//; s/^\[[^]]*\] //' | indent
left=$(dmesg | awk -v nodes="${nodes[*]}" '
	/invoked oom-killer/ { kb = 0 }
	match($0, /Node [0-9]+ [A-Za-z0-9]+ free:[0-9]+kB/) {
		split(substr($0, RSTART, RLENGTH), f, /[ :]/)
		if (!(f[2] in private)) kb += f[5]
	}
	BEGIN { split(nodes, list, " "); for (i in list) private[list[i]] }
	END { printf "%.1f", kb / 1024 }')
say "By then $left MiB of the $((total / 1024)) MiB on the ordinary nodes were free, the kernel's reserve."
claim "the OOM killer ended that program, and no other" test "$rc" = 137 -a "$(vmstat oom_kill)" = $((oom + 1))
count_pages
for n in "${nodes[@]}"; do
	claim "node $n had ${before[$n]} free pages before and has ${free[$n]} now" test "${before[$n]}" = "${free[$n]}"
	claim "and nobody got one of its pages in between: ${before_served[$n]} allocations before, $(served "$n") now" \
		test "${before_served[$n]}" = "$(served "$n")"
done
for i in "${!devices[@]}"; do
	typed "kill -USR1 ${pids[i]}"
	kill -USR1 "${pids[i]}" || die "the program on node ${nodes[i]} is gone"
	said "$i" 2
	claim "the data on node ${nodes[i]} are what the program wrote" grep -q ': as written' <<<"$line"
done
run "rm /dev/shm/fill /tmp/fill; exec 9<&-"
exec 9<&-
bars

##
title "Another program wants more than there is: it gets the last page, then SIGBUS"
left=${free[$P]}
oom=$(vmstat oom_kill)
hold_start "$dev" $((empty[$P] / 256 + 64)) 10
bars
claim "it got all $left pages that were free" grep -q "SIGBUS at page $left:" <<<"$line"
claim "node $P has 0 free pages" test "${free[$P]}" = 0
claim "nobody was killed" test "$(vmstat oom_kill)" = "$oom"
for n in "${nodes[@]:1}"; do
	claim "and node $n was not touched, which that program did not map" test "${free[$n]}" = "${before[$n]}"
done

##
title "The programs end: every page comes back, and $back"
typed "kill ${pids[*]}"
kill "${pids[@]}" || die "a program was gone before its time"
for i in "${!pids[@]}"; do
	rc=0
	wait "${pids[i]}" || rc=$?
	claim "$(tail -n 1 "/run/demo.$i")" test "$rc" = 0
done
# A few pages may wait on a CPU's list of folios to add to the LRU: this empties it.
echo 1 >/proc/sys/vm/compact_memory
bars
for n in "${nodes[@]}"; do
	claim "all ${empty[$n]} pages of node $n are free again" test "${free[$n]}" = "${empty[$n]}"
done
for i in "${!devices[@]}"; do
	d=${devices[i]}
	run "echo unplugged >$bus/devices/$d/hotplug"
	run "echo $d >$bus/drivers/anondax/unbind"
	[ "${drivers[i]}" = none ] || run "echo $d >$bus/drivers/${drivers[i]}/bind"
	text="$d is with ${drivers[i]} again"
	[ "${drivers[i]}" != none ] || text="$d has no driver, as before"
	claim "$text" test "$(driver "$d")" = "${drivers[i]}"
done
run "modprobe -r anondax"
bars
claim "no node is private, and MemTotal is still $total kB" \
	test -z "$(cat $sysnode/has_private_memory)" -a "$(mem MemTotal)" = "$total"

finish

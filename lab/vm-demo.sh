#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo, inside the machine: a dax device becomes a private node, a program
# lives on it, and nothing else gets there while ordinary memory runs out.
# Every claim is checked; exit status 1 if one does not hold. COLOR=1 colours
# the output even if it is not a terminal.

set -euo pipefail
. /run/lab.env

read -ra devices <<<"$DAX_DEVICES"
read -ra nodes <<<"$DAX_NODES"
hold=${BUILD#"$PWD"/}/hold
bus=/sys/bus/dax
sysnode=/sys/devices/system/node
width=32
mib=300
pids=()
false_claims=()
step=0

if [ -t 1 ] || [ "${COLOR:-0}" = 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' blue=$'\e[34m' off=$'\e[0m'
else
	bold='' dim='' red='' green='' blue='' off=''
fi

die() {
	printf '\n%serror: %s%s\n' "$red" "$*" "$off"
	exit 1
}

title() {
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$step" "$*" "$off"
}

say() { printf '   %s\n' "$@"; }
indent() {
	local l
	while IFS= read -r l; do printf '     %s\n' "$l"; done
}
typed() { printf '   %s$ %s%s\n' "$blue" "$*" "$off"; }

# run COMMAND: shown as one would type it, then done.
run() {
	typed "$1"
	eval "$1" 2>&1 | indent || die "this command failed: $1"
}

# claim TEXT COMMAND...: true if the command is.
claim() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then
		printf '   %sok%s  %s\n' "$green" "$off" "$text"
	else
		printf '   %sNO%s  %s\n' "$red" "$off" "$text"
		false_claims+=("$text")
	fi
}

not() { ! "$@"; }
# value FILE NAME: what a line "NAME value" or "NAME: value" of the file says.
value() {
	local k v rest
	while read -r k v rest; do
		if [ "${k%:}" = "$2" ]; then
			echo "$v"
			break
		fi
	done <"$1"
}
mem() { value /proc/meminfo "$1"; }
vmstat() { value /proc/vmstat "$1"; }
driver() {
	local d
	d=$(readlink "$bus/devices/$1/driver" || echo none)
	echo "${d##*/}"
}

# For each node its pages and those of them that are free: on the buddy lists or
# on the lists of the CPUs, without which the number would be blurred. Not
# nr_free_pages, which lags behind. Pages go from list to list while one reads,
# so until it says the same three times.
declare -A managed=() free=()
count_pages() {
	local n m f
	managed=() free=()
	while read -r n m f; do managed[$n]=$m free[$n]=$f; done < <(awk '
		function count(    n, i, out, line, w, file) {
			split("", managed)
			split("", free)
			file = "/proc/buddyinfo"
			while ((getline line <file) > 0)
				for (i = split(line, w); i >= 5; i--) free[w[2] + 0] += w[i] * 2 ^ (i - 5)
			close(file)
			file = "/proc/zoneinfo"
			while ((getline line <file) > 0) {
				split(line, w)
				if (w[1] == "Node") n = w[2] + 0
				if (w[1] == "count:") free[n] += w[2]
				if (w[1] == "managed") managed[n] += w[2]
			}
			close(file)
			for (n = 0; n < 64; n++)
				if (managed[n] > 0) out = out n " " managed[n] " " free[n] + 0 "\n"
			return out
		}
		BEGIN {
			for (now = count(); tries < 20 && same < 2; tries++) {
				was = now
				now = count()
				same = now == was ? same + 1 : 0
			}
			printf "%s", now
		}')
}

# Allocations that the node has served since it came.
served() { echo $(($(value "$sysnode/node$1/numastat" numa_hit) + $(value "$sysnode/node$1/numastat" numa_miss))); }

# in_list NODE LIST: is it in a list like 0-1,3?
in_list() {
	local r
	for r in ${2//,/ }; do
		[ "$1" -lt "${r%-*}" ] || [ "$1" -gt "${r#*-}" ] || return 0
	done
	return 1
}

# Count, and show a line for each node; what the step took since the last bars
# stands out.
declare -A last=()
bars() {
	local n kind color was f t private
	count_pages
	private=$(<$sysnode/has_private_memory)
	for ((n = 0; n < 64; n++)); do
		[ "${managed[$n]:-0}" -gt 0 ] || continue
		was=${last[$n]:-${free[$n]}}
		if in_list "$n" "$private"; then
			kind=private color=$green
		else
			kind=ordinary color=$blue
		fi
		f=$(((free[$n] * width + managed[$n] / 2) / managed[$n]))
		t=$(((was * width + managed[$n] / 2) / managed[$n] - f))
		[ "$t" -gt 0 ] || t=0
		printf '   node %d  %-8s  %s%s%s%s%s%s%s  %4d of %4d MiB free%s\n' "$n" "$kind" \
			"$color" "$(repeat █ "$f")" "$(repeat ▒ "$t")" "$off" "$dim" "$(repeat ░ $((width - f - t)))" "$off" \
			$((free[$n] / 256)) $((managed[$n] / 256)) \
			"$([ $((was / 256)) = $((free[$n] / 256)) ] || echo ", $((was / 256)) before")"
	done
	last=()
	for n in "${!managed[@]}"; do last[$n]=${free[$n]}; done
}
repeat() {
	local s
	printf -v s '%*s' "$2" ''
	printf '%s' "${s// /$1}"
}

# hold_start DEVICE MIB NAME: the program, until it says how much it got.
hold_start() {
	typed "$hold /dev/$1 $2 &"
	: >"/run/demo.$3"
	"$hold" "/dev/$1" "$2" >>"/run/demo.$3" 2>&1 &
	pids[$3]=$!
	said "$3" 1
}
# said NAME LINE: wait for that line of the program's output and show it.
said() {
	local i lines
	for ((i = 0; i < 1200; i++)); do
		mapfile -t lines <"/run/demo.$1"
		[ "${#lines[@]}" -lt "$2" ] || break
		kill -0 "${pids[$1]}" 2>/dev/null || break
		sleep 0.1
	done
	line=${lines[$2 - 1]:-}
	[ -n "$line" ] || die "$hold says nothing, it may be gone; its last words: ${lines[-1]:-none}"
	printf '     %s\n' "$line"
}

[ "${#devices[@]}" -gt 0 ] || die "shape $SHAPE has no dax device; try SHAPE=hmem, nvdimm or both"
if [ "${#devices[@]}" = 1 ]; then
	back="the device can be what it was" a_node="a private node" it=it
else
	back="the devices can be what they were" a_node="private nodes" it=them
fi
dev=${devices[0]} P=${nodes[0]}

##
title "The machine as it comes: two ordinary nodes, and device memory that is no use to anybody"
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
title "The driver anondax makes $a_node of $it"
run "modprobe anondax"
for i in "${!devices[@]}"; do
	d=${devices[i]}
	[ "${drivers[i]}" = none ] || run "echo $d >$bus/drivers/${drivers[i]}/unbind"
	run "echo $d >$bus/drivers/anondax/new_id"
	run "echo online_movable >$bus/devices/$d/hotplug"
done
run "grep . $sysnode/has_memory $sysnode/has_private_memory"
bars
say "${dim}What the ordinary nodes lost is the kernel's own: 64 bytes for each page that it manages now.$off"
declare -A empty=()
for n in "${nodes[@]}"; do
	empty[$n]=${free[$n]:-0}
	claim "node $n is private, and every one of its ${empty[$n]} pages is free" \
		test "${managed[$n]:-0}" = "${empty[$n]}" -a "${empty[$n]}" -gt 0
done
claim "it does not count as memory that programs could have: MemTotal is $total kB as before" test "$(mem MemTotal)" = "$total"
claim "nobody may bind memory to it: numactl --membind=$P true is refused" not numactl --membind="$P" true

##
title "A program maps the device: its memory comes from there"
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
title "The machine runs out of memory: tmpfs and page cache fill it, then a program never stops asking"
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
	claim "nor did anybody get one of its pages for a while: ${before_served[$n]} allocations before, $(served "$n") now" \
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
title "They end: every page comes back, and $back"
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

echo
if [ ${#false_claims[@]} -gt 0 ]; then
	for text in "${false_claims[@]}"; do printf '%sdid not hold:%s %s\n' "$red" "$off" "$text"; done
	die "the demo failed: ${#false_claims[@]} claim(s) did not hold"
fi
printf '%sThat was it.%s Every line marked "ok" was measured; %d seconds.\n' "$bold" "$off" "$SECONDS"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The programs that people look at memory with show a private node and survive
# it: before it is there, with it, with memory in use on it, after it. Runs in
# the virtual machine.

# shellcheck disable=SC2016 # for awk
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

tmp=$(mktemp -d)
# runs NAME COMMAND...: exit status 0, nothing on stderr, output in $tmp/out
runs() {
	local name=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	local rc=$?
	sed 's/^/# /' "$tmp/err"
	[ ! -s "$tmp/err" ] || rc=1
	result $rc "$name"
}
says() { check "$1" grep -qE "$2" "$tmp/out"; }
total() { free -k | awk '$1 == "Mem:" { print $2 }'; }

before=$(total)
look() {
	runs "$1: numactl -H" numactl -H
	[ "$1" != with ] || says "numactl -H shows the size of node $PNODE" "^node $PNODE size: [1-9][0-9]* MB"
	runs "$1: numastat" numastat
	runs "$1: numastat -m" numastat -m
	runs "$1: numastat -p" numastat -p $$
	runs "$1: lsmem" lsmem -a -o RANGE,SIZE,STATE,NODE
	[ "$1" != with ] || says "lsmem shows blocks of node $PNODE online" "online +$PNODE\$"
	runs "$1: daxctl list" daxctl list
	says "$1: daxctl list shows $DAX" "\"$DAX\""
	runs "$1: ndctl list" ndctl list -R
	runs "$1: free" free -k
	runs "$1: vmstat" vmstat -s
	runs "$1: ps" ps aux
	[ "$(total)" = "$before" ]
	result $? "$1: free shows the same total"
}

look before
# Before anything was ever plugged: an open file switches the hooks on.
check "the driver takes the device" lab/vm-node.sh unplugged
exec {opened}<"/dev/$DAX"
check "numa_maps shows the ordinary nodes" grep -q ' N[01]=' /proc/self/numa_maps
check "pagetypeinfo shows the ordinary nodes" grep -q '^Node    0, zone' /proc/pagetypeinfo
exec {opened}<&-
check "the node can be plugged" lab/vm-node.sh online
look with
free=$(free_pages)
coproc HOLD { exec "$BUILD/tests/failnth" hold "/dev/$DAX" 64; }
pid=$HOLD_PID out=${HOLD[0]} in=${HOLD[1]}
read -r -t 120 answer <&"$out"
check "a program maps 64 MiB of the node" [ "${answer:-}" = ready ]
runs "numastat -p of a program on the node" numastat -p "$pid"
check "numastat -p shows its 64 MiB in the column of node $PNODE" awk -v col=$((PNODE + 2)) \
	'$1 == "Total" && $col >= 64 { yes = 1 } END { exit !yes }' "$tmp/out"
runs "numastat -m with it" numastat -m
exec {in}>&-
wait "$pid"
runs "numactl --interleave=all" numactl --interleave=all dd if=/dev/zero of="$tmp/x" bs=1M count=16 status=none
runs "numactl --show" numactl --show
check "nodes to bind to are without node $PNODE" awk -v nid="$PNODE" \
	'$1 == "membind:" { for (i = 2; i <= NF; i++) if ($i == nid) no = 1; seen = 1 } END { exit no || !seen }' "$tmp/out"
echo 1 >/proc/sys/vm/compact_memory
[ "$(free_pages)" = "$free" ]
result $? "nothing of all this is on the node"
check "the node can be unplugged" lab/vm-node.sh unplugged
look after
conclude

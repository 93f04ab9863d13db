#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs as Debian has them, of a user without privileges, in a cpuset that lists the
# private node, in none, and in one that lists another: what do they see, and what do
# they get? Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

cgroup=/sys/fs/cgroup
tmp=$(mktemp -d)
chmod 711 "$tmp"
check "the node can be plugged" lab/vm-node.sh online_movable
echo 1 >"$dev/mbind"
echo +cpuset >$cgroup/cgroup.subtree_control
mkdir -p $cgroup/granted $cgroup/outside $cgroup/denied
echo "0,$PNODE" >$cgroup/granted/cpuset.mems
echo 0 >$cgroup/denied/cpuset.mems

# as GROUP COMMAND...: as nobody, in that group; output in $tmp/out
as() {
	bash -c 'echo $$ >"$0" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		"$cgroup/$1/cgroup.procs" "${@:2}" >"$tmp/out" 2>&1
}
# yes GROUP NAME COMMAND..., no GROUP NAME COMMAND...: it works there, it does not
yes() {
	as "$1" "${@:3}"
	local rc=$?
	[ $rc = 0 ] || sed 's/^/# /' "$tmp/out"
	result $rc "$1: $2"
}
no() {
	! as "$1" "${@:3}"
	result $? "$1: $2 is refused"
}
# says WORD NUMBER: what build/tests/granted has printed
says() { grep -qx "$1 $2" "$tmp/out"; }
# sees GROUP WORD NUMBER
sees() {
	says "$2" "$3" || sed 's/^/# /' "$tmp/out"
	check "$1: libnuma: $2 is $3" says "$2" "$3"
}

for where in granted outside denied; do
	if [ $where = granted ]; then
		yes $where "numactl --membind=$PNODE" numactl --membind="$PNODE" true
		yes $where "numactl --preferred=$PNODE" numactl --preferred="$PNODE" true
		yes $where "hwloc-bind --membind" hwloc-bind -p --strict --membind "node:$PNODE" -- true
		yes $where lstopo lstopo-no-graphics --of console -p
		check "$where: lstopo shows the node" grep -q "NUMANode P#$PNODE" "$tmp/out"
	else
		no $where "numactl --membind=$PNODE" numactl --membind="$PNODE" true
		no $where "hwloc-bind --membind" hwloc-bind -p --strict --membind "node:$PNODE" -- true
		yes $where lstopo lstopo-no-graphics --of console -p
		check "$where: lstopo does not show the node" bash -c "! grep -q 'NUMANode P#$PNODE' '$tmp/out'"
	fi
	if [ $where = denied ]; then
		no $where "numactl -a --membind=$PNODE" numactl -a --membind="$PNODE" true
		no $where "hwloc-bind --disallowed --membind" hwloc-bind --disallowed -p --strict --membind "node:$PNODE" -- true
	else
		yes $where "hwloc-bind --disallowed --membind" hwloc-bind --disallowed -p --strict --membind "node:$PNODE" -- grep " N$PNODE=" /proc/self/numa_maps
		yes $where "numactl -a --membind=$PNODE" numactl -a --membind="$PNODE" true
	fi

	yes $where "a program of libnuma" "$BUILD/tests/granted" "$PNODE"
	sees $where default 0
	case $where in
	granted)
		sees $where parse 1
		sees $where tasknodes 2
		sees $where allowed 1
		sees $where membind 1024
		sees $where bind 1024
		sees $where interleave 512
		sees $where onnode 1
		;;
	outside)
		sees $where parse 0
		sees $where allowed 0
		sees $where membind 1024
		sees $where bind 1024
		sees $where interleave 0
		sees $where onnode 1
		;;
	denied)
		sees $where parse 0
		sees $where tasknodes 1
		sees $where allowed 0
		sees $where membind 0
		sees $where bind 0
		sees $where interleave 0
		sees $where onnode 0
		;;
	esac
done

# What memkind makes of it: by libnuma's list, by the size of nodes, in a mapping of the device.
memkind_gets() {
	local line
	as "$1" "$BUILD/tests/memkind" "$PNODE" "/dev/$DAX"
	for line in "${@:2}"; do
		grep -qx "$line" "$tmp/out" || sed 's/^/# /' "$tmp/out"
		check "$1: memkind: $line" grep -qx "$line" "$tmp/out"
	done
}
chmod 666 "/dev/$DAX"
if [ -e /usr/lib/x86_64-linux-gnu/libmemkind.so.0 ]; then
	memkind_gets granted "kmem $PNODE" "capacity $PNODE" "fixed $PNODE"
	memkind_gets outside "kmem -1" "capacity $PNODE" "fixed $PNODE"
	memkind_gets denied "kmem -1" "capacity -1" "fixed $PNODE"
else
	skip "memkind" "libmemkind0 is not installed"
fi
chmod 600 "/dev/$DAX"

# With a grant needed, outside is as denied.
check "a grant can be made necessary" bash -c "echo 1 >'$dev/cpuset'"
no outside "numactl -a --membind=$PNODE" numactl -a --membind="$PNODE" true
yes granted "numactl --membind=$PNODE" numactl --membind="$PNODE" true
yes outside "a program of libnuma" "$BUILD/tests/granted" "$PNODE"
sees outside membind 0
sees outside onnode 0
echo 0 >"$dev/cpuset"

rmdir $cgroup/granted $cgroup/outside $cgroup/denied
echo 0 >"$dev/mbind"
check "the node can be unplugged" lab/vm-node.sh unplugged
conclude

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A container of podman's, granted a private node by --cpuset-mems, one that is not, and
# one that asks for that node alone. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

tmp=$(mktemp -d)
rootfs=$tmp/rootfs
mkdir -p "$rootfs"/{dev,etc,proc,run,sys,t,tmp,usr}
for dir in bin lib lib64 sbin; do ln -s "usr/$dir" "$rootfs/$dir"; done
check "the node can be plugged" lab/vm-node.sh online_movable
echo 1 >"$dev/mbind"
echo 1 >"$dev/cpuset"
echo "+cpuset +memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control

# container MEMS COMMAND...: output in $tmp/out
container() {
	podman --root "$tmp/root" --runroot "$tmp/runroot" --storage-driver=vfs --cgroup-manager=cgroupfs \
		--events-backend=none run --rm --network=none --log-driver=none --security-opt=seccomp=unconfined \
		-v /usr:/usr:ro -v "$BUILD/tests:/t:ro" --cpuset-mems="$1" --rootfs "$rootfs" "${@:2}" \
		>"$tmp/out" 2>&1
}
# sees MEMS LINE: of build/tests/granted
sees() {
	grep -qx "$2" "$tmp/out" || sed 's/^/# /' "$tmp/out"
	check "--cpuset-mems=$1: $2" grep -qx "$2" "$tmp/out"
}
# look MEMS LINE...
look() {
	local mems=$1 line
	shift
	container "$mems" /t/granted "$PNODE"
	result $? "--cpuset-mems=$mems: a program of libnuma"
	for line; do sees "$mems" "$line"; done
}

look "0,$PNODE" "parse 1" "tasknodes 2" "allowed 1" "default 0" "membind 1024" "interleave 512"
look 0 "parse 0" "tasknodes 1" "allowed 0" "default 0" "membind 0" "onnode 0"
# Nobody is left without ordinary memory: those of the group above are effective too.
look "$PNODE" "parse 1" "allowed 1" "default 0" "membind 1024"
container "0,$PNODE" numactl --membind="$PNODE" true
result $? "--cpuset-mems=0,$PNODE: numactl --membind=$PNODE"
! container 0 numactl -a --membind="$PNODE" true
result $? "--cpuset-mems=0: numactl -a --membind=$PNODE is refused"

echo 0 >"$dev/cpuset"
echo 0 >"$dev/mbind"
check "the node can be unplugged" lab/vm-node.sh unplugged
conclude

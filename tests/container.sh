#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Containers of podman's: granted a private node by --cpuset-mems, not granted it, asking for
# that node alone; with its device by the file of pnctl cdi. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

tmp=$(mktemp -d)
rootfs=$tmp/rootfs
mkdir -p "$rootfs"/{dev,etc,proc,run,sys,t,tmp,usr}
chmod 1777 "$rootfs/tmp"
for dir in bin lib lib64 sbin; do ln -s "usr/$dir" "$rootfs/$dir"; done
check "the node can be plugged" lab/vm-node.sh online_movable
echo 1 >"$dev/mbind"
echo 1 >"$dev/cpuset"
echo "+cpuset +memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control

# start OPTION... COMMAND: output in $tmp/out
start() {
	podman --root "$tmp/root" --runroot "$tmp/runroot" --storage-driver=vfs --cgroup-manager=cgroupfs \
		--events-backend=none run --rm --network=none --log-driver=none -v /usr:/usr:ro -v "$BUILD:/b:ro" "$@" >"$tmp/out" 2>&1
}
# container MEMS COMMAND...
container() { start --security-opt=seccomp=unconfined --cpuset-mems="$1" --rootfs "$rootfs" "${@:2}"; }
# sees MEMS LINE: of build/tests/granted
sees() {
	grep -qx "$2" "$tmp/out" || sed 's/^/# /' "$tmp/out"
	check "--cpuset-mems=$1: $2" grep -qx "$2" "$tmp/out"
}
# look MEMS LINE...
look() {
	local mems=$1 line
	shift
	container "$mems" /b/tests/granted "$PNODE"
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

# The device, by its name in the file of pnctl cdi, with the profile of seccomp that podman has.
cdi=private-nodes/dax=$DAX
file=/dev/$DAX
! start --device "$cdi" --rootfs "$rootfs" true
result $? "without a file of CDI there is no such device"
chgrp 65534 "$file"
chmod 660 "$file"
check "pnctl cdi writes one" "$BUILD/pnctl/pnctl" cdi -q -o /etc/cdi/private-nodes.json
# What it has there, while it has it.
hold="/b/hold $file 16 >/tmp/said.\$UID & until grep -q holding /tmp/said.\$UID; do sleep 0.1; done; grep $file /proc/\$!/numa_maps"
start --device "$cdi" --rootfs "$rootfs" bash -c "$hold"
result $? "a container with it maps the device"
check "and has memory of the node" grep -q " N$PNODE=4096" "$tmp/out"
sed 's/^/# /' "$tmp/out"
start --device "$cdi" --user 1000:65534 --rootfs "$rootfs" bash -c "$hold"
result $? "so does a user of the device's group"
! start --device "$cdi" --user 1000:1000 --rootfs "$rootfs" bash -c ": <>$file"
result $? "and no other user"
check "who is told why" grep -q 'Permission denied' "$tmp/out"
! start --rootfs "$rootfs" test -e "$file"
result $? "a container without it has no such file"
rm /etc/cdi/private-nodes.json

echo 0 >"$dev/cpuset"
echo 0 >"$dev/mbind"
check "the node can be unplugged" lab/vm-node.sh unplugged
conclude

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/isolation.sh ONLINE-TYPE: with a private node online and empty, everything
# that allocates drives the ordinary nodes into reclaim and OOM. The private
# node's free pages must not change by one. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

state=${1:-online}
tmp=$(mktemp -d)
mount -t tmpfs tmpfs "$tmp"
cg=/sys/fs/cgroup
echo "+memory" >"$cg/cgroup.subtree_control" 2>/dev/null
mkdir -p "$cg/hog"

lab/vm-node.sh "$state" >/dev/null || {
	echo "Bail out! the node does not become $state"
	exit 1
}
free=$(free_pages)
[ "$free" -gt 0 ] && [ "$free" = "$(managed_pages)" ]
result $? "$state: the node is empty at first ($free pages)"

# fire NAME COMMAND...: the command may fail, be killed, run out of memory.
fire() {
	local name=$1 now kills before=$SECONDS
	shift
	kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
	("$@") >/dev/null 2>&1 </dev/null
	now=$(free_pages)
	[ "$now" = "$free" ] || note "$free free pages before, $now after"
	note "$((SECONDS - before)) s, $(($(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat) - kills)) OOM kills"
	[ "$now" = "$free" ]
	result $? "$state: $name"
}
# The first to be killed when memory runs out, and all of its children.
victim() { (echo 1000 >/proc/self/oom_score_adj && exec "$@"); }

page_cache() {
	mkfs.ext4 -q -F -E lazy_itable_init=1 "$LAB_DISK" 1700M && mkdir -p "$tmp/fs" && mount "$LAB_DISK" "$tmp/fs" || return
	dd if=/dev/zero of="$tmp/fs/big" bs=1M count=400
	cat "$tmp/fs/big" "$tmp/fs/big"
	umount "$tmp/fs"
}
# Not more than there is: what is in tmpfs cannot be freed by killing anybody.
tmpfs_fill() {
	local kib
	kib=$(awk '$1 == "MemAvailable:" { print int($2 * 0.85) }' /proc/meminfo)
	mkdir -p "$tmp/full" && mount -t tmpfs -o "size=${kib}k" tmpfs "$tmp/full" || return
	victim dd if=/dev/zero of="$tmp/full/big" bs=1M
	umount "$tmp/full"
}
slab() {
	mkdir -p "$tmp/many" && mount -t tmpfs -o nr_inodes=0 tmpfs "$tmp/many" || return
	(cd "$tmp/many" && seq 1 4000 | xargs touch && ls -lR)
	umount "$tmp/many"
	victim timeout 4 stress-ng --sock 1 --pipe 1 --dentry 1 --dentries 2000 -t 3 --temp-path "$tmp"
}
hugetlb() {
	local own=/sys/devices/system/node/node$PNODE/hugepages/hugepages-2048kB/nr_hugepages
	echo 2000 >/proc/sys/vm/nr_hugepages
	echo 0 >/proc/sys/vm/nr_hugepages
	[ ! -e "$own" ] || echo 32 >"$own"
	[ ! -e "$own" ] || echo 0 >"$own"
	numactl --interleave=all sh -c 'echo 100 >/proc/sys/vm/nr_hugepages_mempolicy; echo 0 >/proc/sys/vm/nr_hugepages_mempolicy'
	echo 0 >/proc/sys/vm/nr_hugepages
}
thp() {
	echo always >/sys/kernel/mm/transparent_hugepage/enabled
	victim timeout 6 stress-ng --vm 1 --vm-bytes 110% --vm-method zero-one -t 4 --temp-path "$tmp"
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
}
fork_storm() { victim timeout 5 stress-ng --fork 2 --vfork 1 -t 3 --temp-path "$tmp"; }
hog() { victim tail /dev/zero; }
# One group cannot have what it wants while the rest of the machine can.
limited() {
	echo 64M >"$cg/hog/memory.max"
	(echo "$BASHPID" >"$cg/hog/cgroup.procs" && exec tail /dev/zero)
}
swapping() {
	mkswap "$LAB_DISK" && swapon "$LAB_DISK" || return
	victim timeout 8 stress-ng --vm 1 --vm-bytes 900M --vm-method rand-set -t 6 --temp-path "$tmp"
	swapoff "$LAB_DISK"
}
knobs() {
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/compact_memory
	echo 100M >"$cg/memory.reclaim"
	echo 100M >"/sys/devices/system/node/node$PNODE/reclaim"
	echo "$PNODE" >"$cg/hog/cpuset.mems"
	echo 1 >/proc/sys/vm/zone_reclaim_mode
	ls -R /sys/bus
	echo 0 >/proc/sys/vm/zone_reclaim_mode
}
stress() { victim timeout 7 stress-ng "$@" -t 4 --temp-path "$tmp"; }
policies() {
	numactl --interleave=all dd if=/dev/zero of="$tmp/x" bs=1M count=64
	numactl --localalloc dd if=/dev/zero of="$tmp/x" bs=1M count=64
	numactl --preferred="$PNODE" dd if=/dev/zero of="$tmp/x" bs=1M count=64
	numactl --preferred-many="0,$PNODE" dd if=/dev/zero of="$tmp/x" bs=1M count=64
	numactl --membind="0,$PNODE" dd if=/dev/zero of="$tmp/x" bs=1M count=64
	rm -f "$tmp/x"
}

fire "page cache of a file, written and read" page_cache
fire "tmpfs until it is full" tmpfs_fill
fire "slab: files, dentries, sockets, pipes" slab
fire "hugetlb pools, the node's own too" hugetlb
fire "a fork storm" fork_storm
fire "policies that name the node, or all nodes" policies
fire "drop_caches, compaction, reclaim asked for" knobs
fire "a program that never stops asking" hog
fire "a control group at its limit" limited
if command -v stress-ng >/dev/null; then
	fire "THP" thp
	fire "stress-ng: vm, into swap" swapping
	fire "stress-ng: mmap, brk, bigheap, stack" stress --mmap 1 --brk 1 --bigheap 1 --stack 1
	fire "stress-ng: shm, memfd, mremap, vm-splice" stress --shm 1 --memfd 1 --mremap 1 --vm-splice 1
else
	skip "$state: stress-ng" "stress-ng is not installed"
fi
rc=0
numactl --membind="$PNODE" true 2>/dev/null && rc=1
result $rc "$state: numactl --membind to the node alone is refused"

check "$state: and the node can go" lab/vm-node.sh unplugged
rmdir "$cg/hog"
umount "$tmp"
conclude

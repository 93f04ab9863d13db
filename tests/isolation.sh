#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/isolation.sh ONLINE-TYPE [knobs|granted]: with a private node online and empty,
# everything that allocates drives the ordinary nodes into reclaim and OOM. The
# private node's free pages must not change by one. Runs in the virtual machine.
#
# With "knobs" the same holds with all knobs on, and with each of them alone: a
# node that may be named is not one that is fallen back to. (Demotion, which would
# use the node, has its own switch for the whole machine, and that is off.) With
# "granted" all knobs are on, and all is done in a cpuset that lists the node.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

type=${1:-online}
state=$type
knobs=${2:-}
all_knobs=(reclaim demotion mbind shmem madvise numa_balance ltpin)
tmp=$(mktemp -d)
mount -t tmpfs tmpfs "$tmp"
cg=/sys/fs/cgroup
nodes=/sys/devices/system/node
echo "+memory +cpuset" >"$cg/cgroup.subtree_control"
mkdir -p "$cg/hog"
thp_was=$(</sys/kernel/mm/transparent_hugepage/enabled)
thp_was=${thp_was#*[} thp_was=${thp_was%]*}
demotion_was=$(</sys/kernel/mm/numa/demotion_enabled)
# Who is killed may go below what is kept back, but by half only, and a small machine
# keeps so little that kswapd alone can have had that: then the kernel warns of an
# allocation that failed, of a page for the one that is dying.
reserve=/proc/sys/vm/min_free_kbytes
reserve_was=$(<$reserve)
[ "$reserve_was" -ge 8192 ] || echo 8192 >$reserve

lab/vm-node.sh "$state" >/dev/null || {
	echo "Bail out! the node does not become $state"
	exit 1
}
# set_knobs VALUE KNOB...: as the file has it.
set_knobs() {
	local value=$1 k
	shift
	for k; do
		echo "$value" >"$dev/$k" && [ "$(cat "$dev/$k")" = "$value" ] || return
	done
}
# zones_are ZONE: each memory block of the node.
zones_are() {
	local b n=0
	for b in "$nodes/node$PNODE"/memory[0-9]*; do
		[ "$(<"$b/valid_zones")" = "$1" ] || return
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}
if [ -n "$knobs" ]; then
	echo false >/sys/kernel/mm/numa/demotion_enabled
	check "$state: all knobs on" set_knobs 1 "${all_knobs[@]}"
	state="$state, knobs on"
fi
if [ "$knobs" = granted ]; then
	set_knobs 1 cpuset
	mkdir -p "$cg/granted"
	for group in granted hog; do
		echo "0-1,$PNODE" >"$cg/$group/cpuset.mems"
	done
	echo $$ >"$cg/granted/cgroup.procs"
	state="$state, granted"
	check "$state: the node is in Mems_allowed" grep -q "^Mems_allowed_list:.0-$PNODE$" /proc/self/status
fi
free=$(free_pages)
[ "$free" -gt 0 ] && [ "$free" = "$(managed_pages)" ]
result $? "$state: the node is empty at first ($free pages)"

#
# What a step claims to have done. A claim that does not hold says why, and the
# step goes on, so that it tidies up.
#

# claim STATUS WHY-NOT
claim() { echo "$1 ${2//[$'\n\t']/ }" >&3; }
# at_least NUMBER MINIMUM WHAT
at_least() {
	[ "$1" -ge "$2" ]
	claim $? "$3: $1, should be $2 or more"
}
# is VALUE EXPECTED WHAT
is() {
	[ "$1" = "$2" ]
	claim $? "$3: '$1', should be '$2'"
}
# ends STATUS COMMAND...
ends() {
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	is "$rc" "$want" "exit status of '$*'"
}
# answers TEXT VALUE FILE: what writing says, "ok" if it succeeds.
answers() {
	local said=ok
	said=$({ echo "$2" >"$3"; } 2>&1 && echo ok)
	is "${said##*: }" "$1" "writing $2 to $3"
}
vmstat() { awk -v key="$1" '$1 == key { n = $2 } END { print n + 0 }' /proc/vmstat; }
# What the node has given to allocations since it came, be it returned or not.
served() { awk '/^numa_(hit|miss) / { n += $2 } END { print n + 0 }' "$nodes/node$PNODE/numastat"; }
meminfo() { awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo; }

# What is asked for, and what has to come of it, follow from the ordinary memory that
# there is: a small machine is driven as far as a large one, in less time.
total=$(meminfo MemTotal)
# part PERCENT: of it, in KiB, in whole MiB.
part() { echo $((total * $1 / 100 / 1024 * 1024)); }

# fire NAME COMMAND...: may take all memory and get itself killed; but what it
# claims must hold, and it must claim something.
fire() {
	local name=$1 now kills before=$SECONDS given rc=0
	shift
	kills=$(vmstat oom_kill)
	given=$(served)
	: >"$tmp/claims"
	("$@") >"$tmp/output" 2>&1 </dev/null 3>>"$tmp/claims"
	now=$(free_pages)
	# What a policy let onto the node may still be on its way back.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		if [ -z "$knobs" ] || [ "$now" = "$free" ]; then break; fi
		echo 1 >/proc/sys/vm/compact_memory
		sleep 0.2
		now=$(free_pages)
	done
	note "$((SECONDS - before)) s, $(($(vmstat oom_kill) - kills)) OOM kills, $(wc -l <"$tmp/claims") claims"
	[ "$now" = "$free" ] || {
		note "$free free pages before, $now after"
		rc=1
	}
	# Nor did any of it come and go, but where the knob lets a policy name the node.
	given=$(($(served) - given))
	[ "$given" = 0 ] || { [[ "$*" = *policies || "$1" = allowed ]] && [ -n "$knobs" ]; } || {
		note "$given allocations from the node"
		rc=1
	}
	[ -s "$tmp/claims" ] || echo "1 the step claims nothing" >>"$tmp/claims"
	grep -v '^0 ' "$tmp/claims" | sed 's/^[^ ]* /# not done: /' && rc=1
	[ "$rc" = 0 ] || tail -n 5 "$tmp/output" | sed 's/^/# | /'
	result "$rc" "$state: $name"
}
# The first to be killed when memory runs out, and all of its children.
victim() { (echo 1000 >/proc/self/oom_score_adj && exec "$@"); }

# stress STRESSORS ARGUMENT...: it has to end well, and each stressor to have done
# something. The limit is for one that hangs: machines without KVM are slow.
stress() {
	local want=$1 counts stressor name bogo
	shift
	stress_ng 60 "$@"
	mapfile -t counts < <(operations)
	for stressor in "${counts[@]}"; do
		read -r name bogo <<<"$stressor"
		# On a busy machine it may not have had its turn among the others.
		if [ "$bogo" = 0 ]; then
			stress_ng 120 "--$name" 1 "--$name-ops" 1 -t 100
			read -r name bogo < <(operations)
		fi
		at_least "$bogo" 1 "operations of the stressor $name"
	done
	is "${#counts[@]}" "$want" "stressors in the metrics of stress-ng $*"
}
stress_ng() {
	local limit=$1
	shift
	ends 0 victim timeout "$limit" stress-ng --temp-path "$tmp" --metrics-brief "$@" >"$tmp/metrics" 2>&1
	cat "$tmp/metrics"
}
# Of each stressor. stress-ng: metrc: [PID] NAME BOGO-OPS REAL USER SYSTEM ...
operations() {
	awk '$2 == "metrc:" && $5 ~ /^[0-9]+$/ && $6 ~ /^[0-9.]+$/ { print $4, $5 }' "$tmp/metrics"
}

# The disk with a file system: its page cache is one that reclaim can free.
with_disk() {
	mkdir -p "$tmp/fs"
	ends 0 mkfs.ext4 -q -F -E lazy_itable_init=1 "$LAB_DISK" 1700M
	ends 0 mount "$LAB_DISK" "$tmp/fs"
	"$@"
	ends 0 umount "$tmp/fs"
}
# A hole fills the page cache as well, without the disk: as much of each node.
hole() {
	ends 0 truncate -s "$1" "$tmp/fs/hole"
	ends 0 numactl --interleave=0,1 cat "$tmp/fs/hole" >/dev/null
}

page_cache() {
	local in out scanned kib hole
	kib=$(part 43) hole=$(part 130)
	out=$(vmstat pgpgout)
	ends 0 dd if=/dev/zero of="$tmp/fs/big" bs=1M count=$((kib / 1024))
	is "$(stat -c %s "$tmp/fs/big")" $((kib << 10)) "the size of the file"
	# What was written comes back from the disk.
	ends 0 umount "$tmp/fs"
	at_least $(($(vmstat pgpgout) - out)) "$kib" "KiB written to the disk"
	ends 0 mount "$LAB_DISK" "$tmp/fs"
	in=$(vmstat pgpgin)
	ends 0 cat "$tmp/fs/big" >/dev/null
	at_least $(($(vmstat pgpgin) - in)) "$kib" "KiB read from the disk"
	at_least "$(meminfo Cached)" "$kib" "KiB in the page cache"
	# More than there is memory for: what does not fit has to be reclaimed.
	scanned=$(($(vmstat pgsteal_kswapd) + $(vmstat pgsteal_direct)))
	hole "${hole}K"
	at_least $(($(vmstat pgsteal_kswapd) + $(vmstat pgsteal_direct) - scanned)) $(((hole - total) / 4)) "pages reclaimed"
}
# Not more than there is: what is in tmpfs cannot be freed by killing anybody.
tmpfs_fill() {
	local kib shmem
	kib=$(($(meminfo MemAvailable) * 85 / 100 / 4 * 4))
	shmem=$(meminfo Shmem)
	mkdir -p "$tmp/full"
	ends 0 mount -t tmpfs -o "size=${kib}k" tmpfs "$tmp/full"
	ends 1 victim dd if=/dev/zero of="$tmp/full/big" bs=1M 2>"$tmp/dd"
	grep -q 'No space left on device' "$tmp/dd"
	claim $? "dd was not told that there is no space left, but: $(head -n 1 "$tmp/dd")"
	is "$(stat -c %s "$tmp/full/big")" $((kib << 10)) "bytes written"
	at_least $(($(meminfo Shmem) - shmem)) $((kib - 1024)) "KiB of shmem more than before"
	ends 0 umount "$tmp/full"
}
slab() {
	local slab files=$((total / 80))
	slab=$(meminfo Slab)
	mkdir -p "$tmp/many"
	ends 0 mount -t tmpfs -o nr_inodes=0 tmpfs "$tmp/many"
	(cd "$tmp/many" && seq 1 "$files" | xargs touch)
	claim $? "the files were not made"
	# shellcheck disable=SC2012 # the names are numbers
	is "$(ls "$tmp/many" | wc -l)" "$files" "files"
	# An inode and a dentry each.
	at_least $(($(meminfo Slab) - slab)) $((files * 7 / 10)) "KiB of slab more than before"
	ends 0 umount "$tmp/many"
	stress 3 --sock 1 --pipe 1 --dentry 1 --dentries 2000 -t 3
}
pool() { cat "$nodes/node$1/hugepages/hugepages-$2kB/nr_hugepages"; }
# As many as an ordinary node would have if all of it were huge pages.
most_huge() { awk '$3 == "MemTotal:" { print int($4 / 2048) }' "$nodes/node$1/meminfo"; }
hugetlb() {
	local all=/proc/sys/vm/nr_hugepages giant=/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages
	local some=$((total / 2048 / 10))
	# Twice of what there is, so that it takes what it can get.
	answers ok $((total / 1024)) "$all"
	at_least "$(pool 0 2048)" $(($(most_huge 0) * 43 / 100)) "huge pages on node 0"
	at_least "$(pool 1 2048)" $(($(most_huge 1) * 43 / 100)) "huge pages on node 1"
	is "$(pool "$PNODE" 2048)" 0 "huge pages on the private node"
	answers ok 0 "$all"
	is "$(cat "$all")" 0 "huge pages after they were given back"
	# Its own pool does not grow.
	answers ok 32 "$nodes/node$PNODE/hugepages/hugepages-2048kB/nr_hugepages"
	is "$(pool "$PNODE" 2048)" 0 "huge pages of the private node's own pool"
	is "$(cat "$all")" 0 "huge pages after the private node was asked for some"
	ends 0 numactl --interleave=0,1 sh -c "echo $((some * 2)) >${all}_mempolicy"
	is "$(pool 0 2048) $(pool 1 2048) $(pool "$PNODE" 2048)" "$some $some 0" "huge pages of each node, interleaved"
	answers ok 0 "$all"
	is "$(cat "$all")" 0 "huge pages at last"
	# There is room for one of these on the private node, and nowhere else.
	if [ -e "$giant" ]; then
		answers ok 1 "$giant"
		answers ok 1 "$nodes/node$PNODE/hugepages/hugepages-1048576kB/nr_hugepages"
		is "$(cat "$giant")" 0 "gigantic pages"
	fi
}
fork_storm() {
	local before
	before=$(awk '$1 == "processes" { print $2 }' /proc/stat)
	stress 2 --fork 2 --vfork 1 -t 3
	at_least $(($(awk '$1 == "processes" { print $2 }' /proc/stat) - before)) 200 "processes"
}
# What asks for ever is killed: this program, nobody else, once.
hog() {
	local kills scanned
	kills=$(vmstat oom_kill)
	scanned=$(($(vmstat pgscan_kswapd) + $(vmstat pgscan_direct)))
	ends 137 victim "$BUILD/tests/hog"
	is $(($(vmstat oom_kill) - kills)) 1 "OOM kills"
	at_least $(($(vmstat pgscan_kswapd) + $(vmstat pgscan_direct) - scanned)) 1 "pages that reclaim looked at"
}
# In one mapping, which huge pages need. Overcommit does not let more than there
# is, with swap, into one: somewhat less than that is still too much.
thp() {
	local got less kills
	got=$(vmstat thp_fault_alloc) less=$(vmstat thp_fault_fallback) kills=$(vmstat oom_kill)
	answers ok always /sys/kernel/mm/transparent_hugepage/enabled
	ends 137 victim "$BUILD/tests/hog" $((total - 8192))
	answers ok "$thp_was" /sys/kernel/mm/transparent_hugepage/enabled
	is $(($(vmstat oom_kill) - kills)) 1 "OOM kills"
	at_least $(($(vmstat thp_fault_alloc) - got)) $((total * 21 / 204800)) "huge pages"
	at_least $(($(vmstat thp_fault_fallback) - less)) 1 "times that there was no huge page"
}
# One group cannot have what it wants while the rest of the machine can.
limited() {
	local kills kib
	kib=$(part 7)
	kills=$(awk '$1 == "oom_kill" { print $2 }' "$cg/hog/memory.events")
	answers ok "${kib}K" "$cg/hog/memory.max"
	# shellcheck disable=SC2016 # for the other shell
	ends 137 bash -c 'echo $$ >"$1" && exec "$2"' - "$cg/hog/cgroup.procs" "$BUILD/tests/hog"
	is $(($(awk '$1 == "oom_kill" { print $2 }' "$cg/hog/memory.events") - kills)) 1 "OOM kills in the group"
	at_least "$(cat "$cg/hog/memory.peak")" $((kib * 15 / 16 << 10)) "bytes that the group had"
}
swapping() {
	local in out over
	over=$(part 7)
	ends 0 mkswap "$LAB_DISK"
	ends 0 swapon "$LAB_DISK"
	in=$(vmstat pswpin) out=$(vmstat pswpout)
	# All of it is read again: what is too much for memory, and more, cannot be there.
	ends 0 victim "$BUILD/tests/hog" $((total + over))
	at_least $(($(vmstat pswpout) - out)) $((over * 122 / 400)) "pages swapped out"
	at_least $(($(vmstat pswpin) - in)) $((over * 61 / 400)) "pages swapped in"
	ends 0 swapoff "$LAB_DISK"
}
knobs() {
	local before cached kib some few
	kib=$(part 32) some=$(part 11) few=$(part 2)
	hole "${kib}K"
	cached=$(meminfo Cached)
	at_least "$cached" "$kib" "KiB in the page cache"
	before=$(vmstat pgsteal_proactive)
	answers ok "${some}K" "$cg/memory.reclaim"
	answers ok "${few}K" "$nodes/node0/reclaim"
	at_least $(($(vmstat pgsteal_proactive) - before)) $(((some + few) * 98 / 400)) "pages reclaimed because somebody asked"
	# It has nothing that could be reclaimed, if it may be at all.
	answers "$([ -n "$knobs" ] && echo 'Resource temporarily unavailable' || echo 'Operation not supported')" \
		"${some}K" "$nodes/node$PNODE/reclaim"
	answers ok 3 /proc/sys/vm/drop_caches
	at_least $((cached - $(meminfo Cached))) $((kib * 93 / 100)) "KiB less in the page cache"
	before=$(vmstat compact_migrate_scanned)
	answers ok 1 /proc/sys/vm/compact_memory
	at_least $(($(vmstat compact_migrate_scanned) - before)) 1 "pages that compaction looked at"
	answers "$([ -n "$knobs" ] && echo ok || echo 'Operation not supported')" 1 "$nodes/node$PNODE/compact"
	# The group is granted it, and has its parent's ordinary nodes besides.
	answers ok "$PNODE" "$cg/hog/cpuset.mems"
	is "$(cat "$cg/hog/cpuset.mems.effective")" "0-$PNODE" "nodes that the group may use"
	answers ok "$([ "$knobs" != granted ] || echo "0-1,$PNODE")" "$cg/hog/cpuset.mems"
	# Now a node reclaims from itself rather than going to another.
	before=$(($(vmstat zone_reclaim_success) + $(vmstat zone_reclaim_failed)))
	answers ok 1 /proc/sys/vm/zone_reclaim_mode
	hole "$(part 108)K"
	answers ok 0 /proc/sys/vm/zone_reclaim_mode
	at_least $(($(vmstat zone_reclaim_success) + $(vmstat zone_reclaim_failed) - before)) 1 "times that a node reclaimed from itself"
}
# under MODE NODE[,NODE] COMMAND...: with a memory policy of the task's own, by the
# system call, since numactl refuses to name the node.
under() {
	perl -e '
		my ($mode, $nodes, $mask) = (shift, shift, 0);
		$mask |= 1 << $_ for split /,/, $nodes;
		exit $! + 0 if syscall(238, $mode + 0, pack("Q", $mask), 64) != 0;
		exec @ARGV or exit 127' "$@"
}
# To the page: what each CPU has counted for itself is added up first.
cached() {
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$3 == "FilePages:" { print $4 }' "$nodes/node$PNODE/meminfo"
}
policies() {
	local mib=$(($(part 7) / 1024)) mode
	local file="$tmp/fs/x" knob
	local write=(dd if=/dev/zero bs=1M count="$mib" of="$file")
	for mode in --interleave=all --localalloc --preferred=1 --membind=0; do
		ends 0 numactl "$mode" "${write[@]}"
		is "$(stat -c %s "$file")" $((mib << 20)) "bytes written"
		rm -f "$file"
	done
	# Preferred, bind, interleave, one of many, interleave by weight. The node
	# alone is EINVAL; together with another it is left out. With the knob on it
	# gives dd its memory, and gets that back.
	for mode in 1 2 3 5 6; do
		ends "$([ -n "$knobs" ] && echo 0 || echo 22)" under "$mode" "$PNODE" "${write[@]}"
	done
	for mode in 2 3 5 6; do
		ends 0 under "$mode" "0,$PNODE" "${write[@]}"
		is "$(stat -c %s "$file")" $((mib << 20)) "bytes written"
		is "$(cached)" 0 "KiB of page cache on the node"
		rm -f "$file"
	done
	# A file of a tmpfs is there with that knob, and only then.
	[ -n "$knobs" ] || return 0
	for knob in 0 1; do
		set_knobs "$knob" shmem
		ends 0 under 2 "0,$PNODE" "${write[@]}"
		is "$(cached)" 0 "KiB of page cache on the node, with shmem $knob"
		rm -f "$file"
		ends 0 under 2 "$PNODE" dd if=/dev/zero bs=1M count="$mib" of="$tmp/x"
		is "$(cached)" $((knob * mib << 10)) "KiB of a tmpfs on the node, with shmem $knob"
		rm -f "$tmp/x"
	done
}
# numactl asks libnuma, which knows nodes with memory.
refused() {
	ends 0 numactl --membind=0 true
	ends 1 numactl --membind="$PNODE" true 2>"$tmp/said"
	grep -q "node argument $PNODE is out of range" "$tmp/said"
	claim $? "numactl says: $(head -n 1 "$tmp/said")"
}

allowed() { ends 0 numactl --membind="$PNODE" true; }

# online_kernel differs from online in how the zone is chosen, not in the zone: where
# they are the same, so are the zonelists and who gets what. So what has to be shown is
# that, and that the node is left alone by page cache, huge pages, policies and OOM.
brief=''
[ "$type" = online_movable ] || check "$state: all of it is in ZONE_NORMAL" zones_are Normal
[ "$type" != online_kernel ] || brief=1

fire "page cache of a file, written and read" with_disk page_cache
[ -n "$brief" ] || fire "tmpfs until it is full" tmpfs_fill
[ -n "$brief" ] || fire "slab: files, dentries, sockets, pipes" slab
fire "hugetlb pools, the node's own too" hugetlb
[ -n "$brief" ] || fire "a fork storm" fork_storm
fire "policies that name the node, or all nodes" with_disk policies
[ -n "$brief" ] || fire "drop_caches, compaction, reclaim asked for" with_disk knobs
fire "a program that never stops asking" hog
[ -n "$brief" ] || fire "a control group at its limit" limited
[ -n "$brief" ] || fire "THP until there are none" thp
[ -n "$brief" ] || fire "more than there is, into swap and back" swapping
[ -n "$brief" ] || fire "stress-ng: vm, mmap, brk, bigheap, stack" \
	stress 5 --vm 1 --vm-bytes 64M --vm-method rand-set --mmap 1 --mmap-bytes 64M --brk 1 --bigheap 1 --stack 1 -t 4
[ -n "$brief" ] || fire "stress-ng: shm, memfd, mremap, vm-splice" \
	stress 4 --shm 1 --memfd 1 --mremap 1 --mremap-bytes 16M --vm-splice 1 -t 4
if [ "$knobs" = granted ]; then
	fire "numactl --membind to the node alone" allowed
else
	fire "numactl --membind to the node alone is refused" refused
fi

if [ "$knobs" = granted ]; then
	set_knobs 0 cpuset "${all_knobs[@]}"
	echo $$ >"$cg/cgroup.procs"
	rmdir "$cg/granted"
elif [ -n "$knobs" ]; then
	set_knobs 0 "${all_knobs[@]}"
	for knob in "${all_knobs[@]}"; do
		state="only $knob"
		check "$state is on" set_knobs 1 "$knob"
		fire "page cache, more than there is" with_disk hole "$(part 130)K"
		fire "a program that never stops asking" hog
		set_knobs 0 "$knob"
	done
	state=$type
fi

check "$state: and the node can go" lab/vm-node.sh unplugged
echo "$reserve_was" >$reserve
echo "$demotion_was" >/sys/kernel/mm/numa/demotion_enabled
rmdir "$cg/hog"
umount "$tmp"
conclude

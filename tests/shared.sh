#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs that share memory, unmodified, with what they share on a private node: PostgreSQL
# with a crash in it, machines of QEMU with a disk of vhost-user, a tmpfs that is swapped and
# moved away. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

tmp=$(mktemp -d)
chmod 755 "$tmp"
disk=$tmp/disk
mkdir -p "$disk"
if ! mkfs.ext4 -q -F -E lazy_itable_init=1 "$LAB_DISK" 600M || ! mount "$LAB_DISK" "$disk"; then
	echo "Bail out! no file system"
	exit 1
fi
check "the node can be plugged" lab/vm-node.sh online_movable
all_free=$(free_pages)
echo 1 >"$dev/shmem"

# on_node FILE PID: pages of its mappings of that name that are on the node, and elsewhere
on_node() {
	awk -v file="file=$1" -v node="N$PNODE" '
		index($0, file) {
			for (i = 3; i <= NF; i++)
				if ($i ~ /^N[0-9]+=/) {
					split($i, f, "=")
					if (f[1] == node) here += f[2]; else there += f[2]
				}
		}
		END { print here + 0, there + 0 }' "/proc/$2/numa_maps"
}
# until_true COMMAND...
until_true() {
	local tries=300
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
uses() { [ $((all_free - $(free_pages))) = "$1" ]; }
uses_less() { [ $((all_free - $(free_pages))) -lt "$1" ]; }
all_came_back() { [ "$(free_pages)" = "$all_free" ]; }
gone() { check "$1: nothing of it is left on the node" until_true all_came_back; }

#
# PostgreSQL, bound to the node by numactl. With mbind off what its processes have for
# themselves is ordinary memory, and only what they share is there.
#
db=$disk/db
as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
bins=(/usr/lib/postgresql/*/bin)
bin=${bins[-1]}
sql() { "${as_postgres[@]}" "$bin/psql" -h "$tmp" -At -c "$1" postgres; }
start_postgres() {
	"${as_postgres[@]}" numactl -a --membind="$PNODE" "$bin/postgres" -D "$db" -k "$tmp" -h '' \
		-c shared_buffers=64MB -c huge_pages=off -c max_connections=10 >>"$tmp/log" 2>&1 &
	pid=$!
	until_true sql 'SELECT 1'
}
digest() { sql "SELECT md5(string_agg(t::text, ',' ORDER BY t)) FROM $1 t"; }
digests() { for table in pgbench_accounts pgbench_branches pgbench_tellers pgbench_history; do digest $table; done; }

chmod 777 "$tmp"
install -d -o postgres -g postgres -m 700 "$db"
"${as_postgres[@]}" "$bin/initdb" -D "$db" -A trust --no-sync --no-instructions >"$tmp/log" 2>&1
result $? "PostgreSQL: a new database"
start_postgres
result $? "PostgreSQL: starts under numactl --membind=$PNODE"
"${as_postgres[@]}" "$bin/pgbench" -h "$tmp" -i -q -s 1 postgres >>"$tmp/log" 2>&1 &&
	"${as_postgres[@]}" "$bin/pgbench" -h "$tmp" -c 4 -t 200 postgres >>"$tmp/log" 2>&1
result $? "PostgreSQL: pgbench, 800 transactions of 4 clients"
sql 'SELECT sum(abalance) FROM pgbench_accounts' >/dev/null
read -r here there < <(on_node /dev/zero "$pid")
echo "# shared_buffers: $here pages on node $PNODE, $there elsewhere"
[ "$here" -gt 1000 ] && [ "$there" = 0 ]
result $? "PostgreSQL: all of its shared buffers are on the node"
read -r here _ < <(on_node heap "$pid")
[ "$here" = 0 ]
result $? "PostgreSQL: what a process has for itself is not, with mbind off"
digests >"$tmp/before"
check "PostgreSQL: there are rows to compare" test "$(grep -c . "$tmp/before")" = 4
pkill -KILL -P "$pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
rm -f "$db/postmaster.pid"
# But for its segments of System V and in /dev/shm, which the next one to start takes away.
check "PostgreSQL, killed: less than 2 MiB are left on the node" until_true uses_less 512
start_postgres
result $? "PostgreSQL: recovers"
digests >"$tmp/after"
check "PostgreSQL: every row is as it was before the crash" cmp -s "$tmp/before" "$tmp/after"
# With a backend at work, all that is shared is moved away under it.
"${as_postgres[@]}" "$bin/pgbench" -h "$tmp" -c 2 -t 300 postgres >>"$tmp/log" 2>&1 &
bench=$!
sleep 1
check "PostgreSQL: the node is unplugged under its transactions" lab/vm-node.sh unplugged
wait $bench
result $? "PostgreSQL: which all end well"
sql 'CHECKPOINT' >/dev/null
digests >"$tmp/moved"
kill -INT "$pid"
wait "$pid"
check "the node can be plugged again" lab/vm-node.sh online_movable
start_postgres
digests >"$tmp/after"
check "PostgreSQL: every row is as it was when it was stopped" cmp -s "$tmp/moved" "$tmp/after"
kill -INT "$pid"
wait "$pid"
gone PostgreSQL

#
# A machine of QEMU whose memory is on the node, and whose disk another process serves: it
# reads and writes that memory. The machine boots from the disk, reads its second sector and
# writes that to the third.
#
boot='\x31\xc0\x8e\xd8\x8e\xc0\xbb\x00\x80\xb8\x01\x02\xb9\x02\x00\xb6\x00\xcd\x13\x72\x0a'
boot+='\xb8\x01\x03\xb9\x03\x00\xb6\x00\xcd\x13\x0f\x92\xc0\xe6\xf4\xf4\xeb\xfd'
# machine NAME MEMORY
machine() {
	local name=$1 memory=$2 rc
	printf %b "$boot" >"$tmp/disk.img"
	truncate -s 510 "$tmp/disk.img"
	printf '\x55\xaa' >>"$tmp/disk.img"
	head -c 512 /dev/urandom >>"$tmp/disk.img"
	truncate -s 1M "$tmp/disk.img"
	rm -f "$tmp/blk"
	qemu-storage-daemon --blockdev "driver=file,node-name=disk,filename=$tmp/disk.img" \
		--export "type=vhost-user-blk,id=blk,node-name=disk,addr.type=unix,addr.path=$tmp/blk,writable=on" >"$tmp/served" 2>&1 &
	local daemon=$!
	until_true test -S "$tmp/blk"
	result $? "$name: somebody serves a disk"
	qemu-system-x86_64 -M q35,accel=tcg,memory-backend=ram -m 64 -nodefaults -no-user-config -display none \
		-object "$memory" -chardev "socket,id=blk,path=$tmp/blk" \
		-device vhost-user-blk-pci,chardev=blk,num-queues=1,bootindex=0 \
		-device isa-debug-exit,iobase=0xf4,iosize=4 >"$tmp/said" 2>&1
	rc=$?
	sed 's/^/# /' "$tmp/said"
	[ $rc = 1 ]
	result $? "$name: the machine boots from it, reads and writes (exit status $rc)"
	cmp -s <(tail -c +513 "$tmp/disk.img" | head -c 512) <(tail -c +1025 "$tmp/disk.img" | head -c 512)
	result $? "$name: what it has written is what it has read"
	kill $daemon
	wait $daemon
	gone "$name"
}
# The memory that it has when it stands still.
placed() {
	local name=$1 memory=$2
	qemu-system-x86_64 -M q35,accel=tcg,memory-backend=ram -m 64 -nodefaults -no-user-config -display none \
		-object "$memory,prealloc=on" -S >"$tmp/said" 2>&1 &
	pid=$!
	until_true uses 16384
	sed 's/^/# /' "$tmp/said"
	uses 16384
	result $? "$name: exactly its 64 MiB are on node $PNODE"
	kill "$pid"
	wait "$pid"
	gone "$name, stopped"
}
# Its own, of the device: with share=off nobody else can serve its disk.
placed "QEMU, memory-backend-file, share=off" "memory-backend-file,id=ram,size=64M,mem-path=/dev/$DAX,share=off"
for memory in "memory-backend-memfd,id=ram,size=64M,share=on,host-nodes=$PNODE,policy=bind" \
	"memory-backend-file,id=ram,size=64M,mem-path=/dev/$DAX,share=on,align=2M"; do
	name="QEMU, ${memory%%,*}"
	placed "$name" "$memory"
	machine "$name" "$memory"
done

#
# A cache in a tmpfs on the node: filled, swapped, moved away under it.
#
umount "$disk"
mkswap "$LAB_DISK" >/dev/null 2>&1
swapon "$LAB_DISK"
mkdir "$tmp/cache"
check "tmpfs: mpol=bind:$PNODE" mount -t tmpfs -o "mpol=bind:$PNODE" cache "$tmp/cache"
head -c 40M /dev/urandom >"$tmp/source"
cp "$tmp/source" "$tmp/cache/file"
[ $((all_free - $(free_pages))) -ge 10240 ]
result $? "tmpfs: the file is on the node"
echo 1 >"$dev/reclaim"
# It may get less than it is asked for: what is being written to swap cannot be freed yet.
reclaimed() {
	echo 30M >"/sys/devices/system/node/node$PNODE/reclaim"
	[ $((all_free - $(free_pages))) -le 5000 ]
} 2>/dev/null
for _ in {1..50}; do ! reclaimed || break && sleep 0.1; done
check "tmpfs: with reclaim on, most of it can be swapped" reclaimed
check "tmpfs: and is as it was" cmp -s "$tmp/source" "$tmp/cache/file"
echo 0 >"$dev/reclaim"
check "tmpfs: the node is unplugged under it" lab/vm-node.sh unplugged
check "tmpfs: nothing is lost" cmp -s "$tmp/source" "$tmp/cache/file"
umount "$tmp/cache"
echo 0 >"$dev/shmem"
! mount -t tmpfs -o "mpol=bind:$PNODE" cache "$tmp/cache" 2>/dev/null
result $? "tmpfs: without the node, or its knob, such a mount is refused"
conclude

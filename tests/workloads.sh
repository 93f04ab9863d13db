#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs that people run, as they are, with their memory on a private node: by
# a policy, once the node's owner lets policies name it. For each: the pages of
# every node before, during and after; all of its anonymous memory is on the
# node, and nothing but anonymous memory is; it does its work; every page comes
# back; nobody is killed. Runs in the virtual machine.

# shellcheck disable=SC2016 # for awk and perl
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

state=${1:-online_movable}
[ $# = 0 ] || shift
programs=("$@")
[ $# -gt 0 ] || programs=(numactl libnuma redis memcached sqlite3 stress_ng gcc qemu systemd)
P=$PNODE
nodes=/sys/devices/system/node
cg=/sys/fs/cgroup
tmp=$(mktemp -d)
disk=$tmp/disk
bind=(numactl -a --membind="$P")
# Whoever hangs is not to hang the group.
limit=(timeout -k 5 90)

# must STATUS NAME: a result that the rest of a program's tests depends on.
must() {
	result "$@"
	return "$1"
}

#
# Counting
#

oom_kills() { awk '$1 == "oom_kill" { print $2 }' /proc/vmstat; }

# Free pages of each node, of whatever list, in one line.
show() {
	awk -v what="$1" -v private="$P" '
		FILENAME ~ /buddyinfo/ { for (i = 5; i <= NF; i++) free[$2 + 0] += $i * 2 ^ (i - 5) }
		FILENAME ~ /zoneinfo/ && $1 == "Node" { n = $2 + 0 }
		FILENAME ~ /zoneinfo/ && $1 == "count:" { free[n] += $2 }
		END {
			printf "# %-22s free pages:", what
			for (n = 0; n < 64; n++)
				if (n in free) printf " node %d%s %d", n, n == private ? " (private)" : "", free[n]
			print ""
		}' /proc/buddyinfo /proc/zoneinfo
}

# Folios wait for a while on lists of each CPU, counters too.
settle() {
	echo 1 >/proc/sys/vm/compact_memory
	echo 1 >/proc/sys/vm/stat_refresh
}

# Anonymous pages that a process maps, and pages of the private node, in all
# mappings of it. They are the same pages if the two are equal in every mapping.
anon_and_here() {
	awk -v node="N$P=" '{
		anon = here = 0
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^anon=/) anon = substr($i, 6)
			if (index($i, node) == 1) here = substr($i, length(node) + 1)
		}
		all += anon
		allhere += here
		if (anon != here) odd++
	} END { print all + 0, allhere + 0, odd + 0 }' "/proc/$1/numa_maps"
}

has_here() { [ "$(anon_and_here "$1" | cut -d' ' -f2)" = "$2" ]; }

before() {
	settle
	kills=$(oom_kills)
	show "$1: before"
}

# halted PID...: in the state "stopped".
halted() {
	local pid tries
	kill -STOP "$@" 2>/dev/null
	for pid in "$@"; do
		for ((tries = 0; tries < 1000; tries++)); do
			[ "$(awk '$1 == "State:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" = T ] && continue 2
			sleep 0.02
		done
		return 1
	done
}

# freeze GROUP: all of its tasks at once, also those just born. thaw undoes it.
freeze() {
	echo 1 >"$1/cgroup.freeze"
	until_true grep -qx "frozen 1" "$1/cgroup.events"
}
thaw() { echo 0 >"$1/cgroup.freeze"; }

# alive PID...: those that have not ended meanwhile.
alive() {
	local pid
	for pid in "$@"; do [ -z "$(head -c 1 "/proc/$pid/numa_maps" 2>/dev/null)" ] || echo "$pid"; done
}

# during NAME PAGES PID...: these processes have at least so many pages on the
# private node, and nobody has anything else there. They stand still meanwhile,
# or are frozen already.
during() {
	local name=$1 least=$2 pid anon here odd all=0 strays=0 used rest rc=0
	shift 2
	[ -n "${frozen:-}" ] || halted "$@" || rc=1
	settle
	show "$name: during"
	for pid in "$@"; do
		read -r anon here odd < <(anon_and_here "$pid")
		note "$(cat "/proc/$pid/comm") ($pid): $anon anonymous pages, $here pages on node $P"
		[ "$odd" = 0 ] || strays=$((strays + odd))
		all=$((all + here))
	done
	used=$(($(managed_pages) - $(free_pages)))
	anon=$(awk '$3 == "AnonPages:" { print $4 / 4 }' "$nodes/node$P/meminfo")
	# What else the node's own statistics know of: page cache, shmem, slab, page
	# tables, stacks, hugetlb.
	rest=$(awk '$3 !~ /^(MemTotal|MemFree|MemUsed|Active|Inactive|(Active|Inactive)\(anon\)|AnonPages|AnonHugePages|Unevictable|Mlocked|SwapCached):/ && $4 > 0 { printf "%s %s ", $3, $4 }' "$nodes/node$P/meminfo")
	[ -n "${frozen:-}" ] || kill -CONT "$@"
	[ "$rc" = 0 ] && [ "$all" -ge "$least" ]
	result $? "$name: at least $least pages are on node $P"
	[ "$strays" = 0 ]
	result $? "$name: all of its anonymous memory is, and no other page that it maps"
	note "node $P: $used pages in use, $anon of them anonymous; else: ${rest:-nothing}"
	[ "$used" = "$anon" ] && [ -z "$rest" ]
	result $? "$name: every page in use on node $P is anonymous memory"
}

after() {
	local free tries
	for ((tries = 0; tries < 20; tries++)); do
		settle
		free=$(free_pages)
		[ "$free" != "$all_free" ] || break
		sleep 0.1
	done
	show "$1: after"
	check "$1: every page of node $P came back" [ "$free" = "$all_free" ]
	[ "$(oom_kills)" = "$kills" ]
	result $? "$1: nobody was killed"
}

# refuses NAME PATTERN COMMAND...: it fails, and says why.
refuses() {
	local name=$1 pattern=$2 rc=1
	shift 2
	! "$@" >"$tmp/said" 2>&1 && grep -q "$pattern" "$tmp/said" && rc=0
	[ "$rc" = 0 ] || sed 's/^/# | /' "$tmp/said"
	result "$rc" "$name"
}
# works NAME COMMAND...: it succeeds; what it says is in $tmp/said.
works() {
	local name=$1 rc=0
	shift
	"$@" >"$tmp/said" 2>&1 || rc=$?
	[ "$rc" = 0 ] || tail -n 20 "$tmp/said" | sed 's/^/# | /'
	must "$rc" "$name"
}
# until_true COMMAND...: but for no more than half a minute or so.
until_true() {
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}

#
# The programs
#

# sized: once it is known how large the node is.
sized() {
	local mib=$((all_free / 256 / 16)) much=$((all_free * 55 / 25600))
	least=$((mib * 256))
	# Values of 1 KiB, four to a page.
	keys=$((all_free * 30 / 256))
	# A program of which nothing but its size matters: a sixteenth of the node, until
	# its input ends. As perl makes a constant of it, there are two of each.
	big=(perl -e "\$x = 'x' x ($mib << 20); \$| = 1; print qq(ready\n); <STDIN>; exit(length(\$x) != $mib << 20)")
	# More than the node has.
	huge=(perl -e "\$x = 'x' x ($much << 20); \$| = 1; print qq(ready\n); <STDIN>")
	# The same in small pages: prctl(PR_SET_THP_DISABLE).
	small=(perl -e "syscall(157, 41, 1, 0, 0, 0) and die; \$x = 'x' x ($much << 20); \$| = 1; print qq(ready\n); <STDIN>")
}
hold_big() {
	local answer
	coproc BIG { exec "$@"; }
	pid=$BIG_PID out=${BIG[0]} in=${BIG[1]}
	read -r -t 60 answer <&"$out" && [ "$answer" = ready ]
}
let_go() {
	exec {in}>&-
	wait "$pid"
}

# Pages that were freed a moment ago rest on the list of the CPU that freed them,
# where only it gets them from, until they are drained some seconds later. Wait for
# that, for a node to be filled from any CPU.
unlisted() {
	local i listed=0
	for ((i = 0; i < 150; i++)); do
		read -r _ listed < <(free_lists)
		[ "$listed" -gt $((all_free / 200)) ] || return 0
		sleep 0.2
	done
	note "$listed pages of node $P are still on the lists of CPUs"
}

numactl_off() {
	refuses "numactl, knob off: --membind is refused" "out of range" numactl --membind="$P" true
	refuses "numactl, knob off: -a --membind is refused" "Invalid argument" "${bind[@]}" true
	refuses "numactl, knob off: -a --preferred is refused" "Invalid argument" numactl -a --preferred="$P" true
	hold_big numactl -a --interleave="0,$P" "${big[@]}"
	result $? "numactl, knob off: -a --interleave of the node and another works"
	[ "$(anon_and_here "$pid" | cut -d' ' -f2)" = 0 ]
	result $? "numactl, knob off: and leaves the node out"
	let_go
}
test_numactl() {
	local anon here odd rc
	refuses "numactl: --membind without -a is refused" "out of range" numactl --membind="$P" true
	before numactl
	hold_big "${bind[@]}" "${big[@]}"
	must $? "numactl: -a --membind runs a program of a sixteenth of the node" || return
	during numactl "$least" "$pid"
	# Off again, while that program is there.
	echo 0 >"$dev/mbind"
	refuses "numactl: with the knob off again no other is let in" "Invalid argument" "${bind[@]}" true
	read -r anon here odd < <(anon_and_here "$pid")
	[ "$here" -ge "$least" ]
	result $? "numactl: but the one that is there keeps what it has, $here pages"
	echo 1 >"$dev/mbind"
	let_go
	result $? "numactl: the program ends well"

	hold_big numactl -a --preferred="$P" "${big[@]}"
	during "numactl -a --preferred" "$least" "$pid"
	let_go
	hold_big numactl -a --interleave="0,$P" "${big[@]}"
	read -r anon here odd < <(anon_and_here "$pid")
	note "--interleave=0,$P: $here of $anon anonymous pages on node $P"
	[ $((here * 2 - anon)) -ge -200 ] && [ $((here * 2 - anon)) -le 200 ]
	result $? "numactl: -a --interleave of the node and another: half of the pages"
	let_go
	# More than there is: who asks gets SIGBUS, and a neighbour does not notice.
	hold_big "${bind[@]}" "${big[@]}"
	"${bind[@]}" "${huge[@]}" >"$tmp/said" 2>&1 </dev/null
	rc=$?
	[ "$rc" = 135 ]
	result $? "numactl: who is bound and wants more than the node has gets SIGBUS (exit status $rc)"
	let_go
	result $? "numactl: and its neighbour there ends well"
	# Preferred is not bound: it goes on elsewhere, and a THP does so as soon as no
	# free block is large enough for it, so that it takes small pages to fill a node.
	unlisted
	hold_big numactl -a --preferred="$P" "${small[@]}"
	must $? "numactl: -a --preferred can have more than the node has" || return
	read -r anon here odd < <(anon_and_here "$pid")
	show "numactl: overflow"
	note "$here of $anon anonymous pages on node $P"
	[ "$here" -ge $((all_free * 99 / 100)) ] && [ "$anon" -gt "$all_free" ]
	result $? "numactl: the node is full then, and the rest is elsewhere"
	let_go
	works "numactl: --interleave=all" numactl --interleave=all true
	after numactl
}

# libnuma_knob on|off: lines of build/tests/libnuma are results.
libnuma_knob() {
	local line here
	[ "$1" = off ] || before libnuma
	coproc LIBNUMA { exec "$BUILD/tests/libnuma" "$P" "$1" 2>&1; }
	pid=$LIBNUMA_PID in=${LIBNUMA[1]}
	# Of its own: the shell closes the coprocess's when that has ended, read or not.
	exec {out}<&"${LIBNUMA[0]}"
	while read -r -t 60 line <&"$out"; do
		case $line in
		[01]\ *)
			result "${line%% *}" "libnuma, knob $1: ${line#* }"
			;;
		ready)
			# Two ranges of 16 MiB; the rest of the program is elsewhere.
			read -r _ here _ < <(anon_and_here "$pid")
			show "libnuma: during"
			[ "$here" = 8192 ] && [ $(($(managed_pages) - $(free_pages))) = 8192 ]
			result $? "libnuma: exactly what it asked for is on node $P, $here pages"
			echo >&"$in"
			;;
		done) break ;;
		*) note "${line#"# "}" ;;
		esac
	done
	[ "${line:-}" = "done" ]
	result $? "libnuma, knob $1: it got to its end"
	exec {in}>&- {out}<&-
	wait "$pid"
	[ "$1" = off ] || after libnuma
}

test_libnuma() { libnuma_knob on; }

redis() { redis-cli -s "$tmp/redis.sock" "$@"; }
redis_info() { redis INFO "$1" | tr -d '\r' | awk -F: -v key="$2" '$1 == key { print $2 }'; }
redis_start() {
	rm -f "$tmp/redis.sock"
	"${bind[@]}" redis-server --port 0 --unixsocket "$tmp/redis.sock" --dir "$disk" --daemonize no \
		--save "" --appendonly yes --appendfsync everysec --enable-debug-command yes \
		--logfile "$tmp/redis.log" "$@" &
	pid=$!
	until_true redis PING
}
redis_answers() { [ "$(redis PING 2>&1)" = PONG ] && [ "$(redis_info persistence loading)" = 0 ]; }
redis_saved() { [ "$(redis_info persistence rdb_bgsave_in_progress)" = 0 ]; }
test_redis() {
	local child load digest used alone third=$((keys / 3))
	before redis-server
	redis_start
	must $? "redis-server: starts with all of its memory on the node" || return
	works "redis-server: takes $keys keys" perl tests/kv.pl redis "$tmp/redis.sock" set 0 "$keys" || return
	during "redis-server, loaded" $((keys / 4)) "$pid"

	# A snapshot while clients write: the child shares the parent's pages, and
	# what is written meanwhile is copied. The delay gives time to look: three seconds.
	redis CONFIG SET rdb-key-save-delay $((3000000 / keys)) >/dev/null
	redis-benchmark -s "$tmp/redis.sock" -q -t set,get,incr,lpush,hset -n $((keys / 8)) -r $((keys * 2 / 3)) -d 1024 -P 8 -c 8 >"$tmp/load" 2>&1 &
	load=$!
	redis BGSAVE >/dev/null
	until_true pgrep -P "$pid"
	child=$(pgrep -P "$pid" | head -n 1)
	# So that it is still there when it is looked at, however long this takes.
	halted "$child"
	perl tests/kv.pl redis "$tmp/redis.sock" set 0 "$third" 2
	result $? "redis-server: $third keys are written anew while the snapshot is made"
	halted "$pid" "$child"
	frozen=1 during "redis-server, with its snapshot" $((keys / 2)) "$pid" "$child"
	used=$(($(managed_pages) - $(free_pages)))
	alone=$(anon_and_here "$pid" | cut -d' ' -f2)
	kill -CONT "$pid" "$child"
	note "$used pages of node $P in use, $alone of them the parent's: the others are the child's alone"
	[ "$((used - alone))" -ge $((keys / 12)) ]
	result $? "redis-server: what was written meanwhile has been copied, on the node"
	redis CONFIG SET rdb-key-save-delay 0 >/dev/null
	wait "$load"
	result $? "redis-server: redis-benchmark ends well"
	sed 's/\r/\n/g' "$tmp/load" | grep 'requests per second' | sed 's/^/# /'
	until_true redis_saved
	[ "$(redis_info persistence rdb_last_bgsave_status)" = ok ]
	result $? "redis-server: the snapshot is saved, $(redis_info persistence rdb_last_cow_size) bytes were copied for it"
	digest=$(redis DEBUG DIGEST)
	redis SHUTDOWN NOSAVE
	wait "$pid"
	after redis-server

	before "redis-server, again"
	redis_start && until_true redis_answers
	must $? "redis-server: starts again, from its log" || return
	[ "$(redis DEBUG DIGEST)" = "$digest" ]
	result $? "redis-server: all of its data are as they were"
	perl tests/kv.pl redis "$tmp/redis.sock" check 0 "$third" 2 && perl tests/kv.pl redis "$tmp/redis.sock" check "$third" $((keys - third))
	result $? "redis-server: and each of our keys has its value"
	during "redis-server, again" $((keys / 4)) "$pid"
	kill "$pid"
	wait "$pid"
	result $? "redis-server: SIGTERM ends it"
	after "redis-server, again"
	# The snapshot alone, where some keys are of before and some of after.
	rm -rf "$disk/appendonlydir"
	redis_start --appendonly no && until_true redis_answers && perl tests/kv.pl redis "$tmp/redis.sock" check "$third" $((keys - third))
	result $? "redis-server: the snapshot can be read back too"
	redis SHUTDOWN NOSAVE
	wait "$pid"
}

memcached_up() { [ -S "$tmp/memcached.sock" ]; }
test_memcached() {
	local items=$((keys * 2 / 3))
	before memcached
	"${bind[@]}" memcached -u root -m 64 -t 2 -s "$tmp/memcached.sock" >"$tmp/said" 2>&1 &
	pid=$!
	until_true memcached_up
	must $? "memcached: starts" || return
	works "memcached: takes $items items" perl tests/kv.pl memcached "$tmp/memcached.sock" set 0 "$items"
	during memcached $((items / 4)) "$pid"
	works "memcached: gives them back" perl tests/kv.pl memcached "$tmp/memcached.sock" check 0 "$items"
	kill "$pid"
	wait "$pid"
	after memcached
}

# An index built and joins done in memory, then the same without a policy.
sql='CREATE TABLE t(a INTEGER, b INTEGER, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39999)
INSERT INTO t SELECT i, (i * 7919) % 10007, hex(i * 2654435761) || printf("%0200d", i) FROM n;
CREATE INDEX tb ON t(b, c);
SELECT count(*), sum(x.a), max(y.c) FROM t x JOIN t y ON x.b = y.b AND x.a < y.a;
SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 3;'
test_sqlite3() {
	local query
	before sqlite3
	mkfifo "$tmp/sql"
	"${bind[@]}" sqlite3 :memory: <"$tmp/sql" >"$tmp/said" 2>&1 &
	pid=$!
	exec {query}>"$tmp/sql"
	echo "$sql SELECT 'ready';" >&"$query"
	until_true grep -q ready "$tmp/said"
	result $? "sqlite3: a database in memory"
	during sqlite3 4000 "$pid"
	exec {query}>&-
	wait "$pid"
	result $? "sqlite3: ends well"
	echo "$sql SELECT 'ready';" | sqlite3 :memory: | cmp -s - "$tmp/said"
	result $? "sqlite3: the answers are those that it gives without the node"
	after sqlite3
}

test_stress_ng() {
	local pids
	before stress-ng
	"${bind[@]}" "${limit[@]}" stress-ng --temp-path "$disk" --metrics-brief --verify \
		--vm 2 --vm-bytes 48M --vm-keep --vm-method rand-set -t 12 >"$tmp/stress" 2>&1 &
	pid=$!
	# It is looked at when it has got so far, however slow the machine is.
	for _ in {1..50}; do
		mapfile -t pids < <(pgrep -f 'stress-ng-vm')
		[ "$(for p in "${pids[@]}"; do cat "/proc/$p/statm"; done 2>/dev/null | awk '{ n += $2 - $3 } END { print n + 0 }')" -lt 4000 ] || break
		sleep 0.2
	done
	during "stress-ng" 2000 "${pids[@]}"
	wait "$pid"
	local rc=$?
	# What comes and goes cannot be counted while it does.
	"${bind[@]}" "${limit[@]}" stress-ng --temp-path "$disk" --metrics-brief --verify \
		--mmap 1 --mmap-bytes 32M --fork 1 -t 4 >>"$tmp/stress" 2>&1 || rc=$?
	[ "$rc" = 0 ] || sed 's/^/# | /' "$tmp/stress"
	result "$rc" "stress-ng: vm, mmap, fork: what was written is what is read"
	after stress-ng
	before "stress-ng --numa"
	works "stress-ng --numa" "${limit[@]}" stress-ng --temp-path "$disk" --numa 1 --numa-ops 20 -t 5
	after "stress-ng --numa"
}

# Files of the kernel, two at a time; what comes out is what comes out without.
compile_with() {
	local dir=$1 tools=$BUILD/linux/tools
	shift
	mkdir -p "$dir"
	printf '%s\n' 'all: rbtree.o list_sort.o' \
		"%.o: $tools/lib/%.c" \
		"	gcc -O2 -g0 -I$tools/include -I$tools/include/uapi -c -o \$@ \$<" |
		"$@" make -s -j2 -C "$dir" -f - all
}
test_gcc() {
	local pids=() pid job here rc frozen=''
	mkdir "$cg/compile"
	compile_with "$disk/plain" env >"$tmp/said" 2>&1
	result $? "gcc: compiles without the node"
	before gcc
	(
		echo "$BASHPID" >"$cg/compile/cgroup.procs"
		compile_with "$disk/bound" "${bind[@]}" >"$tmp/said" 2>&1
	) &
	job=$!
	# When a compiler has grown to some size, the whole job stands still.
	while ((${#pids[@]} == 0)) && kill -0 "$job" 2>/dev/null; do
		for pid in $(pgrep -x cc1); do
			read -r _ here _ < <(anon_and_here "$pid" 2>/dev/null)
			[ "${here:-0}" -ge 1500 ] || continue
			freeze "$cg/compile" && frozen=1
			# It may have ended before it stood still, and the next has just begun.
			if ! grep -qx "$pid" "$cg/compile/cgroup.procs" || [ -z "$(alive "$pid")" ]; then
				frozen=''
				thaw "$cg/compile"
				continue
			fi
			mapfile -t pids < <(grep -vx "$job" "$cg/compile/cgroup.procs")
			mapfile -t pids < <(alive "${pids[@]}")
			break
		done
	done
	must $((${#pids[@]} == 0)) "gcc: compilers are seen at work" && during gcc 1500 "${pids[@]}"
	thaw "$cg/compile"
	wait "$job"
	rc=$?
	[ "$rc" = 0 ] || sed 's/^/# | /' "$tmp/said"
	result "$rc" "gcc: make -j2 with all compilers on the node"
	diff -r "$disk/plain" "$disk/bound"
	result $? "gcc: the objects are the same"
	after gcc
}

# Memory of a virtual machine, which QEMU itself binds: no numactl.
test_qemu() {
	local anon here
	before qemu
	qemu-system-x86_64 -M microvm,memory-backend=ram,accel=tcg -m 128 -nodefaults -no-user-config -display none -S \
		-object "memory-backend-ram,id=ram,size=128M,host-nodes=$P,policy=bind,prealloc=on" \
		-qmp "unix:$tmp/qmp,server=on,wait=off" >"$tmp/said" 2>&1 &
	pid=$!
	until_true test -S "$tmp/qmp"
	must $? "qemu: a machine whose memory is bound to the node" || return
	# The socket is there first.
	until_true has_here "$pid" 32768
	settle
	show "qemu: during"
	read -r anon here _ < <(anon_and_here "$pid")
	note "qemu ($pid): $anon anonymous pages, $here pages on node $P, $(($(managed_pages) - $(free_pages))) pages of it in use"
	[ "$here" = 32768 ] && [ $(($(managed_pages) - $(free_pages))) = 32768 ]
	result $? "qemu: exactly the 128 MiB of the machine are on node $P"
	kill "$pid"
	wait "$pid"
	after qemu
}

# A unit with the two lines that an administrator would add. The manager is one
# for a user, since the machine was not booted by systemd, and has to be told
# that it was.
test_systemd() {
	local manager unit=/run/user/0/systemd/user
	if [ ! -x /lib/systemd/systemd ]; then
		skip "systemd: a unit with NUMAPolicy=bind" "systemd is not installed"
		return
	fi
	before systemd
	mkdir -p /run/systemd/system "$unit" "$cg/manager"
	printf '%s\n' '[Unit]' 'DefaultDependencies=no' '[Service]' "NUMAPolicy=bind" "NUMAMask=$P" \
		"ExecStart=/usr/bin/redis-server --port 0 --unixsocket $tmp/redis.sock --dir $disk --save '' --enable-debug-command yes" \
		>"$unit/cache.service"
	rm -f "$tmp/redis.sock"
	export XDG_RUNTIME_DIR=/run/user/0
	bash -c 'echo $$ >"$1/cgroup.procs" && exec /lib/systemd/systemd --user --unit=cache.service' - "$cg/manager" >"$tmp/said" 2>&1 &
	manager=$!
	until_true redis_answers
	must $? "systemd: starts a unit with NUMAPolicy=bind, NUMAMask=$P" || return
	pid=$(redis_info server process_id)
	note "$(cat "/proc/$pid/cgroup")"
	redis DEBUG POPULATE 20000 k 512 >/dev/null
	during systemd 2500 "$pid"
	systemctl --user stop cache.service
	result $? "systemd: stops it"
	systemctl --user exit
	wait "$manager"
	rm -rf /run/systemd/system
	after systemd
}

#
# All of them
#

mkdir -p "$disk"
if ! mkfs.ext4 -q -F -E lazy_itable_init=1 "$LAB_DISK" 1000M || ! mount "$LAB_DISK" "$disk"; then
	echo "Bail out! no file system"
	exit 1
fi
lab/vm-node.sh "$state" >/dev/null || {
	echo "Bail out! the node does not become $state"
	exit 1
}
all_free=$(free_pages)
[ "$all_free" -gt 0 ] && [ "$all_free" = "$(managed_pages)" ]
result $? "the node is empty at first ($all_free pages)"
sized

numactl_off
libnuma_knob off
echo 1 >"$dev/mbind"
for program in "${programs[@]}"; do
	started=$SECONDS
	"test_$program"
	note "$program: $((SECONDS - started)) s"
done

echo 0 >"$dev/mbind"
umount "$disk"
check "the node can go" lab/vm-node.sh unplugged
conclude

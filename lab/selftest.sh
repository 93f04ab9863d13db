#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The lab's test of itself: what goes wrong in a machine has to be reported, or
# all other tests say nothing. Prints TAP. KIND says which kernel to boot.

. "$(dirname "$0")/lib.sh"
kind=${KIND:-debug}
# What is about the lab and not about what a kernel says is tried on the one that
# boots fastest, if it is there.
quick=$kind
[ ! -f "$BUILD/kernel-base/arch/x86/boot/bzImage" ] || quick=base

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# check NAME: did the command before it do well?
result() {
	local rc=$1
	n=$((n + 1))
	if [ "$rc" = 0 ]; then
		echo "ok $n $2"
	else
		sed 's/^/# /' "$tmp/out"
		echo "not ok $n $2"
	fi
}

# boots NAME STATUS PATTERN boot.sh-arguments...: with little memory, for speed.
boots() {
	local name=$1 want=$2 pattern=$3 rc=0
	shift 3
	"$TOP/lab/boot.sh" -k "$quick" -m 512 -z 128 -n selftest "$@" </dev/null >"$tmp/out" 2>&1 || rc=$?
	echo "exit status $rc, expected $want and /$pattern/" >>"$tmp/out"
	[ "$rc" = "$want" ] && grep -qE -- "$pattern" <(sed '$d' "$tmp/out")
	result $? "$name"
}

# The scanner must know these, and must not take these others for splats.
scans() {
	local want=$1 name=$2 allow=${4:-} rc=0
	printf '[    1.0] fine\n%b\n[    9.0] fine\n' "$3" >"$tmp/console"
	"$TOP/lab/scan.sh" "$tmp/console" "$allow" >"$tmp/out" || rc=$?
	[ "$rc" = "$want" ]
	result $? "scan: $name"
}

# tap EXPECTED-COUNTS NAME TEXT
tap() {
	printf '%b' "$3" | awk -v group=x -v counts="$tmp/counts" -f "$TOP/lab/tap.awk" >"$tmp/out"
	echo "counted $(cat "$tmp/counts"), expected $1" >>"$tmp/out"
	[ "$(cat "$tmp/counts")" = "$1" ]
	result $? "tap: $2"
}

set +e
echo "TAP version 13"

scans 0 "a quiet console" '[    1.0] Linux version\n[    2.0] lab: running'
scans 1 "a warning" '[ 1.0] WARNING: at mm/page_alloc.c:1 f+0x1/0x2, CPU#1: sh/50'
scans 1 "KASAN" '[ 1.0] BUG: KASAN: slab-use-after-free in f+0x1/0x2'
scans 1 "UBSAN" '[ 1.0] UBSAN: array-index-out-of-bounds in mm/x.c:1'
scans 1 "lockdep" '[ 1.0] WARNING: possible circular locking dependency detected'
scans 1 "an oops" '[ 1.0] Oops: general protection fault, 0000 [#1] SMP'
scans 1 "an RCU stall" '[ 1.0] rcu: INFO: rcu_preempt self-detected stall on CPU'
scans 1 "a hung task" '[ 1.0] INFO: task sh:1 blocked for more than 120 seconds.'
scans 1 "a leak" '[ 1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
scans 1 "a failed allocation" '[ 1.0] sh: page allocation failure: order:4'
scans 0 "a splat that is allowed" '[ 1.0] sh: page allocation failure: order:4' 'page allocation failure'
scans 1 "sleeping in atomic context" '[ 1.0] BUG: sleeping function called from invalid context at x.c:1'
scans 1 "a bad page" '[ 1.0] BUG: Bad page state in process sh  pfn:1'

tap "2 0 0" "plain results" 'TAP version 13\n1..2\nok 1 a\nok 2 b\n'
tap "1 1 1" "failures and skips" 'TAP version 13\n1..3\nok 1 a\nnot ok 2 b\nok 3 c # SKIP why\n'
tap "1 1 0" "a plan not fulfilled" 'TAP version 13\n1..5\nok 1 a\n'
tap "2 1 0" "two programs, the first one short" 'TAP version 13\n1..2\nok 1 a\nTAP version 13\n1..1\nok 1 b\n'
tap "2 0 0" "only leaves of nested KTAP" 'KTAP version 1\n1..1\n    KTAP version 1\n    1..2\n    ok 1 a\n    ok 2 b\nok 1 suite\n'
tap "1 1 0" "a nested failure once" 'KTAP version 1\n1..1\n    1..2\n    ok 1 a\n    not ok 2 b\nnot ok 1 suite\n'
tap "1 1 0" "a suite that alone fails" 'KTAP version 1\n1..1\n    1..1\n    ok 1 a\nnot ok 1 suite\n'
tap "1 1 0" "a nested plan not fulfilled" 'KTAP version 1\n1..1\n    1..2\n    ok 1 a\nok 1 suite\n'
tap "0 1 0" "bail out" 'TAP version 13\n1..0\nBail out! no memory\n'

# runs LAST-LINE STATUS NAME PLAN: lab/test.sh with another plan
runs() {
	local rc=0
	printf '%b' "$4" >"$tmp/plan"
	PLAN=$tmp/plan TSV=$tmp/tsv T='' V=0 "$TOP/lab/test.sh" </dev/null >"$tmp/out" 2>&1 || rc=$?
	echo "exit status $rc, expected $2 and the last line '$1'" >>"$tmp/out"
	[ "$rc" = "$2" ] && [ "$(tail -n 2 "$tmp/out" | head -n 1)" = "$1" ]
	result $? "runner: $3"
}

# shows NAME PATTERN COUNT: so many lines of what the command before printed.
shows() {
	local found
	found=$(sed '$d' "$tmp/out" | grep -cE -- "$2")
	echo "$found lines of /$2/, expected $3" >>"$tmp/out"
	[ "$found" = "$3" ]
	result $? "$1"
	sed -i '$d' "$tmp/out"
}

good="echo 1..2; echo ok 1 a; echo ok 2 b"
runs "2 passed, 0 failed" 0 "all well" "t\t-\t-\t5\thost:$good\n"
runs "1 passed, 1 failed" 1 "one fails" "t - - 5 host:echo 1..2; echo ok 1 a; echo not ok 2 b; exit 1\n"
runs "2 passed, 1 failed" 1 "a program dies in the end" "t - - 5 host:$good; kill -9 \$\$\n"
runs "2 passed, 1 failed" 1 "a program hangs" "t - - 1 host:$good; sleep 100\n"
runs "0 passed, 1 failed" 1 "no results" "t - - 5 host:true\n"
runs "0 passed, 0 failed, 1 skipped" 1 "nothing but skips" "t - - 5 host:echo '1..0 # SKIP no'; exit 4\n"
runs "2 passed, 0 failed, 1 skipped" 0 "two groups" "t - - 5 host:$good\nu - - 5 host:echo 1..1; echo 'ok 1 x # SKIP y'\n"
runs "0 passed, 1 failed" 1 "an empty plan" "# nothing\n"
# Two machines, one that several groups share and one in which the first of two hangs.
runs "6 passed, 4 failed" 1 "groups that share a machine" "\
t $quick plain 60 [-m 512] $good
u ^ ^ 60 echo 1..1; echo not ok 1 x; exit 1
v ^ ^ 60 $good; echo 'WARNING: on purpose' >/dev/kmsg
w $quick plain 5 [-m 512] $good; sleep 1000
x ^ ^ 1 $good
"
shows "the complaint is of the group in which it came" '^ +v: .*exit status 1' 1
shows "and scan.sh names that group" '\| in the group v:' 1
shows "the group before is none that failed" '^ +t: ' 0
shows "nor has the one between another failure than its own" '^ +u: (error|exit|\|)' 0
shows "a group that hangs fails" '^ +w: no end within' 1
shows "and the one after it, which did not run" '^ +x: error: it did not run' 1

boots "a command's output and exit status come back" 3 '^hello$' -s plain 'echo hello; exit 3'
boots "memory of no whole blocks is refused" 1 "^error: '100' MiB of memory: not a multiple of 128" -z 100 'true'
# A QEMU that has no CXL memory, and apt, which has no newer one.
mkdir "$tmp/old"
printf '#!/bin/sh\necho "QEMU emulator version 7.2.0"\n' >"$tmp/old/qemu-system-x86_64"
printf '#!/bin/sh\nexit 1\n' >"$tmp/old/apt-get"
chmod +x "$tmp/old"/*
QEMU=$tmp/old/qemu-system-x86_64 boots "CXL: a QEMU that is too old is refused" 1 '^error: QEMU=.* is not QEMU 10 or later' -s cxl -z 256 true
PATH=$tmp/old:$PATH XDG_CACHE_HOME=$tmp/cache boots "CXL: without a newer QEMU it says what to do" 1 'install QEMU 10 or later' -s cxl -z 256 true
boots "a hang is reported, with who hangs" 124 'process [0-9]+ \(sleep\)' -s plain -t 3 'sleep 1000'
boots "a panic while booting is reported" 1 'Kernel panic' -s plain -c rdinit=/nothing 'true'
if [ -n "$(find "$BUILD/modules-$kind" -name 'lkdtm.ko' 2>/dev/null)" ]; then
	crash='modprobe lkdtm; cd /sys/kernel/debug/provoke-crash'
	boots "a panic is reported" 1 'Kernel panic' -k "$kind" -s plain "$crash; echo PANIC >DIRECT; sleep 5"
	boots "a warning fails a run that ends well" 1 'WARNING: ' -k "$kind" -s plain "$crash; echo WARNING >DIRECT; exit 0"
	boots "a warning that is expected does not" 0 '' -k "$kind" -s plain -a 'WARNING: .*lkdtm' "$crash; echo WARNING >DIRECT; exit 0"
else
	for t in "a panic" "a warning" "an expected warning"; do
		n=$((n + 1))
		echo "ok $n $t # SKIP this kernel has no lkdtm"
	done
fi
# shellcheck disable=SC2016 # for the shell in the machine
boots "shape both has a fast and a slow device" 0 '^2 3$' -s both \
	'. /run/lab.env; echo "$DAX_NODES"; test -c /dev/${DAX_OF_NODE2} -a -c /dev/${DAX_OF_NODE3}'
# shellcheck disable=SC2016 # for the shell in the machine
boots "with RAM above 4 GiB the device's node is a private one still" 0 '^2$' -s hmem -m 2560 -z 1024 -o online \
	'cat /sys/devices/system/node/has_private_memory'

# make's own copy of the command: the lab's scripts are stubs here.
mkdir -p "$tmp/make/lab"
for f in build setup; do printf '#!/bin/sh\n' >"$tmp/make/lab/$f.sh"; done
# shellcheck disable=SC2016 # for the stub
printf '#!/bin/sh\nfor last; do :; done\nprintf "%%s\\n" "$last"\n' >"$tmp/make/lab/boot.sh"
chmod +x "$tmp/make/lab/"*.sh
# shellcheck disable=SC2016 # that is the point
text='echo "$HOME$$" $(id -u) $?'
make -s -C "$tmp/make" -f "$TOP/Makefile" run C="$text" </dev/null >"$tmp/out" 2>&1
grep -qxF -- "$text" "$tmp/out"
result $? "make run passes a command on as it was written"

echo "1..$n"

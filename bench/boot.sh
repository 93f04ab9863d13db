#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boot a kernel on a machine that counts instructions, and come back with the
# lines of JSON that bench/guest.c writes.
#
#   bench/boot.sh N NAME KIND NODES MIB SPEED [KEY=VALUE...]
#
# NODES nodes of MIB each, soft-reserved, follow two ordinary ones, or one if
# alone=1; SPEED is slow or fast, compared with these. KEY=VALUE goes to the
# program. The result is build/bench/NAME.N.json, the console build/bench/NAME.N.console.

. "$(dirname "$0")/../lab/lib.sh"

[ $# -ge 6 ] || die "bench/boot.sh takes N NAME KIND NODES MIB SPEED [KEY=VALUE...]" "bench/bench.sh calls it"
name=$2.$1 kind=$3 nodes=$4 each=$5 speed=$6
shift 6
ram=${RAM:-1024} # of node 0, which has the CPU
ram1=512         # of node 1
limit=${LIMIT:-900}
out=$BUILD/bench
mkdir -p "$out"

case $speed in
slow) latency=400 bandwidth=5G ;;
fast) latency=40 bandwidth=80G ;;
*) die "SPEED is slow or fast, not $speed" "bench/bench.sh knows" ;;
esac

# shellcheck disable=SC2054 # the commas are QEMU's
qemu=(
	-object "memory-backend-ram,id=ram0,size=${ram}M" -numa node,nodeid=0,cpus=0,memdev=ram0
	-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=100
	-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=20G
)
# shellcheck disable=SC2054
if [[ " $* " = *" alone=1 "* ]]; then
	ordinary=1 ram1=0
else
	ordinary=2
	qemu+=(
		-object "memory-backend-ram,id=ram1,size=${ram1}M" -numa node,nodeid=1,memdev=ram1,initiator=0
		-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=100
		-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=20G
	)
fi
for ((n = ordinary; n < nodes + ordinary; n++)); do
	qemu+=(
		-object "memory-backend-ram,id=ram$n,size=${each}M,reserve=off" -numa "node,nodeid=$n,memdev=ram$n,initiator=0"
		-numa "hmat-lb,initiator=0,target=$n,hierarchy=memory,data-type=access-latency,latency=$latency"
		-numa "hmat-lb,initiator=0,target=$n,hierarchy=memory,data-type=access-bandwidth,bandwidth=$bandwidth"
	)
done
# All ordinary memory is below 4G, so what begins there is the devices'; the
# HMAT says where one ends and the next begins.
cmdline="console=ttyS0 earlycon=uart8250,io,0x3f8 panic=-1 oops=panic ignore_loglevel reboot=t"
cmdline+=" nokaslr norandmaps tsc=reliable tsc_early_khz=1000000 clocksource=tsc random.trust_cpu=off"
# The number of ram disks is also what the kernel makes at boot.
cmdline+=" brd.rd_nr=2 brd.rd_size=65536 transparent_hugepage=madvise"
[ "$nodes" = 0 ] || cmdline+=" memmap=$((nodes * each))M%4G-1+0xefffffff"

# What is random in a machine, and what answers when the host gets to it, is
# left out: the clock is the machine's own, random numbers come from a seed,
# and there is no disk, no network and no virtio.
# shellcheck disable=SC2054
args=(
	-icount shift=0,sleep=off -accel tcg,thread=single -seed 1 -rtc base=2026-01-01,clock=vm
	-cpu max,la57=off,erms=off,fsrm=off,rdrand=off,rdseed=off -smp 1
	-machine "q35,usb=off,graphics=off,vmport=off,hmat=on,sata=off,smbus=off,max-ram-below-4g=$((ram + ram1))M"
	-m "$((ram + ram1 + nodes * each))M" "${qemu[@]}"
	-nodefaults -no-user-config -display none -no-reboot
	-kernel "$BUILD/kernel-$kind/arch/x86/boot/bzImage" -initrd "$out/initrd-$kind" -append "$cmdline -- $*"
	-serial "file:$out/$name.console"
	-chardev "file,id=out,path=$out/$name.out" -device isa-debugcon,iobase=0x402,chardev=out
)
[[ $name != profile-* ]] || args+=(-plugin "file=$out/profile.so,map=$BUILD/kernel-$kind/System.map,out=$out/$name.functions")
: >"$out/$name.console"
: >"$out/$name.out"
[ "$V" = 0 ] || printf '    %s+ qemu-system-x86_64 %s%s\n' "$dim" "${args[*]@Q}" "$off" >&2
rc=0
timeout --foreground -k 5 "$limit" qemu-system-x86_64 "${args[@]}" </dev/null >"$out/$name.qemu" 2>&1 || rc=$?

last() { tr -d '\r' <"$out/$name.console" | tail -n 15 | sed 's/^/       | /' >&2; }
[ "$rc" != 124 ] || {
	last
	die "$name did not end within $limit s" "whole console: $out/$name.console"
}
# The firmware has no say here: our lines are those that begin like JSON.
grep -a '^{' "$out/$name.out" >"$out/$name.json" || :
if error=$(sed -n 's/^{"error":"\(.*\)"}$/\1/p' "$out/$name.json") && [ -n "$error" ]; then
	last
	die "$name: $error" "whole console: $out/$name.console"
elif ! grep -q '^{"end":true}$' "$out/$name.json"; then
	[ -s "$out/$name.console" ] || die "QEMU did not start: $(head -n 1 "$out/$name.qemu")" "V=1 shows its command line"
	last
	die "$name: the machine went away before the end" "whole console: $out/$name.console"
fi
"$TOP/lab/scan.sh" "$out/$name.console" '' >&2 || die "$name: the kernel complained (above)" "whole console: $out/$name.console"
note "$name: $(grep -c '"test"' "$out/$name.json") figures, $SECONDS s"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Count what private nodes cost, in instructions: bench/bench.sh quick|full.
#
# quick  ordinary work on stock Linux and on ours with no private node
# full   also with 1, 8 and 60 private nodes, with one ordinary node, and memory of a
#        private node
#
# Each machine is booted twice, and both have to count the same. Prints tables,
# then TAP; build/bench/ has bench.md, bench.json and the plots.

. "$(dirname "$0")/../lab/lib.sh"
. "$TOP/lab/kmake.sh"

what=${1:-quick}
case $what in
quick | full) ;;
*) die "there is no set of benchmarks '$what'" "quick or full" ;;
esac
out=$BUILD/bench
mkdir -p "$out" "$BUILD/logs"
exec {lock}>"$out/lock"
flock -n "$lock" || die "another benchmark runs in $out" "wait for it, or use another BUILD"

# tool NAME SOURCE [GCC ARGUMENTS...]
tool() {
	local name=$1 src=$2
	shift 2
	gcc -O2 -Wall -Wextra -Werror -o "$out/$name" "$TOP/bench/$src" "$@" ||
		die "bench/$src does not compile" "the compiler's message is above; 'make setup' installs what it needs"
}

# The module, and the initramfs with all that the machine needs: what comes from
# the host while it runs would come when the host gets to it.
image() {
	local kind=$1 kernel=$BUILD/kernel-$1 mod=$out/module-$1 root=$out/root-$1 src dep name i
	src=$BUILD/linux
	[ "$kind" != stock ] || src=$("$TOP/lab/fetch.sh")
	mkdir -p "$mod"
	cp -u "$TOP"/bench/{Kbuild,pnbench.c,pnbench.h,sizes.h,sizes6.c,sizes10.c} "$mod"
	kmake "$src" "$kernel" M="$mod" modules >"$BUILD/logs/bench-module.log" 2>&1 || {
		cat "$BUILD/logs/bench-module.log" >&2
		die "bench/pnbench.c does not build for the $kind kernel" "the compiler's messages are above"
	}
	rm -rf "$root"
	mkdir -p "$root"/{dev,proc,sys,tmp,mod/pnbench}
	cp "$mod/pnbench.ko" "$root/mod/pnbench/0.ko"
	cp "$out/guest" "$root/init"
	cp "$out/ext4.img" "$root/ext4.img"
	for name in kmem anondax; do
		# What it needs comes after it, the last needed first.
		dep=$(find "$BUILD/modules-$kind" -name modules.dep -exec grep -h "/$name.ko:" {} +) || continue
		mkdir -p "$root/mod/$name"
		i=0
		for dep in $(tr -d : <<<"$dep" | tr ' ' '\n' | tac); do
			cp "$BUILD/modules-$kind"/lib/modules/*/"$dep" "$root/mod/$name/$i.ko"
			i=$((i + 1))
		done
	done
	# The same bytes whoever packs them.
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc | gzip -n1) >"$out/initrd-$kind"
}

# One list of machines; two at a time run, for each is busy with one processor.
machines=()
machine() { machines+=("$*"); }
boot_all() {
	local job n
	for job in "${machines[@]}"; do
		for n in 1 2; do printf '%s %s\n' "$n" "$job"; done
	done | xargs -P "$JOBS" -L 1 "$TOP/bench/boot.sh"
}
export TOP BUILD V

"$TOP/lab/build.sh" base
"$TOP/lab/build.sh" stock
[ "$what" = quick ] || "$TOP/lab/build.sh" trace
step "Building what runs in the machines"
tool guest guest.c -static
tool report report.c -lm
tool profile.so profile.c -shared -fPIC -fvisibility=hidden
rm -f "$out"/ext4.img
truncate -s 32M "$out/ext4.img"
PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -U 00000000-0000-0000-0000-000000000001 \
	-E hash_seed=00000000-0000-0000-0000-000000000002,lazy_itable_init=1,no_copy_xattrs "$out/ext4.img" ||
	die "the file system for the machine could not be made" "'make setup' installs e2fsprogs"
image base
image stock
[ "$what" = quick ] || image trace

# Machines of one table have the same shape: 60 nodes of one memory block that
# somebody may own or not.
rm -f "$out"/*.{json,out,functions,data}
quick=''
[ "$what" = full ] || quick=quick=1
machine stock stock 60 128 slow set=ordinary $quick
machine ours-0 base 60 128 slow set=ordinary $quick
if [ "$what" = full ]; then
	for n in 1 8 60; do machine "ours-$n" base 60 128 slow set=ordinary as=anondax nodes=$n; done
	machine scan-0 base 60 128 slow set=scan
	machine scan-off base 60 128 slow set=scan as=anondax nodes=60 knobs=0
	machine scan-on base 60 128 slow set=scan as=anondax nodes=60
	machine scan-kmem base 60 128 slow set=scan as=kmem nodes=60
	machine alone-stock stock 1 1024 slow set=ordinary alone=1
	machine alone-ours-0 base 1 1024 slow set=ordinary alone=1
	machine alone-ours-1 base 1 1024 slow set=ordinary alone=1 as=anondax nodes=1
	for as in anondax kmem; do
		name=${as/anondax/private}
		machine "$name" base 1 1024 slow set=private as=$as nodes=1
		machine "granted-$name" base 1 1024 slow set=granted as=$as nodes=1
		machine "demote-$name" base 1 1024 slow set=demotion as=$as nodes=1
		machine "promote-$name" base 1 1024 fast set=demotion fast=1 as=$as nodes=1
	done
	for as in device_dax membind hugetlb tmpfs; do machine "peer-$as" stock 1 1024 slow set=peer as=$as; done
	for as in anondax mbind; do machine "peer-$as" base 1 1024 slow set=peer as=$as; done
	for gib in 1 4 16 64; do machine growth-$gib base 1 $((gib * 1024)) slow set=growth as=anondax; done
	machine growth-nodes base 60 128 slow set=growth as=anondax
	machine profile-stock stock 1 1024 slow set=profile
	machine profile-ours-0 base 1 1024 slow set=profile
	machine profile-ours-1 base 1 1024 slow set=profile as=anondax nodes=1
	machine profile-kmem base 1 1024 slow set=profile as=kmem nodes=1
	machine profile-trace-off trace 1 1024 slow set=profile as=anondax nodes=1
	machine profile-trace-on trace 1 1024 slow set=profile as=anondax nodes=1 trace=1
fi
step "Counting: ${#machines[@]} machines, each twice, $JOBS at a time"
boot_all || die "not all machines ran to their end (above)" "V=1 shows QEMU's command line"

# QEMU itself is not quite deterministic: on a busy host one boot of some seventy was
# seen to be three instructions off. For a run that others wait for, that is worth
# another try, which has to agree then; the full run does not forgive it.
if [ "$what" = quick ]; then
	again=()
	for job in "${machines[@]}"; do
		name=${job%% *}
		cmp -s "$out/$name.1.json" "$out/$name.2.json" || again+=("$job")
	done
	if [ ${#again[@]} -gt 0 ]; then
		warn "these counted differently when booted twice, so both boots are repeated: ${again[*]%% *}"
		machines=("${again[@]}")
		boot_all || die "not all machines ran to their end (above)" "V=1 shows QEMU's command line"
	fi
fi

# What every node has, out of the compiler. Counted once and for all.
for kind in base stock; do
	for shift in 6 10; do
		nm -S "$out/module-$kind/sizes$shift.o" | while read -r _ size _ name; do
			printf '{"value":"%s-%s","is":%d}\n' "$name" "$shift" "0x$size"
		done
	done | tee "$out/sizes-$kind.1.json" >"$out/sizes-$kind.2.json"
done

step "What it came to"
version() { cat "$BUILD/kernel-$1/include/config/kernel.release"; }
series() {
	local git=(git -C "$BUILD/linux")
	echo "$("${git[@]}" rev-list --count pristine..HEAD) patches, tree $("${git[@]}" rev-parse --short 'HEAD^{tree}')$(
		[ -z "$("${git[@]}" status --porcelain -uno)" ] || echo ' with edits'
	)"
}
rc=0
"$out/report" "$out" "command=make bench$([ "$what" = full ] || echo -quick)" "stock=Linux $(version stock | sed 's/-private-nodes//')" \
	"ours=Linux $(version base), $(series)" \
	"config=kernel/config/base.config" \
	"compiler=$(gcc --version | head -n 1)" "machine=$(qemu-system-x86_64 --version | head -n 1), -icount shift=0" >"$out/tap" || rc=$?
rm -f "$out"/*.svg
gnuplot -e "dir='$out'" "$TOP/bench/plots.gp" 2>"$BUILD/logs/bench-plots.log" || warn "no plots: $(head -n 1 "$BUILD/logs/bench-plots.log")"
cat "$out/bench.md"
cat "$out/tap"
[ "$rc" -le 1 ] || die "the results could not be read" "they are in $out"
note "the tables are in $out/bench.md, everything in $out/bench.json" >&2
exit "$rc"

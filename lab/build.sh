#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/build.sh KIND: build/kernel-KIND, a kernel out of tree.
#
#   base   kernel/config/base.config over allnoconfig, from build/linux
#   debug  the same with kernel/config/debug.config on top
#   guide  base with kernel/config/guide.config on top: make test-guide
#   trace  base with kernel/config/trace.config on top: make bench
#   stock  as base, but from the pristine source without the series

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/kmake.sh"
. "$TOP/lab/kconfig.sh"

kind=${1:-base}
case $kind in
base | stock) fragments=(base) ;;
debug | guide | trace) fragments=(base "$kind") ;;
*) die "there is no kernel '$kind'" "kinds: base, debug, guide, trace, stock" ;;
esac

for tool in gcc make flex bison bc ccache; do
	command -v $tool >/dev/null || die "$tool is not installed" "run 'make setup'"
done

# Two builds at once would only slow each other down, and share files.
mkdir -p "$BUILD/logs"
exec {lock}>"$BUILD/build.lock"
flock -n "$lock" || {
	note "waiting for another build to end"
	flock "$lock"
}

stock=''
[ "$kind" != stock ] || stock=1
if [ -n "$stock" ]; then
	src=$("$TOP/lab/fetch.sh")
else
	"$TOP/lab/tree.sh"
	src=$BUILD/linux
fi
out=$BUILD/kernel-$kind
log=$BUILD/logs/build-$kind.log
need_space "$BUILD" 2500
mkdir -p "$out"

wanted=$(for f in "${fragments[@]}"; do cat "$TOP/kernel/config/$f.config"; done)
stamp=$(kconfig_stamp "$src" "$wanted")
if [ ! -f "$out/.config" ] || [ "$stamp" != "$(cat "$out/.lab-config" 2>/dev/null)" ]; then
	step "Configuring the $kind kernel (${fragments[*]} over allnoconfig)"
	printf '%s\n' "$wanted" >"$out/.lab-wanted"
	run kmake "$src" "$out" KCONFIG_ALLCONFIG="$out/.lab-wanted" allnoconfig >"$log" 2>&1 || {
		cat "$log" >&2
		die "the $kind kernel could not be configured" "the messages above are kconfig's"
	}
	missed=$(kconfig_missed "$out/.config" "$out/.lab-wanted" "${stock:+^CONFIG_(PRIVATE_NODES|DEV_DAX_ANON|SAMPLE_NODE_PRIVATE)}")
	[ -z "$missed" ] || {
		printf '%s\n' "$missed" | sed 's/^/       | /' >&2
		die "these options of kernel/config/ did not take effect" "a dependency is missing, or the name is not one of this kernel"
	}
	printf '%s\n' "$stamp" >"$out/.lab-config"
fi

# What boots is what has been built: see lab/cc.sh.
image_is_right() {
	local dir=$out/arch/x86/boot/compressed rc=0
	[ -f "$dir/piggy.o" ] || return 0
	objcopy -O binary -j .rodata..compressed "$dir/piggy.o" "$dir/.lab-piggy"
	cmp -s "$dir/.lab-piggy" "$dir"/vmlinux.bin.?* || rc=1
	rm -f "$dir/.lab-piggy"
	return $rc
}

# kbuild takes ten seconds to find that there is nothing to do; git knows at once.
now="$(cat "$out/.lab-config") $(stat -c %Y "$out/.config") $(git -C "$src" rev-parse HEAD 2>/dev/null || stat -c %Y "$src/Makefile")"
if [ -f "$out/arch/x86/boot/bzImage" ] && [ "$now" = "$(cat "$out/.lab-built" 2>/dev/null)" ] &&
	[ -z "$(git -C "$src" status --porcelain 2>/dev/null | head -n 1)" ] && image_is_right; then
	"$TOP/lab/modules.sh" "$out" "$BUILD/modules-$kind"
	note "build/kernel-$kind is as it should be, Linux $(cat "$out/include/config/kernel.release")"
	exit 0
fi
rm -f "$out/.lab-built"

# How many steps there are is known once it has been done; until then, guess.
total=$(cat "$out/.lab-steps" 2>/dev/null || case $kind in debug) echo 1900 ;; *) echo 1750 ;; esac)
fresh=1
[ ! -f "$out/vmlinux" ] || fresh=''
step "Building the $kind kernel${fresh:+ (from nothing: some minutes)}"
rc=0
: >"$log"
# Steps are counted, everything else (what a compiler has to say) is shown.
run kmake "$src" "$out" bzImage modules 2>&1 | tee -a "$log" |
	"${live_awk[@]}" -v tty="$([ -t 1 ] && echo 1 || echo 0)" -v total="${fresh:+$total}" -v verbose="$V" -v count="$out/.lab-count" \
		-f "$TOP/lab/steps.awk" || rc=${PIPESTATUS[0]}
count=$(cat "$out/.lab-count" 2>/dev/null || echo 0)
if [ "$rc" != 0 ]; then
	die "the $kind kernel does not build" "the compiler's messages are above and in $log"
fi
image_is_right ||
	die "the image of the $kind kernel has another kernel in it" "remove $out and build it again"
[ -z "$fresh" ] || echo "$count" >"$out/.lab-steps"
[ -n "$(git -C "$src" status --porcelain 2>/dev/null | head -n 1)" ] || printf '%s\n' "$now" >"$out/.lab-built"
"$TOP/lab/modules.sh" "$out" "$BUILD/modules-$kind"
note "done: build/kernel-$kind, Linux $(cat "$out/include/config/kernel.release"), $count steps, $SECONDS s"

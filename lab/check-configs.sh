#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compile the kernel under configurations other than our own: each option the
# series depends on, switched off, and another architecture. Then what `make deb` takes
# for CONFIG and what it refuses, configured only. ONLY=NAME: one of them.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/kmake.sh"

"$TOP/lab/tree.sh"
need_space "$BUILD" 5000
mkdir -p "$BUILD/logs"
failed=0 tried=0

# try NAME ARCH CROSS LINES...: compile.config with LINES on top. In one directory for
# each architecture, so that what an option has no say in is not compiled again.
try() {
	local name=$1 arch=$2 cross=$3 out=$BUILD/kernel-check-$2 log=$BUILD/logs/check-$1.log
	shift 3
	[ "${ONLY:-$name}" = "$name" ] || return 0
	tried=$((tried + 1))
	local -x ARCH=$arch CROSS_COMPILE=$cross
	step "$name"
	mkdir -p "$out"
	{
		cat "$TOP/kernel/config/compile.config"
		printf '%s\n' "$@"
	} >"$out/.lab-wanted"
	# What these options take with them is dropped silently, as meant here.
	{
		kmake "$BUILD/linux" "$out" KCONFIG_ALLCONFIG="$out/.lab-wanted" allnoconfig &&
			kmake "$BUILD/linux" "$out" vmlinux modules
	} >"$log" 2>&1 || {
		{ grep -iE -A8 '(error|warning):|undefined reference|\*\*\*' "$log" || :; } | head -n 40 | sed 's/^/       | /' >&2
		warn "$name does not build; all of the output: $log"
		failed=1
		return 0
	}
	for l in "$@"; do
		case $l in
		*=n) ! grep -q "^${l%=n}=" "$out/.config" ;;
		*) grep -qx "$l" "$out/.config" ;;
		esac || {
			warn "$name: $l did not take effect"
			failed=1
		}
	done
	! grep -E ': warning: ' "$log" || failed=1
	note "builds, $SECONDS s so far"
}

try anondax-builtin x86_64 '' CONFIG_DEV_DAX_KMEM=y CONFIG_DEV_DAX_ANON=y
try no-private-nodes x86_64 '' CONFIG_PRIVATE_NODES=n
try no-hotplug x86_64 '' CONFIG_MEMORY_HOTPLUG=n
try no-thp x86_64 '' CONFIG_TRANSPARENT_HUGEPAGE=n CONFIG_HUGETLBFS=n
try no-memcg-swap x86_64 '' CONFIG_MEMCG=n CONFIG_SWAP=n
try no-cpusets x86_64 '' CONFIG_CPUSETS=n
try no-numa x86_64 '' CONFIG_NUMA=n
try arm64 arm64 aarch64-linux-gnu- CONFIG_ARM64_4K_PAGES=y CONFIG_NUMA=y

# deb NAME CONFIG [ERROR]: the options of the series take effect on top of it, or the error
deb() {
	local name=$1 log=$BUILD/logs/check-$1.log rc=0
	[ "${ONLY:-$name}" = "$name" ] || return 0
	tried=$((tried + 1))
	step "$name: CONFIG=$2"
	CONFIG=$2 "$TOP/lab/deb.sh" config >"$log" 2>&1 || rc=$?
	case $rc:${3:+refused} in
	0:) note "as it should be, $SECONDS s so far" && return ;;
	[1-9]*:refused) grep -qF -- "$3" "$log" && note "refused: $3" && return ;;
	esac
	sed 's/^/       | /' "$log" >&2
	warn "$name: make deb CONFIG=$2 ended with $rc${3:+, without saying: $3}"
	failed=1
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s -C "$BUILD/linux" O="$tmp/o" defconfig >/dev/null
grep -vE '^(# )?CONFIG_(NUMA|MEMORY_HOT|DEV_DAX|ZONE_DEVICE|MEMCG|CPUSETS)' "$tmp/o/.config" >"$tmp/file"
sed 's/^CONFIG_64BIT=y/# CONFIG_64BIT is not set/' "$tmp/o/.config" >"$tmp/32"
echo "# nothing" >"$tmp/none"
if [ -r "/boot/config-$(uname -r)" ] || [ -r /proc/config.gz ]; then deb deb-running running; fi
deb deb-file "$tmp/file"
deb deb-cloud cloud
deb deb-amd64 amd64
deb deb-32-bit "$tmp/32" "options of the series did not take effect"
deb deb-no-config "$tmp/none" "is no configuration of a kernel"
deb deb-no-file "$tmp/missing" "is no file"

[ "$tried" != 0 ] || die "there is no configuration '$ONLY'" "see the end of lab/check-configs.sh for their names"
[ "$failed" = 0 ] || die "not every configuration compiles cleanly" "see above"

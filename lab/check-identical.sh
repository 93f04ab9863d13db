#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# CONFIG_PRIVATE_NODES=n has to give the same object code as the stock kernel.
# Builds both and compares the sections of every object that end up in memory.
#
# Line numbers (__LINE__ in warnings, bug tables) move when a patch adds lines,
# without changing what the code does; so tables of those are left out.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/kmake.sh"

"$TOP/lab/build.sh" stock
stock=$BUILD/kernel-stock off_=$BUILD/kernel-check-identical
mkdir -p "$off_" "$BUILD/logs"
"$TOP/lab/tree.sh"

step "Building the series with CONFIG_PRIVATE_NODES=n"
{
	cat "$TOP/kernel/config/base.config"
	echo CONFIG_PRIVATE_NODES=n
} >"$off_/.lab-wanted"
{
	kmake "$BUILD/linux" "$off_" KCONFIG_ALLCONFIG="$off_/.lab-wanted" allnoconfig &&
		kmake "$BUILD/linux" "$off_" vmlinux modules
} >"$BUILD/logs/check-identical.log" 2>&1 || die "it does not build" "see $BUILD/logs/check-identical.log"

step "Comparing"
code() {
	objdump -d -r --no-show-raw-insn "$1" 2>/dev/null | sed '1,3d'
}
differ=() same=0
while read -r o; do
	if [ ! -f "$stock/$o" ]; then
		differ+=("$o (only with the series)")
	elif cmp -s "$stock/$o" "$off_/$o" || cmp -s <(code "$stock/$o") <(code "$off_/$o"); then
		same=$((same + 1))
	else
		differ+=("$o")
	fi
done < <(cd "$off_" && find . -name '*.o' ! -name 'vmlinux.o' ! -name 'built-in*' ! -name '*.mod.o' ! -path './scripts/*' ! -path './tools/*' -printf '%P\n' | sort)
note "$same objects have the same code"
[ ${#differ[@]} = 0 ] || {
	printf '       | %s\n' "${differ[@]}" >&2
	die "${#differ[@]} objects differ from stock's" "compare: objdump -dr of the two, in build/kernel-stock and build/kernel-check-identical"
}

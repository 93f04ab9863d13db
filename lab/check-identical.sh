#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# CONFIG_PRIVATE_NODES=n has to give the same object code as the stock kernel.
# Builds both and compares every object: the code with its relocations, and the
# strings it refers to.
#
# What moves when a patch adds a line, without the code being another, is left out:
# line numbers (in tables of their own), the numbers in the names that __UNIQUE_ID()
# makes, and where in its section a string lies.

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

# What the series mends or moves for everybody.
declare -A meant=(
	["arch/x86/mm/init_64.o"]="add_pages() warned of what its caller handles"
	["mm/memory_hotplug.o"]="so did __add_memory_resource()"
	["mm/madvise.o"]="MADV_FREE made lazyfree what KSM had merged"
	["kernel/sched/fair.o"]="task_numa_fault() took the time of a scan for a CPU"
	["mm/vmscan.o"]="a proactive request stopped where there was little page cache"
	["mm/shmem.o"]="a part of a large swap entry was taken for another entry"
	["mm/memory-tiers.o"]="its demotion targets can be computed by others"
	["mm/userfaultfd.o"]="looked for the end of the file in anonymous mappings"
	["drivers/cxl/core/region.o"]="decoders were reset under memory in use"
	["drivers/cxl/core/pci.o"]="and the device told to decode no more"
	["drivers/cxl/core/cxl_core.o"]="both are in it"
	["drivers/dax/kmem.o"]="what anondax needs too is in a library"
	["drivers/dax/dax_hotplug.o"]="that library"
	["drivers/dax/hotplug.o"]="that library"
	["drivers/dax/bus.o"]="drivers of its kind are two"
	["drivers/dax/device.o"]="a device that was unbound could be opened"
)

step "Comparing"
code() {
	objdump -d -r --no-show-raw-insn "$1" 2>/dev/null |
		sed -E -e 1,3d -e 's/(__UNIQUE_ID_[A-Za-z_.]*[A-Za-z_.])[0-9]+/\1/g' \
			-e 's/(\.rodata[A-Za-z0-9_.]*\.str[0-9.]+|__bug_table)[+-]0x[0-9a-f]+/\1/'
}
strings_of() {
	readelf -SW "$1" | grep -oE '\.rodata[A-Za-z0-9_.]*\.str[0-9.]+' | sort -u |
		while read -r section; do
			objcopy -O binary --only-section="$section" --set-section-flags "$section=alloc" "$1" /dev/stdout |
				tr '\0' '\n'
		done | sort
}
# functions FILE: the code of each, its name before every line, wherever it lies.
functions() {
	code "$1" | sed -E -e 's/^[ \t]*[0-9a-f]+:[ \t]*//' -e 's/\b[0-9a-f]+ (<[^>]*>)/\1/' -e 's/(\.text[A-Za-z0-9_.]*)[+-]0x[0-9a-f]+/\1/' |
		awk '/^[0-9a-f]* ?<.*>:$/ { name = $NF; next } { print name, $0 }'
}
differ=() same=0
while read -r o; do
	[ -z "${meant[$o]:-}" ] || continue
	if [ ! -f "$stock/$o" ]; then
		differ+=("$o (only with the series)")
	elif cmp -s "$stock/$o" "$off_/$o" ||
		{ cmp -s <(code "$stock/$o") <(code "$off_/$o") && cmp -s <(strings_of "$stock/$o") <(strings_of "$off_/$o"); }; then
		same=$((same + 1))
	else
		where=$({ diff <(functions "$stock/$o") <(functions "$off_/$o") || :; } | sed -nE 's/^[<>] <([^>]*)>:.*/\1/p' | sort -u | tr '\n' ' ')
		differ+=("$o: ${where:-its strings}")
	fi
done < <(cd "$off_" && find . -name '*.o' ! -name 'vmlinux.o' ! -name 'built-in*' ! -name '*.mod.o' ! -path './scripts/*' ! -path './tools/*' -printf '%P\n' | sort)
note "$same objects have the same code, and ${#meant[@]} are meant to differ:"
for o in "${!meant[@]}"; do note "  $o: ${meant[$o]}"; done
[ ${#differ[@]} = 0 ] || {
	printf '       | %s\n' "${differ[@]}" >&2
	die "${#differ[@]} objects differ from stock's" "compare: objdump -dr of the two, in build/kernel-stock and build/kernel-check-identical"
}

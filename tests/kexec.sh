#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/kexec.sh crash|next s|c: kexec into a crash kernel, or into the next one, loaded by
# either system call, while a program has memory on the private node. What does the other
# kernel see of it? Runs in the virtual machine, in both kernels one after another.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ -e /run/lab.env ] || : >/run/lab.env
DAX=''
. tests/lib.sh

what=$1 how=$2
mark=PRIVATE-NODE-MARK
pages=4096

# option NAME: of the kernel's command line
option() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
# ranges NAME: of /proc/iomem
ranges() { sed -n "s/^ *\([0-9a-f-]*\) : $1\$/\1/p" /proc/iomem; }
# covers RANGE... : is the private node's memory in one of them? meets: a part of it?
covers() {
	local range
	for range; do ((0x${range%-*} <= 0x${node%-*} && 0x${range#*-} >= 0x${node#*-})) && return 0; done
	return 1
}
meets() {
	local range
	for range; do ((0x${range%-*} <= 0x${node#*-} && 0x${range#*-} >= 0x${node%-*})) && return 0; done
	return 1
}

first() {
	local answer line
	check "the node can be plugged" lab/vm-node.sh online_movable
	coproc MARKED { exec "$BUILD/tests/marked" "/dev/$DAX" "$mark" $pages; }
	read -r -t 60 answer <&"${MARKED[0]}"
	check "a program marks $pages pages of it" [ "${answer:-}" = ready ]
	node=$(ranges 'System RAM (anondax)')
	check "its memory is System RAM (anondax)" [ -n "$node" ]
	line=$(sed 's/ crashkernel=[^ ]*//; s/ panic=[^ ]*//' /proc/cmdline)
	line+=" panic=-1 lab.again=$done_so_far,$status lab.node=$node"
	[ "$what" = next ] || line+=" maxcpus=1 irqpoll reset_devices"
	kexec "-$how" "$([ "$what" = crash ] && echo -p || echo -l)" "$BUILD/kernel-$LAB_KIND/arch/x86/boot/bzImage" \
		--initrd=/run/lab/initrd --command-line="$line" 2>&1 | sed 's/^/# /'
	check "the other kernel is loaded" [ "$(cat /sys/kernel/kexec_"$([ "$what" = crash ] && echo crash_)"loaded)" = 1 ]
	# What has been printed has to leave the machine.
	sleep 1
	[ "$status" = 0 ] || conclude
	if [ "$what" = crash ]; then
		echo c >/proc/sysrq-trigger
	else
		kexec -e
	fi
	sleep 60
	result 1 "kexec goes there"
	conclude
}

# Distinct marks in what makedumpfile makes of the dump at a level.
marks() { makedumpfile -F -d "$1" /proc/vmcore 2>/dev/null | grep -aoE "$mark-[0-9]{4}" | sort -u | wc -l; }

crashed() {
	local dump n
	mapfile -t dump < <(readelf -lW /proc/vmcore | while read -r type _ _ start size _; do
		[ "$type" != LOAD ] || printf '%x-%x\n' "$start" $((start + size - 1))
	done)
	note "/proc/vmcore has ${dump[*]}"
	covers "${dump[@]}"
	result $? "/proc/vmcore has all of the node's memory, $node"
	n=$(marks 0)
	[ "$n" = $pages ]
	result $? "makedumpfile -d 0: $n of $pages marks are in the dump"
	n=$(marks 31)
	[ "$n" -lt 16 ]
	result $? "makedumpfile -d 31 leaves them out: $n"
}

second() {
	local again ram
	again=$(option lab.again) node=$(option lab.node)
	done_so_far=$((${again%,*} + 1)) status=${again#*,}
	mapfile -t ram < <(ranges 'System RAM')
	note "System RAM is ${ram[*]}"
	[ ${#ram[@]} -gt 0 ] && ! meets "${ram[@]}"
	result $? "the other kernel has none of it for RAM"
	! grep -q 2 /sys/devices/system/node/has_memory
	result $? "and no node of it"
	[ "$what" = next ] || crashed
	conclude
}

if [ -z "$(option lab.again)" ]; then first; else second; fi

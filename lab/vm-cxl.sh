#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/vm-cxl.sh WINDOW: in the virtual machine, make one region of all that the CXL memory
# devices have which lab/boot.sh put behind a window, and print its name. What
# `cxl create-region` does, but faster under TCG.

set -euo pipefail

cxl=/sys/bus/cxl/devices
window=$cxl/decoder0.$1

# Of the first of the window's devices, and of the others in their order.
decoders=()
total=0
for memdev in "$cxl"/mem*; do
	read -r serial <"$memdev/serial"
	[ $(((serial - 0xc0) / 16)) = "$1" ] || continue
	mode=ram
	read -r size <"$memdev/ram/size"
	[ $((size)) != 0 ] || {
		mode=pmem
		read -r size <"$memdev/pmem/size"
	}
	for endpoint in "$cxl"/endpoint*; do
		[ "$(readlink -f "$endpoint/uport")" != "$(readlink -f "$memdev")" ] || break
	done
	decoders[serial & 15]=$(echo "$endpoint"/decoder*.0)
	total=$((total + size))
done

read -r region <"$window/create_${mode}_region"
echo "$region" >"$window/create_${mode}_region"
echo "${#decoders[@]}" >"$cxl/$region/interleave_ways"
echo 256 >"$cxl/$region/interleave_granularity"
[ "$mode" = ram ] || cat /proc/sys/kernel/random/uuid >"$cxl/$region/uuid"
for decoder in "${decoders[@]}"; do
	echo "$mode" >"$decoder/mode"
	echo $((total / ${#decoders[@]})) >"$decoder/dpa_size"
done
echo "$total" >"$cxl/$region/size"
for i in "${!decoders[@]}"; do
	echo "${decoders[i]##*/}" >"$cxl/$region/target$i"
done
echo 1 >"$cxl/$region/commit"
echo "$region" >/sys/bus/cxl/drivers/cxl_region/bind
echo "$region"

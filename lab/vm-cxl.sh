#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/vm-cxl.sh MEMDEV: in the virtual machine, make one region of all that a CXL memory device
# has, in the window that lab/boot.sh made for it, and print its name. What `cxl create-region`
# does, but faster under TCG.

set -euo pipefail

cxl=/sys/bus/cxl/devices
memdev=$cxl/$1

# Both count in the order in which boot.sh makes them.
read -r serial <"$memdev/serial"
window=$cxl/decoder0.$((serial - 0xc0))
mode=ram
read -r size <"$memdev/ram/size"
[ $((size)) != 0 ] || {
	mode=pmem
	read -r size <"$memdev/pmem/size"
}
for endpoint in "$cxl"/endpoint*; do
	[ "$(readlink -f "$endpoint/uport")" != "$(readlink -f "$memdev")" ] || break
done
decoder=$(echo "$endpoint"/decoder*.0)

read -r region <"$window/create_${mode}_region"
echo "$region" >"$window/create_${mode}_region"
echo 1 >"$cxl/$region/interleave_ways"
echo 256 >"$cxl/$region/interleave_granularity"
[ $mode = ram ] || cat /proc/sys/kernel/random/uuid >"$cxl/$region/uuid"
echo $mode >"$decoder/mode"
echo "$size" >"$decoder/dpa_size"
echo "$size" >"$cxl/$region/size"
echo "${decoder##*/}" >"$cxl/$region/target0"
echo 1 >"$cxl/$region/commit"
echo "$region" >/sys/bus/cxl/drivers/cxl_region/bind
echo "$region"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/cxl.sh: memory of CXL devices as private nodes. While it is plugged nothing takes it
# from under its users, whatever is done to the region, the device and what they hang from: it
# is refused, or all goes on without them and is found again when they come back. Unplugged it
# may all go. With kmem as the control.
#
# Regions are made by the cxl of build/ndctl, for that of Debian 12 makes none of volatile
# memory, and taken down by Debian's own, which knows nothing of anondax. On the host it builds
# the former and starts the machine in which it runs as "tests/cxl.sh guest [GROUP...]".

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

if [ "${1:-}" != guest ]; then
	lab/ndctl.sh || exit
	shape=${SHAPE:-cxl} size=512
	# A region is a multiple of 256 MiB of each of its devices.
	[ "$shape" != interleave ] || size=1024
	exec lab/boot.sh -q -k "${KIND:-base}" -s "$shape" -z "$size" -m 512 -t 500 -n cxl -c memory_hotplug.memmap_on_memory=1 \
		-e "NDCTL_BUILD=${NDCTL_BUILD:-${BUILD:-$PWD/build}/ndctl}" -- tests/cxl.sh guest "$@"
fi
shift
. tests/lib.sh

devices=/sys/bus/cxl/devices
acpi=/sys/bus/platform/drivers/cxl_acpi
pnctl=$BUILD/pnctl/pnctl
new=$NDCTL_BUILD/cxl/cxl
tmp=$(mktemp -d)

# judge COMMAND...: was what was asked last so ($bad)? If not, show what the command said.
judge() {
	bad=$?
	[ "$bad" = 0 ] || shown "$@"
}
# does NAME COMMAND...
does() {
	local name=$1
	shift
	try "$@"
	[ "$rc" = 0 ] || shown "$@"
	result "$rc" "$name"
}
put() { printf '%s\n' "$1" >"$2"; }
driver_of() {
	local link
	link=$(cd -P "$1/driver" 2>/dev/null && pwd) || link=none
	echo "${link##*/}"
}
# unbind DAX: a device without a driver can be given another size.
unbind() { [ "$(driver_of "$bus/devices/$1")" = none ] || put "$1" "$bus/devices/$1/driver/unbind"; }
# until_true COMMAND...: what comes back comes when it is ready.
until_true() {
	local i
	for ((i = 0; i < 100; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

#
# What there is, by what does not change: the serial number, the window's node.
#
memdev_of() {
	local m
	for m in "$devices"/mem*; do
		[ ! -e "$m/serial" ] || [ $(($(<"$m/serial"))) != $(($1)) ] || { echo "${m##*/}" && return; }
	done
	return 1
}
region_of() {
	local r
	for r in "$devices"/region*; do
		[ ! -e "$r/mode" ] || [ "$(<"$r/mode")" != "$1" ] || { echo "${r##*/}" && return; }
	done
	return 1
}
dax_of() {
	local d
	for d in "$bus"/devices/dax*; do
		[ ! -e "$d/target_node" ] || [ "$(<"$d/size")" = 0 ] || [ "$(<"$d/target_node")" != "$1" ] || { echo "${d##*/}" && return; }
	done
	return 1
}
# dax_under REGION
dax_under() {
	local d
	for d in "$devices/$1"/dax_region*/dax*.*; do
		[ ! -e "$d" ] || { echo "${d##*/}" && return; }
	done
	return 1
}
# create NAME [OPTION...]: a region of all of the volatile device, with a dax device. cxl succeeds
# whatever comes of it.
create() {
	try "$new" create-region -t ram -d decoder0.0 -m "$(memdev_of 0xc0)" "${@:2}"
	until_true dax_of 2 >/dev/null && [ "$(driver_of "$devices/$(region_of ram)")" = cxl_region ]
	judge cxl create-region "${@:2}"
	result "$bad" "$1"
}
pci_of() {
	local path
	path=$(cd -P "$devices/$1" && pwd) || return
	path=${path%/mem*}
	echo "${path##*/}"
}
# endpoint_of MEMDEV: its port.
endpoint_of() {
	local e
	for e in "$devices"/endpoint*; do
		[ "$(basename "$(cd -P "$e/uport" && pwd)")" != "$1" ] || { (cd -P "$e" && pwd) && return; }
	done
	return 1
}
# above REGION: the other one of volatile memory.
above() {
	local r
	for r in "$devices"/region*; do
		[ "$(<"$r/mode")" != ram ] || [ "${r##*/}" = "$1" ] || { echo "${r##*/}" && return; }
	done
	return 1
}
# The device decodes memory at all: Mem_Enable in its DVSEC for CXL devices.
mem_enabled() {
	local config=/sys/bus/pci/devices/$1/config at=256 header vendor id control
	while [ "$at" != 0 ]; do
		read -r header vendor id control < <(od -An -v -tu4 -w16 -j "$at" -N 16 "$config") || return
		[ $((header & 0xffff)) != 35 ] || [ $((vendor & 0xffff)) != $((0x1e98)) ] || [ $((id & 0xffff)) != 0 ] || {
			[ $((control & 4)) != 0 ]
			return
		}
		at=$((header >> 20))
	done
	return 2
}

#
# Somebody who uses the memory, and looks at it when asked.
#
# hold COMMAND...
hold() {
	"$@" >"$tmp/held" 2>&1 &
	holder=$!
	until_true grep -q holding "$tmp/held"
}
as_written() {
	looks=$(grep -c checksum "$tmp/held")
	kill -USR1 "$holder" 2>/dev/null || wrong "whoever used the memory is gone: $(<"$tmp/held")" || return
	until_true looked || wrong "no answer" || return
	[[ $(tail -n 1 "$tmp/held") = *": as written" ]] || wrong "$(tail -n 1 "$tmp/held")"
}
looked() { [ "$(grep -c checksum "$tmp/held")" -gt "$looks" ]; }
let_go() {
	kill "$holder" 2>/dev/null
	wait "$holder" || wrong "$(<"$tmp/held")"
}

#
# Each way to take it away. Those that can be are refused.
#
# busy NAME VALUE FILE [CONDITION...]: to write it is refused, and all is as it was: CONDITION, too.
busy() {
	local name=$1 value=$2 file=$3
	shift 3
	try put "$value" "$file"
	[ "$rc" != 0 ] && [[ $err = *"resource busy"* ]] && { [ $# = 0 ] || "$@"; } && as_written
	judge "echo '$value' >$file"
	result "$bad" "$name"
}
committed() { [ "$(driver_of "$devices/$1")" = cxl_region ] && [ "$(<"$devices/$1/commit")" = 1 ] && [ -e "$devices/$1/target0" ]; }
# refused NAME REGION VALUE FILE
refused() { busy "$1" "$3" "$4" committed "$2"; }
refusals() {
	local region window
	region=$(region_of "$2")
	window=$(cd -P "$devices/$region/.." && pwd)
	refused "$1: to reset the decoders" "$region" 0 "$devices/$region/commit"
	refused "$1: to delete the region" "$region" "$region" "$window/delete_region"
	refused "$1: to take its target away" "$region" '' "$devices/$region/target0"
}
# kept NAME NODE COMMAND...: what is done is done, and the memory is there.
kept() {
	local name=$1 node=$2
	shift 2
	try "$@"
	if dax_of "$node" >/dev/null; then
		wrong "its dax device is still there"
	else
		as_written && PNODE=$node private
	fi
	judge "$@"
	result "$bad" "$name: memory in use stays, with what is in it"
}
# A suspend to RAM is offered.
suspends() { grep -qw deep /sys/power/mem_sleep; }
# back NAME NODE STATE COMMAND...: a dax device is there again, and anondax takes it up.
back() {
	local name=$1 node=$2 state=$3 dax
	shift 3
	try "$@"
	until_true dax_of "$node" >/dev/null
	dax=$(dax_of "$node") && lab/vm-node.sh "$state" "$dax" >>"$tmp/out" 2>>"$tmp/err" &&
		[ "$(<"$bus/devices/$dax/hotplug")" = "$state" ] && as_written
	judge "$@"
	result "$bad" "$name: and it is taken up where it was"
}

#
# A volatile device.
#
volatile() {
	local dax region memdev pci node=2 root port window=$devices/decoder0.0
	memdev=$(memdev_of 0xc0)
	# The root has been unbound, perhaps.
	until_true [ -e "$devices/$memdev/driver" ]
	region_of ram >/dev/null || create "cxl create-region"
	dax=$(dax_of "$node") region=$(region_of ram)
	pci=$(pci_of "$memdev")
	mem_enabled "$pci"
	check "volatile: the device decodes memory" [ $? = 0 ]
	does "not plugged: cxl disable-memdev --force" cxl disable-memdev -f "$memdev"
	mem_enabled "$pci"
	check "the device decodes no memory any more" [ $? = 1 ]
	does "cxl enable-memdev" cxl enable-memdev "$memdev"
	does "its region is deleted" put "$region" "$window/delete_region"
	check "its addresses are free" eval "! grep -q '$region\$' /proc/iomem"
	create "cxl create-region"
	dax=$(dax_of "$node") region=$(region_of ram)
	check "volatile: a region has a dax device, with memmap_on_memory" [ "$(<"$bus/devices/$dax/memmap_on_memory")" = 1 ]
	does "volatile: plugged" lab/vm-node.sh online_movable "$dax"
	# A struct page has 64 bytes.
	PNODE=$node
	check "volatile: its struct pages are in it" [ "$(managed_pages)" = $(($(<"$bus/devices/$dax/size") * 63 / 64 / page)) ]
	check "volatile: used" hold "$BUILD/hold" "/dev/$dax" 8
	check "volatile: the pages are on its node" grep -q "/dev/$dax.* N$node=2048" "/proc/$holder/numa_maps"

	refusals volatile ram
	kept "cxl disable-region" "$node" cxl disable-region "$region"
	back "cxl enable-region" "$node" online_movable cxl enable-region "$region"
	kept "cxl destroy-region --force" "$node" cxl destroy-region -f "$region"
	check "which fails: the region is there" [ "$(<"$devices/$region/commit")" = 1 ]
	back "cxl enable-region" "$node" online_movable cxl enable-region "$region"
	kept "cxl disable-memdev --force" "$node" cxl disable-memdev -f "$memdev"
	check "the device goes on to decode memory" mem_enabled "$pci"
	back "cxl enable-memdev" "$node" online_movable cxl enable-memdev "$memdev"
	kept "the driver of the PCI device unbound" "$node" put "$pci" /sys/bus/pci/drivers/cxl_pci/unbind
	check "the device goes on to decode memory" mem_enabled "$pci"
	back "and bound" "$node" online_movable put "$pci" /sys/bus/pci/drivers/cxl_pci/bind
	kept "the PCI device removed" "$node" put 1 "/sys/bus/pci/devices/$pci/remove"
	back "and found again" "$node" online_movable put 1 /sys/bus/pci/rescan
	port=$(basename "$(dirname "$(endpoint_of "$(memdev_of 0xc0)")")")
	kept "the port of the host bridge unbound" "$node" put "$port" /sys/bus/cxl/drivers/cxl_port/unbind
	does "and bound" put "$port" /sys/bus/cxl/drivers/cxl_port/bind
	back "with its device" "$node" online_movable cxl enable-memdev "$(memdev_of 0xc0)"
	root=$(basename "$(cd -P "$devices/root0/uport" && pwd)")
	kept "the root of CXL unbound" "$node" put "$root" "$acpi"/unbind
	back "and bound" "$node" online_movable put "$root" "$acpi"/bind

	dax=$(dax_of "$node") region=$(region_of ram) memdev=$(memdev_of 0xc0)
	does "volatile: unplugged in use" lab/vm-node.sh unplugged "$dax"
	check "the pages have moved, as written" as_written
	check "and the node is gone" eval "! PNODE=$node private"
	check "let go of" let_go
	does "unplugged: cxl destroy-region --force" cxl destroy-region -f "$region"
	check "the region is gone" eval '! region_of ram'
	create "cxl create-region"
	# Memory that nobody uses goes with the device.
	dax=$(dax_of "$node") region=$(region_of ram)
	does "plugged and not used" lab/vm-node.sh online_movable "$dax"
	does "the PCI device removed" put 1 "/sys/bus/pci/devices/$pci/remove"
	check "the memory goes with it" eval "! PNODE=$node private"
	does "and found again" put 1 /sys/bus/pci/rescan
	until_true memdev_of 0xc0 >/dev/null
	does "its region is deleted" put "$region" "$window/delete_region"
}

#
# The operator's command, and what it knows the device by.
#
operator() {
	local dax region memdev node=2
	memdev=$(memdev_of 0xc0)
	! region=$(region_of ram) || put "$region" "$devices/decoder0.0/delete_region"
	# Bound when its region has gone, it is there when its driver is.
	until_true [ -e "$devices/$memdev/driver" ]
	create "cxl create-region"
	dax=$(dax_of "$node")
	does "pnctl create --save" "$pnctl" create "$dax" --save --config-dir "$tmp/conf"
	check "it is saved by the device's serial number" grep -qE '^ *serials *= *0xc0$' "$tmp"/conf/*.conf
	does "pnctl check" "$pnctl" check --config-dir "$tmp/conf"
	try "$pnctl" list -J
	jq -e ".[] | select(.device == \"$dax\") | .driver == \"anondax\" and .node == $node" "$tmp/out" >/dev/null
	judge "$pnctl list -J"
	result "$bad" "pnctl list: anondax has it"
	does "pnctl destroy" "$pnctl" destroy "$dax" --to none
	does "cxl destroy-region" cxl destroy-region -f "$(region_of ram)"
	try "$pnctl" restore --config-dir "$tmp/conf"
	[ "$rc" = 3 ] && [[ $err = *0xc0* ]]
	check "pnctl restore without a region: says which device has not come" [ $? = 0 ]
	# Other addresses than those which were saved, on the same device.
	create "cxl create-region, of another size" -s 256M
	dax=$(dax_of "$node")
	sed -i.bak -E 's/0xc0$/0xc9/' "$tmp"/conf/*.conf
	try "$pnctl" restore --config-dir "$tmp/conf"
	check "pnctl restore: not for another serial number" [ "$rc" = 3 ]
	for f in "$tmp"/conf/*.bak; do mv "$f" "${f%.bak}"; done
	does "pnctl restore" "$pnctl" restore --config-dir "$tmp/conf"
	check "it found the device by its serial number" [ "$(cat "$bus/devices/$dax/hotplug")" = online_movable ]
	check "and it can be used" hold "$BUILD/hold" "/dev/$dax" 8
	check "as written" as_written
	# Who knows of anondax asks it first.
	region=$(region_of ram)
	does "the cxl of tools/ndctl: disable-region" "$new" disable-region "$region"
	check "the region is disabled" [ "$(driver_of "$devices/$region")" = none ]
	check "and its memory unplugged, what was in it has moved" eval "! PNODE=$node private && as_written"
	check "let go of" let_go
	does "cxl enable-region" cxl enable-region "$region"
	check "its dax device is back" until_true eval "dax_of $node >/dev/null"
}

#
# Two regions of one device: where the memory of the upper one begins there is the sum of
# what is below.
#
neighbours() {
	local dax below above memdev r node=2 window=$devices/decoder0.0
	memdev=$(memdev_of 0xc0)
	until_true [ -e "$devices/$memdev/driver" ]
	! r=$(region_of ram) || put "$r" "$window/delete_region"
	create "two regions of a device: the lower one" -s 256M
	below=$(region_of ram)
	try "$new" create-region -t ram -d decoder0.0 -m "$memdev" -s 256M
	above=$(above "$below") && until_true dax_under "$above" >/dev/null
	judge cxl create-region -s 256M
	result "$bad" "and the upper one"
	dax=$(dax_under "$above")
	does "the upper one: plugged" lab/vm-node.sh online_movable "$dax"
	check "and used" hold "$BUILD/hold" "/dev/$dax" 8
	refused "the lower one, not plugged: to reset its decoders" "$below" 0 "$devices/$below/commit"
	refused "to delete it" "$below" "$below" "$window/delete_region"
	refused "to take its target away" "$below" '' "$devices/$below/target0"
	kept "both: cxl disable-memdev --force" "$node" cxl disable-memdev -f "$memdev"
	busy "the addresses of what is in use cannot be given back" 0 "$devices/$above/size" grep -q ": $above\$" /proc/iomem
	does "cxl enable-memdev" cxl enable-memdev "$memdev"
	until_true dax_under "$above" >/dev/null
	dax=$(dax_under "$above")
	does "the upper one is taken up where it was" lab/vm-node.sh online_movable "$dax"
	check "as written" as_written
	check "the lower one is there" [ "$(<"$devices/$below/commit")" = 1 ]
	does "unplugged in use" lab/vm-node.sh unplugged "$dax"
	check "let go of" let_go
	does "unplugged: cxl destroy-region --force, of the upper one" cxl destroy-region -f "$above"
	does "and of the lower one" cxl destroy-region -f "$below"
	check "both are gone" eval '! region_of ram'
	create "cxl create-region"
}

# two_saved DAX: the CXL devices are the same, so they do not tell which of the two a file is for.
two_saved() {
	local first=$1 second region conf=$tmp/two
	region=$(cd -P "$bus/devices/$first/.." && pwd)
	put $((256 << 20)) "$bus/devices/$first/size"
	put 1 "$region/dax_region/create"
	second=$(<"$region/dax_region/seed")
	put "$((256 << 20))" "$bus/devices/$second/size"
	does "one of two devices of a region: saved" "$pnctl" create "$first" --save --config-dir "$conf"
	does "the other one: saved" "$pnctl" create "$second" --save --config-dir "$conf"
	check "in two files" [ "$(find "$conf" -name '*.conf' | wc -l)" = 2 ]
	does "one is forgotten" "$pnctl" destroy "$second" --to none --forget --config-dir "$conf"
	try "$pnctl" restore --udev "$second" --config-dir "$conf"
	check "it is nobody's then" [ "$rc $out" = "0 " ]
	try "$pnctl" restore --udev "$first" --config-dir "$conf"
	check "and the other one is as it was" grep -q PRIVATE_NODE= "$tmp/out"
	does "which is destroyed" "$pnctl" destroy "$first" --to none --forget --config-dir "$conf"
	put 0 "$bus/devices/$second/size"
}

#
# A region that is divided: when it is enabled again, it comes as one dax device.
#
divided() {
	local dax region size=$((256 << 20)) node=2
	until_true [ -e "$devices/$(memdev_of 0xc0)/driver" ]
	! region=$(region_of ram) || put "$region" "$devices/decoder0.0/delete_region"
	create "cxl create-region"
	region=$(region_of ram) dax=$(dax_of "$node")
	unbind "$dax"
	does "divided: a smaller device" put "$size" "$bus/devices/$dax/size"
	does "is plugged" lab/vm-node.sh online_movable "$dax"
	check "and used" hold "$BUILD/hold" "/dev/$dax" 8
	kept "cxl disable-region" "$node" cxl disable-region "$region"
	does "cxl enable-region" cxl enable-region "$region"
	until_true dax_of "$node" >/dev/null
	dax=$(dax_of "$node")
	check "there is one device of all of the region" [ "$(<"$bus/devices/$dax/size")" -gt "$size" ]
	dmesg -C
	try lab/vm-node.sh online_movable "$dax"
	[ "$rc" != 0 ] && dmesg | grep -q "$dax: has memory that another device, of $size bytes, has left online on node $node" && as_written
	judge lab/vm-node.sh online_movable "$dax"
	result "$bad" "it is not taken up, and the log says what to do"
	unbind "$dax"
	back "of the size that it had" "$node" online_movable put "$size" "$bus/devices/$dax/size"
	does "unplugged in use" lab/vm-node.sh unplugged "$(dax_of "$node")"
	check "let go of" let_go
	does "its region is deleted" put "$region" "$devices/decoder0.0/delete_region"
	create "cxl create-region"
	# The control: another size that nothing was left behind by.
	dax=$(dax_of "$node")
	unbind "$dax"
	put $((size / 2)) "$bus/devices/$dax/size"
	does "with nothing left behind: a smaller device" lab/vm-node.sh unplugged "$dax"
	# The only one that is zeroed: see below.
	does "it is plugged" lab/vm-node.sh online_movable "$dax"
	check "and used" hold "$BUILD/hold" "/dev/$dax" 8
	check "let go of" let_go
	does "unplugged, and not zeroed" "$pnctl" destroy "$dax" --to device_dax
	try "$BUILD/tests/raw" "/dev/$dax" $((size >> 21))
	check "whoever maps it then finds what was there" [ "$rc" = 1 ]
	does "it is plugged" lab/vm-node.sh online_movable "$dax"
	put 1 /sys/module/anondax/parameters/scrub
	does "unplugged, and zeroed" "$pnctl" destroy "$dax" --to device_dax
	put 0 /sys/module/anondax/parameters/scrub
	does "whoever maps it then finds nothing" "$BUILD/tests/raw" "/dev/$dax" $((size >> 21))
	unbind "$dax"
	two_saved "$dax"
	put $((512 << 20)) "$bus/devices/$dax/size"
	does "and all of it" lab/vm-node.sh unplugged "$dax"
}

# another_region DECODER: by hand, for cxl would not. Says what comes of it, and takes it down.
another_region() {
	local r window=$devices/decoder0.0
	r=$(<"$window/create_ram_region")
	put "$r" "$window/create_ram_region"
	put 1 "$devices/$r/interleave_ways"
	put 256 "$devices/$r/interleave_granularity"
	put $((512 << 20)) "$devices/$r/size" || echo "no room"
	try put "$1" "$devices/$r/target0"
	[[ $err = *"resource busy"* ]] && echo busy || echo "taken ($err)"
	put "$r" "$window/delete_region"
}

#
# A region over two devices, of which one goes.
#
interleaved() {
	local dax region first second m r below above stolen node=2 root window=$devices/decoder0.0
	dax=$(dax_of "$node") region=$(region_of ram) first=$(memdev_of 0xc0) second=$(memdev_of 0xc1)
	check "interleaved: over two devices" [ "$(<"$devices/$region/interleave_ways")" = 2 ]
	does "interleaved: plugged" lab/vm-node.sh online_movable "$dax"
	check "interleaved: used" hold "$BUILD/hold" "/dev/$dax" 8
	refusals interleaved ram
	for m in "$first" "$second"; do
		kept "$m of two: cxl disable-memdev --force" "$node" cxl disable-memdev -f "$m"
		busy "without it the region cannot be deleted" "$region" "$window/delete_region"
		# Of the other device.
		for r in 0 1; do [ "$(<"$devices/$region/target$r")" = '' ] || break; done
		busy "nor its other target be taken away" '' "$devices/$region/target$r" grep -q . "$devices/$region/target$r"
		back "cxl enable-memdev" "$node" online_movable cxl enable-memdev "$m"
	done
	check "suspend to RAM is not offered, with the devices" eval "! suspends"
	kept "one of two: cxl disable-memdev --force" "$node" cxl disable-memdev -f "$second"
	stolen=$(another_region "$(basename "$(endpoint_of "$first")"/decoder*.0)")
	check "the other one's decoder cannot be given to another region" [ "$stolen" = busy ]
	check "what is in it stays" as_written
	back "cxl enable-memdev" "$node" online_movable cxl enable-memdev "$second"
	kept "both: cxl disable-memdev --force, of one" "$node" cxl disable-memdev -f "$second"
	does "and the other" cxl disable-memdev -f "$first"
	check "what is in it stays" as_written
	check "suspend to RAM is not offered without them: it would lose what is in the memory" eval "! suspends"
	does "cxl enable-memdev, of one" cxl enable-memdev "$second"
	back "cxl enable-memdev, of the other" "$node" online_movable cxl enable-memdev "$first"
	m=$(pci_of "$first")
	kept "the PCI device of one removed" "$node" put 1 "/sys/bus/pci/devices/$m/remove"
	back "and found again" "$node" online_movable put 1 /sys/bus/pci/rescan
	root=$(basename "$(cd -P "$devices/root0/uport" && pwd)")
	kept "the root of CXL unbound" "$node" put "$root" "$acpi"/unbind
	back "and bound" "$node" online_movable put "$root" "$acpi"/bind
	does "interleaved: unplugged in use" lab/vm-node.sh unplugged "$(dax_of "$node")"
	check "the pages have moved, as written" let_go
	does "its region is deleted" put "$(region_of ram)" "$window/delete_region"

	# One of the first device alone, and above it one of both, which waits for either.
	first=$(memdev_of 0xc0) second=$(memdev_of 0xc1)
	until_true [ -e "$devices/$first/driver" ] && until_true [ -e "$devices/$second/driver" ]
	try "$new" create-region -t ram -d decoder0.0 -m "$first" -s 256M
	below=$(region_of ram)
	try "$new" create-region -t ram -d decoder0.0 -w 2 -m "$first" "$second" -s 512M
	above=$(above "$below") && until_true dax_under "$above" >/dev/null
	judge cxl create-region
	result "$bad" "interleaved: above a region of one of the devices"
	does "the upper one: plugged" lab/vm-node.sh online_movable "$(dax_under "$above")"
	check "and used" hold "$BUILD/hold" "/dev/$(dax_under "$above")" 8
	refused "the lower one, not plugged: to reset its decoders" "$below" 0 "$devices/$below/commit"
	does "cxl disable-memdev --force, of the other device" cxl disable-memdev -f "$second"
	check "the dax device of the upper one has gone, its memory stays" eval "! dax_under $above && as_written && PNODE=$node private"
	refused "the upper one waits; the lower one: to reset its decoders" "$below" 0 "$devices/$below/commit"
	kept "both: cxl disable-memdev --force" "$node" cxl disable-memdev -f "$first"
	busy "the lower one cannot be deleted" "$below" "$window/delete_region"
	does "cxl enable-memdev, of the first" cxl enable-memdev "$first"
	until_true eval "[ \"\$(driver_of $devices/$below)\" = cxl_region ]"
	refused "the lower one is back, the upper one not: to reset its decoders" "$below" 0 "$devices/$below/commit"
	does "cxl enable-memdev, of the other" cxl enable-memdev "$second"
	until_true dax_under "$above" >/dev/null
	does "the upper one is taken up where it was" lab/vm-node.sh online_movable "$(dax_under "$above")"
	check "as written" as_written
	refused "the lower one, not plugged: to reset its decoders" "$below" 0 "$devices/$below/commit"
	does "unplugged in use" lab/vm-node.sh unplugged "$(dax_under "$above")"
	check "let go of" let_go
	does "the upper one is deleted" put "$above" "$window/delete_region"
	does "now the lower one can be reset" put 0 "$devices/$below/commit"
	does "and deleted" put "$below" "$window/delete_region"
	for m in "$first" "$second"; do does "not in use: cxl disable-memdev" cxl disable-memdev -f "$m"; done
	check "suspend to RAM is offered" suspends
}

#
# A persistent device: a namespace of NVDIMM, on a region of CXL.
#
persistent() {
	local dax region memdev root window node=3
	dax=$(dax_of "$node") region=$(region_of pmem) memdev=$(memdev_of 0xd0)
	does "persistent: plugged" lab/vm-node.sh online_kernel "$dax"
	check "persistent: used" hold "$BUILD/hold" "/dev/$dax" 8
	refusals persistent pmem
	kept "persistent: cxl disable-region" "$node" cxl disable-region "$region"
	back "persistent: cxl enable-region" "$node" online_kernel cxl enable-region "$region"
	kept "persistent: cxl disable-memdev --force" "$node" cxl disable-memdev -f "$memdev"
	back "persistent: cxl enable-memdev" "$node" online_kernel cxl enable-memdev "$memdev"
	# Its bridge has no decoders: nothing there says what it had been told.
	root=$(basename "$(cd -P "$devices/root0/uport" && pwd)")
	kept "persistent: the root of CXL unbound" "$node" put "$root" "$acpi"/unbind
	back "persistent: and bound" "$node" online_kernel put "$root" "$acpi"/bind
	does "persistent: unplugged in use" lab/vm-node.sh unplugged "$(dax_of "$node")"
	check "the pages have moved, as written" let_go
	window=$(basename "$(dirname "$(cd -P "$devices/$(region_of pmem)" && pwd)")")
	does "persistent: cxl destroy-region --force" cxl destroy-region -f "$(region_of pmem)"
	check "the region is gone" eval '! region_of pmem'
	# Debian 12's own can do that, and the namespace is in the device's labels.
	does "persistent: cxl create-region" cxl create-region -t pmem -d "$window" -m "$(memdev_of 0xd0)"
	check "its dax device is back" until_true eval "dax_of $node >/dev/null"
	does "persistent: plugged again" lab/vm-node.sh online_movable "$(dax_of "$node")"
	check "and used" hold "$BUILD/hold" "/dev/$(dax_of "$node")" 8
	does "unplugged in use" lab/vm-node.sh unplugged "$(dax_of "$node")"
	check "the pages have moved, as written" let_go
}

#
# The control: what kmem plugged. It cannot take up what was left behind.
#
control() {
	local dax region memdev node=2 window
	dax=$(dax_of "$node") region=$(region_of ram) memdev=$(memdev_of 0xc0)
	window=$(cd -P "$devices/$region/.." && pwd)
	does "kmem: plugged" lab/vm-node.sh -d kmem online_movable "$dax"
	does "kmem: unplugged" lab/vm-node.sh -d kmem unplugged "$dax"
	does "kmem: unplugged, the decoders can be reset" put 0 "$devices/$region/commit"
	does "and committed" put 1 "$devices/$region/commit"
	does "cxl enable-region" cxl enable-region "$region"
	until_true dax_of "$node" >/dev/null
	dax=$(dax_of "$node")
	# QEMU's devices cannot reach memory in a window. So whatever is read from the disk by who
	# has a policy for that memory has to have been read before.
	check "kmem: the programs are in memory" hold numactl --membind=0 "$BUILD/hold" /dev/zero 1
	let_go
	does "kmem: plugged" lab/vm-node.sh -d kmem online_movable "$dax"
	check "kmem: used" hold numactl --membind="$node" "$BUILD/hold" /dev/zero 8
	refusals kmem ram
	try cxl disable-memdev -f "$memdev"
	check "kmem: cxl disable-memdev --force: memory in use stays, with what is in it" as_written
	check "let go of" let_go
}

# To zero it is most of what unplugging takes here, and not what this is about.
echo "options anondax scrub=0" >/etc/modprobe.d/cxl-test.conf
groups=(persistent volatile operator divided neighbours control)
[ "$LAB_SHAPE" != interleave ] || groups=(interleaved)
for group in "${groups[@]}"; do
	[ $# = 0 ] || [[ " $* " = *" $group "* ]] || continue
	note "$group"
	began=$SECONDS
	$group
	note "$((SECONDS - began)) s"
done
conclude

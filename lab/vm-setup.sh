#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs in the virtual machine before the command: brings the shape's dax devices
# into being, writes down which there are in /run/lab.env, and sets the private
# nodes up if that was asked for. Silent unless something is wrong.

set -euo pipefail

fail() {
	echo "error: $*" >&2
	exit 1
}

# Another kernel has been here before, and this one is to see what it left.
! grep -q ' lab\.again=' /proc/cmdline || exit 0

dax=/sys/bus/dax/devices
# CXL memory devices come without a region.
for window in /sys/bus/cxl/devices/decoder0.*; do
	[ -e "$window" ] || continue
	lab/vm-cxl.sh "${window##*.}" >/dev/null || fail "what is behind ${window##*/} does not become a region"
done
# An NVDIMM comes as a region without a namespace.
for region in /sys/bus/nd/devices/region*; do
	[ -e "$region" ] || continue
	lab/vm-devdax.sh "${region##*/}" || fail "${region##*/} does not become a dax device"
done

shopt -s nullglob
devices=() nodes=()
# By node, since the numbers of the devices depend on who came first.
while read -r node dev; do
	devices+=("$dev")
	nodes+=("$node")
done < <(for d in "$dax"/dax*; do
	# What has no size is a seed, waiting to become a device.
	read -r size <"$d/size"
	node=-1
	[ ! -e "$d/target_node" ] || read -r node <"$d/target_node"
	[ "$size" = 0 ] || echo "$node ${d##*/}"
done | sort -n)
[ "${#devices[@]}" = "$LAB_DAX" ] || fail "shape $LAB_SHAPE should have $LAB_DAX dax devices, found: ${devices[*]:-none}"

{
	echo "SHAPE=$LAB_SHAPE"
	echo "DAX_DEVICES='${devices[*]}'"
	echo "DAX_NODES='${nodes[*]}'"
	# The node's device, whatever its number.
	for i in "${!devices[@]}"; do echo "DAX_OF_NODE${nodes[i]#-1}=${devices[i]}"; done
	echo "DAX=${devices[0]:-}"
	echo "PNODE=${nodes[0]:-}"
	echo "LAB_DISK=/dev/vda"
} >/run/lab.env

[ "$LAB_NODE" = off ] || [ "$LAB_DAX" = 0 ] || lab/vm-node.sh -d "$LAB_DRIVER" "$LAB_NODE" >/dev/null

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What pins memory for long, as page rdma-vfio-xdp.md of the guide has it: RDMA memory regions,
# the frames of AF_XDP, what VFIO and iommufd map for a device. Each refused with ltpin off, and
# pinned with it on: on the node if that is online_kernel, else moved to ordinary memory first.
# Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

tmp=$(mktemp -d)
pinned=$BUILD/tests/pinned

# A device of soft-RoCE, and one that VFIO has.
[ -e /sys/class/net/dummy0 ] || ip link add dummy0 type dummy
ip addr add 10.0.0.1/24 dev dummy0
ip link set dummy0 up
rdma link add rxe0 type rxe netdev dummy0
check "there is an RDMA device" eval 'rdma link | grep -q rxe0'
for pci in /sys/bus/pci/devices/*; do [ "$(<"$pci/vendor") $(<"$pci/device")" != "0x1b36 0x0005" ] || break; done
pci=${pci##*/}
echo vfio-pci >"/sys/bus/pci/devices/$pci/driver_override"
echo "$pci" >/sys/bus/pci/drivers_probe
check "there is a device that VFIO has" [ -e "/sys/bus/pci/drivers/vfio-pci/$pci" ]

# pin WAY WHERE: $said is what comes of it. It stays until let_go.
pin() {
	coproc PINNED { exec "$pinned" "$1" "$2" "$pci" 2>&1; }
	pinning=$PINNED_PID
	exec {to}>&"${PINNED[1]}" {from}<&"${PINNED[0]}"
	eval "exec ${PINNED[1]}>&-"
	read -r -t 60 said <&"$from"
}
let_go() {
	exec {to}>&-
	wait "$pinning"
	rc=$?
	read -r -t 10 more <&"$from"
	exec {from}<&-
}
# pins NAME WAY WHERE REGEX: it says so, and all that was written is there.
pins() {
	pin "$2" "$3"
	[[ $said =~ ^$4$ ]] || wrong "$2 $3: $said"
	local bad=$? ends=0
	[[ $said != *refused* ]] || ends=1
	let_go
	[ "$rc" = $ends ] && [ -z "${more:-}" ] || wrong "it ended with $rc: ${more:-}" || bad=1
	result $bad "$1"
}

for way in rdma xdp vfio iommufd; do
	pins "$way: ordinary memory, the control" "$way" 0 "on 0, pinned, on 0"
	for mode in online_movable online_kernel; do
		lab/vm-node.sh $mode >/dev/null || result 1 "$mode"
		echo 1 >"$dev/mbind"
		there=$PNODE
		[ $mode = online_kernel ] || there='[01]'
		for where in "/dev/$DAX" "$PNODE"; do
			echo 0 >"$dev/ltpin"
			pins "$way: $where, $mode, ltpin off" "$way" "$where" "on $PNODE, refused, on $PNODE: Operation not supported"
			echo 1 >"$dev/ltpin"
			pins "$way: $where, $mode, ltpin on" "$way" "$where" "on $PNODE, pinned, on $there"
		done
		if [ $mode = online_kernel ]; then
			pin "$way" "/dev/$DAX"
			dmesg -C
			try lab/vm-node.sh unplugged
			check "$way: pinned there, it cannot be unplugged" [ "$rc" != 0 ]
			check "$way: the log says why" eval "dmesg | grep -q 'node $PNODE: page .* is pinned'"
			let_go
			check "$way: what was written is there" [ "$rc${more:-}" = 0 ]
		fi
		try lab/vm-node.sh unplugged
		result "$rc" "$way: $mode, let go of: unplugged"
	done
done
conclude

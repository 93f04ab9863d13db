#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/kunit.sh: the KUnit suite of private nodes, with the nodes online in each
# way there is, and with all their knobs on. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# shellcheck source=/dev/null
. /run/lab.env
# Unless it is told of a node it fills none.
lab/vm-node.sh online >/dev/null || exit 1
modprobe node_private_kunit
ok=ok results=/sys/kernel/debug/kunit/node_private/results
grep -q '# SKIP nodes= names no private node' $results || ok="not ok"
! grep '^    \(not \)\?ok ' $results | grep -qv '# SKIP' || ok="not ok"
printf '%s\n' "TAP version 13" "1..1" "$ok 1 told of no node, the suite skips all"
modprobe -r node_private_kunit
lab/vm-node.sh unplugged >/dev/null || exit 1

rc=0
for state in online_movable online_kernel online "online, knobs on"; do
	lab/vm-node.sh "${state%,*}" >/dev/null || {
		echo "Bail out! the nodes do not get $state"
		exit 1
	}
	for knob in reclaim demotion mbind madvise numa_balance ltpin; do
		[ "$state" = "${state%,*}" ] || printf '1\n' | tee /sys/bus/dax/devices/*/"$knob" >/dev/null || rc=1
	done
	# Name the state in each result, so that a failure says where.
	PARAMETERS=nodes=${DAX_NODES// /,} lab/vm-kunit.sh node_private_kunit node_private | sed -E "s/^( +(not )?ok [0-9]+ )/\1$state: /" || rc=1
	modprobe -r node_private_kunit || rc=1
done
lab/vm-node.sh unplugged >/dev/null || rc=1
exit $rc

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
# Last in a cpuset that lists the nodes, or as if: what says that cpusets are in use is that
# there is one.
for state in online_movable online_kernel online "online, knobs on" "online, granted"; do
	lab/vm-node.sh "${state%,*}" >/dev/null || {
		echo "Bail out! the nodes do not get $state"
		exit 1
	}
	for knob in reclaim demotion mbind shmem madvise numa_balance ltpin; do
		[ "$state" = "${state%,*}" ] || printf '1\n' | tee /sys/bus/dax/devices/*/"$knob" >/dev/null || rc=1
	done
	parameters=nodes=${DAX_NODES// /,}
	if [ "$state" != "${state%granted}" ]; then
		echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
		mkdir /sys/fs/cgroup/kunit && echo "0,${DAX_NODES// /,}" >/sys/fs/cgroup/kunit/cpuset.mems || rc=1
		parameters="$parameters granted=1"
	fi
	# Name the state in each result, so that a failure says where.
	PARAMETERS=$parameters lab/vm-kunit.sh node_private_kunit node_private | sed -E "s/^( +(not )?ok [0-9]+ )/\1$state: /" || rc=1
	modprobe -r node_private_kunit || rc=1
done
lab/vm-node.sh unplugged >/dev/null || rc=1
exit $rc

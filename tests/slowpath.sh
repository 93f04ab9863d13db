#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/slowpath.sh SECONDS: tests/slowpath.c on the private node, which policies may
# name. Runs in the virtual machine, with the node online.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

echo 1 >"$dev/mbind" || {
	echo "Bail out! policies cannot name the node"
	exit 1
}
"$BUILD/tests/slowpath" "/dev/$DAX" "$PNODE" "$1" /dev/vda
rc=$?
echo 0 >"$dev/mbind"
lab/vm-node.sh unplugged >/dev/null || rc=1
exit $rc

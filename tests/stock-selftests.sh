#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own selftest of kmem passes on the kernel where kmem shares its
# code with anondax. Runs in the virtual machine; prints the selftest's KTAP.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. /run/lab.env

lab/vm-node.sh -d kmem online_movable >/dev/null || {
	echo "Bail out! the device does not go to kmem"
	exit 1
}
DAX_KMEM_TEST_DEV=$DAX DAX_KMEM_TEST_UNBIND=1 exec bash "$BUILD/linux/tools/testing/selftests/dax/dax-kmem-hotplug.sh"

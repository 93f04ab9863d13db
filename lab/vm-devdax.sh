#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/vm-devdax.sh REGION: in the virtual machine, make one dax device of all of
# an NVDIMM region. What `ndctl create-namespace -f -m devdax -M mem` does, but
# ten times faster under TCG.

set -euo pipefail

nd=/sys/bus/nd
region=$nd/devices/$1
# The module's labels are blank at every boot, so the kernel makes a raw
# namespace of the whole region.
ns=namespace${1#region}.0
seed=$(cat "$region/dax_seed")

# Behind CXL it makes none, and the seed of one has no size.
[ "$(cat "$nd/devices/$ns/size")" != 0 ] || {
	cat /proc/sys/kernel/random/uuid >"$nd/devices/$ns/uuid"
	cat "$region/available_size" >"$nd/devices/$ns/size"
}

[ ! -e "$nd/devices/$ns/driver" ] || echo "$ns" >"$nd/devices/$ns/driver/unbind"
cat /proc/sys/kernel/random/uuid >"$nd/devices/$seed/uuid"
echo ram >"$nd/devices/$seed/mode"
echo 2097152 >"$nd/devices/$seed/align"
echo "$ns" >"$nd/devices/$seed/namespace"
echo "$seed" >"$nd/drivers/dax_pmem/bind"

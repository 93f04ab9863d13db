# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Two devices that cannot become a private node: 256 MiB of node 0's own RAM, soft-reserved,
# and an NVDIMM without a node, for the kernel is told to take no notice of the firmware's.

append+=" memmap=256M%256M-1+0xefffffff numa=off"
expected=$((expected + 1))
nvdimm 2

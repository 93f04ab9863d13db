# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# One ordinary node with both CPUs, and node1: 1 GiB of RAM that the firmware set aside.

one_node
soft_reserved 1

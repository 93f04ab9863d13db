# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: 1 GiB of RAM that the firmware set aside for a special purpose.

soft_reserved 2

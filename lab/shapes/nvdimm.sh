# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: 1 GiB of an NVDIMM in devdax mode.

nvdimm 2

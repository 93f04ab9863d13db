# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: soft-reserved RAM, by HMAT faster than DRAM (think of HBM).
# node3: an NVDIMM, by HMAT slower than DRAM (think of an expander).

soft_reserved 2
nvdimm 3
hmat 0:0:100:20G 0:1:180:15G 0:2:60:80G 0:3:400:5G
hmat 1:0:180:15G 1:1:100:20G 1:2:60:80G 1:3:400:5G

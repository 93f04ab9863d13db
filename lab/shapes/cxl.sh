# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: a CXL memory device, volatile. node3: a persistent one.

cxl volatile
cxl persistent

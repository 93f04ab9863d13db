# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: a CXL memory device, volatile. node3: a persistent one. Each has a window of its own,
# behind the same host bridge.

cxl volatile
cxl persistent

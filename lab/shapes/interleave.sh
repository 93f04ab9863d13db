# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# node2: CXL memory, volatile, interleaved over two devices behind one host bridge.

cxl volatile 2

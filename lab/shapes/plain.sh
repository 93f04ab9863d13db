# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Two ordinary nodes with a CPU each and no device: what every shape starts from.
# See lab/boot.sh for what a shape can use.

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The interactive shell's start: say where one is.

. /run/lab.env
# So that scripts run from here find the devices.
export SHAPE DAX_DEVICES DAX_NODES DAX PNODE LAB_DISK
PS1='lab:\w# '
echo "Linux $(uname -r) ($LAB_KIND), shape $LAB_SHAPE; dax devices: ${DAX_DEVICES:-none}, on nodes: ${DAX_NODES:-none}"
case $LAB_NODE in
off) [ -z "$DAX_DEVICES" ] || echo "lab/vm-node.sh online sets the private nodes up." ;;
*) echo "The private nodes are set up: $LAB_NODE." ;;
esac
echo "What you write is gone afterwards. 'exit' or ^D powers off."

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/vm-groups.sh NAME COMMAND [NAME COMMAND...]: in the virtual machine, run groups
# of tests one after another. Lines that begin with "lab: group" say where each begins
# and ends, in the output and in the kernel's log: lab/test.sh reads the first,
# lab/scan.sh the second.

say() {
	# On a line of its own, whatever has been printed before.
	printf '\n%s\n' "$1"
	printf '<5>%s\n' "$1" >/dev/kmsg
}

while [ $# -gt 0 ]; do
	say "lab: group begins: $1"
	rc=0
	bash -c "$2" || rc=$?
	say "lab: group ends: $1 $rc $SECONDS"
	shift 2
	SECONDS=0
done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/vm-kunit.sh MODULE [SUITE...]: in the virtual machine, run the KUnit suites
# of a module and print their KTAP. Without names: every suite it brings. PARAMETERS are
# the module's.

set -euo pipefail

module=$1
shift
results=/sys/kernel/debug/kunit
before=$(find "$results" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null || :)
# shellcheck disable=SC2086 # several in one word
modprobe "$module" ${PARAMETERS:-} || {
	echo "Bail out! the module $module does not load"
	exit 1
}
suites=("$@")
if [ ${#suites[@]} = 0 ]; then
	mapfile -t suites < <(comm -13 <(printf '%s\n' "$before" | sort) <(find "$results" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort))
fi
[ ${#suites[@]} -gt 0 ] || {
	echo "Bail out! the module $module brings no KUnit suite"
	exit 1
}
rc=0
for suite in "${suites[@]}"; do
	[ -f "$results/$suite/results" ] || {
		echo "Bail out! there is no KUnit suite $suite"
		exit 1
	}
	# One document a suite: these files carry no plan for the whole.
	echo "KTAP version 1"
	grep -v '^KTAP version' "$results/$suite/results"
	! grep -q '^not ok' "$results/$suite/results" || rc=1
done
exit $rc

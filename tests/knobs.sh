#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/knobs.sh [-o SERVICE | -x SERVICE] [-V VARIANT]... [-T TEST]...: the selftests of
# the knobs, a program for each service; -o runs only that of one, -x all but that, -V
# leaves a variant out, -T a test. Runs in the virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

only='' but='' choice=()
while getopts o:x:V:T: opt; do
	case $opt in
	o) only=$OPTARG ;;
	x) but=$OPTARG ;;
	V | T) choice+=("-$opt" "$OPTARG") ;;
	*) exit 2 ;;
	esac
done
lab/vm-node.sh unplugged >/dev/null || {
	echo "Bail out! there is no private node to test"
	exit 1
}
export ANONDAX_TEST_SWAP=/dev/vda
rc=0 ran=0
for source in kernel/tree/tools/testing/selftests/dax/anondax_knob_*.c; do
	name=$(basename "$source" .c)
	service=${name#anondax_knob_}
	[ -z "$only" ] || [ "$service" = "$only" ] || continue
	[ "$service" != "$but" ] || continue
	if [ ! -x "build/selftests/dax/$name" ]; then
		echo "Bail out! $name is not built"
		exit 1
	fi
	echo "# $name"
	"build/selftests/dax/$name" "${choice[@]}" || rc=1
	ran=$((ran + 1))
done
[ $ran -gt 0 ] || {
	echo "Bail out! there is no service '$only'"
	exit 1
}
exit $rc

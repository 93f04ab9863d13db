#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run tests/flips on the debug kernel again and again, each time with a new seed and with
# allocations of memory that fail: HOURS long, or until the kernel complains or something
# is wrong, which ends it with the log.
#
# SEED=N starts with that seed, ROUND=SECONDS is how long a round flips.

. "$(dirname "$0")/lib.sh"

HOURS=${HOURS:-1} ROUND=${ROUND:-300}
[[ $HOURS =~ ^[0-9]*\.?[0-9]+$ ]] || die "HOURS=$HOURS is not a number of hours" "make soak HOURS=2, or 0.5"
[[ $ROUND =~ ^[1-9][0-9]*$ ]] || die "ROUND=$ROUND is not a number of seconds" "make soak ROUND=300"
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
[[ $seed =~ ^[0-9]+$ ]] || die "SEED=$seed is not a number" "the line of a round has its seed"

until=$(awk -v h="$HOURS" -v now="$SECONDS" 'BEGIN { print int(now + h * 3600) }')
log=$BUILD/logs/soak
rounds=$BUILD/logs/soak.rounds
: >"$rounds"
step "Soaking for $HOURS hours, $ROUND seconds a round: the lines are in $rounds too"
for ((n = 1; n == 1 || SECONDS < until; n++)); do
	began=$SECONDS rc=0
	# Whoever is still at it after five times the time is hung.
	"$TOP/lab/boot.sh" -q -k debug -s both -z 512 -t $((ROUND * 5 + 600)) -n soak -- \
		"lab/vm-node.sh online_movable >/dev/null && build/tests/flips -w /dev/vda -p -t $ROUND -s $seed -f build/kernel-debug/System.map" \
		</dev/null >"$log.round" 2>&1 || rc=$?
	line=$(sed -n 's/^# \(seed [0-9]*: .*\)/\1/p' "$log.round" | tail -n 1)
	[ -n "$line" ] || line="seed $seed: it did not come to its end"
	[ $rc = 0 ] || line+=" (exit status $rc)"
	printf '    round %d, %d s: %s\n' "$n" $((SECONDS - began)) "$line" | tee -a "$rounds"
	if [ $rc != 0 ]; then
		grep -aE '^(not ok |# WRONG|Bail out)|error:|^       ' "$log.round" | head -n 150
		die "round $n with seed $seed failed" "all of it: $log.round, console: $log.console; again: make soak SEED=$seed ROUND=$ROUND HOURS=0"
	fi
	seed=$((seed + 1))
done
note "$((n - 1)) rounds, none with a complaint"

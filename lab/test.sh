#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run what tests/plan lists: build the kernels it needs, boot machines, read the
# TAP that the tests print, and sum up in one last line.
#
# T=REGEX takes only the groups whose name matches. V=1 shows all output.
# MACHINES=N boots so many at once (the number of CPUs).

. "$(dirname "$0")/lib.sh"

plan=${PLAN:-$TOP/tests/plan}
passed=0 failed=0 skipped=0

# The last word, whatever happens. What failed comes again at the end, where
# people look first.
failures=()
conclude() {
	if [ ${#failures[@]} -gt 0 ]; then
		step "What failed"
		printf '%s\n' "${failures[@]}"
	fi
	printf '%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
	printf '\n'
	[ "$failed" = 0 ] && [ $((passed)) -gt 0 ]
	exit
}

fail_one() {
	printf '%sFAIL%s  %s\n' "$red" "$off" "$1"
	failed=$((failed + 1))
}

# show_complaints RAW: what lab/boot.sh and the kernel said went wrong. Of a splat the
# first lines matter, of all of it also the last. False if they said nothing.
show_complaints() {
	local lines
	lines=$(grep -aE '(error:|^       )' "$1") || return 1
	[ "$V" != 0 ] || awk '
		{ line[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++)
				if (i <= 90 || i > NR - 10) print "      " line[i]
				else if (i == 91) print "             | ..."
		}' <<<"$lines"
}

[ -f "$plan" ] || die "tests/plan is missing" "it lists the tests: NAME KERNEL SHAPE TIMEOUT COMMAND"
groups=() kinds=()
while read -r name kind shape timeout command; do
	[[ $name =~ ^(#|$) ]] && continue
	case $kind in
	base | debug | stock | bench | -) ;;
	*) die "tests/plan: $name wants a kernel '$kind'" "kernels: base, debug, stock, bench (with bench-stock), or - for none" ;;
	esac
	[ -n "$command" ] || die "tests/plan: $name has no command" "a line is NAME KERNEL SHAPE TIMEOUT COMMAND"
	[[ -z ${T:-} || $name =~ $T ]] || continue
	groups+=("$name $kind $shape $timeout $command")
	[ "$kind" = - ] || [[ " ${kinds[*]} " = *" $kind "* ]] || kinds+=("$kind")
	# Costs are compared to stock's.
	[ "$kind" != bench ] || kinds+=(bench-stock)
done <"$plan"
if [ ${#groups[@]} = 0 ]; then
	fail_one "no test group matches T=${T:-}; there are: $(awk '!/^(#|$)/ { printf "%s ", $1 }' "$plan")"
	conclude
fi

# Without its kernel no test says anything, so do not go on.
for kind in "${kinds[@]}"; do
	if ! "$TOP/lab/build.sh" "$kind" </dev/null; then
		fail_one "build of the $kind kernel"
		conclude
	fi
done
if [ ${#kinds[@]} -gt 0 ] && ! make -s -C "$TOP" tests BUILD="$BUILD" </dev/null; then
	fail_one "build of the test programs"
	conclude
fi

# one NUMBER: run a group. What is to be shown goes to a file, the exit status last.
one() {
	local name kind shape timeout command raw opts=() rc=0 began=$SECONDS
	read -r name kind shape timeout command <<<"${groups[$1]}"
	raw=$BUILD/logs/test-$name.raw
	: >"$raw.shown"
	# Words in brackets before the command are options for lab/boot.sh.
	if [[ $command =~ ^\[([^]]*)\]\ *(.*)$ ]]; then
		command=${BASH_REMATCH[2]}
		eval "opts=(${BASH_REMATCH[1]})"
	fi
	case $command in
	host:*)
		(cd "$TOP" && KIND=$kind SHAPE=$shape timeout -k 5 "$timeout" bash -c "${command#host:}") </dev/null 2>&1
		;;
	*)
		"$TOP/lab/boot.sh" -q -k "$kind" -s "$shape" -t "$timeout" -n "test-$name" "${opts[@]}" -- "$command" </dev/null 2>&1
		;;
	esac | tee "$raw" | awk -v group="$name" -v verbose="$V" -v red="$red" -v green="$green" -v dim="$dim" -v off="$off" \
		-v counts="$raw.counts" -f "$TOP/lab/tap.awk" >"$raw.shown" || rc=$?
	echo "$rc $((SECONDS - began))" >"$raw.part"
	mv "$raw.part" "$raw.rc"
}

# Most of what a machine does it does on one CPU. So as many at once as there are
# CPUs, shown one after the other.
mkdir -p "$BUILD/logs"
for group in "${groups[@]}"; do rm -f "$BUILD/logs/test-${group%% *}.raw".*; done
# In a process group of its own, for all of it to end with us.
set -m
(
	set +m
	running=0
	for i in "${!groups[@]}"; do
		if [ "$running" -ge "${MACHINES:-$JOBS}" ]; then
			wait -n || :
			running=$((running - 1))
		fi
		one "$i" &
		running=$((running + 1))
	done
	wait
) &
runner=$!
set +m
trap 'kill -- -$runner 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM

n=0
for group in "${groups[@]}"; do
	n=$((n + 1))
	read -r name kind shape timeout command <<<"$group"
	where="$kind kernel, shape $shape"
	[[ $command != host:* ]] || where="on the host"
	step "[$n/${#groups[@]}] $name ($where)"
	raw=$BUILD/logs/test-$name.raw
	while [ ! -e "$raw.shown" ] && kill -0 $runner 2>/dev/null; do sleep 0.2; done
	tail -n +1 -f "$raw.shown" 2>/dev/null &
	show=$!
	while [ ! -e "$raw.rc" ] && kill -0 $runner 2>/dev/null; do sleep 0.2; done
	sleep 1.2 # tail looks once a second
	kill $show
	wait $show 2>/dev/null || :
	read -r rc took <"$raw.rc" || rc=1 took=0
	read -r p f s <"$raw.counts" || p=0 f=1 s=0
	# kselftest's way to say that all of it was skipped.
	if [ "$rc" = 4 ] && [ $((p + f)) = 0 ]; then
		[ "$s" -gt 0 ] || s=1
		rc=0
	fi
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		show_complaints "$raw" || [ "$V" != 0 ] || tail -n 40 "$raw" | sed 's/^/      /'
		case $rc in
		124 | 137) why="no end within $timeout s" ;;
		*) why="exit status $rc" ;;
		esac
		printf '%sFAIL%s  %s: %s\n' "$red" "$off" "$name" "$why"
		f=1
		failures+=("    $name: $why")
	elif [ "$rc" != 0 ]; then
		# What the kernel had to say comes after the last result.
		show_complaints "$raw" || :
	elif [ $((p + f + s)) = 0 ]; then
		[ "$V" != 0 ] || tail -n 40 "$raw" | sed 's/^/      /'
		printf '%sFAIL%s  %s: printed no test results\n' "$red" "$off" "$name"
		f=1
		failures+=("    $name: printed no test results")
	fi
	if [ "$f" != 0 ]; then
		while read -r line; do
			failures+=("    $name: ${line%$'\r'}")
		done < <(grep -aE '^ *not ok ' "$raw" | head -n 10)
		# The kernel's first words say which splat it is, and where; the trace does not.
		while read -r line; do
			failures+=("    $name: ${line%$'\r'}")
		done < <(grep -aE -A1 '^(.\[[0-9;]*m)?error:|^       \| .*('"$(awk '!/^(#|$)/' "$TOP/lab/splats" | paste -sd'|')"'|RIP: 0010:)' "$raw" | head -n 12)
		[ "$p" != 0 ] || failures+=("    $name: whole output: $raw")
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	note "$p passed, $f failed, $s skipped, $took s"
done
conclude

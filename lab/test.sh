#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run what tests/plan lists: build the kernels it needs, boot machines, read the
# TAP that the tests print, and sum up in one last line.
#
# T=REGEX takes only the groups whose name matches. V=1 shows all output.
# MACHINES=N boots so many at once (as many as CPUs and memory allow).
#
# build/logs/test.tsv has what each group came to and took; lab/test-table.sh makes a
# table of it.

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
# Of each group, by its number.
names=() timeouts=() commands=()
# Of each machine: the kernels, the shape, options of lab/boot.sh, its groups' numbers.
kernels=() shapes=() options=() members=()
kinds=()
while read -r name kind shape timeout command; do
	[[ $name =~ ^(#|$) ]] && continue
	if [ "$kind" = ^ ]; then
		[[ -n ${lastkind:-} && $shape = ^ ]] || die "tests/plan: $name has no machine before it" "^ ^ is the machine of the line before"
	else
		for k in ${kind//,/ }; do
			case $k in
			base | debug | guide | stock | -) ;;
			*) die "tests/plan: $name wants a kernel '$k'" "kernels: base, debug, guide, stock, several with commas between, or - for none" ;;
			esac
		done
		lastkind=$kind lastshape=$shape lastoption='' machine=''
		# Words in brackets before the command are options for lab/boot.sh.
		if [[ $command =~ ^\[([^]]*)\]\ *(.*)$ ]]; then
			lastoption=${BASH_REMATCH[1]} command=${BASH_REMATCH[2]}
		fi
	fi
	[ -n "$command" ] || die "tests/plan: $name has no command" "a line is NAME KERNEL SHAPE TIMEOUT COMMAND"
	[[ -z ${T:-} || $name =~ $T ]] || continue
	if [ -z "$machine" ]; then
		machine=${#members[@]}
		kernels+=("$lastkind") shapes+=("$lastshape") options+=("$lastoption") members+=('')
		for k in ${lastkind//,/ }; do
			[ "$k" = - ] || [[ " ${kinds[*]} " = *" $k "* ]] || kinds+=("$k")
		done
	fi
	members[machine]+=" ${#names[@]}"
	names+=("$name") timeouts+=("$timeout") commands+=("$command")
done <"$plan"
if [ ${#names[@]} = 0 ]; then
	fail_one "no test group matches T=${T:-}; there are: $(awk '!/^(#|$)/ { printf "%s ", $1 }' "$plan")"
	conclude
fi

mkdir -p "$BUILD/logs"
tsv=${TSV:-$BUILD/logs/test.tsv}
printf 'group\tkernel\tshape\toptions\tpassed\tfailed\tskipped\tseconds\tcpu\n' >"$tsv"
# took NAME SECONDS: a line of what is no test.
took() { printf '%s\t-\t-\t-\t-\t-\t-\t%d\t-\n' "$1" "$2" >>"$tsv"; }

# Without its kernel no test says anything, so do not go on.
for kind in "${kinds[@]}"; do
	began=$SECONDS
	if ! "$TOP/lab/build.sh" "$kind" </dev/null; then
		fail_one "build of the $kind kernel"
		conclude
	fi
	took "kernel $kind" $((SECONDS - began))
done
began=$SECONDS
if [ ${#kinds[@]} -gt 0 ] && ! make -s -C "$TOP" tests BUILD="$BUILD" </dev/null; then
	fail_one "build of the test programs"
	conclude
fi
took programs $((SECONDS - began))

# Reads what a machine prints, and gives each of its groups what is its own: all of it in
# test-GROUP.raw, what is to be shown in .shown. What comes after the last group, of
# several, is in FIRST.machine.
# shellcheck disable=SC2016 # for awk
split='
	function begin(name) {
		raw = logs "/test-" name ".raw"
		cmd = tap " -v group=" name " -v counts=" q raw ".counts" q " -f " q top "/lab/tap.awk" q " >" q raw ".shown" q
		printf "" > raw
		printf "" | cmd
		fflush(cmd)
	}
	BEGIN { machine = logs "/test-" first ".machine"; if (!several) begin(first) }
	several && /^lab: group begins: / { begin($4); next }
	several && /^lab: group ends: / { close(cmd); close(raw); print $5, $6 > (logs "/test-" $4 ".raw.ended"); raw = ""; next }
	raw == "" { print > machine; next }
	{ print > raw; print | cmd; fflush(raw); fflush(cmd) }'

# one MACHINE: run its groups. What is to be shown goes to files; the exit status of each
# comes last, with the seconds it took and those of CPUs.
one() {
	local list kind=${kernels[$1]} shape=${shapes[$1]} opts=() run=() i raw rc=0 ended all=0 cpu began=$SECONDS named
	read -ra list <<<"${members[$1]}"
	local first=${names[list[0]]} limit=0 several=$((${#list[@]} > 1)) q="'"
	local tap="${live_awk[*]} -v verbose='$V' -v red='$red' -v green='$green' -v dim='$dim' -v off='$off'"
	eval "opts=(${options[$1]})"
	for i in "${list[@]}"; do
		limit=$((limit + timeouts[i]))
		run+=("${names[i]}" "${commands[i]}")
	done
	if [ $several = 1 ]; then run=(lab/vm-groups.sh "${run[@]}"); else run=("${commands[list[0]]}"); fi
	case ${run[0]} in
	host:*)
		(cd "$TOP" && KIND=${kind%%,*} SHAPE=$shape timeout -k 5 "$limit" bash -c "${run[0]#host:}") </dev/null 2>&1
		;;
	*)
		"$TOP/lab/boot.sh" -q -k "${kind%%,*}" -s "$shape" -t "$limit" -n "test-$first" "${opts[@]}" -- "${run[@]}" </dev/null 2>&1
		;;
	esac | "${live_awk[@]}" -v logs="$BUILD/logs" -v top="$TOP" -v first="$first" -v several=$several -v q="$q" -v tap="$tap" "$split" || rc=$?
	times >"$BUILD/logs/test-$first.times"
	cpu=$(awk 'NR == 2 { gsub(/[ms]/, " "); print int($1 * 60 + $2 + $3 * 60 + $4 + 0.5) }' "$BUILD/logs/test-$first.times")
	# What the kernel complained of has the name of the group before it, unless that
	# was seen after the last.
	[ $rc = 0 ] || [ $several = 0 ] || named=$(sed -n 's/^ *| in the group \(.*\):$/ \1 /p' "$BUILD/logs/test-$first.machine" 2>/dev/null)
	for i in "${list[@]}"; do
		raw=$BUILD/logs/test-${names[i]}.raw
		if [ $several = 0 ]; then
			ended="$rc $((SECONDS - began))"
		elif [ ! -e "$raw" ] && [ ! -e "$raw.ended" ]; then
			echo "error: it did not run: the machine had gone" >"$raw"
			echo "0 0 0" >"$raw.counts"
			cat "$BUILD/logs/test-$first.machine" >>"$raw" 2>/dev/null
			ended='1 0'
		elif [ ! -e "$raw.ended" ]; then
			ended="$rc $((SECONDS - began - all))"
		else
			ended=$(<"$raw.ended")
			if [ $rc != 0 ] && [ "${ended%% *}" = 0 ] && [[ -z $named || $named = *" ${names[i]} "* ]] && [ -e "$BUILD/logs/test-$first.machine" ]; then
				grep -qa 'error:' "$BUILD/logs/test-$first.machine" && ended="$rc ${ended#* }"
				cat "$BUILD/logs/test-$first.machine" >>"$raw"
			fi
		fi
		all=$((all + ${ended#* }))
		[ -e "$raw.shown" ] || : >"$raw.shown"
		echo "$ended $cpu" >"$raw.part"
		mv "$raw.part" "$raw.rc"
		# A machine's time is that of its first group.
		cpu=-
	done
}

# What a machine does it does on one CPU, most of the time, so as many at once as there
# are CPUs, if memory suffices; they are shown one after the other.
fit=$(awk '/^MemAvailable:/ { print int($2 / 3 / 1048576) }' /proc/meminfo)
[ "$fit" -ge 1 ] || fit=1
[ "$fit" -lt "$JOBS" ] || fit=$JOBS
for name in "${names[@]}"; do rm -f "$BUILD/logs/test-$name".{raw,raw.*,machine,times}; done
# In a process group of its own, for all of it to end with us.
set -m
(
	set +m
	running=0
	for i in "${!members[@]}"; do
		if [ "$running" -ge "${MACHINES:-$fit}" ]; then
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

n=0 began=$SECONDS
for m in "${!members[@]}"; do for group in ${members[m]}; do
	n=$((n + 1))
	name=${names[group]} timeout=${timeouts[group]}
	where="${kernels[m]%%,*} kernel, shape ${shapes[m]}"
	[[ ${commands[group]} != host:* ]] || where="on the host"
	step "[$n/${#names[@]}] $name ($where)"
	raw=$BUILD/logs/test-$name.raw
	while [ ! -e "$raw.shown" ] && kill -0 $runner 2>/dev/null; do sleep 0.2; done
	tail -n +1 -f "$raw.shown" 2>/dev/null &
	show=$!
	while [ ! -e "$raw.rc" ] && kill -0 $runner 2>/dev/null; do sleep 0.2; done
	sleep 1.2 # tail looks once a second
	kill $show
	wait $show 2>/dev/null || :
	read -r rc seconds cpu <"$raw.rc" || rc=1 seconds=0 cpu=-
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
	note "$p passed, $f failed, $s skipped, $seconds s"
	printf '%s\t' "$name" "${kernels[m]}" "${shapes[m]}" "${options[m]:--}" "$p" "$f" "$s" "$seconds" >>"$tsv"
	echo "$cpu" >>"$tsv"
done; done
took "machines, ${MACHINES:-$fit} at a time" $((SECONDS - began))
took "all" $SECONDS
conclude

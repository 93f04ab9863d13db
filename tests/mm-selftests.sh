#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The mm selftests of Linux 7.3 on the stock kernel and on ours, side by side:
# what passes there has to pass here, with a private node online too.
#
#	tests/mm-selftests.sh          all of it, into docs/results/mm-selftests.md
#	tests/mm-selftests.sh list     on our kernel with a node online, just the programs
#	                               of tests/mm-selftests.list
#	tests/mm-selftests.sh run SIDE [PROGRAM...]
#	                               one of the runs, or some of its programs again:
#	                               stock, ours, node
#	tests/mm-selftests.sh repeat   what did worse than on stock, again on all
#	tests/mm-selftests.sh steady   what may be in the list, again and again on stock
#	tests/mm-selftests.sh report   the page and the list again, from the last runs
#	tests/mm-selftests.sh build    the programs
#	tests/mm-selftests.sh guest    (in the machine) run the programs
#
# What is run, and with which arguments, comes from the kernel's own script
# run_vmtests.sh; the programs are those of the pristine source for every kernel.
# Prints TAP, a line for each program.
#
# The machine is the same each time: shape hmem, so that the memory for the node
# is there in every run, but with anondax bound to it in one only. All programs
# of a run share one machine, in the same order.

. "$(dirname "$0")/../lab/lib.sh"

work=$BUILD/selftests-mm
result=$TOP/docs/results/mm-selftests.md
list=$TOP/tests/mm-selftests.list
# cow and gup_longterm want memory for huge pages, uffd-stress for two areas.
mem=2048
# Seconds for a program, the same on all kernels. Without KVM what takes a second
# on a machine takes twenty here. Those that are near it have more: it should not
# be the load of the host that decides.
limit=${LIMIT:-60}
limit_of() {
	case $1 in
	*uffd-unit-tests* | *ksm_tests\ -[HP]*) echo $((limit * 2)) ;;
	*khugepaged* | *ksm_functional_tests*) echo $((limit * 3)) ;;
	# Ten thousand times the same, and a word only at the end.
	*hugetlb_fault_after_madv*) echo $((limit / 3)) ;;
	*) echo "$limit" ;;
	esac
}
# A program that is quicker than so many seconds is in the list.
quick=2
# How often to run a program again that did not do as on stock.
again=4
# How often a program of the list has to pass on stock.
often=10

build() {
	local src k tree=$work/src self=tools/testing/selftests
	. "$TOP/lab/kmake.sh"
	src=$("$TOP/lab/fetch.sh")
	mkdir -p "$work/bin" "$work/runs" "$tree/$self"
	if [ ! -f "$work/headers/usr/include/linux/userfaultfd.h" ]; then
		kmake "$src" "$work/headers" headers >"$work/headers.log" 2>&1 || {
			cat "$work/headers.log" >&2
			die "the kernel's headers cannot be made" "the messages above are kbuild's"
		}
	fi
	# The Makefile writes next to itself: so a copy of mm/ amidst links.
	for k in "$src"/* "$src"/tools/* "$src"/tools/testing/* "$src/$self"/*; do
		case ${k#"$src"/} in
		tools | tools/testing | "$self" | "$self/mm") ;;
		*) ln -sfn "$k" "$tree/${k#"$src"/}" ;;
		esac
	done
	cp -rpu "$src/$self/mm" "$tree/$self/"
	# 32 bit programs do not run in this kernel. page_frag is a module, to be
	# built for each kernel: lab/build.sh does not.
	run make -k -C "$tree/$self/mm" -j"$JOBS" OUTPUT="$work/bin" KHDR_INCLUDES="-isystem $work/headers/usr/include" \
		CAN_BUILD_I386=0 TEST_GEN_MODS_DIR='' all >"$work/build.log" 2>&1 || {
		grep -B1 -A5 -E 'error:|Error ' "$work/build.log" >&2
		die "the selftests of mm do not build" "whole log: $work/build.log"
	}
	cp -pu "$tree/$self"/mm/*.sh "$work/bin/"
	programs "$tree/$self/mm/run_vmtests.sh" >"$work/programs"
}

# What run_vmtests.sh runs when it is told nothing, and its destructive ones (the
# machine is gone afterwards anyway): a command in each line.
programs() {
	sed -nE 's/^[[:space:]]*CATEGORY="[^"]*" run_test (.*)/\1/p' "$1" |
		# gup_test's matrix is for run_vmtests.sh -a.
		grep -v '^\./gup_test \\$' |
		sed -E -e 's,\$\{uffd_stress_bin\},./uffd-stress,' \
			-e 's,\$\{SPLIT_HUGE_PAGE_TEST_XFS_PATH\},/mnt/mm/fs,' \
			-e 's,^sudo -u nobody sh -c ,runuser -u nobody -- ,' |
		awk '
			# Some that are built are in no list of the kernel.
			/split_huge_page_test/ { print "./mseal_test\n./prctl_thp_disable\n./pkey_sighandler_tests_64" }
			/protection_keys_32/ { next }
			/hwpoison|soft-offline|memory-failure/ { last = last $0 "\n"; next }
			{ print }
			END { printf "%s", last }'
}

# guest [TIMES [COMMAND...]]: runs in the machine.
guest() {
	local times=${1:-1} line t i rc name started
	shift || :
	mkfs.ext4 -q /dev/vda
	mkdir -p /mnt/mm
	mount /dev/vda /mnt/mm
	mkdir /mnt/mm/fs
	cp -r "$work/bin" /mnt/mm/
	chmod 1777 /mnt/mm /mnt/mm/bin
	fallocate -l 512M /mnt/mm/swap
	chmod 600 /mnt/mm/swap
	mkswap -q /mnt/mm/swap
	swapon /mnt/mm/swap
	cd /mnt/mm/bin
	uname -srv | sed 's/^/@@ kernel /'
	echo "@@ private $(cat /sys/devices/system/node/has_private_memory 2>&1)"
	if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cat "$work/programs"; fi >/run/programs
	while read -r line; do
		for ((i = 1; i <= times; i++)); do
			t=$(limit_of "$line")
			name=$line
			[ "$times" = 1 ] || name="$line @$i"
			modprobe -q hwpoison_inject || :
			printf '\n@@ begin %s\n' "$name"
			started=${EPOCHREALTIME/./}
			rc=0
			# shellcheck disable=SC2086 # words
			timeout -k 5 "$t" $line </dev/null 2>&1 || rc=$?
			printf '\n@@ end %d %d\n' "$rc" $(((${EPOCHREALTIME/./} - started) / 1000))
			# Leave the next one a machine like the first had.
			echo 0 >/proc/sys/vm/nr_hugepages
			echo 1 >/proc/sys/vm/enable_soft_offline
			[ -n "${HURRY:-}" ] || echo 3 >/proc/sys/vm/drop_caches
		done
	done </run/programs
	echo "@@ complete"
}

# cases LOG: what became of each test case, a line each: program, case, result,
# and for "(exit)", the program as a whole, milliseconds and exit status. The
# result is ok, skip, fail or time.
cases() {
	tr -d '\0\r' <"$1" | LC_ALL=C awk -v OFS='\t' '
		/^@@ begin / { prog = substr($0, 10); split("", seen); split("", n); next }
		/^@@ end / && prog != "" {
			# Nothing done is nothing passed, whatever the exit status.
			r = $3 == 0 ? (n["skip"] && !n["ok"] ? "skip" : "ok") : $3 == 4 ? "skip" : $3 == 124 || $3 == 137 ? "time" : "fail"
			print prog, "(exit)", r, $4, $3
			prog = ""
			next
		}
		prog != "" && /^ *(not )?ok( |$)/ {
			r = /^ *not / ? "fail" : "ok"
			name = $0
			sub(/^ *(not )?ok *[0-9]* *(- )?/, "", name)
			if (sub(/ *# *(SKIP|skip).*/, "", name)) r = "skip"
			# pagemap_ioctl counts in the name.
			sub(/ Extra pages .*/, "", name)
			gsub(/\t/, " ", name)
			sub(/ +$/, "", name)
			if (name == "") name = "case"
			if (++seen[name] > 1) name = name " #" seen[name]
			n[r]++
			print prog, name, r
		}'
}

# worse STOCK OURS: the cases that do worse than on stock.
worse() {
	LC_ALL=C awk -F '\t' -v OFS='\t' '
		FNR == NR { stock[$1, $2] = $3; next }
		{ ours[$1, $2] = $3; if (!(($1, $2) in stock) && $3 == "fail") print $1, $2, "not there", $3 }
		END {
			for (k in stock) {
				split(k, p, SUBSEP)
				a = stock[k]
				b = k in ours ? ours[k] : "not there"
				if (a == b || b == "ok" || a == "fail" || a == "time") continue
				# Both ran out of time: how far each got is chance.
				if (b == "not there" && stock[p[1], "(exit)"] == "time" && ours[p[1], "(exit)"] == "time") continue
				print p[1], p[2], a, b
			}
		}' "$1" "$2" | sort
}

# A private node is to be online in one run only; the rest is the same for all.
sides=(stock ours node)
title() {
	case $1 in
	stock) echo "stock" ;;
	ours) echo "ours" ;;
	node) echo "ours, node online" ;;
	esac
}
# CONFIG_PROC_MEM_ALWAYS_FORCE is what the selftests expect of /proc/self/mem.
#
# machine SIDE LOG SECONDS [TIMES COMMAND...]
machine() {
	local side=$1 log=$2 seconds=$3 kind=base node=off rc=0
	shift 3
	[ "$side" != stock ] || kind=stock
	[ "$side" != node ] || node=online
	"$TOP/lab/boot.sh" -q -k $kind -s hmem -o $node -m $mem -t "$seconds" -n "mm-selftests-$side" -c proc_mem.force_override=always -e "LIMIT=$limit" -e "HURRY=${HURRY:-}" -- \
		"$(printf '%q ' tests/mm-selftests.sh guest "$@")" >"$log" 2>"$log.err" </dev/null || rc=$?
	if [ "$rc" = 0 ] && ! grep -qa '^@@ complete' "$log"; then rc=1; fi
	[ "$rc" = 0 ] || sed 's/^/# /' "$log.err" | head -n 60
	return "$rc"
}

run_side() {
	local side=$1 started=$SECONDS rc=0
	date -u +%F >"$work/runs/date"
	rm -f "$work/runs"/again-* "$work/runs"/steady* "$work/runs/$side".*
	echo "# the selftests on: $(title "$side")"
	machine "$side" "$work/runs/$side.log" 2400 || rc=1
	echo "$rc" >"$work/runs/$side.rc"
	cases "$work/runs/$side.log" >"$work/runs/$side"
	echo "# $((SECONDS - started)) s"
}

# run_some SIDE PROGRAM...: these once more, in a machine of their own; what they
# say replaces what they said.
run_some() {
	local side=$1 new=$work/runs/$1.some
	shift
	machine "$side" "$new.log" 2400 1 "$@" || echo 1 >"$work/runs/$side.rc"
	cases "$new.log" >"$new"
	printf '%s\n' "$@" >>"$work/runs/$side.later"
	LC_ALL=C awk -F '\t' 'FNR == NR { new[$1] = 1; print; next } !($1 in new)' "$new" "$work/runs/$side" >"$work/runs/$side.all"
	mv "$work/runs/$side.all" "$work/runs/$side"
}

# Is a difference the kernel, or chance? Stock has to do as well again and again.
repeat() {
	local side suspects
	for side in ours node; do worse "$work/runs/stock" "$work/runs/$side"; done | cut -f 1 | sort -u >"$work/runs/suspects"
	[ -s "$work/runs/suspects" ] || return 0
	mapfile -t suspects <"$work/runs/suspects"
	for side in "${sides[@]}"; do
		echo "# $again times more on: $(title "$side"): ${suspects[*]}"
		machine "$side" "$work/runs/again-$side.log" 2400 "$again" "${suspects[@]}" || echo 1 >"$work/runs/$side.rc"
		cases "$work/runs/again-$side.log" >"$work/runs/again-$side"
	done
}

# tally SIDE PROGRAM CASE: "passes of runs"
tally() {
	local files=("$work/runs/$1")
	[ ! -f "$work/runs/again-$1" ] || files+=("$work/runs/again-$1")
	LC_ALL=C awk -F '\t' -v prog="$2" -v name="$3" '
		{ p = $1; sub(/ @[0-9]+$/, "", p) }
		p == prog && $2 == "(exit)" { n++ }
		p == prog && $2 == name && $3 == "ok" { good++ }
		END { print good + 0, n + 0 }' "${files[@]}"
}

# What is to be said of each case that did worse: program, case, side, verdict
# (differs or flaky), words.
verdicts() {
	local side prog name was is good here n verdict
	for side in ours node; do
		while IFS=$'\t' read -r prog name was is; do
			read -r good n < <(tally stock "$prog" "$name")
			read -r here _ < <(tally "$side" "$prog" "$name")
			verdict=differs
			# Chance fails there too, and does not fail here each time.
			if [ "$was" = ok ] && [ "$good" -lt "$n" ] && [ "$here" -gt 0 ]; then verdict=flaky; fi
			printf '%s\t%s\t%s\t%s\t%s\n' "$prog" "$name" "$side" "$verdict" \
				"stock: $was, here: $is; it passes in $good of $n runs on stock, in $(tally "$side" "$prog" "$name" | sed 's/ / of /') here"
		done < <(worse "$work/runs/stock" "$work/runs/$side")
	done
}

# The kernel's programs without what the script puts around them.
short() { sed -E -e 's,^(bash|runuser -u nobody --) ,,' -e 's,^\./,,' -e 's, /mnt/mm/fs,,' <<<"$1"; }

# cell SIDE PROGRAM
cell() {
	LC_ALL=C awk -F '\t' -v prog="$2" '
		$1 != prog { next }
		$2 == "(exit)" { r = $3; ms = $4; rc = $5; next }
		{ n[$3]++ }
		END {
			s = n["ok"] ? n["ok"] " ok" : ""
			if (n["fail"]) s = s (s == "" ? "" : ", ") n["fail"] " fail"
			if (n["skip"]) s = s (s == "" ? "" : ", ") n["skip"] " skip"
			if (r == "") print "not there"
			else if (r == "time") print "**time limit**" (s == "" ? "" : " (" s " before)")
			else if (r == "fail") print "**fails**, exit " rc (s == "" ? "" : " (" s ")")
			else if (r == "skip") print "skips" (s == "" ? "" : " (" s ")")
			else print "passes" (s == "" ? "" : " (" s ")")
		}' "$work/runs/$1"
}
exit_of() { awk -F '\t' -v prog="$2" '$1 == prog && $2 == "(exit)" { print $3 }' "$work/runs/$1"; }
kernel_of() { sed -n 's/^@@ kernel //p' "$work/runs/$1.log"; }

report() {
	local prog name side verdict words n=0 status=0 out cells ms
	out=$work/result.md
	verdicts >"$work/runs/verdicts"
	: >"$work/runs/table"
	while read -r prog; do
		n=$((n + 1))
		cells=''
		for side in "${sides[@]}"; do cells+=" $(cell "$side" "$prog") |"; done
		ms=$(awk -F '\t' -v prog="$prog" '$1 == prog && $2 == "(exit)" { printf "%.0f", $4 / 1000 }' "$work/runs/stock")
		echo "| \`$(short "$prog")\` |$cells ${ms:-} |" >>"$work/runs/table"
		if awk -F '\t' -v prog="$prog" '$1 == prog && $4 == "differs" { yes = 1 } END { exit !yes }' "$work/runs/verdicts" ||
			[ -z "$(exit_of stock "$prog")" ]; then
			echo "not ok $n $(short "$prog")"
			status=1
		else
			case $(exit_of stock "$prog") in
			skip) echo "ok $n $(short "$prog") # SKIP on stock too" ;;
			fail) echo "ok $n $(short "$prog"): as on stock, where it fails" ;;
			time) echo "ok $n $(short "$prog"): as on stock, where it needs more than $(limit_of "$prog") s" ;;
			*) echo "ok $n $(short "$prog")" ;;
			esac
		fi
		awk -F '\t' -v prog="$prog" '$1 == prog { print "#   " $2 ", " ($3 == "node" ? "node online" : $3) ": " ($4 == "flaky" ? "flaky on stock: " : "") $5 }' "$work/runs/verdicts"
	done <"$work/programs"
	for side in ours node; do
		n=$((n + 1))
		if [ "$(cat "$work/runs/$side.rc")" != 0 ]; then
			echo "not ok $n $(title "$side"): the kernel has nothing to complain about"
			status=1
		else
			echo "ok $n $(title "$side"): the kernel has nothing to complain about"
		fi
	done
	echo "1..$n"
	mkdir -p "${result%/*}"
	write_up >"$out"
	mv "$out" "$result"
	if [ -f "$work/runs/steady" ]; then
		write_list >"$out"
		mv "$out" "$list"
	fi
	return $status
}

# count SIDE RESULT
count() { awk -F '\t' -v r="$2" -v what="$3" '(what == "programs") == ($2 == "(exit)") && $3 == r { n++ } END { print n + 0 }' "$work/runs/$1"; }

write_up() {
	local side what r prog name verdict words
	cat <<-END
		<!-- SPDX-License-Identifier: GPL-2.0 -->
		# The mm selftests on stock Linux and on ours

		Written by \`tests/mm-selftests.sh\` (\`make mm-selftests\`) on $(cat "$work/runs/date"); running it again replaces this page.
		What the kernel's \`run_vmtests.sh\` runs from \`tools/testing/selftests/mm\`, with its arguments, and the programs that
		it forgets. The programs are those of pristine 7.3 in all runs.

		| run | kernel |
		| --- | --- |
		| stock | \`$(kernel_of stock)\`, without the series |
		| ours | \`$(kernel_of ours)\` with the series, no private node |
		| ours, node online | the same kernel, 1 GiB of private node online before the first program |

		One machine for each run: shape \`hmem\`, two CPUs, $mem MiB on two ordinary nodes, 512 MiB of swap, QEMU without KVM,
		configuration \`kernel/config/base.config\`, the same programs in the same order. A program has $limit seconds;
		\`uffd-unit-tests\`, \`ksm_tests -H\` and \`-P\` $(limit_of uffd-unit-tests); \`khugepaged\` and \`ksm_functional_tests\` $(limit_of khugepaged);
		\`hugetlb_fault_after_madv\` $(limit_of hugetlb_fault_after_madv): on all kernels the same. "Passes" is exit status 0, "skips" is 4 or nothing but
		skipped cases; in parentheses the test cases that the program reports. "Fails" is any other exit status.

	END
	echo "| | stock | ours | ours, node online |"
	echo "| --- | --- | --- | --- |"
	for what in programs cases; do
		for r in ok fail skip time; do
			[ "$what $r" != "cases time" ] || continue
			printf '| %s: %s |' "$what" "$(case $r in ok) echo pass ;; time) echo "time limit" ;; *) echo "$r" ;; esac)"
			for side in "${sides[@]}"; do printf ' %s |' "$(count "$side" $r $what)"; done
			echo
		done
	done
	cat <<-END

		## Differences

	END
	if [ -s "$work/runs/verdicts" ]; then
		echo "What did worse than on stock was run $again times more on each kernel. Flaky: it fails on stock as well, sometimes."
		echo
		while IFS=$'\t' read -r prog name side verdict words; do
			echo "- \`$(short "$prog")\`, $name, $(title "$side"): $([ "$verdict" = flaky ] && echo "flaky. " || echo "**differs.** ")$words."
		done <"$work/runs/verdicts"
	else
		echo "None: no case that passes on stock fails, is skipped or is missing in the other two runs."
	fi
	for side in "${sides[@]}"; do
		[ ! -f "$work/runs/$side.later" ] ||
			printf '\nRun again by themselves, which replaced what they did among the others, on %s: %s.\n' "$(title "$side")" \
				"$(while read -r prog; do echo "\`$(short "$prog")\`"; done <"$work/runs/$side.later" | paste -sd, | sed 's/,/, /g')"
		[ "$(cat "$work/runs/$side.rc")" = 0 ] ||
			printf '\nThe kernel complained, or the machine did not last: **%s**.\n' "$(title "$side")"
	done
	cat <<-END

		## Program by program

		The seconds are those on stock.

		| program | stock | ours | ours, node online | s |
		| --- | --- | --- | --- | --- |
	END
	cat "$work/runs/table"
	cat <<-END

		## What does not pass on stock

		The machine and its kernel are small: these say nothing about the series, except that it does not change them. A
		program at its time limit is one that TCG makes too slow: what it had reported by then is compared.

	END
	while read -r prog; do
		[ "$(exit_of stock "$prog")" != ok ] || continue
		printf -- "- \`%s\`: " "$(short "$prog")"
		LC_ALL=C awk -F '\t' -v prog="$prog" -v limit="$(limit_of "$prog")" '
			$1 != prog { next }
			$2 == "(exit)" { r = $3; rc = $5; next }
			$3 == "fail" { if (n++ < 6) s = s (s == "" ? "" : "; ") $2 }
			END {
				printf "%s", r == "skip" ? "skips" : r == "time" ? "not done after " limit " s" : r == "" ? "not there" : "exit status " rc
				if (n) printf "; fails: %s%s", s, (n > 6 ? "; and " (n - 6) " more" : "")
			}' "$work/runs/stock"
		words=$(last_words "$prog")
		echo "${words:+. It said: \`$words\`}"
	done <"$work/programs"
}

# last_words PROGRAM: what it had to say on stock when it skipped or failed.
last_words() {
	tr -d '\0\r' <"$work/runs/stock.log" | LC_ALL=C awk -v prog="$1" '
		/^@@ begin / { on = substr($0, 10) == prog; next }
		/^@@ end / { on = 0 }
		!on || /^[# ]*$/ || /^# (Totals|Planned|.*RUN|\[INFO\]| *OK )/ || /^(TAP version|1\.\.[1-9])|^# .*test.*(detected|failed)|^Bail out! [0-9]/ || /^ok / && !/SKIP/ { next }
		/SKIP|skip|Bail|requires|not |[Ee]rror|[Ff]ail/ && !/^not ok/ { better = $0 }
		!/^not ok/ { words = $0 }
		END {
			if (better != "") words = better
			gsub(/`/, "", words)
			sub(/^.*# *SKIP */, "", words)
			sub(/^(ok [0-9]+ )?[# ]*/, "", words)
			gsub(/\033\[[0-9;]*m/, "", words)
			if (words != "") print substr(words, 1, 150)
		}'
}

# Programs that passed everywhere, without a case that failed, and are quick.
candidates() {
	local prog side good s
	while read -r prog; do
		# Whether ksmd gets around in the time that they give it is a matter
		# of load: some of these fail on stock now and then.
		[[ $prog != ./ksm_tests* ]] || continue
		# It skips cases by the file system that the checkout is on.
		[[ $prog != ./gup_longterm* ]] || continue
		good=1
		for side in "${sides[@]}"; do
			awk -F '\t' -v prog="$prog" -v most=$((quick * 1000)) '$1 == prog && ($3 == "fail" || $2 == "(exit)" && ($3 != "ok" || $4 > most)) { bad = 1 } END { exit bad }' \
				"$work/runs/$side" || good=0
			s=$work/runs/again-$side
			[ ! -f "$s" ] || ! grep -qF "$prog @" "$s" || good=0
		done
		[ "$good" = 0 ] || echo "$prog"
	done <"$work/programs"
}

# One pass is no proof: ksm_tests -N passes on stock two times of three.
steady() {
	local progs
	mapfile -t progs < <(candidates)
	echo "# $often times more on stock: what may be in the list"
	HURRY=1 machine stock "$work/runs/steady.log" 2400 "$often" "${progs[@]}" || die "the programs of the list do not run on stock"
	cases "$work/runs/steady.log" >"$work/runs/steady"
}

# What to run in "list" mode.
write_list() {
	local prog
	cat <<-END
		# SPDX-License-Identifier: GPL-2.0
		# mm selftests that pass on stock Linux 7.3, $often times of $often, and on ours, and take at most $quick s here,
		# written by tests/mm-selftests.sh. A line is the number of test cases that pass, and the command.
	END
	candidates | while read -r prog; do
		awk -F '\t' -v prog="$prog" -v often="$often" '
			{ p = $1; sub(/ @[0-9]+$/, "", p) }
			p != prog { next }
			$3 == "fail" || $3 == "time" { bad = 1 }
			$2 == "(exit)" && $3 == "ok" { n++ }
			END { exit bad || n != often }' "$work/runs/steady" || continue
		echo "$(awk -F '\t' -v prog="$prog" '$1 == prog && $2 != "(exit)" && $3 == "ok" { n++ } END { print n + 0 }' "$work/runs/stock") $prog"
	done
}

# Only what has to pass, for make test.
only_list() {
	local want prog n=0 status=0 got rc=0
	local -a progs
	mapfile -t progs < <(sed -nE 's/^[0-9]+ //p' "$list")
	mkdir -p "$work/runs"
	HURRY=1 machine node "$work/runs/list.log" 280 1 "${progs[@]}" || rc=1
	cases "$work/runs/list.log" >"$work/runs/list"
	while read -r want prog; do
		[[ $want =~ ^[0-9]+$ ]] || continue
		n=$((n + 1))
		got=$(awk -F '\t' -v prog="$prog" '
			$1 != prog { next }
			$2 == "(exit)" { r = $3 " " $5; next }
			{ n[$3]++ }
			END { print r == "ok 0" && !n["fail"] ? "ok" : "bad", n["ok"] + 0, r == "" ? "it did not run" : "exit " r }' "$work/runs/list")
		if [[ $got = ok\ * ]] && [ "$(cut -d' ' -f 2 <<<"$got")" -ge "$want" ]; then
			echo "ok $n $(short "$prog")"
		else
			echo "# $got; $want cases have to pass"
			awk -F '\t' -v prog="$prog" '$1 == prog && $3 != "ok" { print "# " $3 ": " $2 }' "$work/runs/list"
			echo "not ok $n $(short "$prog")"
			status=1
		fi
	done <"$list"
	n=$((n + 1))
	if [ "$rc" = 0 ]; then
		echo "ok $n the kernel has nothing to complain about"
	else
		echo "not ok $n the kernel has nothing to complain about"
		status=1
	fi
	echo "1..$n"
	return $status
}

case ${1:-all} in
all)
	build
	for side in "${sides[@]}"; do run_side "$side"; done
	repeat
	steady
	report
	;;
run)
	build
	shift
	if [ $# -gt 1 ]; then run_some "$@"; else run_side "$1"; fi
	;;
repeat) repeat ;;
steady) steady ;;
report) report ;;
list)
	build
	only_list
	;;
build) build ;;
guest)
	shift
	guest "$@"
	;;
*) die "tests/mm-selftests.sh does not know '$1'" "give nothing, list, report or build" ;;
esac

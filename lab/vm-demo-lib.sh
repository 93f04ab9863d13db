# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the parts of the demo share: titles, commands as one would type them,
# claims that are checked, bars.

. /run/lab.env

hold=${BUILD#"$PWD"/}/hold
bus=/sys/bus/dax
sysnode=/sys/devices/system/node
width=32
pids=()
false_claims=()
step=0

if [ -t 1 ] || [ "${COLOR:-0}" = 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' blue=$'\e[34m' off=$'\e[0m'
else
	bold='' dim='' red='' green='' blue='' off=''
fi

die() {
	printf '\n%serror: %s%s\n' "$red" "$*" "$off"
	exit 1
}

title() {
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$step" "$*" "$off"
}

say() { printf '   %s\n' "$@"; }
indent() {
	local l
	while IFS= read -r l; do printf '     %s\n' "$l"; done
}
typed() { printf '   %s$ %s%s\n' "$blue" "$*" "$off"; }

# run COMMAND: shown as one would type it, then done.
run() {
	typed "$1"
	eval "$1" 2>&1 | indent || die "this command failed: $1"
}

# claim TEXT COMMAND...: true if the command is.
claim() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then
		printf '   %sok%s  %s\n' "$green" "$off" "$text"
	else
		printf '   %sNO%s  %s\n' "$red" "$off" "$text"
		false_claims+=("$text")
	fi
}

not() { ! "$@"; }
# value FILE NAME: what a line "NAME value" or "NAME: value" of the file says.
value() {
	local k v rest
	while read -r k v rest; do
		if [ "${k%:}" = "$2" ]; then
			echo "$v"
			break
		fi
	done <"$1"
}
mem() { value /proc/meminfo "$1"; }
vmstat() { value /proc/vmstat "$1"; }
driver() {
	local d
	d=$(readlink "$bus/devices/$1/driver" || echo none)
	echo "${d##*/}"
}

# For each node its pages and those of them that are free: on the buddy lists or
# on the lists of the CPUs, without which the number would be blurred. Not
# nr_free_pages, which lags behind. Pages go from list to list while one reads,
# so until it says the same three times.
declare -A managed=() free=()
count_pages() {
	local n m f
	managed=() free=()
	while read -r n m f; do managed[$n]=$m free[$n]=$f; done < <(awk '
		function count(    n, i, out, line, w, file) {
			split("", managed)
			split("", free)
			file = "/proc/buddyinfo"
			while ((getline line <file) > 0)
				for (i = split(line, w); i >= 5; i--) free[w[2] + 0] += w[i] * 2 ^ (i - 5)
			close(file)
			file = "/proc/zoneinfo"
			while ((getline line <file) > 0) {
				split(line, w)
				if (w[1] == "Node") n = w[2] + 0
				if (w[1] == "count:") free[n] += w[2]
				if (w[1] == "managed") managed[n] += w[2]
			}
			close(file)
			for (n = 0; n < 64; n++)
				if (managed[n] > 0) out = out n " " managed[n] " " free[n] + 0 "\n"
			return out
		}
		BEGIN {
			for (now = count(); tries < 20 && same < 2; tries++) {
				was = now
				now = count()
				same = now == was ? same + 1 : 0
			}
			printf "%s", now
		}')
}

# Allocations that the node has served since it came.
served() { echo $(($(value "$sysnode/node$1/numastat" numa_hit) + $(value "$sysnode/node$1/numastat" numa_miss))); }

# in_list NODE LIST: is it in a list like 0-1,3?
in_list() {
	local r
	for r in ${2//,/ }; do
		[ "$1" -lt "${r%-*}" ] || [ "$1" -gt "${r#*-}" ] || return 0
	done
	return 1
}

# Count, and show a line for each node; what the step took since the last bars
# stands out.
declare -A last=()
bars() {
	local n kind color was f t private
	count_pages
	private=$(<$sysnode/has_private_memory)
	for ((n = 0; n < 64; n++)); do
		[ "${managed[$n]:-0}" -gt 0 ] || continue
		was=${last[$n]:-${free[$n]}}
		if in_list "$n" "$private"; then
			kind=private color=$green
		else
			kind=ordinary color=$blue
		fi
		f=$(((free[$n] * width + managed[$n] / 2) / managed[$n]))
		t=$(((was * width + managed[$n] / 2) / managed[$n] - f))
		[ "$t" -gt 0 ] || t=0
		printf '   node %d  %-8s  %s%s%s%s%s%s%s  %4d of %4d MiB free%s\n' "$n" "$kind" \
			"$color" "$(repeat █ "$f")" "$(repeat ▒ "$t")" "$off" "$dim" "$(repeat ░ $((width - f - t)))" "$off" \
			$((free[$n] / 256)) $((managed[$n] / 256)) \
			"$([ $((was / 256)) = $((free[$n] / 256)) ] || echo ", $((was / 256)) before")"
	done
	last=()
	for n in "${!managed[@]}"; do last[$n]=${free[$n]}; done
}
repeat() {
	local s
	printf -v s '%*s' "$2" ''
	printf '%s' "${s// /$1}"
}

# hold_start DEVICE MIB NAME: the program, until it says how much it got.
hold_start() {
	hold_begin "$@"
	said "$3" 1
}
# hold_begin DEVICE MIB NAME [PREFIX...]: start it, as an argument of PREFIX if given.
hold_begin() {
	local command=("${@:4}" "$hold" "/dev/$1" "$2")
	typed "${command[*]} &"
	: >"/run/demo.$3"
	"${command[@]}" >>"/run/demo.$3" 2>&1 &
	pids[$3]=$!
}
# said NAME LINE: wait for that line of the program's output and show it.
said() {
	local i lines
	for ((i = 0; i < 1200; i++)); do
		mapfile -t lines <"/run/demo.$1"
		[ "${#lines[@]}" -lt "$2" ] || break
		kill -0 "${pids[$1]}" 2>/dev/null || break
		sleep 0.1
	done
	line=${lines[$2 - 1]:-}
	[ -n "$line" ] || die "$hold says nothing, it may be gone; its last words: ${lines[-1]:-none}"
	printf '     %s\n' "$line"
}

# finish: the last word.
finish() {
	echo
	if [ ${#false_claims[@]} -gt 0 ]; then
		for text in "${false_claims[@]}"; do printf '%sdid not hold:%s %s\n' "$red" "$off" "$text"; done
		die "the demo failed: ${#false_claims[@]} claim(s) did not hold"
	fi
	printf '%sDone.%s Every line marked "ok" was measured; %d seconds.\n' "$bold" "$off" "$SECONDS"
}

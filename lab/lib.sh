# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What every script of the lab shares: where things are, and how they talk.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/private-nodes
JOBS=${JOBS:-$(nproc)}
V=${V:-0}
SECONDS=0

if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'
else
	bold='' dim='' red='' green='' off=''
fi
# Scripts that source this file use some of these, not all.
: "$dim" "$green" "$JOBS" "$CACHE"

step() { printf '%s==>%s %s\n' "$bold" "$off" "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf '    %swarning:%s %s\n' "$red" "$off" "$*" >&2; }

# die WHAT [WHAT TO DO]
die() {
	printf '%serror:%s %s\n' "$red" "$off" "$1" >&2
	[ $# -lt 2 ] || printf '       %s\n' "$2" >&2
	exit 1
}

# Show a command under V=1, then run it.
run() {
	[ "$V" = 0 ] || printf '    %s+ %s%s\n' "$dim" "$*" "$off" >&2
	"$@"
}

# need_space DIR MIB: stop while nothing is half written.
need_space() {
	local free
	mkdir -p "$1"
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "only $free MiB free under $1, this step needs $2 MiB" \
			"free some space ('make clean' empties build/), or set XDG_CACHE_HOME or BUILD to a larger disk"
}

# Privileged commands: as root, through sudo, or a clear refusal.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$*' needs root and there is no sudo" "run 'make setup' once as root"
	fi
}

# progress LABEL TOTAL: reads lines, counts them, draws one line that moves (a
# terminal) or a line every so often (a log).
progress() {
	awk -v label="$1" -v total="$2" -v tty="$([ -t 1 ] && echo 1 || echo 0)" '
		function now(    t) { "date +%s" | getline t; close("date +%s"); return t }
		function draw(end,    pct) {
			pct = total > 0 ? int(100 * n / total) : 0
			if (pct > 99 && !end) pct = 99
			if (end) pct = 100
			printf "%s    %s: %3d%% (%d steps)%s", tty ? "\r" : "", label, pct, n, tty && !end ? "" : "\n"
			fflush()
		}
		BEGIN { last = now() }
		{ n++ }
		n % 50 == 0 { t = now(); if (t - last >= (tty ? 1 : 20)) { last = t; draw(0) } }
		END { draw(1) }'
}

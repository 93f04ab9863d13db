#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/qemu.sh VERSION: the command of a QEMU for x86-64 that is at least so new, a word a
# line: the machine's own, else one from the backports of its Debian, unpacked in the cache.
# What is installed is not touched. QEMU=FILE names another one.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/apt.sh"

want=$1
OUT=$CACHE/qemu-$want

# new_enough COMMAND...
new_enough() {
	local have
	have=$("$@" --version 2>/dev/null | sed -n 's/.* version \([0-9]*\.[0-9]*\).*/\1/p') || :
	[ -n "$have" ] && [ "$(printf '%s\n' "$have" "$want" | sort -V | head -n 1)" = "$want" ]
}

cure="install QEMU $want or later, or say QEMU=FILE with the path of its qemu-system-x86_64"
if [ -n "${QEMU:-}" ]; then
	new_enough "$QEMU" || die "QEMU=$QEMU is not QEMU $want or later" "give the path of a qemu-system-x86_64 that is"
	echo "$QEMU"
	exit
fi
if new_enough qemu-system-x86_64; then
	echo qemu-system-x86_64
	exit
fi

# One at a time; who comes second finds it there.
mkdir -p "$CACHE"
exec {lock}>"$CACHE/qemu.lock"
flock "$lock"
found=("$OUT/usr/bin/qemu-system-x86_64" -L "$OUT/usr/share/qemu" -L "$OUT/usr/share/seabios")
if [ ! -f "$OUT/.complete" ]; then
	exec 3>&1 1>&2 # progress goes to stderr, the answer to stdout
	suite=$(own_suite)-backports
	step "Fetching QEMU $want or later (Debian's $suite): this machine's is older"
	need_space "$CACHE" 300
	state=$CACHE/apt-qemu
	private_apt "$state" deb "$suite" "$cure"
	rm -rf "$state/pkg" "$OUT" "$OUT.part" && mkdir -p "$state/pkg" "$OUT.part"
	(cd "$state/pkg" && run apt-get "${apt_opts[@]}" download qemu-system-x86 qemu-system-data seabios) ||
		die "there is no QEMU in $suite, or its download failed" "$cure"
	for deb in "$state"/pkg/*.deb; do
		dpkg-deb -x "$deb" "$OUT.part" || die "$deb could not be unpacked" "run again; if it fails twice, remove $state"
	done
	# The libraries are the machine's: QEMU has them already, if an older one is installed.
	if ldd "$OUT.part/usr/bin/qemu-system-x86_64" | grep 'not found'; then
		die "the QEMU of $suite lacks these libraries on this machine" "$cure"
	fi
	new_enough "$OUT.part/usr/bin/qemu-system-x86_64" || die "the QEMU of $suite is older than $want" "$cure"
	rm -rf "$OUT.part/usr/share/doc" "$state/pkg"
	touch "$OUT.part/.complete"
	mv "$OUT.part" "$OUT"
	exec 1>&3
fi
printf '%s\n' "${found[@]}"

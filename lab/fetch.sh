#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Put a pristine Linux 7.3 source tree into the cache and print its path.
#
# KERNEL_SRC=dir uses a tree at hand. Otherwise Debian's package
# linux-source-7.3 is taken from the suite trixie-backports, as lab/apt.sh has it.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/apt.sh"

SERIES=7.3
SUITE=trixie-backports
PKG=linux-source-$SERIES
PREFERRED=7.3.4
OUT=$CACHE/linux-$SERIES

is_kernel() { [ -f "$1/Kbuild" ] && [ -f "$1/mm/page_alloc.c" ] && [ -f "$1/Makefile" ]; }

version_of() {
	awk -F' *= *' '/^VERSION/ { v = $2 } /^PATCHLEVEL/ { p = $2 } /^SUBLEVEL/ { s = $2; exit }
		END { print v "." p "." s }' "$1/Makefile"
}

check_version() {
	local v
	v=$(version_of "$1")
	case $v in
	"$SERIES".*) ;;
	*) die "$1 is Linux $v, the series is for $SERIES" "point KERNEL_SRC at a pristine $SERIES tree" ;;
	esac
	[ "$v" = "$PREFERRED" ] || note "Linux $v (the series was made on $PREFERRED)" >&2
}

if [ -n "${KERNEL_SRC:-}" ]; then
	[ -d "$KERNEL_SRC" ] || die "KERNEL_SRC=$KERNEL_SRC is not a directory" "give the path of an unpacked Linux $SERIES tree"
	is_kernel "$KERNEL_SRC" || die "KERNEL_SRC=$KERNEL_SRC is not a Linux source tree" "give the path of an unpacked Linux $SERIES tree"
	check_version "$KERNEL_SRC"
	(cd "$KERNEL_SRC" && pwd)
	exit 0
fi

if [ -f "$OUT/.complete" ]; then
	check_version "$OUT"
	echo "$OUT"
	exit 0
fi

exec 3>&1 1>&2 # progress goes to stderr, the answer to stdout
step "Fetching the Linux $SERIES source ($PKG from Debian's $SUITE)"
need_space "$CACHE" 3500

state=$CACHE/apt
private_apt "$state" deb "$SUITE" "say KERNEL_SRC=dir with an unpacked Linux $SERIES tree"

# -backports rebuilds of one upstream release sort after it; take the release we
# were made on where the mirror still has it, else the newest 7.3.
version=$(apt-cache "${apt_opts[@]}" madison "$PKG" 2>/dev/null | awk -F' *[|] *' '{ print $2 }' |
	awk -v want="$PREFERRED" 'NR == 1 { best = $1 } index($1, want "-") == 1 { best = $1; exit } END { print best }')
[ -n "$version" ] || die "$SUITE on this mirror has no $PKG" "say KERNEL_SRC=dir with an unpacked Linux $SERIES tree"

note "$PKG $version (about 160 MB)"
rm -rf "$state/pkg" && mkdir -p "$state/pkg"
(cd "$state/pkg" && run apt-get "${apt_opts[@]}" download "$PKG=$version") ||
	die "the download of $PKG $version failed" "try again; nothing half done is kept"

note "unpacking"
rm -rf "$OUT" "$OUT.part" && mkdir -p "$OUT.part"
dpkg-deb --fsys-tarfile "$state"/pkg/*.deb |
	tar -xO --wildcards "./usr/src/$PKG.tar*" | tar -xJ --strip-components=1 -C "$OUT.part" ||
	die "the package could not be unpacked" "run again; if it fails twice, remove $state"
is_kernel "$OUT.part" || die "$PKG $version does not hold a kernel tree where expected" "say KERNEL_SRC=dir instead"
check_version "$OUT.part"
touch "$OUT.part/.complete"
mv "$OUT.part" "$OUT"
rm -rf "$state/pkg"
note "done: Linux $(version_of "$OUT") in $OUT"
echo "$OUT" >&3

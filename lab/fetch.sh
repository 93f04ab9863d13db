#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Put a pristine Linux 7.3 source tree into the cache and print its path.
#
# KERNEL_SRC=dir uses a tree at hand. Otherwise Debian's package
# linux-source-7.3 is taken from the suite trixie-backports of whatever mirror
# this machine's apt already uses, through a private apt state directory: the
# machine's own package lists and sources are not touched. apt verifies the
# archive with the installed Debian keyring.

. "$(dirname "$0")/lib.sh"

SERIES=7.3
SUITE=trixie-backports
PKG=linux-source-$SERIES
PREFERRED=7.3.4
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
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
command -v apt-get >/dev/null ||
	die "this machine has no apt, so the kernel source cannot be fetched" "unpack Linux $SERIES yourself and say KERNEL_SRC=dir"
[ -f "$KEYRING" ] || die "$KEYRING is missing" "install the package debian-archive-keyring"
need_space "$CACHE" 3500

# Ask apt itself where this machine gets Debian from.
# shellcheck disable=SC2016 # the dollar is apt's
mirror=$(apt-get indextargets 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
	--format '$(REPO_URI)' 2>/dev/null | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
[ -n "$mirror" ] || die "apt on this machine knows no Debian mirror" "run 'apt-get update' as root first, or say KERNEL_SRC=dir"

state=$CACHE/apt
mkdir -p "$state"/{etc/apt.conf.d,lists/partial,archives/partial}
echo "deb [signed-by=$KEYRING] $mirror $SUITE main" >"$state/etc/sources.list"
: >"$state/status"
apt_opts=(
	-o Dir::Etc::sourcelist="$state/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
	-o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status"
	-o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives"
	-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
)
[ "$V" = 0 ] && apt_opts+=(-qq)

note "package lists of $SUITE"
run apt-get "${apt_opts[@]}" update ||
	die "apt could not read $SUITE from this machine's Debian mirror" "check the network, or say KERNEL_SRC=dir with an unpacked Linux $SERIES tree"

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

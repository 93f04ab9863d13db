#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build/ndctl: the daxctl, ndctl and cxl of Debian 13 with the patches of tools/ndctl,
# which know devices of anondax.
#
#   lab/ndctl.sh            apply, build
#   lab/ndctl.sh writeback  take the commits of build/ndctl-src back into tools/ndctl
#
# The source is upstream's tar archive from Debian's source package, as lab/apt.sh has it;
# NDCTL_SRC=dir uses a tree at hand. build/ndctl-src is a git tree to work in: the branch
# pristine, and a commit for each patch. Edits in it that are not committed are built, too.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/apt.sh"

VERSION=81
SUITE=trixie
PATCHES=$TOP/tools/ndctl
SRC=$BUILD/ndctl-src
OUT=$BUILD/ndctl

g() { git -C "$SRC" -c user.name=lab -c user.email=lab@localhost -c commit.gpgSign=false -c core.hooksPath=/dev/null "$@"; }

is_ndctl() { [ -f "$1/meson.build" ] && [ -f "$1/daxctl/lib/libdaxctl.c" ] && grep -q "version : '$VERSION'" "$1/meson.build"; }

# fetch: into the cache, and print where it is.
fetch() {
	local state=$CACHE/apt-ndctl dir=$CACHE/ndctl-$VERSION version
	if [ -n "${NDCTL_SRC:-}" ]; then
		is_ndctl "$NDCTL_SRC" || die "NDCTL_SRC=$NDCTL_SRC is not a source tree of ndctl $VERSION" "give the path of an unpacked one"
		(cd "$NDCTL_SRC" && pwd)
		return
	fi
	if [ ! -f "$dir/.complete" ]; then
		{
			step "Fetching ndctl $VERSION (Debian's $SUITE)"
			need_space "$CACHE" 200
			private_apt "$state" deb-src "$SUITE" "say NDCTL_SRC=dir with an unpacked ndctl $VERSION"
			version=$(apt-cache "${apt_opts[@]}" showsrc ndctl 2>/dev/null | awk '/^Version: / && !v { v = $2 } END { print v }')
			[[ $version = "$VERSION"-* ]] ||
				die "$SUITE on this mirror has ndctl ${version:-of no version}, the patches are for $VERSION" "say NDCTL_SRC=dir with an unpacked ndctl $VERSION"
			rm -rf "$state/pkg" "$dir" "$dir.part" && mkdir -p "$state/pkg" "$dir.part"
			# What Debian adds is packaging.
			(cd "$state/pkg" && run apt-get "${apt_opts[@]}" source --download-only --tar-only "ndctl=$version") ||
				die "the download of ndctl $version failed" "try again; nothing half done is kept"
			tar -xaf "$(echo "$state/pkg/ndctl_$VERSION".orig.tar.*)" --strip-components=1 -C "$dir.part" ||
				die "the package could not be unpacked" "run again"
			is_ndctl "$dir.part" || die "the package does not hold ndctl $VERSION where expected" "say NDCTL_SRC=dir instead"
			touch "$dir.part/.complete"
			mv "$dir.part" "$dir"
			rm -rf "$state"
		} >&2
	fi
	echo "$dir"
}

patches() { find "$PATCHES" -name '*.patch' | LC_ALL=C sort; }
stamp() { patches | xargs cat | sha256sum; }
changed() { g status --porcelain | head -n 1; }

# In .ndctl-stamp is what tools/ndctl was, and the commit that it came to.
remember() { echo "$(stamp) $(g rev-parse HEAD)" >"$BUILD/.ndctl-stamp"; }

apply() {
	local from list sum='' head=''
	if [ -d "$SRC/.git" ]; then
		read -r sum _ head <"$BUILD/.ndctl-stamp" || :
		[[ $(stamp) != "$sum "* ]] || return 0
		if [ "$head" != "$(g rev-parse HEAD)" ] || [ -n "$(changed)" ]; then
			die "build/ndctl-src has work of its own, and tools/ndctl has changed" \
				"'lab/ndctl.sh writeback' takes its commits back; without it nothing keeps them: rm -r build/ndctl-src"
		fi
	fi
	from=$(fetch)
	rm -rf "$SRC" && mkdir -p "$SRC"
	tar -C "$from" --exclude=./.git --exclude=./.complete -c . | tar -C "$SRC" -x
	git init -q -b pristine "$SRC"
	g add -A -f
	GIT_AUTHOR_DATE=2025-01-01T00:00:00Z GIT_COMMITTER_DATE=2025-01-01T00:00:00Z g commit -q -m "ndctl $VERSION"
	g checkout -q -b series
	mapfile -t list < <(patches)
	g am -q --committer-date-is-author-date "${list[@]}" >"$BUILD/logs/ndctl-am.log" 2>&1 || {
		sed 's/^/       | /' "$BUILD/logs/ndctl-am.log" >&2
		g am --abort
		die "tools/ndctl does not apply to ndctl $VERSION" "the messages above are git's"
	}
	remember
}

writeback() {
	[ -z "$(changed)" ] || die "build/ndctl-src has edits that are not committed" "commit them first"
	rm -f "$PATCHES"/*.patch
	g format-patch -q -N --zero-commit --no-signature --subject-prefix='ndctl PATCH' -o "$PATCHES" pristine..HEAD
	remember
	note "tools/ndctl: $(g rev-list --count pristine..HEAD) patches"
}

build() {
	local log=$BUILD/logs/ndctl.log
	command -v meson >/dev/null || die "meson is not installed" "run 'make ndctl'"
	if [ ! -f "$OUT/build.ninja" ]; then
		step "Building ndctl $VERSION with tools/ndctl"
		rm -rf "$OUT"
		# Without libtracefs cxl does not compile, without keyutils ndctl does not.
		run meson setup --prefix=/usr --sysconfdir=/etc -Dversion-tag="$VERSION+anondax" -Ddocs=disabled \
			-Dsystemd=disabled -Dpoison=disabled "$OUT" "$SRC" >"$log" 2>&1 || {
			tail -n 20 "$log" >&2
			rm -rf "$OUT"
			die "meson does not configure ndctl" "its messages are above and in $log"
		}
	fi
	run ninja -C "$OUT" daxctl/daxctl ndctl/ndctl cxl/cxl >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		die "ndctl does not build" "the compiler's messages are above and in $log"
	}
	note "build/ndctl/{daxctl/daxctl,ndctl/ndctl,cxl/cxl}: $VERSION with $(g rev-list --count pristine..HEAD) patches"
}

mkdir -p "$BUILD/logs"
exec {lock}>"$BUILD/ndctl.lock"
flock "$lock"
case ${1:-build} in
build)
	apply
	build
	;;
writeback) writeback ;;
*) die "lab/ndctl.sh does not know '$1'" "give nothing, or writeback" ;;
esac

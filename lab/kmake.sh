# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The one way in which the lab calls the kernel's make. Source after lib.sh.

# The same paths, names and times in every clone, so that what one has compiled
# another takes from the cache.
export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=8G CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$BUILD
# What a file depends on is in the file that the compiler writes of it, so nothing has
# to be preprocessed only to know that: a third less work when the cache is empty.
export CCACHE_DEPEND=1
export KBUILD_BUILD_TIMESTAMP='2026-01-01' KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_VERSION=1
# What our own make was told (V, C, T...) means something else to the kernel's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES

# kmake SOURCE OUTPUT ARGUMENTS...
# LOCALVERSION, even if empty, keeps git's state out of the kernel's name.
kmake() {
	local src=$1 out=$2
	shift 2
	make -C "$src" O="$out" -j"$JOBS" CC="$TOP/lab/cc.sh ${CROSS_COMPILE:-}gcc" HOSTCC="ccache gcc" LOCALVERSION= "$@" </dev/null
}

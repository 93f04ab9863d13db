#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab/cc.sh COMPILER ARGUMENTS...: the kernel's compiler, through ccache. Not what is written
# in assembler: that may take in another file (.incbin), as piggy.S does the whole kernel,
# and no compiler writes that into what it says a file depends on (CCACHE_DEPEND). The image
# would be that of any other kernel that happened to be as long.

case " $* " in
*.S" "*) exec "$@" ;;
esac
exec ccache "$@"

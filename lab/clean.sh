#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Remove build/, but not work that nobody wrote back.

. "$(dirname "$0")/lib.sh"

if [ -d "$BUILD/linux/.git" ]; then
	. "$TOP/lab/git.sh"
	if [ "$(g rev-parse HEAD)" != "$(g rev-parse -q --verify 'refs/tags/lab/series^0' || :)" ] || edited; then
		die "build/linux has work that is not in kernel/" "'make writeback' keeps it; rm -rf build/ drops it"
	fi
fi
rm -rf "${BUILD:?}"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/setup.sh [GROUP...]: install those packages of lab/packages that are
# missing; all groups unless named. Asks only dpkg when nothing is missing.

. "$(dirname "$0")/lib.sh"

groups=" ${*:-build run ndctl bench lint cross debian deb} "
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || :)
mapfile -t wanted < <(awk -v groups="$groups" -v suite="$suite" '!/^(#|$)/ && index(groups, " " $2 " ") && ($3 == "" || $3 == suite) { print $1 }' "$TOP/lab/packages")

command -v dpkg-query >/dev/null || {
	warn "this is not Debian: install the likes of ${wanted[*]} yourself"
	exit 0
}
have=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null | awk '$2 == "installed" { print $1 }' || :)
missing=()
for p in "${wanted[@]}"; do
	grep -qxF "$p" <<<"$have" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

step "Installing ${#missing[@]} Debian packages: ${missing[*]}"
need_space / 2000
as_root apt-get -qq update || warn "the package lists could not be refreshed; trying with those at hand"
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >"/dev/$([ "$V" = 0 ] && echo null || echo stderr)" ||
	die "apt-get could not install ${missing[*]}" "run 'apt-get install ${missing[*]}' to see why"

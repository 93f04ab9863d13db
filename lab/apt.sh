# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Packages of a suite that this machine need not have, from whatever mirror its apt
# already uses, through a private apt state directory: the machine's own package lists
# and sources are not touched. apt verifies the archive with the installed Debian keyring.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_mirror FORMAT: where this machine gets Debian from, by apt's own word: FORMAT is
# $(REPO_URI) or $(SITE) of apt-get indextargets. Nothing if apt knows of none.
debian_mirror() {
	{ apt-get indextargets 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
		--format "$1" 2>/dev/null || :; } | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }'
}

# apt_host: how this machine reaches its mirror (a proxy, say), as lines of apt.conf.
apt_host() { apt-config dump | grep -E '^Acquire::(http|https|Check-[A-Za-z-]+)(::| )' || :; }

# private_apt DIR deb|deb-src SUITE HINT: read the suite's lists. apt_opts is what
# apt-get and apt-cache want to be told then; HINT what to do without a mirror.
private_apt() {
	local state=$1 type=$2 suite=$3 hint=$4 mirror
	command -v apt-get >/dev/null || die "this machine has no apt, so nothing can be fetched" "$hint"
	[ -f "$KEYRING" ] || die "$KEYRING is missing" "install the package debian-archive-keyring"

	# shellcheck disable=SC2016 # the dollar is apt's
	mirror=$(debian_mirror '$(REPO_URI)')
	[ -n "$mirror" ] || die "apt on this machine knows no Debian mirror" "run 'apt-get update' as root first, or $hint"

	mkdir -p "$state"/{etc/apt.conf.d,lists/partial,archives/partial}
	echo "$type [signed-by=$KEYRING] $mirror $suite main" >"$state/etc/sources.list"
	: >"$state/status"
	apt_opts=(
		-o Dir::Etc::sourcelist="$state/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status"
		-o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives"
		-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
	)
	[ "$V" = 0 ] && apt_opts+=(-qq)

	note "package lists of $suite"
	run apt-get "${apt_opts[@]}" update ||
		die "apt could not read $suite from this machine's Debian mirror" "check the network, or $hint"
}

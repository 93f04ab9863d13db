#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/deb.sh [pnctl] [kernel]: Debian packages in build/deb, of both unless one is named:
# pnctl, and a kernel with the series, which the kernel's own bindeb-pkg packs. With the
# word config the kernel is only configured, and the options are checked.
#
# CONFIG says what the kernel is made of:
#   (nothing)       a small one for virtual machines: kernel/config/base.config, lab/deb/small.config
#   running         what this machine runs
#   cloud, amd64    Debian's own for 7.3
#   FILE            a .config
# On top of each comes lab/deb/series.config, and it is checked that all of it took effect.
# None has debugging information, which takes hours and 20 GiB.
#
# SUITE=NAME builds pnctl for that release of Debian, in a system that mmdebstrap makes
# for it, rather than for this machine's.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/apt.sh"
. "$TOP/lab/kmake.sh"
. "$TOP/lab/kconfig.sh"

deb=$BUILD/deb
mkdir -p "$deb" "$BUILD/logs"

built() { note "build/deb/${1#"$deb"/}, $(stat -c %s "$1" | numfmt --to=iec)B"; }

# What is there already, made of the same: $1 the stamp's file, $2 what it has to say, then
# the packages.
made() {
	local f
	[ "$2" = "$(cat "$1" 2>/dev/null)" ] || return 1
	for f in "${@:3}"; do [ -f "$f" ] || return 1; done
}

# pnctl_build SUITE: with what the control file wants.
pnctl_build() {
	local suite=$1 to=$deb mirror out=$deb/pnctl-$1 log=$BUILD/logs/deb-pnctl.log sources=$TOP/tools/pnctl count stamp p
	# Those of other releases apart: apt is told the name with a wildcard.
	[ "$suite" = "$(own_suite)" ] || to+=/$suite
	# Each change of it is a later version.
	count=$(git -C "$TOP" rev-list --count HEAD -- tools/pnctl 2>/dev/null || echo 0)
	stamp="$count $(cd "$sources" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)"
	p=("$to"/pnctl_*.deb)
	! made "$out/.stamp" "$stamp" "${p[0]}" || {
		built "${p[0]}"
		return
	}
	step "Building the package pnctl for Debian $suite"
	rm -rf "$out" "$to"/pnctl_*.deb
	mkdir -p "$out" "$to"
	if [ "$suite" = "$(own_suite)" ]; then
		dpkg-checkbuilddeps "$sources/debian/control" 2>/dev/null || {
			note "installing what it is built with"
			as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends build-dep "$sources" >"$log" 2>&1 ||
				die "apt-get could not install what pnctl is built with" "run 'apt-get build-dep $sources' to see why"
		}
		run make -C "$sources" deb O="$out" COUNT="$count" >"$log" 2>&1 ||
			die "pnctl does not become a package" "the messages are in $log"
		cp "$out"/deb/pnctl_*.deb "$out"
	else
		command -v mmdebstrap >/dev/null || die "mmdebstrap is not installed" "run 'make setup', or leave SUITE out to build for this machine"
		# shellcheck disable=SC2016 # the dollar is apt's
		mirror=$(debian_mirror '$(SITE)')
		[ -n "$mirror" ] || die "apt on this machine knows no Debian mirror" "run 'apt-get update' first"
		mkdir "$out/deb"
		apt_host >"$out/apt.conf"
		# Of a copy, whose files are anybody's to read.
		cp -r "$sources" "$out/source"
		# shellcheck disable=SC2016 # for the shell of the hooks
		run mmdebstrap --variant=apt --keyring="$KEYRING" --aptopt="$out/apt.conf" --include=build-essential \
			--customize-hook="copy-in '$out/source' /tmp" \
			--customize-hook='chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends build-dep /tmp/source' \
			--customize-hook="chroot \"\$1\" make -C /tmp/source deb O=/tmp/out COUNT=$count" \
			--customize-hook='rm -rf "$1"/tmp/out/deb/pnctl' \
			--customize-hook="sync-out /tmp/out/deb '$out/deb'" \
			--format=null "$suite" - "deb [signed-by=$KEYRING] $mirror $suite main" >"$log" 2>&1 </dev/null ||
			die "pnctl does not become a package for $suite" "the messages are in $log"
		rm -rf "$out/source"
		cp "$out"/deb/pnctl_*.deb "$out"
	fi
	for p in "$out"/pnctl_*.deb; do
		mv "$p" "$to"
		built "$to/$(basename "$p")"
	done
	printf '%s\n' "$stamp" >"$out/.stamp"
}

# debian_config FLAVOUR: the file with Debian's own configuration of 7.3.
debian_config() {
	local file=$CACHE/debian-config/$1 state=$CACHE/apt hint="say CONFIG=file with a .config"
	[ -s "$file" ] || {
		step "Fetching Debian's configuration of Linux 7.3" >&2
		mkdir -p "$CACHE/debian-config" "$state/config"
		private_apt "$state" deb trixie-backports "$hint" >&2
		(cd "$state/config" && rm -f ./*.deb && run apt-get "${apt_opts[@]}" download linux-config-7.3 >&2) ||
			die "the download of linux-config-7.3 failed" "try again, or $hint"
		dpkg-deb --fsys-tarfile "$state"/config/*.deb |
			tar -xO "./usr/src/linux-config-7.3/config.amd64_none_$1.xz" | xz -dc >"$file.part" ||
			die "linux-config-7.3 has no configuration '$1'" "$hint"
		mv "$file.part" "$file"
	}
	echo "$file"
}

running_config() {
	local file
	file=/boot/config-$(uname -r)
	if [ ! -r "$file" ] && [ -r /proc/config.gz ]; then
		file=$deb/running.config
		zcat /proc/config.gz >"$file"
	fi
	[ -r "$file" ] || die "the running kernel's configuration is not here: neither $file nor /proc/config.gz" \
		"say CONFIG=file with a .config, or CONFIG=cloud or amd64 for Debian's"
	echo "$file"
}

# kernel_build kernel|config
kernel_build() {
	local name=small base='' out log theirs suffix='' wanted missed stamp now src=$BUILD/linux count release rc=0 total
	case ${CONFIG:=} in
	'') ;;
	cloud) name=cloud base=$(debian_config cloud-amd64) suffix=-cloud ;;
	amd64) name=amd64 base=$(debian_config amd64) suffix=-amd64 ;;
	running) name=own base=$(running_config) suffix=-own ;;
	*)
		[ -f "$CONFIG" ] || die "CONFIG=$CONFIG is no file" "a .config, or one of the words cloud, amd64, running; or nothing for a small kernel"
		grep -q '^CONFIG_[A-Z0-9_]*=' "$CONFIG" || die "CONFIG=$CONFIG is no configuration of a kernel" "it has lines CONFIG_...=y"
		name=own base=$(realpath "$CONFIG") suffix=-own
		;;
	esac
	for tool in gcc make flex bison bc ccache dh rsync dpkg-buildpackage; do
		command -v $tool >/dev/null || die "$tool is not installed" "run 'make setup'"
	done
	exec {lock}>"$BUILD/build.lock"
	flock -n "$lock" || {
		note "waiting for another build to end"
		flock "$lock"
	}
	"$TOP/lab/tree.sh"
	out=$deb/$name
	log=$BUILD/logs/deb-$name.log
	mkdir -p "$out"

	theirs=''
	[ -z "$base" ] || theirs=$(sed -n 's/^CONFIG_LOCALVERSION="\(.*\)"$/\1/p' "$base")
	wanted=$(
		[ -n "$base" ] || cat "$TOP/kernel/config/base.config" "$TOP/lab/deb/small.config"
		cat "$TOP/lab/deb/series.config"
		# Keys that only whoever made the configuration has.
		echo 'CONFIG_SYSTEM_TRUSTED_KEYS=""'
		echo 'CONFIG_SYSTEM_REVOCATION_KEYS=""'
		echo 'CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"'
		echo 'CONFIG_DEBUG_INFO_NONE=y'
		echo 'CONFIG_LOCALVERSION_AUTO=n'
		echo "CONFIG_LOCALVERSION=\"$theirs-private-nodes$suffix\""
	)
	stamp=$(kconfig_stamp "$src" "$wanted ${base:+$(cat "$base")}")
	if [ ! -f "$out/.config" ] || [ "$stamp" != "$(cat "$out/.lab-config" 2>/dev/null)" ]; then
		step "Configuring the kernel (${CONFIG:-small})"
		printf '%s\n' "$wanted" >"$out/.lab-wanted"
		rm -f "$out/.lab-config"
		if [ -z "$base" ]; then
			run kmake "$src" "$out" KCONFIG_ALLCONFIG="$out/.lab-wanted" allnoconfig >"$log" 2>&1 || rc=$?
		else
			# What is built in there (-y) stays so.
			(cd "$src" && ./scripts/kconfig/merge_config.sh -m -y -O "$out" "$base" "$out/.lab-wanted") >"$log" 2>&1 || rc=$?
			[ "$rc" != 0 ] || run kmake "$src" "$out" olddefconfig >>"$log" 2>&1 || rc=$?
		fi
		[ "$rc" = 0 ] || die "the kernel could not be configured" "kconfig's messages are in $log"
		# Some only exist where others are on, and matter only there.
		missed=$(kconfig_missed "$out/.config" "$out/.lab-wanted" '^CONFIG_(SYSTEM_(TRUSTED|REVOCATION)_KEYS|MODULE_SIG_KEY|DEBUG_INFO_NONE|LOCALVERSION_AUTO)$')
		[ -z "$missed" ] || die "options of the series did not take effect: $(paste -sd , <<<"$missed" | sed 's/,/, /g')" \
			"CONFIG=${CONFIG:-} lacks what they depend on: 'make -C $src O=$out menuconfig', / and a name shows it; switch it on in that file"
		printf '%s\n' "$stamp" >"$out/.lab-config"
	fi
	[ "$1" != config ] || return 0
	release=$(make -s -C "$src" O="$out" LOCALVERSION= kernelrelease)
	now="$(cat "$out/.lab-config") $(git -C "$src" rev-parse HEAD)"
	if made "$out/.lab-built" "$now" "$deb"/linux-image-"${release}"_*.deb &&
		[ -z "$(git -C "$src" status --porcelain | head -n 1)" ]; then
		built "$(echo "$deb"/linux-image-"${release}"_*.deb)"
		return
	fi
	rm -f "$out/.lab-built"

	# The larger ones have some 4000 files for cloud, 20000 for amd64.
	need_space "$BUILD" "$(case $name in small) echo 3000 ;; cloud) echo 8000 ;; *) echo 25000 ;; esac)"
	total=$(cat "$out/.lab-steps" 2>/dev/null || :)
	step "Building the kernel $release"
	: >"$log"
	run kmake "$src" "$out" all 2>&1 | tee -a "$log" |
		"${live_awk[@]}" -v tty="$([ -t 1 ] && echo 1 || echo 0)" -v total="$total" -v verbose="$V" -v count="$out/.lab-count" \
			-f "$TOP/lab/steps.awk" || rc=${PIPESTATUS[0]}
	[ "$rc" = 0 ] || die "the kernel does not build" "the compiler's messages are above and in $log"
	[ -n "$total" ] || cp "$out/.lab-count" "$out/.lab-steps"
	note "built in $SECONDS s; packing it"

	# Each commit of the project gives a later version.
	count=$(git -C "$TOP" rev-list --count HEAD 2>/dev/null || echo 1)
	rm -f "$deb/linux-image-${release}"_*.deb "$deb/linux-headers-${release}"_*.deb
	DEBFULLNAME=${DEBFULLNAME:-private-nodes} DEBEMAIL=${DEBEMAIL:-private-nodes@lab.invalid} KDEB_CHANGELOG_DIST=unstable \
		KDEB_PKGVERSION="$(make -s -C "$src" kernelversion)-$count" \
		DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg run kmake "$src" "$out" bindeb-pkg >>"$log" 2>&1 || {
		tail -n 15 "$log" | sed 's/^/       | /' >&2
		die "the kernel $release could not be packed" "whole log: $log"
	}
	# The C library's headers are Debian's.
	rm -f "$deb"/linux-libc-dev_*.deb "$deb"/linux-upstream_*.{buildinfo,changes}
	[ -n "$(git -C "$src" status --porcelain | head -n 1)" ] || printf '%s\n' "$now" >"$out/.lab-built"
	for f in "$deb/linux-image-${release}"_*.deb "$deb/linux-headers-${release}"_*.deb; do built "$f"; done
	note "done: $SECONDS s; to install them: apt install ./FILE.deb..."
}

[ $# -gt 0 ] || set -- pnctl kernel
suite=${SUITE:-$(own_suite)}
for what; do
	case $what in
	pnctl) pnctl_build "$suite" ;;
	kernel | config) kernel_build "$what" ;;
	*) die "there is no package '$what'" "pnctl or kernel; or config, to see whether CONFIG fits" ;;
	esac
done

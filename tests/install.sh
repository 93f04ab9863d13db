#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/install.sh: the packages of `make deb` in a Debian 13 that boots by itself. A disk is
# made by mmdebstrap, apt installs the packages there, and a machine boots it again and
# again, with the kernel and the initramfs of its /boot; tests/install-vm.sh says what
# happens there, and prints TAP. The disk stays: build/install/disk.
#
# CONFIG=NAME is that of the kernel, as of `make deb`. STAGES='create again' does only these;
# on the disk as it is, unless they begin with taken, typed or create.

. "$(dirname "$0")/../lab/lib.sh"
. "$TOP/lab/apt.sh"
. "$TOP/lab/accel.sh"

SUITE=trixie
work=$BUILD/install
logs=$BUILD/logs
mkdir -p "$work" "$logs"
# What the disk has before ours comes.
packages=systemd-sysv,udev,dbus,kmod,procps,initramfs-tools,zstd,sudo,numactl,daxctl,redis-server,postgresql

for tool in mmdebstrap fakeroot mkfs.ext4 debugfs qemu-system-x86_64; do
	command -v $tool >/dev/null || die "$tool is not installed" "run 'make setup'"
done

#
# The packages.
#
SUITE=$SUITE "$TOP/lab/deb.sh" pnctl kernel
case ${CONFIG:-} in
'') name=small ;;
cloud | amd64) name=$CONFIG ;;
*) name=own ;;
esac
release=$(cat "$BUILD/deb/$name/include/config/kernel.release")
own=$BUILD/deb
[ "$SUITE" = "$(own_suite)" ] || own+=/$SUITE
debs=("$own"/pnctl_*.deb "$BUILD/deb/linux-image-${release}"_*.deb)
for f in "${debs[@]}"; do [ -f "$f" ] || die "there is no $f" "run 'make deb SUITE=$SUITE CONFIG=${CONFIG:-}'"; done

#
# The disk.
#
need_space "$work" 6000
# shellcheck disable=SC2016 # the dollar is apt's
mirror=$(debian_mirror '$(SITE)')
[ -n "$mirror" ] || die "apt on this machine knows no Debian mirror" "run 'apt-get update' first"
source="deb [signed-by=$KEYRING] $mirror $SUITE main"
apt_host >"$work/apt.conf"

base=$work/base.tar
if [ ! -f "$base" ] || [ "$packages" != "$(cat "$work/base.packages" 2>/dev/null)" ]; then
	step "A Debian $SUITE with systemd, redis and PostgreSQL"
	rm -f "$base" "$work/base.packages"
	run mmdebstrap --variant=minbase --keyring="$KEYRING" --aptopt="$work/apt.conf" --include="$packages" \
		"$SUITE" "$work/part.tar" "$source" >"$logs/install-base.log" 2>&1 </dev/null || {
		tail -n 5 "$logs/install-base.log" | sed 's/^/       | /' >&2
		die "mmdebstrap could not make a Debian $SUITE" "whole log: $logs/install-base.log"
	}
	mv "$work/part.tar" "$base"
	echo "$packages" >"$work/base.packages"
fi

make_disk() {
	step "apt installs $(basename -a "${debs[@]}" | tr '\n' ' ')there"
	rm -rf "$work/in" "$work/disk" "$work/system.tar"
	mkdir -p "$work/in/debs" "$work/in/lab"
	cp "${debs[@]}" "$work/in/debs"
	cp "$TOP"/tests/{lib.sh,install-vm.sh} "$BUILD/hold" "$work/in/lab"
	cp "${debs[0]}" "$work/in/lab/pnctl.deb"
	cp "$TOP"/tests/install/* "$TOP"/README.md "$TOP"/docs/guide.md "$work/in/lab"
	# What runs the stages, and what is there before ours, to be compared with what is left.
	cat >"$work/in/customize" <<'END'
set -e
export DEBIAN_FRONTEND=noninteractive
cd "$1"
systemctl --root=. -q enable /opt/lab/lab-stage.service
rm -f etc/machine-id
systemd-machine-id-setup --root=. >/dev/null 2>&1
mkdir -p var/log/journal
: >opt/lab/before
chroot . find /boot /etc /opt /root /usr /var/lib -xdev | LC_ALL=C sort >opt/lab/before
chroot . sh -c 'apt-get -q -y --no-install-recommends install /tmp/debs/*.deb'
END
	run mmdebstrap --variant=custom --keyring="$KEYRING" --aptopt="$work/apt.conf" --skip=cleanup/reproducible \
		--setup-hook="mmtarfilter '--path-exclude=/dev/*' <'$base' | tar -C \"\$1\" -x" \
		--customize-hook="copy-in '$work/in/debs' /tmp" \
		--customize-hook="copy-in '$work/in/lab' /opt" \
		--customize-hook="sh '$work/in/customize' \"\$1\"" \
		'' "$work/system.tar" "$source" >"$logs/install-apt.log" 2>&1 </dev/null || {
		tail -n 15 "$logs/install-apt.log" | sed 's/^/       | /' >&2
		die "apt could not install the packages" "whole log: $logs/install-apt.log"
	}
	rm -rf "$work/tree"
	mkdir "$work/tree"
	truncate -s 4G "$work/disk.part"
	fakeroot sh -c "tar -C '$work/tree' --exclude='./dev/*' -xf '$work/system.tar' &&
		mkfs.ext4 -q -F -L root -d '$work/tree' '$work/disk.part'" >"$logs/install-disk.log" 2>&1 ||
		die "the disk could not be made" "whole log: $logs/install-disk.log"
	rm -rf "$work/tree" "$work/system.tar"
	mv "$work/disk.part" "$work/disk"
}
stages=${STAGES:-taken typed create again wrong kmem absent purge}
case $stages in
taken* | typed* | create*) make_disk ;;
*) [ -f "$work/disk" ] || die "there is no disk yet" "STAGES begins with taken, typed or create" ;;
esac
for f in vmlinuz initrd.img; do
	debugfs -R "dump /boot/$f-$release $work/$f" "$work/disk" >/dev/null 2>&1
	[ -s "$work/$f" ] || die "the disk has no /boot/$f-$release" "$logs/install-apt.log says what apt did"
done

#
# The machine: two ordinary nodes of 512 MiB, and 512 MiB from 4G on that are soft-reserved.
#
passed=0 failed=0 skipped=0
# stage NAME [KERNEL'S ARGUMENTS]: 'absent' in the name is without the device.
stage() {
	local name=$1 log=$logs/install-$1 began=$SECONDS rc=0 nodes=() append mem=1024 p f s
	# shellcheck disable=SC2054 # the commas are QEMU's
	nodes=(
		-object memory-backend-ram,id=ram0,size=512M -numa node,nodeid=0,cpus=0,memdev=ram0
		-object memory-backend-ram,id=ram1,size=512M -numa node,nodeid=1,cpus=1,memdev=ram1
	)
	append="root=/dev/vda rw console=ttyS0 panic=-1 oops=panic ignore_loglevel reboot=t lab.stage=$name systemd.show_status=1$accel_append"
	if [[ $name != *absent* ]]; then
		mem=1536
		# shellcheck disable=SC2054
		nodes+=(-object memory-backend-ram,id=ram2,size=512M -numa node,nodeid=2,memdev=ram2)
		append+=" memmap=512M%4096M-1+0xefffffff"
	fi
	step "$name"
	rm -f "$log".*
	# shellcheck disable=SC2054
	local args=(
		-accel "$accel" -cpu "$cpu" -machine q35,usb=off,graphics=off,vmport=off,max-ram-below-4g=1024M
		-smp 2,sockets=2 -m "${mem}M" "${nodes[@]}"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$work/vmlinuz" -initrd "$work/initrd.img" -append "$append ${*:2}"
		-serial "file:$log.console" -serial "file:$log.out"
		-device virtio-rng-pci,disable-legacy=on
		-drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe"
		-device virtio-blk-pci,drive=disk,disable-legacy=on
	)
	[ "$V" = 0 ] || printf '    %s+ qemu-system-x86_64 %s%s\n' "$dim" "${args[*]@Q}" "$off" >&2
	timeout --foreground -k 5 900 qemu-system-x86_64 "${args[@]}" </dev/null >"$log.qemu" 2>&1 || rc=$?
	"${live_awk[@]}" -v verbose="$V" -v red="$red" -v green="$green" -v dim="$dim" -v off="$off" \
		-v group="install" -v counts="$log.counts" -f "$TOP/lab/tap.awk" "$log.out" || :
	read -r p f s <"$log.counts" || p=0 f=1 s=0
	if [ "$rc" != 0 ]; then
		printf '%sFAIL%s  install: %s: QEMU ended with status %d\n' "$red" "$off" "$name" "$rc"
		head -n 3 "$log.qemu"
		f=$((f + 1))
	fi
	# The plan comes last: without it the machine did not get there.
	if ! grep -q '^1\.\.[1-9]' "$log.out"; then
		printf '%sFAIL%s  install: %s: the machine did not get to the end; its console ends in\n' "$red" "$off" "$name"
		tail -n 15 "$log.console" | sed 's/^/       | /'
		f=$((f + 1))
	fi
	"$TOP/lab/scan.sh" "$log.console" || {
		printf '%sFAIL%s  install: %s: the kernel complained, above; whole console: %s\n' "$red" "$off" "$name" "$log.console"
		f=$((f + 1))
	}
	note "$p passed, $f failed, $s skipped, $((SECONDS - began)) s"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

for name in $stages; do
	case $name in
	# What the guide says to do the first time, where kmem had it.
	create) stage "$name" modprobe.blacklist=kmem ;;
	# There kmem comes by hand; what it plugs is not used.
	typed) stage "$name" modprobe.blacklist=kmem memhp_default_state=offline ;;
	# Whatever driver was first, what it plugged is offline.
	kmem) stage "$name" memhp_default_state=offline ;;
	*) stage "$name" ;;
	esac
done
printf '%d passed, %d failed' "$passed" "$failed"
[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
printf '\n'
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

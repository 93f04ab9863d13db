#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boot a kernel of the lab in a small virtual machine, run one command there and
# come back with what it printed, its exit status and the kernel's verdict.

. "$(dirname "$0")/lib.sh"

usage() {
	cat <<-END
		usage: lab/boot.sh [options] [--] command
		       lab/boot.sh [options] -i

		  -k KIND      kernel: base, debug, guide, stock (base)
		  -s SHAPE     machine: $(shapes | tr '\n' ' ')(hmem)
		  -o TYPE      set the private nodes up first: online, online_kernel,
		               online_movable; or off (off)
		  -d DRIVER    which driver sets them up (anondax)
		  -t SECONDS   longer than this is a hang (600; none with -i)
		  -m MIB       ordinary memory, both nodes together (1024; debug: 1536)
		  -z MIB       memory of each dax device (1024)
		  -n NAME      name of the logs (KIND-SHAPE)
		  -a REGEX     splats that the caller expects: they do not count
		  -l           look for leaks with kmemleak afterwards
		  -c ARGS      more for the kernel's command line
		  -e NAME=VAL  set in the command's environment
		  -i           an interactive shell
		  -q           no closing line when all went well

		The command runs as root in the current directory's checkout, on the
		host's files: what it writes is gone afterwards. Exit status: the
		command's; 1 if the kernel complained, panicked or did not come up;
		124 for a hang. Logs: build/logs/NAME.{out,console,status}.
	END
}

shapes() { for f in "$TOP"/lab/shapes/*.sh; do basename "$f" .sh; done; }

kind=base shape=hmem node=off driver=anondax timeout='' mem='' size=1024 name='' allow='' leaks=''
extra='' interactive='' quiet=''
envs=()
while getopts k:s:o:d:t:m:z:n:a:lc:e:iqh opt; do
	case $opt in
	k) kind=$OPTARG ;;
	s) shape=$OPTARG ;;
	o) node=$OPTARG ;;
	d) driver=$OPTARG ;;
	t) timeout=$OPTARG ;;
	m) mem=$OPTARG ;;
	z) size=$OPTARG ;;
	n) name=$OPTARG ;;
	a) allow=$OPTARG ;;
	l) leaks=1 ;;
	c) extra=$OPTARG ;;
	e) envs+=("$OPTARG") ;;
	i) interactive=1 ;;
	q) quiet=1 ;;
	h) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))

[ -n "$interactive" ] || [ $# -gt 0 ] || die "no command given" "lab/boot.sh -h lists what there is; -i gives a shell"
[ -f "$TOP/lab/shapes/$shape.sh" ] || die "there is no machine shape '$shape'" "shapes: $(shapes | tr '\n' ' ')"
case $node in
off | online | online_kernel | online_movable) ;;
*) die "NODE=$node is not a way to set a node up" "use off, online, online_kernel or online_movable" ;;
esac
command -v qemu-system-x86_64 >/dev/null || [ -n "${QEMU:-}" ] || die "qemu-system-x86_64 is not installed" "run 'make setup'"

kernel=$BUILD/kernel-$kind
image=$kernel/arch/x86/boot/bzImage
[ -f "$image" ] || die "there is no $kind kernel in $BUILD" "run 'make kernel KIND=$kind'"

# KASAN and page_owner take their share of the ordinary nodes, for the device's
# memory too.
[ -n "$mem" ] || mem=$([ "$kind" = debug ] && echo 1536 || echo 1024)
for mib in "$mem" "$size"; do
	# A node begins and ends with a memory block, or hotplug leaves a part of it out.
	[[ $mib =~ ^[1-9][0-9]*$ && $((mib % 128)) = 0 ]] ||
		die "'$mib' MiB of memory: not a multiple of 128" "-m and -z take MiB, in whole memory blocks"
done
[ -n "$timeout" ] || timeout=$([ -n "$interactive" ] && echo 0 || echo 600)

mkdir -p "$BUILD/logs"
# Several machines may run at once, each with logs of its own.
want=${name:-$kind-$shape}
name=$want
for ((i = 2; ; i++)); do
	exec {lock}>"$BUILD/logs/$name.lock"
	flock -n "$lock" && break
	exec {lock}>&-
	name=$want.$i
done
log=$BUILD/logs/$name
vm=$log.vm
console=$log.console
rm -rf "$vm" && mkdir -p "$vm"
truncate -s 0 "$console" "$log.status" "$log.out"

#
# The machine, which a shape adds to.
#
nodes=2    # so many so far
high=0     # MiB of RAM from 4G on
slots=0    # NVDIMMs
lb=''      # HMAT given
append=''  # for the kernel's command line
expected=0 # dax devices that have to be there
machine=q35,usb=off,graphics=off,vmport=off
program=("${QEMU:-qemu-system-x86_64}")
newer=''  # QEMU that the shape needs
windows=0 # of CXL
qemu=(
	-numa "node,nodeid=0,cpus=0,memdev=ram0"
	-numa "node,nodeid=1,cpus=1,memdev=ram1"
	-object "memory-backend-ram,id=ram0,size=$((mem / 2))M"
	-object "memory-backend-ram,id=ram1,size=$((mem / 2))M"
)

# one_node: all CPUs and all ordinary memory on node 0, before anything else.
one_node() {
	nodes=1
	qemu=(
		-numa "node,nodeid=0,cpus=0-1,memdev=ram0"
		-object "memory-backend-ram,id=ram0,size=${mem}M"
	)
}

# nvdimm NODE: a node behind an NVDIMM. The namespace loses its start and its end
# to metadata, and hotplug takes whole memory blocks of 128 MiB: so the module is a
# little larger.
nvdimm() {
	local id=$slots
	slots=$((slots + 1))
	nodes=$((nodes + 1))
	expected=$((expected + 1))
	qemu+=(
		-numa "node,nodeid=$1"
		-object "memory-backend-ram,id=nv$id,size=$((size + 130))M"
		-device "nvdimm,id=nvdimm$id,memdev=nv$id,node=$1,label-size=2M"
	)
}

# soft_reserved NODE: a node of RAM that the kernel leaves to a driver: the last of
# all RAM. QEMU cannot mark memory as special purpose by itself; the kernel's
# command line can, by address.
soft_reserved() {
	nodes=$((nodes + 1))
	high=$((high + size))
	expected=$((expected + 1))
	qemu+=(
		-object "memory-backend-ram,id=ram$1,size=${size}M"
		-numa "node,nodeid=$1,memdev=ram$1"
	)
	# q35 has room for so much RAM below 4G, and the rest from there on.
	low=$((mem + size < 2816 ? 2816 : 2048))
	append+=" memmap=${size}M%$((4096 + (mem > low ? mem - low : 0)))M-1+0xefffffff"
}

# cxl volatile|persistent [DEVICES]: CXL memory, behind a host bridge and in a window of its own:
# regions behind one bridge have to be made in the order of their addresses. It takes the next
# node, which the kernel makes of the window. It is of one device, or interleaved over several, and
# then there is room in the window for as much again.
# Their serial numbers count from 0xc0, those of the next window from 0xd0. The bridge of volatile
# memory has decoders too, though it may have but one port; that of persistent memory has none.
cxl() {
	local id=$windows ways=${2:-1} kind i name decoders=on
	[ $((size % (256 * ways))) = 0 ] || die "'$size' MiB of CXL memory: not a multiple of $((256 * ways))" \
		"-z takes MiB, in whole $((256 * ways)) for this machine"
	[ "$id" != 0 ] || machine+=,cxl=on
	newer=10
	windows=$((id + 1))
	nodes=$((nodes + 1))
	expected=$((expected + 1))
	machine+=,cxl-fmw.$id.targets.0=bridge$id,cxl-fmw.$id.size=$((size * ways))M
	[ "$1" = volatile ] || decoders=off
	qemu+=(-device "pxb-cxl,id=bridge$id,bus=pcie.0,bus_nr=$((32 * (id + 1))),hdm_for_passthrough=$decoders")
	for ((i = 0; i < ways; i++)); do
		name=$id.$i kind=volatile-memdev=cxl$id.$i
		# Labels are what makes a persistent one usable.
		[ "$1" = volatile ] || {
			kind=persistent-memdev=cxl$name,lsa=lsa$name
			qemu+=(-object "memory-backend-ram,id=lsa$name,size=1M")
		}
		qemu+=(
			-object "memory-backend-ram,id=cxl$name,size=$((size / ways))M"
			-device "cxl-rp,id=port$name,bus=bridge$id,port=$i,chassis=$id,slot=$((i + 2))"
			-device "cxl-type3,id=mem$name,bus=port$name,$kind,sn=$((0xc0 + 16 * id + i))"
		)
	done
}

# hmat INITIATOR:TARGET:NANOSECONDS:BYTES/S...
hmat() {
	local row i t ns bw
	lb=1
	for row in "$@"; do
		IFS=: read -r i t ns bw <<<"$row"
		qemu+=(
			-numa "hmat-lb,initiator=$i,target=$t,hierarchy=memory,data-type=access-latency,latency=$ns"
			-numa "hmat-lb,initiator=$i,target=$t,hierarchy=memory,data-type=access-bandwidth,bandwidth=$bw"
		)
	done
}

# shellcheck source=/dev/null
. "$TOP/lab/shapes/$shape.sh"

[ -z "$newer" ] || {
	mapfile -t program < <("$TOP/lab/qemu.sh" "$newer")
	[ ${#program[@]} -gt 0 ] || exit 1
}
[ -z "$lb" ] || machine+=,hmat=on
[ "$slots" = 0 ] || machine+=,nvdimm=on
# What is ordinary goes below 4G as far as there is room.
[ "$high" = 0 ] || machine+=,max-ram-below-4g=${mem}M
memory=$((mem + high))M
[ "$slots" = 0 ] || memory+=,slots=$slots,maxmem=$((mem + high + slots * 4096))M

. "$TOP/lab/accel.sh"
# shellcheck disable=SC2154 # accel.sh sets them
append+=$accel_append

#
# What it boots.
#
init=$BUILD/init
if [ ! -x "$init" ] || [ "$TOP/lab/init.c" -nt "$init" ]; then
	gcc -static -O2 -Wall -Wextra -Werror -o "$init.$$" "$TOP/lab/init.c" ||
		die "lab/init.c does not compile" "the compiler's message is above; 'make setup' installs what it needs"
	mv "$init.$$" "$init"
fi
mkdir -p "$vm/initramfs"
cp "$init" "$vm/initramfs/init"
(cd "$vm/initramfs" && echo init | cpio --quiet -o -H newc) >"$vm/initrd"

release=$(cat "$kernel/include/config/kernel.release")
modules=$BUILD/modules-$kind
"$TOP/lab/modules.sh" "$kernel" "$modules"

#
# What it does.
#
mkdir "$vm/share"
# For a kernel that this one starts by kexec.
cp "$vm/initrd" "$vm/share/initrd"
rows=24 cols=80
if [ -n "$interactive" ]; then
	[ -t 0 ] || die "-i needs a terminal" "give a command instead"
	read -r rows cols < <(stty size)
fi
{
	echo "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	echo "HOME=$HOME"
	echo "TERM=${TERM:-dumb}"
	echo "LANG=C.UTF-8"
	echo "BUILD=$BUILD"
	echo "LAB_TOP=$TOP"
	echo "LAB_BUILD=$BUILD"
	echo "LAB_MODULES=$modules/lib/modules/$release"
	echo "LAB_RELEASE=$release"
	echo "LAB_KIND=$kind"
	# All of them are ours to unplug and to overwrite.
	echo "ANONDAX_TEST_DEV=auto"
	echo "LAB_SHAPE=$shape"
	echo "LAB_DAX=$expected"
	echo "LAB_NODE=$node"
	echo "LAB_DRIVER=$driver"
	echo "LAB_SETUP=lab/vm-setup.sh"
	echo "LAB_TIMEOUT=$timeout"
	echo "LAB_ROWS=$rows"
	echo "LAB_COLS=$cols"
	[ -z "$leaks" ] || echo "LAB_KMEMLEAK=1"
	[ -z "$interactive" ] || echo "LAB_TTY=1"
	for e in "${envs[@]}"; do echo "$e"; done
} >"$vm/share/conf"
if [ -n "$interactive" ]; then
	echo "exec bash --rcfile lab/vm-rc.sh -i" >"$vm/share/cmd"
elif [ $# = 1 ]; then
	printf '%s' "$1" >"$vm/share/cmd"
else
	printf '%q ' "$@" >"$vm/share/cmd"
fi
# A disk for file systems and swap: sparse, empty, gone afterwards.
truncate -s 2G "$vm/disk"

cmdline="console=ttyS0 earlycon=uart8250,io,0x3f8 panic=-1 oops=panic ignore_loglevel"
# kmemleak watches every allocation, so only when somebody wants to know.
[ -z "$leaks" ] || cmdline+=" kmemleak=on"
cmdline+=" reboot=t nokaslr printk.devkmsg=on random.trust_cpu=on$append $extra"
# No indirect descriptors on the disk: the driver would allocate a table for
# each request with GFP_ATOMIC, and warn when that fails, as it may while the
# machine swaps for its life.
# shellcheck disable=SC2054 # the commas are QEMU's
args=(
	-accel "$accel" -cpu "$cpu" -machine "$machine" -smp 2,sockets=2 -m "$memory"
	-nodefaults -no-user-config -display none -no-reboot
	-kernel "$image" -initrd "$vm/initrd" -append "$cmdline"
	-serial "file:$console"
	-device virtio-rng-pci,disable-legacy=on
	-fsdev "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"
	-device virtio-9p-pci,fsdev=host,mount_tag=host,disable-legacy=on
	-fsdev "local,id=lab,path=$vm/share,security_model=none,readonly=on"
	-device virtio-9p-pci,fsdev=lab,mount_tag=lab,disable-legacy=on
	-drive "file=$vm/disk,format=raw,if=none,id=disk,cache=unsafe"
	-device virtio-blk-pci,drive=disk,disable-legacy=on,indirect_desc=off
	-device virtio-serial-pci,disable-legacy=on
	-chardev "file,id=ctl,path=$log.status"
	-device virtserialport,chardev=ctl,name=lab.ctl
	-device virtserialport,chardev=out,name=lab.out
	# Last: what comes after a bridge would be put behind it.
	"${qemu[@]}"
)

tidy() { rm -rf "$vm"; }
trap tidy EXIT
[ "$V" = 0 ] || printf '    %s+ %s %s%s\n' "$dim" "${program[*]@Q}" "${args[*]@Q}" "$off" >&2

# The guest's own limit comes first, since it can say where it hangs; this one
# is for a guest that no longer can.
limit=()
grace=60 # to boot and to power off
[ -z "$leaks" ] || grace=240
[ "$timeout" = 0 ] || limit=(timeout --foreground -k 5 $((timeout + grace)))
rc=0
if [ -n "$interactive" ]; then
	saved=$(stty -g)
	trap 'stty "$saved" || :; tidy' EXIT
	"${limit[@]}" "${program[@]}" "${args[@]}" -chardev stdio,id=out,signal=off 2>"$log.qemu" || rc=$?
else
	# A file descriptor set, because opening a file again would empty it.
	{
		"${limit[@]}" "${program[@]}" "${args[@]}" \
			-add-fd fd=3,set=1 -chardev file,id=out,path=/dev/fdset/1,append=on \
			</dev/null 3>&1 >"$log.qemu" 2>&1
	} | tee "$log.out" || rc=${PIPESTATUS[0]}
fi

#
# What became of it.
#
status='' bytes='' up='' hang='' broken=''
while read -r key a b; do
	case $key in
	up) up=$a ;;
	ready) up=$a ;;
	exit) status=$a bytes=$b ;;
	hang) hang=$a ;;
	broken) broken="$a $b" ;;
	esac
done <"$log.status"

fail() {
	printf '%serror:%s %s\n' "$red" "$off" "$1" >&2
	[ $# -lt 2 ] || printf '       %s\n' "$2" >&2
}
# From where the command stopped answering, if the guest noticed; else the end.
last() {
	printf '       the last lines of the console:\n' >&2
	tr -d '\r' <"$console" |
		awk -v most="$1" '{ l[NR] = $0 } /lab: the command is still running/ { at = NR }
			END {
				first = at ? at : NR - most + 1
				for (i = first < 1 ? 1 : first; i <= NR && i < first + 60; i++) print "       | " l[i]
			}' >&2
}

splats=0
"$TOP/lab/scan.sh" "$console" "$allow" >&2 || splats=1

what="the $kind kernel on shape $shape"
if [ -n "$broken" ]; then
	fail "$what could not be set up: $broken" "whole console: $console"
	last 15
	exit 1
elif [ -n "$hang" ]; then
	fail "$what hangs: the command did not end within $hang seconds" "whole console with the tasks' stacks: $console"
	last 25
	exit 124
elif [ -z "$status" ]; then
	if grep -q 'Kernel panic' "$console"; then
		fail "$what panicked" "whole console: $console"
	elif [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		fail "$what hangs: no answer within $((timeout + grace)) seconds" "whole console: $console"
		last 25
		exit 124
	elif [ ! -s "$console" ] && [ -s "$log.qemu" ]; then
		fail "QEMU did not start: $(head -n 1 "$log.qemu")" "V=1 shows its command line"
	elif [ -z "$up" ]; then
		fail "$what did not come up" "whole console: $console"
		last 15
	else
		fail "$what went away before the command ended" "whole console: $console"
		last 15
	fi
	exit 1
fi
if [ -z "$interactive" ] && [ "$bytes" != "$(stat -c %s "$log.out")" ]; then
	warn "the command printed $bytes bytes, $(stat -c %s "$log.out") arrived"
fi
if [ "$splats" = 1 ]; then
	fail "$what complained (above)" "whole console: $console"
	[ "$status" != 0 ] || status=1
fi
# The status of a shell is that of whatever was typed last.
[ -z "$interactive" ] || [ "$splats" = 1 ] || status=0
[ -n "$quiet" ] || [ "$status" != 0 ] ||
	printf '%s    ok: %s, up after %s s, %s s in all%s\n' "$dim" "$what" "$up" "$SECONDS" "$off" >&2
exit "$status"

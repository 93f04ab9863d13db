# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How QEMU runs the machines: accel, cpu, and what the kernel has to be told then.
# Source after lib.sh, and where there is a choice of QEMUs when it is made: program.
#
# shellcheck disable=SC2034 # for who sources this

accel_append=''
# /dev/kvm may be there and take a machine that then never runs, in a guest
# whose processor has no virtualization: ask the processor too.
if [ -n "${ACCEL:-}" ]; then
	accel=$ACCEL
elif [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
	accel=kvm
else
	accel=tcg
fi
# Five page table levels only cost time under TCG, and its `rep stosb`, which
# erms and fsrm make the kernel clear pages with, goes byte by byte.
case $accel in
kvm) cpu=host ;;
*)
	# With a thread for each CPU, QEMU before 8.1 now and then runs a breakpoint that
	# the kernel has long taken back when it patches a static branch ("Oops: int3").
	# One thread for all is what is left there, and costs less besides.
	thread=multi
	version=$("${program[0]:-qemu-system-x86_64}" --version 2>/dev/null | sed -n 's/.* version \([0-9]*\.[0-9]*\).*/\1/p' || :)
	[ "$(printf '%s\n' "$version" 8.1 | sort -V | head -n 1)" = 8.1 ] || thread=single
	accel=tcg,thread=${TCG_THREAD:-$thread} cpu=max,la57=off,erms=off,fsrm=off
	# Its processors have one clock; the kernel takes the time that they need to compare
	# it for a difference, and would ask the HPET from then on, which QEMU has to be left for.
	accel_append+=" tsc=reliable"
	# What it has translated of a program it can use again if that comes to the same
	# address: otherwise translation is most of what it takes to start one.
	accel_append+=" norandmaps"
	# On a busy host the timer may seem dead while the kernel looks, which is a panic.
	accel_append+=" no_timer_check"
	;;
esac

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's words for what the compiler can do, in user space.
 */
#ifndef BENCH_COMPILER_H
#define BENCH_COMPILER_H

#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __noreturn	__attribute__((noreturn))
#define __aligned(a)	__attribute__((aligned(a)))
#define fallthrough	__attribute__((fallthrough))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#endif

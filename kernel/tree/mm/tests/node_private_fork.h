/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_TESTS_NODE_PRIVATE_FORK_H
#define _MM_TESTS_NODE_PRIVATE_FORK_H

#include <linux/types.h>

pid_t node_private_fork(int (*fn)(void *), void *arg);

#endif /* _MM_TESTS_NODE_PRIVATE_FORK_H */

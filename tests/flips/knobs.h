/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The knobs that are flipped: KNOB(name, file). What a knob decides is judged where it
 * is done, between steady_from(dev, K_name) and was_steady().
 */
KNOB(RECLAIM, "reclaim")
KNOB(DEMOTION, "demotion")
KNOB(MBIND, "mbind")
KNOB(SHMEM, "shmem")
KNOB(MADVISE, "madvise")
KNOB(NUMA_BALANCE, "numa_balance")
KNOB(LTPIN, "ltpin")
KNOB(CPUSET, "cpuset")

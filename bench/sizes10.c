// SPDX-License-Identifier: GPL-2.0
#define SIZES_SHIFT 10
#include "sizes.h"

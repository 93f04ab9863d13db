// SPDX-License-Identifier: GPL-2.0
#define SIZES_SHIFT 6
#include "sizes.h"

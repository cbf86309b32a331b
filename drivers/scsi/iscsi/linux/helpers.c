// SPDX-License-Identifier: GPL-2.0
/* One line per inline function or macro that Rust needs; no logic. */
#include "helpers.h"

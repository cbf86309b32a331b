// SPDX-License-Identifier: GPL-2.0

//! A checked reader over received bytes.

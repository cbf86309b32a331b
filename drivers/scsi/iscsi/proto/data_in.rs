// SPDX-License-Identifier: GPL-2.0

//! Data-In bookkeeping, residuals and sense.

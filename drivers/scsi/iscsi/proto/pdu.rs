// SPDX-License-Identifier: GPL-2.0

//! PDU headers, RFC 7143 section 11.

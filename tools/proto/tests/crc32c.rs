// SPDX-License-Identifier: GPL-2.0

//! Runs the tests of the digest on the host.

#[path = "../../../drivers/scsi/iscsi/linux/crc32c.rs"]
mod crc32c;

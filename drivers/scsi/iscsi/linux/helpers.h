/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions and macros of the kernel's headers, as functions that Rust can call. */
#ifndef _ISCSI_LINUX_HELPERS_H
#define _ISCSI_LINUX_HELPERS_H

#include <linux/blkdev.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#endif /* _ISCSI_LINUX_HELPERS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the module's own bindings; sorted, with the reason for each header.
 */
#include <linux/blk-mq.h>		/* blk_mq_rq_to_pdu relatives: request of a command */
#include <linux/bvec.h>			/* bio_vec, the unit of data in every iterator */
#include <linux/crc32c.h>		/* header and data digests */
#include <linux/in.h>			/* sockaddr_in */
#include <linux/in6.h>			/* sockaddr_in6 */
#include <linux/kthread.h>		/* TX, RX, IC and WD threads */
#include <linux/net.h>			/* sockets */
#include <linux/sched/mm.h>		/* memalloc scopes */
#include <linux/tcp.h>			/* TCP options */
#include <linux/uio.h>			/* iov_iter */
#include <linux/wait.h>			/* wait queues of the threads */
#include <net/genetlink.h>		/* the control family */
#include <net/sock.h>			/* struct sock */
#include <net/tcp.h>			/* tcp_read_done */
#include <scsi/scsi.h>			/* SCSI status and return codes */
#include <scsi/scsi_cmnd.h>		/* struct scsi_cmnd */
#include <scsi/scsi_device.h>		/* struct scsi_device */
#include <scsi/scsi_eh.h>		/* error handler return codes */
#include <scsi/scsi_host.h>		/* host and host template */
#include <scsi/scsi_tcq.h>		/* tag look-up */
#include <scsi/scsi_transport_iscsi.h>	/* the iSCSI transport class */
#include <trace/events/iscsi_initiator.h> /* our own trace events */

/* Constants that bindgen cannot see, because they are casts or expressions of macros. */
static const gfp_t ISCSI_CONST_GFP_KERNEL = GFP_KERNEL;
static const gfp_t ISCSI_CONST_GFP_NOWAIT = GFP_NOWAIT;
static const blk_features_t ISCSI_CONST_BLK_FEAT_STABLE_WRITES = BLK_FEAT_STABLE_WRITES;

/* The inline functions and macros of the headers above: see helpers.c. */
#include "genl_helpers.h"
#include "helpers.h"

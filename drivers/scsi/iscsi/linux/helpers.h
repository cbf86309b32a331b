/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions and macros of the kernel's headers, as functions that Rust can call. */
#ifndef _ISCSI_LINUX_HELPERS_H
#define _ISCSI_LINUX_HELPERS_H

#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>
#include <scsi/scsi_transport_iscsi.h>

void iscsi_helper_spin_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key);
void iscsi_helper_spin_lock_bh(spinlock_t *lock);
bool iscsi_helper_spin_trylock_bh(spinlock_t *lock);
void iscsi_helper_spin_unlock_bh(spinlock_t *lock);
void iscsi_helper_spin_assert_is_held(spinlock_t *lock);
void iscsi_helper_local_bh_disable(void);
void iscsi_helper_local_bh_enable(void);

void iscsi_helper_init_completion(struct completion *x);
void iscsi_helper_init_waitqueue_head(struct wait_queue_head *waiter);
void iscsi_helper_event_signal(atomic_t *signalled, struct wait_queue_head *waiter);
long iscsi_helper_event_wait(atomic_t *signalled, struct wait_queue_head *waiter, long timeout);

unsigned long iscsi_helper_jiffies(void);
unsigned int iscsi_helper_jiffies_to_msecs(unsigned long passed);

struct page *iscsi_helper_alloc_pages(gfp_t gfp, unsigned int order);
void *iscsi_helper_page_address(const struct page *page);
bool iscsi_helper_sendpages_ok(struct page *page, size_t len, size_t offset);

struct page *iscsi_helper_sg_page(struct scatterlist *sg);
struct scatterlist *iscsi_helper_sg_next(struct scatterlist *sg);

unsigned int iscsi_helper_memalloc_noio_save(void);
void iscsi_helper_memalloc_noio_restore(unsigned int flags);
unsigned int iscsi_helper_memalloc_noreclaim_save(void);
void iscsi_helper_memalloc_noreclaim_restore(unsigned int flags);

bool iscsi_helper_try_module_get(struct module *module);
void iscsi_helper_module_put(struct module *module);

void iscsi_helper_get_task_struct(struct task_struct *task);
void iscsi_helper_put_task_struct(struct task_struct *task);
void iscsi_helper_current_set_batch(void);
bool iscsi_helper_current_yields(void);

void iscsi_helper_sock_for_storage(struct socket *sock);
void iscsi_helper_sock_set_rcvtimeo(struct sock *sk, unsigned int ms);
void iscsi_helper_sock_set_sndtimeo(struct sock *sk, unsigned int ms);
bool iscsi_helper_sock_has_room(struct sock *sk, u32 bytes);
void iscsi_helper_lock_sock(struct sock *sk);
int iscsi_helper_connect(struct socket *sock, struct sockaddr_unsized *addr, int len);
void *iscsi_helper_sock_callback_lock(struct sock *sk);
void iscsi_helper_sock_callback_unlock(struct sock *sk);
void (*iscsi_helper_sock_data_ready(struct sock *sk))(struct sock *sk);
void iscsi_helper_sock_set_data_ready(struct sock *sk, void (*data_ready)(struct sock *sk),
				      void *user_data);
void iscsi_helper_sock_wait(struct sock *sk, atomic_t *waiting);

u32 iscsi_helper_tcp_copied_seq(struct sock *sk);
u32 iscsi_helper_tcp_rcv_nxt(struct sock *sk);
u32 iscsi_helper_tcp_inq(struct sock *sk);
bool iscsi_helper_sock_is_local(struct sock *sk);
void iscsi_helper_tcp_bound_window(struct sock *sk, u32 window);
void iscsi_helper_tcp_fit_buffer(struct sock *sk, u32 window);
u32 iscsi_helper_tcp_room(struct sock *sk, u32 *widest);
bool iscsi_helper_tcp_is_starved(struct sock *sk);
bool iscsi_helper_tcp_is_acknowledged(struct sock *sk);
u32 iscsi_helper_tcp_burst(struct sock *sk);
bool iscsi_helper_in_softirq(void);
bool iscsi_helper_tcp_peek(struct sock *sk, u32 offset, void *to, u32 len);

unsigned int iscsi_helper_scsi_cmd_tag(struct scsi_cmnd *cmd);
unsigned int iscsi_helper_shost_openers(struct Scsi_Host *shost);

bool iscsi_helper_queue_work(struct workqueue_struct *wq, struct work_struct *work);

struct iscsi_cls_session *iscsi_helper_conn_to_session(struct iscsi_cls_conn *conn);

#endif /* _ISCSI_LINUX_HELPERS_H */

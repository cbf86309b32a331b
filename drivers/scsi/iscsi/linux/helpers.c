// SPDX-License-Identifier: GPL-2.0
/* One line per inline function or macro that Rust needs; the few loops and settings are below. */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched/task.h>
#include <linux/tcp.h>
#include <net/inet_common.h>
#include <uapi/linux/sched/types.h>

#include "helpers.h"

void iscsi_helper_spin_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	__raw_spin_lock_init(spinlock_check(lock), name, key, LD_WAIT_CONFIG);
#else
	spin_lock_init(lock);
#endif
}

void iscsi_helper_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

bool iscsi_helper_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void iscsi_helper_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}

void iscsi_helper_spin_assert_is_held(spinlock_t *lock)
{
	lockdep_assert_held(lock);
}

void iscsi_helper_local_bh_disable(void)
{
	local_bh_disable();
}

void iscsi_helper_local_bh_enable(void)
{
	local_bh_enable();
}

void iscsi_helper_init_completion(struct completion *x)
{
	init_completion(x);
}

void iscsi_helper_init_waitqueue_head(struct wait_queue_head *waiter)
{
	init_waitqueue_head(waiter);
}

void iscsi_helper_event_signal(atomic_t *signalled, struct wait_queue_head *waiter)
{
	if (!atomic_xchg(signalled, 1))
		wake_up(waiter);
}

long iscsi_helper_event_wait(atomic_t *signalled, struct wait_queue_head *waiter, long timeout)
{
	return wait_event_idle_timeout(*waiter, atomic_xchg(signalled, 0), timeout);
}

unsigned long iscsi_helper_jiffies(void)
{
	return READ_ONCE(jiffies);
}

unsigned int iscsi_helper_jiffies_to_msecs(unsigned long passed)
{
	return jiffies_to_msecs(passed);
}

struct page *iscsi_helper_alloc_pages(gfp_t gfp, unsigned int order)
{
	return alloc_pages(gfp | __GFP_ZERO | __GFP_COMP, order);
}

void *iscsi_helper_page_address(const struct page *page)
{
	return page_address(page);
}

bool iscsi_helper_sendpages_ok(struct page *page, size_t len, size_t offset)
{
	return sendpages_ok(page, len, offset);
}

struct page *iscsi_helper_sg_page(struct scatterlist *sg)
{
	return sg_page(sg);
}

struct scatterlist *iscsi_helper_sg_next(struct scatterlist *sg)
{
	return sg_next(sg);
}

unsigned int iscsi_helper_memalloc_noio_save(void)
{
	return memalloc_noio_save();
}

void iscsi_helper_memalloc_noio_restore(unsigned int flags)
{
	memalloc_noio_restore(flags);
}

unsigned int iscsi_helper_memalloc_noreclaim_save(void)
{
	return memalloc_noreclaim_save();
}

void iscsi_helper_memalloc_noreclaim_restore(unsigned int flags)
{
	memalloc_noreclaim_restore(flags);
}

bool iscsi_helper_try_module_get(struct module *module)
{
	return try_module_get(module);
}

void iscsi_helper_module_put(struct module *module)
{
	module_put(module);
}

void iscsi_helper_get_task_struct(struct task_struct *task)
{
	get_task_struct(task);
}

void iscsi_helper_put_task_struct(struct task_struct *task)
{
	put_task_struct(task);
}

/* With these values it cannot fail for an ordinary task. */
void iscsi_helper_current_set_batch(void)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_BATCH,
	};

	sched_setattr_nocheck(current, &attr);
}

/* Whether this task yields to ordinary ones. */
bool iscsi_helper_current_yields(void)
{
	return task_nice(current) > 0 || current->policy == SCHED_IDLE;
}

void iscsi_helper_sock_set_rcvtimeo(struct sock *sk, unsigned int ms)
{
	WRITE_ONCE(sk->sk_rcvtimeo, ms ? msecs_to_jiffies(ms) : MAX_SCHEDULE_TIMEOUT);
}

void iscsi_helper_sock_set_sndtimeo(struct sock *sk, unsigned int ms)
{
	WRITE_ONCE(sk->sk_sndtimeo, ms ? msecs_to_jiffies(ms) : MAX_SCHEDULE_TIMEOUT);
}

bool iscsi_helper_sock_has_room(struct sock *sk, u32 bytes)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 unsent = READ_ONCE(tp->write_seq) - READ_ONCE(tp->snd_nxt);

	return (s64)READ_ONCE(sk->sk_sndbuf) - READ_ONCE(sk->sk_wmem_queued) >= bytes &&
	       (u64)unsent + bytes < tcp_notsent_lowat(tp) && !READ_ONCE(tcp_memory_pressure);
}

void iscsi_helper_lock_sock(struct sock *sk)
{
	lock_sock(sk);
}

/*
 * Connects, unless the socket has been shut down. TCP does not look: a shutdown that comes before the
 * connect is lost on it.
 */
int iscsi_helper_connect(struct socket *sock, struct sockaddr_unsized *addr, int len)
{
	struct sock *sk = sock->sk;
	int err = -ESHUTDOWN;

	lock_sock(sk);
	if (!sk->sk_shutdown)
		err = __inet_stream_connect(sock, addr, len, 0, 0);
	release_sock(sk);
	return err;
}

/* Gives what iscsi_helper_sock_set_data_ready() has put there. */
void *iscsi_helper_sock_callback_lock(struct sock *sk)
{
	read_lock_bh(&sk->sk_callback_lock);
	return sk->sk_user_data;
}

void iscsi_helper_sock_callback_unlock(struct sock *sk)
{
	read_unlock_bh(&sk->sk_callback_lock);
}

void (*iscsi_helper_sock_data_ready(struct sock *sk))(struct sock *sk)
{
	return sk->sk_data_ready;
}

void iscsi_helper_sock_set_data_ready(struct sock *sk, void (*data_ready)(struct sock *sk),
				      void *user_data)
{
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = user_data;
	WRITE_ONCE(sk->sk_data_ready, data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Sleeps until waiting is 0, or nothing comes any more. */
void iscsi_helper_sock_wait(struct sock *sk, atomic_t *waiting)
{
	wait_event_interruptible(*sk_sleep(sk), !atomic_read(waiting) || READ_ONCE(sk->sk_err) ||
				 READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
}

u32 iscsi_helper_tcp_copied_seq(struct sock *sk)
{
	return READ_ONCE(tcp_sk(sk)->copied_seq);
}

u32 iscsi_helper_tcp_rcv_nxt(struct sock *sk)
{
	return READ_ONCE(tcp_sk(sk)->rcv_nxt);
}

u32 iscsi_helper_tcp_inq(struct sock *sk)
{
	return tcp_sk(sk)->rcv_nxt - tcp_sk(sk)->copied_seq;
}

/*
 * How many more bytes are sure to come before some are read: the peer may send them, there is room for
 * them, and they are not less than a segment, which it would hold back. Its segments are at most half
 * the widest window that it has seen, about.
 */
u32 iscsi_helper_tcp_room(struct sock *sk, u32 *widest)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 room = tcp_receive_window(tp);

	*widest = max(*widest, tp->rcv_wnd);
	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) / 4 * 3 ||
	    room < min_t(u32, tp->advmss, *widest / 8 * 5))
		return 0;
	return room;
}

/* Whether the peer is on this machine. */
bool iscsi_helper_sock_is_local(struct sock *sk)
{
	struct dst_entry *dst;
	bool local;

	rcu_read_lock();
	dst = __sk_dst_get(sk);
	local = dst && dst_dev_rcu(dst)->flags & IFF_LOOPBACK;
	rcu_read_unlock();
	return local;
}

/* What the administrator allows a buffer; with what it begins, TCP has already told of a window. */
static int iscsi_tcp_max_buffer(struct sock *sk)
{
	const int *rmem = sock_net(sk)->ipv4.sysctl_tcp_rmem;

	return max(READ_ONCE(rmem[1]), READ_ONCE(rmem[2]));
}

/* The buffer for a window, with packets of the size that TCP sees. */
static int iscsi_tcp_buffer(struct sock *sk, u32 window)
{
	return min(tcp_space_from_win(sk, window), iscsi_tcp_max_buffer(sk));
}

/* Bounds the window, which TCP does not tune any more then. What was advertised is not taken back. */
void iscsi_helper_tcp_bound_window(struct sock *sk, u32 window)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int buffer;

	lock_sock(sk);
	buffer = iscsi_tcp_buffer(sk, window);
	sk->sk_userlocks |= SOCK_RCVBUF_LOCK;
	WRITE_ONCE(sk->sk_rcvbuf, buffer);
	WRITE_ONCE(tp->window_clamp, tcp_win_from_space(sk, buffer));
	tp->rcv_ssthresh = min(tp->rcv_ssthresh, tp->window_clamp);
	release_sock(sk);
}

/*
 * Adds what small packets use for other than data, beyond what TCP reckons with: without that memory TCP
 * copies its queue together for every few of them, and drops some. The window is what is free then, and
 * not less: as long as what was read leaves room only now and then, TCP has no wider window to tell of.
 */
void iscsi_helper_tcp_fit_buffer(struct sock *sk, u32 window)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int used = atomic_read(&sk->sk_rmem_alloc), bytes = tp->rcv_nxt - tp->copied_seq;
	int buffer = iscsi_tcp_buffer(sk, window);
	int fit = max(buffer + max(used - tcp_space_from_win(sk, bytes), 0), used);

	fit = min(fit, iscsi_tcp_max_buffer(sk));
	if (fit != sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, fit);
	WRITE_ONCE(tp->window_clamp, tcp_win_from_space(sk, buffer));
	if (!tcp_under_memory_pressure(sk))
		tp->rcv_ssthresh = tp->window_clamp;
}

/* Whether TCP has just had no memory for what came. */
bool iscsi_helper_tcp_is_starved(struct sock *sk)
{
	return inet_csk(sk)->icsk_ack.pending & ICSK_ACK_NOMEM;
}

/* Whether what was received is acknowledged, so that reading it brings no packet: tcp_cleanup_rbuf(). */
bool iscsi_helper_tcp_is_acknowledged(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return tp->rcv_nxt - tp->rcv_wup <= inet_csk(sk)->icsk_ack.rcv_mss;
}

/*
 * How many bytes the peer sends without an acknowledgement, about: less than the initial congestion
 * window of RFC 6928, in segments of the size that TCP sees. Once segments were lost, it may be one.
 */
u32 iscsi_helper_tcp_burst(struct sock *sk)
{
	return inet_csk(sk)->icsk_ack.rcv_mss * (READ_ONCE(tcp_sk(sk)->rcv_ooopack) ? 1U : 8U);
}

bool iscsi_helper_in_softirq(void)
{
	return in_serving_softirq();
}

/* Copies what stands offset bytes into what was received, and leaves it there. */
bool iscsi_helper_tcp_peek(struct sock *sk, u32 offset, void *to, u32 len)
{
	u32 seq = tcp_sk(sk)->copied_seq + offset;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 at = seq - TCP_SKB_CB(skb)->seq;
		u32 part;

		if (at >= skb->len)
			continue;
		part = min(len, skb->len - at);
		if (skb_copy_bits(skb, at, to, part))
			return false;
		len -= part;
		if (!len)
			return true;
		seq += part;
		to += part;
	}
	return false;
}

unsigned int iscsi_helper_scsi_cmd_tag(struct scsi_cmnd *cmd)
{
	return scsi_cmd_to_rq(cmd)->tag;
}

/*
 * Lock classes of our own: a file system on one of our disks sends with these locks held deep in
 * its own, which must not look like an ordinary socket's chain to lockdep.
 */
static void iscsi_sock_lock_class(struct sock *sk)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	static struct lock_class_key sk_key[2], slock_key[2];

	if (WARN_ON_ONCE(!sock_allow_reclassification(sk)))
		return;
	if (sk->sk_family == AF_INET)
		sock_lock_init_class_and_name(sk, "slock-AF_INET-ISCSI", &slock_key[0],
					      "sk_lock-AF_INET-ISCSI", &sk_key[0]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-ISCSI", &slock_key[1],
					      "sk_lock-AF_INET6-ISCSI", &sk_key[1]);
#endif
}

/* What a new socket needs to carry a disk: see Socket::new. */
void iscsi_helper_sock_for_storage(struct socket *sock)
{
	struct sock *sk = sock->sk;

	iscsi_sock_lock_class(sk);
	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
	sk_set_memalloc(sk);
	sock_no_linger(sk);
	tcp_sock_set_nodelay(sk);
}

/*
 * The openers of all disks of a host. The disk of a device goes away with its driver's remove(). One that
 * cannot be asked, as it is being rescanned or unbound, counts as open.
 */
unsigned int iscsi_helper_shost_openers(struct Scsi_Host *shost)
{
	struct scsi_device *sdev;
	unsigned int openers = 0;

	shost_for_each_device(sdev, shost) {
		/* While a driver is being bound, nobody else has the disk open. */
		if (!device_trylock(&sdev->sdev_gendev)) {
			openers += device_is_bound(&sdev->sdev_gendev);
			continue;
		}
		/* Only a driver keeps the disk: without one its last user frees it. */
		if (sdev->sdev_gendev.driver && sdev->request_queue->disk)
			openers += disk_openers(sdev->request_queue->disk);
		device_unlock(&sdev->sdev_gendev);
	}
	return openers;
}

bool iscsi_helper_queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	return queue_work(wq, work);
}

struct iscsi_cls_session *iscsi_helper_conn_to_session(struct iscsi_cls_conn *conn)
{
	return iscsi_conn_to_session(conn);
}

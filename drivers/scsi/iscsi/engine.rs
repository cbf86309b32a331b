// SPDX-License-Identifier: GPL-2.0

//! Sessions at work.
//!
//! Read [`Session`](session::Session) first, then `tx` and `rx`, the two threads that serve a
//! connection, and `wd`, which logs in and recovers. [`Initiator`] holds all sessions. This room imports
//! `proto`, `config` and `linux`; nobody below imports it.
//!
//! # Threads
//!
//! | Thread | Per | Enters through | Ends when |
//! |---|---|---|---|
//! | TX | session | `tx::run`, once for each connection | WD ends |
//! | RX | session | `rx::run`, once for each connection | WD ends |
//! | IC | session | `Session::run_ic` | the session is removed, after all it has to complete |
//! | WD | session | `wd::run` | the session is removed, after the logout |
//!
//! Besides come the mid-layer, through `queuecommand` on any CPU and its error handlers (`eh`), and
//! the control room.
//!
//! # Locks
//!
//! 1. `Session::eh`, a mutex: one error handler at a time.
//! 2. `Task::inner`, a spinlock: one command ("cmd").
//! 3. `Connection::shared`, a spinlock ("conn").
//! 4. `Session::window`, `Session::slow`, `Session::batch`, spinlocks ("sess"); none inside another.
//! 5. `TagQueue::taken` and `Worker::order`, spinlocks: inside no other, and no other inside them.
//!
//! No two locks of one kind nest, no spinlock is taken in an interrupt, and none is held over a
//! call to the socket or the mid-layer. The queues ([`TagQueue`](tag_queue::TagQueue)) are pushed
//! to without a lock; their inner lock is the consumer's.

mod attributes;
mod connection;
mod eh;
mod express;
mod files;
mod initiator;
mod login;
mod report;
mod rx;
mod session;
mod tag_queue;
mod task;
mod trace;
mod tx;
mod wd;
mod worker;

pub(crate) use self::{
    attributes::SessionInfo,
    connection::Connection,
    initiator::{
        Initiator,
        SessionEvent, //
    },
    session::Session, //
};

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
//! 2. `Session::sending`, a mutex: one sender at a time, TX or a submitter.
//! 3. The lock of the socket: held by TCP when it calls [`express`].
//! 4. `Task::inner`, a spinlock with softirqs off: one command ("cmd").
//! 5. `Connection::shared`, a spinlock ("conn").
//! 6. `Session::window`, a spinlock with softirqs off, and `Session::slow`, a spinlock ("sess");
//!    neither inside the other.
//! 7. `Worker::order`, a spinlock: inside no other, and no other inside it.
//!
//! No two locks of one kind nest, and no spinlock is held over a call to the socket or the
//! mid-layer. The softirq takes `Task::inner` and `Session::window`, so inside of these no spinlock
//! may be taken that others take with softirqs on. The queues ([`TagQueue`](tag_queue::TagQueue))
//! have no lock: whoever holds `sending` consumes three of them, IC the fourth.

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
mod words;
mod worker;

pub(crate) use self::{
    attributes::SessionInfo,
    connection::Connection,
    initiator::{
        Initiator,
        SessionEvent, //
    },
    login::Awaited,
    session::Session, //
};

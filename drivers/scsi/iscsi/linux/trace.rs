// SPDX-License-Identifier: GPL-2.0

//! Trace events, in tracefs under `events/iscsi_initiator`.
//!
//! Each function emits one event. While nobody has turned it on, a call is one load and a branch,
//! and what its arguments cost: they should be plain numbers at hand. States and events are given
//! as the discriminants of the enums of `proto` (`state as u8`); the names that the trace prints
//! for them stand in the header.
//!
//! The kernel's own `declare_trace!` cannot be used here: it refers to events and to a generated
//! file of the kernel's build, which a module outside of it does not have.
//!
//! C header: `include/trace/events/iscsi_initiator.h`

#[cfg(CONFIG_TRACEPOINTS)]
use super::bindings;

/// What went wrong on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// The socket failed, or the peer closed it. Detail: errno, or 0.
    Transport = 0,
    /// The target broke the protocol. Detail: 0.
    Protocol = 1,
    /// A header digest is wrong. Detail: 0.
    HeaderDigest = 2,
    /// A data digest is wrong. Detail: 0.
    DataDigest = 3,
    /// An answer did not come in time. Detail: 0.
    Timeout = 4,
    /// The target sent a Reject. Detail: its reason code, RFC 7143 section 11.17.1.
    Reject = 5,
    /// A bug of ours: an event that a state machine cannot take. Detail: the number of the task, 0
    /// for a connection or session.
    Internal = 6,
}

/// Declares the functions that emit events of numbers.
macro_rules! events {
    ( $(
        $( #[$doc:meta] )*
        $event:ident => fn $name:ident( $( $arg:ident: $type:ty ),+ $(,)? );
    )+ ) => { kernel::macros::paste! { $(
        $( #[$doc] )*
        #[inline(always)]
        #[allow(clippy::too_many_arguments, reason = "the fields of the event")]
        pub(crate) fn $name( $( $arg: $type ),+ ) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                if is_enabled(&raw const bindings::[<__tracepoint_ $event>]) {
                    // SAFETY: The function takes numbers only; it may be called from any context
                    // in which RCU watches, which Rust code does not leave.
                    unsafe { bindings::[<rust_do_trace_ $event>]( $( $arg ),+ ) };
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            let _unused = ( $( $arg ),+ );
        }
    )+ } };
}

events! {
    /// The command `itt` has taken an event.
    ///
    /// `event` is the number of the transition table: 1 for E1.
    iscsi_cmd_state => fn cmd_state(session: u32, itt: u32, kind: u8, old: u8, event: u8, new: u8);

    /// A connection has taken an event.
    iscsi_conn_state => fn conn_state(session: u32, cid: u16, old: u8, event: u8, new: u8);

    /// A session has taken an event.
    iscsi_sess_state => fn sess_state(session: u32, old: u8, event: u8, new: u8);

    /// A PDU has been handed to the socket, with `length` bytes of data.
    iscsi_pdu_tx => fn pdu_tx(
        session: u32,
        cid: u16,
        opcode: u8,
        itt: u32,
        cmd_sn: u32,
        exp_stat_sn: u32,
        length: u32,
    );

    /// The header of a PDU with `length` bytes of data has been received.
    iscsi_pdu_rx => fn pdu_rx(
        session: u32,
        cid: u16,
        opcode: u8,
        itt: u32,
        stat_sn: u32,
        exp_cmd_sn: u32,
        max_cmd_sn: u32,
        length: u32,
    );

    /// The target has answered a login request, with the status of RFC 7143 section 11.13.5.
    iscsi_login => fn login(
        session: u32,
        cid: u16,
        status_class: u8,
        status_detail: u8,
        tsih: u16,
    );
}

/// Something went wrong on a connection. What `detail` means stands at the [`Fault`]; `reason` is
/// the sentence that operators read, empty if there is none.
pub(crate) fn fault(session: u32, cid: u16, fault: Fault, detail: i32, reason: &str) {
    #[cfg(CONFIG_TRACEPOINTS)]
    {
        if is_enabled(&raw const bindings::__tracepoint_iscsi_fault) {
            let length = u32::try_from(reason.len()).unwrap_or(0);
            // SAFETY: `reason` has `length` bytes, which the event copies before it returns; the
            // rest are numbers. It may be called from any context in which RCU watches, which Rust
            // code does not leave.
            unsafe {
                bindings::rust_do_trace_iscsi_fault(
                    session,
                    cid,
                    fault as u8,
                    detail,
                    reason.as_ptr().cast(),
                    length,
                )
            };
        }
    }
    #[cfg(not(CONFIG_TRACEPOINTS))]
    let _unused = (session, cid, fault, detail, reason);
}

/// Whether anybody listens to an event.
#[cfg(CONFIG_TRACEPOINTS)]
#[inline(always)]
fn is_enabled(event: *const bindings::tracepoint) -> bool {
    // SAFETY: The callers pass the statics that `trace_events.c` defines.
    let count = unsafe { &raw const (*event).key.key.enabled.counter };
    // SAFETY: As above. The kernel changes the number atomically; this is `READ_ONCE`. It is
    // negative while the event is being turned on.
    unsafe { count.read_volatile() != 0 }
}

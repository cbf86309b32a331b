// SPDX-License-Identifier: GPL-2.0

//! Numbers of the generic netlink family.
//!
//! Do not edit, made from Documentation/netlink/specs/iscsi.yaml by scripts/regen.

#![allow(dead_code, reason = "each user needs its own part")]

/// Name of the family.
pub(crate) const FAMILY_NAME: &str = "iscsi";
/// Name of the multicast group `events`.
pub(crate) const MCGRP_EVENTS: &str = "events";
/// Longest iSCSI name in bytes, RFC 7143 section 4.2.7.1.
pub(crate) const NAME_MAX_LEN: u16 = 223;
/// Longest alias in bytes.
pub(crate) const ALIAS_MAX_LEN: u16 = 223;
/// TCP port of a target that names none.
pub(crate) const DEFAULT_PORT: u16 = 3260;

/// Digest of PDU headers or data, RFC 7143 section 13.1.
pub(crate) mod digest {
    /// `none`.
    pub(crate) const NONE: u32 = 0;
    /// `crc32c`.
    pub(crate) const CRC32C: u32 = 1;
}

/// How a target became known.
pub(crate) mod discovery_method {
    /// A static configuration entry.
    pub(crate) const STATIC: u32 = 1;
    /// A SendTargets discovery session.
    pub(crate) const SENDTARGETS: u32 = 2;
    /// An iSNS server.
    pub(crate) const ISNS: u32 = 4;
}

/// State of a session.
pub(crate) mod session_state {
    /// No connection; login is tried, or was refused for good.
    pub(crate) const FREE: u32 = 0;
    /// Full feature phase.
    pub(crate) const LOGGED_IN: u32 = 1;
    /// The connection is lost, the disks are still there, login is retried.
    pub(crate) const FAILED: u32 = 2;
    /// Logged in, but draining in order to log in with new parameters.
    pub(crate) const IN_FLUSH: u32 = 3;
    /// Drained and disconnected, login is under way.
    pub(crate) const FLUSHED: u32 = 4;
}

/// State of a connection.
pub(crate) mod connection_phase {
    /// No TCP connection.
    pub(crate) const FREE: u32 = 0;
    /// Connecting or logging in for the first time.
    pub(crate) const IN_LOGIN: u32 = 1;
    /// Full feature phase.
    pub(crate) const LOGGED_IN: u32 = 2;
    /// A logout was sent.
    pub(crate) const IN_LOGOUT: u32 = 3;
    /// Lost; login is retried at short intervals.
    pub(crate) const FAILED: u32 = 4;
    /// Lost for longer than the retry window; login is retried at long intervals.
    pub(crate) const POLLING: u32 = 5;
}

/// What a login under way waits for.
pub(crate) mod login_wait {
    /// The TCP connection.
    pub(crate) const CONNECTION: u32 = 0;
    /// The target's answer to a login request.
    pub(crate) const RESPONSE: u32 = 1;
}

/// Attributes: What holds for the whole initiator.
pub(crate) mod initiator {
    /// iSCSI name of the initiator, iqn., eui. or naa. form, at most 223 bytes; stored in lower
    /// case. Absent in a reply - not set yet, and no session can be made.
    pub(crate) const NODE_NAME: u16 = 1;
    /// Alias of the initiator, at most 223 bytes of UTF-8. An empty one in a request removes the
    /// alias.
    pub(crate) const NODE_ALIAS: u16 = 2;
    /// Header digest to ask for. Absent in a reply - default, none.
    pub(crate) const HEADER_DIGEST: u16 = 3;
    /// Data digest to ask for. Absent in a reply - default, none.
    pub(crate) const DATA_DIGEST: u16 = 4;
    /// The saved configuration has been loaded into the kernel. A fresh module has it not; in a
    /// request it sets the mark, which then stays until the module is unloaded.
    pub(crate) const CONFIGURED: u16 = 5;
    /// Counts the changes of the configuration; wraps.
    pub(crate) const GENERATION: u16 = 6;
    /// Version of the kernel module.
    pub(crate) const MODULE_VERSION: u16 = 7;
}

/// Attributes: Which discovery methods are enabled.
pub(crate) mod discovery {
    /// Static discovery, 1 enabled, 0 disabled (the state of a fresh module). Enabling connects to
    /// every static entry; disabling logs out of all of them, or is refused with EBUSY if a disk
    /// of one of them is in use.
    pub(crate) const STATIC: u16 = 1;
}

/// Attributes: TCP end point. Exactly one of ipv4 and ipv6 is present.
pub(crate) mod portal {
    /// IPv4 address.
    pub(crate) const IPV4: u16 = 1;
    /// IPv6 address.
    pub(crate) const IPV6: u16 = 2;
    /// Interface index of a link-local IPv6 address; absent or 0 - none.
    pub(crate) const SCOPE_ID: u16 = 3;
    /// TCP port, 1..65535, in host byte order. Absent in a request - 3260; always present in a
    /// reply.
    pub(crate) const PORT: u16 = 4;
}

/// Attributes: A statically configured target.
pub(crate) mod static_config {
    /// iSCSI name of the target.
    pub(crate) const TARGET_NAME: u16 = 1;
    /// Where it listens.
    pub(crate) const PORTAL: u16 = 2;
    /// Target portal group tag, 0..65535. Absent - any.
    pub(crate) const TPGT: u16 = 3;
}

/// Attributes: Statically configured targets.
pub(crate) mod static_selection {
    /// One to be added, or all that match.
    pub(crate) const ENTRY: u16 = 1;
}

/// Attributes: Login parameters, RFC 7143 section 13. In a request and in "configured" - what is
/// set for the target. In "defaults" - what holds without that. In "negotiated" - what the
/// connection works with.
pub(crate) mod login_params {
    /// HeaderDigest, RFC 7143 section 13.1. Default none.
    pub(crate) const HEADER_DIGEST: u16 = 1;
    /// DataDigest, RFC 7143 section 13.1. Default none.
    pub(crate) const DATA_DIGEST: u16 = 2;
    /// MaxRecvDataSegmentLength that the initiator declares, bytes, 512..16777215, RFC 7143
    /// section 13.12.
    pub(crate) const MAX_RECV_DATA_SEGMENT_LENGTH: u16 = 3;
    /// MaxBurstLength, bytes, 512..16777215, not less than first-burst-length, RFC 7143 section
    /// 13.13.
    pub(crate) const MAX_BURST_LENGTH: u16 = 4;
    /// FirstBurstLength, bytes, 512..16777215, not more than max-burst-length, RFC 7143 section
    /// 13.14.
    pub(crate) const FIRST_BURST_LENGTH: u16 = 5;
    /// InitialR2T, 0 No, 1 Yes, RFC 7143 section 13.10.
    pub(crate) const INITIAL_R2T: u16 = 6;
    /// ImmediateData, 0 No, 1 Yes, RFC 7143 section 13.11.
    pub(crate) const IMMEDIATE_DATA: u16 = 7;
    /// DataPDUInOrder, 0 No, 1 Yes, RFC 7143 section 13.18.
    pub(crate) const DATA_PDU_IN_ORDER: u16 = 8;
    /// DataSequenceInOrder, 0 No, 1 Yes, RFC 7143 section 13.19.
    pub(crate) const DATA_SEQUENCE_IN_ORDER: u16 = 9;
    /// DefaultTime2Wait, seconds, 0..3600, RFC 7143 section 13.15.
    pub(crate) const DEFAULT_TIME2WAIT: u16 = 10;
    /// DefaultTime2Retain, seconds, 0..3600, RFC 7143 section 13.16.
    pub(crate) const DEFAULT_TIME2RETAIN: u16 = 11;
    /// MaxOutstandingR2T, RFC 7143 section 13.17. Setting it is refused with EOPNOTSUPP.
    pub(crate) const MAX_OUTSTANDING_R2T: u16 = 12;
    /// MaxConnections, RFC 7143 section 13.2. Setting it is refused with EOPNOTSUPP.
    pub(crate) const MAX_CONNECTIONS: u16 = 13;
    /// ErrorRecoveryLevel, RFC 7143 section 13.20. Setting it is refused with EOPNOTSUPP.
    pub(crate) const ERROR_RECOVERY_LEVEL: u16 = 14;
    /// MaxRecvDataSegmentLength that the target declared, bytes. Only in "negotiated".
    pub(crate) const TARGET_MAX_RECV_DATA_SEGMENT_LENGTH: u16 = 15;
}

/// Attributes: Login parameters of one target.
pub(crate) mod target_param {
    /// iSCSI name of the target.
    pub(crate) const TARGET_NAME: u16 = 1;
    /// Alias that the target declared at login; absent if none.
    pub(crate) const TARGET_ALIAS: u16 = 2;
    /// The parameters set for this target; those not set are absent.
    pub(crate) const CONFIGURED: u16 = 3;
    /// All parameters as they are for a target for which nothing is set.
    pub(crate) const DEFAULTS: u16 = 4;
}

/// Attributes: What to set for targets.
pub(crate) mod target_param_change {
    /// The parameters to set.
    pub(crate) const CONFIGURED: u16 = 1;
    /// iSCSI name of a target, known or not.
    pub(crate) const TARGET_NAME: u16 = 2;
}

/// Attributes: Counters of a session.
pub(crate) mod counters {
    /// Logins that have failed since the last one that succeeded.
    pub(crate) const LOGIN_FAILURES: u16 = 1;
    /// PDUs of the target that belonged to no task, since the session was made.
    pub(crate) const STRAY_PDUS: u16 = 2;
    /// Bytes of PDUs sent over the connection; absent without one.
    pub(crate) const TX_BYTES: u16 = 3;
    /// Bytes of PDUs received over the connection; absent without one.
    pub(crate) const RX_BYTES: u16 = 4;
}

/// Attributes: A connection of a session.
pub(crate) mod connection {
    /// Connection identifier, RFC 7143 section 11.12.7.
    pub(crate) const CID: u16 = 1;
    /// State of the connection.
    pub(crate) const STATE: u16 = 2;
    /// Local end; only while connected.
    pub(crate) const LOCAL: u16 = 3;
    /// The target's end; only while connected.
    pub(crate) const PEER: u16 = 4;
    /// Result of the login; only while connected.
    pub(crate) const NEGOTIATED: u16 = 5;
    /// What the login waits for; only while one is under way.
    pub(crate) const LOGIN_WAIT: u16 = 6;
    /// For how long it has waited for that, in milliseconds.
    pub(crate) const LOGIN_WAIT_MS: u16 = 7;
}

/// Attributes: A session, or (without session-id) a target that is known only because parameters
/// are set for it.
pub(crate) mod target {
    /// Number of the session, unique until the module is unloaded.
    pub(crate) const SESSION_ID: u16 = 1;
    /// Number of the SCSI host.
    pub(crate) const HOST: u16 = 2;
    /// iSCSI name of the target.
    pub(crate) const TARGET_NAME: u16 = 3;
    /// Alias that the target declared; absent if none.
    pub(crate) const TARGET_ALIAS: u16 = 4;
    /// State of the session.
    pub(crate) const STATE: u16 = 5;
    /// How the target became known; 0 - by no discovery.
    pub(crate) const DISCOVERY_METHODS: u16 = 6;
    /// Initiator part of the session identifier, RFC 7143 section 11.12.5.
    pub(crate) const ISID: u16 = 7;
    /// Target session identifying handle; only while logged in.
    pub(crate) const TSIH: u16 = 8;
    /// Target portal group tag, as negotiated, else as configured, else absent.
    pub(crate) const TPGT: u16 = 9;
    /// The configured portal.
    pub(crate) const PORTAL: u16 = 10;
    /// Why there is no connection - how the last login failed, or how the connection was lost.
    /// Absent while there is one.
    pub(crate) const LAST_ERROR: u16 = 11;
    /// Counters of the session.
    pub(crate) const COUNTERS: u16 = 12;
    /// The connections, as many as there are.
    pub(crate) const CONNECTION: u16 = 13;
}

/// Attributes: A logical unit of a session.
pub(crate) mod lun {
    /// Number of the session.
    pub(crate) const SESSION_ID: u16 = 1;
    /// iSCSI name of the target.
    pub(crate) const TARGET_NAME: u16 = 2;
    /// Number of the SCSI host.
    pub(crate) const HOST: u16 = 3;
    /// SCSI channel.
    pub(crate) const CHANNEL: u16 = 4;
    /// SCSI target number.
    pub(crate) const ID: u16 = 5;
    /// Number of the logical unit, as in the name of its SCSI device.
    pub(crate) const LUN: u16 = 6;
}

/// Attributes: A session changed its state.
pub(crate) mod event {
    /// Number of the session.
    pub(crate) const SESSION_ID: u16 = 1;
    /// iSCSI name of the target.
    pub(crate) const TARGET_NAME: u16 = 2;
    /// State before.
    pub(crate) const OLD_STATE: u16 = 3;
    /// State now.
    pub(crate) const NEW_STATE: u16 = 4;
    /// Why, in words; absent if nothing went wrong.
    pub(crate) const REASON: u16 = 5;
}

/// Commands and notifications.
pub(crate) mod cmd {
    /// Get what is set for the initiator.
    pub(crate) const INITIATOR_GET: u8 = 1;
    /// Set any of the initiator's properties; those absent stay as they are. All are checked
    /// before any is set.
    pub(crate) const INITIATOR_SET: u8 = 2;
    /// Get which discovery methods are enabled.
    pub(crate) const DISCOVERY_GET: u8 = 3;
    /// Enable or disable discovery methods; those absent stay as they are.
    pub(crate) const DISCOVERY_SET: u8 = 4;
    /// Add static targets, all or none, and connect to them if static discovery is enabled. EEXIST
    /// if name, portal and tpgt are there already; ENOSPC beyond 4096. A connection that cannot be
    /// made is no failure of the request, it shows in target-get.
    pub(crate) const STATIC_ADD: u8 = 5;
    /// Remove static targets, all that are meant or none, and log out of those that no other entry
    /// wants. ENOENT if an attribute means none; EBUSY if a disk of a session that would end is in
    /// use.
    pub(crate) const STATIC_DEL: u8 = 6;
    /// List the static targets in the order in which they were added.
    pub(crate) const STATIC_GET: u8 = 7;
    /// Get the login parameters of one target, or list those of all targets that are configured or
    /// have a session, in the order of their names. ENOENT if the target is not known.
    pub(crate) const TARGET_PARAM_GET: u8 = 8;
    /// Set any login parameters of targets, of all that are named or of none; those absent stay as
    /// they are. They are checked alone and in combination with what else is set for each target.
    pub(crate) const TARGET_PARAM_SET: u8 = 9;
    /// Forget all that is set for a target. ENOENT if nothing is.
    pub(crate) const TARGET_PARAM_DEL: u8 = 10;
    /// List sessions, and targets for which parameters are set.
    pub(crate) const TARGET_GET: u8 = 11;
    /// Look for logical units that appeared or went, and return when that is done. Without target-
    /// name - on all sessions; sessions that are not logged in are passed over. ENOENT if no
    /// session of the name exists.
    pub(crate) const TARGET_RESCAN: u8 = 12;
    /// List the logical units of all sessions, or of one.
    pub(crate) const LUN_GET: u8 = 13;
    /// A session changed its state. If both states are the same, a login failed, for the reason
    /// that is given.
    pub(crate) const SESSION_EVENT: u8 = 14;
}

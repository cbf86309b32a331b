// SPDX-License-Identifier: GPL-2.0

//! What the class asks of a transport: one enum for sessions, connections and hosts.
//!
//! C header: [`include/scsi/iscsi_if.h`](srctree/include/scsi/iscsi_if.h)

use crate::linux::bindings;

/// Declares an enum of parameters of the class.
macro_rules! params {
    (
        $( #[$meta:meta] )*
        $name:ident: $raw:ident {
            $( $( #[$doc:meta] )* $variant:ident = $constant:ident, )+
        }
    ) => {
        $( #[$meta] )*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $name {
            $( $( #[$doc] )* $variant, )+
        }

        impl $name {
            /// The parameter with this number, if we show it.
            pub(super) fn from_raw(raw: bindings::$raw) -> Option<Self> {
                match raw {
                    $( bindings::$constant => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}

params! {
    /// What a session shows in `/sys/class/iscsi_session/session<N>`; the file is named first.
    ///
    /// Tools take booleans as 0 or 1.
    SessionParam: iscsi_param {
        /// `targetname`: the iSCSI name. udev and lsscsi need it.
        TargetName = iscsi_param_ISCSI_PARAM_TARGET_NAME,
        /// `targetalias`: what the target calls itself.
        TargetAlias = iscsi_param_ISCSI_PARAM_TARGET_ALIAS,
        /// `tpgt`: the target portal group tag, decimal. lsscsi needs it.
        Tpgt = iscsi_param_ISCSI_PARAM_TPGT,
        /// `initiatorname`: our own iSCSI name.
        InitiatorName = iscsi_param_ISCSI_PARAM_INITIATOR_NAME,
        /// `ifacename`: the interface record of open-iscsi, `default` for all of ours.
        IfaceName = iscsi_param_ISCSI_PARAM_IFACE_NAME,
        /// `isid`: twelve hexadecimal digits.
        Isid = iscsi_param_ISCSI_PARAM_ISID,
        /// `tsid`: the target session identifying handle, decimal.
        Tsih = iscsi_param_ISCSI_PARAM_TSID,
        /// `initial_r2t`: InitialR2T, RFC 7143 section 13.10.
        InitialR2t = iscsi_param_ISCSI_PARAM_INITIAL_R2T_EN,
        /// `immediate_data`: ImmediateData, RFC 7143 section 13.11.
        ImmediateData = iscsi_param_ISCSI_PARAM_IMM_DATA_EN,
        /// `max_burst_len`: MaxBurstLength in bytes, RFC 7143 section 13.13.
        MaxBurst = iscsi_param_ISCSI_PARAM_MAX_BURST,
        /// `first_burst_len`: FirstBurstLength in bytes, RFC 7143 section 13.14.
        FirstBurst = iscsi_param_ISCSI_PARAM_FIRST_BURST,
        /// `def_time2wait`: DefaultTime2Wait in seconds, RFC 7143 section 13.15.
        Time2Wait = iscsi_param_ISCSI_PARAM_DEF_TIME2WAIT,
        /// `def_time2retain`: DefaultTime2Retain in seconds, RFC 7143 section 13.16.
        Time2Retain = iscsi_param_ISCSI_PARAM_DEF_TIME2RETAIN,
        /// `max_outstanding_r2t`: MaxOutstandingR2T, RFC 7143 section 13.17.
        MaxOutstandingR2t = iscsi_param_ISCSI_PARAM_MAX_R2T,
        /// `data_pdu_in_order`: DataPDUInOrder, RFC 7143 section 13.18.
        DataPduInOrder = iscsi_param_ISCSI_PARAM_PDU_INORDER_EN,
        /// `data_seq_in_order`: DataSequenceInOrder, RFC 7143 section 13.19.
        DataSequenceInOrder = iscsi_param_ISCSI_PARAM_DATASEQ_INORDER_EN,
        /// `erl`: ErrorRecoveryLevel, RFC 7143 section 13.20.
        ErrorRecoveryLevel = iscsi_param_ISCSI_PARAM_ERL,
    }
}

params! {
    /// What a connection shows in `/sys/class/iscsi_connection/connection<N>:<CID>`.
    ///
    /// Addresses are text without port, IPv6 without brackets. A parameter that is not known while
    /// the connection is down answers `ENOTCONN`.
    ConnectionParam: iscsi_param {
        /// `persistent_address`: the configured address of the portal. udev needs it.
        PersistentAddress = iscsi_param_ISCSI_PARAM_PERSISTENT_ADDRESS,
        /// `persistent_port`: the configured port of the portal. udev needs it.
        PersistentPort = iscsi_param_ISCSI_PARAM_PERSISTENT_PORT,
        /// `address`: the address connected to, which a redirection may have changed.
        Address = iscsi_param_ISCSI_PARAM_CONN_ADDRESS,
        /// `port`: the port connected to.
        Port = iscsi_param_ISCSI_PARAM_CONN_PORT,
        /// `local_ipaddr`: the address connected from.
        LocalAddress = iscsi_param_ISCSI_PARAM_LOCAL_IPADDR,
        /// `local_port`: the port connected from.
        LocalPort = iscsi_param_ISCSI_PARAM_LOCAL_PORT,
        /// `header_digest`: 1 if CRC32C was negotiated.
        HeaderDigest = iscsi_param_ISCSI_PARAM_HDRDGST_EN,
        /// `data_digest`: 1 if CRC32C was negotiated.
        DataDigest = iscsi_param_ISCSI_PARAM_DATADGST_EN,
        /// `max_recv_dlength`: our MaxRecvDataSegmentLength in bytes, RFC 7143 section 13.12.
        MaxRecvLength = iscsi_param_ISCSI_PARAM_MAX_RECV_DLENGTH,
        /// `max_xmit_dlength`: the target's MaxRecvDataSegmentLength in bytes.
        MaxXmitLength = iscsi_param_ISCSI_PARAM_MAX_XMIT_DLENGTH,
        /// `exp_statsn`: the next StatSN we expect.
        ExpStatSn = iscsi_param_ISCSI_PARAM_EXP_STATSN,
        /// `ping_tmo`: how long the answer to a NOP-Out may take, in seconds.
        PingTimeout = iscsi_param_ISCSI_PARAM_PING_TMO,
        /// `recv_tmo`: after how many seconds of silence a NOP-Out is sent.
        RecvTimeout = iscsi_param_ISCSI_PARAM_RECV_TMO,
    }
}

params! {
    /// What a host shows in `/sys/class/iscsi_host/host<N>`.
    HostParam: iscsi_host_param {
        /// `initiatorname`: our own iSCSI name.
        InitiatorName = iscsi_host_param_ISCSI_HOST_PARAM_INITIATOR_NAME,
        /// `ipaddress`: the address the session is connected from.
        Address = iscsi_host_param_ISCSI_HOST_PARAM_IPADDRESS,
    }
}

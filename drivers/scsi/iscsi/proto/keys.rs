// SPDX-License-Identifier: GPL-2.0

//! The login keys, each in one place: the table of RFC 7143 section 13.
//!
//! [`Key`] names a key, [`KeySpec`] says everything about it. The parameter structs of
//! [`negotiate`](crate::proto::negotiate), the text on the wire, the limits of `iscsiadm` and of
//! the configuration and the boundary tests all come from the table `for_each_key` below.

mod value;

use core::fmt;

pub use self::value::{
    Digest,
    DigestOffer,
    Value,
    ValueError, //
};

/// 2^24 - 1: the largest data segment that a header can announce (RFC 7143 section 11.2.1.6).
pub const MAX_SEGMENT_LENGTH: u32 = 0x00ff_ffff;

/// Hands the table of all login keys to the macro `$then`.
///
/// `values` are the keys with a value that both sides use afterwards: each becomes a field of
/// `Offer` and `Negotiated` and a line of `list target -v`. `others` are names, declarations that
/// only the target makes, and keys this initiator answers but never proposes.
///
/// `uses` is who may send the key in which phase: the initiator, then the target.
/// `param` is the name for `iscsiadm -p`, the label in its lists, and the values it takes.
macro_rules! for_each_key {
    ($then:ident) => { $then! {
        values {
            /// Digest over each header.
            HeaderDigest header_digest: digest {} => First, uses [IO, IO], Operational, Connection,
                NeverIrrelevant, "13.1", param ("headerdigest", "Header Digest", Digest);
            /// Digest over each data segment.
            DataDigest data_digest: digest {} => First, uses [IO, IO], Operational, Connection,
                NeverIrrelevant, "13.1", param ("datadigest", "Data Digest", Digest);
            /// Connections of a session.
            MaxConnections max_connections: number { 1, 65535, 1, Count } => Minimum,
                uses [LO, LO], Operational, Session, InDiscovery, "13.2",
                param ("maxconnections", "Max Connections", FixedNumber { min: 1, max: 256 });
            /// Whether unsolicited Data-Out PDUs are forbidden.
            InitialR2T initial_r2t: boolean { true } => Or, uses [LO, LO], Operational, Session,
                InDiscovery, "13.10",
                param ("initialr2t", "Initial Ready To Transfer (R2T)", Boolean);
            /// Whether a command PDU may carry data.
            ImmediateData immediate_data: boolean { true } => And, uses [LO, LO], Operational,
                Session, InDiscovery, "13.11", param ("immediatedata", "Immediate Data", Boolean);
            /// The longest data segment, in bytes, that the sender of the key receives.
            MaxRecvDataSegmentLength max_recv_data_segment_length:
                number { 512, MAX_SEGMENT_LENGTH, 8192, Bytes } => Declared, uses [ALL, ALL],
                Operational, Connection, NeverIrrelevant, "13.12",
                param ("maxrecvdataseglen", "Max Receive Data Segment Length",
                    Number { min: 512, max: MAX_SEGMENT_LENGTH });
            /// The longest Data-In or solicited Data-Out sequence, in bytes.
            MaxBurstLength max_burst_length:
                number { 512, MAX_SEGMENT_LENGTH, 262_144, Bytes } => Minimum, uses [LO, LO],
                Operational, Session, InDiscovery, "13.13",
                param ("maxburstlength", "Max Burst Length",
                    Number { min: 512, max: MAX_SEGMENT_LENGTH });
            /// All unsolicited data of one command, in bytes; at most `MaxBurstLength`.
            FirstBurstLength first_burst_length:
                number { 512, MAX_SEGMENT_LENGTH, 65_536, Bytes } => Minimum, uses [LO, LO],
                Operational, Session, WithoutUnsolicitedData, "13.14",
                param ("firstburstlength", "First Burst Length",
                    Number { min: 512, max: MAX_SEGMENT_LENGTH });
            /// How long to wait, in seconds, before a lost connection is logged in again.
            DefaultTime2Wait default_time2wait: number { 0, 3600, 2, Seconds } => Maximum,
                uses [LO, LO], Operational, Session, NeverIrrelevant, "13.15",
                param ("defaulttime2wait", "Default Time To Wait", Number { min: 0, max: 3600 });
            /// How long after that, in seconds, the target keeps the tasks of the connection.
            DefaultTime2Retain default_time2retain: number { 0, 3600, 20, Seconds } => Minimum,
                uses [LO, LO], Operational, Session, NeverIrrelevant, "13.16",
                param ("defaulttime2retain", "Default Time To Retain",
                    Number { min: 0, max: 3600 });
            /// R2Ts of one task that may be unanswered at a time.
            MaxOutstandingR2T max_outstanding_r2t: number { 1, 65535, 1, Count } => Minimum,
                uses [LO, LO], Operational, Session, InDiscovery, "13.17",
                param ("maxoutstandingr2t", "Max Outstanding R2T",
                    FixedNumber { min: 1, max: 65535 });
            /// Whether the PDUs of a sequence come at increasing offsets.
            DataPDUInOrder data_pdu_in_order: boolean { true } => Or, uses [LO, LO], Operational,
                Session, InDiscovery, "13.18",
                param ("datapduinorder", "Data PDU In Order", Boolean);
            /// Whether the sequences of a command come at increasing offsets.
            DataSequenceInOrder data_sequence_in_order: boolean { true } => Or, uses [LO, LO],
                Operational, Session, InDiscovery, "13.19",
                param ("dataseqinorder", "Data Sequence In Order", Boolean);
            /// The recovery level of the session.
            ErrorRecoveryLevel error_recovery_level: number { 0, 2, 0, Level } => Minimum,
                uses [LO, LO], Operational, Session, NeverIrrelevant, "13.20",
                param ("errorrecoverylevel", "Error Recovery Level",
                    FixedNumber { min: 0, max: 2 });
        }
        others {
            /// The authentication methods, in order of preference.
            AuthMethod = "AuthMethod", list => First, uses [IO, IO], Security, Connection,
                NeverIrrelevant, "12.1";
            /// Asks for the targets that the initiator may use.
            SendTargets = "SendTargets", text => Declared, uses [FFPO, NEVER], Operational, Session,
                NeverIrrelevant, "13.3";
            /// The target to log in to.
            TargetName = "TargetName", name => Declared, uses [IO, FFPO], Any, Session,
                NeverIrrelevant, "13.4";
            /// Who logs in.
            InitiatorName = "InitiatorName", name => Declared, uses [IO, NEVER], Any, Session,
                NeverIrrelevant, "13.5";
            /// What people call the target.
            TargetAlias = "TargetAlias", local_name => Declared, uses [NEVER, ALL], Any, Session,
                NeverIrrelevant, "13.6";
            /// What people call the initiator.
            InitiatorAlias = "InitiatorAlias", local_name => Declared, uses [ALL, NEVER], Any,
                Session, NeverIrrelevant, "13.7";
            /// Where the target is; may be repeated.
            TargetAddress = "TargetAddress", text => Declared, uses [NEVER, ALL], Any, Session,
                NeverIrrelevant, "13.8";
            /// The portal group that serves the login.
            TargetPortalGroupTag = "TargetPortalGroupTag", tag => Declared, uses [NEVER, IO], Any,
                Session, NeverIrrelevant, "13.9";
            /// Whether the session is for discovery only.
            SessionType = "SessionType", text => Declared, uses [LO, NEVER], Any, Session,
                NeverIrrelevant, "13.21";
            /// How the target reports aborted tasks; RFC3720 unless negotiated.
            TaskReporting = "TaskReporting", list => First, uses [LO, LO], Operational, Session,
                InDiscovery, "13.23";
            /// The level of the protocol; 1 is RFC 7143. Its range is that of RFC 7144 section
            /// 7.1.1.
            IscsiProtocolLevel = "iSCSIProtocolLevel", level => Minimum, uses [LO, LO],
                Operational, Session, InDiscovery, "13.24";
            /// Markers from target to initiator; gone since RFC 7143.
            IFMarker = "IFMarker", text => Obsolete, uses [NEVER, IO], Operational, Connection,
                NeverIrrelevant, "13.25";
            /// Markers from initiator to target; gone since RFC 7143.
            OFMarker = "OFMarker", text => Obsolete, uses [NEVER, IO], Operational, Connection,
                NeverIrrelevant, "13.25";
            /// Distance of markers from target to initiator; gone since RFC 7143.
            IFMarkInt = "IFMarkInt", text => Obsolete, uses [NEVER, IO], Operational, Connection,
                NeverIrrelevant, "13.25";
            /// Distance of markers from initiator to target; gone since RFC 7143.
            OFMarkInt = "OFMarkInt", text => Obsolete, uses [NEVER, IO], Operational, Connection,
                NeverIrrelevant, "13.25";
            /// What the sender is built of; never acted on.
            NodeArchitecture = "X#NodeArchitecture", text => Declared, uses [LO, LO], Operational,
                Session, NeverIrrelevant, "13.26";
        }
    } };
}
pub(crate) use for_each_key;

/// Everything RFC 7143 and `iscsiadm` say about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// The key.
    pub key: Key,
    /// Its name on the wire; case counts.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// How the answer follows from the proposal.
    pub rule: Rule,
    /// When an initiator may send it; `None` for never.
    pub initiator: Option<Use>,
    /// When a target may send it; `None` for never.
    pub target: Option<Use>,
    /// The login stage it belongs to.
    pub stage: KeyStage,
    /// What its value holds for.
    pub scope: Scope,
    /// When "Irrelevant" is a fitting answer.
    pub irrelevant: IrrelevantWhen,
    /// The section of RFC 7143 that defines it.
    pub section: &'static str,
    /// How `iscsiadm` presents it, if it does.
    pub param: Option<Param>,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number in an inclusive range.
    Number {
        /// The smallest legal value.
        min: u32,
        /// The largest legal value.
        max: u32,
        /// The value without negotiation.
        default: u32,
        /// What is counted.
        unit: Unit,
    },
    /// `Yes` or `No`.
    Boolean {
        /// The value without negotiation.
        default: bool,
    },
    /// A list of digest names, without negotiation `None`.
    Digest,
    /// A list of other names.
    List,
    /// An iSCSI name.
    Name,
    /// Any UTF-8.
    LocalName,
    /// A 16-bit binary value.
    Tag,
    /// Text of a form of its own.
    Text,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Pieces.
    Count,
    /// A level, each including the lower ones.
    Level,
}

/// How the answer follows from the proposal: the result functions of RFC 7143 section 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first item of the proposed list that the acceptor supports.
    First,
    /// At most the proposed number.
    Minimum,
    /// At least the proposed number.
    Maximum,
    /// `No` if `No` was proposed.
    And,
    /// `Yes` if `Yes` was proposed.
    Or,
    /// There is no answer.
    Declared,
    /// The answer is `Reject`.
    Obsolete,
}

/// The phase in which a key may be sent: the "use" of RFC 7143 section 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// LO: during login on the leading connection.
    LeadingOnly,
    /// IO: during login.
    InitializeOnly,
    /// FFPO: during the Full Feature Phase.
    FullFeatureOnly,
    /// ALL.
    Always,
}

/// The login stage in which a key may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStage {
    /// In both.
    Any,
    /// SecurityNegotiation.
    Security,
    /// LoginOperationalNegotiation.
    Operational,
}

/// What a value holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// CO: the connection.
    Connection,
    /// SW: the session.
    Session,
}

/// When "Irrelevant" is a fitting answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrrelevantWhen {
    /// Never.
    NeverIrrelevant,
    /// With SessionType=Discovery.
    InDiscovery,
    /// With SessionType=Discovery, or with InitialR2T=Yes and ImmediateData=No.
    WithoutUnsolicitedData,
}

/// How `iscsiadm` presents a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name in `-p name=value`, in lower case; for digests the name of the option itself.
    pub name: &'static str,
    /// The label in lists, without its colon.
    pub label: &'static str,
    /// What the user may set.
    pub input: Input,
}

/// What the user may set a parameter to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A number in an inclusive range.
    Number {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// A number that is checked against the range and then refused as not supported.
    FixedNumber {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// `yes` or `no`.
    Boolean,
    /// A digest, by an option of its own instead of `-p`.
    Digest,
}

impl KeySpec {
    /// Checks that the value is of the key's kind and in its range.
    ///
    /// # Errors
    ///
    /// [`ValueError::WrongKind`] or [`ValueError::OutOfRange`].
    pub const fn check(&self, value: Value) -> Result<(), ValueError> {
        let key = self.key;
        match (self.kind, value) {
            (Kind::Number { min, max, .. }, Value::Number(number)) => {
                if min <= number && number <= max {
                    Ok(())
                } else {
                    Err(ValueError::OutOfRange { key, min, max })
                }
            }
            (Kind::Boolean { .. }, Value::Boolean(_)) | (Kind::Digest, Value::Digest(_)) => Ok(()),
            _ => Err(ValueError::WrongKind(key)),
        }
    }

    /// The value without negotiation, for keys that become a parameter.
    pub const fn default(&self) -> Option<Value> {
        match self.kind {
            Kind::Number { default, .. } => Some(Value::Number(default)),
            Kind::Boolean { default } => Some(Value::Boolean(default)),
            Kind::Digest => Some(Value::Digest(DigestOffer::None)),
            Kind::List | Kind::Name | Kind::LocalName | Kind::Tag | Kind::Text => None,
        }
    }
}

impl Key {
    /// The key of this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The parameter that `iscsiadm -p` calls `name`; case does not count.
pub fn param(name: &str) -> Option<Key> {
    LISTED.into_iter().find(|key| match key.spec().param {
        Some(param) => param.input != Input::Digest && param.name.eq_ignore_ascii_case(name),
        None => false,
    })
}

/// The parameters in the order in which `iscsiadm` lists them.
pub const LISTED: [Key; 14] = [
    Key::DataSequenceInOrder,
    Key::DataPDUInOrder,
    Key::DefaultTime2Retain,
    Key::DefaultTime2Wait,
    Key::ErrorRecoveryLevel,
    Key::FirstBurstLength,
    Key::ImmediateData,
    Key::InitialR2T,
    Key::MaxBurstLength,
    Key::MaxOutstandingR2T,
    Key::MaxRecvDataSegmentLength,
    Key::MaxConnections,
    Key::HeaderDigest,
    Key::DataDigest,
];

/// A set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeySet(u64);

impl KeySet {
    /// Adds a key; whether it was not in the set before.
    pub fn insert(&mut self, key: Key) -> bool {
        let new = !self.contains(key);
        self.0 |= Self::bit(key);
        new
    }

    /// Whether the key is in the set.
    pub const fn contains(self, key: Key) -> bool {
        self.0 & Self::bit(key) != 0
    }

    /// The keys of the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Key> {
        Key::ALL
            .iter()
            .copied()
            .filter(move |key| self.contains(*key))
    }

    const fn bit(key: Key) -> u64 {
        1 << (key as u8)
    }
}

const _: () = assert!(Key::ALL.len() <= 64);

const LO: Option<Use> = Some(Use::LeadingOnly);
const IO: Option<Use> = Some(Use::InitializeOnly);
const FFPO: Option<Use> = Some(Use::FullFeatureOnly);
const ALL: Option<Use> = Some(Use::Always);
const NEVER: Option<Use> = None;

/// The kind of a key, as the table writes it.
macro_rules! kind {
    (number { $min:expr, $max:expr, $default:expr, $unit:ident }) => {
        Kind::Number {
            min: $min,
            max: $max,
            default: $default,
            unit: Unit::$unit,
        }
    };
    (boolean { $default:expr }) => {
        Kind::Boolean { default: $default }
    };
    (digest {}) => {
        Kind::Digest
    };
    (level) => {
        Kind::Number {
            min: 0,
            max: 31,
            default: 1,
            unit: Unit::Level,
        }
    };
    (list) => {
        Kind::List
    };
    (name) => {
        Kind::Name
    };
    (local_name) => {
        Kind::LocalName
    };
    (tag) => {
        Kind::Tag
    };
    (text) => {
        Kind::Text
    };
}

/// Makes the enum and its specifications out of the table.
macro_rules! define_keys {
    (
        values { $(
            $(#[$vdoc:meta])*
            $value:ident $field:ident: $vkind:ident $vargs:tt => $vrule:ident,
            uses [$vini:ident, $vtgt:ident], $vstage:ident, $vscope:ident, $virr:ident, $vsection:literal,
            param ($pname:literal, $plabel:literal, $($pinput:tt)+);
        )* }
        others { $(
            $(#[$odoc:meta])*
            $other:ident = $oname:literal, $okind:ident => $orule:ident,
            uses [$oini:ident, $otgt:ident], $ostage:ident, $oscope:ident, $oirr:ident, $osection:literal;
        )* }
    ) => {
        /// A login key of RFC 7143.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Key {
            $( $(#[$vdoc])* $value, )*
            $( $(#[$odoc])* $other, )*
        }

        impl Key {
            /// All keys, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$value,)* $(Self::$other,)*];

            /// The keys that become a parameter, in the order of the table.
            pub const VALUES: &'static [Self] = &[$(Self::$value,)*];

            /// Everything about the key.
            pub const fn spec(self) -> &'static KeySpec {
                match self {
                    $( Self::$value => {
                        const SPEC: KeySpec = KeySpec {
                            key: Key::$value,
                            name: stringify!($value),
                            kind: kind!($vkind $vargs),
                            rule: Rule::$vrule,
                            initiator: $vini,
                            target: $vtgt,
                            stage: KeyStage::$vstage,
                            scope: Scope::$vscope,
                            irrelevant: IrrelevantWhen::$virr,
                            section: $vsection,
                            param: Some(Param {
                                name: $pname,
                                label: $plabel,
                                input: Input::$($pinput)+,
                            }),
                        };
                        &SPEC
                    } )*
                    $( Self::$other => {
                        const SPEC: KeySpec = KeySpec {
                            key: Key::$other,
                            name: $oname,
                            kind: kind!($okind),
                            rule: Rule::$orule,
                            initiator: $oini,
                            target: $otgt,
                            stage: KeyStage::$ostage,
                            scope: Scope::$oscope,
                            irrelevant: IrrelevantWhen::$oirr,
                            section: $osection,
                            param: None,
                        };
                        &SPEC
                    } )*
                }
            }
        }
    };
}

for_each_key!(define_keys);

#[cfg(test)]
mod tests;

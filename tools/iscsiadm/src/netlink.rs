// SPDX-License-Identifier: GPL-2.0

//! The kernel over generic netlink: family `iscsi` of `Documentation/netlink/specs/iscsi.yaml`.

mod codec;
mod decode;
mod encode;

use std::time::Duration;

use iscsi_proto::proto::names::IscsiName;
use netlink_sys::{
    protocols::NETLINK_GENERIC,
    Socket,
    SocketAddr, //
};
use rustix::event::{
    poll,
    PollFd,
    PollFlags,
    Timespec, //
};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size_force;

use crate::failure::Failure;
use crate::kernel::{
    Kernel,
    Refusal, //
};
use crate::model::{
    Discovery,
    Initiator,
    Lun,
    Mark,
    Params,
    StaticEntry,
    StaticSelector,
    Target,
    TargetParam, //
};
use crate::uapi;
use codec::{
    Attribute,
    Attributes,
    Message, //
};

/// A connection to the module.
pub(crate) struct NetlinkKernel {
    requests: Socket,
    events: Option<Socket>,
    family: u16,
    event_group: u32,
    sequence: u32,
}

impl NetlinkKernel {
    /// Finds the family. If it is not there, the kernel loads the module on the way, by the alias
    /// that the module declares.
    pub(crate) fn open() -> Result<Self, Failure> {
        let mut kernel = Self {
            requests: socket().map_err(|error| refusal(&error))?,
            events: None,
            family: CONTROLLER,
            event_group: 0,
            sequence: 0,
        };
        let name = Attributes::default().string(CONTROLLER_FAMILY_NAME, uapi::FAMILY_NAME);
        let found = match kernel.request(CONTROLLER_GET_FAMILY, codec::ACK, &name) {
            Ok(found) => found,
            Err(refusal) if refusal.errno == Errno::NOENT => {
                return Err(Failure::error(
                    "the iSCSI initiator is not there: module iscsi is not loaded",
                )
                .with_hint("Try 'modprobe iscsi'."));
            }
            Err(refusal) => return Err(refusal.into()),
        };
        for attribute in found.iter().flat_map(|message| message.attributes()) {
            match attribute.kind {
                CONTROLLER_FAMILY_ID => kernel.family = attribute.u16().unwrap_or(CONTROLLER),
                CONTROLLER_GROUPS => kernel.event_group = group(attribute.value),
                _ => (),
            }
        }
        if kernel.family == CONTROLLER {
            return Err(decode::malformed("the number of the netlink family").into());
        }
        Ok(kernel)
    }

    /// Sends one request, and returns the answers when all of them are there.
    fn request(
        &mut self,
        command: u8,
        flags: u16,
        attributes: &Attributes,
    ) -> Result<Vec<Message>, Refusal> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = Message::request(self.family, flags, self.sequence, command, attributes);
        self.requests
            .send_to(&bytes, &SocketAddr::new(0, 0), 0)
            .map_err(|error| refusal(&error))?;
        let mut answers = Vec::new();
        loop {
            for message in receive(&self.requests)? {
                if message.sequence != self.sequence {
                    continue;
                }
                match message.end() {
                    Some(end) if end.errno == 0 => return Ok(answers),
                    Some(end) => {
                        return Err(Refusal {
                            errno: Errno::from_raw_os_error(end.errno),
                            sentence: end.sentence,
                            item: end.offset.and_then(|offset| attributes.item_at(offset)),
                        })
                    }
                    None => answers.push(message),
                }
            }
        }
    }

    /// A request that is answered with one message or none.
    fn ask(&mut self, command: u8, attributes: &Attributes) -> Result<Vec<Message>, Refusal> {
        self.request(command, codec::ACK, attributes)
    }

    /// A list. If it changed while it was read, it is read again.
    fn dump(&mut self, command: u8) -> Result<Vec<Message>, Refusal> {
        let mut tries = DUMP_TRIES;
        loop {
            let messages = self.request(command, codec::DUMP, &Attributes::default())?;
            let interrupted = |m: &Message| m.flags & codec::DUMP_INTERRUPTED != 0;
            tries -= 1;
            if tries == 0 || !messages.iter().any(interrupted) {
                return Ok(messages);
            }
        }
    }

    fn do_it(&mut self, command: u8, attributes: &Attributes) -> Result<(), Refusal> {
        self.ask(command, attributes).map(drop)
    }
}

impl Kernel for NetlinkKernel {
    fn initiator(&mut self) -> Result<(Initiator, Mark), Refusal> {
        let answers = self.ask(uapi::cmd::INITIATOR_GET, &Attributes::default())?;
        decode::initiator(decode::one(&answers)?)
    }

    fn set_initiator(&mut self, change: &Initiator) -> Result<(), Refusal> {
        self.do_it(uapi::cmd::INITIATOR_SET, &encode::initiator(change))
    }

    fn mark_configured(&mut self) -> Result<(), Refusal> {
        let mark = Attributes::default().flag(uapi::initiator::CONFIGURED);
        self.do_it(uapi::cmd::INITIATOR_SET, &mark)
    }

    fn discovery(&mut self) -> Result<Discovery, Refusal> {
        let answers = self.ask(uapi::cmd::DISCOVERY_GET, &Attributes::default())?;
        Ok(decode::discovery(decode::one(&answers)?))
    }

    fn set_discovery(&mut self, discovery: Discovery) -> Result<(), Refusal> {
        self.do_it(uapi::cmd::DISCOVERY_SET, &encode::discovery(discovery))
    }

    fn static_entries(&mut self) -> Result<Vec<StaticEntry>, Refusal> {
        let messages = self.dump(uapi::cmd::STATIC_GET)?;
        messages.iter().map(decode::static_entry).collect()
    }

    fn add_static(&mut self, entries: &[StaticEntry]) -> Result<(), Refusal> {
        let attributes = encode::static_selection(entries.iter().map(StaticEntry::selector));
        self.do_it(uapi::cmd::STATIC_ADD, &attributes)
    }

    fn remove_static(&mut self, selectors: &[StaticSelector]) -> Result<(), Refusal> {
        let attributes = encode::static_selection(selectors.iter().copied());
        self.do_it(uapi::cmd::STATIC_DEL, &attributes)
    }

    fn target_params(&mut self) -> Result<Vec<TargetParam>, Refusal> {
        let messages = self.dump(uapi::cmd::TARGET_PARAM_GET)?;
        messages.iter().map(decode::target_param).collect()
    }

    fn set_target_params(&mut self, targets: &[IscsiName], params: &Params) -> Result<(), Refusal> {
        let attributes = encode::target_params(targets, params);
        self.do_it(uapi::cmd::TARGET_PARAM_SET, &attributes)
    }

    fn remove_target_params(&mut self, target: &IscsiName) -> Result<(), Refusal> {
        let name = Attributes::default().string(uapi::target_param::TARGET_NAME, target.as_str());
        self.do_it(uapi::cmd::TARGET_PARAM_DEL, &name)
    }

    fn targets(&mut self) -> Result<Vec<Target>, Refusal> {
        let messages = self.dump(uapi::cmd::TARGET_GET)?;
        Ok(messages.iter().map(decode::target).collect())
    }

    fn rescan(&mut self, target: Option<&IscsiName>) -> Result<(), Refusal> {
        let mut attributes = Attributes::default();
        if let Some(target) = target {
            attributes = attributes.string(uapi::target::TARGET_NAME, target.as_str());
        }
        self.do_it(uapi::cmd::TARGET_RESCAN, &attributes)
    }

    fn luns(&mut self) -> Result<Vec<Lun>, Refusal> {
        let messages = self.dump(uapi::cmd::LUN_GET)?;
        messages.iter().map(decode::lun).collect()
    }

    fn watch(&mut self) -> Result<(), Refusal> {
        let listen = || -> std::io::Result<Socket> {
            let events = socket()?;
            events.add_membership(self.event_group)?;
            events.set_non_blocking(true)?;
            Ok(events)
        };
        self.events = Some(listen().map_err(|error| refusal(&error))?);
        Ok(())
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Refusal> {
        let Some(events) = &self.events else {
            std::thread::sleep(timeout);
            return Ok(());
        };
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let mut fds = [PollFd::new(events, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => (),
            Err(errno) => {
                return Err(Refusal {
                    errno,
                    sentence: None,
                    item: None,
                })
            }
        }
        // What has changed is asked for, not read here. Events that were lost (ENOBUFS) are events.
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        while events.recv(&mut buffer, 0).is_ok() {
            buffer.clear();
        }
        Ok(())
    }
}

fn socket() -> std::io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_GENERIC)?;
    socket.bind_auto()?;
    socket.set_ext_ack(true)?;
    socket.set_cap_ack(true)?;
    // Who may not do this may not do anything, and will be told so.
    let _ = set_socket_send_buffer_size_force(&socket, REQUEST_BYTES);
    Ok(socket)
}

/// One datagram of the kernel.
fn receive(socket: &Socket) -> Result<Vec<Message>, Refusal> {
    loop {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        match socket.recv_from(&mut buffer, 0) {
            Ok((_, sender)) if sender.port_number() != 0 => (),
            Ok(_) => {
                let messages: Vec<Message> = Message::all(&buffer).collect();
                if messages.is_empty() {
                    return Err(decode::malformed("a message"));
                }
                return Ok(messages);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
            Err(error) => return Err(refusal(&error)),
        }
    }
}

/// The number of the group of events.
fn group(groups: &[u8]) -> u32 {
    Attribute::all(groups)
        .find_map(|group| {
            let inner = || Attribute::all(group.value);
            inner()
                .find(|a| a.kind == CONTROLLER_GROUP_NAME && a.string() == uapi::MCGRP_EVENTS)?;
            inner().find(|a| a.kind == CONTROLLER_GROUP_ID)?.u32()
        })
        .unwrap_or_default()
}

fn refusal(error: &std::io::Error) -> Refusal {
    Refusal {
        errno: Errno::from_io_error(error).unwrap_or(Errno::IO),
        sentence: None,
        item: None,
    }
}

/// The longest request: all that 2 MiB of arguments can name, which is what a call may have.
const REQUEST_BYTES: usize = 8 << 20;

/// Larger than any datagram that the kernel makes for a dump (32 KiB).
const BUFFER_BYTES: usize = 64 << 10;

/// How often a list is read that keeps changing.
const DUMP_TRIES: u32 = 8;

// The controller of <linux/genetlink.h>, which knows the families.
const CONTROLLER: u16 = 0x10;
const CONTROLLER_GET_FAMILY: u8 = 3;
const CONTROLLER_FAMILY_ID: u16 = 1;
const CONTROLLER_FAMILY_NAME: u16 = 2;
const CONTROLLER_GROUPS: u16 = 7;
const CONTROLLER_GROUP_NAME: u16 = 1;
const CONTROLLER_GROUP_ID: u16 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// The controller itself is a family that every kernel has.
    #[test]
    fn a_family_is_found_and_one_that_is_not_there_is_refused() {
        let mut kernel = NetlinkKernel {
            requests: socket().unwrap(),
            events: None,
            family: CONTROLLER,
            event_group: 0,
            sequence: 0,
        };
        let name = |name| Attributes::default().string(CONTROLLER_FAMILY_NAME, name);
        let found = kernel.ask(CONTROLLER_GET_FAMILY, &name("nlctrl")).unwrap();
        let id = found[0]
            .attributes()
            .find(|a| a.kind == CONTROLLER_FAMILY_ID)
            .and_then(|a| a.u16());
        assert_eq!(id, Some(CONTROLLER));
        let missing = kernel.ask(CONTROLLER_GET_FAMILY, &name("nosuchfamily"));
        assert_eq!(missing.unwrap_err().errno, Errno::NOENT);
        let families = kernel.dump(CONTROLLER_GET_FAMILY).unwrap();
        assert!(!families.is_empty());
    }

    #[test]
    fn the_group_of_events_is_found_by_name() {
        let one = |name, id| {
            Attributes::default()
                .string(CONTROLLER_GROUP_NAME, name)
                .u32(CONTROLLER_GROUP_ID, id)
        };
        let groups = Attributes::default()
            .nest(1, one("other", 3))
            .nest(2, one("events", 4));
        let wrapped = Message::request(0, 0, 0, 0, &groups);
        assert_eq!(group(&wrapped[20..]), 4);
        assert_eq!(group(&[]), 0);
    }
}

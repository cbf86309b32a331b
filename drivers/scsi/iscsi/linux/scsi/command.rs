// SPDX-License-Identifier: GPL-2.0

//! Commands.

use crate::linux::{
    bindings,
    bvec::BioVec, //
};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The way the data of a command goes, seen from the initiator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// No data.
    None,
    /// From the target to memory.
    Read,
    /// From memory to the target.
    Write,
}

/// What the transport says about the end of a command: the host byte of its result.
///
/// The SCSI mid-layer decides on a retry by it; see `scsi_decide_disposition`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostStatus {
    /// The status of the target counts.
    Ok,
    /// The target is gone for good.
    NoConnect,
    /// The transport broke; retry, without counting it against the command where the path allows.
    TransportDisrupted,
    /// It was never sent; queue it again, without counting that.
    Requeue,
    /// The path is given up: fail at once.
    TransportFailFast,
    /// Something unexplained; retry and count it.
    Error,
}

impl HostStatus {
    fn byte(self) -> u32 {
        match self {
            Self::Ok => bindings::scsi_host_status_DID_OK,
            Self::NoConnect => bindings::scsi_host_status_DID_NO_CONNECT,
            Self::TransportDisrupted => bindings::scsi_host_status_DID_TRANSPORT_DISRUPTED,
            Self::Requeue => bindings::scsi_host_status_DID_REQUEUE,
            Self::TransportFailFast => bindings::scsi_host_status_DID_TRANSPORT_FAILFAST,
            Self::Error => bindings::scsi_host_status_DID_ERROR,
        }
    }
}

/// A command that the driver owns: from `queuecommand` until [`Command::done`].
///
/// A command that is dropped is completed as [`HostStatus::Error`], so that none is ever lost.
///
/// # Invariants
///
/// `cmd` was handed to `queuecommand` and neither completed nor given back since; `sg` is an entry
/// of its scatter list (or null, if it has none), `sg_offset` is inside that entry, and both stand
/// for the byte `position` of its data.
pub(crate) struct Command {
    cmd: NonNull<bindings::scsi_cmnd>,
    sg: *mut bindings::scatterlist,
    sg_offset: u32,
    position: u32,
}

// SAFETY: A command is not bound to the thread that was given it.
unsafe impl Send for Command {}

// SAFETY: The methods that take `&self` only read what does not change while the driver owns it.
unsafe impl Sync for Command {}

impl Command {
    /// Takes over a command.
    ///
    /// # Safety
    ///
    /// `cmd` must be the argument of a running `queuecommand`, which goes on to return 0 (or calls
    /// [`Command::release`]).
    pub(super) unsafe fn from_raw(cmd: NonNull<bindings::scsi_cmnd>) -> Self {
        // SAFETY: The command is valid by the contract of this function.
        let sg = unsafe { (*cmd.as_ptr()).sdb.table.sgl };
        // INVARIANT: By the contract; position 0 is the start of the first entry.
        Self {
            cmd,
            sg,
            sg_offset: 0,
            position: 0,
        }
    }

    fn raw(&self) -> &bindings::scsi_cmnd {
        // SAFETY: The command exists while we own it. The mid-layer writes to `state`, `eh_entry`
        // and its own fields behind our back, all of which are outside what the methods here read.
        unsafe { self.cmd.as_ref() }
    }

    /// The tag of the request: below the `can_queue` of the host, and unique among its commands.
    pub(crate) fn tag(&self) -> u32 {
        // SAFETY: The command exists while we own it.
        unsafe { bindings::iscsi_helper_scsi_cmd_tag(self.cmd.as_ptr()) }
    }

    /// The command descriptor block, 6 to 32 bytes.
    pub(crate) fn cdb(&self) -> &[u8] {
        let raw = self.raw();
        let len = usize::from(raw.cmd_len).min(raw.cmnd.len());
        raw.cmnd.get(..len).unwrap_or(&[])
    }

    /// The logical unit, as the eight bytes of SAM.
    pub(crate) fn lun(&self) -> [u8; 8] {
        // SAFETY: A command belongs to a device, which outlives it.
        lun_bytes(unsafe { (*self.raw().device).lun })
    }

    /// The direction of the data.
    pub(crate) fn direction(&self) -> Direction {
        match self.raw().sc_data_direction {
            bindings::dma_data_direction_DMA_TO_DEVICE if self.len() > 0 => Direction::Write,
            bindings::dma_data_direction_DMA_FROM_DEVICE if self.len() > 0 => Direction::Read,
            _ => Direction::None,
        }
    }

    /// The length of the data in bytes.
    pub(crate) fn len(&self) -> u32 {
        self.raw().sdb.length
    }

    /// Whether this is the last command of a batch.
    pub(crate) fn is_last(&self) -> bool {
        self.raw().flags & (bindings::SCMD_LAST as c_int) != 0
    }

    /// Fills `out` with the next pieces of the data from byte `offset` on, at most `len` bytes.
    ///
    /// Returns how many pieces and how many bytes they are: fewer than `len` bytes when `out` was
    /// full, or the data came to its end. Going on where the last call stopped costs nothing; other
    /// offsets cost a walk of the scatter list.
    ///
    /// The pieces may be used while the driver owns the command.
    pub(crate) fn pieces(&mut self, offset: u32, len: u32, out: &mut [BioVec]) -> (usize, u32) {
        if !self.seek(offset) {
            return (0, 0);
        }
        let (mut count, mut bytes) = (0, 0);
        for slot in out.iter_mut() {
            if bytes >= len || self.sg.is_null() {
                break;
            }
            // SAFETY: By the type invariant `sg` is an entry of the list.
            let sg = unsafe { &*self.sg };
            let take = (sg.length - self.sg_offset).min(len - bytes);
            // SAFETY: The entry describes memory of the command's data, which is the driver's to
            // use until it completes the command; `take` stays inside the entry.
            *slot = unsafe {
                BioVec::from_raw(
                    bindings::iscsi_helper_sg_page(self.sg),
                    sg.offset + self.sg_offset,
                    take,
                )
            };
            count += 1;
            bytes += take;
            self.advance(take);
        }
        (count, bytes)
    }

    /// Moves the position to `offset`; false if the data is not that long.
    fn seek(&mut self, offset: u32) -> bool {
        if offset < self.position {
            // INVARIANT: The first entry is byte 0.
            self.sg = self.raw().sdb.table.sgl;
            self.sg_offset = 0;
            self.position = 0;
        }
        while self.position < offset {
            if self.sg.is_null() {
                return false;
            }
            // SAFETY: By the type invariant `sg` is an entry of the list.
            let rest = unsafe { (*self.sg).length } - self.sg_offset;
            self.advance(rest.min(offset - self.position));
        }
        true
    }

    /// Moves the position on by `by` bytes, which must be inside the present entry.
    fn advance(&mut self, by: u32) {
        // INVARIANT: The three fields move together.
        self.position += by;
        self.sg_offset += by;
        // SAFETY: By the type invariant `sg` is an entry of the list.
        if self.sg_offset >= unsafe { (*self.sg).length } {
            // SAFETY: As above.
            self.sg = unsafe { bindings::iscsi_helper_sg_next(self.sg) };
            self.sg_offset = 0;
        }
    }

    /// Copies sense data to where the mid-layer looks for it; what is too long is cut.
    pub(crate) fn set_sense(&mut self, sense: &[u8]) {
        let len = sense.len().min(bindings::SCSI_SENSE_BUFFERSIZE as usize);
        // SAFETY: The command is ours, and its sense buffer has SCSI_SENSE_BUFFERSIZE bytes.
        unsafe {
            core::ptr::copy_nonoverlapping(sense.as_ptr(), self.raw().sense_buffer, len);
        }
    }

    /// Says how many bytes of the data were not transferred.
    pub(crate) fn set_residual(&mut self, bytes: u32) {
        let bytes = bytes.min(self.len());
        // SAFETY: The command is ours.
        unsafe { (*self.cmd.as_ptr()).resid_len = bytes };
    }

    /// Completes the command with a host status and the SCSI status byte of the target, from a
    /// thread of the driver: what follows in the block layer runs here and now, not in a softirq.
    ///
    /// # Context
    ///
    /// A kernel thread without locks; not `queuecommand`. May not be in a scope that lends reserves.
    pub(crate) fn done_here(self, host: HostStatus, status: u8) {
        let cmd = self.release();
        // SAFETY: As in `done`.
        unsafe {
            (*cmd.as_ptr()).result = (host.byte() << 16) as c_int | c_int::from(status);
            bindings::scsi_done_direct(cmd.as_ptr());
        }
    }

    /// Completes the command with a host status and the SCSI status byte of the target.
    ///
    /// If the command has timed out meanwhile, the error handler finishes it instead; it waits for
    /// the driver to let go of it, which this call does as well.
    ///
    /// # Context
    ///
    /// Any; does not sleep. It may run completion handlers at once, so no lock of the driver may be
    /// held that a submitter takes.
    pub(crate) fn done(self, host: HostStatus, status: u8) {
        let cmd = self.release();
        // SAFETY: The command was ours until the line above, and this is the only place that
        // completes it.
        unsafe {
            (*cmd.as_ptr()).result = (host.byte() << 16) as c_int | c_int::from(status);
            bindings::scsi_done(cmd.as_ptr());
        }
    }

    /// Lets go of the command without completing it, for a caller who will: the mid-layer when
    /// `queuecommand` refuses, the error handler after an abort.
    pub(super) fn release(self) -> NonNull<bindings::scsi_cmnd> {
        let cmd = self.cmd;
        core::mem::forget(self);
        cmd
    }

    /// Gives a command that has timed out back to the error handler that asked for it.
    ///
    /// Only for a handler of [`EhCommand`], which then answers success.
    pub(crate) fn give_up(self) {
        self.release();
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        let cmd = self.cmd;
        // SAFETY: The command is ours, and not used again after the drop.
        unsafe {
            (*cmd.as_ptr()).result = (HostStatus::Error.byte() << 16) as c_int;
            bindings::scsi_done(cmd.as_ptr());
        }
    }
}

/// A command that the error handler asks about: it has timed out, and the driver may still own it
/// as a [`Command`], or may have completed it just now.
pub(crate) struct EhCommand(NonNull<bindings::scsi_cmnd>);

impl EhCommand {
    /// Wraps the argument of an error handler.
    ///
    /// # Safety
    ///
    /// `cmd` must be the argument of an error handler (or of `eh_timed_out`) that is running.
    pub(super) unsafe fn from_raw(cmd: NonNull<bindings::scsi_cmnd>) -> Self {
        Self(cmd)
    }

    /// The tag of the request.
    pub(crate) fn tag(&self) -> u32 {
        // SAFETY: The mid-layer keeps the command while its handler runs.
        unsafe { bindings::iscsi_helper_scsi_cmd_tag(self.0.as_ptr()) }
    }

    /// The logical unit, as the eight bytes of SAM.
    pub(crate) fn lun(&self) -> [u8; 8] {
        // SAFETY: The mid-layer keeps the command and its device while its handler runs.
        lun_bytes(unsafe { (*self.0.as_ref().device).lun })
    }

    /// Whether `command` is this one.
    pub(crate) fn is(&self, command: &Command) -> bool {
        self.0 == command.cmd
    }
}

/// The eight bytes of a logical unit number: `int_to_scsilun` of the mid-layer.
fn lun_bytes(lun: u64) -> [u8; 8] {
    let mut out = [0; 8];
    let mut rest = lun;
    for level in out.chunks_exact_mut(2) {
        level.copy_from_slice(&(rest as u16).to_be_bytes());
        rest >>= 16;
    }
    out
}

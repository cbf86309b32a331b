// SPDX-License-Identifier: GPL-2.0

//! Hosts and the callbacks of the mid-layer.

use super::{
    Command,
    EhCommand, //
};
use crate::linux::{
    bindings,
    sysfs::{
        Groups,
        Subject, //
    },
};
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    types::ForeignOwnable, //
};

/// Why a command is refused for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Busy {
    /// The target takes no command now; the mid-layer tries again later.
    Target,
}

/// What to do about a command whose time is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TimeoutAction {
    /// Start its time again.
    ResetTimer,
    /// Let the error handler abort it.
    Abort,
}

/// How an error handler ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EhOutcome {
    /// It is done: the driver holds none of the commands concerned any more.
    Success,
    /// It did not work: try the next level.
    Failed,
    /// The path is given up: fail the commands.
    FailFast,
}

impl EhOutcome {
    fn code(self) -> c_int {
        let code = match self {
            Self::Success => bindings::scsi_disposition_SUCCESS,
            Self::Failed => bindings::scsi_disposition_FAILED,
            Self::FailFast => bindings::scsi_disposition_FAST_IO_FAIL,
        };
        code as c_int
    }
}

/// The queue of a disk, while it is being configured.
pub(crate) struct DiskQueue<'a> {
    queue: NonNull<bindings::request_queue>,
    limits: &'a mut bindings::queue_limits,
}

impl DiskQueue<'_> {
    /// Asks for pages that do not change while they are written out, as a data digest needs.
    pub(crate) fn require_stable_writes(&mut self) {
        self.limits.features |= bindings::BLK_FEAT_STABLE_WRITES;
    }

    /// Has commands end on the CPU that says so, as `rq_affinity` 0 does, and not on the one that
    /// submitted them.
    pub(crate) fn complete_anywhere(&mut self) {
        // SAFETY: `queue` is valid for as long as `self` is, see `configure_callback`; bits of
        // its flags are changed atomically.
        unsafe {
            bindings::blk_queue_flag_clear(bindings::QUEUE_FLAG_SAME_COMP, self.queue.as_ptr());
        }
    }
}

/// The callbacks of a low-level driver. `&self` is the data that [`Host::new`] was given.
pub(crate) trait HostOps: Send + Sync + Sized + 'static {
    /// The files of the host, in `/sys/class/scsi_host/host<N>`: see
    /// [`attribute_groups!`](crate::linux::sysfs::attribute_groups).
    const FILES: Option<&'static Groups<Self>> = None;

    /// Takes a command, or gives it back with the reason.
    ///
    /// # Context
    ///
    /// May sleep, while no request of the host can be waited for. Called from any CPU at the same
    /// time.
    fn queue_command(&self, cmd: Command) -> Result<(), (Command, Busy)>;

    /// Called after commands of which none was the last of its batch.
    fn commit(&self);

    /// The time of a command is over.
    ///
    /// # Context
    ///
    /// A work queue; may not sleep long.
    fn timed_out(&self, cmd: &EhCommand) -> TimeoutAction;

    /// Aborts one command. After success the driver must not own it any more.
    ///
    /// # Context
    ///
    /// A work queue or the error handler's thread; may sleep.
    fn abort(&self, cmd: &EhCommand) -> EhOutcome;

    /// Resets the logical unit of the command. After success the driver must not own any command
    /// of that unit that had been given to it before.
    ///
    /// # Context
    ///
    /// The error handler's thread, or an ioctl; may sleep.
    fn reset_lun(&self, cmd: &EhCommand) -> EhOutcome;

    /// Resets the target; as [`HostOps::reset_lun`], for all units.
    fn reset_target(&self, cmd: &EhCommand) -> EhOutcome;

    /// A logical unit has been found.
    fn configure_device(&self, queue: DiskQueue<'_>);
}

/// The numbers of a new host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostLimits {
    /// Commands at a time.
    pub(crate) can_queue: u16,
    /// Commands at a time and logical unit, at first.
    pub(crate) cmd_per_lun: i16,
    /// The largest number of a logical unit, as the mid-layer counts them: the addressing method of
    /// SAM is part of it.
    pub(crate) max_lun: u64,
    /// Entries of a scatter list.
    pub(crate) sg_tablesize: u16,
    /// Sectors of 512 bytes in a command.
    pub(crate) max_sectors: u32,
}

/// A SCSI host.
///
/// Dropping it removes the host with all its devices, waits until no callback runs or can come any
/// more, and then drops the reference to the data.
///
/// # Invariants
///
/// `host` was allocated by `scsi_host_alloc` with [`Private`] behind it, whose `data` is `Arc<T>` in
/// foreign hands until the drop; a reference to the host is ours. `added` says whether `scsi_add_host` has succeeded.
pub(crate) struct Host<T: HostOps> {
    host: NonNull<bindings::Scsi_Host>,
    added: bool,
    /// Dropped after the removal in `drop`, as fields are.
    _transport: Option<Arc<dyn Send + Sync>>,
    _data: PhantomData<Arc<T>>,
}

// SAFETY: A host may be used from any thread; the data is `Send` and `Sync`.
unsafe impl<T: HostOps> Send for Host<T> {}

// SAFETY: As above.
unsafe impl<T: HostOps> Sync for Host<T> {}

impl<T: HostOps> Host<T> {
    /// Allocates a host with its data. It is seen by nobody before it is added, by
    /// [`Registration::add_host`](crate::linux::transport::Registration::add_host).
    pub(crate) fn new(data: Arc<T>, limits: HostLimits) -> Result<Self> {
        // SAFETY: The template is a constant that lives as long as the module, which the callbacks
        // keep by `module`.
        let host = unsafe {
            bindings::scsi_host_alloc(VTable::<T>::TEMPLATE, size_of::<Private>() as c_int)
        };
        let host = NonNull::new(host).ok_or(ENOMEM)?;
        let raw = host.as_ptr();
        // SAFETY: The host is new: nobody else sees it. Its private data has room for `Private`.
        unsafe {
            (*raw).can_queue = c_int::from(limits.can_queue);
            (*raw).cmd_per_lun = limits.cmd_per_lun;
            (*raw).max_lun = limits.max_lun;
            (*raw).max_id = 1;
            (*raw).max_channel = 0;
            (*raw).max_cmd_len = 32;
            (*raw).sg_tablesize = limits.sg_tablesize;
            (*raw).max_sectors = limits.max_sectors;
            (*raw).dma_alignment = 0;
            (*raw).nr_hw_queues = 1;
            (*raw).set_host_tagset(1);
            (*raw).set_queuecommand_may_block(1);
            private(raw).write(Private {
                data: Atomic::new(data.into_foreign()),
                handlers: Atomic::new(0),
            });
        }
        // INVARIANT: Done above; not added yet.
        Ok(Self {
            host,
            added: false,
            _transport: None,
            _data: PhantomData,
        })
    }

    /// The C host, for the transport class.
    pub(in crate::linux) fn as_raw(&self) -> *mut bindings::Scsi_Host {
        self.host.as_ptr()
    }

    /// The data of a host, for a callback of the transport class.
    ///
    /// # Safety
    ///
    /// `host` must come from [`Host::new`] with the same `T`, and must not have been removed for as
    /// long as the reference is used.
    pub(in crate::linux) unsafe fn data_of<'a>(
        host: *mut bindings::Scsi_Host,
    ) -> kernel::sync::ArcBorrow<'a, T> {
        // SAFETY: By the contract; the data is taken back after the removal only.
        unsafe { data::<T>(host) }
    }

    /// The number of the host: `host<N>` in sysfs.
    pub(crate) fn number(&self) -> u32 {
        // SAFETY: By the type invariant the host exists; the number never changes.
        unsafe { (*self.host.as_ptr()).host_no }
    }

    /// Adds the host to the system, as a host of the transport class that `template` stands for.
    ///
    /// `transport` is what keeps `template` registered; the host holds it until it is gone.
    ///
    /// # Errors
    ///
    /// Those of `scsi_add_host`.
    pub(in crate::linux) fn add(
        &mut self,
        template: NonNull<bindings::scsi_transport_template>,
        transport: Arc<dyn Send + Sync>,
    ) -> Result {
        let raw = self.host.as_ptr();
        // SAFETY: The host is not added yet, so nobody reads the field.
        unsafe { (*raw).transportt = template.as_ptr() };
        self._transport = Some(transport);
        // SAFETY: The host is fully set up; no parent means the platform bus.
        to_result(unsafe { bindings::scsi_add_host_with_dma(raw, null_mut(), null_mut()) })?;
        // INVARIANT: It has just succeeded.
        self.added = true;
        Ok(())
    }

    /// How many times the disks of this host are open (or mounted, or in use by another device).
    pub(crate) fn openers(&self) -> u32 {
        // SAFETY: By the type invariant the host exists.
        unsafe { bindings::iscsi_helper_shost_openers(self.host.as_ptr()) }
    }

    /// Calls `f` with the number of each logical unit.
    pub(crate) fn for_each_lun(&self, mut f: impl FnMut(u64)) {
        let raw = self.host.as_ptr();
        let mut sdev = null_mut();
        loop {
            // SAFETY: The host exists; each call gives back the reference to the device before and
            // takes one to the next, until there is none.
            sdev = unsafe { bindings::__scsi_iterate_devices(raw, sdev) };
            if sdev.is_null() {
                return;
            }
            // SAFETY: The iteration holds a reference to the device.
            f(unsafe { (*sdev).lun });
        }
    }
}

impl<T: HostOps> Drop for Host<T> {
    fn drop(&mut self) {
        let raw = self.host.as_ptr();
        if self.added {
            // SAFETY: The host was added and is removed once. The call returns after all devices
            // are gone and their queues are drained: no callback runs or comes after it, but for
            // the error handlers, see below.
            unsafe { bindings::scsi_remove_host(raw) };
        }
        // SAFETY: By the type invariant the host exists, with its private data.
        let private = unsafe { &*private(raw) };
        // Pairs with `VTable::with_command`: an error handler that starts after this finds nothing,
        // and one that has started before is counted.
        let data = private.data.xchg(null_mut(), Full);
        while private.handlers.load(Acquire) != 0 {
            fsleep(HANDLER_STEP);
        }
        // SAFETY: This gives back the reference of `scsi_host_alloc`.
        unsafe { bindings::scsi_host_put(raw) };
        // SAFETY: The pointer came from `into_foreign` in `new` and was not taken out before, and no
        // callback can borrow it any more.
        drop(unsafe { Arc::<T>::from_foreign(data) });
    }
}

/// How often to look whether the last error handler has ended.
const HANDLER_STEP: Delta = Delta::from_millis(10);

/// What stands behind a host, for as long as anybody holds a reference to it: an open device does.
struct Private {
    /// `Arc<T>` in foreign hands; null after the removal.
    data: Atomic<*mut c_void>,
    /// Error handlers at work. The ioctl `SG_SCSI_RESET` calls them when it likes, and nothing in the
    /// removal of a host waits for it.
    handlers: Atomic<i32>,
}

/// Where the private data is.
///
/// # Safety
///
/// `host` must have been allocated with room for it.
unsafe fn private(host: *mut bindings::Scsi_Host) -> *mut Private {
    // SAFETY: The private data follows the host, aligned for a pointer.
    unsafe { (&raw mut (*host).hostdata).cast() }
}

/// Borrows the data for the length of a callback.
///
/// # Safety
///
/// `host` must come from [`Host::new`] with the same `T`, and the caller must be a callback of the
/// mid-layer that runs, other than an error handler: [`Host::drop`] takes the data back only after
/// the last has ended.
unsafe fn data<'a, T: HostOps>(host: *mut bindings::Scsi_Host) -> kernel::sync::ArcBorrow<'a, T> {
    // SAFETY: By the contract the private data is there, and holds the foreign `Arc`, which stays
    // during the callback.
    unsafe { Arc::<T>::borrow((*private(host)).data.load(Relaxed)) }
}

// SAFETY: `VTable` gives the files to hosts of this type only. They are in sysfs from
// `scsi_add_host` to `scsi_remove_host`, after which `Host::drop` takes the data back.
unsafe impl<T: HostOps> Subject for T {
    unsafe fn with<R>(dev: *mut bindings::device, f: impl FnOnce(&Self) -> R) -> R {
        // SAFETY: By the contract `dev` is the class device inside of a `Scsi_Host`.
        let host = unsafe { container_of!(dev, bindings::Scsi_Host, shost_dev) };
        // SAFETY: By the contract the host comes from `Host::new` with this type, and is not
        // removed before this returns.
        let data = unsafe { data::<T>(host) };
        f(&data)
    }
}

/// The callbacks for one implementation.
struct VTable<T>(PhantomData<T>);

impl<T: HostOps> VTable<T> {
    /// # Safety
    ///
    /// `host` comes from [`Host::new`]; `cmd` is being given to the driver by the mid-layer, whose
    /// request stays started until `scsi_done` or a refusal.
    unsafe extern "C" fn queue_callback(
        host: *mut bindings::Scsi_Host,
        cmd: *mut bindings::scsi_cmnd,
    ) -> bindings::scsi_qc_status {
        // SAFETY: By the contract, and the mid-layer drains `queuecommand` before a host goes.
        let data = unsafe { data::<T>(host) };
        // SAFETY: The mid-layer does not pass null.
        let cmd = unsafe { NonNull::new_unchecked(cmd) };
        // SAFETY: By the contract; on a refusal it is released below.
        let cmd = unsafe { Command::from_raw(cmd) };
        match data.queue_command(cmd) {
            Ok(()) => 0,
            Err((cmd, Busy::Target)) => {
                cmd.release();
                bindings::scsi_qc_status_SCSI_MLQUEUE_TARGET_BUSY
            }
        }
    }

    /// # Safety
    ///
    /// `host` comes from [`Host::new`].
    unsafe extern "C" fn commit_callback(host: *mut bindings::Scsi_Host, _queue: u16) {
        // SAFETY: By the contract; called from the same section as `queuecommand`.
        unsafe { data::<T>(host) }.commit();
    }

    /// Calls `f` for an error handler; `None` if the host has been removed.
    ///
    /// # Safety
    ///
    /// `cmd` belongs to a host from [`Host::new`] and stays during the call.
    unsafe fn with_command<R>(
        cmd: *mut bindings::scsi_cmnd,
        f: impl FnOnce(&T, &EhCommand) -> R,
    ) -> Option<R> {
        // SAFETY: A command has a device, and that a host, for as long as it exists.
        let host = unsafe { (*(*cmd).device).host };
        // SAFETY: By the contract the host comes from `Host::new`, and the device holds it.
        let private = unsafe { &*private(host) };
        // Counted before the look at the data: see `Host::drop`.
        private.handlers.fetch_add(1, Full);
        let data = private.data.load(Acquire);
        let result = if data.is_null() {
            None
        } else {
            // SAFETY: `Host::drop` has not taken the data out, and will wait for this handler.
            let data = unsafe { Arc::<T>::borrow(data) };
            // SAFETY: The mid-layer does not pass null.
            let cmd = unsafe { NonNull::new_unchecked(cmd) };
            // SAFETY: By the contract; the value does not leave this function.
            Some(f(&data, &unsafe { EhCommand::from_raw(cmd) }))
        };
        private.handlers.fetch_sub(1, Release);
        result
    }

    /// # Safety
    ///
    /// As [`Self::with_command`].
    unsafe extern "C" fn timed_out_callback(
        cmd: *mut bindings::scsi_cmnd,
    ) -> bindings::scsi_timeout_action {
        // SAFETY: By the contract of this function.
        match unsafe { Self::with_command(cmd, |data, cmd| data.timed_out(cmd)) } {
            Some(TimeoutAction::ResetTimer) => bindings::scsi_timeout_action_SCSI_EH_RESET_TIMER,
            Some(TimeoutAction::Abort) | None => bindings::scsi_timeout_action_SCSI_EH_NOT_HANDLED,
        }
    }

    /// # Safety
    ///
    /// As [`Self::with_command`].
    unsafe extern "C" fn abort_callback(cmd: *mut bindings::scsi_cmnd) -> c_int {
        // SAFETY: By the contract of this function.
        unsafe { Self::with_command(cmd, |data, cmd| data.abort(cmd)) }
            .unwrap_or(EhOutcome::Failed)
            .code()
    }

    /// # Safety
    ///
    /// As [`Self::with_command`].
    unsafe extern "C" fn reset_lun_callback(cmd: *mut bindings::scsi_cmnd) -> c_int {
        // SAFETY: By the contract of this function.
        unsafe { Self::with_command(cmd, |data, cmd| data.reset_lun(cmd)) }
            .unwrap_or(EhOutcome::Failed)
            .code()
    }

    /// # Safety
    ///
    /// As [`Self::with_command`].
    unsafe extern "C" fn reset_target_callback(cmd: *mut bindings::scsi_cmnd) -> c_int {
        // SAFETY: By the contract of this function.
        unsafe { Self::with_command(cmd, |data, cmd| data.reset_target(cmd)) }
            .unwrap_or(EhOutcome::Failed)
            .code()
    }

    /// # Safety
    ///
    /// `sdev` belongs to a host from [`Host::new`]; `limits` is the mid-layer's copy for it.
    unsafe extern "C" fn configure_callback(
        sdev: *mut bindings::scsi_device,
        limits: *mut bindings::queue_limits,
    ) -> c_int {
        // SAFETY: A device has a host for as long as it exists, and scanning ends before it is gone.
        let data = unsafe { data::<T>((*sdev).host) };
        // SAFETY: By the contract both are valid during the call, `limits` ours to change, and a
        // device has had its queue since before.
        let queue = unsafe {
            DiskQueue {
                queue: NonNull::new_unchecked((*sdev).request_queue),
                limits: &mut *limits,
            }
        };
        data.configure_device(queue);
        0
    }

    /// The template. Fields that are not named are zero: an absent callback or a default.
    const TEMPLATE: &'static bindings::scsi_host_template = &bindings::scsi_host_template {
        module: kernel::module::this_module::<crate::LocalModule>()
            .as_ptr()
            .cast(),
        name: c"iSCSI initiator".as_ptr().cast(),
        proc_name: c"tcp_rs".as_ptr().cast(),
        queuecommand: Some(Self::queue_callback),
        commit_rqs: Some(Self::commit_callback),
        eh_timed_out: Some(Self::timed_out_callback),
        eh_abort_handler: Some(Self::abort_callback),
        eh_device_reset_handler: Some(Self::reset_lun_callback),
        eh_target_reset_handler: Some(Self::reset_target_callback),
        sdev_configure: Some(Self::configure_callback),
        change_queue_depth: Some(bindings::scsi_change_queue_depth),
        shost_groups: match T::FILES {
            Some(files) => files.as_ptr().cast_mut(),
            None => null_mut(),
        },
        can_queue: 1,
        this_id: -1,
        // SAFETY: All fields of the structure are numbers, pointers and optional functions, for
        // which zeroes are valid.
        ..unsafe { core::mem::zeroed() }
    };
}

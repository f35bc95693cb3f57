//! System calls that no library of ours wraps safely. All `unsafe` of this crate lies here.
#![allow(unsafe_code, reason = "system calls without a safe wrapper")]

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

/// Descriptors of ours are moved to here and above, out of the way of those that the program is given.
const HIGH: RawFd = 20;
/// The worker's conversation with the supervisor.
const CONVERSATION: RawFd = 3;

const OPEN_TREE_CLONE: libc::c_uint = 1;
const OPEN_TREE_CLOEXEC: libc::c_uint = libc::O_CLOEXEC as libc::c_uint;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 0x4;
const CLOSE_RANGE_CLOEXEC: libc::c_uint = 0x4;
const MOUNT_ATTR_RDONLY: u64 = 0x1;
const MOUNT_ATTR_NOSUID: u64 = 0x2;
const MOUNT_ATTR_NODEV: u64 = 0x4;
const MOUNT_ATTR_NOEXEC: u64 = 0x8;

/// `struct mount_attr` of the kernel.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

pub(super) const READ_ONLY: u64 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
pub(super) const WRITABLE: u64 = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
/// A device can be written to on a read-only mount; its mode and owner cannot.
pub(super) const DEVICE: u64 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

/// A copy of mounts that is not attached to any place yet.
pub(super) struct Tree(OwnedFd);

fn done(result: libc::c_long) -> nix::Result<libc::c_long> {
    Errno::result(result)
}

fn c_path(path: &Path) -> nix::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// Copies what is mounted at a path, and below it.
pub(super) fn clone_tree(path: &Path, follow: bool) -> nix::Result<Tree> {
    let path = c_path(path)?;
    let mut flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as libc::c_uint;
    if !follow {
        flags |= libc::AT_SYMLINK_NOFOLLOW as libc::c_uint;
    }
    // SAFETY: the path is a C string that outlives the call; the kernel answers with a new descriptor or an error.
    let descriptor =
        done(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })?;
    // SAFETY: the descriptor is new and of nobody else.
    Ok(Tree(unsafe { OwnedFd::from_raw_fd(descriptor as RawFd) }))
}

impl Tree {
    /// Sets attributes on every mount of the tree, and cuts it off from events of its origin.
    pub(super) fn set_attributes(&self, set: u64) -> nix::Result<()> {
        let attributes = MountAttributes { set, clear: 0, propagation: libc::MS_PRIVATE, user_namespace: 0 };
        let flags = (libc::AT_EMPTY_PATH | libc::AT_RECURSIVE) as libc::c_uint;
        // SAFETY: the struct has the kernel's layout and the size told; the path is an empty C string.
        done(unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                self.0.as_raw_fd(),
                c"".as_ptr(),
                flags,
                &raw const attributes,
                size_of::<MountAttributes>(),
            )
        })?;
        Ok(())
    }

    pub(super) fn attach(&self, target: &Path) -> nix::Result<()> {
        let target = c_path(target)?;
        // SAFETY: both paths are C strings that outlive the call.
        done(unsafe {
            libc::syscall(
                libc::SYS_move_mount,
                self.0.as_raw_fd(),
                c"".as_ptr(),
                libc::AT_FDCWD,
                target.as_ptr(),
                MOVE_MOUNT_F_EMPTY_PATH,
            )
        })?;
        Ok(())
    }

    fn kind(&self) -> nix::Result<libc::mode_t> {
        Ok(nix::sys::stat::fstat(&self.0)?.st_mode & libc::S_IFMT)
    }

    pub(super) fn is_directory(&self) -> nix::Result<bool> {
        Ok(self.kind()? == libc::S_IFDIR)
    }

    pub(super) fn is_symbolic_link(&self) -> nix::Result<bool> {
        Ok(self.kind()? == libc::S_IFLNK)
    }
}

/// Closes every descriptor from this one on.
pub(super) fn close_from(first: RawFd) -> nix::Result<()> {
    // SAFETY: called before anything of ours holds a descriptor at or above `first`.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) })?;
    Ok(())
}

/// Moves a descriptor that nobody else owns out of the way, close-on-exec.
pub(super) fn own_high(descriptor: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: plain system calls on numbers; the new descriptor is of nobody else, the old one is given up.
    unsafe {
        let high = Errno::result(libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, HIGH))?;
        libc::close(descriptor);
        Ok(OwnedFd::from_raw_fd(high))
    }
}

/// Takes over what is on descriptor 0, and leaves an empty input there.
pub(super) fn move_standard_input() -> nix::Result<OwnedFd> {
    // SAFETY: descriptor 0 is not wrapped by anything that would close it.
    let high = unsafe { Errno::result(libc::fcntl(0, libc::F_DUPFD_CLOEXEC, HIGH))? };
    put_null(0, libc::O_RDONLY)?;
    // SAFETY: the descriptor is new and of nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(high) })
}

/// From here on, what this process prints goes nowhere: the pipes belong to the program.
pub(super) fn silence_output() -> nix::Result<()> {
    put_null(1, libc::O_WRONLY)?;
    put_null(2, libc::O_WRONLY)
}

fn put_null(at: RawFd, mode: libc::c_int) -> nix::Result<()> {
    // SAFETY: plain system calls on numbers and a constant path; only the standard streams are replaced.
    unsafe {
        let null = Errno::result(libc::open(c"/dev/null".as_ptr(), mode | libc::O_CLOEXEC))?;
        Errno::result(libc::dup2(null, at))?;
        libc::close(null);
    }
    Ok(())
}

/// The program gets the three standard streams and the conversation, and nothing else.
pub(super) fn arrange_descriptors(conversation: Option<RawFd>) -> nix::Result<()> {
    let first_closed = match conversation {
        Some(descriptor) => {
            // SAFETY: `descriptor` was moved high before; number 3 is of nobody here.
            unsafe { Errno::result(libc::dup2(descriptor, CONVERSATION))? };
            CONVERSATION + 1
        }
        None => CONVERSATION,
    };
    // SAFETY: marks what is open from there on; closes nothing that somebody owns.
    done(unsafe {
        libc::syscall(libc::SYS_close_range, first_closed, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC)
    })?;
    Ok(())
}

fn prctl(option: libc::c_int, value: libc::c_ulong) -> nix::Result<()> {
    // SAFETY: only options that take numbers are asked for.
    Errno::result(unsafe { libc::prctl(option, value, 0, 0, 0) })?;
    Ok(())
}

/// Being user 0, inside or outside, grants nothing any more; and this cannot be taken back.
pub(super) fn lock_secure_bits() -> nix::Result<()> {
    const NO_ROOT: libc::c_ulong = 0b11;
    const NO_KEEP_CAPABILITIES: libc::c_ulong = 0b10_0000;
    const NO_AMBIENT_RAISE: libc::c_ulong = 0b1100_0000;
    prctl(libc::PR_SET_SECUREBITS, NO_ROOT | NO_KEEP_CAPABILITIES | NO_AMBIENT_RAISE)
}

/// No executed program can ever gain a capability.
pub(super) fn drop_bounding_set() -> nix::Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            Ok(()) => {}
            // Beyond the last one that this kernel knows.
            Err(Errno::EINVAL) => break,
            Err(error) => return Err(error),
        }
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)
}

/// Empties the effective, permitted and inheritable sets.
pub(super) fn clear_capabilities() -> nix::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: header and data have the kernel's layout for version 3: two times three words.
    done(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) })?;
    Ok(())
}

pub(super) fn no_new_privileges() -> nix::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

pub(super) fn not_dumpable() -> nix::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, 0)
}

/// Switches on the loopback interface of this network namespace.
pub(super) fn raise_loopback() -> nix::Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeroes is a valid value of this plain struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a complete `ifreq` that outlives the call.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) })?;
    Ok(())
}

/// The version of Landlock that the kernel speaks, if it does.
pub(crate) fn landlock_abi() -> Option<u32> {
    const VERSION: libc::c_uint = 1;
    // SAFETY: asking for the version takes no pointer.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0, VERSION)
    };
    u32::try_from(answer).ok().filter(|version| *version > 0)
}

/// Copies this process.
pub(super) fn fork() -> nix::Result<nix::unistd::ForkResult> {
    // SAFETY: an init process has one thread from its start to its end, so the child may do whatever it likes.
    unsafe { nix::unistd::fork() }
}

/// Writing to a closed pipe ends a program, as it expects; our own runtime had that ignored.
pub(super) fn default_broken_pipe() -> nix::Result<()> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no function of ours that could do something unsafe.
    unsafe { sigaction(Signal::SIGPIPE, &default) }.map(drop)
}

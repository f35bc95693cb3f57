//! Giving up rights: user, groups, capabilities, and what a process may use up.

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::{At, Step, syscalls};
use crate::orders::{Identity, Orders};

/// What the script takes itself for in a user namespace.
pub(crate) const INSIDE_ID: u32 = 1000;

/// Bytes that may be locked into memory: what Linux itself allows by default.
const LOCKED_BYTES: u64 = 8 * 1024 * 1024;
/// Signals that may wait at a time.
const PENDING_SIGNALS: u64 = 4096;

/// Gives up the user, the groups and every capability, for good.
pub(super) fn drop_all(identity: Identity) -> Step<()> {
    syscalls::lock_secure_bits().at("secure bits")?;
    syscalls::drop_bounding_set().at("capabilities")?;
    if let Identity::Host(id) = identity {
        let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
        setgroups(&[]).at("groups")?;
        setresgid(group, group, group).at("group")?;
        setresuid(user, user, user).at("user")?;
    }
    syscalls::clear_capabilities().at("capabilities")?;
    syscalls::no_new_privileges().at("no new privileges")?;
    // Nobody reads our memory, and /proc hides us. An executed program starts anew in this.
    syscalls::not_dumpable().at("not dumpable")
}

pub(super) fn limit_resources(orders: &Orders) -> Step<()> {
    let open_files = u64::from(orders.open_files);
    let limits = [
        (Resource::RLIMIT_NOFILE, open_files),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, orders.file_bytes),
        (Resource::RLIMIT_MEMLOCK, LOCKED_BYTES),
        (Resource::RLIMIT_MSGQUEUE, 0),
        (Resource::RLIMIT_RTPRIO, 0),
        (Resource::RLIMIT_NICE, 0),
        (Resource::RLIMIT_SIGPENDING, PENDING_SIGNALS),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, limit, limit).about("resource limits", format_args!("{resource:?}"))?;
    }
    Ok(())
}

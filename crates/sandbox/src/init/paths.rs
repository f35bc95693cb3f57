//! Landlock: a second opinion on what may be written, independent of the mounts. Old kernels do without.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
};

use super::{At, Step};
use crate::orders::Orders;

/// The newest set of rights that we ask for; a kernel without some of them enforces the others.
const NEWEST: ABI = ABI::V5;

pub(super) fn restrict(orders: &Orders) -> Step<()> {
    let mut writable: Vec<PathBuf> = vec!["/tmp".into(), "/dev/shm".into()];
    writable.extend(orders.binds.iter().filter(|bind| bind.writable).map(|bind| bind.to.clone()));
    let devices = super::mounts::DEVICES.map(|name| Path::new("/dev").join(name));
    let device_access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .at("landlock")?
        .create()
        .at("landlock")?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(NEWEST)))
        .at("landlock")?
        .add_rules(path_beneath_rules(&writable, AccessFs::from_all(NEWEST)))
        .at("landlock")?;
    for device in devices {
        let Ok(descriptor) = PathFd::new(&device) else { continue };
        rules = rules.add_rule(PathBeneath::new(descriptor, device_access)).at("landlock")?;
    }
    rules.restrict_self().at("landlock")?;
    Ok(())
}

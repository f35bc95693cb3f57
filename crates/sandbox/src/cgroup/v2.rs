//! Version 2: the unified hierarchy, with a subtree that is ours.

use std::path::{Path, PathBuf};

use super::{PERIOD_USEC, number, number_of, quota_usec, write};
use crate::outcome::Usage;
use crate::spec::Limits;

/// The controllers without which nothing is run.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Where this process itself goes: a group with groups below it holds no processes.
const OURSELVES: &str = "supervisor";

#[derive(Clone, Debug)]
pub(crate) struct Place {
    parent: PathBuf,
}

impl Place {
    /// `None` when the unified hierarchy is not there, or has none of the controllers (as in a hybrid set-up).
    pub(super) fn find(mounts: &str, own: &str) -> Result<Option<Self>, String> {
        let Some(mount) = mount_of(mounts) else { return Ok(None) };
        let all = words(&mount.join("cgroup.controllers"));
        if !CONTROLLERS.iter().any(|name| all.iter().any(|word| word == name)) {
            return Ok(None);
        }
        let path = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        // Whoever asks a second time finds itself in the leaf already.
        let path = path.strip_suffix(&format!("/{OURSELVES}")).unwrap_or(path);
        let below = mount.join(path.trim_start_matches('/'));
        let place = Self { parent: if below.is_dir() { below } else { mount } };
        place.take_over()?;
        Ok(Some(place))
    }

    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    /// Hands the controllers on to groups below, for which this process must leave the group itself.
    fn take_over(&self) -> Result<(), String> {
        let offered = words(&self.parent.join("cgroup.controllers"));
        if let Some(missing) = CONTROLLERS.iter().find(|name| !offered.iter().any(|word| word == *name)) {
            return Err(format!("the controller {missing} is not delegated to {}", self.parent.display()));
        }
        let control = self.parent.join("cgroup.subtree_control");
        let enabled = words(&control);
        if CONTROLLERS.iter().all(|name| enabled.iter().any(|word| word == name)) {
            return Ok(());
        }
        let leaf = self.parent.join(OURSELVES);
        match std::fs::create_dir(&leaf) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(format!("{}: {error}", leaf.display()));
            }
            _ => write(&leaf.join("cgroup.procs"), "0")?,
        }
        write(&control, "+memory +cpu +pids")
    }

    pub(super) fn create(&self, name: &str, limits: &Limits) -> Result<Group, String> {
        let directory = self.parent.join(name);
        std::fs::create_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let group = Group { directory };
        let made = group.fill(limits);
        if made.is_err() {
            let _ = std::fs::remove_dir(&group.directory);
        }
        made.map(|()| group)
    }
}

fn mount_of(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| place.into())
    })
}

fn words(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    directory: PathBuf,
}

impl Group {
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn fill(&self, limits: &Limits) -> Result<(), String> {
        let file = |name: &str| self.directory.join(name);
        write(&file("memory.max"), &limits.memory_bytes.to_string())?;
        // Half a sandbox is worse than none: at the limit everything in it ends.
        write(&file("memory.oom.group"), "1")?;
        let swap = file("memory.swap.max");
        if swap.exists() {
            write(&swap, "0")?;
        }
        write(&file("cpu.max"), &format!("{} {PERIOD_USEC}", quota_usec(limits)))?;
        write(&file("pids.max"), &limits.pids.to_string())
    }

    pub(super) fn usage(&self) -> Usage {
        let file = |name: &str| self.directory.join(name);
        Usage {
            cpu_usec: number_of(&file("cpu.stat"), "usage_usec"),
            memory_bytes: number(&file("memory.current")),
            memory_peak_bytes: number(&file("memory.peak")),
            pids_denied: number_of(&file("pids.events"), "max"),
            oom_kills: number_of(&file("memory.events"), "oom_kill"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delegated(controllers: &str) -> (tempfile::TempDir, String) {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("service");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(root.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
        std::fs::write(own.join("cgroup.controllers"), controllers).unwrap();
        std::fs::write(own.join("cgroup.subtree_control"), "").unwrap();
        let mounts = format!("cgroup2 {} cgroup2 rw 0 0\n", root.path().display());
        (root, mounts)
    }

    #[test]
    fn we_step_aside_into_a_leaf_and_hand_the_controllers_on() {
        let (root, mounts) = delegated("cpu memory pids");
        let place = Place::find(&mounts, "0::/service\n").unwrap().unwrap();
        let own = root.path().join("service");
        assert_eq!(place.parent(), own);
        assert_eq!(std::fs::read_to_string(own.join("supervisor/cgroup.procs")).unwrap(), "0");
        assert_eq!(
            std::fs::read_to_string(own.join("cgroup.subtree_control")).unwrap(),
            "+memory +cpu +pids"
        );
        let again = Place::find(&mounts, "0::/service/supervisor\n").unwrap().unwrap();
        assert_eq!(again.parent(), own);
    }

    #[test]
    fn a_controller_that_is_not_delegated_is_named() {
        let (_root, mounts) = delegated("cpu pids");
        let refused = Place::find(&mounts, "0::/service\n").unwrap_err();
        assert!(refused.starts_with("the controller memory is not delegated to "), "{refused}");
    }

    #[test]
    fn a_hybrid_hierarchy_without_controllers_is_none() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("cgroup.controllers"), "").unwrap();
        let mounts = format!("cgroup2 {} cgroup2 rw 0 0\n", root.path().display());
        assert!(Place::find(&mounts, "0::/\n").unwrap().is_none());
        assert!(Place::find("", "0::/\n").unwrap().is_none());
    }
}

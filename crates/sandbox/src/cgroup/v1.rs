//! Version 1: one hierarchy a controller.

use std::path::{Path, PathBuf};

use super::{PERIOD_USEC, number, number_of, quota_usec, write};
use crate::outcome::Usage;
use crate::spec::Limits;

/// The controllers without which nothing is run, and the one that only counts.
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "pids", "cpuacct"];

#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// In the order of [`CONTROLLERS`]; several may share a directory.
    parents: [PathBuf; 4],
}

impl Place {
    /// `mounts` and `own` are the contents of /proc/self/mounts and /proc/self/cgroup.
    pub(super) fn find(mounts: &str, own: &str) -> Result<Self, String> {
        let find = |controller: &str| {
            let mount = mount_of(mounts, controller)
                .ok_or_else(|| format!("there is no cgroup controller {controller}"))?;
            let below = mount.join(own_path(own, controller).unwrap_or_default().trim_start_matches('/'));
            // In a container the path may be the host's view of it.
            Ok::<_, String>(if below.is_dir() { below } else { mount })
        };
        let [memory, cpu, pids, account] = CONTROLLERS;
        Ok(Self { parents: [find(memory)?, find(cpu)?, find(pids)?, find(account)?] })
    }

    pub(super) fn parents(&self) -> Vec<PathBuf> {
        let mut parents = self.parents.to_vec();
        parents.sort();
        parents.dedup();
        parents
    }

    pub(super) fn create(&self, name: &str, limits: &Limits) -> Result<Group, String> {
        let group = Group { directories: self.parents.clone().map(|parent| parent.join(name)) };
        let made = group.fill(limits);
        if made.is_err() {
            for directory in group.directories() {
                let _ = std::fs::remove_dir(directory);
            }
        }
        made.map(|()| group)
    }
}

fn mount_of(mounts: &str, controller: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (place, kind, options) = (words.nth(1)?, words.next()?, words.next()?);
        (kind == "cgroup" && options.split(',').any(|option| option == controller)).then(|| place.into())
    })
}

fn own_path<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    directories: [PathBuf; 4],
}

impl Group {
    fn memory(&self) -> &Path {
        &self.directories[0]
    }

    fn cpu(&self) -> &Path {
        &self.directories[1]
    }

    fn pids(&self) -> &Path {
        &self.directories[2]
    }

    fn account(&self) -> &Path {
        &self.directories[3]
    }

    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let mut directories = self.directories.to_vec();
        directories.sort();
        directories.dedup();
        directories
    }

    fn fill(&self, limits: &Limits) -> Result<(), String> {
        for directory in self.directories() {
            std::fs::create_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        write(&self.memory().join("memory.limit_in_bytes"), &limits.memory_bytes.to_string())?;
        let swap = self.memory().join("memory.memsw.limit_in_bytes");
        if swap.exists() {
            write(&swap, &limits.memory_bytes.to_string())?;
        }
        write(&self.cpu().join("cpu.cfs_period_us"), &PERIOD_USEC.to_string())?;
        write(&self.cpu().join("cpu.cfs_quota_us"), &quota_usec(limits).to_string())?;
        write(&self.pids().join("pids.max"), &limits.pids.to_string())
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            cpu_usec: number(&self.account().join("cpuacct.usage")) / 1000,
            memory_bytes: number(&self.memory().join("memory.usage_in_bytes")),
            memory_peak_bytes: number(&self.memory().join("memory.max_usage_in_bytes")),
            pids_denied: number_of(&self.pids().join("pids.events"), "max"),
            oom_kills: number_of(&self.memory().join("memory.oom_control"), "oom_kill"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_and_paths_are_read_by_controller() {
        let mounts = "tmpfs /run tmpfs rw 0 0\ncgroup /c/cpu cgroup rw,relatime,cpu,cpuacct 0 0\n";
        assert_eq!(mount_of(mounts, "cpuacct"), Some("/c/cpu".into()));
        assert_eq!(mount_of(mounts, "memory"), None);
        assert_eq!(own_path("4:memory:/a/b\n1:cpu,cpuacct:/\n", "memory"), Some("/a/b"));
        let missing = Place::find(mounts, "").unwrap_err();
        assert_eq!(missing, "there is no cgroup controller memory");
    }
}

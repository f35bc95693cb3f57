//! Control groups: what bounds memory, processors and processes of a sandbox. Version 2, or else version 1.

mod v1;
mod v2;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::outcome::Usage;
use crate::spec::Limits;

/// The beginning of the names of all our groups.
const PREFIX: &str = "gatehouse_";
/// Attempts at removing a group whose processes are just about to be gone, and the pause between them.
const REMOVALS: u32 = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(20);
/// Length of the period in which processor time is given out, in microseconds.
const PERIOD_USEC: u64 = 100_000;

/// Which generation of control groups a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy a controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// Where this process may make groups.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    V1(v1::Place),
    V2(v2::Place),
}

impl Place {
    /// Finds a place, and proves it by making a group there; or says what is in the way.
    pub(crate) fn find() -> Result<Self, String> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
        let own = std::fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let place = match v2::Place::find(&mounts, &own)? {
            Some(place) => Self::V2(place),
            None => Self::V1(v1::Place::find(&mounts, &own)?),
        };
        let trial = place.create("trial", &Limits::of_a_short_job())?;
        trial.remove_now().map_err(|error| format!("a trial group cannot be removed: {error}"))?;
        Ok(place)
    }

    pub(crate) fn version(&self) -> CgroupVersion {
        match self {
            Self::V1(_) => CgroupVersion::V1,
            Self::V2(_) => CgroupVersion::V2,
        }
    }

    /// Makes a group with limits. `label` is for people who look at it.
    pub(crate) fn create(&self, label: &str, limits: &Limits) -> Result<Group, String> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{number}_{label}", own_mark()?);
        match self {
            Self::V1(place) => place.create(&name, limits).map(Group::V1),
            Self::V2(place) => place.create(&name, limits).map(Group::V2),
        }
    }

    /// Ends and removes what a predecessor of ours left behind. Groups of living supervisors stay.
    pub(crate) fn sweep(&self) -> usize {
        let parents = match self {
            Self::V1(place) => place.parents(),
            Self::V2(place) => vec![place.parent().to_owned()],
        };
        parents.iter().map(|parent| sweep_below(parent)).sum()
    }
}

/// The group of one sandbox.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    V1(v1::Group),
    V2(v2::Group),
}

impl Group {
    /// The files into which the process writes itself.
    pub(crate) fn doors(&self) -> Vec<PathBuf> {
        self.directories().iter().map(|directory| directory.join("cgroup.procs")).collect()
    }

    fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::V1(group) => group.directories(),
            Self::V2(group) => vec![group.directory().to_owned()],
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::V1(group) => group.usage(),
            Self::V2(group) => group.usage(),
        }
    }

    /// Ends every process of the group.
    pub(crate) fn kill(&self) {
        for directory in self.directories() {
            kill_all(&directory);
        }
    }

    fn remove_now(&self) -> std::io::Result<()> {
        self.directories().iter().try_for_each(|directory| remove(directory))
    }

    /// Ends what is left, and removes the group as soon as the kernel lets go of it.
    pub(crate) async fn dispose(&self) {
        for _ in 0..REMOVALS {
            if self.remove_now().is_ok() {
                return;
            }
            self.kill();
            tokio::time::sleep(REMOVAL_PAUSE).await;
        }
        tracing::warn!(group = ?self.directories(), "a control group could not be removed");
    }
}

fn remove(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn kill_all(directory: &Path) {
    if std::fs::write(directory.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let text = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1) {
        // It may be gone meanwhile.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Tells this process from all others since the machine was started: its number and its start.
fn own_mark() -> Result<String, String> {
    let id = std::process::id();
    let start = start_of(id).ok_or("the start of this process is not to be found in /proc")?;
    Ok(format!("{id}_{start}"))
}

/// When a process was started, in ticks since the machine was.
fn start_of(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the 20th word behind it is the start.
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Whether the supervisor that made a group is alive. Names that are not of our making count as alive.
fn maker_lives(name: &str) -> bool {
    let mut parts = name.strip_prefix(PREFIX).unwrap_or_default().split('_');
    let pid = parts.next().and_then(|text| text.parse::<u32>().ok());
    let start = parts.next().and_then(|text| text.parse::<u64>().ok());
    match (pid, start) {
        (Some(pid), Some(start)) => start_of(pid) == Some(start),
        _ => true,
    }
}

fn sweep_below(parent: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(parent) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if maker_lives(name) {
            continue;
        }
        for _ in 0..REMOVALS {
            kill_all(&entry.path());
            if remove(&entry.path()).is_ok() {
                removed += 1;
                break;
            }
            std::thread::sleep(REMOVAL_PAUSE);
        }
    }
    removed
}

/// A file with one number, or 0.
fn number(path: &Path) -> u64 {
    std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The number behind a word in a file with a pair a line, or 0.
fn number_of(path: &Path, word: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok());
    value.unwrap_or(0)
}

fn write(path: &Path, value: &str) -> Result<(), String> {
    std::fs::write(path, value).map_err(|error| format!("{}: {error}", path.display()))
}

/// Microseconds of processor time in each period.
fn quota_usec(limits: &Limits) -> u64 {
    (u64::from(limits.cpu_millis) * PERIOD_USEC / 1000).max(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_living_and_of_strangers_are_left_alone() {
        assert!(maker_lives(&format!("{PREFIX}{}_x", own_mark().unwrap())));
        assert!(
            !maker_lives(&format!("{PREFIX}{}_1_x", std::process::id())),
            "another process had the number"
        );
        assert!(!maker_lives("gatehouse_999999999_5_x"));
        assert!(maker_lives("gatehouse_of_somebody"));
    }

    #[test]
    fn figures_are_found_by_their_word() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "oom 3\noom_kill 2\n").unwrap();
        assert_eq!(number_of(file.path(), "oom_kill"), 2);
        assert_eq!(number_of(file.path(), "oom"), 3);
        assert_eq!(number_of(file.path(), "other"), 0);
    }

    #[test]
    fn seven_tenths_of_a_processor_are_seventy_milliseconds_in_a_hundred() {
        let limits = Limits { cpu_millis: 700, ..Limits::of_a_short_job() };
        assert_eq!(quota_usec(&limits), 70_000);
        assert_eq!(limits.processors(), 1);
    }
}

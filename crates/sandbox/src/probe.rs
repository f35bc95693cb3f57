//! Whether this machine has what the isolation takes.

use std::time::Duration;

use crate::cgroup::CgroupVersion;
use crate::init::landlock_abi;
use crate::outcome::{Finished, LaunchError};
use crate::sandbox::Sandbox;
use crate::spec::Command;

/// How long the trial may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Which kind of isolation a process can build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Scripts run as host users of their own.
    Privileged,
    /// Scripts run as the service's own user, in a user namespace: weaker.
    Rootless,
}

/// The capabilities that privileged mode needs: SETGID, SETUID, SETPCAP, NET_ADMIN, SYS_ADMIN, and CHOWN.
const NEEDED: u64 = 1 << 6 | 1 << 7 | 1 << 8 | 1 << 12 | 1 << 21 | 1;

impl Mode {
    pub(crate) fn of_this_process() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = field(&status, "CapEff").and_then(|text| u64::from_str_radix(text, 16).ok());
        match effective.unwrap_or(0) & NEEDED == NEEDED {
            true => Self::Privileged,
            false => Self::Rootless,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which kind of isolation is possible.
    pub mode: Mode,
    /// Which control groups bound memory, processors and processes.
    pub cgroup: Option<CgroupVersion>,
    /// The version of Landlock, where the kernel has it. It is a second lock; the isolation stands without it.
    pub landlock: Option<u32>,
    /// What is in the way. Scripts run only when this is empty.
    pub missing: Vec<Missing>,
    /// What is in the way of giving scripts a network; without one they can still run.
    pub egress: Option<Missing>,
}

impl Probe {
    /// Whether scripts can be run.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Something that the isolation needs and this machine does not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What, and how it showed.
    pub what: String,
    /// What an operator can do.
    pub remedy: String,
}

pub(crate) async fn probe(sandbox: &Sandbox) -> Probe {
    let mut missing = Vec::new();
    let cgroup = match sandbox.place().await {
        Ok(place) => Some(place.version()),
        Err(error) => {
            missing.push(told(&error, sandbox.mode()));
            None
        }
    };
    if cgroup.is_some() {
        match sandbox.run(trial()).await {
            Ok(finished) => missing.extend(look_at(&finished)),
            Err(error) => missing.push(told(&error, sandbox.mode())),
        }
    }
    Probe { mode: sandbox.mode(), cgroup, landlock: landlock_abi(), missing, egress: way_out() }
}

fn way_out() -> Option<Missing> {
    const DEVICE: &str = "/dev/net/tun";
    let error = std::fs::OpenOptions::new().read(true).write(true).open(DEVICE).err()?;
    Some(Missing {
        what: format!("scripts cannot be given a network: {DEVICE}: {error}"),
        remedy: "Load the module tun and let Gatehouse open /dev/net/tun (most systems let everybody: chmod 666); in a \
                 container, hand the device in with --device /dev/net/tun."
            .to_owned(),
    })
}

/// Prints what the kernel says about a process in a sandbox.
fn trial() -> Command {
    Command::short("probe", "/usr/bin/cat", vec!["/proc/self/status".to_owned()], WITHIN)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// Believes the kernel, not our own steps: each protection shows in the status of the process.
fn look_at(finished: &Finished) -> Vec<Missing> {
    let status = String::from_utf8_lossy(&finished.stdout);
    if !finished.succeeded() || status.is_empty() {
        let said = String::from_utf8_lossy(&finished.stderr);
        let what = format!("a trial program could not be run in a sandbox: {}", said.trim());
        let remedy = "This is a fault of the isolation; please report it with this message.".to_owned();
        return vec![Missing { what, remedy }];
    }
    let none = "0000000000000000";
    let expected = [
        ("Seccomp", "2"),
        ("NoNewPrivs", "1"),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("CapAmb", none),
    ];
    let wrong = expected.into_iter().filter(|(name, value)| field(&status, name) != Some(value));
    let missing = wrong.map(|(name, value)| Missing {
        what: format!("inside a sandbox {name} is {:?}, not {value}", field(&status, name)),
        remedy: "Use a kernel with CONFIG_SECCOMP_FILTER and without patches that change it.".to_owned(),
    });
    missing.collect()
}

fn told(error: &LaunchError, mode: Mode) -> Missing {
    let remedy = match error {
        LaunchError::Isolation { step, .. } => remedy(step, mode),
        _ => "This is a fault of the isolation; please report it with this message.",
    };
    Missing { what: error.to_string(), remedy: remedy.to_owned() }
}

/// What an operator can do about a step that failed.
fn remedy(step: &str, mode: Mode) -> &'static str {
    match (step, mode) {
        ("cgroup", Mode::Privileged) => {
            "Let Gatehouse write to its control groups: with systemd set Delegate=yes in its unit; in a container mount \
             /sys/fs/cgroup writable and use a private cgroup namespace."
        }
        ("cgroup", Mode::Rootless) => {
            "Give Gatehouse a subtree of the control groups: with systemd set Delegate=cpu memory pids in its unit (needs \
             cgroup version 2, so no systemd.unified_cgroup_hierarchy=0 on the kernel's command line), or start it as root."
        }
        ("namespaces" | "user namespace", Mode::Rootless) => {
            "Allow user namespaces: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 (Debian), \
             and an AppArmor profile with \"userns,\" where kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu); or \
             start Gatehouse as root."
        }
        ("namespaces", Mode::Privileged) => {
            "Give Gatehouse the capability SYS_ADMIN; in a container, run it with --cap-add SYS_ADMIN and a seccomp \
             profile that allows unshare and mount."
        }
        ("proc", _) => {
            "Gatehouse itself runs where parts of /proc are covered, as in most containers. Run it outside, or with an \
             unmasked /proc (--security-opt systempaths=unconfined), or use the Kubernetes backend."
        }
        ("bind" | "read-only mount" | "devices" | "cover" | "pivot root", _) => {
            "Use a kernel of 5.12 or newer (mount_setattr), and let no security module forbid mounts in namespaces."
        }
        ("tun" | "tun address" | "tun route", _) => {
            "Load the module tun and let Gatehouse open /dev/net/tun; or give the script no network."
        }
        ("seccomp", _) => "Use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64.",
        ("scratch", _) => "Give Gatehouse a directory for its sandboxes that it can write to.",
        _ => "Look at the message; the documentation has a page on what a sandbox needs.",
    }
}

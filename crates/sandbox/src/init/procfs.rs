//! What of /proc a script sees: its own processes, and figures of its limits in place of the machine's.

use std::fmt::Write as _;
use std::path::Path;

use super::{At, Step, mounts};
use crate::orders::Orders;

/// What stays of the top level, besides the processes. Everything else is covered, also what future kernels add.
const KEPT: [&str; 7] = ["self", "thread-self", "mounts", "net", "filesystems", "version", "uptime"];
/// Where the files lie that cover the real ones; a place of the new root.
const COVERS: &str = "run/proc";
/// Files of ours in place of the kernel's.
const REPLACED: [&str; 4] = ["cpuinfo", "meminfo", "stat", "loadavg"];
/// Settings of the kernel that programs look up; the rest of /proc/sys is not there.
const SETTINGS: [(&str, &str); 6] = [
    ("kernel/ngroups_max", "65536\n"),
    ("kernel/pid_max", "4194304\n"),
    ("kernel/hostname", "sandbox\n"),
    ("kernel/random/entropy_avail", "256\n"),
    ("net/core/somaxconn", "4096\n"),
    ("vm/overcommit_memory", "0\n"),
];

/// Mounts /proc at `root`, and covers what does not concern a script.
pub(super) fn build(root: &Path, orders: &Orders) -> Step<()> {
    let covers = root.join(COVERS);
    write_covers(&covers, orders)?;
    let proc = root.join("proc");
    mounts::make_directory(&proc)?;
    mounts::mount_proc(&proc)?;
    for entry in std::fs::read_dir(&proc).at("proc")? {
        let entry = entry.at("proc")?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.bytes().all(|byte| byte.is_ascii_digit()) || KEPT.contains(&name) {
            continue;
        }
        let directory = entry.file_type().at("proc")?.is_dir();
        let cover = match (name, directory) {
            ("sys", true) => covers.join("sys"),
            (name, false) if REPLACED.contains(&name) => covers.join(name),
            (_, true) => covers.join("empty"),
            (_, false) => covers.join("nothing"),
        };
        mounts::cover(&cover, &entry.path())?;
    }
    Ok(())
}

fn write_covers(covers: &Path, orders: &Orders) -> Step<()> {
    mounts::make_directory(&covers.join("empty"))?;
    mounts::make_file(&covers.join("nothing"), "")?;
    mounts::make_file(&covers.join("cpuinfo"), &cpuinfo(orders.processors))?;
    mounts::make_file(&covers.join("meminfo"), &meminfo(orders.memory_bytes))?;
    mounts::make_file(&covers.join("stat"), &stat(orders.processors))?;
    mounts::make_file(&covers.join("loadavg"), "0.00 0.00 0.00 1/1 1\n")?;
    for (name, value) in SETTINGS {
        mounts::make_file(&covers.join("sys").join(name), value)?;
    }
    Ok(())
}

fn cpuinfo(processors: u32) -> String {
    let mut text = String::new();
    for number in 0..processors {
        let _ = write!(
            text,
            "processor\t: {number}\nvendor_id\t: sandbox\nmodel name\t: virtual processor\ncpu MHz\t\t: 1000.000\n\
             physical id\t: 0\nsiblings\t: {processors}\ncore id\t\t: {number}\ncpu cores\t: {processors}\n\n"
        );
    }
    text
}

fn meminfo(bytes: u64) -> String {
    let total = bytes / 1024;
    let rows = [
        ("MemTotal", total),
        ("MemFree", total),
        ("MemAvailable", total),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
    ];
    rows.map(|(name, value)| format!("{:<16}{value:>8} kB\n", format!("{name}:"))).concat()
}

fn stat(processors: u32) -> String {
    let figures = "1 0 1 1 0 0 0 0 0 0\n";
    let mut text = format!("cpu  {figures}");
    for number in 0..processors {
        let _ = write!(text, "cpu{number} {figures}");
    }
    text.push_str("intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\nsoftirq 0\n");
    text
}

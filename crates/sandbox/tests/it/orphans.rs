//! Nothing outlives its sandbox, and no sandbox its supervisor.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatehouse_sandbox::CallError;
use serde_json::json;

use crate::workshop::{Project, call_within, node, program, python, sandbox};

/// Processes of this machine with this in their arguments.
fn with_argument(text: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let holds = |path: &PathBuf| {
        let contents = std::fs::read(path.join("cmdline")).unwrap_or_default();
        contents.windows(text.len()).any(|window| window == text.as_bytes())
    };
    all.filter(|path| path.join("cmdline").exists()).filter(holds).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool, within: Duration) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A number that is in the arguments of no other process.
fn marker(of: u32) -> String {
    format!("{}.{}", 80_000 + of, std::process::id())
}

/// Python that starts sleepers in sessions of their own which ignore every polite signal.
fn sleepers(marker: &str) -> Project {
    python(&format!(
        "import signal, subprocess, time\ndef main():\n    for _ in range(20):\n        subprocess.Popen(['sleep', '{marker}'], start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))\n    time.sleep(600)\n"
    ))
}

#[tokio::test]
async fn children_in_sessions_of_their_own_end_with_a_call_that_takes_too_long() {
    let marker = marker(1);
    let replica = sleepers(&marker).launch(&["main"]).await;
    let failure = call_within(&replica, "main", json!({}), Duration::from_secs(2)).await.unwrap_err();
    let deadline = Instant::now();
    assert_eq!(failure.error, CallError::Timeout);
    until("all sleepers are gone", || with_argument(&marker).is_empty(), Duration::from_millis(500)).await;
    replica.ended().await;
    assert!(deadline.elapsed() < Duration::from_millis(500), "{:?}", deadline.elapsed());
}

#[tokio::test]
async fn stopping_ends_everything_and_leaves_no_group() {
    let marker = marker(2);
    let mut project = node(&format!(
        "const {{ spawn }} = require('child_process');\nexports.main = () => {{ spawn('sleep', ['{marker}'], {{ detached: true }}).unref(); }};\n"
    ));
    project.name = format!("stopped_{}", std::process::id());
    let replica = project.launch(&["main"]).await;
    call_within(&replica, "main", json!({}), Duration::from_secs(5)).await.unwrap();
    assert_eq!(with_argument(&marker).len(), 1);
    let left = || groups().iter().filter(|group| group.ends_with(&project.name)).count();
    assert!(left() > 0);
    replica.stop().await;
    assert!(with_argument(&marker).is_empty());
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn dropping_the_last_copy_ends_the_replica() {
    let marker = marker(3);
    let project = python(&format!(
        "import subprocess\ndef main(): subprocess.Popen(['sleep', '{marker}']); return 1\n"
    ));
    let replica = project.launch(&["main"]).await;
    call_within(&replica, "main", json!({}), Duration::from_secs(5)).await.unwrap();
    let copy = replica.clone();
    drop(replica);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(with_argument(&marker).len(), 1, "a copy is left");
    drop(copy);
    until("the sleeper is gone", || with_argument(&marker).is_empty(), Duration::from_secs(1)).await;
}

/// The names of all groups that are ours or of other supervisors.
fn groups() -> Vec<String> {
    fn below(directory: &Path, depth: usize, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("gatehouse_") {
                found.push(name);
            } else if depth < 4 {
                below(&entry.path(), depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), 0, &mut found);
    found
}

/// A supervisor with a program of its own, by whose path its sandboxes are told from others.
fn supervisor(project: &Project) -> (Child, String) {
    let own = project.folder.path().join("supervisor");
    if !own.exists() {
        std::fs::copy(program(), &own).unwrap();
    }
    let mut command = Command::new(&own);
    command.args(["run", "python", "/usr/bin/python3"]).arg(project.app()).arg("main");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    (child, format!("{}\0__sandbox-init", own.display()))
}

#[tokio::test]
async fn a_supervisor_that_is_killed_leaves_no_process_and_its_groups_are_swept() {
    let marker = marker(4);
    let project = sleepers(&marker);
    let (mut supervisor, inits) = supervisor(&project);
    until("sleepers are there", || with_argument(&marker).len() >= 20, Duration::from_secs(20)).await;
    let own = format!("gatehouse_{}_", supervisor.id());
    let left = || groups().into_iter().filter(|group| group.starts_with(&own)).count();
    assert!(left() > 0 && !with_argument(&inits).is_empty());
    // A living supervisor's groups are not swept.
    sandbox().sweep().await;
    assert!(left() > 0 && with_argument(&marker).len() >= 20);

    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    until("all sleepers are gone", || with_argument(&marker).is_empty(), Duration::from_millis(1000)).await;
    until("its init processes are gone", || with_argument(&inits).is_empty(), Duration::from_secs(1)).await;
    // Another test may sweep at the same time.
    sandbox().sweep().await;
    until("its groups are swept", || left() == 0, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_supervisor_that_is_killed_while_it_starts_a_sandbox_leaves_no_process() {
    let project = python("import time\ntime.sleep(600)\ndef main(): pass\n");
    for pause in [5, 15, 30, 60, 90] {
        let (mut supervisor, inits) = supervisor(&project);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let id = supervisor.id();
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        until(
            &format!("nothing of {id} is left"),
            || with_argument(&inits).is_empty(),
            Duration::from_secs(1),
        )
        .await;
    }
    sandbox().sweep().await;
}

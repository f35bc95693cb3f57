//! How replicas end, and that nothing is left of them.

use std::time::{Duration, Instant};

use gatehouse_sandbox::{Bind, CallError, Ended, Mode};
use serde_json::json;

use crate::workshop::{call, call_within, error, node, python, sandbox, short_job};

#[tokio::test]
async fn an_endless_function_ends_with_its_replica_at_the_deadline() {
    for project in [
        python("def main():\n    while True: pass\n"),
        python("import asyncio\nasync def main():\n    while True: await asyncio.sleep(0)\n"),
        python("async def main():\n    while True: pass\n"),
        node("function main() { for (;;); }\n"),
        node("async function main() { for (;;) await null; }\n"),
        node("async function main() { await new Promise(() => {}); }\n"),
    ] {
        let replica = project.launch(&["main"]).await;
        let began = Instant::now();
        let failure = call_within(&replica, "main", json!({}), Duration::from_millis(300)).await.unwrap_err();
        assert_eq!(failure.error, CallError::Timeout);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(replica.ended().await, Ended::TimedOut);
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        let refused = error(&replica, "main", json!({})).await;
        assert_eq!(refused, CallError::Ended(Ended::TimedOut));
    }
}

#[tokio::test]
async fn using_up_the_memory_is_told_with_limit_and_peak() {
    let limit = 128 * 1024 * 1024;
    for (language, mut project) in [
        ("python", python("def main():\n    kept = []\n    while True: kept.append(bytearray(1 << 20))\n")),
        (
            "node",
            node("function main() { const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1)); }\n"),
        ),
        (
            "node heap",
            node("function main() { const kept = []; for (;;) kept.push({ a: [kept.length] }); }\n"),
        ),
    ] {
        project.limits.memory_bytes = limit;
        let replica = project.launch(&["main"]).await;
        let failed = error(&replica, "main", json!({})).await;
        let CallError::OutOfMemory { limit: told, peak } = failed else { panic!("{language}: {failed:?}") };
        assert_eq!(told, limit);
        assert!(peak > limit / 2 && peak <= limit, "{language}: {peak}");
        assert!(matches!(replica.ended().await, Ended::OutOfMemory { .. }));
    }
}

#[tokio::test]
async fn a_worker_that_exits_is_told_with_its_last_words() {
    let replica = python("import os, sys\ndef main():\n    os.write(2, b'goodbye\\n')\n    os._exit(3)\n")
        .launch(&["main"])
        .await;
    let failed = error(&replica, "main", json!({})).await;
    let expected = Ended::Crashed { status: "exit status 3".to_owned(), stderr: vec!["goodbye".to_owned()] };
    assert_eq!(failed, CallError::Ended(expected));
    let replica = python("import os, time\ndef main():\n    os.kill(os.getpid(), 11)\n    time.sleep(5)\n")
        .launch(&["main"])
        .await;
    let failed = error(&replica, "main", json!({})).await;
    assert!(
        matches!(&failed, CallError::Ended(Ended::Crashed { status, .. }) if status == "signal 11 (SIGSEGV)"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn more_calls_than_allowed_are_refused_and_unknown_names_too() {
    let mut project =
        node("async function main() { await new Promise((done) => setTimeout(done, 400)); return 1; }\n");
    project.concurrency = 2;
    let replica = project.launch(&["main"]).await;
    let (a, b, ()) =
        tokio::join!(call(&replica, "main", json!({})), call(&replica, "main", json!({})), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(replica.in_flight(), 2);
            assert_eq!(error(&replica, "main", json!({})).await, CallError::Busy);
        });
    assert!(a.is_ok() && b.is_ok());
    let unknown = error(&replica, "other", json!({})).await;
    assert_eq!(unknown, CallError::NotFound { available: vec!["main".to_owned()] });
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_does_no_harm() {
    let replica =
        node("async function main(ms) { await new Promise((done) => setTimeout(done, ms)); return ms; }\n")
            .launch(&["main"])
            .await;
    let dropped = tokio::time::timeout(Duration::from_millis(50), call(&replica, "main", json!([200]))).await;
    assert!(dropped.is_err());
    assert_eq!(replica.in_flight(), 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(replica.in_flight(), 0);
    assert!(call(&replica, "main", json!([1])).await.is_ok());
}

#[tokio::test]
async fn a_command_runs_to_its_end() {
    let finished =
        sandbox().run(short_job("/bin/sh", &["-c", "echo out; echo err >&2; exit 4"])).await.unwrap();
    assert_eq!((finished.code, finished.timed_out), (Some(4), false));
    assert_eq!((finished.stdout.as_slice(), finished.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    let mut slow = short_job("/bin/sleep", &["60"]);
    slow.within = Duration::from_millis(300);
    let began = Instant::now();
    assert!(sandbox().run(slow).await.unwrap().timed_out);
    assert!(began.elapsed() < Duration::from_secs(2));
    let missing = sandbox().run(short_job("/nowhere", &[])).await.unwrap_err();
    assert!(missing.to_string().contains("execute: /nowhere: ENOENT"), "{missing}");
}

#[tokio::test]
async fn a_command_that_fills_its_place_beyond_its_limit_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    for (script, ends_itself) in [
        ("head -c 3000000 /dev/zero > /place/x; sleep 60", false),
        ("head -c 3000000 /dev/zero > /place/x", true),
    ] {
        let mut job = short_job("/bin/sh", &["-c", script]);
        if sandbox().mode() == Mode::Privileged {
            std::os::unix::fs::chown(folder.path(), Some(job.uid), Some(job.uid)).unwrap();
        }
        job.binds.push(Bind { from: folder.path().to_owned(), to: "/place".into(), writable: true });
        job.limits.workspace_bytes = Some(1_000_000);
        let finished = sandbox().run(job.clone()).await.unwrap();
        assert!(finished.disk_full.is_some_and(|used| used > 1_000_000), "{finished:?}");
        assert_eq!(
            (finished.code.is_some(), finished.timed_out, finished.succeeded()),
            (ends_itself, false, false)
        );
        std::fs::remove_file(folder.path().join("x")).unwrap();
        job.limits.workspace_bytes = Some(10_000_000);
        job.arguments[1] = "echo x > /place/x".to_owned();
        assert!(sandbox().run(job).await.unwrap().succeeded());
        std::fs::remove_file(folder.path().join("x")).unwrap();
    }
}

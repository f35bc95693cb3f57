//! Using up what there is.

use std::time::{Duration, Instant};

use gatehouse_sandbox::{CallError, Ended, FRAME_MAX, LOG_KEPT, LogLine};
use serde_json::json;

use crate::workshop::{ATTEMPT, LONG, call, call_within, error, node, python, value};

#[tokio::test]
async fn a_fork_bomb_stops_at_the_limit_and_the_replica_lives() {
    let mut project = python(
        "import os, signal, time\ndef main():\n    children = []\n    try:\n        while True:\n            child = os.fork()\n            if child == 0:\n                time.sleep(60); os._exit(0)\n            children.append(child)\n\
         \x20   except BlockingIOError:\n        pass\n    for child in children:\n        os.kill(child, signal.SIGKILL); os.waitpid(child, 0)\n    return len(children)\n",
    );
    project.limits.pids = 40;
    let replica = project.launch(&["main"]).await;
    let made = value(&call(&replica, "main", json!({})).await.unwrap()).as_u64().unwrap();
    assert!((20..40).contains(&made), "{made}");
    assert!(replica.usage().pids_denied > 0);
    assert!(call(&replica, "main", json!({})).await.is_ok(), "it goes on");
}

#[tokio::test]
async fn a_fork_bomb_that_never_stops_is_gone_soon_after_the_deadline() {
    let replica = python(
        "import os\ndef main():\n    while True:\n        try: os.fork()\n        except OSError: pass\n",
    )
    .launch(&["main"])
    .await;
    let began = Instant::now();
    let failure = call_within(&replica, "main", json!({}), Duration::from_millis(500)).await.unwrap_err();
    assert_eq!(failure.error, CallError::Timeout);
    replica.ended().await;
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn threads_count_like_processes() {
    let mut project = python(
        "import threading, time\ndef main():\n    n = 0\n    try:\n        while True:\n            threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); n += 1\n    except RuntimeError: return n\n",
    );
    project.limits.pids = 40;
    let made = project.answer().await.as_u64().unwrap();
    assert!((20..40).contains(&made), "{made}");
}

#[tokio::test]
async fn memory_in_files_counts_as_memory() {
    let mut project = python(
        "def main():\n    with open('/tmp/big', 'wb') as file:\n        while True: file.write(bytes(1 << 20))\n",
    );
    project.limits.memory_bytes = 96 * 1024 * 1024;
    project.limits.tmp_bytes = 512 * 1024 * 1024;
    let replica = project.launch(&["main"]).await;
    let failed = error(&replica, "main", json!({})).await;
    assert!(matches!(failed, CallError::OutOfMemory { .. }), "{failed:?}");
}

#[tokio::test]
async fn descriptors_run_out_at_the_limit() {
    let mut project = python(&format!(
        "{ATTEMPT}\ndef main():\n    kept = []\n    def more():\n        while True: kept.append(open('/dev/null'))\n    return [attempt(more), len(kept)]\n"
    ));
    project.limits.open_files = 128;
    let replica = project.launch(&["main"]).await;
    let answer = value(&call(&replica, "main", json!({})).await.unwrap());
    assert_eq!(answer[0], json!("EMFILE"));
    assert!((90..128).contains(&answer[1].as_u64().unwrap()), "{answer}");
    assert!(
        call(&replica, "main", json!({})).await.is_ok(),
        "answers still come over the descriptor that is there"
    );
}

#[tokio::test]
async fn temporary_files_end_at_their_limit_in_bytes_and_number() {
    let mut project = python(&format!(
        "{ATTEMPT}\ndef fill(path):\n    with open(path, 'wb', 0) as file:\n        while True: file.write(bytes(1 << 16))\n\
         def many():\n    for n in range(1000000): open('/tmp/d%d' % n, 'w').close()\n\
         def main(): return [attempt(lambda: fill('/tmp/x')), os.path.getsize('/tmp/x'), attempt(lambda: fill('/dev/shm/x')), os.unlink('/tmp/x'), attempt(many)]\n"
    ));
    project.limits.tmp_bytes = 4 * 1024 * 1024;
    let answer = project.answer().await;
    assert_eq!(
        (&answer[0], &answer[1], &answer[2], &answer[4]),
        (&json!("ENOSPC"), &json!(4 << 20), &json!("ENOSPC"), &json!("ENOSPC"))
    );
}

#[tokio::test]
async fn a_workspace_beyond_its_limit_ends_the_replica() {
    let mut project = python(
        "import time\ndef main():\n    open('/workspace/big', 'wb').write(bytes(8 << 20))\n    time.sleep(20)\n",
    );
    project.limits.workspace_bytes = Some(1 << 20);
    let replica = project.launch(&["main"]).await;
    let failed = error(&replica, "main", json!({})).await;
    let CallError::Ended(Ended::WorkspaceFull { limit, used }) = failed else { panic!("{failed:?}") };
    assert_eq!(limit, 1 << 20);
    assert!(used >= 8 << 20, "{used}");
    // Whoever comes after can make room.
    std::fs::write(project.app().join("main.py"), "import os\ndef main(): os.unlink('/workspace/big')\n")
        .unwrap();
    assert!(call(&project.launch(&["main"]).await, "main", json!({})).await.is_ok());
}

fn bytes(logs: &[LogLine]) -> usize {
    logs.iter().map(|line| line.text.len()).sum()
}

#[tokio::test]
async fn of_a_flood_of_output_the_beginning_and_the_end_are_kept() {
    for project in [
        python("def main():\n    for n in range(100000): print('line', n)\n"),
        node("exports.main = () => { for (let n = 0; n < 100000; n += 1) console.log('line', n); };\n"),
    ] {
        let outcome = call(&project.launch(&["main"]).await, "main", json!({})).await.unwrap();
        let texts: Vec<_> = outcome.logs.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts[0], texts[texts.len() - 1]), ("line 0", "line 99999"));
        assert!(bytes(&outcome.logs) <= 2 * LOG_KEPT + 1000, "{}", bytes(&outcome.logs));
        let marks: Vec<_> = texts.iter().filter(|text| text.ends_with("bytes dropped …")).collect();
        assert_eq!(marks.len(), 1, "{marks:?}");
    }
}

#[tokio::test]
async fn a_flood_past_the_worker_neither_blocks_the_script_nor_fills_the_log() {
    let replica = python("import os\ndef main():\n    for n in range(1000): os.write(1, b'x' * 65535 + b'\\n')\n    return 'done'\n").launch(&["main"]).await;
    let outcome = call_within(&replica, "main", json!({}), LONG).await.unwrap();
    assert_eq!(value(&outcome), json!("done"));
    assert!(bytes(&outcome.logs) <= 2 * LOG_KEPT + 1000, "{}", bytes(&outcome.logs));
}

#[tokio::test]
async fn one_line_without_end_is_cut_into_pieces() {
    let outcome =
        call(&python("def main(): print('y' * 50000)\n").launch(&["main"]).await, "main", json!({}))
            .await
            .unwrap();
    assert_eq!(bytes(&outcome.logs), 50_000);
    assert!(outcome.logs.iter().all(|line| line.text.len() <= 16 * 1024));
}

#[tokio::test]
async fn a_giant_result_is_refused_with_its_size_and_the_replica_lives() {
    for project in [python("def main(n): return 'x' * n\n"), node("exports.main = (n) => 'x'.repeat(n);\n")] {
        let replica = project.launch(&["main"]).await;
        let most = FRAME_MAX as u64;
        assert_eq!(
            error(&replica, "main", json!([most])).await,
            CallError::ResultTooLarge { bytes: most + 2 }
        );
        let largest = call(&replica, "main", json!([most - 2])).await.unwrap();
        assert_eq!(largest.result.get().len(), FRAME_MAX);
    }
}

#[tokio::test]
async fn giant_arguments_are_refused_and_large_ones_arrive() {
    for project in
        [python("def main(text): return len(text)\n"), node("exports.main = (text) => text.length;\n")]
    {
        let replica = project.launch(&["main"]).await;
        let text = "z".repeat(FRAME_MAX - 4);
        assert_eq!(value(&call(&replica, "main", json!([text])).await.unwrap()), json!(FRAME_MAX - 4));
        let text = "z".repeat(FRAME_MAX);
        let refused = error(&replica, "main", json!([text])).await;
        assert_eq!(refused, CallError::ArgumentsTooLarge { bytes: FRAME_MAX + 4 });
    }
}

fn nested(depth: usize) -> Box<serde_json::value::RawValue> {
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    serde_json::value::RawValue::from_string(text).unwrap()
}

#[tokio::test]
async fn deep_arguments_and_results_are_refused() {
    for project in [
        python(
            "def main(x): return 1\ndef deep(n):\n    a = []\n    for _ in range(n): a = [a]\n    return a\n",
        ),
        node(
            "exports.main = (x) => 1;\nexports.deep = (n) => { let a = []; for (let i = 0; i < n; i += 1) a = [a]; return a; };\n",
        ),
    ] {
        let replica = project.launch(&["main", "deep"]).await;
        assert!(replica.call("main", nested(120), LONG).await.is_ok());
        let refused = replica.call("main", nested(100_000), LONG).await.unwrap_err();
        assert!(matches!(refused.error, CallError::BadArguments { .. }), "{refused:?}");
        assert!(call(&replica, "deep", json!([100])).await.is_ok());
        for depth in [200, 20_000] {
            let refused = error(&replica, "deep", json!([depth])).await;
            assert!(matches!(refused, CallError::ResultNotJson { .. }), "{depth}: {refused:?}");
        }
        assert!(call(&replica, "main", json!([1])).await.is_ok(), "it goes on");
    }
}

#[tokio::test]
async fn signals_are_ignored_in_vain() {
    let replica = python(
        "import os, signal, time\ndef main():\n    for number in range(1, 65):\n        try: signal.signal(number, signal.SIG_IGN)\n        except (OSError, ValueError): pass\n\
         \x20   for _ in range(20):\n        if os.fork() == 0:\n            os.setsid()\n            while True: time.sleep(1)\n    while True: time.sleep(1)\n",
    );
    let mut replica = replica;
    replica.concurrency = 1;
    let replica = replica.launch(&["main"]).await;
    let began = Instant::now();
    let failure = call_within(&replica, "main", json!({}), Duration::from_millis(500)).await.unwrap_err();
    assert_eq!(failure.error, CallError::Timeout);
    replica.ended().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn process_one_cannot_be_ended_from_inside() {
    let project = python(&format!(
        "{ATTEMPT}\nimport time\ndef main():\n    found = [attempt(lambda: os.kill(1, n)) for n in (9, 15, 19, 11)]\n    time.sleep(0.2)\n    return found\n"
    ));
    // They may be sent; the kernel protects process 1 of a namespace from what it does not handle.
    assert_eq!(project.answer().await, json!(["done", "done", "done", "done"]));
}

#[tokio::test]
async fn calls_beside_one_that_takes_too_long_get_a_moment() {
    let replica = node("exports.main = (ms) => new Promise((done) => setTimeout(done, ms, 'done'));\n")
        .launch(&["main"])
        .await;
    let (slow, quick) = tokio::join!(
        call_within(&replica, "main", json!([60_000]), Duration::from_millis(200)),
        call(&replica, "main", json!([600])),
    );
    assert_eq!(slow.unwrap_err().error, CallError::Timeout);
    assert_eq!(value(&quick.unwrap()), json!("done"));
    assert_eq!(replica.ended().await, Ended::TimedOut);
}

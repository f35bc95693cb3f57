//! Scripts that speak on the worker's behalf, and names that are no functions.

use std::time::Duration;

use gatehouse_sandbox::{CallError, Ended, LaunchError};
use serde_json::json;

use crate::workshop::{call, call_within, error, node, python, value};

/// Python that writes frames of its own to the conversation.
const FORGE: &str = "
import json, os, struct, time
def frame(body): os.write(3, struct.pack('<I', len(body)) + body)
def main():
    forge()
    time.sleep(20)
";

async fn is_a_broken_protocol(forge: &str, words: &str) {
    let replica = python(&format!("{FORGE}\ndef forge(): {forge}\n")).launch(&["main"]).await;
    let failed = error(&replica, "main", json!({})).await;
    assert!(matches!(&failed, CallError::Protocol(told) if told.contains(words)), "{failed:?}");
    assert!(matches!(replica.ended().await, Ended::Protocol(_)));
}

#[tokio::test]
async fn a_frame_that_lies_about_its_length_ends_the_replica() {
    is_a_broken_protocol("os.write(3, struct.pack('<I', 0xffffffff) + b'x')", "4294967295 bytes").await;
}

#[tokio::test]
async fn an_answer_to_a_call_that_was_not_made_ends_the_replica() {
    is_a_broken_protocol("frame(b'{\"id\":\"00000000deadbeef\",\"ok\":1}')", "not under way").await;
}

#[tokio::test]
async fn a_frame_that_is_no_json_ends_the_replica() {
    is_a_broken_protocol("frame(b'hello')", "no frame").await;
}

#[tokio::test]
async fn a_frame_that_says_nothing_ends_the_replica() {
    is_a_broken_protocol("frame(b'{}')", "neither an answer nor a line").await;
}

#[tokio::test]
async fn a_number_of_a_call_that_is_none_ends_the_replica() {
    is_a_broken_protocol("frame(b'{\"id\":\"+1\",\"ok\":1}')", "no number of a call").await;
}

#[tokio::test]
async fn a_deep_frame_ends_the_replica() {
    is_a_broken_protocol("frame(b'[' * 100000)", "deeper than 128").await;
}

#[tokio::test]
async fn a_frame_written_past_python_by_native_code_is_judged_the_same() {
    is_a_broken_protocol(
        "__import__('ctypes').CDLL(None).write(3, b'\\xff\\xff\\xff\\x7f', 4)",
        "2147483647 bytes",
    )
    .await;
}

#[tokio::test]
async fn closing_the_conversation_ends_the_replica() {
    let mut project = python(&format!("{FORGE}\ndef forge(): os.close(3)\n"));
    // With more threads one of them reads, and the kernel keeps the socket open for it.
    project.concurrency = 1;
    let replica = project.launch(&["main"]).await;
    let failed = call_within(&replica, "main", json!({}), Duration::from_secs(8)).await.unwrap_err().error;
    assert!(matches!(&failed, CallError::Protocol(told) if told.contains("closed")), "{failed:?}");
}

#[tokio::test]
async fn a_frame_in_two_halves_and_then_none_waits_for_the_deadline() {
    let replica = python(&format!("{FORGE}\ndef forge(): os.write(3, struct.pack('<I', 100) + b'{{')\n"))
        .launch(&["main"])
        .await;
    let failed =
        call_within(&replica, "main", json!({}), Duration::from_millis(500)).await.unwrap_err().error;
    assert_eq!(failed, CallError::Timeout);
    assert_eq!(replica.ended().await, Ended::TimedOut);
}

#[tokio::test]
async fn a_script_may_answer_its_own_call_and_harms_only_itself() {
    let replica = node(
        "const fs = require('fs');\nfunction frame(text) { const b = Buffer.alloc(4 + text.length); b.writeUInt32LE(text.length); b.write(text, 4); fs.writeSync(3, b); }\n\
         exports.main = () => { frame('{\"log\":{\"level\":\"info\",\"text\":\"mine\"}}'); return 1; };\n",
    )
    .launch(&["main"])
    .await;
    let outcome = call(&replica, "main", json!({})).await.unwrap();
    assert_eq!(value(&outcome), json!(1));
    assert_eq!(outcome.logs[0].text, "mine");
}

#[tokio::test]
async fn a_flood_of_frames_is_slowed_down_and_bounded() {
    let replica = python(&format!("{FORGE}\ndef forge():\n    line = json.dumps({{'log': {{'level': 'info', 'text': 'x' * 1000}}}}).encode()\n    while True: frame(line)\n"))
        .launch(&["main"])
        .await;
    let failure = call_within(&replica, "main", json!({}), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(failure.error, CallError::Timeout);
    let kept: usize = failure.logs.iter().map(|line| line.text.len()).sum();
    assert!(kept <= 2 * gatehouse_sandbox::LOG_KEPT + 1000, "{kept}");
}

#[tokio::test]
async fn names_that_lead_into_the_language_are_no_functions() {
    let replica =
        python("from os import getcwd\nimport os\nclass K: pass\ndef main(): pass\n").launch(&["main"]).await;
    for name in ["__import__", "getcwd", "os", "K", "_x", "main.__globals__", "", "eval", "exec", "print"] {
        let refused = error(&replica, name, json!({})).await;
        assert_eq!(refused, CallError::NotFound { available: vec!["main".to_owned()] }, "{name}");
    }
    let replica = node("exports.main = () => 1;\n").launch(&["main"]).await;
    for name in
        ["__proto__", "constructor", "toString", "hasOwnProperty", "require", "prototype", "eval", "_x"]
    {
        let refused = error(&replica, name, json!({})).await;
        assert_eq!(refused, CallError::NotFound { available: vec!["main".to_owned()] }, "{name}");
    }
}

#[tokio::test]
async fn a_manifest_that_names_such_things_does_not_make_them_functions() {
    for name in ["__proto__", "constructor", "toString", "hasOwnProperty", "require", "eval", "fetch"] {
        let refused = node("exports.main = () => 1;\n").try_launch(&[name]).await.unwrap_err();
        assert!(
            matches!(&refused, LaunchError::Load { message, .. } if message.contains(name)),
            "{name}: {refused:?}"
        );
    }
    for name in ["__import__", "print", "nowhere"] {
        let refused = python("def main(): pass\n").try_launch(&[name]).await.unwrap_err();
        assert!(
            matches!(&refused, LaunchError::Load { message, .. } if message.contains(name)),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn exports_may_have_names_that_are_words_of_the_language() {
    let replica = node("'use strict';\nexports.delete = () => 'gone';\nexports.static = () => 'still';\nfunction toString() { return 'own'; }\n")
        .launch(&["delete", "static", "toString"])
        .await;
    for (name, expected) in [("delete", "gone"), ("static", "still"), ("toString", "own")] {
        assert_eq!(value(&call(&replica, name, json!({})).await.unwrap()), json!(expected));
    }
}

#[tokio::test]
async fn keys_of_arguments_are_data() {
    let replica = node("exports.main = (whole) => [Object.keys(whole).sort(), ({}).polluted === undefined];\nexports.two = (a, b) => [a, b];\n")
        .launch(&["main", "two"])
        .await;
    let arguments = r#"{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}"#;
    let raw = serde_json::value::RawValue::from_string(arguments.to_owned()).unwrap();
    let outcome = replica.call("main", raw, Duration::from_secs(5)).await.unwrap();
    assert_eq!(value(&outcome), json!([["__proto__", "constructor"], true]));
    let raw =
        serde_json::value::RawValue::from_string(r#"{"__proto__": {"a": 1, "b": 2}}"#.to_owned()).unwrap();
    let refused = replica.call("two", raw, Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(refused.error, CallError::BadArguments { .. }), "{refused:?}");
    let replica = python("def main(**more): return sorted(more)\n").launch(&["main"]).await;
    let outcome = call(&replica, "main", json!({"__class__": 1, "self": 2})).await.unwrap();
    assert_eq!(value(&outcome), json!(["__class__", "self"]));
}

#[tokio::test]
async fn a_script_that_breaks_json_for_itself_breaks_only_its_own_answers() {
    let replica = node("JSON.stringify = () => 'broken'; JSON.parse = () => ({ fn: 'main' });\nMap.prototype.get = () => undefined;\nexports.main = (n) => n + 1;\n")
        .launch(&["main"])
        .await;
    let result = call_within(&replica, "main", json!([1]), Duration::from_secs(2)).await;
    let fine = match &result {
        Ok(outcome) => value(outcome) == json!(2),
        Err(failure) => matches!(
            failure.error,
            CallError::NotFound { .. } | CallError::Timeout | CallError::Script { .. }
        ),
    };
    assert!(fine, "{result:?}");
}

//! What ordinary scripts do.

use gatehouse_sandbox::{CgroupVersion, Language, Mode};
use serde_json::json;

use crate::workshop::{call, interpreter, node, python, sandbox, value};

#[tokio::test]
async fn this_machine_has_what_it_takes() {
    let probe = sandbox().probe().await;
    assert!(probe.is_usable(), "{probe:#?}");
    assert_eq!(probe.mode, Mode::Privileged, "run the tests as root");
    assert!(matches!(probe.cgroup, Some(CgroupVersion::V1 | CgroupVersion::V2)));
}

#[tokio::test]
async fn a_python_function_is_called_by_name_and_by_position() {
    let project = python("def greet(name, mark='!'):\n    return {'text': f'Hello {name}{mark}'}\n");
    let replica = project.launch(&["greet"]).await;
    let by_name = call(&replica, "greet", json!({"name": "Ada", "mark": "?"})).await.unwrap();
    assert_eq!(value(&by_name), json!({"text": "Hello Ada?"}));
    let by_place = call(&replica, "greet", json!(["Ada"])).await.unwrap();
    assert_eq!(value(&by_place), json!({"text": "Hello Ada!"}));
}

#[tokio::test]
async fn a_javascript_function_is_called_by_name_and_by_position() {
    let project = node("function greet(name, mark = '!') { return { text: `Hello ${name}${mark}` }; }\n");
    let replica = project.launch(&["greet"]).await;
    let by_name = call(&replica, "greet", json!({"mark": "?", "name": "Ada"})).await.unwrap();
    assert_eq!(value(&by_name), json!({"text": "Hello Ada?"}));
    let by_place = call(&replica, "greet", json!(["Ada"])).await.unwrap();
    assert_eq!(value(&by_place), json!({"text": "Hello Ada!"}));
}

#[tokio::test]
async fn interpreters_tell_their_version() {
    let sandbox = sandbox();
    let python = interpreter(&sandbox, Language::Python).await;
    assert!(python.version.starts_with("3."), "{python:?}");
    let node = interpreter(&sandbox, Language::JavaScript).await;
    assert!(node.version.split('.').count() == 3, "{node:?}");
}

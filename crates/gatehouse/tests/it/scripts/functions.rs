use serde_json::json;

use super::{PYTHON, deployed, imported, plain};
use crate::support::{TestApp, on_both};

async fn r190_a_flow_calls_a_function_of_a_script(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("In a flow", "python")).await;
    deployed(&owner, &id).await;
    let run = async |function: &str, arguments: serde_json::Value| {
        let definition = json!({
            "nodes": [
                {"id": "start", "kind": "start"},
                {"id": "ask", "kind": "function", "scriptId": id, "function": function, "arguments": arguments},
                {"id": "end", "kind": "end", "output": "{{ steps.ask.output }}"},
            ],
            "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "end"}],
        });
        let name = format!("Calls {function}");
        let flow = owner.post("/api/v1/flows", json!({"name": name, "definition": definition})).await.ok();
        let flow = flow["id"].as_str().unwrap().to_owned();
        owner.post_to(&format!("/api/v1/flows/{flow}/deploy")).await.ok();
        let begun = format!("/api/v1/flows/executions/start?flowId={flow}");
        let begun = owner.post(&begun, json!({"who": "Ada"})).await.ok()["id"].as_str().unwrap().to_owned();
        t.work().await;
        owner.get(&format!("/api/v1/flows/executions/{begun}")).await.ok()
    };
    let done = run("greet", json!({"name": "{{ input.who }}"})).await;
    assert_eq!(
        (&done["status"], &done["output"]["greeting"]),
        (&json!("Success"), &json!("Hello, Ada!")),
        "{done}"
    );
    let runs = owner.get(&format!("/api/v1/scripts/{id}/runs")).await.ok();
    assert_eq!(
        (&runs["data"][0]["sourceType"], &runs["data"][0]["source"]),
        (&json!("Workflow"), &done["id"])
    );
    let failed = run("fail", json!({"message": "not today"})).await;
    assert_eq!(
        (&failed["status"], &failed["message"]),
        (&json!("Error"), &json!("ValueError: not today")),
        "{failed}"
    );
}

on_both!(r190_a_flow_calls_a_function_of_a_script);

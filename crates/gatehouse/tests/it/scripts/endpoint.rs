use std::process::Command;

use serde_json::{Value, json};

use super::{PYTHON, deployed, imported, key_of, plain};
use crate::support::{TestApp, on_both};

/// What a program prints, once it ended well.
fn printed(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

async fn r232_the_code_of_the_endpoint_runs_as_it_is_copied(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Copied", "python")).await;
    let path = format!("/api/v1/scripts/{id}/endpoint?function=variable");
    let error = owner.get(&path).await.refused(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("Endpoint not activated"));
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let code = owner.get(&path).await.ok();
    let of = |language: &str| code[language].as_str().unwrap().replace("YOUR_API_KEY", &key);
    let (curl, javascript, python) = (of("curl"), of("javascript"), of("python"));
    let results = tokio::task::spawn_blocking(move || {
        [
            printed("sh", &["-c", &format!("{curl} --silent")]),
            printed("node", &["-e", &javascript]),
            printed("python3", &["-c", &python]),
        ]
    });
    let [curl, javascript, python] = results.await.unwrap();
    let answer: Value = serde_json::from_str(&curl).unwrap();
    assert_eq!(answer["result"], Value::Null, "no such variable: {answer}");
    assert_eq!((javascript.trim(), python.trim()), ("null", "null"));
    assert_eq!(owner.get(&format!("/api/v1/scripts/{id}/runs")).await.ok()["pagination"]["totalItems"], 3);
    owner.get(&format!("/api/v1/scripts/{id}/endpoint?function=nothing")).await.refused(404, "not_found");
    assert!(
        code["functions"].as_array().unwrap().contains(&json!({"name": "variable", "parameters": ["key"]})),
        "{code}"
    );
}

on_both!(r232_the_code_of_the_endpoint_runs_as_it_is_copied);

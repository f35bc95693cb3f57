use serde_json::json;

use super::{JAVASCRIPT, PYTHON, call, deployed, imported, key_of, plain, send};
use crate::support::{Answer, Client, TestApp, on_both};

async fn r200_a_function_is_called_with_a_key_of_its_script(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let anybody = t.client();
    let id = imported(&owner, PYTHON, plain("Greeter", "python")).await;
    let script = deployed(&owner, &id).await;
    assert!(script["deployed"]["interpreter"].as_str().unwrap().starts_with("Python 3.10.15"), "{script}");
    let key = key_of(&owner, &id).await;
    let answer = call(&anybody, &id, &key, "greet", json!({"name": "Ada"})).await.ok();
    assert_eq!(answer["result"], json!({"greeting": "Hello, Ada!", "twice": 42}));
    assert!(answer["durationMs"].as_f64().unwrap() > 0.0);
    // arguments may be left out where the function has its own
    assert_eq!(
        call(&anybody, &id, &key, "greet", json!({})).await.ok()["result"]["greeting"],
        "Hello, world!"
    );
    assert_eq!(
        call(&anybody, &id, &key, "later", json!({"value": [1, null]})).await.ok()["result"],
        json!([1, null])
    );
    // the run and what it wrote are there at once
    let runs = owner.get(&format!("/api/v1/scripts/{id}/runs")).await.ok();
    assert_eq!(runs["pagination"]["totalItems"], 3);
    let first = runs["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(first["id"], answer["runId"]);
    assert_eq!(
        (&first["status"], &first["sourceType"], &first["source"]),
        (&json!("Success"), &json!("API"), &json!("Secret Key"))
    );
    let logs = owner
        .get(&format!("/api/v1/scripts/{id}/logs?runId={}", answer["runId"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!(logs["data"][0]["message"], "greeting Ada");
    assert_eq!(logs["data"][0]["level"], "Stdout");
    let keys = owner.get(&format!("/api/v1/scripts/{id}/keys")).await.ok();
    assert!(keys["data"][0]["lastUsedAt"].is_string(), "{keys}");
}

async fn r202_javascript_is_called_alike(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let settings =
        json!({"name": "Greeter", "language": "javascript", "environment": {"TOKEN": "s3cret-value"}});
    let id = imported(&owner, JAVASCRIPT, settings).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let answer = call(&owner, &id, &key, "greet", json!({"name": "Ada"})).await.ok();
    assert_eq!(answer["result"], json!({"greeting": "Hello, Ada!", "twice": 42}));
    let error = call(&owner, &id, &key, "fail", json!({"message": "no"})).await.refused(422, "script_error");
    assert_eq!(error["message"], "TypeError: no");
    assert!(error["traceback"].as_str().unwrap().contains("main.js"), "{error}");
    assert_eq!(
        call(&owner, &id, &key, "variable", json!({"key": "TOKEN"})).await.ok()["result"],
        "s3cret-value"
    );
}

async fn r199_what_goes_wrong_is_told_and_kept(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let settings = json!({"name": "Failing", "language": "python", "environment": {"TOKEN": "s3cret-value"}});
    let id = imported(&owner, PYTHON, settings).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let error = call(&owner, &id, &key, "fail", json!({"message": "it is s3cret-value"}))
        .await
        .refused(422, "script_error");
    assert_eq!(error["message"], "ValueError: it is ***");
    let traceback = error["traceback"].as_str().unwrap();
    assert!(traceback.contains("main.py") && traceback.contains("raise ValueError"), "{traceback}");
    assert!(
        !traceback.contains("s3cret-value") && !traceback.contains(&*t.database.data_dir().to_string_lossy()),
        "{traceback}"
    );
    assert!(error["runId"].as_str().unwrap().starts_with("run_"));
    // arguments that do not fit, names that are none, results that are no JSON
    call(&owner, &id, &key, "greet", json!({"surname": 1})).await.refused(400, "validation_error");
    for name in ["_hidden", "double", "__import__", "os", "nothing"] {
        let error = call(&owner, &id, &key, name, json!({})).await.refused(404, "not_found");
        assert!(error["message"].as_str().unwrap().contains("greet"), "{error}");
    }
    let error = call(&owner, &id, &key, "endless", json!({})).await.refused(422, "script_error");
    assert!(error["message"].as_str().unwrap().contains("generator"), "{error}");
    call(&owner, &id, &key, "greet", json!([1])).await.refused(400, "validation_error");
    let path = format!("/api/public/scripts/{id}/functions/greet");
    owner
        .send(owner.request("POST", &path).header("x-api-key", &key).body("{"))
        .await
        .refused(400, "invalid_request_error");
    let huge = "x".repeat(6 * 1024 * 1024);
    call(&owner, &id, &key, "greet", json!({"name": huge})).await.refused(413, "payload_too_large");
    let failed = owner.get(&format!("/api/v1/scripts/{id}/runs?status=Error")).await.ok();
    assert_eq!(failed["pagination"]["totalItems"], 2, "{failed}");
    assert!(failed["data"].to_string().contains("ValueError: it is ***"), "{failed}");
    let numbers = owner.get(&format!("/api/v1/scripts/{id}/statistics")).await.ok();
    assert_eq!(
        (&numbers["totalRuns"], &numbers["failedRuns"], &numbers["failureRate"]),
        (&json!(3), &json!(3), &json!(100.0))
    );
    assert!(numbers["p99Ms"].as_f64().unwrap() >= numbers["p90Ms"].as_f64().unwrap());
}

async fn r203_r204_scripts_read_uploads_and_write_their_workspace(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Reader", "python")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let kept = send(&owner, "POST", "/api/v1/files", Some(("data.txt", b"of the company")), None).await.ok();
    assert_eq!((&kept["name"], &kept["bytes"]), (&json!("data.txt"), &json!(14)));
    send(&owner, "POST", "/api/v1/files", Some(("data.txt", b"again")), None).await.refused(409, "conflict");
    send(&owner, "POST", "/api/v1/files", Some((".hidden", b"x")), None)
        .await
        .refused(400, "validation_error");
    let read = call(&owner, &id, &key, "read_upload", json!({"name": "data.txt"})).await.ok();
    assert_eq!(read["result"], "of the company");
    let error = call(&owner, &id, &key, "write_upload", json!({"name": "data.txt"}))
        .await
        .refused(422, "script_error");
    assert!(error["message"].as_str().unwrap().contains("Read-only file system"), "{error}");
    assert_eq!(call(&owner, &id, &key, "remember", json!({"text": "one "})).await.ok()["result"], "one ");
    assert_eq!(call(&owner, &id, &key, "remember", json!({"text": "two"})).await.ok()["result"], "one two");
    // kept cold while out of service, there again afterwards
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    deployed(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "remember", json!({"text": "!"})).await.ok()["result"], "one two!");
    owner.delete(&format!("/api/v1/files/{}", kept["id"].as_str().unwrap())).await.ok();
    call(&owner, &id, &key, "read_upload", json!({"name": "data.txt"})).await.refused(422, "script_error");
}

/// A project that fetches what it is told to.
const FETCHING: &[(&str, &str)] = &[(
    "main.py",
    "import urllib.request\ndef fetch(url):\n    return urllib.request.urlopen(url, timeout=5).read().decode()\n",
)];

/// A service outside: answers every request with the host that was asked for.
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn outside() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = axum::Router::new().fallback(|headers: axum::http::HeaderMap| async move {
        headers["host"].to_str().unwrap().split(':').next().unwrap().to_owned()
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

/// What the service of [`outside`] says to a script that asks for it by this name.
async fn fetched(by: &Client, (id, key): (&str, &str), host: &str, port: u16) -> Answer {
    let url = format!("http://{host}:{port}/");
    call(by, id, key, "fetch", json!({"url": url})).await
}

async fn r237_scripts_reach_the_public_internet_and_nothing_of_ours(t: TestApp) {
    t.keep_scripts();
    let port = outside().await;
    // the test's one permitted address plays the public internet
    t.dns.set_addresses("service.example.com", ["127.0.0.1".parse().unwrap()]);
    t.dns.set_addresses("private.example.com", ["10.0.0.1".parse().unwrap()]);
    let owner = t.owner().await;
    let id = imported(&owner, FETCHING, plain("Fetching", "python")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let fetch = async |host| fetched(&owner, (&id, &key), host, port).await;
    assert_eq!(fetch("service.example.com").await.ok()["result"], "service.example.com");
    for host in
        ["private.example.com", "nowhere.example.com", "127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]"]
    {
        fetch(host).await.refused(422, "script_error");
    }
    let logs = owner.get(&format!("/api/v1/scripts/{id}/logs?pageSize=100")).await.body;
    for told in [
        format!("egress: service.example.com:{port} allowed"),
        format!("egress: private.example.com:{port} refused"),
    ] {
        assert!(logs.contains(&told), "{told} in {logs}");
    }
}

async fn a_script_reaches_what_it_was_given_and_no_more(t: TestApp) {
    t.keep_scripts();
    let port = outside().await;
    for name in ["service.example.com", "other.example.com"] {
        t.dns.set_addresses(name, ["127.0.0.1".parse().unwrap()]);
    }
    let owner = t.owner().await;
    let list = json!({"name": "Listed", "language": "python", "egress": "allow-list", "egressHosts": ["Service.example.com"]});
    let id = imported(&owner, FETCHING, list).await;
    let path = format!("/api/v1/scripts/{id}");
    let script = owner.get(&path).await.ok();
    assert_eq!(
        (&script["egress"], &script["egressHosts"]),
        (&json!("allow-list"), &json!(["service.example.com"]))
    );
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let fetch = async |host| fetched(&owner, (&id, &key), host, port).await;
    assert_eq!(fetch("service.example.com").await.ok()["result"], "service.example.com");
    fetch("other.example.com").await.refused(422, "script_error");
    let logs = owner.get(&format!("{path}/logs?pageSize=100")).await.body;
    assert!(logs.contains("not on the list of allowed hosts"), "{logs}");
    // nothing at all, from the next version on; the hosts of the list are gone with it
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    let changed = send(&owner, "PUT", &path, None, Some(&json!({"egress": "none"}))).await.ok();
    assert_eq!((&changed["egress"], &changed["egressHosts"]), (&json!("none"), &json!([])));
    deployed(&owner, &id).await;
    fetch("service.example.com").await.refused(422, "script_error");
    for (wrong, field) in [
        (json!({"egress": "everything"}), "egress"),
        (json!({"egress": "allow-list"}), "egressHosts"),
        (json!({"egress": "allow-list", "egressHosts": ["10.0.0.1"]}), "egressHosts"),
    ] {
        let settings = super::super::connect::with(plain("Wrong", "python"), &wrong);
        let refused = super::import(&owner, FETCHING, settings).await.refused(400, "validation_error");
        assert_eq!(refused["field"], field);
    }
}

on_both!(
    r237_scripts_reach_the_public_internet_and_nothing_of_ours,
    a_script_reaches_what_it_was_given_and_no_more,
    r200_a_function_is_called_with_a_key_of_its_script,
    r202_javascript_is_called_alike,
    r199_what_goes_wrong_is_told_and_kept,
    r203_r204_scripts_read_uploads_and_write_their_workspace,
);

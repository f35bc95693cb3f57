//! Custom scripts over HTTP: imported, deployed, called, taken out of service, on real interpreters in the real sandbox.

mod calls;
mod console;
mod endpoint;
mod functions;
mod hostile;
mod keys;
mod lifecycle;
mod packages;
mod pages;
mod projects;
mod restart;

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Client};

/// A project in Python with a helper beside its main file.
const PYTHON: &[(&str, &str)] = &[
    (
        "main.py",
        r#"
import os, sys, time
from .helper import double

def greet(name="world"):
    print("greeting", name)
    return {"greeting": f"Hello, {name}!", "twice": double(21)}

def variable(key):
    return os.getenv(key)

def fail(message):
    raise ValueError(message)

def sleep(seconds):
    time.sleep(seconds)
    return "slept"

def read_upload(name):
    with open(os.path.join(os.environ["UPLOADS_DIR"], name)) as file:
        return file.read()

def write_upload(name):
    with open(os.path.join(os.environ["UPLOADS_DIR"], name), "w") as file:
        file.write("x")

def remember(text):
    with open(os.path.join(os.environ["WORKSPACE_DIR"], "note"), "a") as file:
        file.write(text)
    with open(os.path.join(os.environ["WORKSPACE_DIR"], "note")) as file:
        return file.read()

def endless():
    return (n for n in range(3))

async def later(value):
    return value

def _hidden():
    return "hidden"
"#,
    ),
    ("helper.py", "def double(n):\n    return 2 * n\n"),
];

/// A project in JavaScript with a helper beside its main file.
const JAVASCRIPT: &[(&str, &str)] = &[
    (
        "main.js",
        r#"
const { double } = require("./helper");

async function greet({ name = "world" } = {}) {
  console.log("greeting", name);
  return { greeting: `Hello, ${name}!`, twice: double(21) };
}

function fail({ message }) {
  throw new TypeError(message);
}

function variable({ key }) {
  return process.env[key] ?? null;
}

module.exports = { greet, fail, variable };
"#,
    ),
    ("helper.js", "exports.double = (n) => 2 * n;\n"),
];

/// A zip archive of these files.
fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A form with a file and settings, as browsers send it.
async fn send(
    caller: &Client,
    method: &str,
    path: &str,
    file: Option<(&str, &[u8])>,
    settings: Option<&Value>,
) -> Answer {
    const BOUNDARY: &str = "a-boundary-of-the-test";
    let mut body = Vec::new();
    if let Some((name, bytes)) = file {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    if let Some(settings) = settings {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"settings\"\r\n\r\n{settings}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    caller.send(caller.request(method, path).header("content-type", kind).body(body)).await
}

async fn import(caller: &Client, files: &[(&str, &str)], settings: Value) -> Answer {
    send(caller, "POST", "/api/v1/scripts", Some(("project.zip", &zip_of(files))), Some(&settings)).await
}

/// The id of a script that was imported.
async fn imported(caller: &Client, files: &[(&str, &str)], settings: Value) -> String {
    import(caller, files, settings).await.ok()["id"].as_str().unwrap().to_owned()
}

/// The id of a small script that is kept as a draft.
pub(crate) async fn kept(caller: &Client, name: &str) -> String {
    imported(caller, PYTHON, plain(name, "python")).await
}

/// Settings with a name and a language, and nothing else.
fn plain(name: &str, language: &str) -> Value {
    json!({"name": name, "language": language})
}

/// Waits until a script is in another status than `Deploying`.
async fn settled(caller: &Client, id: &str) -> Value {
    for _ in 0..600 {
        let script = caller.get(&format!("/api/v1/scripts/{id}")).await.ok();
        if script["status"] != "Deploying" {
            return script;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the deployment does not end");
}

async fn deployed(caller: &Client, id: &str) -> Value {
    caller.post(&format!("/api/v1/scripts/{id}/deploy"), json!({"acceptTerms": true})).await.ok();
    let script = settled(caller, id).await;
    assert_eq!(script["status"], "Deployed", "{script}");
    script
}

/// A key of a script.
async fn key_of(caller: &Client, id: &str) -> String {
    let made = caller.post(&format!("/api/v1/scripts/{id}/keys"), json!({})).await.ok();
    made["value"].as_str().unwrap().to_owned()
}

async fn call(anybody: &Client, id: &str, key: &str, function: &str, arguments: Value) -> Answer {
    let path = format!("/api/public/scripts/{id}/functions/{function}");
    let request =
        anybody.request("POST", &path).header("X-api-key", key).header("content-type", "application/json");
    anybody.send(request.body(arguments.to_string())).await
}

/// Processes of this machine that run below this directory of scripts: workers know it by no other name.
fn workers(of: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let mounts = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("mountinfo")).ok());
    mounts.filter(|mounts| mounts.contains(of)).count()
}

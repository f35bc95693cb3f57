//! A disk without room: 507, nothing lost, and work goes on by itself when there is room again.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Program, without_settings};

const OWNER: &str = "owner@acme.test";
/// A file system of its own for the data directory, seen by the server's process alone.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=16m,mode=700 none "$GATEHOUSE_DATA_DIR" &&
    printf %s "$OWNER_PASSWORD" | "$0" admin create-owner --workspace Acme --email owner@acme.test --password-stdin >/dev/null &&
    exec "$0" serve"#;

async fn make(owner: &Client, n: usize) -> u16 {
    let body = json!({"name": format!("c-{n}"), "description": "d".repeat(400), "protocol": "oidc", "defaultRole": "member",
        "oidcConfig": {"issuerUrl": "https://idp.example.com", "clientId": "c", "clientSecret": "s3cret-of-the-client"}});
    let answer = owner.post("/api/v1/sso/connections", body).await;
    if answer.status == 507 {
        answer.refused(507, "storage_full");
    }
    answer.status
}

/// Every entry follows the one before it.
async fn chain_is_whole(owner: &Client) -> usize {
    let export = owner.get("/api/v1/audit-events/export").await;
    assert_eq!(export.status, 200, "{}", export.body);
    let entries: Vec<Value> = export.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let entries: Vec<_> =
        entries.iter().filter(|e| e["sequence"].is_i64() && e["event"].is_string()).collect();
    let mut last = json!("0".repeat(64));
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!((&entry["sequence"], &entry["previousHash"]), (&json!(n + 1), &last), "{entry}");
        last = entry["hash"].clone();
    }
    entries.iter().filter(|e| e["event"] == "sso.connection-created").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_507_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::with("sqlite:", dir.path());
    let mut command = without_settings(Command::new("unshare"));
    command.args(["--map-root-user", "--mount", "bash", "-c", SMALL_DISK, env!("CARGO_BIN_EXE_gatehouse")]);
    command.envs(program.settings.iter().cloned()).env("OWNER_PASSWORD", PASSWORD);
    let serving = Program::watch(command);
    let owner = serving.sign_in(OWNER).await;
    assert_eq!(make(&owner, 0).await, 200);

    let inside = dir.path().strip_prefix("/").unwrap();
    let filler = PathBuf::from(format!("/proc/{}/root", serving.child.id())).join(inside).join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let (mut acknowledged, mut full) = (1, 0);
    for n in 1..180 {
        match make(&owner, n).await {
            200 => acknowledged += 1,
            507 => full += 1,
            other => panic!("answered {other}: {}", serving.log()),
        }
        if full == 5 {
            break;
        }
    }
    assert_eq!(full, 5, "the disk was never full");
    // what only reads goes on meanwhile (an export signs the head of its chain, and so waits for room)
    owner.get("/api/v1/me").await.ok();
    let told = owner.get("/api/v1/audit-events?event=sso.connection-created").await.ok();
    assert_eq!(told["pagination"]["totalItems"], acknowledged);

    std::fs::remove_file(&filler).unwrap();
    drop(file);
    for n in 200..210 {
        assert_eq!(make(&owner, n).await, 200);
        acknowledged += 1;
    }
    assert_eq!(chain_is_whole(&owner).await, acknowledged);
    let listed = owner.get("/api/v1/sso/connections?pageSize=1").await.ok();
    assert_eq!(listed["pagination"]["totalItems"], acknowledged);
}

//! Rotation of the master key by the command line while the server signs people in; secrets that were changed.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use gatehouse::{App, Overrides, Parts, Server, Settings};
use gatehouse_store::{Queries, keyring, sql};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, on_both, without_settings};

fn command(t: &TestApp, arguments: &[&str]) -> Command {
    let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse")));
    command
        .args(arguments)
        .env("GATEHOUSE_DATA_DIR", t.database.data_dir())
        .env("GATEHOUSE_DATABASE_URL", t.database.url_text())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(t: &TestApp, arguments: &[&str]) -> Output {
    let mut command = command(t, arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

const ROTATE: [&str; 2] = ["admin", "rotate-master-key"];

fn report(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told} {why}");
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told} {why}"))
}

/// Signs in through the lab again and again, until told to stop; counts what went well, panics at what did not.
fn keep_signing_in(
    t: &Arc<TestApp>,
    connection: &str,
) -> (Arc<AtomicBool>, Arc<AtomicU32>, tokio::task::JoinHandle<()>) {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (t, connection) = (Arc::clone(t), connection.to_owned());
    let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
    let task = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            let answer = t.enter_from_lab(&t.client(), &connection, "ada").await;
            assert_eq!(answer.status, 303, "{}", answer.body);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (stop, count, task)
}

async fn everything_opens(t: &TestApp) {
    let found = keyring::scan(t.app.store()).await.unwrap();
    assert_eq!(found.refused(), 0, "{found:?}");
    assert!(found.columns.iter().all(|c| c.values == c.current), "{found:?}");
}

async fn people_sign_in_while_the_master_key_is_rotated(t: TestApp) {
    let t = Arc::new(t);
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let dry = report(&run(&t, &["admin", "rotate-master-key", "--dry-run"]).await);
    assert_eq!((&dry["dryRun"], &dry["refusedValues"]), (&json!(true), &json!(0)));
    assert!(dry["values"].as_u64().unwrap() >= 3, "{dry}");
    let (stop, count, task) = keep_signing_in(&t, &lab.id);
    let done = report(&run(&t, &ROTATE).await);
    let while_rotating = count.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    task.await.unwrap();
    assert!(while_rotating > 0);
    assert_ne!(done["fromMaster"], done["toMaster"]);
    assert_eq!(done["fromMaster"], dry["master"]);
    everything_opens(&t).await;
    owner.get("/api/v1/me").await.ok();
    let told = owner.get("/api/v1/audit-events?event=keyring.rotated").await.ok();
    assert_eq!(told["data"][0]["targetId"], done["rotation"]);
    assert_eq!(told["pagination"]["totalItems"], 1);
}

async fn a_rotation_killed_again_and_again_ends_whole(t: TestApp) {
    let t = Arc::new(t);
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let (stop, _, task) = keep_signing_in(&t, &lab.id);
    for after in [30, 120, 250, 400, 700, 1100] {
        let mut child = command(&t, &ROTATE).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(after)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = report(&run(&t, &ROTATE).await);
    stop.store(true, Ordering::Relaxed);
    task.await.unwrap();
    assert!(done["refused"].as_array().unwrap().is_empty(), "{done}");
    everything_opens(&t).await;
    assert!(!t.database.data_dir().join("master.key.next").exists());
    // what the next start finds
    assert!(
        run(&t, &["admin", "token", "--workspace", "Main", "--email", "owner@main.test"])
            .await
            .status
            .success()
    );
}

async fn change(t: &TestApp, update: &'static str, value: &str, id: &str) {
    let mut tx = t.app.store().begin_always().await.unwrap();
    assert_eq!(tx.execute(sql(update).bind(value).bind(id)).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

/// The same text with one letter changed.
fn flipped(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// Another server on the same database, started now.
async fn second_server(t: &TestApp) -> String {
    let mut settings = Settings::load(None, std::iter::empty(), Overrides::new()).unwrap();
    settings.data_dir = t.database.data_dir().to_owned();
    settings.database = t.database.url();
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = settings.public_url_at(server.address()).unwrap();
    let app = App::open(&settings, url.clone(), Parts::default()).await.unwrap();
    tokio::spawn(gatehouse::serve(server, app.router(None), std::future::pending()));
    url.as_str().to_owned()
}

async fn event(by: &Client, name: &str) -> Value {
    for _ in 0..100 {
        let found = by.get(&format!("/api/v1/audit-events?event={name}")).await.ok();
        if let Some(first) = found["data"].as_array().unwrap().first() {
            return first.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {name}");
}

async fn a_changed_secret_fails_closed_and_is_told(t: TestApp) {
    const UPDATE: &str = "UPDATE sso_attempts SET message = $1 WHERE id = $2";
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "mallory").await;
    owner.put(&lab.path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    assert_eq!(t.client().get(&format!("/sso/{}/start", lab.id)).await.status, 303);
    t.app.store().keyring().refresh().await.unwrap();
    let keys = sql("SELECT id, private_key FROM saml_keys ORDER BY id");
    for row in t.app.store().reader().fetch_all(keys).await.unwrap() {
        let (id, sealed) = (row.text("id").unwrap(), row.text("private_key").unwrap());
        let update = "UPDATE saml_keys SET private_key = $1 WHERE id = $2";
        change(&t, update, &flipped(&sealed, sealed.len() - 30), &id).await;
    }
    // a signed request needs the key: a server that reads it now sends nobody out, and tells nobody why
    let later = second_server(&t).await;
    let answer = Client::new(&later).get(&format!("/sso/{}/start", lab.id)).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(!answer.body.contains("saml_keys") && !answer.body.contains("sealed"), "{}", answer.body);
    // an attempt's response, which belongs to a workspace: its administrators are told
    let select = sql("SELECT id, message FROM sso_attempts WHERE message IS NOT NULL LIMIT 1");
    if let Some(row) = t.app.store().reader().fetch_optional(select).await.unwrap() {
        let (id, sealed) = (row.text("id").unwrap(), row.text("message").unwrap());
        change(&t, UPDATE, &flipped(&sealed, 40), &id).await;
        let place = gatehouse_store::Binding { table: "sso_attempts", column: "message", row: &id };
        let text = gatehouse_store::Sealed::from_stored(flipped(&sealed, 40));
        t.app.store().keyring().open_bytes(place, &text).unwrap_err();
        let told = event(&owner, "keyring.refused").await;
        assert_eq!((&told["targetId"], &told["outcome"]), (&json!(id), &json!("failure")));
        let decision = told["details"]["decision"].as_str().unwrap();
        let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
        assert_eq!(why["action"], "keyring:open");
    }
    let doctor = run(&t, &["doctor"]).await;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("BAD  secrets") && told.contains("saml_keys.private_key, row "), "{told}");
    assert_eq!(doctor.status.code(), Some(1));
}

on_both![
    people_sign_in_while_the_master_key_is_rotated,
    a_rotation_killed_again_and_again_ends_whole,
    a_changed_secret_fails_closed_and_is_told,
];

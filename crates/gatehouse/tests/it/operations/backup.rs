//! `gatehouse backup` beside a server at work, `gatehouse restore` and its end half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gatehouse_testkit::{Database, Kind};
use serde_json::{Value, json};

use super::on_both_databases;
use crate::support::{Client, Program};

const OWNER: &str = "owner@acme.test";
const CONNECTIONS: &str = "/api/v1/sso/connections";

async fn make(owner: &Client, name: &str) -> bool {
    let body = json!({"name": name, "protocol": "oidc", "defaultRole": "member", "oidcConfig": {
        "issuerUrl": "https://idp.example.com", "clientId": "c", "clientSecret": "s3cret-of-the-client"}});
    (200..300).contains(&owner.post(CONNECTIONS, body).await.status)
}

async fn names(owner: &Client) -> Vec<String> {
    let mut all = Vec::new();
    for page in 1.. {
        let answer = owner.get(&format!("{CONNECTIONS}?pageSize=100&page={page}")).await.ok();
        let data = answer["data"].as_array().unwrap().clone();
        if data.is_empty() {
            break;
        }
        all.extend(data.iter().map(|c: &Value| c["name"].as_str().unwrap().to_owned()));
    }
    all
}

async fn a_server_at_work_is_backed_up_and_restored_into_both(database: Database) {
    let program = Program::on(&database);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    for n in 0..10 {
        assert!(make(&owner, &format!("before-{n}")).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work = {
        let (owner, stop) = (owner.clone(), stop.clone());
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) && n < 150 {
                make(&owner, &format!("during-{n}")).await;
                n += 1;
            }
        })
    };
    let file = database.data_dir().join("a.backup");
    let file = file.to_str().unwrap();
    let output = program.run(&["backup", file]);
    stop.store(true, Ordering::SeqCst);
    work.await.unwrap();
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && warned.contains("master key is NOT in the backup"), "{warned}");
    serving.kill();

    for kind in [Kind::Sqlite, Kind::Postgres] {
        let target = Database::fresh(kind).await;
        let key = database.data_dir().join("master.key").display().to_string();
        let restored = Program::on(&target).set("GATEHOUSE_MASTER_KEY_FILE", key);
        let told = restored.ok(&["restore", file]);
        assert!(told.contains("audit chains"), "{told}");
        let serving = restored.serve();
        let owner = serving.sign_in(OWNER).await;
        let names = names(&owner).await;
        for n in 0..10 {
            assert!(names.contains(&format!("before-{n}")), "{names:?}");
        }
        assert!(make(&owner, "after").await);
        let again = restored.run(&["restore", file]);
        assert_eq!(again.status.code(), Some(1));
    }
}

/// The newest token that was mailed in a link like `/reset/…`.
async fn mailed(owner: &Client, kind: &str) -> String {
    let start = format!("/{kind}/");
    let mails = owner.get("/api/v1/outbox").await.ok();
    let texts = mails["data"].as_array().unwrap().iter().filter_map(|m| m["body"].as_str());
    let found =
        texts.filter_map(|t| t.split_once(&start)).map(|(_, rest)| rest.split_whitespace().next().unwrap());
    found.map(str::to_owned).next().unwrap_or_else(|| panic!("no {kind} in {mails}"))
}

async fn what_was_alive_in_a_backup_does_not_come_to_life_again(database: Database) {
    // one address, which tokens and links name, whatever the port
    let address = ("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test");
    let program = Program::on(&database).set(address.0, address.1);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    let invited = json!({"email": "new@acme.test", "role": "member"});
    let invitation = owner.post("/api/v1/invitations", invited).await.ok()["id"].as_str().unwrap().to_owned();
    owner.post("/api/v1/auth/password-reset", json!({"email": OWNER})).await.ok();
    let (invitation_token, reset_token) = loop {
        // the reset's mail is a job's
        let waiting = owner.get("/api/v1/outbox").await.body.contains("/reset/");
        if waiting {
            break (mailed(&owner, "invitation").await, mailed(&owner, "reset").await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let made = owner.post("/api/v1/scim/tokens", json!({"name": "Provider"})).await.ok();
    let provider = serving.client().with_token(made["plainValue"].as_str().unwrap());
    provider.get("/scim/v2/Schemas").await.ok();
    let file = database.data_dir().join("a.backup");
    let file = file.to_str().unwrap();
    program.ok(&["backup", file]);
    serving.kill();

    for kind in [Kind::Sqlite, Kind::Postgres] {
        let target = Database::fresh(kind).await;
        let key = database.data_dir().join("master.key").display().to_string();
        let restored = Program::on(&target).set("GATEHOUSE_MASTER_KEY_FILE", key).set(address.0, address.1);
        let told = restored.ok(&["restore", file]);
        assert!(told.contains("sessions ended: 1"), "{told}");
        let serving = restored.serve();
        let before = serving.client().with_token(owner.token.as_deref().unwrap());
        before.get("/api/v1/me").await.refused(401, "authentication_error");
        let provider = serving.client().with_token(provider.token.as_deref().unwrap());
        assert_eq!(provider.get("/scim/v2/Schemas").await.status, 401);
        let confirm = json!({"token": reset_token, "password": "seven quiet elephants"});
        let refused = serving.client().post("/api/v1/auth/password-reset/confirm", confirm).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        let page = serving.client().get(&format!("/invitation/{invitation_token}")).await;
        assert_ne!(page.status, 200, "{}", page.body);
        // what waits can be sent again
        let owner = serving.sign_in(OWNER).await;
        owner.post_to(&format!("/api/v1/invitations/{invitation}/resend")).await.ok();
        let fresh = mailed(&owner, "invitation").await;
        assert_ne!(fresh, invitation_token);
        assert_eq!(serving.client().get(&format!("/invitation/{fresh}")).await.status, 200);
        serving.kill();
    }
}

/// A backup that takes a while to restore: a chain of many entries.
async fn a_restore_that_is_killed_leaves_nothing_half(database: Database) {
    let program = Program::on(&database);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    for n in 0..40 {
        assert!(make(&owner, &format!("c-{n}")).await);
    }
    serving.kill();
    let file = database.data_dir().join("a.backup");
    let file = file.to_str().unwrap();
    program.ok(&["backup", file]);
    let kind = if database.url_text() == "sqlite:" { Kind::Sqlite } else { Kind::Postgres };
    let target = Database::fresh(kind).await;
    let key = database.data_dir().join("master.key").display().to_string();
    let restoring = Program::on(&target).set("GATEHOUSE_MASTER_KEY_FILE", key);
    let mut finished = false;
    for round in 0..40 {
        let mut child = restoring.command(&["restore", file]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(5 * round));
        child.kill().unwrap();
        // killed: nothing counts, and the next one begins anew; ended, or named before the kill: everything does
        let ended = child.wait().unwrap().success();
        let named = kind == Kind::Sqlite && target.data_dir().join("gatehouse.db").exists();
        if ended || named {
            finished = true;
            break;
        }
    }
    if !finished {
        let output = restoring.run(&["restore", file]);
        let why = String::from_utf8(output.stderr).unwrap();
        // a killed process may have reached its commit in its last moment
        assert!(output.status.success() || why.contains("already"), "{why}");
    }
    let serving = restoring.serve();
    let owner = serving.sign_in(OWNER).await;
    assert_eq!(names(&owner).await.len(), 40);
}

on_both_databases!(
    what_was_alive_in_a_backup_does_not_come_to_life_again,
    a_server_at_work_is_backed_up_and_restored_into_both,
    a_restore_that_is_killed_leaves_nothing_half,
);

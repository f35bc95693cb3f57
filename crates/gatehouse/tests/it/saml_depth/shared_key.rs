//! The key that all workspaces share, rolled at the console of the machine beside the server.

use serde_json::{Value, json};

use super::keys::{KEYS, certificate, encrypted, expect, published, signed_by, states};
use crate::support::{Program, TestApp, on_both};

/// Runs `gatehouse admin sp-key …`; exit code and what it printed: JSON, or the words of a refusal.
async fn command(t: &TestApp, arguments: &'static [&'static str]) -> (i32, Value) {
    let program = Program::on(&t.database);
    let output = tokio::task::spawn_blocking(move || {
        let all: Vec<&str> = ["admin", "sp-key"].into_iter().chain(arguments.iter().copied()).collect();
        program.run(&all)
    });
    let output = output.await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("PRIVATE") && !why.contains("PRIVATE"));
    let value = if output.status.success() { serde_json::from_str(&told).unwrap() } else { json!(why) };
    (output.status.code().unwrap(), value)
}

async fn done(t: &TestApp, arguments: &'static [&'static str]) -> Value {
    let (code, told) = command(t, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {told}");
    told
}

async fn refused(t: &TestApp, arguments: &'static [&'static str], says: &str) {
    let (code, told) = command(t, arguments).await;
    assert!(code == 1 && told.as_str().unwrap().contains(says), "{arguments:?}: {code} {told}");
}

fn fingerprint(key: &Value) -> String {
    key["fingerprint"].as_str().unwrap().to_owned()
}

async fn the_operator_rolls_the_shared_key_while_people_sign_in(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(&lab.path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    let old = owner.get(KEYS).await.ok()["data"][0].clone();
    let status = done(&t, &["status"]).await;
    assert_eq!((&status["workspaces"], status["keys"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(
        (&status["keys"][0]["state"], fingerprint(&status["keys"][0])),
        (&json!("current"), fingerprint(&old))
    );
    refused(&t, &["promote"], "There is no next shared key").await;
    refused(&t, &["retire"], "no previous").await;

    // on trial nothing is made; then it is published and opens, and the old one signs
    let trial = done(&t, &["next", "--dry-run"]).await;
    assert_eq!((&trial["dryRun"], &trial["key"]["state"]), (&json!(true), &json!("next")));
    expect(&states(&owner).await, &[("current", true)]);
    done(&t, &["next"]).await;
    refused(&t, &["next"], "next shared key already").await;
    expect(&states(&owner).await, &[("next", true), ("current", true)]);
    let new = owner.get(KEYS).await.ok()["data"][0].clone();
    let both = [fingerprint(&old), fingerprint(&new)];
    for document in ["/saml/metadata".to_owned(), format!("/saml/metadata/{}", lab.id)] {
        let told = t.client().get(&document).await.body;
        assert_eq!(published(&told, "signing"), both, "{document}");
        assert_eq!(published(&told, "encryption"), both, "{document}");
    }
    assert_eq!(encrypted(&t, &lab, &certificate(&new)).await.status, 303);
    assert_eq!(signed_by(&t, &lab, &certificate(&old)).await, Ok(true));
    // a workspace does not move it
    let path = format!("{KEYS}/{}", new["id"].as_str().unwrap());
    owner.post_to(&format!("{path}/promote")).await.refused(409, "conflict");
    owner.delete(&path).await.refused(409, "conflict");
    let page = t.browser("owner@main.test").await.get("/settings/security/sso/keys").await.body;
    assert!(
        page.contains("The operator of this server rolls the shared key") && !page.contains("/promote"),
        "{page}"
    );
    let mails = t.mails_to("owner@main.test").await;
    assert!(mails.iter().any(|(s, body)| s.contains("new SAML key") && body.contains(&both[1])), "{mails:?}");

    // promoted: it signs, the old one still opens
    done(&t, &["promote", "--dry-run"]).await;
    assert_eq!(signed_by(&t, &lab, &certificate(&old)).await, Ok(true));
    assert_eq!(done(&t, &["promote"]).await["key"]["state"], "current");
    assert_eq!(signed_by(&t, &lab, &certificate(&new)).await, Ok(true));
    assert_eq!(encrypted(&t, &lab, &certificate(&old)).await.status, 303);
    assert_eq!(encrypted(&t, &lab, &certificate(&new)).await.status, 303);
    let told = t.client().get("/saml/metadata").await.body;
    assert_eq!(published(&told, "encryption"), [both[1].clone()]);
    let status = done(&t, &["status"]).await;
    assert_eq!(
        (&status["keys"][1]["state"], status["keys"][1]["lastUsedAt"].is_string()),
        (&json!("previous"), true)
    );
    done(&t, &["next"]).await;
    refused(&t, &["promote"], "one overlap at a time").await;
    done(&t, &["retire", "--next"]).await;

    // retired: what is encrypted for it is refused
    done(&t, &["retire", "--dry-run"]).await;
    assert_eq!(encrypted(&t, &lab, &certificate(&old)).await.status, 303);
    done(&t, &["retire"]).await;
    assert_eq!(encrypted(&t, &lab, &certificate(&old)).await.status, 401);
    assert_eq!(encrypted(&t, &lab, &certificate(&new)).await.status, 303);
    expect(&states(&owner).await, &[("current", true)]);
    for (event, times) in [("created", 2), ("promoted", 1), ("retired", 2)] {
        let found = owner.get(&format!("/api/v1/audit-events?event=sso.shared-sp-key-{event}")).await.ok();
        assert_eq!(found["pagination"]["totalItems"], times, "{event}");
    }
    // a workspace without a connection has nothing to do with it
    let audit = t.stranger().await.get("/api/v1/audit-events?event=sso.shared-sp-key-promoted").await.ok();
    assert_eq!(audit["pagination"]["totalItems"], 0);
}

async fn a_workspace_leaves_the_shared_keys_all_at_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let old = owner.get(KEYS).await.ok()["data"][0].clone();
    done(&t, &["next"]).await;
    let new = owner.get(KEYS).await.ok()["data"][0].clone();
    let own = owner.post_to(KEYS).await.ok();
    expect(&states(&owner).await, &[("next", false), ("next", true), ("current", true)]);
    let told = t.client().get(&format!("/saml/metadata/{}", lab.id)).await.body;
    assert_eq!(published(&told, "encryption"), [fingerprint(&old), fingerprint(&own), fingerprint(&new)]);
    owner.post_to(&format!("{KEYS}/{}/promote", own["id"].as_str().unwrap())).await.ok();
    expect(&states(&owner).await, &[("current", false), ("previous", true), ("previous", true)]);
    for key in [&old, &new, &own] {
        assert_eq!(encrypted(&t, &lab, &certificate(key)).await.status, 303);
    }
    // what the operator does is nothing to its own key
    done(&t, &["promote"]).await;
    expect(&states(&owner).await, &[("current", false), ("previous", true), ("previous", true)]);
    owner.delete(&format!("{KEYS}/{}", new["id"].as_str().unwrap())).await.ok();
    expect(&states(&owner).await, &[("current", false)]);
    for (key, status) in [(&old, 401), (&new, 401), (&own, 303)] {
        assert_eq!(encrypted(&t, &lab, &certificate(key)).await.status, status);
    }
    assert_eq!(done(&t, &["status"]).await["workspaces"], 0);
}

on_both![
    the_operator_rolls_the_shared_key_while_people_sign_in,
    a_workspace_leaves_the_shared_keys_all_at_once,
];

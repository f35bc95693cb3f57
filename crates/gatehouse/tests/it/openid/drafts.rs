//! Recorded answers run against a draft, and what the test of a connection finds out about our client.

use serde_json::{Value, json};

use crate::support::{Asked, Client, LabConnection, Op, Signer, TestApp, on_both};

/// Runs the recorded sign-ins against a change and throws it away again.
async fn replayed(owner: &Client, lab: &LabConnection, change: Value) -> Value {
    let made = owner.post(&format!("{}/drafts", lab.path), change).await.ok();
    let path = format!("{}/drafts/{}", lab.path, made["id"].as_str().unwrap());
    let told = owner.post_to(&format!("{path}/replay")).await.ok();
    owner.delete(&path).await.ok();
    told
}

fn locked_out(told: &Value) -> (&Value, &Value) {
    (&told["summary"]["lockedOut"], &told["people"][0]["reason"])
}

async fn a_draft_tells_whom_another_issuer_or_client_would_lock_out(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    assert_eq!(t.enter_openid(&t.client(), &lab, "ada").await.status, 303);
    // one whose address only the userinfo endpoint tells
    let browser = t.client();
    let start = format!("/sso/{}/start", lab.id);
    let back = t.ask_openid(&browser, &start, &[("person", "bruno"), ("email_elsewhere", "true")]).await;
    assert_eq!(browser.get(&back).await.status, 303);

    let same = replayed(&owner, &lab, json!({"oidcConfig": {"scopes": ["openid", "email"]}})).await;
    assert_eq!(same["summary"]["replayed"], 2, "{same}");
    assert_eq!(locked_out(&same), (&json!(0), &Value::Null), "{same}");
    for (change, reason) in [
        (json!({"issuerUrl": "https://op.example"}), "issuer_mismatch"),
        (json!({"clientId": "another"}), "audience_mismatch"),
    ] {
        let told = replayed(&owner, &lab, json!({"oidcConfig": change})).await;
        assert_eq!(locked_out(&told), (&json!(2), &json!(reason)), "{told}");
    }
    let jit = replayed(&owner, &lab, json!({"jitProvisioning": false})).await;
    assert_eq!(locked_out(&jit), (&json!(0), &Value::Null), "both are members by now: {jit}");

    // put in use it needs the tick, and the people of the former issuer are nobody at the other
    let change = json!({"oidcConfig": {"issuerUrl": "https://op.example"}});
    let made = owner.post(&format!("{}/drafts", lab.path), change).await.ok();
    let activate = format!("{}/drafts/{}/activate", lab.path, made["id"].as_str().unwrap());
    let error = owner.post(&activate, json!({})).await.refused(409, "conflict");
    assert_eq!(error["field"], "acceptLockout");
    let after = owner.post(&activate, json!({"acceptLockout": true})).await.ok();
    assert_eq!(after["connection"]["oidcConfig"]["issuerUrl"], "https://op.example", "{after}");
    assert_eq!(after["connection"]["oidcConfig"]["hasClientSecret"], false, "{after}");
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(linked["pagination"]["totalItems"], 0, "{linked}");
}

async fn a_draft_tells_whom_trust_would_let_in_and_leaves_out_what_nobody_signed(t: TestApp) {
    let op = Op::start().await;
    let (key, other) = (Signer::new("RS256", "one"), Signer::new("RS256", "one"));
    op.publish(&[&key.jwk]);
    let owner = t.owner().await;
    let lab = t.active_openid(&owner, op.body("Entra"), "lab.test").await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    for (signer, sub) in [(&key, "u-1"), (&other, "u-2")] {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let mut claims = op.claims(&asked, now);
        claims.as_object_mut().unwrap().remove("email_verified");
        (claims["sub"], claims["email"]) = (json!(sub), json!(format!("{sub}@lab.test")));
        op.give(&signer.token(&claims));
        assert_eq!(asked.back(&browser, "code=c").await.status, 401);
    }
    let told = replayed(&owner, &lab, json!({"oidcConfig": {"trustEmail": true}})).await;
    let summary = &told["summary"];
    assert_eq!(
        (&summary["replayed"], &summary["skipped"], &summary["letIn"]),
        (&json!(1), &json!(1), &json!(1)),
        "{told}"
    );
    assert_eq!(told["people"][0]["email"], "u-1@lab.test", "{told}");
}

async fn r056_the_test_tells_a_wrong_secret_from_a_right_one(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post("/api/v1/sso/connections", t.openid_body("Secret")).await.ok();
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    let check = async || {
        let report = owner.post_to(&format!("{path}/test")).await.ok();
        let all = report["checks"].as_array().unwrap();
        let found = all.iter().find(|c| c["check"] == "token endpoint").unwrap_or_else(|| panic!("{report}"));
        (report["success"].clone(), found["detail"].as_str().unwrap().to_owned())
    };
    let (good, words) = check().await;
    assert!(good == true && words.contains("knows our client"), "{words}");
    owner.put(&path, json!({"oidcConfig": {"clientSecret": "mistyped"}})).await.ok();
    let (good, words) = check().await;
    assert!(good == false && words.contains("invalid_client") && !words.contains("mistyped"), "{words}");
    let signed = json!({"oidcConfig": {"clientAuthentication": "private_key_jwt"}});
    owner.put(&path, signed).await.ok();
    assert_eq!(check().await.0, true);
}

on_both![
    a_draft_tells_whom_another_issuer_or_client_would_lock_out,
    a_draft_tells_whom_trust_would_let_in_and_leaves_out_what_nobody_signed,
    r056_the_test_tells_a_wrong_secret_from_a_right_one,
];

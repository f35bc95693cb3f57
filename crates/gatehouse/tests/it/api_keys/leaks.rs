use serde_json::json;

use super::{app, asked, key, text};
use crate::support::{TestApp, on_both};

async fn whoever_finds_a_key_in_the_open_ends_it(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let (lost, kept) = (key(&owner, &path, "Lost").await, key(&owner, &path, "Kept").await);
    let place = format!("https://paste.example/1?{}", lost.value);
    let told = t.client().post("/api/v1/leaked", json!({"key": lost.value, "place": place})).await;
    assert_eq!((told.status, told.json()), (202, json!({"accepted": true})));
    asked(&t, &lost.value, None).await.refused(401, "authentication_error");
    assert_eq!(asked(&t, &kept.value, None).await.status, 200);
    let entry = owner.get("/api/v1/audit-events?event=api-key.leaked").await.ok()["data"][0].clone();
    assert_eq!(entry["details"]["place"], "https://paste.example/1?[key]");
    assert_eq!((&entry["targetId"], &entry["actorKind"]), (&json!(lost.id), &json!("anonymous")));
    let mails = t.mails_to("owner@main.test").await;
    let mail = mails.iter().find(|(subject, _)| subject.contains("found in the open")).unwrap();
    assert!(mail.1.contains("Lost (gh_…") && !mail.1.contains(&lost.value), "{}", mail.1);
    // said again, and of what is no key, the answer is the same and nothing happens
    for body in [json!({"key": lost.value}), json!({"keys": ["gh_none", "x", ""]})] {
        let again = t.client().post("/api/v1/leaked", body).await;
        assert_eq!((again.status, again.json()), (202, json!({"accepted": true})));
    }
    assert_eq!(t.mails_to("owner@main.test").await.len(), mails.len());
    let many: Vec<_> = (0..21).map(|n| n.to_string()).collect();
    let error =
        t.client().post("/api/v1/leaked", json!({"keys": many})).await.refused(400, "validation_error");
    assert_eq!(text(&error["field"]), "keys");
    t.client().post("/api/v1/leaked", json!({})).await.refused(400, "validation_error");
}

on_both![whoever_finds_a_key_in_the_open_ends_it];

//! What stays of a leaver goes to somebody else.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::submit;
use crate::support::{Client, TestApp, on_both};

const TOKENS: &str = "/api/v1/scim/tokens";

async fn id_of(by: &Client, email: &str) -> String {
    for status in ["active", "suspended"] {
        let found = by.get(&format!("/api/v1/users?email={email}&status={status}")).await.ok();
        if let Some(id) = found["data"][0]["id"].as_str() {
            return id.to_owned();
        }
    }
    panic!("nobody is {email}");
}

/// Somebody with a token of the directory that works, one that is revoked, and a webhook.
async fn leaver(t: &TestApp) -> Value {
    t.person("leaver@main.test", Role::Admin).await;
    let program = t.sign_in("leaver@main.test").await;
    let made = program.post(TOKENS, json!({"name": "Okta"})).await.ok();
    let gone = program.post(TOKENS, json!({"name": "Old"})).await.ok();
    program.post_to(&format!("{TOKENS}/{}/revoke", gone["token"]["id"].as_str().unwrap())).await.ok();
    let hook = json!({"url": "https://hooks.example/secret", "events": ["user.*"]});
    program.post("/api/v1/webhooks", hook).await.ok();
    made
}

async fn responsible(owner: &Client) -> Vec<Value> {
    let tokens = owner.get(&format!("{TOKENS}?name=Okta")).await.ok();
    let hooks = owner.get("/api/v1/webhooks").await.ok();
    vec![tokens["data"][0]["responsibleId"].clone(), hooks["data"][0]["responsibleId"].clone()]
}

async fn r094_what_stays_works_on_and_goes_to_somebody_else(t: TestApp) {
    let owner = t.owner().await;
    let made = leaver(&t).await;
    assert_eq!(made["token"]["ownerKind"], "service");
    let (id, me) = (id_of(&owner, "leaver@main.test").await, id_of(&owner, "owner@main.test").await);
    assert_eq!(responsible(&owner).await, [json!(id), json!(id)]);
    let path = format!("/api/v1/users/{id}/offboarding/hand-over");
    // nothing is taken from somebody who is here and never left
    owner.post(&path, json!({"to": me})).await.refused(404, "not_found");
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let stays = receipt["stays"].as_array().unwrap();
    let kinds: Vec<_> = stays.iter().map(|s| (&s["kind"], &s["count"], &s["items"][0]["name"])).collect();
    assert_eq!(
        kinds,
        [
            (&json!("webhook"), &json!(1), &json!("hooks.example")),
            (&json!("scim-token"), &json!(1), &json!("Okta"))
        ]
    );
    assert_eq!(receipt["handedOver"], json!(null));
    // the company's, so it works on
    let provider = t.client().with_token(made["plainValue"].as_str().unwrap());
    provider.get("/scim/v2/Users").await.ok();

    for to in [json!(id), json!("usr_none")] {
        let refused = owner.post(&path, json!({"to": to})).await;
        assert!(refused.status == 400, "{}", refused.body);
    }
    // nobody in particular is said, not left out
    assert_eq!(owner.post(&path, json!({})).await.status, 400);
    let trial = owner.post(&format!("{path}?dryRun=true"), json!({"to": me})).await.ok();
    assert_eq!(trial["result"]["handedOver"].as_array().unwrap().len(), 2);
    assert_eq!(responsible(&owner).await, [json!(id), json!(id)]);
    let done = owner.post(&path, json!({"to": me})).await.ok();
    assert_eq!((&done["to"], &done["handedOver"]), (&json!(me), &json!(stays)));
    assert_eq!(responsible(&owner).await, [json!(me), json!(me)]);
    let after = owner.get(&format!("/api/v1/users/{id}/offboarding")).await.ok();
    assert_eq!(
        (&after["handedOver"]["to"], &after["handedOver"]["by"]),
        (&json!(me), &json!(format!("user:{me}")))
    );
    assert_eq!(after["sha256"], receipt["sha256"]);
    for (event, details) in [
        ("scim.token-handed-over", json!({"name": "Okta", "from": id, "to": me})),
        ("webhook.handed-over", json!({"host": "hooks.example", "from": id, "to": me})),
        (
            "user.handed-over",
            json!({"offboarding": receipt["id"], "to": me, "email": "owner@main.test",
                "things": {"scim-token": 1, "webhook": 1}}),
        ),
    ] {
        let found = owner.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
        assert_eq!(found["data"][0]["details"], details);
    }
    // again is nothing, and no entry
    let again = owner.post(&path, json!({"to": null})).await.ok();
    assert_eq!(again["handedOver"], json!([]));
    assert_eq!(responsible(&owner).await, [json!(me), json!(me)]);
    let told = owner.get("/api/v1/audit-events?event=user.handed-over").await.ok();
    assert_eq!(told["pagination"]["totalItems"], 1);
    provider.get("/scim/v2/Users").await.ok();
}

async fn it_is_handed_over_on_the_receipts_page(t: TestApp) {
    let owner = t.owner().await;
    leaver(&t).await;
    let id = id_of(&owner, "leaver@main.test").await;
    owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let browser = t.browser("owner@main.test").await;
    let (page, action) =
        (format!("/settings/people/{id}/offboarding"), format!("/settings/people/{id}/hand-over"));
    let shown = browser.get(&page).await.body;
    assert!(
        shown.contains("1 token of the directory (SCIM): Okta") && shown.contains("1 webhook"),
        "{shown}"
    );
    for odd in ["", "nobody@main.test", "leaver@main.test"] {
        let refused = submit(&browser, &page, &action, &[("to", odd)]).await;
        assert!(refused.status == 400 && refused.body.contains("id=\"to-error\""), "{}", refused.body);
    }
    assert_eq!(responsible(&owner).await, [json!(id), json!(id)]);
    let done = submit(&browser, &page, &action, &[("to", "leaver@main.test"), ("company", "true")]).await;
    assert_eq!((done.status, done.location()), (303, Some(page.as_str())), "{}", done.body);
    assert_eq!(responsible(&owner).await, [json!(null), json!(null)]);
    assert!(browser.get(&page).await.body.contains("Handed over to the company"));
    // an admin may not look into another workspace
    let stranger = t.stranger().await;
    let path = format!("/api/v1/users/{id}/offboarding/hand-over");
    stranger.post(&path, json!({"to": null})).await.refused(404, "not_found");
}

on_both![r094_what_stays_works_on_and_goes_to_somebody_else, it_is_handed_over_on_the_receipts_page,];

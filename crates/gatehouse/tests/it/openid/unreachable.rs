//! The provider is down while single sign-on is mandatory.

use gatehouse_types::Role;
use serde_json::json;

use super::newest_failure;
use crate::support::{Op, PASSWORD, Signer, TestApp, on_both};

const SETTINGS: &str = "/api/v1/sso/settings";

async fn r034_r038_an_administrator_learns_what_is_wrong_and_a_stranger_nothing(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    t.person("ada@lab.test", Role::Admin).await;
    t.person("bruno@lab.test", Role::Member).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id, "excludedUsers": ["ada@lab.test"]})).await.ok();
    assert_eq!(owner.post_to(&format!("{SETTINGS}/enable")).await.ok()["inForce"], true);
    op.stop();
    // what was read of the provider is old by now, and so is the owner's token
    t.clock.advance(3_601);
    let owner = t.owner().await;

    let stranger = t.client();
    let page = stranger.get(&format!("/sso/{}/start", lab.id)).await;
    assert_eq!(page.status, 503, "{}", page.body);
    let place = op.issuer.trim_start_matches("http://");
    assert!(!page.body.contains(place) && !page.body.contains("discovery"), "{}", page.body);
    let told = page.decision();
    let attempt = newest_failure(&owner, &lab).await;
    assert_eq!(
        (&attempt["reason"], &attempt["decision"]),
        (&json!("discovery_unreachable"), &json!(told)),
        "{attempt}"
    );

    // the number on the page leads an administrator who has another way in to the cause
    let why = format!("/settings/decisions/{told}");
    assert!(page.body.contains(&format!("href=\"{why}\"")), "{}", page.body);
    let asked = stranger.get(&why).await;
    assert_eq!(asked.status, 303);
    assert_eq!(asked.location(), Some(&*format!("/login?returnTo=%2Fsettings%2Fdecisions%2F{told}")));
    let administrator = t.browser("ada@lab.test").await;
    let shown = administrator.get(&why).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert!(shown.body.contains(place), "{}", shown.body);
    let trace = format!("/settings/security/sso/attempts/{}", attempt["id"].as_str().unwrap());
    assert!(shown.body.contains(&trace), "{}", shown.body);
    let advice = administrator.get(&trace).await.body;
    assert!(advice.contains("openid-configuration"), "{advice}");

    // who has no right to know is told no more, and mandatory stays mandatory
    let other = t.stranger().await;
    other.get(&format!("/api/v1/decisions/{told}")).await.refused(404, "not_found");
    t.workspace("Third").await;
    assert_eq!(t.browser("owner@third.test").await.get(&why).await.status, 404);
    let member = json!({"email": "bruno@lab.test", "password": PASSWORD});
    t.client().post("/api/v1/auth/login", member).await.refused(401, "authentication_error");
}

on_both![r034_r038_an_administrator_learns_what_is_wrong_and_a_stranger_nothing];

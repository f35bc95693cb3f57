use serde_json::json;

use super::provider::{DAY, ENTITY, key, work};
use crate::support::{TestApp, on_both};

async fn owners_are_warned_before_the_last_certificate_ends_once_each(t: TestApp) {
    let owner = t.owner().await;
    let (first, last) = (key(&t, -30, 20), key(&t, -30, 40));
    let pems = [last.certificate.to_pem(), first.certificate.to_pem()];
    let config = json!({"entityId": ENTITY, "ssoUrl": "https://idp.corp.test/sso", "certificates": pems});
    let made = owner
        .post("/api/v1/sso/connections", json!({"name": "Corp", "protocol": "saml", "samlConfig": config}))
        .await
        .ok();
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    t.prove(&owner, &path, "corp.test").await;
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.post_to(&format!("{path}/activate")).await.ok();
    let warnings = async || {
        let all = t.owner().await.get("/api/v1/outbox").await.ok();
        all["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["subject"].to_string().contains("ends soon"))
            .count()
    };
    // 40 days left; the other certificate, with 20, does not count
    for (days, expected) in [(0, 0), (9, 0), (2, 1), (1, 1), (22, 2), (1, 2), (5, 3), (0, 3)] {
        t.clock.advance(days * DAY + 3601);
        work(&t).await;
        assert_eq!(warnings().await, expected, "after {days} more days");
    }
}

on_both![owners_are_warned_before_the_last_certificate_ends_once_each];

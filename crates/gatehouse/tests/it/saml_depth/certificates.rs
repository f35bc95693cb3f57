use gatehouse_types::Role;
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
            .filter(|m| m["subject"].as_str().unwrap().starts_with("The certificate of"))
            .count()
    };
    // 40 days left; the other certificate, with 20, does not count
    for (days, expected) in [(0, 0), (9, 0), (2, 1), (1, 1), (22, 2), (1, 2), (5, 3), (0, 3), (30, 3)] {
        t.clock.advance(days * DAY + 3601);
        work(&t).await;
        assert_eq!(warnings().await, expected, "after {days} more days");
    }
}

async fn a_server_that_was_off_on_the_day_warns_once_when_it_is_back(t: TestApp) {
    let owner = t.owner().await;
    t.person("admin@main.test", Role::Admin).await;
    for (name, until) in [("Corp", 40), ("Late", 31)] {
        let pem = key(&t, -30, until).certificate.to_pem();
        let entity = format!("https://{name}.test/metadata");
        let config = json!({"entityId": entity, "ssoUrl": "https://idp.corp.test/sso", "certificate": pem});
        let body = json!({"name": name, "protocol": "saml", "samlConfig": config});
        let made = owner.post("/api/v1/sso/connections", body).await.ok();
        let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
        t.prove(&owner, &path, &format!("{}.test", name.to_lowercase())).await;
        owner.post_to(&format!("{path}/test")).await.ok();
        owner.post_to(&format!("{path}/activate")).await.ok();
    }
    work(&t).await;
    // off for 35 days: two warnings of one fell due, and the other has ended
    for more in [35 * DAY, 3_601] {
        t.clock.advance(more);
        work(&t).await;
        for to in ["owner@main.test", "admin@main.test"] {
            let mails = t.mails_to(to).await;
            let mut all: Vec<_> = mails.iter().map(|m| &*m.0).filter(|s| s.contains("certificate")).collect();
            all.sort_unstable();
            let expected = [
                "The certificate of the single sign-on connection Corp ends soon",
                "The certificate of the single sign-on connection Late has ended",
            ];
            assert_eq!(all, expected, "{to}");
        }
    }
}

on_both![
    owners_are_warned_before_the_last_certificate_ends_once_each,
    a_server_that_was_off_on_the_day_warns_once_when_it_is_back,
];

//! The right to authorize a connector is asked for at both ends.

use gatehouse_types::Role;
use serde_json::json;

use super::{consent, icertis, text};
use crate::support::{TestApp, on_both};

async fn who_lost_the_right_on_the_way_connects_nothing(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let admin = t.member_of(Role::Admin).await;
    let begun = admin.post_to(&format!("{path}/authorize")).await.ok();
    let found = owner.get("/api/v1/users?email=admin@main.test").await.ok();
    let user = text(&found["data"][0]["id"]);
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "member"})).await.ok();
    let landed = consent(&admin, &text(&begun["redirectUrl"])).await;
    assert_eq!(landed.status, 403, "{}", landed.body);
    assert!(owner.get(&path).await.ok()["grant"].is_null());
}

on_both![start_with_outside: who_lost_the_right_on_the_way_connects_nothing];

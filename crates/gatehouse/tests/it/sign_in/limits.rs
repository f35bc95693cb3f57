use gatehouse_types::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, on_both};

const LOGIN: &str = "/api/v1/auth/login";
/// Failures of one account before it slows down.
const FAILURES: usize = 20;

async fn an_account_slows_down_after_many_failures_known_or_not(t: TestApp) {
    t.person("member@main.test", Role::Member).await;
    for email in ["member@main.test", "nobody@main.test"] {
        for _ in 0..FAILURES {
            let wrong = t.client().post(LOGIN, json!({"email": email, "password": "wrong"})).await;
            wrong.refused(401, "authentication_error");
        }
        let limited = t.client().post(LOGIN, json!({"email": email, "password": PASSWORD})).await;
        limited.refused(429, "rate_limit_error");
        let wait: i64 = limited.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
    }
    // others are not hit, and time heals
    t.owner().await;
    t.clock.advance(31);
    t.sign_in("member@main.test").await;
}

on_both![an_account_slows_down_after_many_failures_known_or_not];

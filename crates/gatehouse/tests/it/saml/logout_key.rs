//! Single logout on a server that has not looked at our key yet.

use std::time::{Duration, Instant};

use gatehouse_store::sql;

use super::logout::with_logout;
use crate::support::{Program, TestApp, on_both};

/// The first look at our key may write it: not while the same request holds the one writer of SQLite.
async fn a_missing_key_is_made_before_the_request_writes(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    let public_url = t.app.public_url().as_str().trim_end_matches('/');
    let done = browser.request("POST", "/api/v1/auth/logout").header("origin", public_url);
    let url = browser.send(done).await.ok()["logoutUrl"].as_str().unwrap().to_owned();
    let mut tx = t.app.store().begin_always().await.unwrap();
    assert_eq!(tx.execute(sql("DELETE FROM saml_keys WHERE scope = '-'")).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let other = Program::on(&t.database).set("GATEHOUSE_PUBLIC_URL", public_url).serve();
    let began = Instant::now();
    let page = other.client().get(url.strip_prefix(public_url).unwrap()).await;
    assert!(page.body.contains("SAMLRequest="), "{} {}", page.status, page.body);
    assert!(began.elapsed() < Duration::from_secs(15), "it waited for itself");
}

on_both!(a_missing_key_is_made_before_the_request_writes);

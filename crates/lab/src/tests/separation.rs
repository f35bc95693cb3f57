//! A lab speaks for its own workspace and for nobody else.

use axum::http::{Method, StatusCode};
use gatehouse_saml::{InResponseTo, Reason};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::WorkspaceId;

use super::World;

on_both!(an_answer_of_one_lab_is_not_accepted_as_another_s, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let (one, other) = (world.workspace("One", true).await, world.workspace("Other", true).await);
    let mine = world.lab.sso().lab_key(&one).await.unwrap().certificate;
    assert_ne!(mine, world.lab.sso().lab_key(&other).await.unwrap().certificate);
    assert_eq!(mine, world.lab.sso().lab_key(&one).await.unwrap().certificate, "the key stays");
    assert_ne!(world.lab.addresses(&one), world.lab.addresses(&other));

    let asked = || InResponseTo::Expect("_request-1".to_owned());
    let page = world.request_url(&one);
    let answer = world.choose(&page, &[("person", "ada")]).await;
    assert!(world.judge(&one, &answer, asked()).await.outcome.is_ok());
    let mut policy = world.policy(&other, &answer, asked()).await;
    let refused = answer.judged_by(&policy).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::SignatureWrongKey, "the keys differ");
    policy.certificates = vec![mine];
    let refused = answer.judged_by(&policy).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::ResponseIssuerMismatch, "and so do the entity ids");
});

#[tokio::test]
async fn a_request_for_one_lab_is_not_answered_by_another() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let (one, other) = (world.workspace("One", true).await, world.workspace("Other", true).await);
    let moved = world.request_url(&one).replace(one_text(&one), one_text(&other));
    let answer = world.get(&moved).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("addressed to another identity provider"), "{}", answer.body);
}

on_both!(a_workspace_that_is_no_lab_has_none_of_the_paths, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let real = world.workspace("Real", false).await;
    let unknown: WorkspaceId = world.test.store.ids().make();
    for workspace in [one_text(&real), one_text(&unknown), "ws_'", "usr_1"] {
        for (method, path) in [
            (Method::GET, ""),
            (Method::GET, "/metadata"),
            (Method::GET, "/certificate"),
            (Method::GET, "/sso"),
            (Method::POST, "/sso"),
            (Method::GET, "/start"),
            (Method::POST, "/start"),
        ] {
            let path = format!("/lab/idp/{workspace}{path}");
            let answer = world.send(method, &path, &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.body.contains("Workspace not found"), "{path}: {}", answer.body);
        }
        for (method, path) in [
            (Method::GET, "/authorize"),
            (Method::POST, "/token"),
            (Method::POST, "/revoke"),
            (Method::GET, "/echo"),
            (Method::PUT, "/echo/below/it"),
        ] {
            let path = format!("/lab/oauth/{workspace}{path}");
            let answer = world.send(method, &path, &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.body.contains("Workspace not found"), "{path}: {}", answer.body);
        }
    }
    let page = world.request_url(&real);
    assert_eq!(world.get(&page).await.status, StatusCode::NOT_FOUND);
});

fn one_text(id: &WorkspaceId) -> &str {
    gatehouse_types::Id::as_str(id)
}

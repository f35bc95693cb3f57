use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use gatehouse_types::{Effect, Error};

use super::lab;
use crate::edge::testing::body_text;
use crate::{ApiResult, Created, RequestOrigin};

async fn create(RequestOrigin(origin): RequestOrigin) -> impl axum::response::IntoResponse {
    if let Some(trial) = origin.dry_run {
        let details = serde_json::json!({ "people": 3 });
        trial.note(Effect { event: "sso.enabled".into(), target: Some("con_1".into()), details });
    }
    ([(header::SET_COOKIE, "a=b")], Created(serde_json::json!({ "z": 1, "a": 2 })))
}

async fn refuse() -> ApiResult<()> {
    Err(Error::conflict("It is there already.").into())
}

fn routes() -> Router {
    let things = get(|RequestOrigin(o): RequestOrigin| async move { o.dry_run.is_some().to_string() });
    Router::new()
        .route("/api/v1/things", things.post(create).put(refuse).delete(async || StatusCode::NO_CONTENT))
        .route("/console", axum::routing::post(create))
}

#[tokio::test]
async fn a_trial_run_answers_what_would_happen() {
    let response = lab(routes()).send(Method::POST, "/api/v1/things?dryRun=true", &[], "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    assert_eq!(
        body_text(response).await,
        r#"{"dryRun":true,"result":{"a":2,"z":1},"effects":[{"event":"sso.enabled","target":"con_1","details":{"people":3}}]}"#
    );
    let empty = lab(routes()).send(Method::DELETE, "/api/v1/things?dryRun=true", &[], "").await;
    assert_eq!(body_text(empty).await, r#"{"dryRun":true,"result":null,"effects":[]}"#);
}

#[tokio::test]
async fn without_the_flag_nothing_is_wrapped() {
    for uri in ["/api/v1/things", "/api/v1/things?dryRun=false", "/console?dryRun=true"] {
        let response = lab(routes()).send(Method::POST, uri, &[], "").await;
        assert_eq!(response.status(), StatusCode::CREATED, "{uri}");
        assert!(response.headers().contains_key(header::SET_COOKIE), "{uri}");
    }
    assert_eq!(body_text(lab(routes()).get("/api/v1/things?dryRun=true").await).await, "false");
}

#[tokio::test]
async fn a_refusal_of_a_trial_run_is_the_refusal() {
    let response = lab(routes()).send(Method::PUT, "/api/v1/things?dryRun=true", &[], "").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let odd = lab(routes()).send(Method::POST, "/api/v1/things?dryRun=yes", &[], "").await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    assert!(body_text(odd).await.contains(r#""field":"dryRun""#));
}

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use gatehouse_types::Error;

use super::{edge_config, lab};
use crate::edge::testing::body_text;
use crate::{ApiError, Failure, FailureForm, HtmlError, asset_url};

fn routes() -> Router {
    Router::new()
        .route("/page", get(async || "hello"))
        .route("/api/v1/ok", get(async || "hello"))
        .route("/api/v1/panic", get(async || -> () { panic!("secret inside") }))
        .route("/api/v1/broken", get(async || ApiError(Error::internal("secret inside"))))
        .route("/broken", get(async || HtmlError(Error::internal("secret inside"))))
        .route("/limited", get(async || HtmlError(Error::rate_limited(9))))
        .route("/api/v1/slow", get(async || tokio::time::sleep(Duration::from_secs(60)).await))
        .route("/scim/broken", get(scim))
        .merge(crate::asset_routes())
}

async fn scim() -> impl axum::response::IntoResponse {
    let failure = Failure(Arc::new(Error::internal("secret inside")));
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        axum::Extension(failure),
        [(header::CONTENT_TYPE, "application/scim+json")],
        "{}",
    )
}

#[tokio::test]
async fn what_another_renderer_wrote_stays_as_it_is() {
    let response = lab(routes()).get("/scim/broken").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/scim+json");
    assert_eq!(body_text(response).await, "{}");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    for uri in ["/page", "/api/v1/ok", "/api/v1/panic", "/nowhere", "/api/nowhere", &asset_url("app.css")] {
        let response = lab(routes()).get(uri).await;
        let headers = response.headers();
        let csp = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(csp.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{uri} {csp}");
        assert!(csp.contains("form-action 'self';") && !csp.contains("unsafe"), "{uri} {csp}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{uri}");
        assert_eq!(headers[header::REFERRER_POLICY], "same-origin", "{uri}");
        assert!(headers["x-request-id"].to_str().unwrap().starts_with("req_"), "{uri}");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "not on http");
        let kept = uri.starts_with("/assets");
        assert_eq!(headers[header::CACHE_CONTROL] == "no-store", !kept, "{uri}");
    }
}

#[tokio::test]
async fn on_https_browsers_are_told_to_stay_there() {
    let app = crate::edge(routes(), edge_config("https://gate.test"));
    let response = super::Lab { app, cookies: vec![] }.get("/page").await;
    assert_eq!(response.headers()[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000");
}

#[tokio::test]
async fn a_request_id_is_never_taken_from_outside() {
    let response = lab(routes()).send(Method::GET, "/page", &[("x-request-id", "req_mine")], "").await;
    assert_ne!(response.headers()["x-request-id"], "req_mine");
}

#[tokio::test]
async fn an_unknown_address_is_json_for_programs_and_a_page_for_people() {
    let json = lab(routes()).get("/api/nowhere").await;
    assert_eq!(json.status(), StatusCode::NOT_FOUND);
    assert_eq!(json.headers()[header::CONTENT_TYPE], "application/json");
    let told = r#"{"error":{"type":"not_found","message":"There is nothing at this address."}}"#;
    assert_eq!(body_text(json).await, told);
    let page = lab(routes()).get("/nowhere").await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let id = page.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = body_text(page).await;
    assert!(text.contains("<h1>Nothing here</h1>") && text.contains(&id), "{text}");
    let asked = lab(routes()).send(Method::GET, "/nowhere", &[("accept", "application/json")], "").await;
    assert_eq!(body_text(asked).await, told);
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right() {
    let response = lab(routes()).send(Method::DELETE, "/api/v1/ok", &[], "").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
    assert!(body_text(response).await.starts_with(r#"{"error":{"type":"method_not_allowed""#));
}

#[tokio::test]
async fn failures_of_ours_say_nothing_of_their_cause() {
    for uri in ["/api/v1/panic", "/api/v1/broken", "/broken"] {
        let response = lab(routes()).get(uri).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
        assert!(!body_text(response).await.contains("secret"), "{uri}");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let mut config = edge_config("http://gate.test");
    config.request_timeout = Duration::from_millis(20);
    let app = crate::edge(routes(), config);
    let response = super::Lab { app, cookies: vec![] }.get("/api/v1/slow").await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(body_text(response).await.starts_with(r#"{"error":{"type":"timeout_error""#));
}

#[tokio::test]
async fn where_clients_know_another_form_failures_of_the_edge_have_it() {
    let mut config = edge_config("http://gate.test");
    config.request_timeout = Duration::from_millis(20);
    let show = |error: &Error| {
        let told = format!("other: {}", error.message());
        ([(header::CONTENT_TYPE, "application/scim+json")], told).into_response()
    };
    config.forms = vec![FailureForm { under: "/scim/v2", show }];
    let slow = get(async || tokio::time::sleep(Duration::from_secs(60)).await);
    let routes = Router::new()
        .route("/scim/v2", slow.clone())
        .route("/scim/v2/Users", slow.clone())
        .route("/scim/v20", slow)
        .route("/scim/v2/panic", get(async || -> () { panic!("secret inside") }));
    let mut lab = super::Lab { app: crate::edge(routes, config), cookies: vec![] };
    for (uri, status, other) in [
        ("/scim/v2", StatusCode::GATEWAY_TIMEOUT, true),
        ("/scim/v2/Users", StatusCode::GATEWAY_TIMEOUT, true),
        ("/scim/v2/panic", StatusCode::INTERNAL_SERVER_ERROR, true),
        ("/scim/v20", StatusCode::GATEWAY_TIMEOUT, false),
    ] {
        let response = lab.get(uri).await;
        assert_eq!(response.status(), status, "{uri}");
        assert_eq!(response.headers()[header::CONTENT_TYPE] == "application/scim+json", other, "{uri}");
        let text = body_text(response).await;
        assert!(text.starts_with("other: ") == other && !text.contains("secret"), "{uri} {text}");
    }
}

#[tokio::test]
async fn htmx_gets_a_failure_as_a_fragment() {
    let response = lab(routes()).send(Method::GET, "/limited", &[("hx-request-type", "partial")], "").await;
    assert_eq!(
        (response.status(), &response.headers()[header::RETRY_AFTER]),
        (StatusCode::TOO_MANY_REQUESTS, &9.into())
    );
    let text = body_text(response).await;
    assert!(text.contains(r#"role="alert""#) && !text.contains("<html"), "{text}");
}

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::routing::{get, post};
use serde::Deserialize;

use super::{Lab, lab};
use crate::edge::testing::body_text;
use crate::{CsrfToken, Flash, Form, PageContext, SeeOther, VerifiedForm, Web};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    name: String,
    #[serde(default)]
    tag: Vec<String>,
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn routes() -> Router {
    Router::new()
        .route("/token", get(async |CsrfToken(t): CsrfToken| t))
        .route(
            "/save",
            post(async |VerifiedForm(f): VerifiedForm<Saved>| format!("{}:{}", f.name, f.tag.join("+"))),
        )
        .route("/acs", post(async |Form(f): Form<Saved>| f.name))
        .route(
            "/cookie-call",
            post(async |web: Web, headers: HeaderMap| web.cookie_call_is_ours(&headers).to_string()),
        )
        .route("/done", post(async || SeeOther::to("/shown").saying(Flash::success("Saved."))))
        .route("/shown", get(async |c: PageContext| c.page("x", "").flash.map_or("-".to_owned(), |f| f.text)))
}

async fn with_token() -> (Lab, String) {
    let mut lab = lab(routes());
    let token = body_text(lab.get("/token").await).await;
    (lab, token)
}

#[tokio::test]
async fn a_form_of_ours_is_accepted() {
    let (mut lab, token) = with_token().await;
    assert_eq!(body_text(lab.get("/token").await).await, token, "the cookie stays");
    let body = format!("csrf={token}&name=a%26b&tag=1&tag=2");
    let own = [FORM, ("origin", "http://gate.test"), ("sec-fetch-site", "same-origin")];
    let response = lab.send(Method::POST, "/save", &own, &body).await;
    assert_eq!((response.status(), body_text(response).await), (StatusCode::OK, "a&b:1+2".to_owned()));
    let by_header = lab.send(Method::POST, "/save", &[FORM, ("x-csrf-token", &token)], "name=x").await;
    assert_eq!(by_header.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_form_without_its_proof_is_refused_with_a_page() {
    let (mut lab, token) = with_token().await;
    let good = format!("csrf={token}&name=x");
    for (headers, body) in [
        (vec![FORM], "name=x".to_owned()),
        (vec![FORM], "csrf=wrong&name=x".to_owned()),
        (vec![FORM, ("origin", "https://evil.test")], good.clone()),
        (vec![FORM, ("sec-fetch-site", "cross-site")], good.clone()),
    ] {
        let response = lab.send(Method::POST, "/save", &headers, &body).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{headers:?} {body}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }
    lab.set_cookie("gatehouse_session", "another");
    assert_eq!(
        lab.send(Method::POST, "/save", &[FORM], &good).await.status(),
        StatusCode::FORBIDDEN,
        "other session"
    );
    lab.set_cookie("gatehouse_session", "");
    lab.set_cookie("gatehouse_csrf", "planted");
    assert_eq!(
        lab.send(Method::POST, "/save", &[FORM], &good).await.status(),
        StatusCode::FORBIDDEN,
        "planted cookie"
    );
}

#[tokio::test]
async fn what_an_identity_provider_posts_needs_no_proof() {
    let foreign = [FORM, ("origin", "https://idp.test"), ("sec-fetch-site", "cross-site")];
    assert_eq!(lab(routes()).send(Method::POST, "/acs", &foreign, "name=x").await.status(), StatusCode::OK);
    let json = [("content-type", "application/json")];
    assert_eq!(lab(routes()).send(Method::POST, "/acs", &json, "{}").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_cookie_call_is_ours_when_browser_or_proof_say_so() {
    let (mut lab, token) = with_token().await;
    let ours = [("sec-fetch-site", "same-origin")];
    assert_eq!(body_text(lab.send(Method::POST, "/cookie-call", &ours, "").await).await, "true");
    let proof = [("x-csrf-token", token.as_str())];
    assert_eq!(body_text(lab.send(Method::POST, "/cookie-call", &proof, "").await).await, "true");
    assert_eq!(body_text(lab.send(Method::POST, "/cookie-call", &[], "").await).await, "false");
}

#[tokio::test]
async fn a_message_is_shown_once_on_the_page_after_the_redirect() {
    let mut lab = lab(routes());
    let done = lab.send(Method::POST, "/done", &[], "").await;
    assert_eq!(
        (done.status(), &done.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/shown".parse().unwrap())
    );
    assert_eq!(body_text(lab.get("/shown").await).await, "Saved.");
    assert_eq!(body_text(lab.get("/shown").await).await, "-");
    lab.set_cookie("gatehouse_flash", "c29tZWJvZHkgZWxzZQ.AAAA");
    assert_eq!(body_text(lab.get("/shown").await).await, "-", "only our own words");
}

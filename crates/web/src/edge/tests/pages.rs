use axum::http::{Method, header};

use super::{Lab, lab};
use crate::component_routes;
use crate::edge::testing::body_text;

fn components() -> Lab {
    lab(component_routes())
}

const PAGES: [&str; 6] = ["", "/plain", "/confirm", "/failure", "/post-away", "/redirect-away"];

/// What the content security policy would stop, or what would need it widened.
fn inline_code(html: &str) -> Option<String> {
    let lower = html.to_lowercase();
    let tags = lower.split('<').skip(1).map(|t| t.split('>').next().unwrap_or_default());
    for tag in tags {
        let names: Vec<&str> = tag.split_whitespace().skip(1).filter_map(|a| a.split('=').next()).collect();
        let handler = names.iter().any(|n| n.starts_with("on") || *n == "style" || n.contains("hx-on"));
        let bare = tag.starts_with("style") || (tag.starts_with("script") && !names.contains(&"src"));
        if handler || bare || tag.contains("javascript:") {
            return Some(tag.to_owned());
        }
    }
    None
}

#[tokio::test]
async fn no_page_has_inline_script_or_style() {
    for page in PAGES {
        let html = body_text(components().get(&format!("/dev/components{page}")).await).await;
        assert!(html.contains("<main"), "{page}");
        assert_eq!(inline_code(&html), None, "{page}");
        assert_eq!(html.matches("<h1").count(), 1, "{page}");
    }
    assert!(inline_code("<p style='a'>").is_some() && inline_code("<script>x").is_some());
}

#[tokio::test]
async fn every_form_that_posts_here_carries_a_proof() {
    for page in ["", "/plain", "/confirm"] {
        let html = body_text(components().get(&format!("/dev/components{page}")).await).await;
        let forms = html.matches("<form method=\"post\" action=\"/").count();
        assert!(forms > 0 && html.matches("name=\"csrf\"").count() == forms, "{page}");
        assert!(!html.contains("name=\"csrf\" value=\"\""), "{page}");
    }
}

#[tokio::test]
async fn only_a_page_that_posts_elsewhere_may_post_elsewhere() {
    let away = components().get("/dev/components/post-away").await;
    let csp = away.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(csp.contains("form-action 'self' https://idp.invalid;"), "{csp}");
    let text = body_text(away).await;
    assert!(
        text.contains(r#"<input type="hidden" name="SAMLRequest" value="PHNhbWxwOkF1dGhuUmVxdWVzdC8+">"#),
        "{text}"
    );
    let away = components().get("/dev/components/redirect-away").await;
    assert!(body_text(away).await.contains(r#"content="0; url=https://idp.invalid/sso?x=1&#38;y=2""#));
}

#[tokio::test]
async fn a_failure_page_says_what_happened_and_whom_to_tell() {
    let mut lab = components();
    let page = lab.get("/dev/components/failure").await;
    let id = page.headers()["x-request-id"].to_str().unwrap().to_owned();
    let html = body_text(page).await;
    for part in
        ["You may not do this", "not for this workspace", "dec_0198c5f0e8a07c3fa1b2c3d4e5f60718", &id, "403"]
    {
        assert!(html.contains(part), "{part}");
    }
    let json = lab.send(Method::GET, "/dev/components/failure", &[("accept", "application/json")], "").await;
    assert!(body_text(json).await.contains(r#""type":"authorization_error""#));
}

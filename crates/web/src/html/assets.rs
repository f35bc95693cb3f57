use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use gatehouse_types::{Error, hex};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::view::HtmlError;

/// The files of `assets/`: read from disk in debug builds, part of the program in release builds.
#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The address under which a file may be kept for ever: its content's hash is part of it.
pub fn asset_url(name: &str) -> String {
    match Assets::get(name) {
        Some(file) => format!("/assets/{}/{name}", hash(&file)),
        None => format!("/assets/missing/{name}"),
    }
}

/// `GET /assets/{hash}/{name}`, and `/favicon.ico`.
pub fn asset_routes() -> Router {
    Router::new()
        .route("/assets/{hash}/{name}", get(serve))
        .route("/favicon.ico", get(async || Redirect::temporary(&asset_url("logo.svg"))))
}

async fn serve(Path((wanted, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Assets::get(&name) else { return HtmlError(Error::not_found("File")).into_response() };
    let current = hash(&file);
    // a page from before an upgrade still gets the file, but does not keep it
    let keep = if wanted == current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{current}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = Body::from(file.data.into_owned());
        ([(header::CONTENT_TYPE, content_type(&name))], body).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn hash(file: &EmbeddedFile) -> String {
    hex(&file.metadata.sha256_hash()[..8])
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(uri: &str, tag: Option<&str>) -> Response {
        let request =
            Request::get(uri).header(header::IF_NONE_MATCH, tag.unwrap_or("none")).body(Body::empty());
        asset_routes().oneshot(request.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_under_its_hash_is_kept_for_ever() {
        for (name, kind) in [
            ("app.css", "text/css"),
            ("app.js", "text/javascript"),
            ("htmx.min.js", "text/javascript"),
            ("logo.svg", "image/svg+xml"),
        ] {
            let response = ask(&asset_url(name), None).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
            assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
            let tag = response.headers()[header::ETAG].to_str().unwrap();
            assert_eq!(ask(&asset_url(name), Some(tag)).await.status(), StatusCode::NOT_MODIFIED);
        }
    }

    #[tokio::test]
    async fn an_old_hash_still_gets_the_file_but_does_not_keep_it() {
        let response = ask("/assets/0000000000000000/app.css", None).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(ask("/assets/x/..%2FCargo.toml", None).await.status(), StatusCode::NOT_FOUND);
    }
}

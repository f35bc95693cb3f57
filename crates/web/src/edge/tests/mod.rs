mod answers;
mod dry_run;
mod forms;
mod logging;
mod pages;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use tower::ServiceExt;

use super::testing::edge_config;

/// A browser's worth of one application: keeps cookies between requests.
pub(super) struct Lab {
    app: Router,
    cookies: Vec<(String, String)>,
}

pub(super) fn lab(routes: Router) -> Lab {
    Lab { app: super::edge(routes, edge_config("http://gate.test")), cookies: Vec::new() }
}

impl Lab {
    pub(super) async fn get(&mut self, uri: &str) -> Response {
        self.send(Method::GET, uri, &[], "").await
    }

    pub(super) async fn send(
        &mut self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response =
            self.app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        self.keep_cookies(response.headers());
        response
    }

    pub(super) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(n, _)| n != name);
        if !value.is_empty() {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.set_cookie(name, value);
        }
    }
}

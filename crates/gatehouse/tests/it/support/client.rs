use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A caller: keeps cookies, follows nothing by itself. Copies share their cookies.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    pub(crate) token: Option<String>,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Self { base: base.to_owned(), http: http.unwrap(), cookies: Arc::default(), token: None }
    }

    /// The same caller with another bearer token and no cookies.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { cookies: Arc::default(), token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) fn forget_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// A request with this caller's credentials, to be completed and sent.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        let mut request = self.http.request(method.to_uppercase().parse::<Method>().unwrap(), url);
        let cookies: Vec<_> = self.cookies.lock().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let pair = cookie.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            let mut kept = self.cookies.lock().unwrap();
            if cookie.contains("Max-Age=0") {
                kept.remove(name);
            } else {
                kept.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// A call of the API, with JSON when there is a body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    /// A POST that says everything by its path.
    pub(crate) async fn post_to(&self, path: &str) -> Answer {
        self.call("POST", path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// A form, as a browser sends it.
    pub(crate) async fn form(&self, path: &str, fields: &[(String, String)]) -> Answer {
        self.send(self.request("POST", path).form(fields)).await
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|_| panic!("{} and no JSON: {}", self.status, self.body))
    }

    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "answered {}: {}", self.status, self.body);
        self.json()
    }

    /// The error object of a refusal with this status and type; it has the one form and nothing beside it.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let body = self.json();
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
        assert_eq!(body["error"]["type"], kind, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
        let known = ["type", "message", "field", "fields", "decision", "redirectUrl", "runId", "traceback"];
        let object = body["error"].as_object().unwrap();
        assert!(object.keys().all(|k| known.contains(&k.as_str())), "{body}");
        body["error"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The id of the recorded reason that the answer names, in JSON or on a page.
    #[track_caller]
    pub(crate) fn decision(&self) -> String {
        let at = self.body.find("dec_").unwrap_or_else(|| panic!("no decision: {}", self.body));
        self.body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    }
}

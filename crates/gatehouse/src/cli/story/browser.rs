use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;

/// A client that keeps cookies and follows nothing by itself.
pub(super) struct Browser {
    base: String,
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
    pub(super) token: Option<String>,
    /// A key of a program.
    pub(super) key: Option<String>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: String,
}

impl Browser {
    #[expect(clippy::disallowed_methods, reason = "the demo plays a browser against itself on this machine")]
    pub(super) fn new(base: &str) -> anyhow::Result<Self> {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { base: base.to_owned(), client, cookies: BTreeMap::new(), token: None, key: None })
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let request = match &self.key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        };
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get(LOCATION).map(|l| l.to_str().map(str::to_owned)).transpose()?;
        Ok(Answer { status: response.status().as_u16(), location, body: response.text().await? })
    }

    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let request = self.client.get(self.url(path));
        self.send(request).await
    }

    pub(super) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> anyhow::Result<Answer> {
        let request = self.client.post(self.url(path)).form(fields);
        self.send(request).await
    }

    pub(super) async fn delete(&mut self, path: &str) -> anyhow::Result<Answer> {
        let request = self.client.delete(self.url(path));
        self.send(request).await
    }

    /// A file of the API.
    pub(super) async fn bytes(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let token = self.token.as_deref().unwrap_or_default();
        let answer = self.client.get(self.url(path)).bearer_auth(token).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// A form with a file and settings beside it, as browsers send it (RFC 7578).
    pub(super) async fn upload(
        &mut self,
        path: &str,
        name: &str,
        file: &[u8],
        settings: &Value,
    ) -> anyhow::Result<Value> {
        const BOUNDARY: &str = "gatehouse-story";
        let part = |about: &str, content: &[u8]| {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {about}\r\n\r\n");
            [head.as_bytes(), content, b"\r\n"].concat()
        };
        let body = [
            part(&format!("name=\"file\"; filename=\"{name}\""), file),
            part("name=\"settings\"", settings.to_string().as_bytes()),
            format!("--{BOUNDARY}--\r\n").into_bytes(),
        ];
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.client.post(self.url(path)).header(CONTENT_TYPE, kind).body(body.concat());
        let answer = self.send(request).await?;
        ensure!((200..300).contains(&answer.status), "answered {}: {}", answer.status, answer.body);
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// A call of the API that must be answered 2xx.
    pub(super) async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let request = self.client.request(method.parse()?, self.url(path));
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        let answer = self.send(request).await?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path} was answered {}: {}",
            answer.status,
            answer.body
        );
        serde_json::from_str(&answer.body).with_context(|| format!("{method} {path} answered no JSON"))
    }
}

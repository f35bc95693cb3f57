//! An identity provider outside of this program: its metadata, behind an address, and its answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gatehouse_saml::idp::{IdpDescription, ResponseBuilder, idp_metadata};
use gatehouse_saml::{Certificate, SigningKey};
use gatehouse_types::{Clock, Id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Form, TestApp};

pub(super) const ENTITY: &str = "https://idp.corp.test/metadata";
pub(crate) const DAY: i64 = 86_400;

pub(crate) struct Key {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

/// A key whose certificate is valid from and until so many days from now.
pub(crate) fn key(t: &TestApp, from: i64, until: i64) -> Key {
    let at = |days: i64| t.clock.now().plus_seconds(days * DAY).micros();
    let key = SigningKey::generate().unwrap();
    let certificate = key.self_signed("idp.corp.test", at(from), at(until)).unwrap();
    Key { key, certificate }
}

pub(crate) fn document(keys: &[&Key]) -> String {
    idp_metadata(&IdpDescription {
        entity_id: ENTITY.to_owned(),
        sso_url: "https://idp.corp.test/sso".to_owned(),
        slo_url: None,
        certificates: keys.iter().map(|k| k.certificate.clone()).collect(),
        passive_endpoint: None,
        want_authn_requests_signed: false,
    })
}

/// Serves one document; none is answered with 503.
pub(crate) struct Served {
    pub(crate) url: String,
    body: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Served {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metadata", listener.local_addr().unwrap());
        let served = Self { url, body: Arc::new(Mutex::new(Some(body.to_owned()))), asked: Arc::default() };
        let (body, asked) = (Arc::clone(&served.body), Arc::clone(&served.asked));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let (status, text) = match body.lock().unwrap().clone() {
                    Some(text) => ("200 OK", text),
                    None => ("503 Service Unavailable", String::new()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        served
    }

    /// How often it was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn now_says(&self, body: Option<&str>) {
        *self.body.lock().unwrap() = body.map(str::to_owned);
    }
}

/// An answer of this provider that nobody asked for, about a person of its domain.
pub(super) fn unasked(t: &TestApp, connection: &str, by: &Key) -> Form {
    let sso = t.app.sso();
    let acs = sso.idp_acs_url(&connection.parse().unwrap());
    let id = format!("_{}", t.app.store().ids().make::<gatehouse_types::RequestId>().as_str());
    let now = t.clock.now().micros();
    let response = ResponseBuilder::new(&id, ENTITY, &acs, &sso.entity_id(), "ada@corp.test", now);
    let response = response.issue_base64(&by.key, &by.certificate).unwrap();
    Form { action: acs, fields: vec![("SAMLResponse".to_owned(), response)] }
}

/// Does all background work that is due now.
pub(crate) async fn work(t: &TestApp) {
    t.app.worker().run(std::future::ready(())).await;
    let worker = t.app.worker();
    while worker.step().await.unwrap() {}
}

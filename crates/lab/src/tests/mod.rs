//! A server with labs in it, and a browser without JavaScript to walk through them.

mod flows;
mod oauth;
mod separation;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gatehouse_identity::rules::NoSso;
use gatehouse_identity::{Identity, NewOwner};
use gatehouse_outbound::egress::Policy as Egress;
use gatehouse_outbound::{Dns, Http, HttpConfig};
use gatehouse_saml::{
    AuthnRequest, CLOCK_SKEW, InResponseTo, Judgement, Policy, Protocol, SigningKey, decode_post_binding,
    verify_bytes,
};
use gatehouse_sso::{Options, Sso};
use gatehouse_testkit::TestStore;
use gatehouse_types::{Actor, OsRandom, Secret, WorkspaceId};
use gatehouse_web::{EdgeConfig, edge};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::{Lab, routes};

const HOST: &str = "https://gate.test";

struct World {
    test: TestStore,
    lab: Lab,
    app: Router,
    cookies: BTreeMap<String, String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl World {
    async fn new(test: TestStore) -> Self {
        let store = test.store.clone();
        let (ids, random) = (store.ids().clone(), Arc::new(OsRandom));
        let identity = Identity::open(store, HOST, Arc::new(NoSso), gatehouse_identity::Options::default())
            .await
            .unwrap();
        let http = Http::new(HttpConfig::new(Egress::new(Vec::new()), Dns::system())).unwrap();
        let url: gatehouse_web::PublicUrl = HOST.parse().unwrap();
        let sso = Sso::new(identity, http, Dns::system(), url.clone(), Options::default());
        let lab = Lab::new(sso, url.clone());
        let app = edge(routes(lab.clone()), EdgeConfig::new(url, ids, random, [7; 32]));
        Self { test, lab, app, cookies: BTreeMap::new() }
    }

    async fn workspace(&self, name: &str, is_lab: bool) -> WorkspaceId {
        let owner = NewOwner {
            workspace: name.to_owned(),
            email: "owner@example.com".parse().unwrap(),
            password: Secret::new("correct horse battery staple"),
            is_lab,
        };
        let actor = Actor::system(self.test.origin(), None);
        self.lab.sso().identity().create_owner(&actor, owner).await.unwrap().0
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, form).await
    }

    async fn send(&mut self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let jar: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path.strip_prefix(HOST).unwrap_or(path))
            .header(header::COOKIE, jar.join("; "))
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        let response = self.app.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Opens a page, chooses in its form and sends it.
    async fn choose(&mut self, page: &str, choices: &[(&str, &str)]) -> Answer {
        let shown = self.get(page).await;
        assert_eq!(shown.status, StatusCode::OK, "{page}: {}", shown.body);
        let hidden = shown.hidden();
        let mut form: Vec<_> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        form.extend(choices);
        self.post(&shown.action(), &form).await
    }

    /// A request of our service provider to a lab.
    fn request(&self, workspace: &WorkspaceId) -> AuthnRequest {
        AuthnRequest {
            id: "_request-1".to_owned(),
            issue_instant: self.test.store.now().micros(),
            destination: self.lab.addresses(workspace).sign_on_url(),
            acs_url: format!("{HOST}/saml/acs"),
            issuer: format!("{HOST}/saml/metadata"),
            force_authn: false,
            is_passive: false,
            name_id_policy: None,
            authn_contexts: Vec::new(),
        }
    }

    fn request_url(&self, workspace: &WorkspaceId) -> String {
        self.request(workspace).redirect_url(Some("/after"), None).unwrap()
    }

    /// The policy of a connection that trusts the lab of `workspace`.
    async fn policy(&self, workspace: &WorkspaceId, answer: &Answer, asked: InResponseTo) -> Policy {
        let key = self.lab.sso().lab_key(workspace).await.unwrap();
        Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: self.lab.addresses(workspace).entity_id(),
            audiences: vec![self.lab.sso().entity_id()],
            acs_urls: vec![answer.action()],
            certificates: vec![key.certificate],
            decryption_keys: Vec::new(),
            in_response_to: asked,
            now: self.test.store.now().micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        }
    }

    /// What that connection thinks of an answer.
    async fn judge(&self, workspace: &WorkspaceId, answer: &Answer, asked: InResponseTo) -> Judgement {
        answer.judged_by(&self.policy(workspace, answer, asked).await)
    }
}

impl Answer {
    /// The hidden fields of the page's form, as a program reads them.
    fn hidden(&self) -> Vec<(String, String)> {
        let inputs = self.body.split("<input type=\"hidden\" ").skip(1);
        inputs.map(|i| (attribute(i, "name").unwrap(), attribute(i, "value").unwrap())).collect()
    }

    fn value(&self, name: &str) -> Option<String> {
        self.hidden().into_iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    fn judged_by(&self, policy: &Policy) -> Judgement {
        verify_bytes(&decode_post_binding(&self.value("SAMLResponse").unwrap()).unwrap(), policy)
    }

    fn action(&self) -> String {
        let forms = self.body.split("<form ").skip(1);
        forms.last().and_then(|f| attribute(f, "action")).expect("the page has a form")
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (tag, _) = tag.split_once('>')?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#38;", "&"))
}

fn new_key() -> SigningKey {
    SigningKey::generate().unwrap()
}

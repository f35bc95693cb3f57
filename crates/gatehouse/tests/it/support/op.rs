use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatehouse_saml::SigningKey;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Url;

use super::{Answer, Client};

fn b64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// A key of the provider's, with the algorithm that it signs with.
pub(crate) struct Signer {
    pub(crate) alg: &'static str,
    pub(crate) kid: &'static str,
    /// The public half.
    pub(crate) jwk: Value,
    sign: Sign,
}

impl Signer {
    /// A new key for an algorithm.
    pub(crate) fn new(alg: &'static str, kid: &'static str) -> Self {
        let random = SystemRandom::new;
        match alg {
            "ES256" | "ES384" => {
                let (how, crv, half) = if alg == "ES256" {
                    (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32)
                } else {
                    (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48)
                };
                let pair = EcdsaKeyPair::generate(how).unwrap();
                let point = pair.public_key().as_ref()[1..].to_vec();
                let jwk = json!({"kty": "EC", "crv": crv, "kid": kid, "use": "sig", "alg": alg,
                    "x": b64(&point[..half]), "y": b64(&point[half..])});
                Self {
                    alg,
                    kid,
                    jwk,
                    sign: Box::new(move |m| pair.sign(&random(), m).unwrap().as_ref().to_vec()),
                }
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig",
                    "x": b64(pair.public_key().as_ref())});
                Self { alg, kid, jwk, sign: Box::new(move |m| pair.sign(m).as_ref().to_vec()) }
            }
            _ => {
                let key = SigningKey::generate().unwrap();
                let certificate = key.self_signed("op", 0, 4_000_000_000_000_000).unwrap();
                let (n, e) = certificate.rsa_public().unwrap();
                let jwk = json!({"kty": "RSA", "kid": kid, "use": "sig", "n": b64(&n), "e": b64(&e)});
                let pair = RsaKeyPair::from_pkcs8(&key.to_pkcs8_der().unwrap()).unwrap();
                let how: &'static dyn aws_lc_rs::signature::RsaEncoding = match alg {
                    "RS256" => &aws_lc_rs::signature::RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "PS256" => &RSA_PSS_SHA256,
                    other => panic!("no signer for {other}"),
                };
                let sign = move |message: &[u8]| {
                    let mut out = vec![0; pair.public_modulus_len()];
                    pair.sign(how, &random(), message, &mut out).unwrap();
                    out
                };
                Self { alg, kid, jwk, sign: Box::new(sign) }
            }
        }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.alg, "kid": self.kid}).to_string();
        let signed = format!("{}.{}", b64(header.as_bytes()), b64(claims.to_string().as_bytes()));
        format!("{signed}.{}", b64(&(self.sign)(signed.as_bytes())))
    }
}

#[derive(Default)]
struct Said {
    /// What the discovery document says besides or instead.
    discovery: Value,
    keys: Vec<Value>,
    /// The next answer of the token endpoint.
    token: Value,
    hits: BTreeMap<String, usize>,
}

/// An OpenID provider on this machine that says whatever the test wants.
#[derive(Clone)]
pub(crate) struct Op {
    pub(crate) issuer: String,
    said: Arc<Mutex<Said>>,
    serving: Arc<Mutex<Option<tokio::task::AbortHandle>>>,
    /// One permit while the token endpoint answers.
    answers: Arc<Semaphore>,
}

/// A sign-in on its way: what our side asked the provider.
pub(crate) struct Asked {
    pub(crate) query: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) async fn start(browser: &Client, connection: &str) -> Self {
        Self::at(browser, &format!("/sso/{connection}/start")).await
    }

    /// The same from any of our addresses that leads to the provider.
    pub(crate) async fn at(browser: &Client, path: &str) -> Self {
        let started = browser.get(path).await;
        Self::to(started.location().unwrap_or_else(|| panic!("no way: {}", started.body)))
    }

    /// What an address at the provider asks it.
    pub(crate) fn to(way: &str) -> Self {
        let url: Url = way.parse().unwrap();
        Self { query: url.query_pairs().into_owned().collect() }
    }

    /// The provider's answer as the browser brings it.
    pub(crate) async fn back(&self, browser: &Client, more: &str) -> Answer {
        let back = Url::parse(&self.query["redirect_uri"]).unwrap();
        browser.get(&format!("{}?state={}&{more}", back.path(), self.query["state"])).await
    }
}

impl Op {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let op = Self {
            issuer,
            said: Arc::default(),
            serving: Arc::default(),
            answers: Arc::new(Semaphore::new(1)),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/common/v2.0/.well-known/openid-configuration", get(shared_discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(op.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *op.serving.lock().unwrap() = Some(serving.abort_handle());
        op
    }

    /// Lets the token endpoint wait with its answers.
    pub(crate) fn hold(&self) {
        self.answers.try_acquire().unwrap().forget();
    }

    /// Lets it answer again.
    pub(crate) fn go_on(&self) {
        self.answers.add_permits(1);
    }

    /// Takes no connections from now on.
    pub(crate) fn stop(&self) {
        self.serving.lock().unwrap().take().unwrap().abort();
    }

    fn with<T>(&self, what: impl FnOnce(&mut Said) -> T) -> T {
        what(&mut self.said.lock().unwrap())
    }

    fn hit(&self, what: &str) {
        self.with(|said| *said.hits.entry(what.to_owned()).or_default() += 1);
    }

    /// How often one of its addresses was asked.
    pub(crate) fn hits(&self, what: &str) -> usize {
        self.with(|said| said.hits.get(what).copied().unwrap_or_default())
    }

    /// What the discovery document says besides or instead; `null` takes a value away.
    pub(crate) fn describe(&self, changes: Value) {
        self.with(|said| said.discovery = changes);
    }

    /// The published keys.
    pub(crate) fn publish(&self, keys: &[&Value]) {
        self.with(|said| said.keys = keys.iter().map(|k| (*k).clone()).collect());
    }

    /// The ID token that the next code is exchanged for.
    pub(crate) fn give(&self, id_token: &str) {
        let answer = json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token});
        self.with(|said| said.token = answer);
    }

    /// The claims of an honest ID token, at a moment in seconds.
    pub(crate) fn claims(&self, asked: &Asked, now: i64) -> Value {
        json!({"iss": self.issuer, "aud": asked.query["client_id"], "sub": "u-1", "iat": now, "exp": now + 300,
            "nonce": asked.query["nonce"], "email": "ada@lab.test", "email_verified": true})
    }

    /// The body that makes a connection to it.
    pub(crate) fn body(&self, name: &str) -> Value {
        json!({"name": name, "protocol": "oidc", "jitProvisioning": true, "defaultRole": "member",
            "oidcConfig": {"issuerUrl": self.issuer, "clientId": "gatehouse", "clientSecret": "s"}})
    }
}

/// Many tenants behind one document, as Microsoft has them.
async fn shared_discovery(State(op): State<Op>) -> Response {
    let i = &op.issuer;
    let document = json!({"issuer": format!("{i}/{{tenantid}}/v2.0"), "authorization_endpoint": format!("{i}/auth"),
        "token_endpoint": format!("{i}/token"), "jwks_uri": format!("{i}/jwks")});
    Json(document).into_response()
}

async fn discovery(State(op): State<Op>) -> Response {
    op.hit("discovery");
    let i = &op.issuer;
    let mut document = json!({"issuer": i, "authorization_endpoint": format!("{i}/auth"),
        "token_endpoint": format!("{i}/token"), "jwks_uri": format!("{i}/jwks")});
    let changes = op.with(|said| said.discovery.clone());
    for (name, value) in changes.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
    Json(document).into_response()
}

async fn keys(State(op): State<Op>) -> Response {
    op.hit("keys");
    Json(json!({"keys": op.with(|said| said.keys.clone())})).into_response()
}

async fn token(State(op): State<Op>) -> Response {
    op.hit("token");
    drop(op.answers.acquire().await.unwrap());
    let answer = op.with(|said| said.token.clone());
    let status = if answer.is_null() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    (status, Json(answer)).into_response()
}

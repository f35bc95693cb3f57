//! A connection's provider as it describes itself: fetched by one at a time, kept for a while in this process.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_outbound::Limits;
use gatehouse_types::{Result, Secret, Timestamp};
use tokio::sync::Mutex;

use crate::Sso;
use crate::model::{ClientAuthentication, Connection, Provider as Preset};
use crate::oidc::discovery::{Discovery, address};
use crate::oidc::keys::Keys;
use crate::oidc::{Flaw, quote};
use crate::sso::GOOGLE_ISSUER;
use crate::store::connections;

/// How long a discovery document and keys are believed, in seconds.
const LIFE_SECONDS: i64 = 3_600;
/// How long a failed fetch stands for those who ask again, in seconds.
const FAILURE_SECONDS: i64 = 10;
/// The most time that a document may take: below what a post may take, so that a failure is remembered.
const FETCH: Duration = Duration::from_secs(6);
/// The largest discovery document or key set, in bytes.
const MAX_DOCUMENT: usize = 512 * 1024;
/// The scope that makes it OpenID Connect (Core §3.1.2.1).
const OPENID: &str = "openid";

/// What we are at a provider.
#[derive(Clone, Debug)]
pub(crate) struct OidcClient {
    pub(crate) issuer: String,
    pub(crate) discovery_url: String,
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) authentication: Option<ClientAuthentication>,
    pub(crate) scopes: Vec<String>,
    /// Whether accounts must be of an organisation whose domain is verified here: Google's `hd`.
    pub(crate) hosted_domain: bool,
    /// Whether an address counts of which the provider does not say whether it is verified.
    pub(crate) trust_email: bool,
    /// Where the provider sends the browser back to.
    pub(crate) redirect_uri: String,
}

/// What a provider published.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) discovery: Discovery,
    pub(crate) keys: Keys,
}

/// What is known of a provider at this moment.
#[derive(Debug)]
enum Known {
    Good { provider: Arc<Provider>, read_at: Timestamp },
    Bad { flaw: Flaw, at: Timestamp },
}

/// The place of one provider; whoever holds it fetches, the others wait for what comes of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Known>>>);

impl Sso {
    /// What we are at a connection's provider; a flaw when the operator has no client there.
    pub(crate) async fn oidc_client(&self, connection: &Connection) -> Result<Result<OidcClient, Flaw>> {
        let Some(config) = connection.config.oidc() else {
            return Ok(Err(Flaw::new(
                "connection_inactive",
                "connection",
                "It does not speak OpenID Connect.",
            )));
        };
        // Google gives accounts with anybody's address; only the organisation says whose they are. What the connection is
        // called does not change whom it asks.
        let at_google = self.0.options.google.as_ref().map(|g| g.issuer.as_str());
        let hosted_domain = connection.provider == Preset::Google
            || config.issuer_url == GOOGLE_ISSUER
            || at_google.is_some_and(|issuer| config.issuer_url == issuer);
        let mut scopes = config.scopes.clone();
        if !scopes.iter().any(|s| s == OPENID) {
            scopes.insert(0, OPENID.to_owned());
        }
        if config.is_of_operator() && connection.provider != Preset::Google {
            return Ok(Err(Flaw::new(
                "issuer_missing",
                "connection",
                "The provider's issuer and our client id are missing. Enter them.",
            )));
        }
        if config.is_of_operator() {
            return Ok(match &self.0.options.google {
                Some(google) => Ok(OidcClient {
                    issuer: google.issuer.clone(),
                    discovery_url: address(&google.issuer),
                    client_id: google.client_id.clone(),
                    secret: Some(google.client_secret.clone()),
                    authentication: None,
                    scopes,
                    hosted_domain,
                    trust_email: false,
                    redirect_uri: self.redirect_uri(connection),
                }),
                None => Err(no_google()),
            });
        }
        let secret = match connection.has_client_secret {
            true => connections::client_secret(&self.0.store, &connection.id).await?,
            false => None,
        };
        let discovery_url = config.discovery_url.clone().unwrap_or_else(|| address(&config.issuer_url));
        Ok(Ok(OidcClient {
            issuer: config.issuer_url.clone(),
            discovery_url,
            client_id: config.client_id.clone(),
            secret,
            authentication: config.client_authentication,
            scopes,
            hosted_domain,
            trust_email: config.trust_email,
            redirect_uri: self.redirect_uri(connection),
        }))
    }

    fn slot(&self, client: &OidcClient) -> Slot {
        self.0.providers.get_with(place(client), Slot::default)
    }

    /// The provider, as it was read within the last hour.
    pub(crate) async fn provider(&self, client: &OidcClient) -> Result<Arc<Provider>, Flaw> {
        let slot = self.slot(client);
        let mut known = slot.0.lock().await;
        let now = self.0.store.now();
        match &*known {
            Some(Known::Good { provider, read_at }) if now < read_at.plus_seconds(LIFE_SECONDS) => {
                return Ok(Arc::clone(provider));
            }
            Some(Known::Bad { flaw, at }) if now < at.plus_seconds(FAILURE_SECONDS) => {
                return Err(flaw.clone());
            }
            _ => {}
        }
        let read = async {
            let discovery = self.fetch_discovery(client).await?;
            let keys = self.fetch_keys(&discovery).await?;
            Ok(Arc::new(Provider { discovery, keys }))
        };
        let read = read.await;
        *known = Some(match &read {
            Ok(provider) => Known::Good { provider: Arc::clone(provider), read_at: now },
            Err(flaw) => Known::Bad { flaw: Flaw::clone(flaw), at: now },
        });
        read
    }

    /// The provider with its keys read again, because a key is missing among the old ones. How often is bounded: the
    /// old ones come back when it was too often, or when the fetch fails.
    pub(crate) async fn with_new_keys(&self, client: &OidcClient, old: Arc<Provider>) -> Arc<Provider> {
        let slot = self.slot(client);
        let mut known = slot.0.lock().await;
        let read_at = match &*known {
            Some(Known::Good { provider, .. }) if !Arc::ptr_eq(provider, &old) => {
                return Arc::clone(provider);
            }
            Some(Known::Good { read_at, .. }) => *read_at,
            _ => self.0.store.now(),
        };
        if self.0.key_reads.check(&place(client)).is_err() {
            return old;
        }
        match self.fetch_keys(&old.discovery).await {
            Ok(keys) => {
                let provider = Arc::new(Provider { discovery: old.discovery.clone(), keys });
                *known = Some(Known::Good { provider: Arc::clone(&provider), read_at });
                provider
            }
            Err(flaw) => {
                tracing::warn!(code = flaw.code, "the keys of a provider could not be read again");
                old
            }
        }
    }

    /// Keeps what a test of a connection has just read.
    pub(crate) async fn keep_provider(&self, client: &OidcClient, provider: Provider) {
        let read_at = self.0.store.now();
        *self.slot(client).0.lock().await = Some(Known::Good { provider: Arc::new(provider), read_at });
    }

    /// Fetches the discovery document now.
    pub(crate) async fn fetch_discovery(&self, client: &OidcClient) -> Result<Discovery, Flaw> {
        let body = self.fetch_document(&client.discovery_url, "discovery_unreachable", "discovery").await?;
        Discovery::read(&body, &client.issuer)
    }

    /// Fetches the keys now.
    pub(crate) async fn fetch_keys(&self, discovery: &Discovery) -> Result<Keys, Flaw> {
        Keys::read(&self.fetch_document(&discovery.jwks_uri, "jwks_unreachable", "keys").await?)
    }

    async fn fetch_document(
        &self,
        url: &str,
        code: &'static str,
        check: &'static str,
    ) -> Result<Vec<u8>, Flaw> {
        let limits =
            Limits { max_bytes: MAX_DOCUMENT, same_host_only: true, timeout: FETCH, ..Limits::default() };
        let answer = self.0.http.get(url, limits).await.and_then(gatehouse_outbound::Response::success);
        answer
            .map(|a| a.body)
            .map_err(|e| Flaw::new(code, check, format!("{} could not be fetched: {e}", quote(url))))
    }
}

/// The name of the place of a provider: its own, whatever another one says where its keys are.
fn place(client: &OidcClient) -> String {
    format!("{}\n{}", client.issuer, client.discovery_url)
}

/// Sign in with Google needs a client of the operator's.
pub(crate) fn no_google() -> Flaw {
    let detail = "The operator of this Gatehouse has no client at Google. Let the operator set google_client_id and \
                  google_client_secret (GATEHOUSE_GOOGLE_CLIENT_ID, GATEHOUSE_GOOGLE_CLIENT_SECRET).";
    Flaw::new("operator_client_missing", "provider", detail)
}

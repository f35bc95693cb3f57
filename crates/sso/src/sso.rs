use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatehouse_identity::Identity;
use gatehouse_outbound::{Dns, Http};
use gatehouse_saml::{Certificate, DecryptionKey, SigningKey};
use gatehouse_store::Store;
use gatehouse_types::{ConnectionId, Error, Id, Result, Secret, SigningKeyId, WorkspaceId};
use gatehouse_web::{Limiter, PublicUrl};
use moka::sync::Cache;
use tokio::sync::OnceCell;

use crate::model::KeyState;
use crate::service::oidc::provider::Slot;
use crate::service::setup_links::Directory;
use crate::service::wsfed::round_trips::RoundTrips;
use crate::store::keys::{self, NewKey};

/// The purpose under which our own SAML key is kept.
pub(crate) const SP_PURPOSE: &str = "sp";
/// The scope of a key that all workspaces share.
pub(crate) const SHARED_SCOPE: &str = "-";
/// The purpose under which the keys of lab identity providers are kept.
const LAB_PURPOSE: &str = "lab-idp";
/// The purpose under which their second keys are kept.
const SECOND_LAB_PURPOSE: &str = "lab-idp-second";
/// Our SAML certificates are valid this many days; the key is what counts, providers pin it.
const KEY_DAYS: i64 = 3650;
/// They are valid from a little before now, for clocks that are behind (an hour, in microseconds).
const BACKDATED_MICROS: i64 = 3_600 * 1_000_000;
/// Keys of workspaces that are kept ready for use at most.
const OPENED_KEYS: u64 = 1_000;
/// How long a key stays ready that nobody uses.
const OPENED_IDLE: Duration = Duration::from_secs(3_600);
/// Failed messages kept for one connection at once, and the seconds until one more: nobody fills the disk from outside.
const KEPT_FAILURES: (u32, u32) = (60, 60);

/// Certificates that are kept read, at most; a few KiB each.
const READ_CERTIFICATES: u64 = 1000;
/// Refused responses of one network that are recorded at once, and the seconds until one more.
const REFUSALS: (u32, u32) = (600, 1);
/// Sign-ins that one network begins at once, and the seconds until one more: each leaves a row until it expires.
const STARTS: (u32, u32) = (6000, 1);

/// Shared traces that one network opens at once, and the seconds until one more: nobody tries tokens out.
const OPENINGS: (u32, u32) = (60, 2);

/// SAML keys that one workspace makes at once, and the seconds until one more: each costs a good part of a second.
const KEYS_MADE: (u32, u32) = (10, 60);
/// Metadata that one workspace has us fetch at once, and the seconds until one more: we are no tool against others.
const FETCHES: (u32, u32) = (60, 10);
/// Replays of recorded sign-ins that one workspace runs at once, and the seconds until one more: each may judge thousands.
const REPLAYS: (u32, u32) = (30, 10);

/// Key sets of one provider that are read again at once because a key is missing, and the seconds until one more:
/// nobody has us fetch by making keys up.
const KEY_READS: (u32, u32) = (5, 60);
/// OpenID providers that are remembered at most.
const PROVIDERS: u64 = 1_000;

/// The issuer of Google accounts.
pub const GOOGLE_ISSUER: &str = "https://accounts.google.com";

/// The issuer of Microsoft accounts: of every organisation, and private ones.
pub const MICROSOFT_ISSUER: &str = "https://login.microsoftonline.com/common/v2.0";

/// A client of the operator's at Google or Microsoft.
#[derive(Clone, Debug)]
pub struct OperatorClient {
    /// The client id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The issuer: [`GOOGLE_ISSUER`] or [`MICROSOFT_ISSUER`]; another one for one tenant alone, and for trials.
    pub issuer: String,
}

/// What the operator decides about single sign-on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a connection needs a verified domain before it is activated (default: yes).
    pub require_domain: bool,
    /// The operator's client at Google (default: none).
    pub google: Option<OperatorClient>,
    /// The operator's client at Microsoft (default: none).
    pub microsoft: Option<OperatorClient>,
}

impl Default for Options {
    fn default() -> Self {
        Self { require_domain: true, google: None, microsoft: None }
    }
}

/// Single sign-on: connections, domains, sign-in through providers.
#[derive(Clone, Debug)]
pub struct Sso(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) http: Http,
    pub(crate) dns: Dns,
    pub(crate) public_url: PublicUrl,
    pub(crate) options: Options,
    pub(crate) kept_failures: Limiter,
    pub(crate) refusals: Limiter,
    pub(crate) starts: Limiter,
    pub(crate) openings: Limiter,
    pub(crate) keys_made: Limiter,
    pub(crate) fetches: Limiter,
    pub(crate) replays: Limiter,
    pub(crate) round_trips: RoundTrips,
    pub(crate) key_reads: Limiter,
    pub(crate) providers: Cache<String, Slot>,
    /// Pinned certificates by their text: reading one costs as much as verifying with it.
    pub(crate) certificates: Cache<String, Certificate>,
    shared_key: OnceCell<()>,
    /// Directory provisioning, for setup links.
    pub(crate) directory: OnceLock<Arc<dyn Directory>>,
    pub(crate) opened_keys: Cache<SigningKeyId, Arc<OwnKey>>,
}

/// Our own SAML key: it signs requests and opens encrypted assertions.
#[derive(Debug)]
pub(crate) struct OwnKey {
    pub(crate) id: SigningKeyId,
    pub(crate) signing: SigningKey,
    pub(crate) decryption: DecryptionKey,
    pub(crate) certificate: Certificate,
}

/// The key with which the lab identity provider of a workspace signs.
#[derive(Clone, Debug)]
pub struct LabKey {
    /// The private half.
    pub signing: SigningKey,
    /// The public half.
    pub certificate: Certificate,
}

impl Sso {
    /// Lets setup links reach directory provisioning; the first call counts.
    pub fn reach_directory(&self, directory: Arc<dyn Directory>) {
        let _ = self.0.directory.set(directory);
    }

    /// The service.
    pub fn new(identity: Identity, http: Http, dns: Dns, public_url: PublicUrl, options: Options) -> Self {
        let store = identity.store().clone();
        let limiter = |(burst, seconds)| Limiter::new(Arc::clone(store.clock()), burst, seconds);
        Self(Arc::new(Inner {
            kept_failures: limiter(KEPT_FAILURES),
            refusals: limiter(REFUSALS),
            starts: limiter(STARTS),
            openings: limiter(OPENINGS),
            keys_made: limiter(KEYS_MADE),
            fetches: limiter(FETCHES),
            replays: limiter(REPLAYS),
            round_trips: RoundTrips::default(),
            key_reads: limiter(KEY_READS),
            providers: Cache::new(PROVIDERS),
            certificates: Cache::new(READ_CERTIFICATES),
            shared_key: OnceCell::new(),
            directory: OnceLock::new(),
            opened_keys: Cache::builder().max_capacity(OPENED_KEYS).time_to_idle(OPENED_IDLE).build(),
            store,
            identity,
            http,
            dns,
            public_url,
            options,
        }))
    }

    /// Identity, which this service builds on.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Our entity id: the URL of our metadata (SAML 2.0 metadata §4.1 recommends it).
    pub fn entity_id(&self) -> String {
        self.0.public_url.join("/saml/metadata")
    }

    /// The assertion consumer service that all connections share.
    pub fn acs_url(&self) -> String {
        self.0.public_url.join("/saml/acs")
    }

    /// The assertion consumer service of one connection, for answers we asked for.
    pub fn sp_acs_url(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/saml/acs/{connection}"))
    }

    /// The assertion consumer service of one connection, for answers nobody asked for.
    pub fn idp_acs_url(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/saml/acs/{connection}/idp"))
    }

    /// A pinned certificate, read once for all sign-ins that rely on it.
    pub(crate) fn certificate(&self, pem: &str) -> Result<Certificate> {
        let read = || Certificate::from_pem_or_base64(pem);
        self.0
            .certificates
            .entry_by_ref(pem)
            .or_try_insert_with(read)
            .map(|e| e.into_value())
            .map_err(Error::internal)
    }

    /// Makes the key that all workspaces share until they have one of their own, when there is none yet.
    pub(crate) async fn ensure_shared_key(&self) -> Result<()> {
        let made = async || self.load_or_make_key(SP_PURPOSE, SHARED_SCOPE).await.map(drop);
        self.0.shared_key.get_or_try_init(made).await.copied()
    }

    /// The key of the lab identity provider of one workspace; the first look makes it.
    ///
    /// # Errors
    /// When the key cannot be made or kept.
    pub async fn lab_key(&self, workspace: &WorkspaceId) -> Result<LabKey> {
        let key = self.load_or_make_key(LAB_PURPOSE, workspace.as_str()).await?;
        Ok(LabKey { signing: key.signing.clone(), certificate: key.certificate.clone() })
    }

    /// The key that the lab identity provider of one workspace would roll to; the first look makes it.
    ///
    /// # Errors
    /// When the key cannot be made or kept.
    pub async fn second_lab_key(&self, workspace: &WorkspaceId) -> Result<LabKey> {
        let key = self.load_or_make_key(SECOND_LAB_PURPOSE, workspace.as_str()).await?;
        Ok(LabKey { signing: key.signing.clone(), certificate: key.certificate.clone() })
    }

    async fn load_or_make_key(&self, purpose: &'static str, scope: &str) -> Result<Arc<OwnKey>> {
        let store = &self.0.store;
        let mut found = keys::of(&mut store.reader(), purpose, scope).await?;
        if found.is_empty() {
            let (certificate, private_pem) = make_key(purpose, store.now().micros()).await?;
            let (certificate, private_pem) = (certificate.as_str(), &private_pem);
            let state = KeyState::Current;
            let new = NewKey { purpose, scope, state, version: 1, certificate, private_pem };
            let mut tx = store.begin_always().await?;
            // unless another server was faster
            keys::insert(&mut tx, &new).await?;
            tx.commit().await?;
            found = keys::of(&mut store.reader(), purpose, scope).await?;
        }
        let newest = found.first().ok_or_else(|| Error::internal("a SAML key was not kept"))?;
        self.opened(newest).await
    }
}

/// Makes an RSA key pair with a self-signed certificate beside the async runtime: it takes a while.
pub(crate) async fn make_key(name: &'static str, now: i64) -> Result<(String, Secret)> {
    let made = tokio::task::spawn_blocking(move || {
        let key = SigningKey::generate()?;
        let until = now + KEY_DAYS * 86_400 * 1_000_000;
        let certificate = key.self_signed(&format!("Gatehouse {name}"), now - BACKDATED_MICROS, until)?;
        Ok::<_, gatehouse_saml::KeyError>((certificate.to_pem(), Secret::new(key.to_pkcs8_pem()?.as_str())))
    });
    made.await.map_err(Error::internal)?.map_err(Error::internal)
}

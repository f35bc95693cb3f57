use std::sync::{Arc, OnceLock, RwLock};

use gatehouse_store::Store;
use gatehouse_types::{Result, random_token};
use gatehouse_web::Limiter;

use crate::passkey::RelyingParty;
use crate::password::Passwords;
use crate::rules::{ProgramKeys, SignInRules};
use crate::service::leavers::Belongings;
use crate::service::managed::RoleSource;
use crate::throttle::{MailLimits, Throttle};
use crate::tokens::Tokens;

/// Refusals of unknown callers that are recorded for one network at once, and the seconds until one more.
const REFUSALS: (u32, u32) = (100, 5);

/// Wrong second steps of one account before it slows down, and the seconds until one more is allowed.
const SECOND_STEPS: (u32, u32) = (10, 300);

/// Tries at one sign-up link, and the seconds until one more: a name that is taken is told, and each try hashes.
const SIGN_UP_TRIES: (u32, u32) = (10, 60);

/// Mails to one person about unusual sign-ins at once, and the seconds until one more.
const UNUSUAL_MAILS: (u32, u32) = (5, 3600);

/// Whether strangers may make themselves an account and a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignUp {
    /// They may not: people come by invitation, by single sign-on, or from the machine.
    #[default]
    Closed,
    /// Whoever has a mailbox may.
    Open,
}

impl std::str::FromStr for SignUp {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "closed" => Ok(Self::Closed),
            "open" => Ok(Self::Open),
            _ => Err(()),
        }
    }
}

/// What the operator decides about people.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who may sign up.
    pub sign_up: SignUp,
    /// Whether people may sign in with an account at Google: the operator has a client there.
    pub google: bool,
    /// The same at Microsoft.
    pub microsoft: bool,
    /// Memory of one new password hash, in KiB: [`crate::PASSWORD_MEMORY_KIB`] but for tests.
    pub password_memory_kib: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sign_up: SignUp::default(),
            google: false,
            microsoft: false,
            password_memory_kib: crate::PASSWORD_MEMORY_KIB,
        }
    }
}

/// Workspaces, people and sessions: the service that everything else asks who somebody is.
#[derive(Clone, Debug)]
pub struct Identity(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) mail_limits: MailLimits,
    /// The address people use; links in mails begin with it.
    pub(crate) public_url: String,
    /// We to authenticators; `None` where browsers have no passkeys.
    pub(crate) relying_party: Option<RelyingParty>,
    pub(crate) rules: Arc<dyn SignInRules>,
    /// What else people own, which ends when they leave.
    pub(crate) belongings: RwLock<Vec<Arc<dyn Belongings>>>,
    /// Who else gives roles.
    pub(crate) role_source: RwLock<Option<Arc<dyn RoleSource>>>,
    /// The keys of programs, once the crate above has come.
    pub(crate) program_keys: OnceLock<Arc<dyn ProgramKeys>>,
    pub(crate) options: Options,
    /// How many refusals of unknown callers are recorded, per network.
    pub(crate) refusals: Limiter,
    /// Tries at the second step, per person.
    pub(crate) second_steps: Limiter,
    /// Tries at one sign-up link.
    pub(crate) sign_up_tries: Limiter,
    /// Mails about unusual sign-ins, per person.
    pub(crate) unusual_mails: Limiter,
}

impl Identity {
    /// Opens the service; tokens name `issuer`, the public URL of this server.
    ///
    /// # Errors
    /// When the signing keys cannot be read or made.
    pub async fn open(
        store: Store,
        issuer: &str,
        rules: Arc<dyn SignInRules>,
        options: Options,
    ) -> Result<Self> {
        let tokens = Tokens::open(store.clone(), issuer).await?;
        let passwords = Passwords::new(random_token(&**store.random()), options.password_memory_kib);
        let throttle = Throttle::new(store.clock());
        let mail_limits = MailLimits::new(store.clock());
        let public_url = issuer.to_owned();
        let relying_party = RelyingParty::of(issuer);
        let limiter = |(burst, seconds)| Limiter::new(Arc::clone(store.clock()), burst, seconds);
        let (refusals, second_steps) = (limiter(REFUSALS), limiter(SECOND_STEPS));
        let (sign_up_tries, unusual_mails) = (limiter(SIGN_UP_TRIES), limiter(UNUSUAL_MAILS));
        Ok(Self(Arc::new(Inner {
            store,
            tokens,
            passwords,
            throttle,
            mail_limits,
            public_url,
            relying_party,
            rules,
            belongings: RwLock::default(),
            role_source: RwLock::default(),
            program_keys: OnceLock::new(),
            options,
            refusals,
            second_steps,
            sign_up_tries,
            unusual_mails,
        })))
    }

    /// Lets programs call with their keys; the first who says so counts.
    pub fn admit_programs(&self, keys: Arc<dyn ProgramKeys>) {
        let _ = self.0.program_keys.set(keys);
    }

    /// The database under it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The public keys of our tokens as a JWK Set (RFC 7517 §5).
    pub fn jwks(&self) -> serde_json::Value {
        self.0.tokens.jwks()
    }

    /// The rules of single sign-on.
    pub fn rules(&self) -> &dyn SignInRules {
        &*self.0.rules
    }
}

//! Signing up: a stranger names a workspace and an address; the mailed link proves the address and makes both.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_store::jobs::{self, When};
use gatehouse_types::{
    Actor, Email, Error, Id, Kind, LinkId, Result, Role, Secret, UserId, WorkspaceId, digest, random_token,
};
use serde_json::json;

use crate::identity::SignUp;
use crate::model::{CreatedVia, SocialProvider, User};
use crate::service::letters;
use crate::service::own_password::{card, gone, no_trial, renamed};
use crate::service::people::{checked_display_name, checked_name};
use crate::store::links::{self, Link, LinkKind};
use crate::store::{passwords, users};
use crate::{Identity, PeopleMail, SendMail};

/// How long a sign-up link counts, in seconds (a day).
const SIGN_UP_SECONDS: i64 = 86_400;
/// How many sign-ups may wait for their link to be opened, of everybody together.
const MAX_PENDING: i64 = 10_000;
/// When to try again while that many wait, in seconds (an hour).
const FULL_SECONDS: u32 = 3600;
/// The field of the workspace's name, in requests and forms.
const NAME_FIELD: &str = "workspaceName";

/// How somebody who signs up wants to sign in by default.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultSignIn {
    /// E-mail address and password.
    #[default]
    Password,
    /// An account at Google.
    Google,
    /// An account at Microsoft.
    Microsoft,
}

impl DefaultSignIn {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self.provider() {
            Some(provider) => provider.as_str(),
            None => "password",
        }
    }

    /// The provider, if it is one.
    pub const fn provider(self) -> Option<SocialProvider> {
        match self {
            Self::Password => None,
            Self::Google => Some(SocialProvider::Google),
            Self::Microsoft => Some(SocialProvider::Microsoft),
        }
    }

    /// The way of a stored name; a name that is unknown counts as the password.
    pub(crate) fn from_stored(text: &str) -> Self {
        text.parse().map_or(Self::Password, |p: SocialProvider| p.into())
    }
}

impl From<SocialProvider> for DefaultSignIn {
    fn from(provider: SocialProvider) -> Self {
        match provider {
            SocialProvider::Google => Self::Google,
            SocialProvider::Microsoft => Self::Microsoft,
        }
    }
}

/// What a stranger asks for.
#[derive(Clone, Debug)]
pub struct AskedSignUp {
    /// The address.
    pub email: Email,
    /// The name of the workspace to be made.
    pub workspace: String,
    /// How to sign in by default.
    pub sign_in: DefaultSignIn,
}

/// What a mailed sign-up link leads to.
#[derive(Clone, Debug)]
pub struct OpenSignUp {
    link: Link,
    /// Whether the address has an account: then its person signs in and makes a further workspace.
    pub is_known: bool,
}

impl OpenSignUp {
    /// The address that the link proves.
    pub fn email(&self) -> &Email {
        &self.link.email
    }

    /// The workspace's name, as asked for.
    pub fn workspace(&self) -> &str {
        self.link.workspace_name.as_deref().unwrap_or_default()
    }
}

/// What a sign-up made.
#[derive(Clone, Debug)]
pub struct SignedUp {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub user: UserId,
}

impl Identity {
    /// Whether strangers may sign up here.
    pub fn sign_up_is_open(&self) -> bool {
        self.0.options.sign_up == SignUp::Open
    }

    /// Refuses where signing up is closed.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn require_sign_up(&self) -> Result<()> {
        if self.sign_up_is_open() {
            return Ok(());
        }
        let message = "Signing up is closed on this server. Ask an administrator for an invitation.";
        Err(Error::new(Kind::NotFound, message))
    }

    /// Asks for a sign-up. The work is the same for known and unknown addresses: who it is, a job looks up. A newer
    /// one voids the older of the same address.
    ///
    /// # Errors
    /// `NotFound` where signing up is closed; `Validation` on `workspaceName`; `RateLimited` per address and network,
    /// and when very many wait.
    pub async fn ask_sign_up(&self, actor: &Actor, asked: AskedSignUp) -> Result<()> {
        self.require_sign_up()?;
        no_trial(actor)?;
        if asked.sign_in != DefaultSignIn::Password {
            return Err(Error::validation(
                "defaultSignIn",
                "A mailed link is for a password. To sign in with Google or Microsoft, begin at the sign-up page.",
            ));
        }
        let name = checked_name(&asked.workspace).map_err(|e| renamed(e, NAME_FIELD))?.to_owned();
        self.0.mail_limits.take_sign_up(&asked.email, &actor.origin)?;
        let store = &self.0.store;
        let link =
            Link { id: store.ids().make(), email: asked.email, user_id: None, workspace_name: Some(name) };
        let mut tx = store.begin(&actor.origin).await?;
        links::void(&mut tx, LinkKind::SignUp, &link.email, None).await?;
        if links::count_open(&mut tx, LinkKind::SignUp).await? >= MAX_PENDING {
            return Err(Error::rate_limited(FULL_SECONDS));
        }
        let until = store.now().plus_seconds(SIGN_UP_SECONDS);
        links::insert(&mut tx, LinkKind::SignUp, &link, None, until).await?;
        jobs::enqueue(&mut tx, &PeopleMail::SignUp { link: link.id }, When::default()).await?;
        let details = json!({"defaultSignIn": asked.sign_in});
        let event = Event::success("sign-up.asked", ("email", link.email.as_str()), details);
        audit::record_in(&mut tx, actor, None, event).await?;
        Ok(tx.commit().await?)
    }

    /// The job behind [`Identity::ask_sign_up`].
    pub(crate) async fn send_sign_up(&self, id: &LinkId) -> Result<()> {
        let store = &self.0.store;
        let Some(link) = links::waiting(&mut store.reader(), id, store.now()).await? else { return Ok(()) };
        let email = &link.email;
        let bound = self.0.rules.discover(email).await?.sso_required;
        let is_known = users::find_by_email(&mut store.reader(), email).await?.is_some();
        let sign_in = self.address("/login");
        let mut tx = store.begin_always().await?;
        if bound {
            links::take(&mut tx, id).await?;
            SendMail::enqueue(&mut tx, None, &letters::sign_up_through_sso(email, &sign_in)).await?;
            return Ok(tx.commit().await?);
        }
        let token = random_token(&**store.random());
        if links::arm(&mut tx, id, &digest(token.expose())).await? {
            let address = self.address(&format!("/sign-up/{}", token.expose()));
            let mail = match is_known {
                true => letters::sign_up_known(email, &sign_in, &address),
                false => letters::sign_up(email, &address),
            };
            SendMail::enqueue_personal(&mut tx, None, &mail).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What a mailed link leads to, while it counts.
    ///
    /// # Errors
    /// `NotFound` where signing up is closed; `Validation` on `token` for a link that is used, replaced or expired.
    pub async fn open_sign_up(&self, token: &str) -> Result<OpenSignUp> {
        self.require_sign_up()?;
        let link = self.link(LinkKind::SignUp, token).await?;
        let is_known = users::find_by_email(&mut self.0.store.reader(), &link.email).await?.is_some();
        Ok(OpenSignUp { link, is_known })
    }

    /// Finishes a sign-up as somebody new: account, workspace, ownership. It is no sign-in: that follows. Another
    /// name for the workspace may be given, for the asked one may be taken.
    ///
    /// # Errors
    /// As [`Identity::open_sign_up`]; `Validation` for name or password; `Conflict` when there is an account by now,
    /// when the workspace's name is taken, and when single sign-on binds the address; `RateLimited` after many tries.
    pub async fn finish_sign_up(
        &self,
        actor: &Actor,
        token: &str,
        name: &str,
        password: Secret,
        workspace: Option<&str>,
    ) -> Result<SignedUp> {
        no_trial(actor)?;
        let open = self.open_sign_up(token).await?;
        if open.is_known {
            return Err(Error::conflict(
                "This address has an account. Sign in with it, then open the link again.",
            ));
        }
        if self.0.rules.discover(open.email()).await?.sso_required {
            return Err(Error::conflict(
                "Your company wants you to sign in through its identity provider: there is nothing to sign up for.",
            ));
        }
        let name = checked_display_name(name)?;
        let workspace = wanted_name(&open, workspace)?;
        self.0.sign_up_tries.require(open.link.id.as_str())?;
        let hash = self.0.passwords.hash_chosen(password, card(open.email(), &name)).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let of = self.use_up(&mut tx, actor, &open, &workspace).await?;
        let user = self.insert_user(&mut tx, actor, &of, open.email(), Some(&name)).await?;
        passwords::set(&mut tx, &user.id, &hash).await?;
        self.own(&mut tx, actor, &of, &user).await?;
        tx.commit().await?;
        Ok(SignedUp { workspace: of, name: workspace, user: user.id })
    }

    /// Makes the further workspace of the person who is signed in; the link must be for the same address.
    ///
    /// # Errors
    /// As [`Identity::finish_sign_up`]; `Authorization` with a recorded decision for somebody else.
    pub async fn accept_sign_up(
        &self,
        actor: &Actor,
        token: &str,
        workspace: Option<&str>,
    ) -> Result<SignedUp> {
        let open = self.open_sign_up(token).await?;
        let user = self.me(actor).await?;
        if user.email != *open.email() {
            let refusal = Refusal {
                action: "sign-up:accept",
                object: None,
                reasons: vec![Reason::failed(
                    "address",
                    "Somebody whose account has another address than the link tried to use it.",
                )],
            };
            let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
            let message = "This link is for another address than the one you are signed in with. Sign out, and open \
                 the link again.";
            return Err(Error::authorization(message).decided(decision));
        }
        let workspace = wanted_name(&open, workspace)?;
        self.0.sign_up_tries.require(open.link.id.as_str())?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let of = self.use_up(&mut tx, actor, &open, &workspace).await?;
        self.own(&mut tx, actor, &of, &user).await?;
        tx.commit().await?;
        Ok(SignedUp { workspace: of, name: workspace, user: user.id })
    }

    /// Uses the link up for a workspace.
    async fn use_up(&self, tx: &mut Tx, actor: &Actor, open: &OpenSignUp, name: &str) -> Result<WorkspaceId> {
        if !links::take(tx, &open.link.id).await? {
            return Err(gone());
        }
        let made = self.insert_workspace(tx, actor, name, false).await;
        Ok(made.map_err(|e| if e.kind() == Kind::Conflict { e.on_field(NAME_FIELD) } else { e })?.id)
    }

    async fn own(&self, tx: &mut Tx, actor: &Actor, workspace: &WorkspaceId, user: &User) -> Result<()> {
        self.add_member(tx, actor, workspace, user, Role::Owner, CreatedVia::SignUp).await?;
        let details = json!({"email": user.email});
        let event = Event::success("sign-up.finished", ("user", user.id.as_str()), details);
        Ok(audit::record_in(tx, actor, Some(workspace), event).await?)
    }
}

fn wanted_name(open: &OpenSignUp, given: Option<&str>) -> Result<String> {
    let name = given.unwrap_or_else(|| open.workspace());
    Ok(checked_name(name).map_err(|e| renamed(e, NAME_FIELD))?.to_owned())
}

//! Signing in, and up, with an account at Google or Microsoft. The account stands where the password would: the same rules
//! of single sign-on hold, and the same second step follows.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, Email, Error, Id, Kind, Result, Role, WorkspaceId};
use serde_json::json;

use crate::model::{CreatedVia, Membership, SocialIdentity, SocialProvider, User};
use crate::service::login::{LoggedIn, OwnWorkspace, SignIn};
use crate::service::own_password::no_trial;
use crate::service::people::{checked_display_name, checked_name};
use crate::service::sessions::NewSession;
use crate::store::{factors, social, users, workspaces};
use crate::{DefaultSignIn, Device, Identity};

/// The check that an account is one of somebody here.
const LINKED: &str = "linked account";

/// Whom a provider vouches for, as its verified token says.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// The provider.
    pub provider: SocialProvider,
    /// Its issuer, letter by letter.
    pub issuer: String,
    /// The subject there: with the issuer, the one name of the account.
    pub subject: String,
    /// The account's address, only when the provider proves that it is the account's.
    pub email: Option<Email>,
    /// What the provider calls the account: its address, proven or not. It decides nothing.
    pub label: Option<String>,
    /// The shown name.
    pub name: Option<String>,
    /// The checks that passed on the way here.
    pub checks: Vec<Reason>,
}

/// A sign-in with an account at a provider.
#[derive(Clone, Debug)]
pub struct ProviderSignIn {
    /// Who is vouched for.
    pub who: Vouched,
    /// The session cookie that this browser had; it ends.
    pub replaces: Option<String>,
    /// What it is done with.
    pub device: Device,
}

/// Why a provider's account opens nothing; told to administrators, never to the caller.
struct Refused<'a> {
    code: &'static str,
    check: &'static str,
    detail: String,
    workspace: Option<&'a WorkspaceId>,
}

impl<'a> Refused<'a> {
    fn new(code: &'static str, check: &'static str, detail: impl Into<String>) -> Self {
        Self { code, check, detail: detail.into(), workspace: None }
    }

    fn at(self, place: Option<&'a OwnWorkspace>) -> Self {
        Self { workspace: place.map(|w| &w.membership.workspace.id), ..self }
    }
}

/// Where a person stands who comes with an account at a provider.
struct Standing {
    user: User,
    own: Vec<OwnWorkspace>,
    at: Membership,
    /// Whether the account is linked by now, or its proven address links it.
    is_linked: bool,
}

impl Identity {
    /// Whether the operator has a client at a provider.
    pub fn offers(&self, provider: SocialProvider) -> bool {
        match provider {
            SocialProvider::Google => self.0.options.google,
            SocialProvider::Microsoft => self.0.options.microsoft,
        }
    }

    /// What the sign-in page offers first beside single sign-on to an address: what the workspace of its domain says. The
    /// same for known and unknown people of the domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn default_sign_in_of(&self, email: &Email) -> Result<DefaultSignIn> {
        match self.0.rules.discover(email).await?.workspace {
            Some(workspace) => Ok(workspaces::default_sign_in(&mut self.0.store.reader(), &workspace).await?),
            None => Ok(DefaultSignIn::Password),
        }
    }

    /// Signs in with an account at a provider. It is known by issuer and subject alone; an account that was never seen is
    /// linked to whoever has the address that the provider proves. Whoever must use single sign-on is refused, and
    /// whoever has a second step, or must have one, is asked for it next.
    ///
    /// # Errors
    /// `Authentication` with a recorded decision, in the same words for whatever reason; `RateLimited`.
    pub async fn login_by_provider(&self, actor: &Actor, with: ProviderSignIn) -> Result<SignIn> {
        no_trial(actor)?;
        match self.enter_by_provider(actor, &with).await {
            // linked at this very moment by another request: look again
            Err(e) if e.kind() == Kind::Conflict => self.enter_by_provider(actor, &with).await,
            outcome => outcome,
        }
    }

    async fn enter_by_provider(&self, actor: &Actor, with: &ProviderSignIn) -> Result<SignIn> {
        let who = &with.who;
        let Standing { user, own, at, is_linked } = match self.standing(actor, who).await? {
            Ok(found) => found,
            Err(refused) => return Err(refused),
        };
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        if !is_linked {
            self.link_account(&mut tx, actor, &at.workspace.id, &user, who).await?;
        } else if social::find(&mut tx, &who.issuer, &who.subject).await?.is_none_or(|l| l.user_id != user.id)
        {
            tx.rollback().await?;
            let refused = Refused::new("not_linked", LINKED, "It was unlinked at this very moment.");
            return Err(self.refuse_account(actor, who, refused).await?);
        }
        let kinds = self.factor_kinds(&mut tx, &user).await?;
        if !kinds.is_empty() || factors::required_in(&mut tx, &at.workspace.id).await? {
            let next = (kinds, who.provider.method());
            let pending = self.open_question(&mut tx, actor, &user, &at, next).await?;
            tx.commit().await?;
            return Ok(SignIn::SecondStep(pending));
        }
        let done = self.begin_with(&mut tx, actor, with, &user, &at).await?;
        tx.commit().await?;
        let (signed, device) = done;
        Ok(SignIn::Done(Box::new(LoggedIn { user, signed, workspaces: own, device })))
    }

    async fn begin_with(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        with: &ProviderSignIn,
        user: &User,
        at: &Membership,
    ) -> Result<(crate::Signed, Option<gatehouse_types::Secret>)> {
        if let Some(cookie) = &with.replaces {
            self.end_replaced(tx, actor, cookie).await?;
        }
        let new = NewSession::usual(&user.id, &at.workspace.id, at.role, with.who.provider.method());
        self.begin_by_oneself(tx, actor, user, new, &with.device).await
    }

    /// Whom an account signs in, and where; the refusal when nobody, or nowhere.
    async fn standing(&self, actor: &Actor, who: &Vouched) -> Result<Result<Standing, Error>> {
        let db = &mut self.0.store.reader();
        let known = social::find(db, &who.issuer, &who.subject).await?;
        let user = match (&known, &who.email) {
            (Some(linked), _) => users::find(db, &linked.user_id).await?,
            (None, Some(email)) => users::find_by_email(db, email).await?,
            (None, None) => None,
        };
        let name = who.provider.name();
        let Some(user) = user else {
            let refused = match &who.email {
                Some(_) => Refused::new(
                    "not_linked",
                    LINKED,
                    format!("No account here is linked to it, and none has the address that {name} proves."),
                ),
                None => Refused::new(
                    "address_unproven",
                    LINKED,
                    format!(
                        "No account here is linked to it, and {name} does not prove its address. Its person signs in \
                         another way once, and links it under “Your account”."
                    ),
                ),
            };
            return Ok(Err(self.refuse_account(actor, who, refused).await?));
        };
        let own = self.own_workspaces(&user).await?;
        if known.is_none() && social::of_user(db, &user.id).await?.iter().any(|l| l.provider == who.provider)
        {
            let detail = format!("The account with this address is linked to another account at {name}.");
            let refused = Refused::new("other_account_linked", LINKED, detail).at(own.first());
            return Ok(Err(self.refuse_account(actor, who, refused).await?));
        }
        let Some(at) = own.iter().find(|w| !w.sso_required).map(|w| w.membership.clone()) else {
            let refused = match own.first() {
                None => Refused::new("no_workspace", "membership", "The person is no member of any workspace."),
                place => Refused::new(
                    "sso_required",
                    "single sign-on",
                    "The account is linked or its address known, but single sign-on is mandatory for this person here.",
                )
                .at(place),
            };
            return Ok(Err(self.refuse_account(actor, who, refused).await?));
        };
        Ok(Ok(Standing { user, own, at, is_linked: known.is_some() }))
    }

    async fn refuse_account(&self, actor: &Actor, who: &Vouched, refused: Refused<'_>) -> Result<Error> {
        let mut checks = who.checks.clone();
        checks.push(Reason::failed(refused.check, refused.detail));
        let email = who.email.as_ref();
        self.refuse_by_provider(actor, who.provider, (refused.code, checks), refused.workspace, email).await
    }

    /// Records why a sign-in with an account at a provider was refused; the answer is the same for every reason.
    ///
    /// # Errors
    /// `RateLimited` when the network was refused very often: nobody fills the audit log from outside.
    pub async fn refuse_by_provider(
        &self,
        actor: &Actor,
        provider: SocialProvider,
        (code, checks): (&str, Vec<Reason>),
        workspace: Option<&WorkspaceId>,
        email: Option<&Email>,
    ) -> Result<Error> {
        self.0.refusals.require(&actor.origin.network())?;
        let mut tx = self.0.store.begin_always().await?;
        let refusal = Refusal {
            action: "session:start",
            object: Some(format!("sign-in-provider:{}", provider.as_str())),
            reasons: checks,
        };
        let decision = refuse_in(&mut tx, actor, workspace, refusal).await?;
        let details =
            json!({"method": provider.as_str(), "email": email, "reason": code, "decision": decision});
        let event = Event::failure("session.refused", Some(("decision", decision.as_str())), details);
        audit::record_in(&mut tx, actor, workspace, event).await?;
        tx.commit().await?;
        let name = provider.name();
        Ok(Error::authentication(format!(
            "This {name} account does not sign you in. Sign in another way, and link it under “Your account”; or give your \
             administrator the number below."
        ))
        .decided(decision))
    }

    /// Links an account in the caller's transaction, which holds the person; with its audit entry, and told by mail.
    pub(crate) async fn link_account(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
        who: &Vouched,
    ) -> Result<()> {
        let identity = SocialIdentity {
            issuer: who.issuer.clone(),
            subject: who.subject.clone(),
            provider: who.provider,
            user_id: user.id.clone(),
            email: who.label.clone(),
            created_at: self.0.store.now(),
            last_used_at: None,
        };
        let taken = "This account was linked at this very moment.";
        social::insert(tx, &identity).await.map_err(|e| e.or_conflict(taken))?;
        let details = json!({"provider": who.provider, "email": user.email, "account": who.label});
        let event = Event::success("sign-in-provider.linked", ("user", user.id.as_str()), details);
        audit::record_in(tx, actor, Some(workspace), event).await?;
        let name = who.provider.name();
        let account = who.label.as_deref().map(|l| format!(" {l}")).unwrap_or_default();
        let what =
            format!("The {name} account{account} was linked to your account. It signs you in from now on.");
        self.tell(tx, workspace, &user.email, &format!("A {name} account signs you in from now on"), &what)
            .await
    }

    /// Signs up with an account at a provider that proves its address: a person, a workspace, its ownership, a session.
    ///
    /// # Errors
    /// `NotFound` where signing up is closed; `Validation` for the workspace's name; `Conflict` when the address is not
    /// proven, has an account, or is bound by single sign-on, and when the name is taken.
    pub async fn sign_up_by_provider(
        &self,
        actor: &Actor,
        with: ProviderSignIn,
        workspace: &str,
    ) -> Result<LoggedIn> {
        self.require_sign_up()?;
        no_trial(actor)?;
        let (who, name) = (&with.who, with.who.provider.name());
        let workspace = checked_name(workspace)?.to_owned();
        let email = who.email.clone().ok_or_else(|| {
            Error::conflict(format!(
                "{name} does not prove the address of this account. Sign up by e-mail, and link the account afterwards."
            ))
        })?;
        let db = &mut self.0.store.reader();
        let known = social::find(db, &who.issuer, &who.subject).await?.is_some()
            || users::find_by_email(db, &email).await?.is_some();
        if known {
            return Err(Error::conflict("You have an account here already. Sign in with it."));
        }
        if self.0.rules.discover(&email).await?.sso_required {
            return Err(Error::conflict(
                "Your company wants you to sign in through its identity provider: there is nothing to sign up for.",
            ));
        }
        let shown = who.name.as_deref().and_then(|n| checked_display_name(n).ok());
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let made = self.insert_workspace(&mut tx, actor, &workspace, false).await?;
        let way = DefaultSignIn::from(who.provider);
        workspaces::set_default_sign_in(&mut tx, &made.id, way).await?;
        let user = self.insert_user(&mut tx, actor, &made.id, &email, shown.as_deref()).await?;
        self.add_member(&mut tx, actor, &made.id, &user, Role::Owner, CreatedVia::SignUp).await?;
        let details = json!({"email": user.email, "defaultSignIn": way});
        let event = Event::success("sign-up.finished", ("user", user.id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&made.id), event).await?;
        self.link_account(&mut tx, actor, &made.id, &user, who).await?;
        let at = Membership { workspace: made, role: Role::Owner };
        let (signed, device) = self.begin_with(&mut tx, actor, &with, &user, &at).await?;
        tx.commit().await?;
        let workspaces = vec![OwnWorkspace { membership: at, sso_required: false }];
        Ok(LoggedIn { user, signed, workspaces, device })
    }
}

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, AuthMethod, Email, Error, Id, Result, Secret, WorkspaceId};
use serde_json::json;

use crate::model::{Membership, User};
use crate::rules::{Candidate, SsoRule};
use crate::service::second_step::Pending;
use crate::service::sessions::{NewSession, wrong_credentials};
use crate::store::{devices, passwords, users, workspaces};
use crate::{Device, Identity, Signed};

/// What somebody offers to sign in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Secret,
    /// The workspace to begin in; `None`: the oldest one that allows it.
    pub workspace: Option<WorkspaceId>,
    /// The session cookie that this browser had; it ends.
    pub replaces: Option<String>,
    /// What it is done with.
    pub device: Device,
}

/// A workspace of the person who signed in.
#[derive(Clone, Debug)]
pub struct OwnWorkspace {
    /// The workspace and the role there.
    pub membership: Membership,
    /// Whether single sign-on must be used there.
    pub sso_required: bool,
}

/// A finished sign-in.
#[derive(Debug)]
pub struct LoggedIn {
    /// The person.
    pub user: User,
    /// The session.
    pub signed: Signed,
    /// All workspaces of the person.
    pub workspaces: Vec<OwnWorkspace>,
    /// The cookie that the browser is known by from now on; only for a browser.
    pub device: Option<Secret>,
}

/// What comes of the right password, or of a linked account at a provider.
#[derive(Debug)]
pub enum SignIn {
    /// The sign-in is finished.
    Done(Box<LoggedIn>),
    /// A second step is asked for.
    SecondStep(Pending),
}

/// Why a sign-in was refused; told to administrators, never to the caller.
pub(crate) enum Refused {
    WrongCredentials,
    /// A member of nothing, or not of the wanted workspace.
    NoWorkspace,
    SsoRequired,
}

impl Identity {
    /// Signs in with e-mail and password. Unknown people, wrong passwords and people who must use single sign-on get
    /// the same answer in the same time. Whoever has a second step, or must have one, is asked for it next.
    ///
    /// # Errors
    /// `RateLimited` after too many failures, else `Authentication` with a recorded decision.
    pub async fn login(&self, actor: &Actor, with: Credentials) -> Result<SignIn> {
        if actor.origin.dry_run.is_some() {
            // a trial would be a way to try passwords that leaves no trace
            return Err(Error::invalid_request("dryRun is not offered for signing in."));
        }
        self.0.throttle.take(&with.email, &actor.origin)?;
        let store = &self.0.store;
        let user = users::find_by_email(&mut store.reader(), &with.email).await?;
        let hash = match &user {
            Some(user) => passwords::hash_of(&mut store.reader(), &user.id).await?,
            None => None,
        };
        let right = self.0.passwords.verify(with.password.clone(), hash.clone()).await?;
        let Some((user, hash)) = user.zip(hash).filter(|_| right) else {
            return self.refuse_login(actor, &with, None, Refused::WrongCredentials).await;
        };
        let own = self.own_workspaces(&user).await?;
        let wanted = own.iter().find(|w| match &with.workspace {
            Some(id) => *id == w.membership.workspace.id,
            None => !w.sso_required,
        });
        match wanted.cloned() {
            Some(w) if !w.sso_required => {
                self.after_password(actor, with, user, own, w.membership, &hash).await
            }
            Some(_) => self.refuse_login(actor, &with, own.first(), Refused::SsoRequired).await,
            None if own.is_empty() || with.workspace.is_some() => {
                self.refuse_login(actor, &with, None, Refused::NoWorkspace).await
            }
            None => self.refuse_login(actor, &with, own.first(), Refused::SsoRequired).await,
        }
    }

    pub(crate) async fn finish_login(
        &self,
        actor: &Actor,
        with: Credentials,
        user: User,
        workspaces: Vec<OwnWorkspace>,
        at: Membership,
        hash: &str,
    ) -> Result<SignIn> {
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        // set anew while it was compared: a session now would outlive the end of all others
        if !passwords::is_still(&mut tx, &user.id, hash).await? {
            tx.rollback().await?;
            return self.refuse_login(actor, &with, None, Refused::WrongCredentials).await;
        }
        if let Some(cookie) = &with.replaces {
            self.end_replaced(&mut tx, actor, cookie).await?;
        }
        let new = NewSession::usual(&user.id, &at.workspace.id, at.role, AuthMethod::Password);
        let (signed, device) = self.begin_by_oneself(&mut tx, actor, &user, new, &with.device).await?;
        tx.commit().await?;
        self.0.throttle.give_back(&with.email, &actor.origin);
        Ok(SignIn::Done(Box::new(LoggedIn { user, signed, workspaces, device })))
    }

    pub(crate) async fn refuse_login(
        &self,
        actor: &Actor,
        with: &Credentials,
        place: Option<&OwnWorkspace>,
        why: Refused,
    ) -> Result<SignIn> {
        let (reason, detail) = match why {
            Refused::WrongCredentials => ("password", "No such person, or not this person's password."),
            Refused::NoWorkspace => {
                ("membership", "The person is no member of the wanted workspace, or of any.")
            }
            Refused::SsoRequired => (
                "single sign-on",
                "The password is right, but single sign-on is mandatory for this person here.",
            ),
        };
        let workspace = place.map(|w| &w.membership.workspace.id);
        let mut tx = self.0.store.begin_always().await?;
        let refusal = Refusal {
            action: "session:start",
            object: Some(format!("email:{}", with.email)),
            reasons: vec![Reason::failed(reason, detail)],
        };
        devices::count_failure(&mut tx, &with.email).await?;
        let decision = refuse_in(&mut tx, actor, workspace, refusal).await?;
        let details =
            json!({"method": "password", "email": with.email, "reason": reason, "decision": decision});
        let event = Event::failure("session.refused", Some(("decision", decision.as_str())), details);
        audit::record_in(&mut tx, actor, workspace, event).await?;
        tx.commit().await?;
        Err(wrong_credentials().decided(decision))
    }

    /// The workspaces of a person, each with whether single sign-on must be used there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_workspaces(&self, user: &User) -> Result<Vec<OwnWorkspace>> {
        let memberships = workspaces::memberships(&mut self.0.store.reader(), &user.id).await?;
        let mut own = Vec::with_capacity(memberships.len());
        for membership in memberships {
            let candidate = Candidate {
                workspace: &membership.workspace.id,
                user: &user.id,
                email: &user.email,
                role: membership.role,
                via: None,
            };
            let sso_required = self.0.rules.rule(candidate).await? != SsoRule::Open;
            own.push(OwnWorkspace { membership, sso_required });
        }
        Ok(own)
    }

    /// The acting person.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn me(&self, actor: &Actor) -> Result<User> {
        let user = users::find(&mut self.0.store.reader(), actor.user()?).await?;
        user.ok_or_else(|| Error::authentication("This account does not exist any more."))
    }
}

//! One's own password: changed with the current one, or set anew through a link sent by mail.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_store::jobs::{self, When};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{
    Actor, Email, Error, Id, Kind, Result, Secret, SessionId, Timestamp, UserId, WorkspaceId, digest,
    random_token,
};
use serde_json::json;

use crate::model::{EndReason, User};
use crate::service::letters::{self, Circumstances};
use crate::service::sessions::is_cookie_shaped;
use crate::store::links::{self, Link, LinkKind};
use crate::store::{challenges, passwords, sessions, users};
use crate::{Identity, PeopleMail, SendMail};

/// How long a reset link counts, in seconds (an hour).
pub(crate) const RESET_SECONDS: i64 = 3600;

/// Whether a person can sign in with a password, for the own account's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordUse {
    /// There is one, and some workspace takes it.
    Usable,
    /// There is none (or it was reported): one comes by a reset.
    Missing,
    /// Every workspace wants single sign-on.
    SsoOnly,
}

impl Identity {
    /// Whether the person signs in with a password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_use(&self, user: &User) -> Result<PasswordUse> {
        let own = self.own_workspaces(user).await?;
        if !own.is_empty() && own.iter().all(|w| w.sso_required) {
            return Ok(PasswordUse::SsoOnly);
        }
        let hash = passwords::hash_of(&mut self.0.store.reader(), &user.id).await?;
        Ok(if hash.is_some() { PasswordUse::Usable } else { PasswordUse::Missing })
    }

    /// Changes the acting person's password. Every other session ends, and a mail tells of it.
    ///
    /// # Errors
    /// `Validation` for a wrong current password or one that is too easy; `Conflict` without a password to change;
    /// `RateLimited` after too many tries, counted with those of signing in.
    pub async fn change_password(&self, actor: &Actor, current: Secret, new: Secret) -> Result<()> {
        no_trial(actor)?;
        let user = self.me(actor).await?;
        match self.password_use(&user).await? {
            PasswordUse::Usable => {}
            PasswordUse::Missing => {
                return Err(Error::conflict(
                    "You have no password. Ask for a link to set one on the sign-in page.",
                ));
            }
            PasswordUse::SsoOnly => {
                return Err(Error::conflict(
                    "You sign in through your company's identity provider: there is no password to change.",
                ));
            }
        }
        self.0.throttle.take(&user.email, &actor.origin)?;
        let hash = passwords::hash_of(&mut self.0.store.reader(), &user.id).await?;
        let same = current.expose() == new.expose();
        if !self.0.passwords.verify(current, hash.clone()).await? {
            return Err(self.wrong_current(actor, &user).await?);
        }
        self.0.throttle.give_back(&user.email, &actor.origin);
        if same {
            return Err(Error::validation("newPassword", "This is the password that you have."));
        }
        let new =
            self.0.passwords.hash_chosen(new, about(&user)).await.map_err(|e| renamed(e, "newPassword"))?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        self.still_signed_in(&mut tx, actor).await?;
        if !passwords::is_still(&mut tx, &user.id, &hash.unwrap_or_default()).await? {
            return Err(Error::conflict(
                "Your password was changed or reported at this moment. Sign in again.",
            ));
        }
        self.set_password(&mut tx, actor, &user, &new, "changed", Some(actor.session()?)).await?;
        Ok(tx.commit().await?)
    }

    async fn wrong_current(&self, actor: &Actor, user: &User) -> Result<Error> {
        let refusal = Refusal {
            action: "password:change",
            object: Some(format!("user:{}", user.id)),
            reasons: vec![Reason::failed(
                "current password",
                "The current password that was given is wrong.",
            )],
        };
        let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
        let mut tx = self.0.store.begin_always().await?;
        let details = json!({"reason": "current password", "decision": decision});
        let event = Event::failure("user.password-refused", Some(("user", user.id.as_str())), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(Error::validation("currentPassword", "This is not your current password.").decided(decision))
    }

    /// Sets a password with all that follows: the other sessions, open reset links and open
    /// questions for a second step end, a mail tells of it.
    pub(crate) async fn set_password(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        hash: &str,
        how: &'static str,
        but: Option<&SessionId>,
    ) -> Result<()> {
        users::hold(tx, &user.id).await?;
        passwords::set(tx, &user.id, hash).await?;
        challenges::void(tx, &user.id).await?;
        let home = self.home_of(tx, user).await?;
        let event = Event::success(
            "user.password-set",
            ("user", user.id.as_str()),
            json!({"email": user.email, "how": how}),
        );
        audit::record_in(tx, actor, home.as_ref(), event).await?;
        self.end_sessions(tx, actor, &user.id, None, but, EndReason::PasswordSet).await?;
        links::void(tx, LinkKind::Reset, &user.email, None).await?;
        let at = self.circumstances(actor);
        let mail = letters::password_set(&user.email, how, &at, &self.address("/reset"));
        SendMail::enqueue(tx, home.as_ref(), &mail).await?;
        Ok(())
    }

    /// Ends the live sessions of a person, in one workspace or in all, but one; each with its audit entry.
    pub(crate) async fn end_sessions(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &UserId,
        workspace: Option<&WorkspaceId>,
        but: Option<&SessionId>,
        reason: EndReason,
    ) -> Result<usize> {
        // whoever goes on in another workspace at this moment is waited for, and found
        users::hold(tx, user).await?;
        let live = sessions::live_ids(tx, user, workspace, self.0.store.now()).await?;
        let mut ended = 0;
        for (session, of) in live.iter().filter(|(id, _)| Some(id) != but) {
            let there = Actor { workspace_id: Some(of.clone()), ..actor.clone() };
            self.end_session(tx, &there, session, reason).await?;
            ended += 1;
        }
        Ok(ended)
    }

    /// The only workspace of a person: whose outbox and audit log tell of the account. `None` for several.
    pub(crate) async fn home_of<Q: Queries>(&self, db: &mut Q, user: &User) -> Result<Option<WorkspaceId>> {
        let mut own = crate::store::workspaces::memberships(db, &user.id).await?;
        Ok(if own.len() == 1 { own.pop().map(|m| m.workspace.id) } else { None })
    }

    pub(crate) fn circumstances(&self, actor: &Actor) -> Circumstances {
        Circumstances {
            when: gatehouse_web::When::from(self.0.store.now()).text,
            network: actor.origin.ip.map_or_else(|| "the machine itself".to_owned(), |ip| ip.to_string()),
            browser: crate::device::spoken(actor.origin.user_agent.as_deref()),
        }
    }

    /// A full address of ours.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.0.public_url.trim_end_matches('/'))
    }

    /// Asks for a reset link. The work is the same for known and unknown addresses: who it is, a job looks up.
    ///
    /// # Errors
    /// `RateLimited`, per address and network.
    pub async fn ask_reset(&self, actor: &Actor, email: &Email) -> Result<()> {
        no_trial(actor)?;
        self.0.mail_limits.take(email, &actor.origin)?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        jobs::enqueue(&mut tx, &PeopleMail::Reset { email: email.clone() }, When::default()).await?;
        let event = Event::success("user.password-reset-asked", ("email", email.as_str()), json!({}));
        audit::record_in(&mut tx, actor, None, event).await?;
        Ok(tx.commit().await?)
    }

    /// The job behind [`Identity::ask_reset`].
    pub(crate) async fn send_reset(&self, email: &Email) -> Result<()> {
        let user = users::find_by_email(&mut self.0.store.reader(), email).await?;
        let Some(user) = user else { return Ok(()) };
        let mut tx = self.0.store.begin_always().await?;
        let home = self.home_of(&mut tx, &user).await?;
        match self.password_use(&user).await? {
            PasswordUse::SsoOnly => {
                let mail = letters::reset_through_sso(email, &self.address("/login"));
                SendMail::enqueue(&mut tx, home.as_ref(), &mail).await?;
            }
            PasswordUse::Usable | PasswordUse::Missing => {
                links::void(&mut tx, LinkKind::Reset, email, None).await?;
                let token = self.new_link(&mut tx, LinkKind::Reset, &user, RESET_SECONDS).await?;
                let mail = letters::reset(email, &self.address(&format!("/reset/{}", token.expose())));
                SendMail::enqueue_personal(&mut tx, home.as_ref(), &mail).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Makes a link for a person; the token exists only in the answer.
    pub(crate) async fn new_link(
        &self,
        tx: &mut Tx,
        kind: LinkKind,
        user: &User,
        seconds: i64,
    ) -> Result<Secret> {
        let store = &self.0.store;
        let token = random_token(&**store.random());
        let link = Link {
            id: store.ids().make(),
            email: user.email.clone(),
            user_id: Some(user.id.clone()),
            workspace_name: None,
        };
        links::insert(tx, kind, &link, Some(&digest(token.expose())), store.now().plus_seconds(seconds))
            .await?;
        Ok(token)
    }

    /// The person a usable link is for.
    pub(crate) async fn person_of_link(&self, kind: LinkKind, token: &str) -> Result<(Link, User)> {
        let link = self.link(kind, token).await?;
        let db = &mut self.0.store.reader();
        let user = match &link.user_id {
            Some(id) => users::find(db, id).await?,
            None => None,
        };
        Ok((link, user.ok_or_else(gone)?))
    }

    pub(crate) async fn link(&self, kind: LinkKind, token: &str) -> Result<Link> {
        let now: Timestamp = self.0.store.now();
        let found = if is_cookie_shaped(token) {
            links::find(&mut self.0.store.reader(), kind, &digest(token), now).await?
        } else {
            None
        };
        found.ok_or_else(gone)
    }

    /// The address that a reset link is for, while the link counts.
    ///
    /// # Errors
    /// `Validation` on `token` for a link that is used, expired or replaced by a newer one.
    pub async fn reset_for(&self, token: &str) -> Result<Email> {
        Ok(self.person_of_link(LinkKind::Reset, token).await?.1.email)
    }

    /// Sets a new password through a link. All sessions end. It is no sign-in: that follows, with its second step.
    ///
    /// # Errors
    /// As [`Identity::reset_for`]; `Validation` on `password`; `Conflict` when single sign-on binds the person.
    pub async fn confirm_reset(&self, actor: &Actor, token: &str, password: Secret) -> Result<()> {
        no_trial(actor)?;
        let (link, user) = self.person_of_link(LinkKind::Reset, token).await?;
        if self.password_use(&user).await? == PasswordUse::SsoOnly {
            return Err(Error::conflict(
                "Your company wants you to sign in through its identity provider: there is no password to set.",
            ));
        }
        let hash = self.0.passwords.hash_chosen(password, about(&user)).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        if !links::take(&mut tx, &link.id).await? {
            return Err(gone());
        }
        self.set_password(&mut tx, actor, &user, &hash, "set anew through a link sent by mail", None).await?;
        Ok(tx.commit().await?)
    }
}

/// What a password must not be close to.
pub(crate) fn about(user: &User) -> Vec<String> {
    card(&user.email, &user.display_name)
}

pub(crate) fn card(email: &Email, name: &str) -> Vec<String> {
    let mut about = vec![email.to_string(), email.local_part().to_owned(), name.to_owned()];
    about.extend(name.split_whitespace().chain(email.local_part().split(['.', '-', '_'])).map(str::to_owned));
    about
}

pub(crate) fn gone() -> Error {
    Error::validation("token", "This link was used, has expired, or a newer one was sent. Ask for a new one.")
}

/// A trial would try secrets without a trace.
pub(crate) fn no_trial(actor: &Actor) -> Result<()> {
    if actor.origin.dry_run.is_some() {
        return Err(Error::invalid_request("dryRun is not offered here."));
    }
    Ok(())
}

pub(crate) fn renamed(e: Error, field: &'static str) -> Error {
    if e.kind() == Kind::Validation { e.on_field(field) } else { e }
}

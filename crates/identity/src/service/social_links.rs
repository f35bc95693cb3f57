//! A person's own accounts at Google and Microsoft: linking one while signed in, looking at them, unlinking one.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, Error, Id, Result};
use serde_json::json;

use crate::Identity;
use crate::model::{SocialIdentity, SocialProvider};
use crate::service::own_password::no_trial;
use crate::service::social::Vouched;
use crate::store::{passwords, social, users};

/// What is said to whoever came through a company's provider.
const BY_YOURSELF: &str = "You signed in through your company's identity provider. Sign in with your password to link an \
     account: it would sign you in to your other workspaces too.";

/// A provider, as it stands to a person.
#[derive(Clone, Debug)]
pub struct OwnProvider {
    /// The provider.
    pub provider: SocialProvider,
    /// Whether the operator has a client there.
    pub is_offered: bool,
    /// The person's account there.
    pub linked: Option<SocialIdentity>,
}

impl Identity {
    /// The acting person's accounts at providers, with those that could be linked.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn own_providers(&self, actor: &Actor) -> Result<Vec<OwnProvider>> {
        let own = social::of_user(&mut self.0.store.reader(), actor.user()?).await?;
        let of = |provider| OwnProvider {
            provider,
            is_offered: self.offers(provider),
            linked: own.iter().find(|l| l.provider == provider).cloned(),
        };
        Ok(SocialProvider::ALL.into_iter().map(of).collect())
    }

    /// Whether the acting person may begin to link an account.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not offered; `Authorization` without a fresh proof, and for a session that began
    /// through a connection; `Conflict` when an account of the provider is linked.
    pub async fn require_linking(&self, actor: &Actor, provider: SocialProvider) -> Result<()> {
        if !self.offers(provider) {
            return Err(Error::not_found("Sign-in provider"));
        }
        let session = self.still_signed_in(&mut self.0.store.reader(), actor).await?;
        if session.connection_id.is_some() {
            let refusal = Refusal {
                action: "sign-in-provider:link",
                object: Some(format!("user:{}", actor.user()?)),
                reasons: vec![Reason::failed(
                    "session",
                    "It began through a connection, whose provider speaks for the person in its own workspaces only. An \
                     account that is linked would sign in to all of them.",
                )],
            };
            let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
            return Err(Error::authorization(BY_YOURSELF).decided(decision));
        }
        self.require_proof(actor).await?;
        let own = social::of_user(&mut self.0.store.reader(), actor.user()?).await?;
        if own.iter().any(|l| l.provider == provider) {
            return Err(another(provider));
        }
        Ok(())
    }

    /// Links the account that a provider vouches for to the acting person, who proved to be it before.
    ///
    /// # Errors
    /// `Conflict` when the account is linked to somebody, or the person has another one of the provider;
    /// `Authentication` when the session has ended.
    pub async fn link_provider(&self, actor: &Actor, who: &Vouched) -> Result<()> {
        no_trial(actor)?;
        let user = self.me(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        if self.still_signed_in(&mut tx, actor).await?.connection_id.is_some() {
            return Err(Error::conflict(BY_YOURSELF));
        }
        match social::find(&mut tx, &who.issuer, &who.subject).await? {
            Some(linked) if linked.user_id == user.id => return Ok(tx.rollback().await?),
            Some(_) => {
                let name = who.provider.name();
                return Err(Error::conflict(format!(
                    "This {name} account is linked to another account here."
                )));
            }
            None => {}
        }
        if social::of_user(&mut tx, &user.id).await?.iter().any(|l| l.provider == who.provider) {
            return Err(another(who.provider));
        }
        self.link_account(&mut tx, actor, actor.workspace()?, &user, who).await?;
        Ok(tx.commit().await?)
    }

    /// Unlinks the acting person's account at a provider. It signs nobody in from this moment on.
    ///
    /// # Errors
    /// `NotFound` when none is linked; `Authorization` without a fresh proof; `Conflict` when no way to sign in would be
    /// left.
    pub async fn unlink_provider(&self, actor: &Actor, provider: SocialProvider) -> Result<()> {
        let user = self.me(actor).await?;
        let own = social::of_user(&mut self.0.store.reader(), &user.id).await?;
        if !own.iter().any(|l| l.provider == provider) {
            return Err(Error::not_found("Linked account"));
        }
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let others = social::of_user(&mut tx, &user.id).await?.iter().any(|l| l.provider != provider);
        let has_password = passwords::hash_of(&mut tx, &user.id).await?.is_some();
        if !others && !has_password && self.0.rules.linked(&user.id, 1).await?.is_empty() {
            return Err(Error::conflict(
                "You could not sign in any more. Set a password first: ask for a link to do so on the sign-in page.",
            ));
        }
        if !social::delete(&mut tx, &user.id, provider).await? {
            return Err(Error::not_found("Linked account"));
        }
        let details = json!({"provider": provider, "email": user.email});
        let event = Event::success("sign-in-provider.unlinked", ("user", user.id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        let name = provider.name();
        let what = format!("Your {name} account was unlinked. It does not sign you in any more.");
        let subject = format!("A {name} account does not sign you in any more");
        self.tell(&mut tx, actor.workspace()?, &user.email, &subject, &what).await?;
        Ok(tx.commit().await?)
    }
}

fn another(provider: SocialProvider) -> Error {
    let name = provider.name();
    Error::conflict(format!("You have linked a {name} account already. Unlink it first."))
}

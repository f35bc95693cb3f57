//! Whether a sign-in is like those before it. One that is not is told by mail, with a link that says "it was not me".

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::jobs::{self, When};
use gatehouse_types::{Actor, Email, Id, Result, Secret, UserId, digest, random_token};
use serde_json::json;

use crate::device;
use crate::model::{EndReason, SocialProvider, User};
use crate::service::letters::{self, Unusual};
use crate::service::own_password::{gone, no_trial};
use crate::service::sessions::{NewSession, is_cookie_shaped};
use crate::store::devices::{self, Mark};
use crate::store::links::{self, LinkKind};
use crate::store::{challenges, passwords, social, users, workspaces};
use crate::{Identity, PeopleMail, SendMail, Signed};

/// How long a browser keeps the cookie that it is known by, in seconds: as long as we know it.
pub const DEVICE_SECONDS: i64 = devices::KNOWN_SECONDS;
/// How long a link that says "it was not me" counts, in seconds (7 days).
const NOT_ME_SECONDS: i64 = 7 * 86_400;
/// So many refused tries before a success are told.
const MANY_FAILURES: i64 = 10;

/// What somebody signs in with.
#[derive(Clone, Debug)]
pub enum Device {
    /// A program: it is known by its network and its name alone, for few of them keep cookies.
    Program,
    /// A browser, with the cookie that it was given at an earlier sign-in.
    Browser(Option<String>),
}

impl Identity {
    /// Begins the session of a right password, or of a linked account at a provider, in the caller's transaction. Learns the device; a sign-in that is not
    /// like those before it is recorded and told by mail. With it comes the cookie that a browser is known by next.
    pub(crate) async fn begin_by_oneself(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        new: NewSession<'_>,
        with: &Device,
    ) -> Result<(Signed, Option<Secret>)> {
        let before = devices::signed_in_before(tx, &user.id).await?;
        match SocialProvider::of_method(new.method) {
            Some(provider) => social::touch(tx, &user.id, provider).await?,
            None => passwords::touch(tx, &user.id).await?,
        }
        let signed = self.start_session(tx, actor, new).await?;
        let place = device::place(&actor.origin);
        let cookie = match with {
            Device::Browser(Some(value)) if is_cookie_shaped(value) => Some(value),
            _ => None,
        };
        let by_cookie = match cookie {
            Some(value) => devices::is_known(tx, &user.id, Mark::Cookie(&digest(value))).await?,
            None => false,
        };
        let is_known = by_cookie || devices::is_known(tx, &user.id, Mark::Place(&place)).await?;
        devices::learn(tx, &user.id, Mark::Place(&place)).await?;
        let next = match with {
            Device::Program => None,
            // a value that the person did not get from us may be somebody else's
            Device::Browser(_) => Some(match cookie.filter(|_| by_cookie) {
                Some(value) => Secret::new(value.clone()),
                None => random_token(&**self.0.store.random()),
            }),
        };
        if let Some(value) = &next {
            devices::learn(tx, &user.id, Mark::Cookie(&digest(value.expose()))).await?;
        }
        let failures = devices::take_failures(tx, &user.email).await?;
        let unusual = Unusual { is_new: !is_known, failures: Some(failures).filter(|n| *n >= MANY_FAILURES) };
        if before && (unusual.is_new || unusual.failures.is_some()) {
            self.tell_unusual(tx, &signed, user, unusual).await?;
        }
        Ok((signed, next))
    }

    /// Records and tells a sign-in that is not like those before it; a person gets few such mails at once.
    async fn tell_unusual(&self, tx: &mut Tx, signed: &Signed, user: &User, unusual: Unusual) -> Result<()> {
        let details =
            json!({"email": user.email, "newDevice": unusual.is_new, "failuresBefore": unusual.failures});
        let event = Event::success("session.unusual", ("session", signed.session.id.as_str()), details);
        audit::record(tx, &signed.actor, event).await?;
        if self.0.unusual_mails.check(user.id.as_str()).is_err() {
            return Ok(());
        }
        let token = self.new_link(tx, LinkKind::NotMe, user, NOT_ME_SECONDS).await?;
        let link = self.address(&format!("/not-me/{}", token.expose()));
        let mail = letters::unusual(&user.email, unusual, &self.circumstances(&signed.actor), &link);
        let home = self.home_of(tx, user).await?;
        SendMail::enqueue_personal(tx, home.as_ref(), &mail).await.map(drop)
    }

    /// Learns where a person signed in through an identity provider, in the caller's transaction. Nothing is told:
    /// what is unusual there is the provider's matter.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn learn_place(&self, tx: &mut Tx, actor: &Actor, user: &UserId) -> Result<()> {
        Ok(devices::learn(tx, user, Mark::Place(&device::place(&actor.origin))).await?)
    }

    /// The address whose sign-in a link can report, while the link counts.
    ///
    /// # Errors
    /// `Validation` on `token` for a link that is used or expired.
    pub async fn not_me_for(&self, token: &str) -> Result<Email> {
        Ok(self.person_of_link(LinkKind::NotMe, token).await?.1.email)
    }

    /// "It was not me": all sessions end, the password counts no more, accounts at providers are unlinked, devices are
    /// forgotten, and a mail brings a link to set a new password. Every workspace of the person sees it in its audit log.
    ///
    /// # Errors
    /// As [`Identity::not_me_for`].
    pub async fn report_sign_in(&self, actor: &Actor, token: &str) -> Result<()> {
        no_trial(actor)?;
        let (link, user) = self.person_of_link(LinkKind::NotMe, token).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        if !links::take(&mut tx, &link.id).await? {
            return Err(gone());
        }
        links::void(&mut tx, LinkKind::NotMe, &user.email, None).await?;
        passwords::block(&mut tx, &user.id).await?;
        let unlinked = social::delete_all(&mut tx, &user.id).await?;
        challenges::void(&mut tx, &user.id).await?;
        devices::forget(&mut tx, &user.id).await?;
        for membership in workspaces::memberships(&mut tx, &user.id).await? {
            let mut details = json!({"email": user.email});
            if unlinked > 0 {
                details["unlinkedProviders"] = json!(unlinked);
            }
            let event = Event::success("session.reported", ("user", user.id.as_str()), details);
            audit::record_in(&mut tx, actor, Some(&membership.workspace.id), event).await?;
        }
        self.end_sessions(&mut tx, actor, &user.id, None, None, EndReason::Reported).await?;
        jobs::enqueue(&mut tx, &PeopleMail::Reset { email: user.email }, When::default()).await?;
        Ok(tx.commit().await?)
    }
}

//! The second step of a sign-in by password or with an account at a provider: asked for after that first step, answered in
//! the same browser.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, AuthMethod, DecisionId, Error, Id, Result, Secret, random_token};
use serde_json::json;

use crate::model::{Factor, FactorKind, Membership, SocialProvider, User};
use crate::passkey::Assertion;
use crate::service::factors::code_digest;
use crate::service::login::{LoggedIn, OwnWorkspace, Refused, SignIn};
use crate::service::sessions::{NewSession, is_cookie_shaped};
use crate::store::challenges::{self, Challenge, Purpose};
use crate::store::{factors, passwords, users};
use crate::totp::{self, TotpOffer};
use crate::{Credentials, Device, Identity};

/// How long the question for a second step stays open, in seconds (5 minutes).
pub const CHALLENGE_SECONDS: i64 = 300;
/// Answers to one question; then the password is asked for again.
pub const MAX_ANSWERS: i64 = 5;

/// An open question for a second step; both secrets exist only here.
#[derive(Debug)]
pub struct Pending {
    /// Names the question.
    pub challenge: Secret,
    /// Stays in the browser that was asked, as a cookie.
    pub browser: Secret,
    /// What may answer it. Empty: an authenticator app must be set up first, because the workspace demands it.
    pub factors: Vec<FactorKind>,
}

/// Which question is answered, and from which browser.
#[derive(Clone, Debug)]
pub struct Asked {
    /// [`Pending::challenge`].
    pub challenge: Secret,
    /// [`Pending::browser`], from the cookie.
    pub browser: Secret,
}

/// The answer to a question for a second step.
#[derive(Clone, Debug)]
pub enum SecondStep {
    /// A code of the authenticator app.
    Code(Secret),
    /// A code on paper.
    RecoveryCode(Secret),
    /// A passkey.
    Passkey(Box<Assertion>),
}

impl SecondStep {
    const fn kind(&self) -> FactorKind {
        match self {
            Self::Code(_) => FactorKind::Totp,
            Self::RecoveryCode(_) => FactorKind::RecoveryCode,
            Self::Passkey(_) => FactorKind::Passkey,
        }
    }
}

/// A sign-in whose second step was right.
#[derive(Debug)]
pub struct SecondStepDone {
    /// The sign-in.
    pub logged_in: LoggedIn,
    /// The codes on paper, when an authenticator app was set up on the way.
    pub recovery_codes: Vec<Secret>,
}

/// What came of looking at an answer.
enum Judged {
    Right(Right),
    Wrong(&'static str),
}

/// What a right answer brings.
#[derive(Default)]
struct Right {
    recovery_codes: Vec<Secret>,
    is_synced: bool,
}

impl Identity {
    /// Opens the question after a right password.
    pub(crate) async fn ask_second_step(
        &self,
        actor: &Actor,
        with: &Credentials,
        user: &User,
        at: &Membership,
        factors: Vec<FactorKind>,
        hash: &str,
    ) -> Result<SignIn> {
        let mut tx = self.0.store.begin_always().await?;
        users::hold(&mut tx, &user.id).await?;
        if !passwords::is_still(&mut tx, &user.id, hash).await? {
            tx.rollback().await?;
            return self.refuse_login(actor, with, None, Refused::WrongCredentials).await;
        }
        let pending = self.open_question(&mut tx, actor, user, at, (factors, AuthMethod::Password)).await?;
        tx.commit().await?;
        Ok(SignIn::SecondStep(pending))
    }

    /// Opens the question in the caller's transaction, for what may answer it, after a first step.
    pub(crate) async fn open_question(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        at: &Membership,
        (factors, first_step): (Vec<FactorKind>, AuthMethod),
    ) -> Result<Pending> {
        let store = &self.0.store;
        let pending = Pending {
            challenge: random_token(&**store.random()),
            browser: random_token(&**store.random()),
            factors,
        };
        let purpose = if pending.factors.is_empty() { Purpose::Enrol } else { Purpose::SignIn };
        let challenge = Challenge {
            id: store.ids().make(),
            purpose,
            user_id: user.id.clone(),
            workspace_id: at.workspace.id.clone(),
            attempts: 0,
            first_step,
            state: None,
        };
        let expires_at = store.now().plus_seconds(CHALLENGE_SECONDS);
        let (token, browser) = (pending.challenge.expose(), pending.browser.expose());
        challenges::insert(tx, &challenge, token, browser, expires_at).await?;
        let details = json!({"email": user.email, "method": first_step, "factors": pending.factors,
            "enrol": purpose == Purpose::Enrol});
        let event = Event::success("session.second-step-asked", ("user", user.id.as_str()), details);
        audit::record_in(tx, actor, Some(&at.workspace.id), event).await?;
        Ok(pending)
    }

    /// What may answer an open question, oldest habit first; `None` when there is no such question here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_step_factors(&self, asked: &Asked) -> Result<Option<Vec<FactorKind>>> {
        let mut tx = self.0.store.begin_always().await?;
        let Ok((challenge, user)) = self.question(&mut tx, asked).await else { return Ok(None) };
        let kinds = match challenge.purpose {
            Purpose::Enrol => Vec::new(),
            _ => self.factor_kinds(&mut tx, &user).await?,
        };
        tx.rollback().await?;
        Ok(Some(kinds))
    }

    /// The open question, while it may be answered, and whom it asks.
    pub(crate) async fn question(&self, tx: &mut Tx, asked: &Asked) -> Result<(Challenge, User)> {
        let (token, browser) = (asked.challenge.expose(), asked.browser.expose());
        let whose = match is_cookie_shaped(token) && is_cookie_shaped(browser) {
            true => challenges::whose(tx, token, browser).await?,
            false => None,
        };
        users::hold(tx, &whose.ok_or_else(gone)?).await?;
        let challenge = challenges::open(tx, token, browser).await?.ok_or_else(gone)?;
        let user = self.user(tx, &challenge.user_id).await?.ok_or_else(gone)?;
        Ok((challenge, user))
    }

    /// What an authenticator app needs to know, where one must be set up on the way in. The same each time it is asked.
    ///
    /// # Errors
    /// `Authentication` when there is no such question in this browser.
    pub async fn second_step_enrolment(&self, asked: &Asked) -> Result<TotpOffer> {
        let mut tx = self.0.store.begin_always().await?;
        let (challenge, user) = self.question(&mut tx, asked).await?;
        if challenge.purpose != Purpose::Enrol {
            return Err(Error::conflict("There is a second step already. Answer with it."));
        }
        let secret = match challenge.state {
            Some(secret) => secret,
            None => {
                let secret = totp::new_secret(&**self.0.store.random());
                challenges::set_state(&mut tx, &challenge.id, &secret).await?;
                secret
            }
        };
        tx.commit().await?;
        totp::offer(&secret, user.email.as_str())
    }

    /// Finishes a sign-in with its second step.
    ///
    /// # Errors
    /// `Authentication` for a wrong answer (with a recorded decision), and when there is no such question in this
    /// browser; `RateLimited` after too many wrong answers of the account.
    pub async fn finish_second_step(
        &self,
        actor: &Actor,
        asked: &Asked,
        answer: SecondStep,
        replaces: Option<String>,
        device: Device,
    ) -> Result<SecondStepDone> {
        if actor.origin.dry_run.is_some() {
            return Err(Error::invalid_request("dryRun is not offered for signing in."));
        }
        if let SecondStep::Passkey(passkey) = &answer {
            passkey.check()?;
        }
        let mut tx = self.0.store.begin_always().await?;
        let (challenge, user) = self.question(&mut tx, asked).await?;
        self.0.second_steps.require(user.id.as_str())?;
        challenges::count(&mut tx, &challenge.id).await?;
        let kind = answer.kind();
        match self.judge(&mut tx, actor, &challenge, &user, answer).await? {
            Judged::Wrong(why) => {
                Err(self.refuse_second_step(tx, actor, &challenge, &user, kind, why).await?)
            }
            Judged::Right(Right { recovery_codes, is_synced }) => {
                challenges::close(&mut tx, &challenge.id).await?;
                let (at, workspaces) = self.still_welcome(&user, &challenge).await?;
                if let Some(cookie) = &replaces {
                    self.end_replaced(&mut tx, actor, cookie).await?;
                }
                let usual = NewSession::usual(&user.id, &at.workspace.id, at.role, challenge.first_step);
                let new = NewSession { second_step: Some(kind), is_synced, ..usual };
                let (signed, device) = self.begin_by_oneself(&mut tx, actor, &user, new, &device).await?;
                tx.commit().await?;
                self.0.throttle.give_back(&user.email, &actor.origin);
                self.0.second_steps.give_back(user.id.as_str());
                let logged_in = LoggedIn { user, signed, workspaces, device };
                Ok(SecondStepDone { logged_in, recovery_codes })
            }
        }
    }

    /// The workspace that the sign-in leads to, if it still takes this person by password.
    async fn still_welcome(
        &self,
        user: &User,
        challenge: &Challenge,
    ) -> Result<(Membership, Vec<OwnWorkspace>)> {
        let own = self.own_workspaces(user).await?;
        let at = own.iter().find(|w| w.membership.workspace.id == challenge.workspace_id && !w.sso_required);
        let at = at.map(|w| w.membership.clone()).ok_or_else(gone)?;
        Ok((at, own))
    }

    async fn judge(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        challenge: &Challenge,
        user: &User,
        answer: SecondStep,
    ) -> Result<Judged> {
        const USED: &str = "It is not right at this time, or was used already.";
        match (challenge.purpose, answer) {
            (Purpose::Enrol, SecondStep::Code(code)) => {
                self.enrol_on_the_way(tx, actor, challenge, user, &code).await
            }
            (Purpose::SignIn, SecondStep::Code(code)) => {
                let right = self.check_totp(tx, user, &code).await?.is_some();
                Ok(if right { Judged::Right(Right::default()) } else { Judged::Wrong(USED) })
            }
            (Purpose::SignIn, SecondStep::RecoveryCode(code)) => {
                let Some(digest) = code_digest(user, &code) else { return Ok(Judged::Wrong(USED)) };
                if !factors::use_recovery_code(tx, &user.id, &digest).await? {
                    return Ok(Judged::Wrong(USED));
                }
                self.recovery_code_used(tx, actor, challenge, user).await?;
                Ok(Judged::Right(Right::default()))
            }
            (Purpose::SignIn, SecondStep::Passkey(passkey)) => {
                // right or wrong, what was asked is answered
                challenges::forget_state(tx, &challenge.id).await?;
                let checked = self.check_passkey(tx, actor, challenge, user, &passkey).await?;
                let right = |is_synced| Judged::Right(Right { is_synced, ..Right::default() });
                Ok(checked.map_or_else(Judged::Wrong, right))
            }
            _ => Ok(Judged::Wrong("The question is not for this kind of answer.")),
        }
    }

    async fn recovery_code_used(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        challenge: &Challenge,
        user: &User,
    ) -> Result<()> {
        let left = factors::recovery_codes_left(tx, &user.id).await?;
        let event = Event::success("recovery-code.used", ("user", user.id.as_str()), json!({"left": left}));
        audit::record_in(tx, actor, Some(&challenge.workspace_id), event).await?;
        let what = format!("Somebody signed in to your account with a recovery code. {left} are left.");
        self.tell(tx, &challenge.workspace_id, &user.email, "A recovery code was used", &what).await
    }

    /// The first code of an app that was set up on the way in.
    async fn enrol_on_the_way(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        challenge: &Challenge,
        user: &User,
        code: &Secret,
    ) -> Result<Judged> {
        let Some(secret) = &challenge.state else {
            return Ok(Judged::Wrong("No authenticator app was set up for this question yet."));
        };
        let Some(step) = totp::step_of(secret, code, self.0.store.now().seconds())? else {
            return Ok(Judged::Wrong("It is not the code that the new app shows."));
        };
        let begun = factors::locked(tx, &user.id, FactorKind::Totp).await?;
        if !self.factor_kinds(tx, user).await?.is_empty() {
            return Ok(Judged::Wrong("Another second step was set up meanwhile."));
        }
        for (old, _) in begun {
            factors::delete(tx, &user.id, &old.id).await?;
        }
        let made = self.new_factor(user, FactorKind::Totp, "Authenticator app");
        let now = Some(self.0.store.now());
        let factor = Factor { confirmed: true, counter: step, last_used_at: now, ..made };
        factors::insert(tx, &factor, &format!("totp:{}", user.id), secret).await?;
        let codes = self.enrolled(tx, actor, &challenge.workspace_id, user, &factor).await?;
        Ok(Judged::Right(Right { recovery_codes: codes, is_synced: false }))
    }

    /// Records a wrong answer; after too many of them the question is closed and the person is told.
    async fn refuse_second_step(
        &self,
        mut tx: Tx,
        actor: &Actor,
        challenge: &Challenge,
        user: &User,
        kind: FactorKind,
        why: &'static str,
    ) -> Result<Error> {
        let workspace = Some(&challenge.workspace_id);
        let refusal = Refusal {
            action: "session:start",
            object: Some(format!("email:{}", user.email)),
            reasons: vec![
                match SocialProvider::of_method(challenge.first_step) {
                    Some(provider) => Reason::passed(
                        "linked account",
                        format!("{} vouches for the person.", provider.name()),
                    ),
                    None => Reason::passed("password", "The password is right."),
                },
                Reason::failed(kind.as_str(), why),
            ],
        };
        let decision: DecisionId = refuse_in(&mut tx, actor, workspace, refusal).await?;
        let details = json!({
            "method": challenge.first_step, "email": user.email, "secondStep": kind, "reason": kind, "decision": decision,
        });
        let event = Event::failure("session.refused", Some(("decision", decision.as_str())), details);
        audit::record_in(&mut tx, actor, workspace, event).await?;
        let is_last = challenge.attempts + 1 >= MAX_ANSWERS;
        if is_last {
            challenges::close(&mut tx, &challenge.id).await?;
            let (what, subject) = match SocialProvider::of_method(challenge.first_step) {
                None => (
                    "Somebody gave your password, and then failed at the second step several times."
                        .to_owned(),
                    "Somebody who knows your password failed at the second step".to_owned(),
                ),
                Some(p) => (
                    format!(
                        "Somebody signed in with your {} account, and then failed at the second step several times.",
                        p.name()
                    ),
                    format!("Somebody with your {} account failed at the second step", p.name()),
                ),
            };
            self.tell(&mut tx, &challenge.workspace_id, &user.email, &subject, &what).await?;
        }
        tx.commit().await?;
        let message = if is_last {
            "This was not right too often. Sign in again."
        } else {
            "This is not right, or was used already. Try again."
        };
        Ok(Error::authentication(message).decided(decision))
    }

    /// After a right password: the session, or the question for the second step.
    pub(crate) async fn after_password(
        &self,
        actor: &Actor,
        with: Credentials,
        user: User,
        own: Vec<OwnWorkspace>,
        at: Membership,
        hash: &str,
    ) -> Result<SignIn> {
        let db = &mut self.0.store.reader();
        let kinds = self.factor_kinds(db, &user).await?;
        if kinds.is_empty() && !factors::required_in(db, &at.workspace.id).await? {
            return self.finish_login(actor, with, user, own, at, hash).await;
        }
        self.ask_second_step(actor, &with, &user, &at, kinds, hash).await
    }
}

fn gone() -> Error {
    Error::authentication(
        "The time for the second step is over, or it was begun in another browser. Sign in again.",
    )
}

//! A person's own second steps: setting up, listing, taking away.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_store::mails::NewMail;
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Email, Error, FactorId, Id, Principal, Result, Secret, WorkspaceId, digest};
use serde_json::json;

use crate::model::{Factor, FactorKind, User};
use crate::passkey::Assertion;
use crate::store::{factors, passwords, sessions, users, workspaces};
use crate::totp::{self, TotpOffer};
use crate::{Identity, SendMail};

/// How long a proof of being it counts for changes of one's second steps, in seconds (10 minutes).
pub const PROOF_SECONDS: i64 = 600;
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;

/// A person's second steps.
#[derive(Clone, Debug)]
pub struct OwnFactors {
    /// Those that count, oldest first.
    pub factors: Vec<Factor>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
    /// Whether changes may be made without a new proof.
    pub is_proven: bool,
}

/// A second step just set up.
#[derive(Debug)]
pub struct Enrolled {
    /// It.
    pub factor: Factor,
    /// With the first one: the codes on paper, shown this once.
    pub recovery_codes: Vec<Secret>,
}

/// What proves that the person still sits there.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password.
    Password(Secret),
    /// A code of the authenticator app.
    Code(Secret),
    /// A passkey, asked for by [`Identity::proof_passkey`].
    Passkey {
        /// The id of that ceremony.
        challenge: Secret,
        /// What the browser gave.
        passkey: Box<Assertion>,
    },
}

/// The one of one's own second steps that has this id and is set up; another's answers like none.
pub(crate) fn confirmed_one<'a>(own: &'a [Factor], id: &str) -> Result<&'a Factor> {
    let found = own.iter().find(|f| f.id.as_str() == id && f.confirmed);
    found.ok_or_else(|| Error::not_found("Second step"))
}

impl Identity {
    /// The acting person's second steps.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn own_factors(&self, actor: &Actor) -> Result<OwnFactors> {
        let (db, user) = (&mut self.0.store.reader(), actor.user()?);
        let mut own = factors::of_user(db, user).await?;
        own.retain(|f| f.confirmed);
        Ok(OwnFactors {
            factors: own,
            recovery_codes_left: factors::recovery_codes_left(db, user).await?,
            is_proven: self.is_proven(actor).await?,
        })
    }

    async fn is_proven(&self, actor: &Actor) -> Result<bool> {
        let now = self.0.store.now();
        let live = sessions::live_by_id(&mut self.0.store.reader(), actor.session()?, now).await?;
        let proven_at = live.and_then(|l| l.session.proven_at);
        Ok(proven_at.is_some_and(|at| at.plus_seconds(PROOF_SECONDS) > now))
    }

    /// A change of one's own second steps wants a fresh proof of being it.
    pub(crate) async fn require_proof(&self, actor: &Actor) -> Result<()> {
        if self.is_proven(actor).await? {
            return Ok(());
        }
        let refusal = Refusal {
            action: "factors:change",
            object: Some(format!("user:{}", actor.user()?)),
            reasons: vec![Reason::failed(
                "fresh proof",
                "The session is older than 10 minutes. The password or a code must be given again.",
            )],
        };
        let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
        Err(Error::authorization(
            "Confirm that it is you first, with your password or a code (POST /api/v1/me/reauthenticate).",
        )
        .decided(decision))
    }

    /// Proves anew that it is the person; counts for [`PROOF_SECONDS`].
    ///
    /// # Errors
    /// `RateLimited` after too many failures; `Authentication` with a decision for a wrong proof.
    pub async fn reauthenticate(&self, actor: &Actor, proof: Proof) -> Result<()> {
        if actor.origin.dry_run.is_some() {
            return Err(Error::invalid_request("dryRun is not offered for proving who one is."));
        }
        if let Proof::Passkey { passkey, .. } = &proof {
            passkey.check()?;
        }
        let user = self.me(actor).await?;
        let session = actor.session()?;
        self.0.second_steps.require(user.id.as_str())?;
        let known = match &proof {
            Proof::Password(given) => {
                let hash = passwords::hash_of(&mut self.0.store.reader(), &user.id).await?;
                self.0.passwords.verify(given.clone(), hash).await?
            }
            Proof::Code(_) | Proof::Passkey { .. } => false,
        };
        let mut tx = self.0.store.begin_always().await?;
        let mut why = "It is not this person's, or was used already.";
        let (method, right) = match &proof {
            Proof::Password(_) => ("password", known),
            Proof::Code(code) => ("totp", self.check_totp(&mut tx, &user, code).await?.is_some()),
            Proof::Passkey { challenge, passkey } => {
                let checked = self.prove_with_passkey(&mut tx, actor, &user, challenge, passkey).await?;
                why = checked.err().unwrap_or(why);
                ("passkey", checked.is_ok())
            }
        };
        if right {
            sessions::prove(&mut tx, session).await?;
            let event =
                Event::success("session.proven", ("session", session.as_str()), json!({"method": method}));
            audit::record(&mut tx, actor, event).await?;
            tx.commit().await?;
            self.0.second_steps.give_back(user.id.as_str());
            return Ok(());
        }
        let refusal = Refusal {
            action: "session:prove",
            object: Some(format!("session:{session}")),
            reasons: vec![Reason::failed(method, why)],
        };
        let workspace = actor.workspace_id.as_ref();
        let decision = gatehouse_store::decisions::refuse_in(&mut tx, actor, workspace, refusal).await?;
        let details = json!({"method": method, "decision": decision});
        let event = Event::failure("session.not-proven", Some(("session", session.as_str())), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Err(Error::authentication("This is not right. Try again.").decided(decision))
    }

    /// Whether the code is right now and was not used before; then it is used up.
    pub(crate) async fn check_totp(&self, tx: &mut Tx, user: &User, code: &Secret) -> Result<Option<Factor>> {
        let now = self.0.store.now().seconds();
        let found = factors::locked(tx, &user.id, FactorKind::Totp).await?;
        let Some((factor, secret)) = found.into_iter().find(|(f, _)| f.confirmed) else { return Ok(None) };
        let Some(step) = totp::step_of(&secret, code, now)? else { return Ok(None) };
        Ok(factors::advance(tx, &factor.id, step).await?.then_some(factor))
    }

    /// Begins to set up an authenticator app; it counts once a code of it was shown.
    ///
    /// # Errors
    /// `Authorization` without a fresh proof; `Conflict` when there is one.
    pub async fn begin_totp(&self, actor: &Actor) -> Result<TotpOffer> {
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        for (old, _) in factors::locked(&mut tx, &user.id, FactorKind::Totp).await? {
            if old.confirmed {
                return Err(Error::conflict("There is an authenticator app already. Take it away first."));
            }
            factors::delete(&mut tx, &user.id, &old.id).await?;
        }
        let secret = totp::new_secret(&**self.0.store.random());
        let factor = self.new_factor(&user, FactorKind::Totp, "Authenticator app");
        factors::insert(&mut tx, &factor, &format!("totp:{}", user.id), &secret).await?;
        let details = json!({"kind": factor.kind});
        let event = Event::success("factor.begun", ("factor", factor.id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        totp::offer(&secret, user.email.as_str())
    }

    pub(crate) fn new_factor(&self, user: &User, kind: FactorKind, name: &str) -> Factor {
        Factor {
            id: self.0.store.ids().make(),
            user_id: user.id.clone(),
            kind,
            name: name.to_owned(),
            counter: 0,
            confirmed: false,
            created_at: self.0.store.now(),
            last_used_at: None,
        }
    }

    /// Finishes setting up the authenticator app, with a code that it shows.
    ///
    /// # Errors
    /// `NotFound` when none was begun; `Validation` for a wrong code; `Authorization` without a fresh proof.
    pub async fn confirm_totp(&self, actor: &Actor, code: &Secret) -> Result<Enrolled> {
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        self.0.second_steps.require(user.id.as_str())?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let begun = factors::locked(&mut tx, &user.id, FactorKind::Totp).await?;
        let (factor, secret) = begun
            .into_iter()
            .find(|(f, _)| !f.confirmed)
            .ok_or_else(|| Error::not_found("Authenticator app in preparation"))?;
        let step = totp::step_of(&secret, code, self.0.store.now().seconds())?;
        let wrong =
            || Error::validation("code", "This code is not right. Enter the one that the app shows now.");
        let step = step.ok_or_else(wrong)?;
        factors::advance(&mut tx, &factor.id, step).await?;
        let recovery_codes = self.enrolled(&mut tx, actor, actor.workspace()?, &user, &factor).await?;
        tx.commit().await?;
        self.0.second_steps.give_back(user.id.as_str());
        Ok(Enrolled { factor: Factor { confirmed: true, ..factor }, recovery_codes })
    }

    /// Records a factor that counts from now on, tells the person, and makes recovery codes with the first one.
    pub(crate) async fn enrolled(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
        factor: &Factor,
    ) -> Result<Vec<Secret>> {
        let details = json!({"kind": factor.kind, "name": factor.name});
        let event = Event::success("factor.added", ("factor", factor.id.as_str()), details);
        audit::record_in(tx, actor, Some(workspace), event).await?;
        let what = format!("{} was added as a second step of your sign-in.", words(factor));
        self.tell(tx, workspace, &user.email, "A second step was added to your account", &what).await?;
        if factors::recovery_codes_left(tx, &user.id).await? > 0 {
            return Ok(Vec::new());
        }
        self.make_recovery_codes(tx, actor, workspace, user).await
    }

    async fn make_recovery_codes(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
    ) -> Result<Vec<Secret>> {
        let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| new_code(&**self.0.store.random())).collect();
        let digests: Vec<String> = codes.iter().filter_map(|c| code_digest(user, c)).collect();
        factors::set_recovery_codes(tx, &user.id, &digests).await?;
        let event =
            Event::success("recovery-codes.made", ("user", user.id.as_str()), json!({"count": codes.len()}));
        audit::record_in(tx, actor, Some(workspace), event).await?;
        Ok(codes)
    }

    /// New recovery codes; the old ones stop.
    ///
    /// # Errors
    /// `Authorization` without a fresh proof; `Conflict` without any second step.
    pub async fn renew_recovery_codes(&self, actor: &Actor) -> Result<Vec<Secret>> {
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        if !factors::of_user(&mut tx, &user.id).await?.iter().any(|f| f.confirmed) {
            return Err(Error::conflict("Recovery codes come with a second step. Set one up first."));
        }
        let workspace = actor.workspace()?;
        let codes = self.make_recovery_codes(&mut tx, actor, workspace, &user).await?;
        let what = "New recovery codes were made for your account. The old ones stopped working.";
        self.tell(&mut tx, workspace, &user.email, "New recovery codes for your account", what).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Takes one of one's own second steps away. With the last one the recovery codes go too.
    ///
    /// # Errors
    /// `NotFound` for an id that is not one's own; `Authorization` without a fresh proof; `Conflict` for the last one
    /// where a workspace demands one.
    pub async fn remove_factor(&self, actor: &Actor, id: &FactorId) -> Result<()> {
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let own = factors::of_user(&mut tx, &user.id).await?;
        let factor = confirmed_one(&own, id.as_str())?;
        let is_last = own.iter().filter(|f| f.confirmed).count() == 1;
        if is_last && factors::required_of(&mut tx, &user.id).await? {
            return Err(Error::conflict(
                "A workspace of yours demands a second step. Set up another one before you take the last one away.",
            ));
        }
        if is_last {
            factors::delete_all(&mut tx, &user.id).await?;
        } else {
            factors::delete(&mut tx, &user.id, id).await?;
        }
        let details = json!({"kind": factor.kind, "name": factor.name});
        audit::record(&mut tx, actor, Event::success("factor.removed", ("factor", id.as_str()), details))
            .await?;
        let what = format!("{} was taken away from the second steps of your sign-in.", words(factor));
        let subject = "A second step was taken away from your account";
        self.tell(&mut tx, actor.workspace()?, &user.email, subject, &what).await?;
        Ok(tx.commit().await?)
    }

    /// Takes all second steps of a member away, at the machine's console; returns how many there were.
    ///
    /// # Errors
    /// `Authorization` for anyone but the machine; `NotFound` for a workspace or member that does not exist.
    pub async fn reset_factors(&self, actor: &Actor, workspace: &str, email: &Email) -> Result<u64> {
        if actor.principal != Principal::System {
            return Err(Error::authorization("This is done at the console of the machine."));
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let workspace = workspaces::find_by_name(&mut tx, workspace).await?;
        let workspace = workspace.ok_or_else(|| Error::not_found("Workspace"))?;
        let user = users::find_by_email(&mut tx, email).await?.ok_or_else(|| Error::not_found("Member"))?;
        let role = workspaces::role_of(&mut tx, &workspace.id, &user.id).await?;
        role.ok_or_else(|| Error::not_found("Member"))?;
        users::hold(&mut tx, &user.id).await?;
        let count = factors::delete_all(&mut tx, &user.id).await?;
        let details = json!({"email": user.email, "count": count});
        let event = Event::success("factors.reset", ("user", user.id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&workspace.id), event).await?;
        let what =
            "The operator of the server took all second steps and recovery codes of your account away.";
        let subject = "The second steps of your account were reset";
        self.tell(&mut tx, &workspace.id, &user.email, subject, what).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// A mail to the person about the own account.
    pub(crate) async fn tell(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        to: &Email,
        subject: &str,
        what: &str,
    ) -> Result<()> {
        let body = format!(
            "{what}\n\nWhen: {}\n\nIf this was not you, change your password and tell the owners of your workspace.\n",
            self.0.store.now()
        );
        let mail = NewMail { to: to.clone(), subject: subject.to_owned(), body: Secret::new(body) };
        SendMail::enqueue(tx, Some(workspace), &mail).await.map(drop)
    }

    /// Whether the person has a second step that counts.
    pub(crate) async fn factor_kinds<Q: Queries>(&self, db: &mut Q, user: &User) -> Result<Vec<FactorKind>> {
        let own = factors::of_user(db, &user.id).await?;
        let mut kinds: Vec<FactorKind> = own.iter().filter(|f| f.confirmed).map(|f| f.kind).collect();
        kinds.sort();
        kinds.dedup();
        if !kinds.is_empty() && factors::recovery_codes_left(db, &user.id).await? > 0 {
            kinds.push(FactorKind::RecoveryCode);
        }
        Ok(kinds)
    }
}

fn words(factor: &Factor) -> &'static str {
    match factor.kind {
        FactorKind::Totp => "An authenticator app",
        FactorKind::RecoveryCode => "A recovery code",
        FactorKind::Passkey => "A passkey",
    }
}

/// Letters and digits that are not mistaken for each other (Crockford's Base32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The symbols of a recovery code; 5 bits each make 80, too many to guess and to search.
const CODE_SYMBOLS: usize = 16;

fn new_code(random: &dyn gatehouse_types::Random) -> Secret {
    let mut bytes = zeroize::Zeroizing::new([0u8; CODE_SYMBOLS]);
    random.fill(&mut *bytes);
    let symbols: Vec<char> = bytes.iter().map(|b| ALPHABET[usize::from(b & 31)] as char).collect();
    let groups: Vec<String> = symbols.chunks(4).map(|c| c.iter().collect()).collect();
    Secret::new(groups.join("-"))
}

/// The stored form of a code as somebody types it; `None` for what cannot be one.
pub(crate) fn code_digest(user: &User, code: &Secret) -> Option<String> {
    let typed = code.expose();
    if typed.len() > 64 {
        return None;
    }
    let plain = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let symbols: zeroize::Zeroizing<String> =
        typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(plain).collect::<String>().into();
    (symbols.len() == CODE_SYMBOLS).then(|| digest(&format!("recovery:{}:{}", user.id, *symbols)))
}

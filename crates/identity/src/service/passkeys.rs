//! A person's passkeys: made, asked for, judged.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, AuthMethod, Error, FactorId, Id, Result, Secret, WorkspaceId, digest, random_token,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::model::{Factor, FactorKind, User};
use crate::passkey::{Assertion, NewCredential, Passkey, RelyingParty, Unfit};
use crate::service::factors::confirmed_one;
use crate::service::sessions::is_cookie_shaped;
use crate::store::challenges::{self, Challenge, Purpose};
use crate::store::{factors, users};
use crate::{Asked, CHALLENGE_SECONDS, Enrolled, Identity};

/// How many passkeys a person may have.
pub const MAX_PASSKEYS: usize = 10;
/// The longest name of a passkey, in characters.
pub const MAX_FACTOR_NAME: usize = 100;

/// What a browser is asked for, in a session.
#[derive(Debug)]
pub struct Ceremony {
    /// Names it, once, for [`CHALLENGE_SECONDS`].
    pub id: Secret,
    /// `publicKey` of `navigator.credentials.create()` or `.get()`, as JSON (WebAuthn Level 3 §5.1).
    pub options: Value,
}

impl Identity {
    /// Whether browsers have passkeys at the public URL: https with a host name, or `localhost`.
    pub fn offers_passkeys(&self) -> bool {
        self.0.relying_party.is_some()
    }

    fn relying_party(&self) -> Result<&RelyingParty> {
        self.0.relying_party.as_ref().ok_or_else(|| {
            Error::conflict(format!(
                "Passkeys need a public URL with https and a host name, or localhost; this server's is {}.",
                self.0.public_url
            ))
        })
    }

    /// Begins to make a passkey. Beginning again in the session voids what was begun before.
    ///
    /// # Errors
    /// `Authorization` without a fresh proof; `Conflict` with [`MAX_PASSKEYS`], or where the public URL has none.
    pub async fn begin_passkey(&self, actor: &Actor) -> Result<Ceremony> {
        let party = self.relying_party()?;
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let own: Vec<Passkey> = passkeys(&mut tx, &user).await?.into_iter().map(|(_, p)| p).collect();
        not_too_many(own.len())?;
        let shown = if user.display_name.is_empty() { user.email.as_str() } else { &user.display_name };
        let (options, state) = party.begin(&**self.0.store.random(), (user.email.as_str(), shown), &own)?;
        let id = self.ask_in_session(&mut tx, actor, &user, Purpose::Register, state).await?;
        let details = json!({"kind": FactorKind::Passkey});
        audit::record(&mut tx, actor, Event::success("factor.begun", ("user", user.id.as_str()), details))
            .await?;
        tx.commit().await?;
        Ok(Ceremony { id, options })
    }

    /// Opens a question in the acting session, in the place of an earlier one for the same.
    async fn ask_in_session(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        purpose: Purpose,
        state: Zeroizing<Vec<u8>>,
    ) -> Result<Secret> {
        let (store, session) = (&self.0.store, actor.session()?.as_str());
        let token = random_token(&**store.random());
        let challenge = Challenge {
            id: store.ids().make(),
            purpose,
            user_id: user.id.clone(),
            workspace_id: actor.workspace()?.clone(),
            attempts: 0,
            first_step: AuthMethod::Password,
            state: Some(state),
        };
        challenges::forget(tx, purpose, &user.id, session).await?;
        let expires_at = store.now().plus_seconds(CHALLENGE_SECONDS);
        challenges::insert(tx, &challenge, token.expose(), session, expires_at).await?;
        Ok(token)
    }

    /// The question that was opened in the acting session; answered, it is closed.
    async fn asked_in_session(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        purpose: Purpose,
        token: &Secret,
    ) -> Result<Option<Challenge>> {
        if !is_cookie_shaped(token.expose()) {
            return Ok(None);
        }
        let session = actor.session()?.as_str();
        let found = challenges::open_in_session(tx, purpose, token.expose(), session).await?;
        if let Some(challenge) = &found {
            challenges::close(tx, &challenge.id).await?;
        }
        Ok(found)
    }

    /// Finishes making a passkey, with what the browser made.
    ///
    /// # Errors
    /// `NotFound` when none was begun in this session; `Validation` for a name or credential that does not fit;
    /// `Conflict` for a credential that is there already; `Authorization` without a fresh proof.
    pub async fn confirm_passkey(
        &self,
        actor: &Actor,
        ceremony: &Secret,
        name: &str,
        given: &NewCredential,
    ) -> Result<Enrolled> {
        let name = checked_factor_name(name)?;
        given.check()?;
        let party = self.relying_party()?;
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let asked = self.asked_in_session(&mut tx, actor, Purpose::Register, ceremony).await?;
        let state = asked.and_then(|c| c.state).ok_or_else(|| Error::not_found("Passkey in preparation"))?;
        let made = match party.finish(&state, given)? {
            Ok(made) => made,
            Err(unfit) => {
                tx.commit().await?;
                let why = match unfit {
                    Unfit::Because(why) => why,
                    Unfit::Clone => "It was used already.",
                };
                return Err(Error::validation("credential", format!("This passkey is not taken. {why}")));
            }
        };
        not_too_many(passkeys(&mut tx, &user).await?.len())?;
        let uniqueness = format!("passkey:{}", digest(&made.id()));
        if factors::is_taken(&mut tx, &uniqueness).await? {
            return Err(Error::conflict("This passkey is set up already. Use another one."));
        }
        let begun = self.new_factor(&user, FactorKind::Passkey, &name);
        let factor = Factor { confirmed: true, counter: made.counter(), ..begun };
        factors::insert(&mut tx, &factor, &uniqueness, &made.to_bytes()?).await?;
        let recovery_codes = self.enrolled(&mut tx, actor, actor.workspace()?, &user, &factor).await?;
        tx.commit().await?;
        Ok(Enrolled { factor, recovery_codes })
    }

    /// Gives a second step another name.
    ///
    /// # Errors
    /// `NotFound` for an id that is not one's own; `Validation` for the name; `Authorization` without a fresh proof.
    pub async fn rename_factor(&self, actor: &Actor, id: &FactorId, name: &str) -> Result<Factor> {
        let name = checked_factor_name(name)?;
        let user = self.me(actor).await?;
        self.require_proof(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let own = factors::of_user(&mut tx, &user.id).await?;
        let factor = confirmed_one(&own, id.as_str())?;
        factors::rename(&mut tx, id, &name).await?;
        let details = json!({"kind": factor.kind, "from": factor.name, "to": name});
        audit::record(&mut tx, actor, Event::success("factor.renamed", ("factor", id.as_str()), details))
            .await?;
        tx.commit().await?;
        Ok(Factor { name, ..factor.clone() })
    }

    /// What a browser needs to answer an open question of a sign-in with a passkey. Asking again voids what was asked.
    ///
    /// # Errors
    /// `Authentication` when there is no such question in this browser; `Conflict` when the person has no passkey, or
    /// where the public URL has none.
    pub async fn second_step_passkey(&self, asked: &Asked) -> Result<Value> {
        let mut tx = self.0.store.begin_always().await?;
        let (challenge, user) = self.question(&mut tx, asked).await?;
        let own = passkeys(&mut tx, &user).await?;
        if challenge.purpose != Purpose::SignIn || own.is_empty() {
            return Err(Error::conflict("There is no passkey to answer with."));
        }
        let (options, state) = self.relying_party()?.ask(&with_counters(own))?;
        challenges::set_state(&mut tx, &challenge.id, &state).await?;
        tx.commit().await?;
        Ok(options)
    }

    /// What a browser needs to prove with a passkey who sits there.
    ///
    /// # Errors
    /// As [`Identity::second_step_passkey`].
    pub async fn proof_passkey(&self, actor: &Actor) -> Result<Ceremony> {
        let user = self.me(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::hold(&mut tx, &user.id).await?;
        let own = passkeys(&mut tx, &user).await?;
        if own.is_empty() {
            return Err(Error::conflict("There is no passkey to answer with."));
        }
        let (options, state) = self.relying_party()?.ask(&with_counters(own))?;
        let id = self.ask_in_session(&mut tx, actor, &user, Purpose::Prove, state).await?;
        tx.commit().await?;
        Ok(Ceremony { id, options })
    }

    /// The passkey that answers what was asked in the acting session, or why it does not.
    pub(crate) async fn prove_with_passkey(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        challenge: &Secret,
        given: &Assertion,
    ) -> Result<Result<bool, &'static str>> {
        users::hold(tx, &user.id).await?;
        let asked = self.asked_in_session(tx, actor, Purpose::Prove, challenge).await?;
        let Some(asked) = asked else {
            return Ok(Err("No passkey was asked for in this session, or too long ago."));
        };
        self.check_passkey(tx, actor, &asked, user, given).await
    }

    /// Judges a passkey against what was asked, and notes its use. Says whether it is a synced one, or why it is not
    /// taken. What was asked must be void from then on: the caller sees to it.
    pub(crate) async fn check_passkey(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        asked: &Challenge,
        user: &User,
        given: &Assertion,
    ) -> Result<Result<bool, &'static str>> {
        let Some(state) = &asked.state else { return Ok(Err("No passkey was asked for.")) };
        let own = passkeys(tx, user).await?;
        let Some((factor, passkey)) = own.into_iter().find(|(_, p)| given.names(p)) else {
            return Ok(Err("It is none of this person's passkeys."));
        };
        if !given.is_of(passkey.handle) {
            return Ok(Err("The authenticator names another account."));
        }
        match self.relying_party()?.judge(state, given)? {
            Ok(used) if factors::use_key(tx, &factor.id, used.counter).await? => Ok(Ok(used.is_synced)),
            Err(Unfit::Because(why)) => Ok(Err(why)),
            Ok(_) | Err(Unfit::Clone) => {
                self.clone_suspected(tx, actor, &asked.workspace_id, user, &factor).await?;
                Ok(Err("Its counter did not go on: there may be a copy of it."))
            }
        }
    }

    async fn clone_suspected(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
        factor: &Factor,
    ) -> Result<()> {
        let details = json!({"name": factor.name, "email": user.email});
        let event = Event::failure("passkey.clone-suspected", Some(("factor", factor.id.as_str())), details);
        audit::record_in(tx, actor, Some(workspace), event).await?;
        let what = format!(
            "Your passkey \"{}\" was refused: its counter did not go on, so there may be a copy of it. Take it away, \
             and set a new one up.",
            factor.name
        );
        self.tell(tx, workspace, &user.email, "A passkey of your account may have been copied", &what).await
    }
}

/// The person's passkeys, oldest first; held against other writers.
async fn passkeys(tx: &mut Tx, user: &User) -> Result<Vec<(Factor, Passkey)>> {
    let found = factors::locked(tx, &user.id, FactorKind::Passkey).await?;
    found.into_iter().map(|(factor, secret)| Ok((factor, Passkey::from_bytes(&secret)?))).collect()
}

fn with_counters(own: Vec<(Factor, Passkey)>) -> Vec<(Passkey, i64)> {
    own.into_iter().map(|(factor, passkey)| (passkey, factor.counter)).collect()
}

fn not_too_many(count: usize) -> Result<()> {
    if count >= MAX_PASSKEYS {
        return Err(Error::conflict(format!(
            "You have {MAX_PASSKEYS} passkeys, and no more are possible. Take one away first."
        )));
    }
    Ok(())
}

fn checked_factor_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_FACTOR_NAME || name.chars().any(char::is_control) {
        return Err(Error::validation(
            "name",
            format!("The name must have 1 to {MAX_FACTOR_NAME} characters."),
        ));
    }
    Ok(name.to_owned())
}

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{
    Actor, AuthMethod, ConnectionId, Error, Id, Principal, Result, Role, SessionId, Timestamp, UserId,
    WorkspaceId, digest, random_token,
};
use serde_json::json;

use crate::model::{EndReason, FactorKind, Session};
use crate::store::{keys, sessions, workspaces};
use crate::tokens::{NewToken, TOKEN_SECONDS};
use crate::{Bearer, Identity, Signed};

/// How long a session lasts at most, in seconds (12 hours).
pub const SESSION_SECONDS: i64 = 12 * 3600;

/// A session about to begin.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// Where.
    pub workspace: &'a WorkspaceId,
    /// The role there.
    pub role: Role,
    /// How.
    pub method: AuthMethod,
    /// Through which connection.
    pub connection: Option<&'a ConnectionId>,
    /// With which second step.
    pub second_step: Option<FactorKind>,
    /// Whether that was a passkey that its provider may copy between devices.
    pub is_synced: bool,
    /// Since when the person is known to be it; `None`: since now.
    pub proven_at: Option<Timestamp>,
    /// How long at most, in seconds; never longer than [`SESSION_SECONDS`] for a browser.
    pub seconds: i64,
    /// How long the first bearer token lasts, in seconds; `None` for a browser, whose cookie is enough.
    pub token_seconds: Option<i64>,
}

impl<'a> NewSession<'a> {
    /// A session of the usual length.
    pub fn usual(user: &'a UserId, workspace: &'a WorkspaceId, role: Role, method: AuthMethod) -> Self {
        Self {
            user,
            workspace,
            role,
            method,
            connection: None,
            second_step: None,
            is_synced: false,
            proven_at: None,
            seconds: SESSION_SECONDS,
            token_seconds: Some(TOKEN_SECONDS),
        }
    }
}

impl Identity {
    /// Begins a session in the caller's transaction, with its audit entry. The cookie's value exists only in the
    /// answer; the database keeps its digest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start_session(&self, tx: &mut Tx, actor: &Actor, new: NewSession<'_>) -> Result<Signed> {
        let store = &self.0.store;
        let now = store.now();
        let cookie = random_token(&**store.random());
        let session = Session {
            id: store.ids().make(),
            workspace_id: new.workspace.clone(),
            user_id: new.user.clone(),
            method: new.method,
            connection_id: new.connection.cloned(),
            second_step: new.second_step,
            is_synced: new.is_synced,
            proven_at: Some(new.proven_at.unwrap_or(now)),
            ip: actor.origin.ip.map(|ip| ip.to_string()),
            user_agent: actor.origin.user_agent.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(new.seconds),
        };
        sessions::insert(tx, &session, Some(&digest(cookie.expose())));
        let me = Actor {
            principal: Principal::User {
                user_id: new.user.clone(),
                session_id: session.id.clone(),
                role: new.role,
                method: new.method,
                since: now,
            },
            workspace_id: Some(new.workspace.clone()),
            origin: actor.origin.clone(),
        };
        let details = json!({
            "method": new.method.as_str(), "connectionId": new.connection, "secondStep": new.second_step,
        });
        audit::record(tx, &me, Event::success("session.started", ("session", session.id.as_str()), details))
            .await?;
        let bearer = match new.token_seconds {
            Some(seconds) => Some(self.bearer(tx, &session, new.role, seconds)?),
            None => None,
        };
        Ok(Signed { session, cookie, bearer, actor: me })
    }

    /// A bearer token of a session.
    fn bearer(&self, tx: &mut Tx, session: &Session, role: Role, seconds: i64) -> Result<Bearer> {
        if let Some(key) = self.0.tokens.signing_key() {
            keys::touch(tx, &key);
        }
        let (access_token, expires_in) = self.0.tokens.issue(NewToken {
            user: &session.user_id,
            session: &session.id,
            amr: methods(session),
            workspace: &session.workspace_id,
            role: role.as_str(),
            seconds,
            session_ends: session.expires_at,
        })?;
        Ok(Bearer { access_token, expires_in })
    }

    /// The actor's own session, if it has not ended meanwhile. Under the hold of its person the answer stays true until
    /// the end of the transaction.
    pub(crate) async fn still_signed_in<Q: Queries>(&self, db: &mut Q, actor: &Actor) -> Result<Session> {
        let live = sessions::live_by_id(db, actor.session()?, self.0.store.now()).await?;
        let ended = || Error::authentication("The session has ended. Sign in again.");
        Ok(live.ok_or_else(ended)?.session)
    }

    /// Ends the session of a cookie that a new sign-in replaces, in the caller's transaction. A value that is no
    /// live session's is passed over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_replaced(&self, tx: &mut Tx, actor: &Actor, cookie: &str) -> Result<()> {
        let now = self.0.store.now();
        if let Some(live) = sessions::live_by_token(tx, &digest(cookie), now).await? {
            let mut there = actor.clone();
            there.workspace_id = Some(live.session.workspace_id);
            self.end_session(tx, &there, &live.session.id, EndReason::Replaced).await?;
        }
        Ok(())
    }

    /// Ends the actor's own session: its cookie and its tokens stop at once. The answer is the path on this host that
    /// signs out at the identity provider too, when the session began at one with single logout.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn sign_out(&self, actor: &Actor) -> Result<Option<String>> {
        let session = actor.session()?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        self.end_session(&mut tx, actor, session, EndReason::SignedOut).await?;
        let onwards = self.0.rules.signing_out(&mut tx, session).await?;
        tx.commit().await?;
        Ok(onwards)
    }

    /// Ends a session at its identity provider's word, in the caller's transaction; says whether it was alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_for_provider(&self, tx: &mut Tx, actor: &Actor, session: &SessionId) -> Result<bool> {
        let Some(live) = sessions::live_by_id(tx, session, self.0.store.now()).await? else {
            return Ok(false);
        };
        let mut there = actor.clone();
        there.workspace_id = Some(live.session.workspace_id);
        self.end_session(tx, &there, session, EndReason::ProviderSignedOut).await?;
        Ok(true)
    }

    /// Ends a session in the caller's transaction, with its audit entry.
    pub(crate) async fn end_session(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        session: &SessionId,
        reason: EndReason,
    ) -> Result<()> {
        if sessions::end(tx, session, reason).await? {
            let event = Event::success(
                "session.ended",
                ("session", session.as_str()),
                json!({"reason": reason.as_str()}),
            );
            audit::record(tx, actor, event).await?;
        }
        Ok(())
    }

    /// The live sessions of the acting person in this workspace, newest first.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<Session>> {
        let (workspace, user) = (actor.workspace()?, actor.user()?);
        Ok(sessions::of_user(&mut self.0.store.reader(), workspace, user, self.0.store.now()).await?)
    }

    /// What the person is in the workspace, if a member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn role_in<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<Role>> {
        Ok(workspaces::role_of(db, workspace, user).await?)
    }
}

/// How the session was begun, in the names of RFC 8176.
fn methods(session: &Session) -> Vec<&'static str> {
    let first = match session.method {
        AuthMethod::Password => Some("pwd"),
        _ => None,
    };
    let second = session.second_step.map(|kind| match kind {
        FactorKind::Totp | FactorKind::RecoveryCode => "otp",
        // a key that may be copied is not bound to hardware
        FactorKind::Passkey if session.is_synced => "swk",
        FactorKind::Passkey => "hwk",
    });
    let both = second.map(|_| "mfa");
    [first, second, both].into_iter().flatten().collect()
}

/// The refusal that every failed sign-in gets, whatever the reason.
pub(crate) fn wrong_credentials() -> Error {
    Error::authentication("The e-mail address or the password is wrong.")
}

/// Whether a cookie's value can be one of ours at all.
pub(crate) fn is_cookie_shaped(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

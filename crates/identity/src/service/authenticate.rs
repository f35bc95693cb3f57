use gatehouse_types::{
    Actor, ApiAppId, ApiKeyId, Origin, Principal, Result, Role, Timestamp, UserId, WorkspaceId, digest,
};

use crate::service::sessions::is_cookie_shaped;
use crate::store::sessions::{self, Live};
use crate::store::workspaces;
use crate::tokens::{Claims, KeyClaims};
use crate::{Bearer, Identity};

/// A session's last use is noted when it is older than this, in seconds.
const TOUCH_SECONDS: i64 = 60;

impl Identity {
    /// Who carries this session cookie, if it is alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_cookie(&self, origin: Origin, value: &str) -> Result<Option<Actor>> {
        if !is_cookie_shaped(value) {
            return Ok(None);
        }
        let now = self.0.store.now();
        let live = sessions::live_by_token(&mut self.0.store.reader(), &digest(value), now).await?;
        Ok(live.map(|live| self.actor(origin, live, now)))
    }

    /// Who carries this bearer token, if its signature is ours, its time is now and its session is alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_bearer(&self, origin: Origin, token: &str) -> Result<Option<Actor>> {
        let Some(claims) = self.0.tokens.check::<Claims>(token).await else {
            return self.by_key_token(origin, token).await;
        };
        let now = self.0.store.now();
        let live = sessions::live_by_id(&mut self.0.store.reader(), &claims.sid, now).await?;
        let ours = live.filter(|l| l.session.user_id == claims.sub && l.session.workspace_id == claims.wid);
        Ok(ours.map(|live| self.actor(origin, live, now)))
    }

    /// Who carries a token that stands for an API key.
    async fn by_key_token(&self, origin: Origin, token: &str) -> Result<Option<Actor>> {
        let Some(keys) = self.0.program_keys.get() else { return Ok(None) };
        let Some(claims) = self.0.tokens.check::<KeyClaims>(token).await else { return Ok(None) };
        let found = keys.by_id(origin, &claims.key).await?;
        Ok(found.filter(|actor| actor.workspace_id.as_ref() == Some(&claims.wid)))
    }

    /// A bearer token that stands for an API key and dies with it, at the latest at `ends`. Whoever calls has seen the
    /// key.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token_for_key(
        &self,
        key: &ApiKeyId,
        app: &ApiAppId,
        workspace: &WorkspaceId,
        ends: Option<Timestamp>,
    ) -> Result<Bearer> {
        let (access_token, expires_in) = self.0.tokens.issue_for_key(key, app, workspace, ends)?;
        Ok(Bearer { access_token, expires_in })
    }

    /// The name of the workspace of a key, and the role of its person, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace_for_key(
        &self,
        workspace: &WorkspaceId,
        owner: Option<&UserId>,
    ) -> Result<(String, Option<Role>)> {
        let mut db = self.0.store.reader();
        let found = workspaces::find(&mut db, workspace).await?;
        let role = match owner {
            Some(owner) => workspaces::role_of(&mut db, workspace, owner).await?,
            None => None,
        };
        Ok((found.map(|w| w.name).unwrap_or_default(), role))
    }

    fn actor(&self, origin: Origin, live: Live, now: Timestamp) -> Actor {
        let Live { session, role } = live;
        if session.last_used_at.plus_seconds(TOUCH_SECONDS) < now {
            self.note_use(session.id.clone());
        }
        Actor {
            principal: Principal::User {
                user_id: session.user_id,
                session_id: session.id,
                role,
                method: session.method,
                since: session.created_at,
            },
            workspace_id: Some(session.workspace_id),
            origin,
        }
    }

    /// Notes the use of a session behind the request's back; losing one note at a crash is fine.
    fn note_use(&self, session: gatehouse_types::SessionId) {
        let store = self.0.store.clone();
        tokio::spawn(async move {
            let noted = async {
                let mut tx = store.begin_always().await?;
                sessions::touch(&mut tx, &session).await?;
                tx.commit().await
            };
            if let Err(e) = noted.await {
                tracing::warn!(error = %e, "the last use of a session was not noted");
            }
        });
    }
}

use gatehouse_types::Result;
use gatehouse_types::{Actor, Origin, Principal, Timestamp, digest};

use crate::Identity;
use crate::service::sessions::is_cookie_shaped;
use crate::store::sessions::{self, Live};

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
        let Some(claims) = self.0.tokens.check(token).await else { return Ok(None) };
        let now = self.0.store.now();
        let live = sessions::live_by_id(&mut self.0.store.reader(), &claims.sid, now).await?;
        let ours = live.filter(|l| l.session.user_id == claims.sub && l.session.workspace_id == claims.wid);
        Ok(ours.map(|live| self.actor(origin, live, now)))
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

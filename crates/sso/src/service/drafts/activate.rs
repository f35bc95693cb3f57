//! A draft is put in use.

use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectionId, DraftId, Error, Permission, Result};
use serde_json::json;

use super::{Replay, draft_not_found, record};
use crate::Sso;
use crate::service::connections::{ConnectionView, not_found, object};
use crate::store::{connections, domains, drafts};

impl Sso {
    /// Puts a draft in use: from the next sign-in on it decides. The recorded sign-ins are run once more before; when
    /// somebody who signed in lately would not get in any more, that must be accepted in so many words.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right; `Conflict` when somebody would be locked out and that is not
    /// accepted, and when the connection was changed since the draft began.
    pub async fn activate_draft(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        draft: &DraftId,
        accept_lockout: bool,
    ) -> Result<(ConnectionView, Replay)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let view = self.draft_of(workspace, id, draft).await?;
        if view.draft.is_stale(&view.connection) {
            return Err(stale());
        }
        let replay = self.replay_of(actor, &view).await?;
        if replay.locked_out > 0 && !accept_lockout {
            return Err(Error::conflict(locks_out(&replay)).on_field("acceptLockout"));
        }
        let mut tx = store.begin(&actor.origin).await?;
        let before = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let secret = drafts::secret(&mut tx, draft).await?;
        // whoever deletes it puts it in use
        if drafts::delete(&mut tx, draft).await? == 0 {
            return Err(draft_not_found());
        }
        if view.draft.is_stale(&before) {
            return Err(stale());
        }
        let mut after = view.draft.applied_to(&before, store.now())?;
        after.metadata = super::super::import::metadata_after(&before, &after, None, store.now());
        self.check_whole(workspace, &after)?;
        let after = self.put_changed(&mut tx, actor, &before, after, secret).await?;
        let details = json!({"changes": view.draft.changes(&before), "lockedOut": replay.locked_out,
            "ownersLockedOut": replay.owners_locked_out, "accepted": accept_lockout});
        record(&mut tx, actor, "sso.draft-activated", &view.draft, details).await?;
        let domains = domains::of(&mut tx, id).await?;
        tx.commit().await?;
        Ok((ConnectionView { connection: after, domains }, replay))
    }
}

fn stale() -> Error {
    Error::conflict(
        "The connection was changed since this draft began. Make a new draft from what it is now.",
    )
}

/// What must be accepted.
pub(crate) fn locks_out(replay: &Replay) -> String {
    let (many, who) = match replay.locked_out {
        1 => ("1 person".to_owned(), "that person"),
        n => (format!("{n} people"), "them"),
    };
    let owners = match replay.owners_locked_out {
        0 => String::new(),
        1 => ", an owner among them,".to_owned(),
        n => format!(", {n} owners among them,"),
    };
    format!(
        "{many}{owners} who signed in lately would not get in any more. Look at the replay; send acceptLockout: true to \
         lock {who} out all the same."
    )
}

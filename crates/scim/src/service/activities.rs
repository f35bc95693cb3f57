//! What providers did, and did not get done; and numbers over it.

use gatehouse_identity::require;
use gatehouse_types::{
    Actor, Error, Id, Page, PageRequest, Permission, Principal, Result, ScimTokenId, Timestamp,
};
use serde_json::json;

use crate::Scim;
use crate::model::activity::WantedActivities;
use crate::model::rhythm::day_of;
use crate::model::{Activity, Operation, Resource};
use crate::refused::Refused;
use crate::store::activities;
use crate::store::days::{self, Day};
use crate::store::places::Of;

/// What "lately" means for numbers, in seconds (24 hours).
const LATELY: i64 = 86_400;
/// The longest reason that is kept, in characters.
const MAX_ERROR: usize = 500;

/// The token that acts.
pub(crate) fn token_of(actor: &Actor) -> Result<ScimTokenId> {
    match &actor.principal {
        Principal::Scim { token_id, .. } => Ok(token_id.clone()),
        _ => Err(Error::internal("only a SCIM token changes a directory")),
    }
}

/// How healthy the provisioning of a workspace is.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) users: i64,
    pub(crate) groups: i64,
    pub(crate) users_added: i64,
    pub(crate) users_removed: i64,
    pub(crate) groups_added: i64,
    pub(crate) groups_removed: i64,
    pub(crate) last_sync_at: Option<Timestamp>,
    pub(crate) errors: i64,
    pub(crate) active_tokens: i64,
    /// The last thirty days, today last.
    pub(crate) days: Vec<Day>,
}

impl Scim {
    /// Keeps that a change was refused, in a transaction of its own. What fails here is logged, and hides nothing.
    pub(crate) async fn note_failure(
        &self,
        actor: &Actor,
        (operation, resource): (Operation, Resource),
        id: Option<&str>,
        refused: &Refused,
    ) {
        let (status, body) = refused.shown();
        let kept = async {
            let (workspace, token_id) = (actor.workspace()?, token_of(actor)?);
            if self.0.failures.check(token_id.as_str()).is_err() {
                return Ok(());
            }
            let store = &self.0.store;
            let mut tx = store.begin_always().await?;
            let detail = body["detail"].as_str().unwrap_or_default();
            let activity = Activity {
                id: store.ids().make(),
                token_id,
                at: store.now(),
                operation,
                resource,
                resource_id: id.filter(|id| id.len() <= 64).map(str::to_owned),
                error: Some(detail.chars().filter(|c| *c != '\0').take(MAX_ERROR).collect()),
                details: json!({"status": status, "scimType": body.get("scimType")}),
            };
            activities::insert(&mut tx, workspace, &activity);
            Ok::<_, Error>(tx.commit().await?)
        };
        if let Err(error) = kept.await {
            tracing::warn!(?error, "a refused SCIM change could not be kept");
        }
    }

    /// One page of what providers did in the actor's workspace, the latest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn activities(
        &self,
        actor: &Actor,
        wanted: WantedActivities,
        page: PageRequest,
    ) -> Result<Page<Activity>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        let (found, total) = activities::page(&mut store.reader(), workspace, &wanted, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Numbers over the directory of the actor's workspace and the last 24 hours.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn statistics(&self, actor: &Actor) -> Result<Statistics> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        self.adopt(workspace).await?;
        let (db, now) = (&mut store.reader(), store.now());
        let counts = activities::counts(db, workspace, now.plus_seconds(-LATELY)).await?;
        let of = |operation: Operation, resource: Resource| {
            let wanted = |c: &&(String, String, bool, i64)| {
                c.2 && c.0 == operation.as_str() && c.1 == resource.as_str()
            };
            counts.iter().filter(wanted).map(|c| c.3).sum()
        };
        Ok(Statistics {
            users: self.0.places.total(db, Of::Users, workspace).await?,
            groups: self.0.places.total(db, Of::Groups, workspace).await?,
            users_added: of(Operation::Create, Resource::User),
            users_removed: of(Operation::Delete, Resource::User),
            groups_added: of(Operation::Create, Resource::Group),
            groups_removed: of(Operation::Delete, Resource::Group),
            last_sync_at: activities::last_sync(db, workspace).await?,
            errors: counts.iter().filter(|c| !c.2).map(|c| c.3).sum(),
            active_tokens: activities::active_tokens(db, workspace, now).await?,
            days: days::of(db, workspace, day_of(now)).await?,
        })
    }
}

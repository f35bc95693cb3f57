//! Exemptions: people for whom user authentications do not count, by an administrator's recorded decision.

use gatehouse_identity::require;
use gatehouse_store::Queries;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{Actor, Error, Id, Page, PageRequest, Permission, Result, UserId, WorkspaceId};
use serde_json::json;

use crate::connectors::model::exemption::{Exemption, checked_reason};
use crate::connectors::store::exemptions;
use crate::{Connect, wake};

/// A member, and whether that person is exempt.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) exemption: Option<Exemption>,
}

fn object(user: &UserId) -> Option<String> {
    Some(format!("user:{user}"))
}

impl Connect {
    /// Whether an administrator exempted a person from user authentications.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_exempt(&self, workspace: &WorkspaceId, user: &UserId) -> Result<bool> {
        Ok(exemptions::find(&mut self.0.store.reader(), workspace, user).await?.is_some())
    }

    /// Whether a member is exempt from user authentications.
    ///
    /// # Errors
    /// `NotFound` for whoever is no member; `Authorization` without the right.
    pub(crate) async fn exemption(&self, actor: &Actor, user: &UserId) -> Result<Person> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, object(user)).await?;
        let name = self.member_name(&mut store.reader(), workspace, user).await?;
        let exemption = exemptions::find(&mut store.reader(), workspace, user).await?;
        Ok(Person { name, exemption })
    }

    /// One page of those who are exempt, with their names, the latest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn exemptions(
        &self,
        actor: &Actor,
        page: PageRequest,
    ) -> Result<Page<(Exemption, String)>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, None).await?;
        let (found, total) = exemptions::page(&mut store.reader(), workspace, page).await?;
        let people = found.iter().map(|e| e.user.clone()).collect();
        let names = self.0.identity.names_among(&mut store.reader(), workspace, &people).await?;
        let named = found.into_iter().map(|e| {
            let name = names.get(&e.user).cloned().unwrap_or_default();
            (e, name)
        });
        Ok(Page::new(named.collect(), page, total))
    }

    /// Exempts a member for a reason, or ends that. What waits for an exempted person goes on by itself.
    ///
    /// # Errors
    /// `Validation` without a reason; `NotFound` for whoever is no member; `Authorization` without the right.
    pub(crate) async fn set_exemption(
        &self,
        actor: &Actor,
        user: &UserId,
        (exempt, reason): (bool, &str),
    ) -> Result<Person> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, object(user)).await?;
        let target = ("user", user.as_str());
        let mut tx = store.begin(&actor.origin).await?;
        // whose access ends at this moment is not exempted afterwards
        self.0.identity.lock_members(&mut tx, workspace).await?;
        let name = self.member_name(&mut tx, workspace, user).await?;
        if exempt {
            let since = store.now();
            let new = Exemption {
                user: user.clone(),
                reason: checked_reason(reason)?,
                by: Some(principal_of(actor)),
                since,
            };
            exemptions::put(&mut tx, workspace, &new).await?;
            let details = json!({"name": name, "reason": new.reason});
            audit::record(&mut tx, actor, Event::success("user-authentications.exempted", target, details))
                .await?;
            wake::exempted(&mut tx, workspace, user).await?;
        } else if exemptions::end(&mut tx, workspace, user).await? {
            let details = json!({"name": name});
            let event = Event::success("user-authentications.exemption-ended", target, details);
            audit::record(&mut tx, actor, event).await?;
        }
        let exemption = exemptions::find(&mut tx, workspace, user).await?;
        tx.commit().await?;
        Ok(Person { name, exemption })
    }

    async fn member_name<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<String> {
        let found = self.0.identity.name_and_role(db, workspace, user).await?;
        found.map(|(name, _)| name).ok_or_else(|| Error::not_found("User"))
    }
}

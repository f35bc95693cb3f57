use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Email, Error, Id, IdentityId, Page, PageRequest, Permission, Result, Timestamp,
    UserId,
};
use serde_json::json;

use super::connections::{not_found, object};
use crate::Sso;
use crate::store::{connections, identities};

/// A link between a person and a subject at the provider.
#[derive(Clone, Debug)]
pub struct IdentityView {
    /// Its id.
    pub id: IdentityId,
    /// The person.
    pub user_id: UserId,
    /// The person's address.
    pub email: Email,
    /// The subject at the provider.
    pub name_id: String,
    /// When they first signed in.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_used_at: Timestamp,
}

impl Sso {
    /// One page of the people linked through a connection.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn identities(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        page: PageRequest,
    ) -> Result<Page<IdentityView>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let db = &mut self.0.store.reader();
        connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        let (found, total) = identities::list(db, id, page).await?;
        let mut views = Vec::with_capacity(found.len());
        for i in found {
            if let Some(user) = self.0.identity.user(db, &i.user_id).await? {
                let (user_id, email) = (i.user_id, user.email);
                let (created_at, last_used_at) = (i.created_at, i.last_used_at);
                views.push(IdentityView {
                    id: i.id,
                    user_id,
                    email,
                    name_id: i.name_id,
                    created_at,
                    last_used_at,
                });
            }
        }
        Ok(Page::new(views, page, total))
    }

    /// Unlinks a person from a subject at the provider, so that another subject with the address can take its place.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn unlink_identity(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        identity: &IdentityId,
    ) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let found = identities::find_by_id(&mut tx, id, identity).await?;
        let found = found.ok_or_else(|| Error::not_found("Identity"))?;
        identities::delete(&mut tx, identity).await?;
        let details = json!({"connectionId": id, "userId": found.user_id, "nameId": found.name_id});
        audit::record(
            &mut tx,
            actor,
            Event::success("sso.identity-unlinked", ("identity", identity.as_str()), details),
        )
        .await?;
        Ok(tx.commit().await?)
    }
}

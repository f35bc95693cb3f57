use gatehouse_identity::require;
use gatehouse_store::Queries;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Email, Error, Id, IdentityId, Page, PageRequest, Permission, Result, Timestamp,
    UserId, WorkspaceId,
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
    /// The kind of name (SAML 2.0 core §8.3), as the last sign-in said.
    pub name_id_format: Option<String>,
    /// When they first signed in.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_used_at: Timestamp,
}

/// How a provider knows the person who asks.
#[derive(Clone, Debug)]
pub struct OwnIdentity {
    /// Its id.
    pub id: IdentityId,
    /// The workspace of the connection.
    pub workspace_id: WorkspaceId,
    /// The name of the connection.
    pub connection_name: String,
    /// The kind of name (SAML 2.0 core §8.3), as the last sign-in said.
    pub name_id_format: Option<String>,
    /// When they first signed in.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_used_at: Timestamp,
}

/// One page of a person's identities, in all workspaces.
pub(crate) async fn own<Q: Queries>(
    db: &mut Q,
    user: &UserId,
    page: PageRequest,
) -> Result<Page<OwnIdentity>> {
    let (found, total) = identities::of_person(db, user, page).await?;
    let view = |(i, connection_name): (identities::Identity, String)| OwnIdentity {
        id: i.id,
        workspace_id: i.workspace_id,
        connection_name,
        name_id_format: i.name_id_format,
        created_at: i.created_at,
        last_used_at: i.last_used_at,
    };
    Ok(Page::new(found.into_iter().map(view).collect(), page, total))
}

impl Sso {
    /// One page of the caller's own identities at providers, in all workspaces.
    ///
    /// # Errors
    /// `Authentication` for nobody.
    pub async fn my_identities(&self, actor: &Actor, page: PageRequest) -> Result<Page<OwnIdentity>> {
        own(&mut self.0.store.reader(), actor.user()?, page).await
    }

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
                    name_id_format: i.name_id_format,
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

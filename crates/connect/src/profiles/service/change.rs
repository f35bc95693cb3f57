//! Profiles are made and changed.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, AuthProfileId, Error, Id, Permission, Result, Secret, WorkspaceId};
use serde_json::json;

use super::look::Seen;
use super::values::is_elsewhere;
use super::{not_found, object};
use crate::grants::store as grants;
use crate::oauth::ClientAuth;
use crate::profiles::model::{
    AdditionalField, AllowedHost, AuthorizationField, AuthorizationType, Fields, Profile, Secrets, check,
};
use crate::profiles::store;
use crate::{Connect, Holder};

/// Profiles of a workspace at most.
const MAX_PROFILES: i64 = 500;

/// What a profile is made of, or what of it changes; only what is given counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) authorization_type: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) client_authentication: Option<String>,
    pub(crate) authorization_url: Option<String>,
    pub(crate) tenancy_url: Option<bool>,
    pub(crate) token_url: Option<String>,
    pub(crate) refresh_url: Option<String>,
    pub(crate) revocation_url: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) additional: Option<Vec<AdditionalField>>,
    pub(crate) authorization: Option<Vec<AuthorizationField>>,
    pub(crate) auth_error_status: Option<i64>,
    pub(crate) auth_error_text: Option<String>,
    pub(crate) allowed_hosts: Option<Vec<String>>,
}

fn given(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, p: &Profile, ended: usize) -> Result<()> {
    let hosts: Vec<_> = p.allowed_hosts.iter().map(AllowedHost::as_str).collect();
    let mut details = json!({"name": p.name, "authorizationType": p.kind, "clientId": p.client_id,
        "tokenRequestUrl": p.token_url, "scope": p.scope, "allowedHosts": hosts});
    if ended > 0 {
        details["grantsEnded"] = json!(ended);
    }
    Ok(audit::record(tx, actor, Event::success(event, ("auth-profile", p.id.as_str()), details)).await?)
}

impl Connect {
    /// Makes a profile.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for a name that is taken, and for too many; `Authorization` without the right.
    pub(crate) async fn create_profile(&self, actor: &Actor, new: Change) -> Result<Seen> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, None).await?;
        let (profile, secrets) = self.draft(actor, workspace, new)?;
        let mut tx = db.begin(&actor.origin).await?;
        if store::count(&mut tx, workspace).await? >= MAX_PROFILES {
            return Err(Error::conflict(
                "A workspace has at most 500 authorization profiles. Delete one that is not used.",
            ));
        }
        if store::name_is_taken(&mut tx, workspace, &profile.name).await? {
            let message = "There is an authorization profile of this name. Choose another one.";
            return Err(Error::conflict(message).on_field("identityProviderName"));
        }
        free_context(&mut tx, &profile).await?;
        store::insert(&mut tx, &profile, &secrets).await?;
        record(&mut tx, actor, "auth-profile.created", &profile, 0).await?;
        let seen = self.seen(&mut tx, actor, profile, secrets).await?;
        tx.commit().await?;
        self.0.offered.used(&seen.profile.context);
        Ok(seen)
    }

    /// A profile of these values that is not stored.
    ///
    /// # Errors
    /// `Validation`.
    pub(crate) fn draft(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        new: Change,
    ) -> Result<(Profile, Secrets)> {
        let (db, now) = (&self.0.store, self.0.store.now());
        let kind: AuthorizationType = given(new.authorization_type.as_ref()).parse()?;
        let blank = Profile {
            id: db.ids().make(),
            workspace: workspace.clone(),
            version: 1,
            kind,
            name: check::name(given(new.name.as_ref()))?,
            description: String::new(),
            context: self.new_context(),
            client_id: String::new(),
            client_auth: ClientAuth::Basic,
            authorization_url: None,
            tenancy_url: false,
            token_url: String::new(),
            refresh_url: None,
            revocation_url: None,
            issuer: None,
            scope: String::new(),
            auth_error_status: 401,
            auth_error_text: String::new(),
            allowed_hosts: Vec::new(),
            responsible: actor.user().ok().cloned(),
            created_by: actor.user().ok().map(ToString::to_string),
            created_at: now,
            updated_at: now,
        };
        let required = Change {
            client_id: Some(given(new.client_id.as_ref()).to_owned()),
            client_secret: Some(new.client_secret.clone().unwrap_or_else(|| Secret::new(""))),
            token_url: Some(given(new.token_url.as_ref()).to_owned()),
            authorization_url: match kind {
                AuthorizationType::OAuth2 => Some(given(new.authorization_url.as_ref()).to_owned()),
                AuthorizationType::ClientCredentials => new.authorization_url.clone(),
            },
            authorization_type: None,
            name: None,
            ..new
        };
        self.changed(blank, Secrets { client_secret: Secret::new(""), fields: Fields::default() }, required)
    }

    /// Changes a profile. Grants that were given to another client or at another server end.
    ///
    /// # Errors
    /// `Validation`, also for another type or name; `NotFound`; `Authorization` without the right.
    pub(crate) async fn update_profile(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        change: Change,
    ) -> Result<Seen> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        let mut tx = db.begin(&actor.origin).await?;
        let (before, secrets) = store::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let (profile, new_secrets) = self.changed(before.clone(), secrets.clone(), change)?;
        free_context(&mut tx, &profile).await?;
        store::update(&mut tx, &self.0.memory, &profile, &new_secrets).await?;
        let mut ended = 0;
        if is_elsewhere(&before, &profile) {
            let why = "the profile is for another client or server now";
            ended = self.end_all(&mut tx, actor, (&before, &secrets), why).await?;
        }
        record(&mut tx, actor, "auth-profile.updated", &profile, ended).await?;
        // what failed may have been mended by this
        grants::try_again(&mut tx, &Holder::Profile(id.clone())).await?;
        let profile = Profile { version: profile.version + 1, ..profile };
        let seen = self.seen(&mut tx, actor, profile, new_secrets).await?;
        tx.commit().await?;
        Ok(seen)
    }
}

async fn free_context(tx: &mut Tx, profile: &Profile) -> Result<()> {
    if store::context_is_taken(tx, &profile.context, &profile.id).await? {
        return Err(Error::conflict("This callback URL belongs to another profile.").on_field("callbackUrl"));
    }
    Ok(())
}

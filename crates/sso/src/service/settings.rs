use std::collections::BTreeSet;

use gatehouse_identity::{SendMail, require};
use gatehouse_store::Queries;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{
    Actor, ConnectionId, Email, Error, Id, Permission, Principal, Result, Role, Secret, WorkspaceId,
};
use serde_json::json;

use super::connections::not_found;
use crate::Sso;
use crate::model::{Connection, ConnectionStatus, Settings};
use crate::store::{attempts, connections, settings};

/// Excluded people of one workspace at most, beside its owners.
const MAX_EXCLUDED: usize = 500;

/// The settings with the addresses that the console shows.
#[derive(Clone, Debug)]
pub struct SettingsView {
    /// The settings.
    pub settings: Settings,
    /// Owners: excluded by default, never locked out.
    pub owners: Vec<Email>,
    /// Whether people must use single sign-on right now: enabled, and the connection is active.
    pub in_force: bool,
    /// The redirect URI of the chosen connection.
    pub redirect_uri: Option<String>,
}

impl Sso {
    /// The workspace's single sign-on settings.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn settings(&self, actor: &Actor) -> Result<SettingsView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let db = &mut self.0.store.reader();
        let settings = settings::find(db, workspace).await?;
        let owners = self.0.identity.owners(db, workspace).await?;
        let in_force = settings::enforced(db, workspace).await?.is_some();
        let redirect_uri = match &settings.connection_id {
            Some(id) => connections::find(db, workspace, id).await?.map(|c| self.redirect_uri(&c)),
            None => None,
        };
        Ok(SettingsView { settings, owners, in_force, redirect_uri })
    }

    /// Changes the connection of the page, or who is excluded. Only what is given changes.
    ///
    /// # Errors
    /// `Authorization` without the right (exclusions are the owner's); `NotFound` for an unknown connection; `Validation`
    /// naming the missing step when single sign-on is mandatory and another connection would be.
    pub async fn update_settings(
        &self,
        actor: &Actor,
        connection: Option<ConnectionId>,
        excluded: Option<Vec<Email>>,
    ) -> Result<SettingsView> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, None).await?;
        if excluded.is_some() {
            require(store, actor, Permission::ManageSsoExclusions, None).await?;
        }
        let mut tx = store.begin(&actor.origin).await?;
        let mut now = settings::find(&mut tx, workspace).await?;
        let mut moved = false;
        if let Some(id) = connection {
            let chosen = connections::find(&mut tx, workspace, &id).await?.ok_or_else(not_found)?;
            if now.enabled && now.connection_id.as_ref() != Some(&id) {
                // it becomes mandatory at this moment
                if chosen.status != ConnectionStatus::Active {
                    let message = "Single sign-on is mandatory: test and activate the connection before everybody must \
                                   use it, or turn single sign-on off first.";
                    return Err(Error::validation("connectionId", message));
                }
                if let Some(step) = self.unproven(&mut tx, actor, workspace, &id).await? {
                    return Err(Error::validation("proof", step));
                }
                moved = true;
            }
            now.connection_id = Some(id);
        }
        settings::save(&mut tx, workspace, &now).await?;
        if let Some(emails) = excluded {
            let unique: Vec<Email> = emails.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            if unique.len() > MAX_EXCLUDED {
                return Err(Error::validation("excludedUsers", "At most 500 people can be excluded."));
            }
            settings::replace_exclusions(&mut tx, workspace, &unique).await?;
            now.excluded = unique;
        }
        record(&mut tx, actor, workspace, "sso.settings-updated", &now).await?;
        if moved {
            record(&mut tx, actor, workspace, "sso.enabled", &now).await?;
        }
        tx.commit().await?;
        self.settings(actor).await
    }

    /// Makes single sign-on mandatory through the chosen connection, activating it if need be.
    ///
    /// # Errors
    /// `Validation` naming the missing step.
    pub async fn enable(&self, actor: &Actor) -> Result<SettingsView> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, None).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut now = settings::find(&mut tx, workspace).await?;
        let id = now.connection_id.clone().ok_or_else(|| {
            Error::validation(
                "connectionId",
                "Choose the connection first: PUT /api/v1/sso/settings {connectionId}.",
            )
        })?;
        self.activate_in(&mut tx, actor, workspace, &id).await?;
        if let Some(step) = self.unproven(&mut tx, actor, workspace, &id).await? {
            return Err(Error::validation("proof", step));
        }
        now.enabled = true;
        now.enabled_at = Some(store.now());
        settings::save(&mut tx, workspace, &now).await?;
        record(&mut tx, actor, workspace, "sso.enabled", &now).await?;
        tx.commit().await?;
        self.settings(actor).await
    }

    /// Why an administrator may not make single sign-on mandatory yet: who would have no other way in must have come in
    /// through the connection once, in a browser. Owners and excluded people keep their default sign-in.
    pub(crate) async fn unproven<Q: Queries>(
        &self,
        db: &mut Q,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
    ) -> Result<Option<String>> {
        if !matches!(actor.role(), Some(role) if role != Role::Owner) {
            return Ok(None);
        }
        let Some(user) = self.0.identity.user(db, actor.user()?).await? else { return Ok(None) };
        let proven = settings::is_excluded(db, workspace, &user.email).await?
            || attempts::signed_in(db, id, &user.email).await?;
        Ok((!proven).then(|| {
            format!(
                "Sign in through the connection once yourself, in a browser, before everybody must: {}. You have no other \
                 way in; an owner, who has one, can do this without.",
                self.0.public_url.join(&crate::rules::start_path(id))
            )
        }))
    }

    /// Turns single sign-on off: everyone signs in by default again, the provider's way in is closed, the values stay
    /// for view.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn disable(&self, actor: &Actor) -> Result<SettingsView> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, None).await?;
        let mut tx = store.begin(&actor.origin).await?;
        self.disable_in(&mut tx, actor, workspace, "sso.disabled").await?;
        tx.commit().await?;
        self.settings(actor).await
    }

    /// Whoever decides what a connection believes can sign in as anybody of its domains, owners too: when somebody else
    /// than an owner does, the owners are told.
    pub(crate) async fn tell_owners(
        &self,
        tx: &mut gatehouse_store::Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        connection: &Connection,
        what: &str,
    ) -> Result<()> {
        if actor.role() == Some(Role::Owner) {
            return Ok(());
        }
        let who = match (actor.user(), &actor.principal) {
            (Ok(id), _) => self.0.identity.user(tx, id).await?.map(|u| u.email.to_string()),
            (Err(_), Principal::SetupLink { .. }) => Some("Somebody with a setup link".to_owned()),
            (Err(_), _) => None,
        };
        let who = who.unwrap_or_else(|| "The console of the machine".to_owned());
        for owner in self.0.identity.owners(tx, workspace).await? {
            let mail = NewMail {
                to: owner,
                subject: format!("The single sign-on connection {} was {what}", connection.name),
                body: Secret::new(format!(
                    "The single sign-on connection {} was {what} by {who} at {}. Its provider now says who people of its domains \
                     are, owners included. If you did not expect this, look at {}.\n",
                    connection.name,
                    self.0.store.now(),
                    self.0.public_url.join("/settings/security/sso"),
                )),
            };
            SendMail::enqueue(tx, Some(workspace), &mail).await?;
        }
        Ok(())
    }

    async fn disable_in(
        &self,
        tx: &mut gatehouse_store::Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        event: &'static str,
    ) -> Result<()> {
        let mut now = settings::find(tx, workspace).await?;
        if let Some(id) = now.connection_id.clone()
            && connections::find(tx, workspace, &id).await?.is_some()
        {
            self.deactivate_in(tx, actor, workspace, &id).await?;
        }
        now.enabled = false;
        now.enabled_at = None;
        settings::save(tx, workspace, &now).await?;
        record(tx, actor, workspace, event, &now).await
    }

    /// The way in when nothing else is left: turns mandatory single sign-on off from the machine's console, and tells
    /// every owner. Where it is off already nobody is told; that it was asked for is recorded all the same.
    ///
    /// # Errors
    /// `Authorization` for anyone but the machine; `NotFound` for an unknown workspace.
    pub async fn break_glass(&self, actor: &Actor, workspace_name: &str) -> Result<Vec<Email>> {
        if actor.principal != Principal::System {
            return Err(Error::authorization("This is done at the console of the machine."));
        }
        let store = &self.0.store;
        let workspace = self.0.identity.workspace_by_name(workspace_name).await?;
        let workspace = workspace.ok_or_else(|| Error::not_found("Workspace"))?;
        let mut inside = actor.clone();
        inside.workspace_id = Some(workspace.id.clone());
        let mut tx = store.begin(&actor.origin).await?;
        let before = settings::find(&mut tx, &workspace.id).await?;
        if !self.keeps_out(&mut tx, &workspace.id, &before).await? {
            let details = json!({"enabled": false, "connectionId": before.connection_id, "changed": false});
            let event = Event::success("sso.break-glass", ("workspace", workspace.id.as_str()), details);
            audit::record(&mut tx, &inside, event).await?;
            tx.commit().await?;
            return Ok(Vec::new());
        }
        self.disable_in(&mut tx, &inside, &workspace.id, "sso.break-glass").await?;
        let owners = self.0.identity.owners(&mut tx, &workspace.id).await?;
        for owner in &owners {
            let mail = NewMail {
                to: owner.clone(),
                subject: format!("Single sign-on of {} was turned off", workspace.name),
                body: Secret::new(format!(
                    "Somebody with access to the server turned the mandatory single sign-on of the workspace {} off at \
                     {}. Everyone can sign in with a password again.\n\nIf this was not you or a colleague, look at the \
                     audit log ({}) and at who has access to the server.\n",
                    workspace.name,
                    store.now(),
                    self.0.public_url.as_str(),
                )),
            };
            SendMail::enqueue(&mut tx, Some(&workspace.id), &mail).await?;
        }
        tx.commit().await?;
        Ok(owners)
    }

    /// Whether there is anything to turn off: single sign-on is mandatory, or its connection lets people in.
    async fn keeps_out(
        &self,
        tx: &mut gatehouse_store::Tx,
        workspace: &WorkspaceId,
        settings: &Settings,
    ) -> Result<bool> {
        if settings.enabled {
            return Ok(true);
        }
        let Some(id) = &settings.connection_id else { return Ok(false) };
        let found = connections::find(tx, workspace, id).await?;
        Ok(found.is_some_and(|c| c.status == ConnectionStatus::Active))
    }
}

/// A connection that nobody can use any more is mandatory for nobody.
pub(crate) async fn no_longer_mandatory(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
) -> Result<()> {
    let mut now = settings::find(tx, workspace).await?;
    if !now.enabled || now.connection_id.as_ref() != Some(connection) {
        return Ok(());
    }
    now.enabled = false;
    now.enabled_at = None;
    settings::save(tx, workspace, &now).await?;
    record(tx, actor, workspace, "sso.disabled", &now).await
}

pub(crate) async fn record(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    workspace: &WorkspaceId,
    event: &'static str,
    settings: &Settings,
) -> Result<()> {
    let details = json!({
        "enabled": settings.enabled, "connectionId": settings.connection_id, "excludedUsers": settings.excluded,
    });
    Ok(audit::record(tx, actor, Event::success(event, ("workspace", workspace.as_str()), details)).await?)
}

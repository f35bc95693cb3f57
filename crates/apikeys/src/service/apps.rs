//! Apps: made, changed, deleted. What changes counts at once, on every server, for every key of the app.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ApiAppId, Error, Page, PageRequest, Permission, Result, UserId, WorkspaceId};
use serde_json::{Value as Json, json};

use crate::ApiKeys;
use crate::model::app::checked_name;
use crate::model::limits::Limits;
use crate::model::{App, AppStatus, scope};
use crate::service::usage::Impact;
use crate::store::changes::Change;
use crate::store::{apps, keys, scopes};

/// Apps of a workspace at most.
const MAX_APPS: i64 = 1_000;
/// What is said of a name that another app has.
const TAKEN: &str = "An API app with this name exists.";

/// What to make of an app, or to change; only what is given changes.
#[derive(Debug, Default)]
pub(crate) struct AppChange {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) watched: Option<Vec<String>>,
    pub(crate) status: Option<AppStatus>,
    pub(crate) responsible: Option<UserId>,
    pub(crate) limits: LimitsChange,
}

/// What to change of limits; the inner `None` takes one away.
#[derive(Debug, Default)]
pub(crate) struct LimitsChange {
    pub(crate) networks: Option<Vec<String>>,
    pub(crate) rate: Option<Option<crate::model::Rate>>,
    pub(crate) quota: Option<Option<crate::model::Quota>>,
}

impl LimitsChange {
    /// The limits with the change.
    pub(crate) fn applied(self, to: &Limits) -> Result<Limits> {
        let networks = self.networks.as_deref().map(crate::model::limits::checked_networks).transpose()?;
        let rate = self.rate.map(|r| r.map(crate::model::Rate::checked).transpose()).transpose()?;
        let quota = self.quota.map(|q| q.map(crate::model::Quota::checked).transpose()).transpose()?;
        Ok(Limits {
            networks: networks.unwrap_or_else(|| to.networks.clone()),
            rate: rate.unwrap_or(to.rate),
            quota: quota.unwrap_or(to.quota),
        })
    }
}

pub(crate) fn not_found() -> Error {
    Error::not_found("API app")
}

pub(crate) fn object(id: &ApiAppId) -> Option<String> {
    Some(format!("api-app:{id}"))
}

/// What an audit entry says of an app.
pub(crate) fn told(app: &App) -> Json {
    json!({"name": app.name, "scopes": app.scopes, "status": app.status})
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, app: &App, details: Json) -> Result<()> {
    let event = Event::success(event, ("api-app", app.id_str()), details);
    Ok(audit::record(tx, actor, event).await?)
}

impl App {
    pub(crate) fn id_str(&self) -> &str {
        gatehouse_types::Id::as_str(&self.id)
    }
}

impl ApiKeys {
    async fn given<Q: gatehouse_store::Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        wanted: &[String],
    ) -> Result<Vec<String>> {
        let own: Vec<String> = scopes::all(db, workspace).await?.into_iter().map(|s| s.id).collect();
        scope::checked(wanted, &own)
    }

    /// Makes an app.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for a name that is taken, and for too many apps; `Authorization` without the right.
    pub(crate) async fn make_app(&self, actor: &Actor, new: AppChange) -> Result<App> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageApps, None).await?;
        let name = checked_name(new.name.as_deref().unwrap_or_default())?;
        let limits = new.limits.applied(&Limits::default())?;
        let mut tx = store.begin(&actor.origin).await?;
        let given = self.given(&mut tx, workspace, &new.scopes.unwrap_or_default()).await?;
        let (_, total) = apps::page(&mut tx, workspace, None, PageRequest::ONE).await?;
        if total >= MAX_APPS {
            return Err(Error::conflict(
                "A workspace has at most 1000 API apps. Delete one that is not used.",
            ));
        }
        let creator = actor.user().ok().map(ToString::to_string);
        let now = store.now();
        let app = App {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            name,
            scopes: given,
            watched: Vec::new(),
            status: AppStatus::Active,
            limits,
            version: 1,
            responsible: creator.clone(),
            created_by: creator,
            created_by_name: None,
            created_at: now,
            updated_at: now,
            keys: 0,
            last_used_at: None,
        };
        apps::insert(&mut tx, &app).await.map_err(|e| e.or_conflict(TAKEN))?;
        self.changed(&mut tx, &[Change::App(app.id.to_string())]).await?;
        record(&mut tx, actor, "api-app.created", &app, told(&app)).await?;
        let made = apps::find(&mut tx, workspace, &app.id).await?.unwrap_or(app);
        tx.commit().await?;
        Ok(made)
    }

    /// One page of the workspace's apps, the latest first; `name` is a part of the name.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn apps(
        &self,
        actor: &Actor,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<App>> {
        let workspace = require(&self.0.store, actor, Permission::ManageApps, None).await?;
        let (found, total) = apps::page(&mut self.0.store.reader(), workspace, name, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// An app of the workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn app(&self, actor: &Actor, id: &ApiAppId) -> Result<App> {
        let workspace = require(&self.0.store, actor, Permission::ManageApps, object(id)).await?;
        apps::find(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    /// An app, held until the end of the transaction.
    pub(crate) async fn hold_app(
        &self,
        actor: &Actor,
        permission: Permission,
        id: &ApiAppId,
    ) -> Result<(Tx, App)> {
        let store = &self.0.store;
        let workspace = require(store, actor, permission, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        if !apps::lock(&mut tx, workspace, id).await? {
            return Err(not_found());
        }
        let app = apps::find(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        Ok((tx, app))
    }

    /// Changes an app, for all its keys at once.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for a name that is taken; `NotFound`; `Authorization` without the right.
    pub(crate) async fn change_app(&self, actor: &Actor, id: &ApiAppId, change: AppChange) -> Result<App> {
        let (mut tx, before) = self.hold_app(actor, Permission::ManageApps, id).await?;
        let mut app = before.clone();
        if let Some(name) = change.name {
            app.name = checked_name(&name)?;
        }
        if let Some(wanted) = change.scopes {
            app.scopes = self.given(&mut tx, &app.workspace_id, &wanted).await?;
        }
        if let Some(mut watched) = change.watched {
            watched.sort_unstable();
            watched.dedup();
            if watched.iter().any(|w| !app.scopes.contains(w)) {
                return Err(Error::validation(
                    "watchedScopes",
                    "Only scopes that the app has can be watched.",
                ));
            }
            app.watched = watched;
        }
        app.watched.retain(|w| app.scopes.contains(w));
        app.status = change.status.unwrap_or(app.status);
        if let Some(person) = &change.responsible {
            self.check_responsible(&mut tx, &app.workspace_id, person).await?;
            app.responsible = Some(person.to_string());
        }
        app.limits = change.limits.applied(&app.limits)?;
        apps::update(&mut tx, &app).await.map_err(|e| e.or_conflict(TAKEN))?;
        self.changed(&mut tx, &[Change::App(id.to_string())]).await?;
        let mut details = told(&app);
        if before.responsible != app.responsible {
            details["responsible"] = json!({"from": before.responsible, "to": app.responsible});
        }
        let removed: Vec<&String> = before.scopes.iter().filter(|s| !app.scopes.contains(s)).collect();
        if !removed.is_empty() {
            details["removedScopes"] = json!(removed);
            let impact = Impact::of_scopes(&mut tx, &app.id, &removed, self.0.store.now()).await?;
            details["impact"] = impact.told();
        } else if before.status == AppStatus::Active && app.status == AppStatus::Disabled {
            details["impact"] = Impact::of_app(&mut tx, &app.id, self.0.store.now()).await?.told();
        }
        record(&mut tx, actor, "api-app.updated", &app, details).await?;
        let found = apps::find(&mut tx, &app.workspace_id, id).await?.ok_or_else(not_found)?;
        tx.commit().await?;
        Ok(found)
    }

    /// Who answers for an app can do something about it.
    async fn check_responsible(&self, tx: &mut Tx, workspace: &WorkspaceId, person: &UserId) -> Result<()> {
        let found = self.0.identity.name_and_role(tx, workspace, person).await?;
        let Some((name, role)) = found else {
            return Err(Error::validation(
                "responsible",
                "Nobody here has this id. Give the id of a member.",
            ));
        };
        if role.may(Permission::ManageApps) {
            return Ok(());
        }
        let problem =
            format!("{name} is {role} here, which manages no API apps. Give the id of somebody who does.");
        Err(Error::validation("responsible", problem))
    }

    /// Deletes an app with its keys, which open nothing from this moment on.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right: owners alone have it.
    pub(crate) async fn delete_app(&self, actor: &Actor, id: &ApiAppId) -> Result<()> {
        let (mut tx, app) = self.hold_app(actor, Permission::DeleteApps, id).await?;
        let mut details = told(&app);
        details["impact"] = Impact::of_app(&mut tx, id, self.0.store.now()).await?.told();
        details["keys"] = json!(keys::delete_of_app(&mut tx, id).await?);
        apps::delete(&mut tx, id).await?;
        self.changed(&mut tx, &[Change::App(id.to_string())]).await?;
        record(&mut tx, actor, "api-app.deleted", &app, details).await?;
        Ok(tx.commit().await?)
    }
}

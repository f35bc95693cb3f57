//! What a workspace demands of those who sign in.

use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Error, Id, Permission, Result};
use serde_json::json;

use crate::store::{factors, workspaces};
use crate::{DefaultSignIn, Identity, require};

/// What a workspace demands, and what it offers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecuritySettings {
    /// A second step of everybody who signs in by password.
    pub require_second_step: bool,
    /// What the sign-in page offers first to people of the workspace's domains, beside single sign-on.
    pub default_sign_in: DefaultSignIn,
}

impl Identity {
    /// What the workspace demands.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn security_settings(&self, actor: &Actor) -> Result<SecuritySettings> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSecuritySettings, None).await?;
        let require_second_step = factors::required_in(&mut store.reader(), workspace).await?;
        let default_sign_in = workspaces::default_sign_in(&mut store.reader(), workspace).await?;
        Ok(SecuritySettings { require_second_step, default_sign_in })
    }

    /// Changes what the workspace demands; every owner is told.
    ///
    /// # Errors
    /// `Authorization` without the right; `Conflict` for an owner who has no second step of the own; `Validation` for a
    /// way to sign in that the operator does not offer.
    pub async fn set_security_settings(&self, actor: &Actor, wanted: SecuritySettings) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSecuritySettings, None).await?;
        let user = self.me(actor).await?;
        let way = wanted.default_sign_in;
        let mut tx = store.begin(&actor.origin).await?;
        if workspaces::default_sign_in(&mut tx, workspace).await? != way {
            if way.provider().is_some_and(|p| !self.offers(p)) {
                return Err(Error::validation(
                    "defaultSignIn",
                    "This way to sign in is not offered on this server: its operator has no client there.",
                ));
            }
            workspaces::set_default_sign_in(&mut tx, workspace, way).await?;
            let details = json!({"defaultSignIn": way});
            let event =
                Event::success("security-settings.changed", ("workspace", workspace.as_str()), details);
            audit::record(&mut tx, actor, event).await?;
        }
        let on = wanted.require_second_step;
        if on && self.factor_kinds(&mut tx, &user).await?.is_empty() {
            return Err(Error::conflict(
                "Set up a second step for yourself first (Your account), so that you are not locked out.",
            )
            .on_field("requireSecondStep"));
        }
        if factors::required_in(&mut tx, workspace).await? != on {
            factors::set_required(&mut tx, workspace, on).await?;
            let event = Event::success(
                "security-settings.changed",
                ("workspace", workspace.as_str()),
                json!({"requireSecondStep": on}),
            );
            audit::record(&mut tx, actor, event).await?;
            let state = if on { "now asks" } else { "does not ask any more" };
            let what = format!(
                "{} decided: the workspace {state} for a second step after the password.",
                user.email
            );
            let owners = workspaces::emails_of_role(&mut tx, workspace, gatehouse_types::Role::Owner).await?;
            for owner in owners {
                let subject = "The rule for second steps of your workspace was changed";
                self.tell(&mut tx, workspace, &owner, subject, &what).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

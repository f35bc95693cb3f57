//! Credits: what a workspace has, what its replicas used.

use gatehouse_identity::require;
use gatehouse_store::Queries;
use gatehouse_types::{Actor, Error, Permission, Result, ScriptId, WorkspaceId};

use crate::Scripts;
use crate::model::{Credits, Profile};
use crate::store::{scripts, usage};

/// What a script used of the credits.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) script: ScriptId,
    /// `None`: it was deleted.
    pub(crate) name: Option<String>,
    pub(crate) profile: Profile,
    /// Milliseconds of its replicas.
    pub(crate) millis: u64,
    pub(crate) credits: Credits,
}

/// The credits of a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    pub(crate) total: Credits,
    pub(crate) used: Credits,
    pub(crate) shares: Vec<Share>,
}

impl Balance {
    pub(crate) fn remaining(&self) -> Credits {
        self.total - self.used
    }
}

impl Scripts {
    /// The credits of the actor's workspace.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn credits(&self, actor: &Actor) -> Result<Balance> {
        let workspace = require(&self.0.store, actor, Permission::ReadScripts, None).await?;
        let mut balance = self.balance(&mut self.0.store.reader(), workspace).await?;
        for share in &mut balance.shares {
            let found =
                scripts::find(&self.0.store, &mut self.0.store.reader(), workspace, &share.script).await?;
            share.name = found.map(|script| script.settings.name().to_owned());
        }
        Ok(balance)
    }

    /// The credits of a workspace, without the names of its scripts.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn balance<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId) -> Result<Balance> {
        let used = usage::of(db, workspace).await?;
        let share = |u: usage::Used| Share {
            credits: u.profile.rate().cost(u.millis),
            script: u.script,
            name: None,
            profile: u.profile,
            millis: u.millis,
        };
        let shares: Vec<Share> = used.into_iter().map(share).collect();
        Ok(Balance { total: self.0.allocation, used: shares.iter().map(|s| s.credits).sum(), shares })
    }

    /// Refuses a workspace without credits.
    pub(super) async fn has_credits(&self, workspace: &WorkspaceId) -> Result<()> {
        let balance = self.balance(&mut self.0.store.reader(), workspace).await?;
        if balance.remaining() > Credits::ZERO {
            return Ok(());
        }
        Err(Error::conflict(format!(
            "All {} credits of this workspace are used. Undeploy what is not needed, and ask the operator for more.",
            balance.total
        )))
    }
}

//! What came of calls: runs, logs, numbers.

use gatehouse_identity::require;
use gatehouse_types::{
    Actor, Page, PageRequest, Permission, Result, ScriptId, ScriptLogId, ScriptRunId, Timestamp,
};

use super::object;
use crate::Scripts;
use crate::store::logs::{self, Line};
use crate::store::runs::{self, Run, Totals, Wanted};

/// Days that statistics look back on.
pub(crate) const STATISTIC_DAYS: i64 = 30;

/// Numbers of a script's runs.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) totals: Totals,
    /// Days with runs, oldest first: start, runs, failures.
    pub(crate) days: Vec<(Timestamp, i64, i64)>,
}

impl Scripts {
    /// One page of a script's runs, newest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn runs(
        &self,
        actor: &Actor,
        id: &ScriptId,
        wanted: &Wanted,
        page: PageRequest,
    ) -> Result<Page<Run>> {
        let wanted = Wanted { search: super::search(wanted.search.as_deref())?, ..wanted.clone() };
        self.readable(actor, id).await?;
        let (found, total) = runs::page(&mut self.0.store.reader(), id, &wanted, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Numbers of the last 30 days.
    ///
    /// # Errors
    /// As [`Scripts::runs`].
    pub(crate) async fn statistics(&self, actor: &Actor, id: &ScriptId) -> Result<Statistics> {
        self.readable(actor, id).await?;
        let store = &self.0.store;
        let since = store.now().plus_seconds(-STATISTIC_DAYS * 86_400);
        let db = &mut store.reader();
        Ok(Statistics { totals: runs::totals(db, id, since).await?, days: runs::days(db, id, since).await? })
    }

    /// One page of a script's log, newest first.
    ///
    /// # Errors
    /// As [`Scripts::runs`].
    pub(crate) async fn logs(
        &self,
        actor: &Actor,
        id: &ScriptId,
        run: Option<&ScriptRunId>,
        level: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Line>> {
        self.readable(actor, id).await?;
        let store = &self.0.store;
        let (found, total) = logs::page(store, &mut store.reader(), id, run, level, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// The next runs of an export, newest first: as many as a page holds at most.
    ///
    /// # Errors
    /// As [`Scripts::runs`].
    pub(crate) async fn runs_before(
        &self,
        actor: &Actor,
        id: &ScriptId,
        wanted: &Wanted,
        before: Option<&ScriptRunId>,
    ) -> Result<Vec<Run>> {
        let wanted = Wanted { search: super::search(wanted.search.as_deref())?, ..wanted.clone() };
        self.readable(actor, id).await?;
        let number = PageRequest::new(1, PageRequest::MAX_PAGE_SIZE)?;
        Ok(runs::before(&mut self.0.store.reader(), id, &wanted, before, number).await?)
    }

    /// The next lines of an export, newest first: as many as a page holds at most. `of`: of a run, of a level.
    ///
    /// # Errors
    /// As [`Scripts::runs`].
    pub(crate) async fn logs_before(
        &self,
        actor: &Actor,
        id: &ScriptId,
        of: (Option<&ScriptRunId>, Option<&str>),
        before: Option<&ScriptLogId>,
    ) -> Result<Vec<Line>> {
        self.readable(actor, id).await?;
        let number = PageRequest::new(1, PageRequest::MAX_PAGE_SIZE)?;
        let store = &self.0.store;
        Ok(logs::before(store, &mut store.reader(), id, of, (before, number)).await?)
    }

    /// Looks at the right, and has what waits written first: who called just now finds the run.
    async fn readable(&self, actor: &Actor, id: &ScriptId) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ReadScripts, object(id)).await?;
        self.found(workspace, id).await?;
        if let Err(e) = self.0.recorder.write(&self.0.store).await {
            // they wait on; what is there is told
            tracing::warn!(error = %e, "runs and logs of scripts could not be written yet");
        }
        Ok(())
    }
}

//! What is past its time, and files that nobody needs any more.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use gatehouse_types::{Id, Result};

use crate::Scripts;
use crate::places::remove;
use crate::store::{files, logs, packages, runs, scripts};

/// How long runs are kept, in days.
const RUN_DAYS: i64 = 90;
/// How long logs are kept, in days.
const LOG_DAYS: i64 = 14;
/// Files younger than this are left alone: somebody may be about to need them.
const YOUNG: Duration = Duration::from_secs(6 * 3_600);

fn is_old(path: &Path) -> bool {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified());
    // the disk's clock against the disk's clock
    modified.is_ok_and(|at| at.elapsed().unwrap_or_default() > YOUNG && at > SystemTime::UNIX_EPOCH)
}

impl Scripts {
    /// Forgets old runs and logs, and removes files that belong to nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let store = &self.0.store;
        let mut tx = store.begin_always().await?;
        runs::sweep(&mut tx, store.now().plus_seconds(-RUN_DAYS * 86_400)).await?;
        logs::sweep(&mut tx, store.now().plus_seconds(-LOG_DAYS * 86_400)).await?;
        tx.commit().await?;
        let projects: HashSet<String> = scripts::projects(store).await?.into_iter().collect();
        let ids: HashSet<String> =
            scripts::ids(store).await?.iter().map(|id| id.as_str().to_owned()).collect();
        let none = HashSet::new();
        for (folder, kept) in
            [("incoming", &none), ("projects", &projects), ("unpacked", &projects), ("work", &ids)]
        {
            for (name, path) in self.0.places.all_in(folder) {
                if !kept.contains(&name) && is_old(&path) {
                    remove(&path).await;
                }
            }
        }
        let installed: HashSet<String> = packages::keys(store).await?.into_iter().collect();
        for (key, _) in self.0.places.all_in("packages") {
            if !installed.contains(&key) {
                self.0.packages.remove(&key, is_old).await;
            }
        }
        self.0.packages.sweep().await;
        // what came in and was not kept after all
        let files = files::all(store).await?;
        let kept: HashSet<_> = files.iter().map(|(of, name)| (of.as_str(), name.as_str())).collect();
        for (workspace, _) in self.0.places.all_in("uploads") {
            for (name, path) in self.0.places.all_in(&format!("uploads/{workspace}")) {
                if !kept.contains(&(workspace.as_str(), name.as_str())) && is_old(&path) {
                    remove(&path).await;
                }
            }
        }
        Ok(())
    }
}

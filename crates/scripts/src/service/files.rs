//! Files that the scripts of a workspace may read.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{Actor, Error, Id, Page, PageRequest, Permission, Result, ScriptFileId};
use serde_json::json;

use super::projects::Received;
use crate::Scripts;
use crate::places::remove;
use crate::store::files::{self, File};

/// The largest file, in bytes.
pub(crate) const MAX_FILE: u64 = 100 * 1024 * 1024;
/// Files of a workspace at most.
const MAX_FILES: i64 = 1000;
/// All files of a workspace together, in bytes.
const MAX_ALL: i64 = 5 * 1024 * 1024 * 1024;

/// A name that is one file's in one directory.
fn checked(name: &str) -> Result<&str> {
    let plain = !name.starts_with('.') && name.len() <= 200 && !name.contains(['/', '\\', '\0']);
    match plain && !name.trim().is_empty() && !name.chars().any(char::is_control) {
        true => Ok(name),
        false => Err(Error::validation(
            "file",
            "The name of a file has 1 to 200 bytes, no slash and no control character, and begins with no dot.",
        )),
    }
}

impl Scripts {
    /// Keeps a file where the scripts of the workspace find it, under its name.
    ///
    /// # Errors
    /// `Validation` for a name that is none; `Conflict` for one that is taken, or too many.
    pub(crate) async fn keep_file(&self, actor: &Actor, received: Received) -> Result<File> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, None).await?;
        let name = checked(&received.project.name)?.to_owned();
        let file = File {
            id: store.ids().make(),
            workspace: workspace.clone(),
            name,
            sha256: received.project.sha256.clone(),
            bytes: received.project.bytes,
            created_by: principal_of(actor),
            created_at: store.now(),
        };
        let _alone = self.0.filing.lock().await;
        let mut tx = store.begin(&actor.origin).await?;
        let (count, bytes, is_taken) = files::totals(&mut tx, workspace, &file.name).await?;
        if is_taken {
            return Err(Error::conflict("There is a file with this name. Delete it first.").on_field("file"));
        }
        if count >= MAX_FILES || bytes.saturating_add(file.bytes) > MAX_ALL {
            return Err(Error::conflict("A workspace has at most 1000 files, and 5 GB of them."));
        }
        files::insert(&mut tx, &file).await?;
        let details = json!({"name": file.name, "sha256": file.sha256, "bytes": file.bytes});
        audit::record(
            &mut tx,
            actor,
            Event::success("script-file.created", ("script-file", file.id.as_str()), details),
        )
        .await?;
        if actor.origin.dry_run.is_none() {
            let place = self.0.places.uploads(workspace)?.join(&file.name);
            tokio::fs::rename(received.path(), &place).await.map_err(Error::internal)?;
            let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            tokio::fs::set_permissions(&place, readable).await.map_err(Error::internal)?;
        }
        tx.commit().await?;
        Ok(file)
    }

    /// One page of the workspace's files, by name.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn files(&self, actor: &Actor, page: PageRequest) -> Result<Page<File>> {
        let workspace = require(&self.0.store, actor, Permission::ReadScripts, None).await?;
        let (found, total) = files::page(&mut self.0.store.reader(), workspace, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_file(&self, actor: &Actor, id: &ScriptFileId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, None).await?;
        let _alone = self.0.filing.lock().await;
        let mut tx = store.begin(&actor.origin).await?;
        let found = files::find(&mut tx, workspace, id).await?.ok_or_else(|| Error::not_found("File"))?;
        files::delete(&mut tx, id).await?;
        let details = json!({"name": found.name});
        audit::record(
            &mut tx,
            actor,
            Event::success("script-file.deleted", ("script-file", id.as_str()), details),
        )
        .await?;
        let place = self.0.places.uploads(workspace)?.join(&found.name);
        tx.afterwards(async move { remove(&place).await });
        tx.commit().await?;
        Ok(())
    }
}

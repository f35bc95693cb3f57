//! Types that workspaces made, as they were read last: a definition may be large, and every call needs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_store::Queries;
use gatehouse_types::{Result, WorkspaceId};

use crate::connectors::model::known::{Known, OwnType, built_in};
use crate::connectors::store::types;

/// Bytes of definitions that are kept at most, as they are stored; beyond, all are forgotten and read anew.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A type is never changed, so the moment when it was made says which one of its id it is.
type Place = (WorkspaceId, String, i64);

/// The types that were read.
#[derive(Debug, Default)]
pub(crate) struct Types(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    all: HashMap<Place, Arc<OwnType>>,
    bytes: usize,
}

impl Types {
    /// A type by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn known<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        id: &str,
    ) -> Result<Option<Known>> {
        if let Some(definition) = built_in(id)? {
            return Ok(Some(Known::BuiltIn(definition)));
        }
        let Some(made) = types::made(db, workspace, id).await? else { return Ok(None) };
        let place = |micros| (workspace.clone(), id.to_owned(), micros);
        if let Some(own) = self.get(&place(made.micros())) {
            return Ok(Some(Known::Own(own)));
        }
        let Some((own, bytes)) = types::find_sized(db, workspace, id).await? else { return Ok(None) };
        self.put(place(own.created_at.micros()), &own, bytes);
        Ok(Some(Known::Own(own)))
    }

    fn get(&self, place: &Place) -> Option<Arc<OwnType>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.get(place).cloned()
    }

    fn put(&self, place: Place, own: &Arc<OwnType>, bytes: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes.saturating_add(bytes) > MAX_BYTES {
            *kept = Kept::default();
        }
        if bytes <= MAX_BYTES && kept.all.insert(place, Arc::clone(own)).is_none() {
            kept.bytes = kept.bytes.saturating_add(bytes);
        }
    }
}

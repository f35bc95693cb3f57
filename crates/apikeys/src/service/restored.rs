use gatehouse_store::{Result, Tx};

use crate::store::keys;

/// Deletes every key, in the transaction of a restore: which of them were taken back since the backup is not known.
/// Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> Result<u64> {
    keys::delete_all(tx).await
}

use gatehouse_store::{Result, Tx};

use crate::store::tokens;

/// After a database came back from a backup: every token is revoked, one that was taken back since would open the directory
/// again.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> Result<()> {
    tokens::revoke_all(tx).await
}

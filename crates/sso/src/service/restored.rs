use gatehouse_store::{Result, Tx};

use crate::store::{logout, requests, setup_links, shares, social};

/// After a database came back from a backup: sign-ins and sign-outs under way are forgotten, shared traces and setup links revoked.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> Result<()> {
    requests::forget_all(tx).await?;
    social::forget_all(tx).await?;
    logout::forget_all(tx).await?;
    setup_links::revoke_all(tx).await?;
    shares::revoke_all(tx).await
}

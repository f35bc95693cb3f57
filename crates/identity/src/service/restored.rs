use gatehouse_store::{Result, Tx};

use crate::model::EndReason;
use crate::store::{challenges, devices, invitations, links, sessions};

/// After a database came back from a backup: what had ended since must not come to life again. Every session ends, mailed
/// links and open questions are void, and invitations wait for being sent again. No device is known: one that was reported
/// since would be. Says how many sessions ended.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> Result<u64> {
    challenges::void_all(tx).await?;
    links::void_all(tx).await?;
    invitations::void_links(tx).await?;
    devices::forget_all(tx).await?;
    sessions::end_all(tx, EndReason::Restored).await
}

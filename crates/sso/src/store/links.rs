//! What links whose address is their key share.

use gatehouse_store::{Result, Row};

use crate::model::LinkLife;

/// Reads the life of a link.
pub(crate) fn life(row: &Row) -> Result<LinkLife> {
    Ok(LinkLife {
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.opt_time("revoked_at")?,
        opened: row.int("opened")?,
        first_opened_at: row.opt_time("first_opened_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

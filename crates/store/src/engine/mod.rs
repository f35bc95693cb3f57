//! What differs between the two databases: how values are bound, how a write transaction is held.

pub(crate) mod group_commit;
pub(crate) mod postgres;
pub(crate) mod sqlite;

//! What is looked at in a restored database before it counts.

use super::format::refuse;
use crate::audit::Wanted;
use crate::{Queries, Result, audit, sql};

/// Entries of a chain that are read at once.
const BATCH: i64 = 500;

/// Chains and entries that were found whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chains {
    pub(super) chains: u64,
    pub(super) entries: u64,
}

/// Follows every audit chain from its first entry to its head.
pub(super) async fn chains<Q: Queries>(db: &mut Q) -> Result<Chains> {
    let mut found = Chains::default();
    for head in db.fetch_all(sql("SELECT chain, sequence, hash FROM audit_heads ORDER BY chain")).await? {
        let (name, length, hash) = (head.text("chain")?, head.int("sequence")?, head.text("hash")?);
        let (mut sequence, mut last) = (0, audit::GENESIS.to_owned());
        loop {
            let entries = audit::after(db, &name, &Wanted::default(), sequence, BATCH).await?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                sequence += 1;
                let fits = entry.sequence == sequence && entry.previous_hash == last;
                if !fits || audit::hash_of(&name, &entry) != entry.hash {
                    return Err(refuse(format!("its audit chain {name} is broken at entry {sequence}")));
                }
                last = entry.hash;
            }
        }
        if (sequence, &last) != (length, &hash) {
            return Err(refuse(format!("its audit chain {name} does not end at its head, entry {length}")));
        }
        found.chains += 1;
        found.entries += u64::try_from(sequence).unwrap_or_default();
    }
    let all = db.fetch_one(sql("SELECT COUNT(*) AS n FROM audit_events")).await?.int("n")?;
    if u64::try_from(all).ok() != Some(found.entries) {
        return Err(refuse("it holds audit entries that belong to no chain"));
    }
    Ok(found)
}

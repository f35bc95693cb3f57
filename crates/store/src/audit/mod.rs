//! The audit log: one entry for each change and each sign-in, written in the transaction of what it tells of.
//!
//! Entries of a workspace form a chain: each has a sequence number without gaps and a hash over its content and
//! the hash before it. The table refuses updates and deletes. Heads of chains are signed ([`heads`], [`keys`]); an
//! export carries the signatures ([`file`]) and is proved without the server ([`verify`]).

pub mod file;
pub mod heads;
pub mod keys;
mod list;
pub mod verify;

use std::collections::BTreeMap;

use gatehouse_types::{Actor, AuditEventId, Effect, Id, Principal, Timestamp, WorkspaceId};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::numbers::Counted;
use crate::{Query, Result, Row, Tx, sql};

pub use list::{Condition, Field, Wanted, after, before, find, list};

/// The chain of events that belong to no workspace (a failed sign-in of nobody known).
pub(crate) const NO_WORKSPACE: &str = "-";
/// What stands before the first entry of a chain.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Whether what the entry tells of took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did.
    Success,
    /// It was refused or failed.
    Failure,
}

impl Outcome {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// A new entry.
#[derive(Debug)]
pub struct Event<'a> {
    /// What happened, as `area.what-happened`.
    pub event: &'static str,
    /// Whether it took place.
    pub outcome: Outcome,
    /// The kind and id of what it is about.
    pub target: Option<(&'static str, &'a str)>,
    /// More, without secrets.
    pub details: Json,
}

impl<'a> Event<'a> {
    /// Something that took place.
    pub fn success(event: &'static str, target: (&'static str, &'a str), details: Json) -> Self {
        Self { event, outcome: Outcome::Success, target: Some(target), details }
    }

    /// Something that was refused or failed.
    pub fn failure(event: &'static str, target: Option<(&'static str, &'a str)>, details: Json) -> Self {
        Self { event, outcome: Outcome::Failure, target, details }
    }
}

/// An entry, as read and exported.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEvent)]
pub struct Entry {
    /// The entry's id.
    #[schema(value_type = String)]
    pub id: AuditEventId,
    /// Its place in the chain, from 1, without gaps.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// Whether it took place.
    pub outcome: String,
    /// `user`, `system`, `setup-link`, `scim` or `anonymous`.
    pub actor_kind: String,
    /// The acting person, or the SCIM token.
    pub actor_id: Option<String>,
    /// What kind of thing it is about.
    pub target_kind: Option<String>,
    /// Which thing it is about.
    pub target_id: Option<String>,
    /// The peer's address.
    pub ip: Option<String>,
    /// The request that caused it.
    pub request_id: String,
    /// More, without secrets.
    #[schema(value_type = Object)]
    pub details: Json,
    /// The hash of the entry before.
    pub previous_hash: String,
    /// SHA-256 (hex) over this entry's other members in canonical JSON.
    pub hash: String,
}

/// Writes an entry in the actor's workspace.
///
/// # Errors
/// When the database fails; the caller's transaction then fails with it: no record, no change.
pub async fn record(tx: &mut Tx, actor: &Actor, event: Event<'_>) -> Result<()> {
    record_in(tx, actor, actor.workspace_id.as_ref(), event).await
}

/// Writes an entry in a given workspace (before sign-in, or across workspaces).
///
/// # Errors
/// As [`record`].
pub async fn record_in(
    tx: &mut Tx,
    actor: &Actor,
    workspace: Option<&WorkspaceId>,
    event: Event<'_>,
) -> Result<()> {
    if let Some(trial) = tx.dry_run() {
        let target = event.target.map(|(kind, id)| format!("{kind}:{id}"));
        trial.note(Effect { event: event.event.to_owned(), target, details: event.details.clone() });
    }
    let counted = Counted::of(&event);
    let chain = workspace.map_or(NO_WORKSPACE, gatehouse_types::Id::as_str).to_owned();
    let (actor_kind, actor_id) = actor_of(actor);
    let entry = Entry {
        id: tx.store().ids().make(),
        sequence: 0,
        at: tx.store().now(),
        event: event.event.to_owned(),
        outcome: event.outcome.as_str().to_owned(),
        actor_kind: actor_kind.to_owned(),
        actor_id: actor_id.map(ToString::to_string),
        target_kind: event.target.map(|(kind, _)| kind.to_owned()),
        target_id: event.target.map(|(_, id)| id.to_owned()),
        ip: actor.origin.ip.map(|ip| ip.to_string()),
        request_id: actor.origin.request_id.to_string(),
        details: event.details,
        previous_hash: String::new(),
        hash: String::new(),
    };
    tx.note(Unchained { chain, entry }, counted);
    Ok(())
}

/// An entry that waits for the commit of its transaction, where it gets its place in the chain.
#[derive(Debug)]
pub(crate) struct Unchained {
    chain: String,
    entry: Entry,
}

/// The sequence number and hash of the last entry of each chain that is written to.
pub(crate) type Heads = BTreeMap<String, (i64, String)>;

/// The heads of the chains of these entries; other writers of these chains wait. In the order of the chains' names, so
/// that two transactions never wait for each other.
pub(crate) async fn lock_heads(tx: &mut Tx, entries: &[Unchained]) -> Result<Heads> {
    let mut heads: Heads = entries.iter().map(|e| (e.chain.clone(), (0, String::new()))).collect();
    for (chain, head) in &mut heads {
        *head = lock_head(tx, chain).await?;
    }
    Ok(heads)
}

/// Puts the entries into their chains.
pub(crate) fn chain(tx: &mut Tx, entries: Vec<Unchained>, mut heads: Heads) -> Result<()> {
    let now = tx.store().now();
    for Unchained { chain, mut entry } in entries {
        let Some(head) = heads.get_mut(&chain) else { continue };
        entry.at = now;
        entry.sequence = head.0 + 1;
        entry.previous_hash = std::mem::take(&mut head.1);
        entry.hash = hash_of(&chain, &entry);
        *head = (entry.sequence, entry.hash.clone());
        tx.later(insert(&chain, &entry));
    }
    for (chain, (sequence, hash)) in heads {
        let update = sql("UPDATE audit_heads SET sequence = $2, hash = $3 WHERE chain = $1");
        tx.later(update.bind(chain).bind(sequence).bind(hash));
    }
    Ok(())
}

fn actor_of(actor: &Actor) -> (&'static str, Option<&str>) {
    match &actor.principal {
        Principal::Anonymous => ("anonymous", None),
        Principal::System => ("system", None),
        Principal::SetupLink { .. } => ("setup-link", None),
        Principal::Scim { token_id, .. } => ("scim", Some(token_id.as_str())),
        Principal::ApiKey { key_id, .. } => ("api-key", Some(key_id.as_str())),
        Principal::User { user_id, .. } => ("user", Some(user_id.as_str())),
    }
}

/// The sequence number and hash of the last entry; other writers of this chain wait.
async fn lock_head(tx: &mut Tx, chain: &str) -> Result<(i64, String)> {
    const SELECT: &str = "SELECT sequence, hash FROM audit_heads WHERE chain = $1";
    if let Some(row) = tx.lock_optional(SELECT, sql(SELECT).bind(chain)).await? {
        return Ok((row.int("sequence")?, row.text("hash")?));
    }
    let first =
        sql("INSERT INTO audit_heads (chain, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING");
    tx.execute(first.bind(chain).bind(GENESIS)).await?;
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(chain)).await?;
    match row {
        Some(row) => Ok((row.int("sequence")?, row.text("hash")?)),
        None => Ok((0, GENESIS.to_owned())),
    }
}

fn insert(chain: &str, e: &Entry) -> Query {
    sql("INSERT INTO audit_events (id, chain, sequence, at, event, outcome, actor_kind, actor_id, \
         target_kind, target_id, ip, request_id, details, previous_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(&e.id)
    .bind(chain)
    .bind(e.sequence)
    .bind(e.at)
    .bind(e.event.as_str())
    .bind(e.outcome.as_str())
    .bind(e.actor_kind.as_str())
    .bind(e.actor_id.clone())
    .bind(e.target_kind.clone())
    .bind(e.target_id.clone())
    .bind(e.ip.clone())
    .bind(e.request_id.as_str())
    .bind(canonical(&e.details))
    .bind(e.previous_hash.as_str())
    .bind(e.hash.as_str())
}

/// The hash of an entry: SHA-256 over its canonical JSON without `hash`, with its chain's name.
pub fn hash_of(chain: &str, entry: &Entry) -> String {
    let mut content = content_of(chain, entry);
    if let Some(members) = content.as_object_mut() {
        members.remove("hash");
    }
    gatehouse_types::hex(&Sha256::digest(canonical(&content).as_bytes()))
}

/// An entry as a line of an export has it, with its chain's name.
fn content_of(chain: &str, entry: &Entry) -> Json {
    json!({
        "chain": chain, "id": entry.id, "sequence": entry.sequence, "at": entry.at, "event": entry.event,
        "outcome": entry.outcome, "actorKind": entry.actor_kind, "actorId": entry.actor_id,
        "targetKind": entry.target_kind, "targetId": entry.target_id, "ip": entry.ip,
        "requestId": entry.request_id, "details": entry.details, "previousHash": entry.previous_hash,
        "hash": entry.hash,
    })
}

/// JSON with sorted keys and no space, whatever the order of maps in memory is (in the manner of RFC 8785).
pub fn canonical(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(k, _)| k.as_str());
            let members: Vec<_> = keys
                .into_iter()
                .map(|(k, v)| format!("{}:{}", Json::from(k.as_str()), canonical(v)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

const COLUMNS: &str = "id, sequence, at, event, outcome, actor_kind, actor_id, target_kind, target_id, ip, \
     request_id, details, previous_hash, hash";

fn read(row: &Row) -> Result<Entry> {
    Ok(Entry {
        id: row.id("id")?,
        sequence: row.int("sequence")?,
        at: row.time("at")?,
        event: row.text("event")?,
        outcome: row.text("outcome")?,
        actor_kind: row.text("actor_kind")?,
        actor_id: row.opt_text("actor_id")?,
        target_kind: row.opt_text("target_kind")?,
        target_id: row.opt_text("target_id")?,
        ip: row.opt_text("ip")?,
        request_id: row.text("request_id")?,
        details: row.json("details")?,
        previous_hash: row.text("previous_hash")?,
        hash: row.text("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value: Json = serde_json::from_str(r#"{"b":[{"z":1,"a":"x\"y"}],"a":null}"#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":null,"b":[{"a":"x\"y","z":1}]}"#);
    }
}

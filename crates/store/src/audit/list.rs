//! Reading the chain: filters with Is and Is not, by AND or by OR; pages by position.

use gatehouse_types::{AuditEventId, Page, PageRequest, Timestamp, WorkspaceId};

use super::{COLUMNS, Entry, Outcome, read};
use crate::{Queries, Query, Result, Value, sql};

/// What an entry can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// This event, exactly.
    Event(String),
    /// Events of this area: what stands before the first dot.
    Category(String),
    /// By this person.
    Person(String),
    /// About this thing or person, by its id.
    Target(String),
    /// With this outcome.
    Outcome(Outcome),
    /// At or after the first moment and before the second; an open end is `None`.
    Time(Option<Timestamp>, Option<Timestamp>),
}

/// One condition: the field is so, or is not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field and its value.
    pub field: Field,
    /// Whether the entries that are *not* so are wanted.
    pub negated: bool,
}

impl Condition {
    /// The field is so.
    pub fn is(field: Field) -> Self {
        Self { field, negated: false }
    }

    /// The field is not so.
    pub fn is_not(field: Field) -> Self {
        Self { field, negated: true }
    }
}

/// Which entries are wanted; no condition: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Whether one of them is enough; else all must hold.
    pub any: bool,
}

impl Wanted {
    /// Adds a condition when there is one.
    #[must_use]
    pub fn and(mut self, condition: Option<Condition>) -> Self {
        self.conditions.extend(condition);
        self
    }

    /// The condition of SQL, with its values appended to those that are there already.
    fn place(&self, values: &mut Vec<Value>) -> String {
        let parts: Vec<_> = self.conditions.iter().map(|c| c.place(values)).collect();
        match parts.as_slice() {
            [] => String::new(),
            parts => format!(" AND ({})", parts.join(if self.any { " OR " } else { " AND " })),
        }
    }
}

impl Condition {
    fn place(&self, values: &mut Vec<Value>) -> String {
        let mut bind = |value: Value| {
            values.push(value);
            values.len()
        };
        let text = match &self.field {
            Field::Event(event) => format!("event = ${}", bind(event.as_str().into())),
            Field::Category(area) => {
                let escaped = area.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                format!("event LIKE ${} ESCAPE '\\'", bind(format!("{escaped}.%").into()))
            }
            Field::Person(id) => {
                format!("(actor_id IS NOT NULL AND actor_id = ${})", bind(id.as_str().into()))
            }
            Field::Target(id) => {
                format!("(target_id IS NOT NULL AND target_id = ${})", bind(id.as_str().into()))
            }
            Field::Outcome(outcome) => format!("outcome = ${}", bind(outcome.as_str().into())),
            Field::Time(start, end) => {
                let start = start.map(|t| format!("at >= ${}", bind(t.into())));
                let end = end.map(|t| format!("at < ${}", bind(t.into())));
                let parts: Vec<_> = start.into_iter().chain(end).collect();
                if parts.is_empty() { "1 = 1".to_owned() } else { format!("({})", parts.join(" AND ")) }
            }
        };
        if self.negated { format!("NOT ({text})") } else { text }
    }
}

/// One page of a workspace's entries, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<Page<Entry>> {
    let mut values = vec![Value::from(workspace)];
    let place = wanted.place(&mut values);
    let count = format!("SELECT COUNT(*) AS n FROM audit_events WHERE chain = $1{place}");
    let total = db.fetch_one(Query::assembled(count, values.clone())).await?.int("n")?;
    let (limit, offset) = (values.len() + 1, values.len() + 2);
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE chain = $1{place} ORDER BY sequence DESC LIMIT ${limit} OFFSET ${offset}"
    );
    let rows = db.fetch_all(Query::assembled(text, values).bind(page.limit()).bind(page.offset())).await?;
    Ok(Page::new(rows.iter().map(read).collect::<Result<_>>()?, page, total))
}

/// Up to `limit` wanted entries before a position (all positions: `None`), newest first: a list reads on from there.
///
/// # Errors
/// When the database fails.
pub async fn before<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    sequence: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut values =
        vec![Value::from(workspace), Value::from(sequence.unwrap_or(i64::MAX)), Value::from(limit)];
    let place = wanted.place(&mut values);
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE chain = $1 AND sequence < $2{place} ORDER BY sequence DESC LIMIT $3"
    );
    db.fetch_all(Query::assembled(text, values)).await?.iter().map(read).collect()
}

/// Up to `limit` wanted entries of a chain after a position, in the chain's order: an export reads on from there.
///
/// # Errors
/// When the database fails.
pub async fn after<Q: Queries>(
    db: &mut Q,
    chain: &str,
    wanted: &Wanted,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut values = vec![Value::from(chain), Value::from(sequence), Value::from(limit)];
    let place = wanted.place(&mut values);
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE chain = $1 AND sequence > $2{place} ORDER BY sequence LIMIT $3"
    );
    db.fetch_all(Query::assembled(text, values)).await?.iter().map(read).collect()
}

/// One entry of a workspace.
///
/// # Errors
/// When the database fails.
pub async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &AuditEventId,
) -> Result<Option<Entry>> {
    let text = "SELECT id, sequence, at, event, outcome, actor_kind, actor_id, target_kind, target_id, ip, request_id, \
         details, previous_hash, hash FROM audit_events WHERE chain = $1 AND id = $2";
    db.fetch_optional(sql(text).bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

use std::collections::BTreeMap;

use gatehouse_store::{Binding, Condition, Error, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{ConnectorId, Id, OwnerKind, PageRequest, Secret, Timestamp, UserId, WorkspaceId};

use crate::connectors::model::connector::{Connector, Tested};
use crate::connectors::model::fields::Values;

const COLUMNS: &str = "id, workspace_id, version, type_id, auth_id, name, owner_kind, owner_id, responsible_id, fields, \
     secret_names, expiry, context, user_authentication, non_interactive, tested_at, test_outcome, test_message, created_by, \
     created_at, updated_at, last_used_at";

fn read(row: &Row) -> Result<Connector> {
    let tested = match row.opt_time("tested_at")? {
        None => None,
        Some(at) => Some(Tested {
            at,
            ok: row.opt_text("test_outcome")?.as_deref() == Some("success"),
            message: row.opt_text("test_message")?.unwrap_or_default(),
        }),
    };
    let expiry: BTreeMap<String, i64> = row.json("expiry")?;
    let person = row.text("owner_kind")? == OwnerKind::Person.as_str();
    Ok(Connector {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        version: row.int("version")?,
        type_id: row.text("type_id")?,
        auth_id: row.text("auth_id")?,
        name: row.text("name")?,
        owner_kind: if person { OwnerKind::Person } else { OwnerKind::Service },
        owner_id: row.opt_id("owner_id")?,
        responsible: row.opt_id("responsible_id")?,
        plain: row.json("fields")?,
        secret_names: row.text("secret_names")?.split_whitespace().map(str::to_owned).collect(),
        expiry: expiry.into_iter().map(|(key, at)| (key, Timestamp::from_micros(at))).collect(),
        context: row.text("context")?,
        user_authentication: row.bool("user_authentication")?,
        mode: row.parse("non_interactive")?,
        tested,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

fn place(id: &ConnectorId) -> Binding<'_> {
    Binding { table: "connectors", column: "secrets", row: Id::as_str(id) }
}

/// The columns that values are kept in.
struct Kept {
    fields: String,
    secrets: Option<String>,
    secret_names: String,
    expiry: String,
}

fn kept(tx: &Tx, id: &ConnectorId, values: &Values) -> Result<Kept> {
    let secrets: BTreeMap<&str, &str> =
        values.secret.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
    let expiry: BTreeMap<&str, i64> =
        values.expiry.iter().map(|(key, at)| (key.as_str(), at.micros())).collect();
    let text = Secret::new(serde_json::to_string(&secrets)?);
    let names: Vec<_> = secrets.keys().copied().collect();
    Ok(Kept {
        fields: serde_json::to_string(&values.plain)?,
        secrets: (!secrets.is_empty())
            .then(|| tx.store().keyring().seal(place(id), &text).as_str().to_owned()),
        secret_names: names.join(" "),
        expiry: serde_json::to_string(&expiry)?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, c: &Connector, values: &Values) -> Result<()> {
    let kept = kept(tx, &c.id, values)?;
    let insert = sql(
        "INSERT INTO connectors (id, workspace_id, version, type_id, auth_id, name, name_key, owner_kind, owner_id, \
         responsible_id, fields, secrets, secret_names, expiry, context, user_authentication, non_interactive, created_by, \
         created_at, updated_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)",
    )
    .bind(&c.id)
    .bind(&c.workspace_id)
    .bind(c.type_id.as_str())
    .bind(c.auth_id.as_str())
    .bind(c.name.as_str())
    .bind(c.name.to_lowercase())
    .bind(c.owner_kind.as_str())
    .bind(c.owner_id.as_ref())
    .bind(c.responsible.as_ref())
    .bind(kept.fields)
    .bind(kept.secrets)
    .bind(kept.secret_names)
    .bind(kept.expiry)
    .bind(c.context.as_str())
    .bind(c.user_authentication)
    .bind(c.mode.as_str())
    .bind(c.created_by.clone())
    .bind(c.created_at);
    tx.execute(insert).await.map(drop)
}

/// Stores what a person can change; how the last test went counts no more.
pub(crate) async fn update(tx: &mut Tx, c: &Connector, values: &Values) -> Result<()> {
    let kept = kept(tx, &c.id, values)?;
    let update = sql(
        "UPDATE connectors SET auth_id = $2, name = $3, name_key = $4, owner_kind = $5, owner_id = $6, responsible_id = $7, \
         fields = $8, secrets = $9, secret_names = $10, expiry = $11, user_authentication = $12, non_interactive = $13, \
         updated_at = $14, tested_at = NULL, test_outcome = NULL, test_message = NULL, version = version + 1 WHERE id = $1",
    )
    .bind(&c.id)
    .bind(c.auth_id.as_str())
    .bind(c.name.as_str())
    .bind(c.name.to_lowercase())
    .bind(c.owner_kind.as_str())
    .bind(c.owner_id.as_ref())
    .bind(c.responsible.as_ref())
    .bind(kept.fields)
    .bind(kept.secrets)
    .bind(kept.secret_names)
    .bind(kept.expiry)
    .bind(c.user_authentication)
    .bind(c.mode.as_str())
    .bind(c.updated_at);
    tx.execute(update).await.map(drop)
}

/// Stores how people authenticate for themselves.
pub(crate) async fn set_user_authentication(tx: &mut Tx, c: &Connector) -> Result<()> {
    let update =
        sql("UPDATE connectors SET user_authentication = $2, non_interactive = $3, updated_at = $4, \
         version = version + 1 WHERE id = $1")
        .bind(&c.id)
        .bind(c.user_authentication)
        .bind(c.mode.as_str())
        .bind(c.updated_at);
    tx.execute(update).await.map(drop)
}

/// The secret values of a connector.
pub(crate) async fn secrets<Q: Queries>(
    db: &mut Q,
    store: &Store,
    id: &ConnectorId,
) -> Result<BTreeMap<String, Secret>> {
    let row = db.fetch_optional(sql("SELECT secrets FROM connectors WHERE id = $1").bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("secrets")).transpose()?.flatten();
    let Some(sealed) = sealed else { return Ok(BTreeMap::new()) };
    let text = store.keyring().open_secret(place(id), &Sealed::from_stored(sealed))?;
    // what a parser says of a text may repeat it
    serde_json::from_str(text.expose()).map_err(|_| Error::Column {
        column: "secrets".to_owned(),
        source: "the sealed values are no JSON of texts".into(),
    })
}

const FIND: &str = "SELECT id, workspace_id, version, type_id, auth_id, name, owner_kind, owner_id, responsible_id, fields, \
     secret_names, expiry, context, user_authentication, non_interactive, tested_at, test_outcome, test_message, created_by, \
     created_at, updated_at, last_used_at FROM connectors WHERE workspace_id = $1 AND id = $2";

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ConnectorId,
) -> Result<Option<Connector>> {
    db.fetch_optional(sql(FIND).bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// The same with its row locked.
pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    id: &ConnectorId,
) -> Result<Option<Connector>> {
    tx.lock_optional(FIND, sql(FIND).bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// Whether a callback's unguessable part is another connector's.
pub(crate) async fn context_is_taken(tx: &mut Tx, context: &str) -> Result<bool> {
    let select = sql("SELECT id FROM connectors WHERE context = $1");
    Ok(tx.fetch_optional(select.bind(context)).await?.is_some())
}

/// Whether a name is taken by another connector.
pub(crate) async fn is_taken<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
    but: Option<&ConnectorId>,
) -> Result<bool> {
    let select = sql("SELECT id FROM connectors WHERE workspace_id = $1 AND name_key = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(name.to_lowercase())).await?;
    let found: Option<ConnectorId> = row.map(|r| r.id("id")).transpose()?;
    Ok(found.is_some_and(|id| Some(&id) != but))
}

/// Which to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// In the name.
    pub(crate) search: Option<String>,
    /// Of this type.
    pub(crate) type_id: Option<String>,
    /// Those on which each person may authenticate for themselves, or this person still does.
    pub(crate) mine: Option<UserId>,
    /// The company's, and this person's own; unset: all.
    pub(crate) seen_by: Option<UserId>,
}

pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Connector>, i64)> {
    let filter = Filter::new(COLUMNS, "connectors", "workspace_id = $", workspace)
        .and_contains("name_key LIKE $ ESCAPE '\\'", wanted.search.as_deref())
        .and_if("type_id = $", wanted.type_id.as_deref())
        .and_if("(owner_kind = 'service' OR owner_id = $)", wanted.seen_by.as_ref())
        .and_if(
            "(user_authentication = TRUE OR owner_kind = 'service' AND id IN (SELECT holder_id FROM oauth_grants \
             WHERE holder_kind = 'connector' AND owner_kind = 'person' AND owner_id = $))",
            wanted.mine.as_ref(),
        );
    let (rows, total) = filter.page(db, "name_key, id", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// How many connectors a workspace has, of a type or at all.
pub(crate) async fn count<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    type_id: Option<&str>,
) -> Result<i64> {
    let row = match type_id {
        None => {
            let select = sql("SELECT COUNT(*) AS n FROM connectors WHERE workspace_id = $1");
            db.fetch_one(select.bind(workspace)).await?
        }
        Some(id) => {
            let select = sql("SELECT COUNT(*) AS n FROM connectors WHERE workspace_id = $1 AND type_id = $2");
            db.fetch_one(select.bind(workspace).bind(id)).await?
        }
    };
    row.int("n")
}

/// Notes how a test went, unless the connector was changed meanwhile.
pub(crate) async fn tested(tx: &mut Tx, c: &Connector, tested: &Tested) -> Result<()> {
    let update = sql("UPDATE connectors SET tested_at = $3, test_outcome = $4, test_message = $5 \
         WHERE id = $1 AND version = $2")
    .bind(&c.id)
    .bind(c.version)
    .bind(tested.at)
    .bind(if tested.ok { "success" } else { "failure" })
    .bind(tested.message.as_str());
    tx.execute(update).await.map(drop)
}

/// Removes a connector with what hangs on it; its grants are the broker's to end.
pub(crate) async fn delete(tx: &mut Tx, id: &ConnectorId) -> Result<()> {
    tx.execute(sql("DELETE FROM connector_values WHERE connector_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM connector_links WHERE connector_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM connector_warnings WHERE connector_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM connectors WHERE id = $1").bind(id)).await.map(drop)
}

/// Of a person: their own connectors, and those of the company that they answer for, with their names.
pub(crate) async fn of_person(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<(Vec<(ConnectorId, String)>, Vec<(ConnectorId, String)>)> {
    let select = sql("SELECT id, name, owner_kind FROM connectors WHERE workspace_id = $1 \
         AND (owner_id = $2 OR responsible_id = $2) ORDER BY id");
    let rows = tx.fetch_all(select.bind(workspace).bind(user)).await?;
    let (mut own, mut answered) = (Vec::new(), Vec::new());
    for row in &rows {
        let person = row.text("owner_kind")? == OwnerKind::Person.as_str();
        let list = if person { &mut own } else { &mut answered };
        list.push((row.id("id")?, row.text("name")?));
    }
    Ok((own, answered))
}

/// Makes somebody else answer for the company's connectors of a person.
pub(crate) async fn set_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<()> {
    let update = sql("UPDATE connectors SET responsible_id = $3, version = version + 1 \
         WHERE workspace_id = $1 AND responsible_id = $2 AND owner_kind = 'service'");
    tx.execute(update.bind(workspace).bind(from).bind(to)).await.map(drop)
}

/// Who of these people owns a connector or answers for one.
pub(crate) async fn people_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    let store = tx.store().clone();
    let mut found: Vec<UserId> = Vec::new();
    for (head, column) in [
        ("SELECT DISTINCT owner_id AS id FROM connectors", "owner_id"),
        ("SELECT DISTINCT responsible_id AS id FROM connectors", "responsible_id"),
    ] {
        let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
        let of = of.then(Condition::one_of(column, people.iter().map(ToString::to_string)));
        for row in of.rows(&store, tx, head, Condition::default()).await? {
            let id = row.id("id")?;
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    Ok(found)
}

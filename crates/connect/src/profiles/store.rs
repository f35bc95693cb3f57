use gatehouse_store::{Binding, Condition, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{AuthProfileId, Id, PageRequest, UserId, WorkspaceId};

use crate::Holder;
use crate::memory::Memory;

use super::model::{AllowedHost, AuthorizationType, Profile, Secrets, client_auth, client_auth_name};

/// One profile of a workspace.
const FIND: &str = "SELECT * FROM auth_profiles WHERE workspace_id = $1 AND id = $2";

fn secret_place(id: &AuthProfileId) -> Binding<'_> {
    Binding { table: "auth_profiles", column: "client_secret", row: id.as_str() }
}

fn fields_place(id: &AuthProfileId) -> Binding<'_> {
    Binding { table: "auth_profiles", column: "fields", row: id.as_str() }
}

/// Two names are the same whatever their case.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}

fn read(row: &Row) -> Result<Profile> {
    let wrong = |column: &str, source: gatehouse_types::Error| gatehouse_store::Error::Column {
        column: column.to_owned(),
        source: source.into(),
    };
    let auth = row.text("client_authentication")?;
    Ok(Profile {
        id: row.id("id")?,
        workspace: row.id("workspace_id")?,
        version: row.int("version")?,
        kind: row.parse::<AuthorizationType>("authorization_type")?,
        name: row.text("name")?,
        description: row.text("description")?,
        context: row.text("callback_context")?,
        client_id: row.text("client_id")?,
        client_auth: client_auth(&auth).map_err(|e| wrong("client_authentication", e))?,
        authorization_url: row.opt_text("authorization_url")?,
        tenancy_url: row.bool("tenancy_url")?,
        token_url: row.text("token_request_url")?,
        refresh_url: row.opt_text("refresh_token_url")?,
        revocation_url: row.opt_text("revocation_url")?,
        issuer: row.opt_text("issuer")?,
        scope: row.text("scope")?,
        auth_error_status: u16::try_from(row.int("auth_error_status")?).unwrap_or(401),
        auth_error_text: row.text("auth_error_text")?,
        allowed_hosts: AllowedHost::stored(&row.text("allowed_hosts")?),
        responsible: row.opt_id("responsible_id")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn opened(store: &Store, row: &Row) -> Result<(Profile, Secrets)> {
    let profile = read(row)?;
    let keyring = store.keyring();
    let secret = Sealed::from_stored(row.text("client_secret")?);
    let fields = keyring.open_bytes(fields_place(&profile.id), &Sealed::from_stored(row.text("fields")?))?;
    let secrets = Secrets {
        client_secret: keyring.open_secret(secret_place(&profile.id), &secret)?,
        fields: serde_json::from_slice(&fields)?,
    };
    Ok((profile, secrets))
}

fn hosts(profile: &Profile) -> String {
    profile.allowed_hosts.iter().map(AllowedHost::as_str).collect::<Vec<_>>().join(" ")
}

pub(crate) async fn insert(tx: &mut Tx, p: &Profile, secrets: &Secrets) -> Result<()> {
    let keyring = tx.store().keyring();
    let secret = keyring.seal(secret_place(&p.id), &secrets.client_secret);
    let fields = keyring.seal_bytes(fields_place(&p.id), &serde_json::to_vec(&secrets.fields)?);
    let insert = sql("INSERT INTO auth_profiles (id, workspace_id, version, authorization_type, name, name_key, \
         description, callback_context, client_id, client_secret, client_authentication, authorization_url, tenancy_url, \
         token_request_url, refresh_token_url, revocation_url, issuer, scope, fields, auth_error_status, auth_error_text, \
         allowed_hosts, responsible_id, created_by, created_at, updated_at) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, \
         $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $24)")
    .bind(&p.id)
    .bind(&p.workspace)
    .bind(p.kind.as_str())
    .bind(p.name.as_str())
    .bind(name_key(&p.name))
    .bind(p.description.as_str())
    .bind(p.context.as_str())
    .bind(p.client_id.as_str())
    .bind(secret.as_str())
    .bind(client_auth_name(p.client_auth))
    .bind(p.authorization_url.clone())
    .bind(p.tenancy_url)
    .bind(p.token_url.as_str())
    .bind(p.refresh_url.clone())
    .bind(p.revocation_url.clone())
    .bind(p.issuer.clone())
    .bind(p.scope.as_str())
    .bind(fields.as_str())
    .bind(i64::from(p.auth_error_status))
    .bind(p.auth_error_text.as_str())
    .bind(hosts(p))
    .bind(p.responsible.as_ref())
    .bind(p.created_by.clone())
    .bind(p.created_at);
    tx.execute(insert).await.map(drop)
}

/// Stores what can be changed.
pub(crate) async fn update(tx: &mut Tx, memory: &Memory, p: &Profile, secrets: &Secrets) -> Result<()> {
    memory.changed(tx, &Holder::Profile(p.id.clone())).await?;
    let keyring = tx.store().keyring();
    let secret = keyring.seal(secret_place(&p.id), &secrets.client_secret);
    let fields = keyring.seal_bytes(fields_place(&p.id), &serde_json::to_vec(&secrets.fields)?);
    let update = sql("UPDATE auth_profiles SET version = version + 1, description = $2, callback_context = $3, \
         client_id = $4, client_secret = $5, client_authentication = $6, authorization_url = $7, tenancy_url = $8, \
         token_request_url = $9, refresh_token_url = $10, revocation_url = $11, issuer = $12, scope = $13, fields = $14, \
         auth_error_status = $15, auth_error_text = $16, allowed_hosts = $17, updated_at = $18 WHERE id = $1")
    .bind(&p.id)
    .bind(p.description.as_str())
    .bind(p.context.as_str())
    .bind(p.client_id.as_str())
    .bind(secret.as_str())
    .bind(client_auth_name(p.client_auth))
    .bind(p.authorization_url.clone())
    .bind(p.tenancy_url)
    .bind(p.token_url.as_str())
    .bind(p.refresh_url.clone())
    .bind(p.revocation_url.clone())
    .bind(p.issuer.clone())
    .bind(p.scope.as_str())
    .bind(fields.as_str())
    .bind(i64::from(p.auth_error_status))
    .bind(p.auth_error_text.as_str())
    .bind(hosts(p))
    .bind(p.updated_at);
    tx.execute(update).await.map(drop)
}

/// A profile of the workspace with its secrets.
pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &AuthProfileId,
) -> Result<Option<(Profile, Secrets)>> {
    let found = db.fetch_optional(sql(FIND).bind(workspace).bind(id)).await?;
    found.map(|row| opened(store, &row)).transpose()
}

/// The same, held against other writers until the transaction ends.
pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    id: &AuthProfileId,
) -> Result<Option<(Profile, Secrets)>> {
    let store = tx.store().clone();
    let row = tx.lock_optional(FIND, sql(FIND).bind(workspace).bind(id)).await?;
    row.map(|row| opened(&store, &row)).transpose()
}

/// What people know it by: its name, and who answers for it.
pub(crate) async fn about<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &AuthProfileId,
) -> Result<Option<(String, Option<UserId>)>> {
    let select = sql("SELECT name, responsible_id FROM auth_profiles WHERE workspace_id = $1 AND id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(id)).await?;
    row.map(|row| Ok((row.text("name")?, row.opt_id("responsible_id")?))).transpose()
}

/// The profile with this name.
pub(crate) async fn called<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
) -> Result<Option<AuthProfileId>> {
    let select = sql("SELECT id FROM auth_profiles WHERE workspace_id = $1 AND name_key = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(name_key(name))).await?;
    row.map(|row| row.id("id")).transpose()
}

/// One page, by name.
pub(crate) async fn page<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    search: Option<&str>,
    page: PageRequest,
) -> Result<(Vec<(Profile, Secrets)>, i64)> {
    let (rows, total) = Filter::new("*", "auth_profiles", "workspace_id = $", workspace)
        .and_contains("name_key LIKE $ ESCAPE '\\'", search)
        .page(db, "name_key, id", page)
        .await?;
    Ok((rows.iter().map(|row| opened(store, row)).collect::<Result<_>>()?, total))
}

/// How many there are.
pub(crate) async fn count(tx: &mut Tx, workspace: &WorkspaceId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM auth_profiles WHERE workspace_id = $1");
    tx.fetch_one(select.bind(workspace)).await?.int("n")
}

/// Whether a name is another profile's.
pub(crate) async fn name_is_taken(tx: &mut Tx, workspace: &WorkspaceId, name: &str) -> Result<bool> {
    let select = sql("SELECT id FROM auth_profiles WHERE workspace_id = $1 AND name_key = $2");
    Ok(tx.fetch_optional(select.bind(workspace).bind(name_key(name))).await?.is_some())
}

/// Whether a callback's address is another profile's, of any workspace.
pub(crate) async fn context_is_taken(tx: &mut Tx, context: &str, but: &AuthProfileId) -> Result<bool> {
    let select = sql("SELECT id FROM auth_profiles WHERE callback_context = $1 AND id <> $2");
    Ok(tx.fetch_optional(select.bind(context).bind(but)).await?.is_some())
}

pub(crate) async fn delete(tx: &mut Tx, memory: &Memory, id: &AuthProfileId) -> Result<()> {
    memory.changed(tx, &Holder::Profile(id.clone())).await?;
    tx.execute(sql("DELETE FROM auth_profiles WHERE id = $1").bind(id)).await.map(drop)
}

/// The profiles for which a person answers.
pub(crate) async fn of_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<(AuthProfileId, String)>> {
    let select =
        sql("SELECT id, name FROM auth_profiles WHERE workspace_id = $1 AND responsible_id = $2 ORDER BY id");
    let rows = tx.fetch_all(select.bind(workspace).bind(user)).await?;
    rows.iter().map(|row| Ok((row.id("id")?, row.text("name")?))).collect()
}

/// Makes somebody else answer for them.
pub(crate) async fn set_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<()> {
    let update = sql("UPDATE auth_profiles SET responsible_id = $3, version = version + 1 \
         WHERE workspace_id = $1 AND responsible_id = $2");
    tx.execute(update.bind(workspace).bind(from).bind(to)).await.map(drop)
}

/// Who of these people answers for a profile, has a grant of their own, or authorized one of the company's.
pub(crate) async fn owners_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const PROFILES: &str = "SELECT DISTINCT responsible_id AS id FROM auth_profiles";
    const GRANTS: &str = "SELECT DISTINCT owner_id AS id FROM oauth_grants";
    const AUTHORIZED: &str = "SELECT DISTINCT authorized_by AS id FROM oauth_grants";
    let store = tx.store().clone();
    let mut found: Vec<UserId> = Vec::new();
    let places = [(PROFILES, "responsible_id"), (GRANTS, "owner_id"), (AUTHORIZED, "authorized_by")];
    for (head, column) in places {
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

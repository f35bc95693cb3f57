//! Recorded reasons: every check that refuses leaves one, so that those who may know can ask why.

use gatehouse_types::{Actor, DecisionId, Id, Principal, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::{Queries, Result, Store, Tx, sql};

/// How long a decision can be explained, in days.
pub const KEPT_DAYS: i64 = 30;

/// One link of the chain of reasons: a check, its result, and what it saw, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reason {
    /// The check.
    pub check: String,
    /// Whether it passed.
    pub ok: bool,
    /// What it saw, and what to do about it.
    pub detail: String,
}

impl Reason {
    /// A check that passed.
    pub fn passed(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { check: check.into(), ok: true, detail: detail.into() }
    }

    /// The check that refused.
    pub fn failed(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { check: check.into(), ok: false, detail: detail.into() }
    }
}

/// A refusal to be recorded.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// What was asked for, as `area:action`.
    pub action: &'a str,
    /// On what, as `kind:id`.
    pub object: Option<String>,
    /// The checks up to the one that refused.
    pub reasons: Vec<Reason>,
}

/// A recorded decision.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The id that the refused caller was given.
    #[schema(value_type = String)]
    pub id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// Always `refused`: only refusals are recorded.
    pub outcome: &'static str,
    /// Who asked, as `kind:id`.
    pub principal: String,
    /// What was asked for.
    pub action: String,
    /// On what.
    pub object: Option<String>,
    /// The chain of reasons.
    pub reasons: Vec<Reason>,
    /// The request.
    pub request_id: String,
}

/// Who acts, as `kind:id`.
pub fn principal_of(actor: &Actor) -> String {
    match &actor.principal {
        Principal::Anonymous => "anonymous".to_owned(),
        Principal::System => "system".to_owned(),
        Principal::SetupLink { link_id, .. } => format!("setup-link:{link_id}"),
        Principal::Scim { token_id, .. } => format!("scim:{token_id}"),
        Principal::ApiKey { key_id, .. } => format!("api-key:{key_id}"),
        Principal::User { user_id, .. } => format!("user:{user_id}"),
    }
}

/// Records a refusal in a transaction of its own (the refused one is rolled back), in the given workspace.
///
/// # Errors
/// When the database fails.
pub async fn refuse(
    store: &Store,
    actor: &Actor,
    workspace: Option<&WorkspaceId>,
    refusal: Refusal<'_>,
) -> Result<DecisionId> {
    let mut tx = store.begin_always().await?;
    let id = refuse_in(&mut tx, actor, workspace, refusal).await?;
    tx.commit().await?;
    Ok(id)
}

/// Records a refusal in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn refuse_in(
    tx: &mut Tx,
    actor: &Actor,
    workspace: Option<&WorkspaceId>,
    refusal: Refusal<'_>,
) -> Result<DecisionId> {
    let id: DecisionId = tx.store().ids().make();
    let now = tx.store().now();
    let insert =
        sql("INSERT INTO decisions (id, workspace_id, at, principal, action, object, reasons, request_id, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(&id)
        .bind(workspace)
        .bind(now)
        .bind(principal_of(actor))
        .bind(refusal.action)
        .bind(refusal.object)
        .bind(serde_json::to_string(&refusal.reasons)?)
        .bind(actor.origin.request_id.as_str())
        .bind(now.plus_seconds(KEPT_DAYS * 86_400));
    tx.later(insert);
    Ok(id)
}

/// A decision of the workspace.
///
/// # Errors
/// When the database fails.
pub async fn find(store: &Store, workspace: &WorkspaceId, id: &DecisionId) -> Result<Option<Decision>> {
    let (db, now) = (&mut store.reader(), store.now());
    let row = db
        .fetch_optional(
            sql("SELECT id, at, principal, action, object, reasons, request_id FROM decisions \
                 WHERE workspace_id = $1 AND id = $2 AND expires_at > $3")
            .bind(workspace)
            .bind(id)
            .bind(now),
        )
        .await?;
    row.map(|r| {
        Ok(Decision {
            id: r.id("id")?,
            at: r.time("at")?,
            outcome: "refused",
            principal: r.text("principal")?,
            action: r.text("action")?,
            object: r.opt_text("object")?,
            reasons: r.json("reasons")?,
            request_id: r.text("request_id")?,
        })
    })
    .transpose()
}

/// Forgets what is older than [`KEPT_DAYS`]; returns how many were forgotten.
///
/// # Errors
/// When the database fails.
pub async fn sweep(tx: &mut Tx) -> Result<u64> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM decisions WHERE expires_at < $1").bind(now)).await
}

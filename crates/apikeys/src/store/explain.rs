use gatehouse_store::{Queries, Result, sql};
use gatehouse_types::{ApiAppId, WorkspaceId};

use crate::model::app::folded;

/// The apps that have a scope: how many, and the first `most` as id and name.
pub(crate) async fn with_scope<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    scope: &str,
    most: i64,
) -> Result<(i64, Vec<(String, String)>)> {
    let select = sql("SELECT id, name, COUNT(*) OVER () AS n FROM api_apps WHERE workspace_id = $1 \
         AND deleted_at IS NULL AND status = 'active' AND ' ' || scopes || ' ' LIKE '% ' || $2 || ' %' ESCAPE '\\' \
         ORDER BY name, id LIMIT $3");
    let scope = scope.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let rows = db.fetch_all(select.bind(workspace).bind(scope).bind(most.max(1))).await?;
    let count = rows.first().map(|r| r.int("n")).transpose()?.unwrap_or(0);
    let take = usize::try_from(most).unwrap_or(0);
    let named = rows.iter().take(take).map(|r| Ok((r.text("id")?, r.text("name")?)));
    Ok((count, named.collect::<Result<_>>()?))
}

/// The app of this name.
pub(crate) async fn app_named<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
) -> Result<Option<ApiAppId>> {
    let select =
        sql("SELECT id FROM api_apps WHERE workspace_id = $1 AND name_key = $2 AND deleted_at IS NULL");
    db.fetch_optional(select.bind(workspace).bind(folded(name))).await?.map(|r| r.id("id")).transpose()
}

//! Which columns hold sealed values.

use crate::Result;
use crate::Row;

/// One column of sealed values, bound to `table:column:row`; the row is its key columns joined by `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The columns that name the row, in order.
    pub key: &'static [&'static str],
    /// The column that names the workspace, if the rows belong to one.
    pub workspace: Option<&'static str>,
}

const fn of_installation(
    table: &'static str,
    column: &'static str,
    key: &'static [&'static str],
) -> SealedColumn {
    SealedColumn { table, column, key, workspace: None }
}

const fn of_workspace(table: &'static str, column: &'static str) -> SealedColumn {
    SealedColumn { table, column, key: &["id"], workspace: Some("workspace_id") }
}

/// Every sealed column there is. A test compares it with the bindings in the code: a new one needs a line here, or a
/// rotation would lose what is in it.
pub const SEALED: &[SealedColumn] = &[
    of_workspace("auth_profiles", "client_secret"),
    of_workspace("auth_profiles", "fields"),
    of_workspace("connectors", "secrets"),
    of_workspace("factor_challenges", "state"),
    of_workspace("execution_events", "event"),
    SealedColumn {
        table: "execution_steps",
        column: "shown",
        key: &["execution_id", "step"],
        workspace: Some("workspace_id"),
    },
    of_workspace("executions", "checkpoint"),
    of_workspace("executions", "input"),
    of_workspace("executions", "output"),
    of_workspace("executions", "state"),
    of_installation("factors", "secret", &["id"]),
    of_workspace("flow_files", "content"),
    of_workspace("flow_triggers", "input"),
    of_workspace("flow_versions", "definition"),
    of_workspace("flows", "draft"),
    of_installation("audit_keys", "private_key", &["id"]),
    of_installation("idempotency_keys", "answer", &["scope", "key"]),
    of_installation("keyring_secrets", "secret", &["name"]),
    of_workspace("mails", "body"),
    of_workspace("oauth_grants", "asked"),
    of_workspace("oauth_grants", "tokens"),
    of_workspace("oauth_requests", "secrets"),
    of_workspace("oauth_revocations", "secrets"),
    of_installation("saml_keys", "private_key", &["id"]),
    of_installation("signing_keys", "private_key", &["id"]),
    of_installation("social_requests", "secrets", &["id"]),
    of_workspace("script_deployments", "settings"),
    of_workspace("script_logs", "message"),
    of_workspace("scripts", "settings"),
    of_workspace("sso_attempts", "message"),
    of_workspace("sso_connections", "client_secret"),
    of_workspace("sso_drafts", "client_secret"),
    of_installation("sso_logouts", "called", &["id"]),
    of_installation("sso_requests", "secrets", &["id"]),
    of_installation("sso_sessions", "called", &["session_id"]),
    of_workspace("webhooks", "former_secret"),
    of_workspace("webhooks", "secret"),
];

impl SealedColumn {
    /// The entry of a column.
    pub fn find(table: &str, column: &str) -> Option<&'static Self> {
        SEALED.iter().find(|s| s.table == table && s.column == column)
    }

    pub(super) fn key_list(&self) -> String {
        self.key.join(", ")
    }

    pub(super) fn key_of(&self, row: &Row) -> Result<Vec<String>> {
        self.key.iter().map(|column| row.text(column)).collect()
    }

    /// A condition on the key columns whose first placeholder has this number.
    pub(super) fn key_is(&self, first: usize) -> String {
        let parts: Vec<_> =
            self.key.iter().enumerate().map(|(n, column)| format!("{column} = ${}", first + n)).collect();
        parts.join(" AND ")
    }

    /// "After this row", in the order of the key.
    pub(super) fn key_after(&self, first: usize) -> String {
        let places: Vec<_> = (0..self.key.len()).map(|n| format!("${}", first + n)).collect();
        format!("({}) > ({})", self.key_list(), places.join(", "))
    }
}

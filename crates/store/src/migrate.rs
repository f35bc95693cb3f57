//! The schema, step by step. The same numbers and names in both folders; a test compares the schemas.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, PgConnection, PgPool, SqlSafeStr, SqliteConnection};

use crate::{Error, Result};

macro_rules! steps {
    ($folder:literal) => {
        [
            (1, "base", include_str!(concat!("../migrations/", $folder, "/0001_base.sql"))),
            (2, "identity", include_str!(concat!("../migrations/", $folder, "/0002_identity.sql"))),
            (3, "sso", include_str!(concat!("../migrations/", $folder, "/0003_sso.sql"))),
            (4, "saml_depth", include_str!(concat!("../migrations/", $folder, "/0004_saml_depth.sql"))),
            (5, "single_logout", include_str!(concat!("../migrations/", $folder, "/0005_single_logout.sql"))),
            (6, "traces", include_str!(concat!("../migrations/", $folder, "/0006_traces.sql"))),
            (7, "people", include_str!(concat!("../migrations/", $folder, "/0007_people.sql"))),
            (
                8,
                "second_factors",
                include_str!(concat!("../migrations/", $folder, "/0008_second_factors.sql")),
            ),
            (9, "ledger", include_str!(concat!("../migrations/", $folder, "/0009_ledger.sql"))),
            (
                10,
                "name_id_format",
                include_str!(concat!("../migrations/", $folder, "/0010_name_id_format.sql")),
            ),
            (11, "drafts", include_str!(concat!("../migrations/", $folder, "/0011_drafts.sql"))),
            (12, "setup_links", include_str!(concat!("../migrations/", $folder, "/0012_setup_links.sql"))),
            (13, "role_mapping", include_str!(concat!("../migrations/", $folder, "/0013_role_mapping.sql"))),
            (
                14,
                "browser_of_session",
                include_str!(concat!("../migrations/", $folder, "/0014_browser_of_session.sql")),
            ),
            (15, "openid", include_str!(concat!("../migrations/", $folder, "/0015_openid.sql"))),
            (
                16,
                "secret_expiry",
                include_str!(concat!("../migrations/", $folder, "/0016_secret_expiry.sql")),
            ),
            (17, "scim", include_str!(concat!("../migrations/", $folder, "/0017_scim.sql"))),
            (18, "leavers", include_str!(concat!("../migrations/", $folder, "/0018_leavers.sql"))),
            (19, "social", include_str!(concat!("../migrations/", $folder, "/0019_social.sql"))),
            (
                20,
                "scim_directory",
                include_str!(concat!("../migrations/", $folder, "/0020_scim_directory.sql")),
            ),
            (21, "webhooks", include_str!(concat!("../migrations/", $folder, "/0021_webhooks.sql"))),
            (
                22,
                "setup_provisioning",
                include_str!(concat!("../migrations/", $folder, "/0022_setup_provisioning.sql")),
            ),
            (25, "scim_places", include_str!(concat!("../migrations/", $folder, "/0025_scim_places.sql"))),
            (
                23,
                "role_mappings",
                include_str!(concat!("../migrations/", $folder, "/0023_role_mappings.sql")),
            ),
            (24, "hand_over", include_str!(concat!("../migrations/", $folder, "/0024_hand_over.sql"))),
            (
                26,
                "deliveries_due",
                include_str!(concat!("../migrations/", $folder, "/0026_deliveries_due.sql")),
            ),
            (
                27,
                "scim_statistics",
                include_str!(concat!("../migrations/", $folder, "/0027_scim_statistics.sql")),
            ),
            (28, "api_keys", include_str!(concat!("../migrations/", $folder, "/0028_api_keys.sql"))),
            (
                29,
                "authorization_profiles",
                include_str!(concat!("../migrations/", $folder, "/0029_authorization_profiles.sql")),
            ),
            (30, "connectors", include_str!(concat!("../migrations/", $folder, "/0030_connectors.sql"))),
            (31, "flows", include_str!(concat!("../migrations/", $folder, "/0031_flows.sql"))),
            (32, "grants", include_str!(concat!("../migrations/", $folder, "/0032_grants.sql"))),
            (33, "executions", include_str!(concat!("../migrations/", $folder, "/0033_executions.sql"))),
            (
                34,
                "flow_triggers",
                include_str!(concat!("../migrations/", $folder, "/0034_flow_triggers.sql")),
            ),
            (
                35,
                "execution_claims",
                include_str!(concat!("../migrations/", $folder, "/0035_execution_claims.sql")),
            ),
            (36, "scripts", include_str!(concat!("../migrations/", $folder, "/0036_scripts.sql"))),
            (37, "exemptions", include_str!(concat!("../migrations/", $folder, "/0037_exemptions.sql"))),
            (
                38,
                "script_packages",
                include_str!(concat!("../migrations/", $folder, "/0038_script_packages.sql")),
            ),
        ]
    };
}

fn migrator<const N: usize>(steps: [(i64, &'static str, &'static str); N]) -> Migrator {
    let migrations = steps.into_iter().map(|(version, name, text)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

fn failed(e: sqlx::migrate::MigrateError) -> Error {
    match e {
        sqlx::migrate::MigrateError::VersionMissing(v) => Error::File(format!(
            "the database has migration {v}, which this version does not know: it was used by a newer Gatehouse"
        )),
        other => Error::Database(sqlx::Error::Migrate(Box::new(other))),
    }
}

/// The number of the last step.
pub(crate) fn newest() -> i64 {
    steps!("sqlite").last().map_or(0, |(version, ..)| *version)
}

/// The steps up to a schema, for what a backup of that schema holds.
pub(crate) async fn sqlite_to(connection: &mut SqliteConnection, schema: i64) -> Result<()> {
    migrator(steps!("sqlite")).run_direct(Some(schema), connection, false).await.map_err(failed)
}

/// The same inside the transaction that the connection is in; `None`: all steps.
pub(crate) async fn postgres_to(connection: &mut PgConnection, schema: Option<i64>) -> Result<()> {
    migrator(steps!("postgres")).run_direct(schema, connection, false).await.map_err(failed)
}

pub(crate) async fn sqlite(connection: &mut SqliteConnection) -> Result<()> {
    migrator(steps!("sqlite")).run(connection).await.map_err(failed)
}

/// A number of the schema: another one whenever a step is another one. Tests name copies of an empty database by it.
pub fn fingerprint() -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    steps!("postgres").hash(&mut hasher);
    hasher.finish()
}

/// Brings an empty PostgreSQL database to the newest schema and writes nothing else: what tests copy.
///
/// # Errors
/// When the database cannot be reached, or a step fails.
pub async fn postgres_at(url: &url::Url) -> Result<()> {
    let mut connection = PgConnection::connect(url.as_str()).await?;
    postgres_to(&mut connection, None).await?;
    Ok(connection.close().await?)
}

pub(crate) async fn postgres(pool: &PgPool) -> Result<()> {
    migrator(steps!("postgres")).run(pool).await.map_err(failed)
}

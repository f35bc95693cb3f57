use gatehouse_store::{Queries, Result, Store, sql};
use gatehouse_types::ScriptId;

use super::deployments::Deployment;
use super::scripts;

/// What was installed for a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Packages {
    /// The name of the folder.
    pub(crate) key: String,
    /// What the versions were found for: language, version of the interpreter, platform.
    pub(crate) environment: String,
    /// Exact versions and checksums.
    pub(crate) lock: String,
}

/// Notes what a deployment runs with. A server with another interpreter notes its own beside it.
pub(crate) async fn add(store: &Store, d: &Deployment, packages: &Packages) -> Result<()> {
    let mut tx = store.begin_always().await?;
    // held, so that nobody deletes the deployment meanwhile
    if scripts::lock(&mut tx, &d.workspace, &d.script).await?.is_none() {
        return Ok(());
    }
    let insert = sql(
        "INSERT INTO script_packages (deployment_id, package_key, workspace_id, environment, lock_text) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (deployment_id, package_key) DO NOTHING",
    )
    .bind(&d.id)
    .bind(packages.key.as_str())
    .bind(&d.workspace)
    .bind(packages.environment.as_str())
    .bind(packages.lock.as_str());
    tx.execute(insert).await?;
    tx.commit().await
}

/// The lock that an earlier deployment of the same project was resolved to, the newest one.
pub(crate) async fn lock_of(
    store: &Store,
    script: &ScriptId,
    project_sha256: &str,
    environment: &str,
) -> Result<Option<String>> {
    let select = sql("SELECT p.lock_text FROM script_packages p JOIN script_deployments d ON d.id = p.deployment_id \
         WHERE d.script_id = $1 AND d.project_sha256 = $2 AND p.environment = $3 ORDER BY d.number DESC LIMIT 1")
    .bind(script)
    .bind(project_sha256)
    .bind(environment);
    store.reader().fetch_optional(select).await?.map(|row| row.text("lock_text")).transpose()
}

/// The folders that somebody still needs: of what is in service or on its way, and of the projects that scripts have now.
pub(crate) async fn keys(store: &Store) -> Result<Vec<String>> {
    let select = sql(
        "SELECT DISTINCT p.package_key FROM script_packages p JOIN script_deployments d ON d.id = p.deployment_id \
         JOIN scripts s ON s.id = d.script_id \
         WHERE s.deployed_id = d.id OR d.status = 'Deploying' OR s.project_sha256 = d.project_sha256",
    );
    store.reader().fetch_all(select).await?.iter().map(|row| row.text("package_key")).collect()
}

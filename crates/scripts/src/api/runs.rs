use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Page, Permission, ScriptId, ScriptLogId, ScriptRunId, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::script_id;
use crate::Scripts;
use crate::model::{Language, Profile};
use crate::store::logs::Line;
use crate::store::runs::{Run, Wanted};

/// Which runs to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedRuns {
    /// In the function's name or the run's id, in any case.
    search: Option<String>,
    /// `Success`, `Error`, `Bad arguments`, `Timeout` or `Out of memory`.
    status: Option<String>,
    /// From this moment on.
    since: Option<Timestamp>,
}

/// One call of a function.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptRun)]
pub(crate) struct RunOut {
    #[schema(value_type = String)]
    id: ScriptRunId,
    function: String,
    /// The number of the deployment.
    version: i64,
    /// `API` or `Workflow`.
    source_type: String,
    /// The key by its name, or the execution of a flow.
    source: String,
    /// `Success`, `Error`, `Bad arguments`, `Timeout` or `Out of memory`.
    status: String,
    error: Option<String>,
    executed_at: Timestamp,
    /// Milliseconds until the answer.
    response_time_ms: f64,
}

impl From<Run> for RunOut {
    fn from(r: Run) -> Self {
        Self {
            id: r.id,
            function: r.function,
            version: r.version,
            source_type: r.source_type,
            source: r.source,
            status: r.status,
            error: r.error,
            executed_at: r.started_at,
            response_time_ms: millis(r.micros),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run takes as long")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// List a script's runs, newest first.
#[utoipa::path(get, operation_id = "listScriptRuns", path = "/api/v1/scripts/{id}/runs", tag = "Scripts", params(("id" = String, Path), PageParams, AskedRuns), responses(
    (status = 200, body = Page<RunOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn runs(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
    Query(asked): Query<AskedRuns>,
) -> ApiResult<Json<Page<RunOut>>> {
    let status = asked.status.filter(|s| !s.is_empty());
    let wanted = Wanted { search: asked.search, status, since: asked.since };
    Ok(Json(scripts.runs(&actor, &script_id(&id)?, &wanted, page).await?.map(Into::into)))
}

/// Which lines to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedLogs {
    /// Only those of this run.
    run_id: Option<String>,
    /// `Stdout`, `Stderr`, `Debug`, `Info`, `Warning` or `Error`.
    level: Option<String>,
}

/// A line that a script wrote.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptLogLine)]
pub(crate) struct LineOut {
    #[schema(value_type = String)]
    id: ScriptLogId,
    /// The call it belongs to; `null`: to the replica itself.
    #[schema(value_type = Option<String>)]
    run_id: Option<ScriptRunId>,
    /// `Stdout`, `Stderr`, `Debug`, `Info`, `Warning` or `Error`.
    level: String,
    message: String,
    at: Timestamp,
}

impl From<Line> for LineOut {
    fn from(l: Line) -> Self {
        Self { id: l.id, run_id: l.run, level: l.level, message: l.message, at: l.at }
    }
}

/// List what a script wrote, newest first.
#[utoipa::path(get, operation_id = "listScriptLogs", path = "/api/v1/scripts/{id}/logs", tag = "Scripts", params(("id" = String, Path), PageParams, AskedLogs), responses(
    (status = 200, body = Page<LineOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn logs(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
    Query(asked): Query<AskedLogs>,
) -> ApiResult<Json<Page<LineOut>>> {
    let run = match asked.run_id.as_deref().filter(|r| !r.is_empty()).map(str::parse) {
        None => None,
        Some(Ok(run)) => Some(run),
        Some(Err(_)) => {
            return Err(gatehouse_types::Error::validation("runId", "runId is not the id of a run.").into());
        }
    };
    let level = asked.level.filter(|l| !l.is_empty());
    Ok(Json(
        scripts.logs(&actor, &script_id(&id)?, run.as_ref(), level.as_deref(), page).await?.map(Into::into),
    ))
}

/// Runs of one day.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScriptDay)]
pub(crate) struct DayOut {
    /// Its first moment.
    day: Timestamp,
    runs: i64,
    failed: i64,
}

/// Runs in numbers.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptStatistics)]
pub(crate) struct StatisticsOut {
    total_runs: i64,
    failed_runs: i64,
    /// Failures of a hundred runs.
    failure_rate: f64,
    /// Ninety of a hundred runs were not slower, in milliseconds; `null` without runs.
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// Days with runs, oldest first.
    days: Vec<DayOut>,
}

/// Get the numbers of a script's runs in the last 30 days.
#[utoipa::path(get, operation_id = "getScriptStatistics", path = "/api/v1/scripts/{id}/statistics", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = StatisticsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn statistics(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<StatisticsOut>> {
    let s = scripts.statistics(&actor, &script_id(&id)?).await?;
    let days = s.days.into_iter().map(|(day, runs, failed)| DayOut { day, runs, failed }).collect();
    Ok(Json(StatisticsOut {
        total_runs: s.totals.runs,
        failed_runs: s.totals.failed,
        failure_rate: s.totals.failure_rate(),
        p90_ms: s.totals.p90.map(millis),
        p99_ms: s.totals.p99.map(millis),
        days,
    }))
}

/// What a script used of the credits.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptCredits)]
pub(crate) struct ShareOut {
    #[schema(value_type = String)]
    script_id: ScriptId,
    /// Its name; `null` when it was deleted.
    name: Option<String>,
    hardware_profile: &'static str,
    /// Hours of its replicas.
    replica_hours: f64,
    credits: String,
}

/// The credits of the workspace. Amounts are exact decimal numbers as texts.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Credits)]
pub(crate) struct CreditsOut {
    /// Altogether.
    total: String,
    used: String,
    remaining: String,
    scripts: Vec<ShareOut>,
}

/// Get the workspace's credits, and what they were used for.
#[utoipa::path(get, operation_id = "getCredits", path = "/api/v1/credits", tag = "Scripts", responses(
    (status = 200, body = CreditsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn credits(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
) -> ApiResult<Json<CreditsOut>> {
    let balance = scripts.credits(&actor).await?;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let hours = |millis: u64| (millis as f64 / 3_600.0).round() / 1_000.0;
    Ok(Json(CreditsOut {
        total: balance.total.to_string(),
        used: balance.used.to_string(),
        remaining: balance.remaining().to_string(),
        scripts: balance
            .shares
            .into_iter()
            .map(|s| ShareOut {
                script_id: s.script,
                name: s.name,
                hardware_profile: s.profile.id(),
                replica_hours: hours(s.millis),
                credits: s.credits.to_string(),
            })
            .collect(),
    }))
}

/// A hardware profile.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptHardwareProfile)]
pub(crate) struct ProfileOut {
    id: &'static str,
    /// `1 vCPU with 2GB memory`.
    label: &'static str,
    /// What that is in truth: `0.7 vCPUs with 1.1GB memory`.
    actual: &'static str,
    /// Thousandths of a processor.
    cpu_millis: u32,
    memory_bytes: u64,
    /// Credits of a replica in an hour, an exact decimal number.
    credits_per_hour: String,
}

/// List the hardware profiles that scripts may have.
#[utoipa::path(get, operation_id = "listScriptHardwareProfiles", path = "/api/v1/scripts/hardware-profiles", tag = "Scripts", responses(
    (status = 200, body = Vec<ProfileOut>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn profiles(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
) -> ApiResult<Json<Vec<ProfileOut>>> {
    require(&scripts.0.store, &actor, Permission::ReadScripts, None).await?;
    let out = |p: Profile| ProfileOut {
        id: p.id(),
        label: p.label(),
        actual: p.actual(),
        cpu_millis: p.cpu_millis(),
        memory_bytes: p.memory_bytes(),
        credits_per_hour: p.rate().per_hour().to_string(),
    };
    Ok(Json(Profile::ALL.map(out).into()))
}

/// A language, and what runs it on the server that answers.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptRuntime)]
pub(crate) struct RuntimeOut {
    /// `python` or `javascript`.
    language: &'static str,
    /// The version that is offered.
    version: &'static str,
    /// The version that really runs; `null` when there is none.
    actual_version: Option<String>,
    /// Both in words.
    label: String,
    /// Why there is none.
    problem: Option<String>,
}

/// What runs scripts on the server that answers.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptRuntimes)]
pub(crate) struct RuntimesOut {
    runtimes: Vec<RuntimeOut>,
    /// How scripts are isolated: `privileged` or `rootless`.
    isolation: &'static str,
    /// What isolation lacks here; scripts are deployed only when nothing is missing.
    missing: Vec<String>,
}

/// Get the languages, their interpreters, and how scripts are isolated.
#[utoipa::path(get, operation_id = "getScriptRuntimes", path = "/api/v1/scripts/runtimes", tag = "Scripts", responses(
    (status = 200, body = RuntimesOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn runtimes(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
) -> ApiResult<Json<RuntimesOut>> {
    require(&scripts.0.store, &actor, Permission::ReadScripts, None).await?;
    let probe = scripts.0.runtimes.probe().await;
    let mut runtimes = Vec::new();
    for language in Language::ALL {
        let runtime = scripts.0.runtimes.of(language).await;
        runtimes.push(RuntimeOut {
            language: language.as_str(),
            version: language.version(),
            actual_version: runtime.found.as_ref().ok().map(|i| i.version.clone()),
            label: runtime.label(),
            problem: runtime.found.as_ref().err().cloned(),
        });
    }
    let isolation = match probe.mode {
        gatehouse_sandbox::Mode::Privileged => "privileged",
        gatehouse_sandbox::Mode::Rootless => "rootless",
    };
    let missing = probe.missing.iter().map(|m| format!("{}: {}", m.what, m.remedy)).collect();
    Ok(Json(RuntimesOut { runtimes, isolation, missing }))
}

//! What several pages show.

use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, Kind, Permission, Result, ScriptId, Timestamp, WorkspaceId};
use gatehouse_web::{FieldErrors, Tab, Tone};

use super::path_of;
use crate::Scripts;
use crate::model::{Settings, Status};
use crate::store::scripts::Project;

/// How a status looks.
pub(super) const fn tone(status: Status) -> Tone {
    match status {
        Status::Draft => Tone::Neutral,
        Status::Deploying => Tone::Info,
        Status::ReadyToDeploy => Tone::Warn,
        Status::Deployed => Tone::Good,
        Status::DeploymentFailed => Tone::Bad,
    }
}

/// The tabs of a script's pages, as far as somebody may see them.
pub(super) fn tabs(actor: &Actor, id: &ScriptId, current: &str) -> Vec<Tab> {
    let path = path_of(id);
    let all = [
        ("Overview", path.clone(), Permission::ReadScripts),
        ("Deployment History", format!("{path}/history"), Permission::ReadScripts),
        ("Endpoint", format!("{path}/endpoint"), Permission::ReadScripts),
        ("API Keys", format!("{path}/keys"), Permission::ManageScripts),
        ("Runs", format!("{path}/runs"), Permission::ReadScripts),
        ("Logs", format!("{path}/logs"), Permission::ReadScripts),
    ];
    let seen = all.into_iter().filter(|(_, _, right)| actor.may(*right));
    seen.map(|(label, href, _)| Tab { label: label.to_owned(), current: label == current, href }).collect()
}

/// The workspace and the script of a page for which a right is needed; the right is looked at first.
pub(super) async fn of_page<'a>(
    scripts: &Scripts,
    actor: &'a Actor,
    right: Permission,
    id: &str,
) -> Result<(&'a WorkspaceId, ScriptId)> {
    let workspace = require(&scripts.0.store, actor, right, Some(format!("script:{id}"))).await?;
    Ok((workspace, id.parse().map_err(|_| crate::service::not_found())?))
}

/// What is wrong with a form, when the failure is about it. Whatever a variable is called, its field is `environment`.
pub(super) fn errors_of(error: &Error) -> Option<FieldErrors> {
    if !matches!(error.kind(), Kind::Validation | Kind::Conflict | Kind::PayloadTooLarge) {
        return None;
    }
    let mut errors = FieldErrors::none();
    for (field, message) in FieldErrors::from(error).iter() {
        let field = if field.starts_with("environment") { "environment" } else { field };
        errors.add(field, message);
    }
    Some(errors)
}

/// The configuration of a script, in the three sections of the wizard.
pub(super) struct Sections {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) language: String,
    pub(super) project: String,
    pub(super) variables: Vec<String>,
    pub(super) timeout: String,
    pub(super) network: &'static str,
    pub(super) hosts: Vec<String>,
    pub(super) replicas: String,
    pub(super) utilization: String,
    pub(super) hardware: String,
    pub(super) actual: &'static str,
    pub(super) rate: String,
}

impl Sections {
    pub(super) fn of(s: &Settings, project: &Project) -> Self {
        let profile = s.hardware_profile();
        let replicas = match s.scales() {
            true => format!("{} to {}", s.min_replicas(), s.max_replicas()),
            false => s.min_replicas().to_string(),
        };
        Self {
            name: s.name().to_owned(),
            description: s.description().to_owned(),
            language: format!("{} {}", s.language().label(), s.language_version()),
            project: format!("{} ({})", project.name, size(project.bytes)),
            variables: s.environment().iter().map(|(key, _)| key.to_owned()).collect(),
            timeout: format!("{} seconds", s.timeout_seconds()),
            network: access(s.egress().as_str()),
            hosts: s.egress().hosts().to_vec(),
            replicas,
            utilization: if s.scales() {
                format!("{} %", s.average_compute_utilization())
            } else {
                "–".to_owned()
            },
            hardware: profile.label().to_owned(),
            actual: profile.actual(),
            rate: profile.rate().per_hour().to_string(),
        }
    }
}

/// What of the network is reached, in words.
pub(super) fn access(word: &str) -> &'static str {
    match word {
        "none" => "None",
        "allow-list" => "The listed hosts only",
        _ => "The public internet",
    }
}

/// A number of bytes for people: `1.4 MB`.
pub(super) fn size(bytes: i64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{}.{} KB", bytes / 1_024, bytes % 1_024 * 10 / 1_024),
        _ => format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// How long something took: `840 ms`, `3.2 s`, `4 min 5 s`, `2 h 5 min`.
pub(super) fn took(from: Timestamp, until: Timestamp) -> String {
    spoken(until.micros().saturating_sub(from.micros()).max(0))
}

/// Microseconds in words.
pub(super) fn spoken(micros: i64) -> String {
    let ms = micros / 1_000;
    match ms {
        0..10 => format!("{ms}.{} ms", micros % 1_000 / 100),
        10..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_spoken_in_their_own_unit() {
        let all = [0, 4_230, 840_000, 3_249_000, 245_000_000, 7_500_000_000].map(spoken);
        assert_eq!(all, ["0.0 ms", "4.2 ms", "840 ms", "3.2 s", "4 min 5 s", "2 h 5 min"]);
        assert_eq!([12, 1_536, 5_767_168].map(size), ["12 bytes", "1.5 KB", "5.5 MB"]);
    }
}

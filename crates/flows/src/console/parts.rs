//! What several pages show.

use gatehouse_connect::OWN_CONNECTIONS;
use gatehouse_types::{Actor, Error, FlowId, Kind, Permission, Timestamp};
use gatehouse_web::{FieldErrors, Tab, Tone};

use super::path_of;
use crate::model::flow::Deployed;

/// How a flow stands, in words.
pub(super) fn status(deployed: Option<&Deployed>, changed: bool) -> (String, Tone) {
    match deployed {
        None => ("Draft".to_owned(), Tone::Neutral),
        Some(d) if changed => (format!("Version {} deployed, draft changed", d.number), Tone::Info),
        Some(d) => (format!("Version {} deployed", d.number), Tone::Good),
    }
}

/// The tabs of a flow's pages.
pub(super) fn tabs(actor: &Actor, id: &FlowId, current: &str) -> Vec<Tab> {
    let path = path_of(id);
    let mut all = vec![("Editor", path.clone()), ("Versions", format!("{path}/versions"))];
    if actor.may(Permission::ManageFlows) {
        all.push(("Triggers", format!("{path}/triggers")));
    }
    let tab =
        |(label, href): (&str, String)| Tab { label: label.to_owned(), current: label == current, href };
    all.into_iter().map(tab).collect()
}

/// What is wrong with a form, when the failure is about it; a place in the definition is of its field.
pub(super) fn errors_of(error: &Error) -> Option<FieldErrors> {
    if !matches!(error.kind(), Kind::Validation | Kind::Conflict) {
        return None;
    }
    let field = error.field().unwrap_or_default();
    let field = if field.starts_with("definition") { "definition" } else { field };
    let mut errors = FieldErrors::none();
    errors.add(field, error.message());
    Some(errors)
}

/// Where the button leads with which a person authenticates at a connector.
pub(super) fn authorize_at(connector: &str) -> String {
    format!("{OWN_CONNECTIONS}/{connector}/authorize")
}

/// How the status of an execution or a step looks.
pub(super) fn status_tone(status: &str) -> Tone {
    match status {
        "Success" => Tone::Good,
        "Error" => Tone::Bad,
        "Authentication needed" | "User input" => Tone::Warn,
        "Queued" | "Canceled" => Tone::Neutral,
        _ => Tone::Info,
    }
}

/// How far a step is, in the words of a timeline's marks.
pub(super) fn state_of(status: &str) -> &'static str {
    match status {
        "Success" => "done",
        "Error" => "failed",
        "Canceled" => "waiting",
        _ => "current",
    }
}

/// What started an execution, in words.
pub(super) fn how(via: &str) -> &'static str {
    match via {
        "run" => "by hand",
        "webhook" => "by a webhook",
        "schedule" => "by a schedule",
        _ => "by a program",
    }
}

/// What a kind of step is called.
pub(super) fn kind_words(kind: &str) -> &'static str {
    match kind {
        "start" => "Start",
        "api" => "API request",
        "function" => "Function",
        "connector" => "Connector",
        "condition" => "Condition",
        "input" => "Question",
        "delay" => "Delay",
        "loop" => "Loop",
        _ => "End",
    }
}

/// How long something took: `840 ms`, `3.2 s`, `4 min 5 s`.
pub(super) fn took(from: Timestamp, until: Timestamp) -> String {
    spoken(until.micros().saturating_sub(from.micros()).max(0) / 1_000)
}

/// Milliseconds in words.
pub(super) fn spoken(ms: i64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_spoken_in_their_own_size() {
        let all = [0, 840, 3_249, 245_000, 7_500_000].map(spoken);
        assert_eq!(all, ["0 ms", "840 ms", "3.2 s", "4 min 5 s", "2 h 5 min"]);
    }
}

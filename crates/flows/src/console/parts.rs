//! What several pages show.

use gatehouse_types::{Error, FlowId, Kind};
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
pub(super) fn tabs(id: &FlowId, current: &str) -> Vec<Tab> {
    let path = path_of(id);
    let all = [("Editor", path.clone()), ("Versions", format!("{path}/versions"))];
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

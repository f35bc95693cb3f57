//! What an operation answers: the useful part, the next page, the status codes.

use super::document::{Document, Node};
use super::schema::properties;
use crate::Pointer;
use crate::limits::MEMBERS;
use crate::model::{Paging, PagingStyle};

/// What is known of an operation's good answers.
#[derive(Default)]
pub(super) struct Answers {
    /// The useful part; unset: the whole.
    pub output: Option<Pointer>,
    /// How further pages are reached, where the document says it.
    pub paging: Option<Paging>,
    /// Status codes of 200 to 299.
    pub statuses: Vec<u16>,
}

/// Reads the answers of an operation. What cannot be read is as good as not said: it changes no request.
pub(super) fn of<'a>(document: &Document<'a>, operation: &Node<'a>) -> Answers {
    let mut answers = Answers::default();
    let Some(responses) = operation.get("responses") else { return answers };
    let mut first = None;
    for (status, node) in responses.members().take(MEMBERS) {
        let code = status.parse::<u16>().ok().filter(|code| (200..300).contains(code));
        answers.statuses.extend(code);
        if code.is_some() || status.eq_ignore_ascii_case("2xx") {
            first.get_or_insert(node);
        }
    }
    let Some(answer) = first.and_then(|node| document.resolve(node).ok()) else { return answers };
    let Some(schema) = json_schema(&answer).and_then(|schema| document.resolve(schema).ok()) else {
        return answers;
    };
    if schema.text("type") == Some("array") {
        let links = answer.get("headers").is_some_and(|headers| {
            headers.members().take(MEMBERS).any(|(name, _)| name.eq_ignore_ascii_case("link"))
        });
        answers.paging = links.then_some(Paging {
            style: PagingStyle::LinkHeader,
            parameter: None,
            body_pointer: None,
            first: None,
            size_parameter: None,
            size: None,
            next: None,
            more: None,
        });
    } else if let Ok(Some(members)) = properties(document, schema)
        && let [(only, _)] = members.list.as_slice()
    {
        answers.output = Pointer::try_from(Pointer::member(only).to_string()).ok();
    }
    answers
}

fn json_schema<'a>(answer: &Node<'a>) -> Option<Node<'a>> {
    let content = answer.get("content")?;
    let json = content.members().take(MEMBERS).find(|(name, _)| {
        let kind = name.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    });
    json?.1.get("schema")
}

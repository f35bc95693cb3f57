//! From an answer to the request for the next page.

use serde_json::Value;
use url::Url;

use super::query::replace;
use super::{Content, Request};
use crate::Pointer;
use crate::limits::{LINK_BYTES, PAGE_MARK_BYTES, PAGES};
use crate::model::{Action, Paging, PagingStyle};

/// What came back.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// Names in any case.
    pub headers: &'a [(String, String)],
    /// The JSON; `null` if it was none.
    pub body: &'a Value,
}

/// Why a next page is announced and not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PagingError {
    /// The answer names an address of another origin; the credential is not for there.
    #[error("the answer names a next page at another place than the product's own")]
    Elsewhere,
    /// The answer leads back to the page it came from.
    #[error("the answer names itself as its next page")]
    Circle,
    /// Longer than any list is meant to be.
    #[error("there are more than {PAGES} pages")]
    TooMany,
    /// A mark or address that cannot be used.
    #[error("the answer names its next page in a way that cannot be read (at most {PAGE_MARK_BYTES} bytes)")]
    Unreadable,
}

/// The request for the page after this answer, if there is one. `pages` counts those that are there, this one
/// included. An answer that is no success, or an action without paging, has none.
///
/// Counted pages end with an empty one: an answer with fewer elements than were asked for proves nothing, because
/// products cap the size.
pub fn next_page(
    action: &Action,
    request: &Request,
    answer: &Answer<'_>,
    pages: u32,
) -> Result<Option<Request>, PagingError> {
    let Some(paging) = &action.paging else { return Ok(None) };
    if !(200..300).contains(&answer.status) || !says_more(paging, answer.body) {
        return Ok(None);
    }
    let output = action.output.as_ref().map_or("", Pointer::as_str);
    let list = answer.body.pointer(output).and_then(Value::as_array);
    let Some(next) = step(paging, request, answer, list)? else { return Ok(None) };
    if next == *request {
        return Err(PagingError::Circle);
    }
    if next.url.origin() != request.base.origin() {
        return Err(PagingError::Elsewhere);
    }
    if pages >= PAGES {
        return Err(PagingError::TooMany);
    }
    Ok(Some(next))
}

fn step(
    paging: &Paging,
    request: &Request,
    answer: &Answer<'_>,
    list: Option<&Vec<Value>>,
) -> Result<Option<Request>, PagingError> {
    let at = |whole: &Value| paging.next.as_ref().and_then(|next| mark(whole.pointer(next.as_str())));
    let counted = |first: u64, step: Option<usize>| -> Result<Option<Value>, PagingError> {
        let Some(step) = step.filter(|step| *step > 0) else { return Ok(None) };
        let now = current(paging, request).unwrap_or(first);
        let next = now.checked_add(step as u64).ok_or(PagingError::Unreadable)?;
        Ok(Some(next.into()))
    };
    let value = match paging.style {
        PagingStyle::LinkHeader => {
            return next_link(answer.headers)?.map(|to| follow(request, &to)).transpose();
        }
        PagingStyle::NextUrl => {
            let Some(next) = at(answer.body) else { return Ok(None) };
            let address = next.as_str().ok_or(PagingError::Unreadable)?;
            return follow(request, address).map(Some);
        }
        PagingStyle::Cursor => at(answer.body),
        PagingStyle::LastItem => list.and_then(|list| list.last()).and_then(at),
        PagingStyle::Page => {
            let step = list.map(|list| usize::from(!list.is_empty()));
            counted(paging.first.unwrap_or(1).into(), step)?
        }
        PagingStyle::Offset => counted(0, list.map(Vec::len))?,
    };
    value.map(|value| marked(paging, request, value)).transpose()
}

/// What the answer says of more; nothing said is no end.
fn says_more(paging: &Paging, body: &Value) -> bool {
    let Some(more) = &paging.more else { return true };
    match body.pointer(more.as_str()) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(more)) => *more,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty() && !text.eq_ignore_ascii_case("false"),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(_)) => true,
    }
}

/// A text or number that stands for a place in the list.
fn mark(found: Option<&Value>) -> Option<Value> {
    match found? {
        Value::String(text) if text.is_empty() => None,
        value @ (Value::String(_) | Value::Number(_)) => Some(value.clone()),
        _ => None,
    }
}

/// The request at another address: on the base's origin, or below the base when only that makes sense.
fn follow(request: &Request, address: &str) -> Result<Request, PagingError> {
    if address.len() > PAGE_MARK_BYTES {
        return Err(PagingError::Unreadable);
    }
    let mut url = request.url.join(address).map_err(|_| PagingError::Unreadable)?;
    let base = request.base.as_str().trim_end_matches('/');
    let below = Url::parse(&format!("{base}/")).is_ok_and(|base| url.path().starts_with(base.path()));
    if address.starts_with('/') && !address.starts_with("//") && !below {
        url = Url::parse(&format!("{base}{address}")).map_err(|_| PagingError::Unreadable)?;
    }
    if url.origin() != request.base.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(PagingError::Elsewhere);
    }
    url.set_fragment(None);
    Ok(Request { url, ..request.clone() })
}

/// The request with a mark, in the query or in its JSON body.
fn marked(paging: &Paging, request: &Request, value: Value) -> Result<Request, PagingError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.len() > PAGE_MARK_BYTES {
        return Err(PagingError::Unreadable);
    }
    let mut next = request.clone();
    match (&paging.body_pointer, &paging.parameter) {
        (Some(pointer), _) => {
            let body = next.body.as_mut().ok_or(PagingError::Unreadable)?;
            let mut json = parsed(body).ok_or(PagingError::Unreadable)?;
            super::body::put_at(&mut json, pointer, &value).map_err(|_| PagingError::Unreadable)?;
            body.bytes = json.to_string().into_bytes();
        }
        (None, Some(name)) => replace(&mut next.url, name, &text),
        (None, None) => return Err(PagingError::Unreadable),
    }
    Ok(next)
}

/// Where the request stands: the number that it was sent with.
fn current(paging: &Paging, request: &Request) -> Option<u64> {
    match (&paging.body_pointer, &paging.parameter) {
        (Some(pointer), _) => parsed(request.body.as_ref()?)?.pointer(pointer.as_str())?.as_u64(),
        (None, Some(name)) => {
            let mut pairs = request.url.query_pairs();
            pairs.find(|(found, _)| found == name).and_then(|(_, value)| value.parse().ok())
        }
        (None, None) => None,
    }
}

fn parsed(body: &Content) -> Option<Value> {
    serde_json::from_slice(&body.bytes).ok()
}

/// The target of the first link with the relation `next` (RFC 8288 §3).
fn next_link(headers: &[(String, String)]) -> Result<Option<String>, PagingError> {
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link")) {
        if value.len() > LINK_BYTES {
            return Err(PagingError::Unreadable);
        }
        let mut rest = value.as_str();
        while let Some((_, after)) = rest.split_once('<') {
            let Some((target, after)) = after.split_once('>') else { break };
            let (parameters, after) = until_comma(after);
            if is_next(parameters) {
                return Ok(Some(target.to_owned()));
            }
            rest = after;
        }
    }
    Ok(None)
}

/// The parameters of one link, and the links behind it. Commas in quotes end nothing.
fn until_comma(text: &str) -> (&str, &str) {
    match unquoted(text, ',') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether the first `rel` holds `next`.
fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, after) = match unquoted(rest, ';') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        rest = after;
    }
    false
}

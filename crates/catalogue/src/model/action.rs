//! What can be done with a connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Key, Pointer, Slug, Template};

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Unique in the connector, never changed once released.
    pub id: Slug,
    /// What people choose.
    pub label: String,
    /// One line more.
    #[serde(default)]
    pub description: Option<String>,
    /// GET unless said otherwise.
    #[serde(default)]
    pub method: Method,
    /// Added to the base address; gaps are parameters with the place `path`, or connection variables.
    pub path: Template,
    /// The address of `bases` to use instead.
    #[serde(default)]
    pub base: Option<Key>,
    /// Headers of this call.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Scopes it needs beyond the default ones.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether it changes nothing; unset: GET and HEAD do not.
    #[serde(default)]
    pub read_only: Option<bool>,
    /// What is asked.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// How the body is made.
    #[serde(default)]
    pub body: Option<Body>,
    /// How further pages are reached.
    #[serde(default)]
    pub paging: Option<Paging>,
    /// The useful part of the answer; with paging, the list.
    #[serde(default)]
    pub output: Option<Pointer>,
}

impl Action {
    /// Whether it changes nothing.
    pub fn is_read_only(&self) -> bool {
        self.read_only.unwrap_or(matches!(self.method, Method::Get | Method::Head))
    }
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "names of RFC 9110")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// Something an action is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name for whoever calls the action, and in templates.
    pub key: Key,
    /// What is written beside the input; unset: made from the key.
    #[serde(default)]
    pub label: Option<String>,
    /// Where it goes.
    #[serde(default, rename = "in")]
    pub place: ParameterPlace,
    /// Its name in the request: query parameter, header, form member. Unset: the key.
    #[serde(default)]
    pub name: Option<String>,
    /// Where it goes in a JSON body; unset: the member with its name. Digits make lists.
    #[serde(default)]
    pub pointer: Option<Pointer>,
    /// What it is.
    #[serde(default, rename = "type")]
    pub kind: ParameterType,
    /// How a list or an object is written in the query or in a form; unset: in the query lists as `repeat` and
    /// objects as JSON, in a form both as the format says.
    #[serde(default)]
    pub style: Option<ParameterStyle>,
    /// Whether it must be given; off unless said otherwise, always on in the path.
    #[serde(default)]
    pub required: bool,
    /// Taken when it is not given.
    #[serde(default)]
    pub default: Option<Value>,
    /// One of these.
    #[serde(default)]
    pub choices: Vec<Value>,
    /// One line.
    #[serde(default)]
    pub help: Option<String>,
    /// An example.
    #[serde(default)]
    pub example: Option<Value>,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterPlace {
    /// A gap of the path.
    Path,
    /// The query.
    Query,
    /// A header.
    Header,
    /// The body.
    #[default]
    Body,
}

/// How several values are written under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterStyle {
    /// `a=1&a=2`
    Repeat,
    /// `a=1,2`
    Comma,
    /// `a=1%202`
    Space,
    /// `a=1%7C2`
    Pipe,
    /// `a[]=1&a[]=2`; an object: `a[b]=1`.
    Brackets,
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// Text.
    #[default]
    String,
    /// Whole number.
    Integer,
    /// Number.
    Number,
    /// Yes or no.
    Boolean,
    /// RFC 3339 full-date.
    Date,
    /// RFC 3339 date-time.
    DateTime,
    /// A list.
    Array,
    /// An object.
    Object,
    /// Any JSON.
    Any,
    /// Bytes: a file.
    File,
}

/// How the body is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// How it is written.
    #[serde(default)]
    pub format: BodyFormat,
    /// Instead of the usual media type of the format.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The parameter that is the whole body.
    #[serde(default)]
    pub whole: Option<Key>,
    /// What every body holds; parameters are put into it.
    #[serde(default)]
    pub constant: Option<Value>,
    /// For `xml` and `text`: the text, with gaps for the parameters (escaped in XML).
    #[serde(default)]
    pub template: Option<Template>,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// JSON.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`; objects and lists with brackets: `a[b]=c`, `a[0]=c`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// XML from `template`.
    Xml,
    /// Text from `template`.
    Text,
    /// The bytes of the `file` parameter that `whole` names.
    Bytes,
}

/// How further pages are reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The way.
    pub style: PagingStyle,
    /// The name in the request of page, offset or cursor.
    #[serde(default)]
    pub parameter: Option<String>,
    /// Where it goes in a JSON body instead of the query.
    #[serde(default)]
    pub body_pointer: Option<Pointer>,
    /// For `page`: the number of the first; 1 unless said otherwise.
    #[serde(default)]
    pub first: Option<u32>,
    /// The name in the query of the size of a page.
    #[serde(default)]
    pub size_parameter: Option<String>,
    /// The size to ask for.
    #[serde(default)]
    pub size: Option<u32>,
    /// For `next_url` and `cursor`: where the answer holds it. For `last_item`: the place in the last item.
    #[serde(default)]
    pub next: Option<Pointer>,
    /// Where the answer says whether there is more.
    #[serde(default)]
    pub more: Option<Pointer>,
}

/// How further pages are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagingStyle {
    /// `Link: <…>; rel="next"` (RFC 8288).
    LinkHeader,
    /// The answer holds the address of the next page, whole or from the base on.
    NextUrl,
    /// The answer holds a mark to send with the next request.
    Cursor,
    /// Pages are counted.
    Page,
    /// Items are counted.
    Offset,
    /// The mark is a value in the last item.
    LastItem,
}

//! From an uploaded OpenAPI document (3.0 or 3.1, JSON) to a connector type: where the product is (`servers`), how
//! one authenticates there (`securitySchemes`), and what can be done (`paths`).
//!
//! Only what can be called as described is taken. Everything else is named in [`Imported::left_out`] with its JSON
//! pointer. Nothing is fetched: references to other documents are refused. What comes out passes
//! [`validate`](crate::validate()).

mod answers;
mod bodies;
mod document;
mod fields;
mod head;
mod names;
mod operations;
mod parameters;
mod schema;
mod security;
mod servers;

use std::fmt;

use serde_json::Value;

use crate::limits::{ACTIONS, DOCUMENT_BYTES, FILE_BYTES, STEPS};
use crate::model::{Category, ConnectorType, ErrorRules, Icon};
use crate::{HttpsUrl, Pointer, Problem, Slug, validate};
use document::{Document, Node};

/// What the document does not say, or what is to be said instead.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The id; unset: made from the title.
    pub id: Option<Slug>,
    /// The name; unset: the title.
    pub name: Option<String>,
    /// The group it is listed in; unset: `other`.
    pub category: Option<Category>,
    /// The drawing beside the name; unset: `code`.
    pub icon: Option<Icon>,
    /// The product's own page; unset: what the document names, else the host of its first server.
    pub homepage: Option<HttpsUrl>,
}

/// A connector type, and what of the document is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The connector type; valid.
    pub connector: ConnectorType,
    /// In the order in which it was met, at most [`limits::LEFT_OUT`](crate::limits::LEFT_OUT).
    pub left_out: Vec<LeftOut>,
    /// How many more were left out and are not listed.
    pub left_out_more: usize,
}

/// Something of a document that was refused, or could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where: a JSON pointer into the document; long names are cut off.
    pub at: String,
    /// What, and why.
    pub what: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the document" } else { self.at.as_str() };
        write!(f, "{at}: {}", self.what)
    }
}

/// Why a document is no connector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// Too large.
    #[error("the document is larger than {DOCUMENT_BYTES} bytes")]
    Large,
    /// Not JSON.
    #[error("the document is not JSON ({0}); a document in YAML must be converted first")]
    Json(String),
    /// An older format.
    #[error("/swagger: this is Swagger 2; convert the document to OpenAPI 3.0 or 3.1 first")]
    Swagger,
    /// Another version or none.
    #[error("/openapi: must say the version, 3.0 or 3.1")]
    Version,
    /// Places that refer to each other too often.
    #[error("the document leads through more than {STEPS} places")]
    Steps,
    /// Something without which there is no connector.
    #[error("{0}")]
    Refused(LeftOut),
    /// What was made of it is not valid: a fault of ours, told rather than kept.
    #[error("the connector made of the document is not valid: {0}")]
    Invalid(Problem),
}

/// Makes a connector type of a document.
pub fn import(document: &[u8], options: &Options) -> Result<Imported, OpenApiError> {
    if document.len() > DOCUMENT_BYTES {
        return Err(OpenApiError::Large);
    }
    let root: Value =
        serde_json::from_slice(document).map_err(|error| OpenApiError::Json(error.to_string()))?;
    version(&root)?;
    let document = Document::new(&root);
    let made = connector(&document, options);
    if document.exhausted() {
        return Err(OpenApiError::Steps);
    }
    let mut connector = made.map_err(OpenApiError::Refused)?;
    fit(&document, &mut connector)?;
    if let Some(problem) = validate(&connector).into_iter().next() {
        return Err(OpenApiError::Invalid(problem));
    }
    let (left_out, left_out_more) = document.left_out();
    Ok(Imported { connector, left_out, left_out_more })
}

fn version(root: &Value) -> Result<(), OpenApiError> {
    if root.get("swagger").is_some() {
        return Err(OpenApiError::Swagger);
    }
    let version = root.get("openapi").and_then(Value::as_str).unwrap_or_default();
    let known = ["3.0", "3.1"].iter().any(|known| {
        version.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    if known { Ok(()) } else { Err(OpenApiError::Version) }
}

/// The parts in the order in which they need each other.
fn connector(document: &Document<'_>, options: &Options) -> Result<ConnectorType, LeftOut> {
    let root = document.root();
    let info = root.get("info").unwrap_or_else(|| root.absent("info"));
    let mut servers = servers::Servers::new(document)?;
    let mut schemes = security::Security::new(document);
    let operations = operations::of(document, &mut servers, &mut schemes);
    if operations.is_empty() {
        return Err(root.absent("paths").refused("there is no operation that can be called"));
    }
    let auth = schemes.types(&servers)?;
    let name = head::name(&info, options);
    let homepage = head::homepage(&root, &info, &servers, options)?;
    let docs = head::docs(&root).unwrap_or_else(|| homepage.clone());
    let test = head::test(document, &operations);
    let guide = head::guide(&auth, &docs);
    Ok(ConnectorType {
        id: options.id.clone().unwrap_or_else(|| names::slug(&name, "connector")),
        description: head::description(&info, &name),
        name,
        category: options.category.unwrap_or(Category::Other),
        icon: options.icon.unwrap_or(Icon::Code),
        homepage,
        docs,
        api: crate::model::ApiState::Public,
        checked: None,
        base_url: servers.base.clone(),
        bases: servers.bases(),
        headers: Default::default(),
        fields: servers.fields,
        auth,
        test,
        errors: ErrorRules { message: messages(), ..ErrorRules::default() },
        actions: operations.into_iter().map(|operation| operation.action).collect(),
        guide,
        sheets: Vec::new(),
    })
}

/// Where answers usually say what went wrong; the first that is there counts.
fn messages() -> Vec<Pointer> {
    let known = ["/error/message", "/message", "/detail", "/error_description", "/title"];
    known.into_iter().filter_map(|pointer| Pointer::try_from(pointer.to_owned()).ok()).collect()
}

/// Takes actions from the end until what is kept is no larger than a file may be.
fn fit(document: &Document<'_>, connector: &mut ConnectorType) -> Result<(), OpenApiError> {
    let paths = document.root().absent("paths");
    let bytes = |value: Result<Vec<u8>, serde_json::Error>| value.map_or(FILE_BYTES, |text| text.len() + 1);
    let mut size = bytes(serde_json::to_vec(connector));
    let mut dropped = 0_usize;
    while size > FILE_BYTES {
        let Some(action) = connector.actions.pop() else {
            return Err(OpenApiError::Refused(paths.refused("what is kept of it would be too large")));
        };
        size = size.saturating_sub(bytes(serde_json::to_vec(&action)));
        dropped += 1;
    }
    if dropped > 0 {
        let what = format!("the last {dropped} operations: a connector is at most {FILE_BYTES} bytes");
        document.leave_out(&paths, what);
    }
    debug_assert!(connector.actions.len() <= ACTIONS);
    Ok(())
}

impl Node<'_> {
    /// Refuses what is here.
    fn refused(&self, what: impl Into<String>) -> LeftOut {
        LeftOut { at: self.at().to_owned(), what: what.into() }
    }
}

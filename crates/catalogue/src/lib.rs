//! The connector catalogue: which outside products we can speak to, how one authenticates there, and what
//! can be done. One TOML file a product in `types/`; `docs/connector-catalogue.md` is for who writes one.
//!
//! A pure engine: no clock, no network, no storage. The way of a file: [`parse`] (strict: an unknown key is
//! an error) → [`validate`](validate()) (what the parts say of each other) → [`Catalogue`].
//! An uploaded API description becomes a connector type in [`openapi`]; an action and its values become a
//! request, and its answer the next one, in [`request`].
//! A connection's values come in as a lookup by name; [`UrlTemplate::fill`] is the only way to an address,
//! and no value can change more of it than the part it stands in.
#![forbid(unsafe_code)]

mod addresses;
mod catalogue;
mod field;
pub mod limits;
mod model;
pub mod openapi;
pub mod request;
mod template;
mod url_template;
mod validate;
mod words;

pub use catalogue::{Catalogue, CatalogueError, from_json, parse};
pub use field::FieldProblem;
pub use model::{
    Action, ApiState, AuthKind, AuthType, Aws, Basic, Body, BodyFormat, Category, Checked, ClientAuth,
    ConnectorType, ErrorRules, ExpectedClaim, Field, FieldFormat, FieldType, GuideStep, Icon, Jwt,
    JwtAlgorithm, Lookup, LookupValue, Method, OAuth, OAuth1, OAuth1Signature, Paging, PagingStyle,
    Parameter, ParameterPlace, ParameterStyle, ParameterType, Place, Placement, Prefer, Refresh,
    RefreshLifetime, ResponseTest, Session, Sheet, SheetFormat, SheetRow, TestRequest, TokenBody, TokenValue,
};
pub use template::{Template, TemplateError};
pub use url_template::{UrlError, UrlTemplate};
pub use validate::{Problem, validate};
pub use words::{HttpsUrl, Key, Pointer, Slug};

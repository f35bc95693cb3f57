//! What every HTTP surface of Gatehouse shares: the JSON kit of the API and the HTML kit of the console.
//!
//! * `json`: errors in the one form, extractors that answer in it, paging, trial runs, idempotency keys
//! * `browser`: public address, cookies, CSRF, forms, safe return paths
//! * `html`: the page shell, components, error pages, ways out to identity providers, assets
//! * `edge`: what every request passes first and every answer last
//!
//! Features hand plain [`axum::Router`]s to the application; the application calls [`edge()`] once, last.

mod browser;
mod edge;
mod html;
mod json;
mod limiter;

pub use browser::cookies::{CookieKind, Cookies, NoCookieText};
pub use browser::csrf::{CSRF_FIELD, CSRF_HEADER, Csrf, CsrfToken, same_origin};
pub use browser::form::{Form, VerifiedForm};
pub use browser::local_path::LocalPath;
pub use browser::public_url::PublicUrl;
pub use edge::config::{DEFAULT_BODY_LIMIT, EdgeConfig, FailureForm, Patience, REQUEST_TIMEOUT};
pub use edge::context::{RequestOrigin, Web};
pub use edge::edge;
pub use edge::headers::{AllowFormAction, EmbeddableBy, ForPrograms, OfAnother};
pub use edge::lane::Lane;
pub use edge::log::{TraceId, known_method};
pub use edge::negotiate::{WantsJson, wants_json};
pub use html::assets::{asset_routes, asset_url};
pub use html::away::{PostAway, RedirectAway};
pub use html::components::component_routes;
pub use html::confirm::Confirm;
pub use html::errors::FieldErrors;
pub use html::flash::{Flash, FlashKind, SeeOther};
pub use html::nav::{Nav, NavGroup, NavItem, NavSection};
pub use html::page::{Page, PageContext, Viewer, ViewerWorkspace};
pub use html::parts::{Choice, Crumb, Step, StepState, Tab, Tone, When};
pub use html::view::{HtmlError, HtmlResult, Partial, View};
pub use json::body::{Json, parse as parse_json};
pub use json::dry_run::dry_run;
pub use json::error::{ApiError, ApiResult, ErrorBody, ErrorObject, Failure, status_of, type_of};
pub use json::idempotency::{Begin, BoxFuture, IdempotencyStore, NeverStored, StoredResponse, idempotent};
pub use json::object::{object, optional_object};
pub use json::paging::{PageParams, Paging};
pub use json::path::Path;
pub use json::query::{Query, only_filters};
pub use json::reply::{Created, Deleted};
pub use limiter::{Allowance, Limiter};

//! Single sign-on: connections to identity providers, their domains, sign-in through them, and who must use it.
//!
//! A response's way in: `api/acs` → [`Sso::finish`] → `gatehouse_saml::verify` (pure) → one transaction: single use,
//! identity or just-in-time account, session, attempt, audit → cookie and 303. WS-Federation and OpenID Connect find
//! their seams in [`model::Config`] and in `service::login`.

mod api;
mod console;
mod jobs;
pub mod model;
mod oidc;
mod rules;
mod service;
mod sso;
mod store;

use axum::extract::FromRef;
use gatehouse_identity::Identity;
use gatehouse_store::jobs::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use oidc::client_auth::{key_set, sign_jwt};
pub use rules::Rules;
pub use service::belongings::SsoBelongings;
pub use service::certificates::MAX_CERTIFICATES;
pub use service::connections::{ConfigPatch, ConnectionPatch, ConnectionView};
pub use service::domains::Verification;
pub use service::drafts::{DraftView, Replay, ReplayedPerson};
pub use service::entry::SignedIn;
pub use service::identities::{IdentityView, OwnIdentity};
pub use service::login::{Endpoint, Posted};
pub use service::logout::{LogoutEndpoint, LogoutOutcome};
pub use service::logout_start::Leave;
pub use service::oidc::callback::{Callback, Cookies};
pub use service::restored::after_restore;
pub use service::settings::SettingsView;
pub use service::setup_links::{Directory, NewSetupLink, SetupOf};
pub use service::shared_key::{SharedKeyStep, SharedKeys};
pub use service::shares::NewShare;
pub use service::social::callback::SocialOutcome;
pub use service::social::start::SocialPurpose;
pub use service::start::{Started, Way};
pub use service::status::{TestReport, Tested};
pub use service::wsfed::{CleanUp, WsfedPosted, WsfedSignedIn};
pub use sso::{GOOGLE_ISSUER, LabKey, MICROSOFT_ISSUER, OperatorClient, Options, Sso};
pub use store::attempts::Wanted as WantedAttempts;

/// How often expired rows are forgotten, in seconds.
const SWEEP_SECONDS: i64 = 300;
/// How often the verified domains that are due are looked at again, in seconds; each is due once a day.
const RECHECK_SECONDS: i64 = 300;
/// How often metadata that is due is looked for, in seconds.
const METADATA_SECONDS: i64 = 300;
/// How often ending certificates are looked for, in seconds.
const EXPIRY_SECONDS: i64 = 3_600;

impl FromRef<Sso> for Identity {
    fn from_ref(sso: &Sso) -> Self {
        sso.identity().clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(sso: Sso) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::connections::list, api::connections::create))
        .routes(routes!(api::connections::get, api::connections::update, api::connections::delete))
        .routes(routes!(api::connections::test))
        .routes(routes!(api::connections::refresh_metadata))
        .routes(routes!(api::connections::activate))
        .routes(routes!(api::connections::deactivate))
        .routes(routes!(api::drafts::list, api::drafts::create))
        .routes(routes!(api::drafts::get, api::drafts::discard))
        .routes(routes!(api::drafts::replay))
        .routes(routes!(api::drafts::activate))
        .routes(routes!(api::domains::add))
        .routes(routes!(api::domains::update, api::domains::remove))
        .routes(routes!(api::domains::verify))
        .routes(routes!(api::domains::set_primary))
        .routes(routes!(api::attempts::list))
        .routes(routes!(api::attempts::get))
        .routes(routes!(api::attempts::reveal))
        .routes(routes!(api::shares::create))
        .routes(routes!(api::shares::list))
        .routes(routes!(api::shares::revoke))
        .routes(routes!(api::identities::list))
        .routes(routes!(api::identities::unlink))
        .routes(routes!(api::identities::list_own))
        .routes(routes!(api::settings::get, api::settings::update))
        .routes(routes!(api::settings::enable))
        .routes(routes!(api::settings::disable))
        .routes(routes!(api::settings::sp_metadata))
        .routes(routes!(api::setup_links::list, api::setup_links::create))
        .routes(routes!(api::setup_links::revoke))
        .routes(routes!(api::sp_keys::list, api::sp_keys::create))
        .routes(routes!(api::sp_keys::delete))
        .routes(routes!(api::sp_keys::promote))
        .with_state(sso)
}

/// What browsers use: the ways to providers and back, and the console's pages.
pub fn browser(sso: Sso) -> axum::Router {
    let browsers = api::acs::routes().merge(api::slo::routes());
    let browsers =
        browsers.merge(api::wsfed::routes()).merge(api::oidc::routes()).merge(api::social::routes());
    browsers.merge(console::routes()).merge(console::shared_routes()).with_state(sso)
}

/// The background work.
pub fn jobs(sso: &Sso) -> Registry {
    Registry::default()
        .every(SWEEP_SECONDS, jobs::Sweep, sso.0.store.clone())
        .every(METADATA_SECONDS, jobs::DueMetadata, sso.clone())
        .with::<jobs::RefreshMetadata>(sso.clone())
        .every(EXPIRY_SECONDS, jobs::ExpiryWarnings, sso.clone())
        .every(RECHECK_SECONDS, jobs::Recheck, sso.clone())
}

//! The lab: an identity provider of made-up people, and an authorization server with an API behind it, so that single
//! sign-on and authorization profiles can be tried with nothing prepared, and told to misbehave. It exists for lab
//! workspaces only and never speaks for another workspace.
//!
//! * [`Lab`]: the labs of a server; [`routes`] are their pages
//! * [`PEOPLE`]: who can be chosen; [`faults`]: what can go wrong, by stable codes
//! * [`Addresses`]: the values a connection needs
//!
//! Nobody has to be signed in for these pages: whoever reaches a lab may be any of its people. That is the point of a
//! lab, and why no real workspace has one.

mod addresses;
pub mod faults;
mod issue;
mod lab;
mod logout;
mod metadata;
pub mod oauth;
pub mod openid;
mod pages;
mod people;
mod request;
#[cfg(test)]
mod tests;
mod wsfed;

use axum::Router;
use axum::routing::{any, get, post};

pub use addresses::Addresses;
pub use lab::Lab;
pub use people::{LAB_DOMAIN, PEOPLE, Person};
pub use wsfed::LAB_TENANT;

/// Every path of the labs, below `/lab/idp/{workspaceId}` and `/lab/oauth/{workspaceId}`. All are 404 where the workspace
/// is no lab.
pub fn routes(lab: Lab) -> Router {
    Router::new()
        .route("/lab/idp/{workspace}", get(pages::home::show))
        .route("/lab/idp/{workspace}/metadata", get(pages::home::metadata))
        .route("/lab/idp/{workspace}/certificate", get(pages::home::certificate))
        .route("/lab/idp/{workspace}/certificate/second", get(pages::home::second_certificate))
        .route("/lab/idp/{workspace}/sso", get(pages::sign_on::ask).post(pages::sign_on::answer))
        .route("/lab/idp/{workspace}/sso/post", post(pages::sign_on::ask_posted))
        .route("/lab/idp/{workspace}/start", get(pages::start::ask).post(pages::start::answer))
        .route("/lab/idp/{workspace}/slo", get(pages::slo::by_redirect).post(pages::slo::by_post))
        .route("/lab/idp/{workspace}/slo/answer", post(pages::slo::answer))
        .route("/lab/idp/{workspace}/slo/start", post(pages::slo::start))
        .route("/lab/idp/{workspace}/wsfed", get(pages::wsfed::ask_own).post(pages::wsfed::answer_own))
        .route("/lab/idp/{workspace}/wsfed/metadata", get(pages::wsfed::own_metadata))
        .route(
            "/lab/idp/{workspace}/common/wsfed",
            get(pages::wsfed::ask_shared).post(pages::wsfed::answer_shared),
        )
        .route("/lab/idp/{workspace}/common/wsfed/metadata", get(pages::wsfed::shared_metadata))
        .route("/lab/idp/{workspace}/oidc/.well-known/openid-configuration", get(openid::pages::discovery))
        .route("/lab/idp/{workspace}/oidc/jwks", get(openid::pages::keys))
        .route("/lab/idp/{workspace}/oidc/authorize", get(openid::pages::ask).post(openid::pages::answer))
        .route("/lab/idp/{workspace}/oidc/token", post(openid::pages::token))
        .route("/lab/idp/{workspace}/oidc/userinfo", get(openid::pages::userinfo))
        .route("/lab/idp/{workspace}/oidc/end_session", get(openid::pages::end_session))
        .route(
            "/lab/idp/{workspace}/oidc/logout",
            get(openid::pages::ask_logout).post(openid::pages::tell_logout),
        )
        .route("/lab/oauth/{workspace}/authorize", get(oauth::pages::ask).post(oauth::pages::answer))
        .route("/lab/oauth/{workspace}/token", post(oauth::pages::token))
        .route("/lab/oauth/{workspace}/revoke", post(oauth::pages::revoke))
        .route("/lab/oauth/{workspace}/echo", any(oauth::echo))
        .route("/lab/oauth/{workspace}/echo/{*below}", any(oauth::echo))
        .with_state(lab)
}

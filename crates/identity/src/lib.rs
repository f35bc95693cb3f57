//! Who exists and who is here: workspaces, people, memberships and roles, passwords, sessions and their tokens.
//!
//! [`Identity`] is the service that other features call; [`rules::SignInRules`] is the seam through which single
//! sign-on (a crate above) says who may use a password.

mod api;
mod console;
mod device;
mod identity;
mod jobs;
mod mail;
pub mod model;
mod passkey;
mod password;
pub mod rules;
mod service;
mod store;
mod throttle;
mod tokens;
mod totp;

use gatehouse_types::{Actor, Secret};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use api::caller::{Anybody, Caller, Visitor};
pub use console::{browser_device, finish_in_browser, query};
pub use identity::{Identity, Options, SignUp};
pub use jobs::{PeopleMail, PeopleSweep};
pub use mail::{MailContext, SendMail};
pub use passkey::{Assertion, NewCredential};
pub use password::{
    MAX_LENGTH as MAX_PASSWORD_LENGTH, MIN_LENGTH as MIN_PASSWORD_LENGTH, PASSWORD_MEMORY_KIB,
};
pub use service::access::require;
pub use service::crowds::Departing;
pub use service::devices::{DEVICE_SECONDS, Device};
pub use service::factors::{Enrolled, OwnFactors, PROOF_SECONDS, Proof, RECOVERY_CODES};
pub use service::invitations::{OpenInvitation, WantedInvitations};
pub use service::leavers::{
    Belongings, Crowd, HandOver, Item, KEEP_DAYS, LeaveCause, Leaver, NewRoles, Parted, Things,
};
pub use service::login::{Credentials, LoggedIn, OwnWorkspace, SignIn};
pub use service::managed::{GivenRole, RoleChange, RoleSource};
pub use service::members::{Member, WantedMembers};
pub use service::own_password::PasswordUse;
pub use service::passkeys::{Ceremony, MAX_FACTOR_NAME, MAX_PASSKEYS};
pub use service::people::{MAX_CONSOLE_TOKEN_SECONDS, NewOwner};
pub use service::provisioning::{Found as DirectoryAccount, LetIn};
pub use service::receipt::{Receipt, ReceiptProof, SignedReceipt};
pub use service::restored::after_restore;
pub use service::second_step::{Asked, CHALLENGE_SECONDS, MAX_ANSWERS, Pending, SecondStep, SecondStepDone};
pub use service::security::SecuritySettings;
pub use service::session_list::ListedSession;
pub use service::sessions::{NewSession, SESSION_SECONDS};
pub use service::sign_up::{AskedSignUp, DefaultSignIn, OpenSignUp, SignedUp};
pub use service::social::{ProviderSignIn, Vouched};
pub use service::social_links::OwnProvider;
pub use service::switch::Leaving;
pub use store::leavers::HandedOver;
pub use tokens::TOKEN_SECONDS;
pub use totp::TotpOffer;

/// A session just begun, with the two secrets that carry it.
#[derive(Debug)]
pub struct Signed {
    /// The session.
    pub session: model::Session,
    /// The cookie's value; exists only here.
    pub cookie: Secret,
    /// A bearer token, if one was asked for.
    pub bearer: Option<Bearer>,
    /// The person as an actor in the new session.
    pub actor: Actor,
}

/// A bearer token of a session (RFC 6750).
#[derive(Debug)]
pub struct Bearer {
    /// The token.
    pub access_token: Secret,
    /// Its lifetime, in seconds.
    pub expires_in: i64,
}

/// The API: every operation is in the OpenAPI document.
pub fn api(identity: Identity) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::auth::login))
        .routes(routes!(api::second_step::second_step))
        .routes(routes!(api::second_step::enrolment))
        .routes(routes!(api::passkeys::second_step_options))
        .routes(routes!(api::auth::discover))
        .routes(routes!(api::auth::logout))
        .routes(routes!(api::auth::switch_workspace))
        .routes(routes!(api::reset::ask))
        .routes(routes!(api::reset::confirm))
        .routes(routes!(api::sign_up::ask))
        .routes(routes!(api::sign_up::confirm))
        .routes(routes!(api::me::me, api::account::rename))
        .routes(routes!(api::account::change_password))
        .routes(routes!(api::account::sessions, api::account::end_others))
        .routes(routes!(api::account::end))
        .routes(routes!(api::invitations::list, api::invitations::create))
        .routes(routes!(api::invitations::resend))
        .routes(routes!(api::invitations::revoke))
        .routes(routes!(api::users::list))
        .routes(routes!(api::users::get, api::users::update, api::users::remove))
        .routes(routes!(api::leavers::suspend))
        .routes(routes!(api::leavers::reactivate))
        .routes(routes!(api::leavers::offboarding))
        .routes(routes!(api::leavers::hand_over))
        .routes(routes!(api::users::sessions))
        .routes(routes!(api::users::end_session))
        .routes(routes!(api::factors::list))
        .routes(routes!(api::factors::remove, api::passkeys::rename))
        .routes(routes!(api::factors::begin_totp))
        .routes(routes!(api::factors::confirm_totp))
        .routes(routes!(api::passkeys::begin))
        .routes(routes!(api::passkeys::confirm))
        .routes(routes!(api::factors::renew_recovery_codes))
        .routes(routes!(api::factors::reauthenticate))
        .routes(routes!(api::passkeys::proof_options))
        .routes(routes!(api::security::show, api::security::change))
        .routes(routes!(api::providers::list))
        .routes(routes!(api::providers::unlink))
        .routes(routes!(api::me::jwks))
        .with_state(identity)
}

/// The console's pages: sign-in, sign-out, switching, the own account.
pub fn console(identity: Identity) -> axum::Router {
    console::routes().with_state(identity)
}

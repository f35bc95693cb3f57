//! The console's pages of sign-in and of one's own account. Every one works as a plain form.

mod account;
mod factors;
mod invitation;
mod leavers;
mod not_me;
mod passkeys;
mod people;
mod providers;
mod reset;
mod second_step;
mod security;
mod sign_in;
mod sign_up;

use axum::Router;
use axum::routing::{get, post};

pub use sign_in::{browser_device, finish_in_browser};

use crate::Identity;

pub(crate) fn routes() -> Router<Identity> {
    Router::new()
        .route("/login", get(sign_in::ask_email).post(sign_in::route_email))
        .route("/login/default", post(sign_in::ask_password))
        .route("/login/password", post(sign_in::check_password))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/switch-workspace", post(sign_in::switch))
        .route("/reset", get(reset::show).post(reset::ask))
        .route("/reset/{token}", get(reset::open).post(reset::set))
        .route("/sign-up", get(sign_up::show).post(sign_up::ask))
        .route("/sign-up/{token}", get(sign_up::open).post(sign_up::finish))
        .route("/sign-up/{token}/accept", post(sign_up::accept))
        .route("/not-me/{token}", get(not_me::open).post(not_me::report))
        .route("/invitation/{token}", get(invitation::open).post(invitation::join))
        .route("/invitation/{token}/accept", post(invitation::accept))
        .route("/settings/people", get(people::show))
        .route("/settings/people/invitations", post(people::invite))
        .route("/settings/people/invitations/{id}/resend", post(people::resend))
        .route("/settings/people/invitations/{id}/revoke", get(people::ask_revoke).post(people::revoke))
        .route("/settings/people/{id}/role", get(people::ask_role).post(people::change_role))
        .route("/settings/people/{id}/suspend", get(leavers::ask_suspend).post(leavers::suspend))
        .route("/settings/people/{id}/reactivate", post(leavers::reactivate))
        .route("/settings/people/{id}/offboarding", get(leavers::receipt))
        .route("/settings/people/{id}/hand-over", post(leavers::hand_over))
        .route("/settings/people/{id}/remove", get(people::ask_remove).post(people::remove))
        .route("/account", get(account::show))
        .route("/account/name", post(account::rename))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions/end-others", post(account::end_others))
        .route("/account/sessions/{id}/end", post(account::end_session))
        .route("/sign-in/second-step", get(second_step::show).post(second_step::answer))
        .route("/account/second-step", get(factors::show))
        .route("/account/second-step/totp", post(factors::begin_totp))
        .route("/account/second-step/totp/confirm", post(factors::confirm_totp))
        .route("/account/second-step/passkeys", post(passkeys::begin))
        .route("/account/second-step/passkeys/confirm", post(passkeys::confirm))
        .route("/account/second-step/{id}/name", get(passkeys::ask_name).post(passkeys::rename))
        .route("/account/second-step/recovery-codes", post(factors::renew_recovery_codes))
        .route("/account/second-step/{id}/remove", get(factors::ask_remove).post(factors::remove))
        .route(
            "/account/sign-in-providers/{provider}/unlink",
            get(providers::ask_unlink).post(providers::unlink),
        )
        .route("/account/confirm", get(factors::ask_proof).post(factors::prove))
        .route("/settings/security/sign-in", get(security::show).post(security::change))
}

/// A query string of the given names and values, encoded (application/x-www-form-urlencoded).
pub fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

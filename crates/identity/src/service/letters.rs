//! The mails to people: what happened, what to do. Plain text; links begin with the public address.

use gatehouse_store::mails::NewMail;
use gatehouse_types::{Email, Secret};

/// Where a sign-in or a change came from, in words.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    pub(crate) when: String,
    pub(crate) network: String,
    pub(crate) browser: String,
}

fn mail(to: &Email, subject: impl Into<String>, body: &str) -> NewMail {
    NewMail { to: to.clone(), subject: subject.into(), body: Secret::new(body) }
}

pub(crate) fn reset(to: &Email, link: &str) -> NewMail {
    let body = format!(
        "Somebody, probably you, asked for a new password for {to}.\n\nSet it here within an hour:\n{link}\n\n\
         The link works once. If it was not you, do nothing: your password stays as it is.\n"
    );
    mail(to, "Set a new password", &body)
}

pub(crate) fn reset_through_sso(to: &Email, sign_in: &str) -> NewMail {
    let body = format!(
        "Somebody, probably you, asked for a new password for {to}.\n\nYour company wants you to sign in through \
         its identity provider, so there is no password to set here. Sign in with your company's account:\n{sign_in}\n\n\
         If it was not you, do nothing.\n"
    );
    mail(to, "You sign in through your company", &body)
}

pub(crate) fn password_set(to: &Email, how: &str, at: &Circumstances, reset: &str) -> NewMail {
    let Circumstances { when, network, browser } = at;
    let body = format!(
        "The password of {to} was {how}.\n\nWhen: {when}\nFrom: {network}\nWith: {browser}\n\nEvery other session was \
         ended. If it was not you, set a new password at once and tell your administrator:\n{reset}\n"
    );
    mail(to, "Your password was changed", &body)
}

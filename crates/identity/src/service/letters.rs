//! The mails to people: what happened, what to do. Plain text; links begin with the public address.

use gatehouse_store::mails::NewMail;
use gatehouse_types::{Email, Role, Secret};

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

/// In what a sign-in is not like those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unusual {
    /// Neither the browser nor the network with such a browser was known.
    pub(crate) is_new: bool,
    /// How many tries were refused just before, if they were many.
    pub(crate) failures: Option<i64>,
}

pub(crate) fn unusual(to: &Email, what: Unusual, at: &Circumstances, link: &str) -> NewMail {
    let Circumstances { when, network, browser } = at;
    let (subject, how) = match (what.is_new, what.failures) {
        (true, None) => {
            ("New sign-in to your account", "with a browser that you did not use before".to_owned())
        }
        (true, Some(n)) => (
            "New sign-in to your account after failed tries",
            format!("with a browser that you did not use before, after {n} tries with a wrong password"),
        ),
        (false, n) => (
            "Sign-in to your account after failed tries",
            format!("after {} tries with a wrong password", n.unwrap_or_default()),
        ),
    };
    let body = format!(
        "Somebody, probably you, signed in as {to} {how}.\n\nWhen: {when}\nFrom: {network}\nWith: {browser}\n\n\
         Was it you? Then do nothing.\n\nIf it was not you, say so here within 7 days. It ends all sessions, takes your \
         password out of use, and a mail lets you set a new one:\n{link}\n\nThe link works once, and asks before it \
         does anything.\n"
    );
    mail(to, subject, &body)
}

pub(crate) fn invitation(to: &Email, workspace: &str, by: Option<&str>, role: Role, link: &str) -> NewMail {
    let by = by.unwrap_or("An administrator");
    let body = format!(
        "{by} invites you to the workspace {workspace} of Gatehouse as {role}.\n\nAccept within 7 days:\n{link}\n\n\
         The link is for {to} alone. If you do not expect it, do nothing.\n"
    );
    mail(to, format!("You are invited to {workspace}"), &body)
}

// Whoever signs up names the workspace: the mails of a sign-up never say a stranger's words.

pub(crate) fn sign_up(to: &Email, link: &str) -> NewMail {
    let body = format!(
        "Somebody, probably you, wants to sign up at Gatehouse with {to}.\n\nGo on here within a day:\n{link}\n\n\
         The link works once. If it was not you, do nothing: without the link nothing is made.\n"
    );
    mail(to, "Finish signing up", &body)
}

pub(crate) fn sign_up_known(to: &Email, sign_in: &str, link: &str) -> NewMail {
    let body = format!(
        "Somebody, probably you, wants to sign up at Gatehouse with {to}. There is an account with this address \
         already. Sign in with it:\n{sign_in}\n\nIf you want a further workspace, open this link within a day, and \
         sign in:\n{link}\n\nIf it was not you, do nothing.\n"
    );
    mail(to, "You have an account already", &body)
}

pub(crate) fn sign_up_through_sso(to: &Email, sign_in: &str) -> NewMail {
    let body = format!(
        "Somebody, probably you, wants to sign up at Gatehouse with {to}.\n\nYour company wants you to sign in \
         through its identity provider, so there is nothing to sign up for. Sign in with your company's \
         account:\n{sign_in}\n\nIf it was not you, do nothing.\n"
    );
    mail(to, "You sign in through your company", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mail: &NewMail) -> String {
        format!("To: {}\nSubject: {}\n\n{}", mail.to, mail.subject, mail.body.expose())
    }

    fn ada() -> Email {
        "ada@lab.test".parse().unwrap()
    }

    #[test]
    fn a_reset_says_what_the_link_does_and_for_how_long() {
        insta::assert_snapshot!(shown(&reset(&ada(), "https://gate.test/reset/TOKEN")), @"
        To: ada@lab.test
        Subject: Set a new password

        Somebody, probably you, asked for a new password for ada@lab.test.

        Set it here within an hour:
        https://gate.test/reset/TOKEN

        The link works once. If it was not you, do nothing: your password stays as it is.
        ");
    }

    #[test]
    fn whom_single_sign_on_binds_is_led_to_it() {
        insta::assert_snapshot!(shown(&reset_through_sso(&ada(), "https://gate.test/login")), @"
        To: ada@lab.test
        Subject: You sign in through your company

        Somebody, probably you, asked for a new password for ada@lab.test.

        Your company wants you to sign in through its identity provider, so there is no password to set here. Sign in with your company's account:
        https://gate.test/login

        If it was not you, do nothing.
        ");
    }

    #[test]
    fn a_sign_up_says_what_comes_next_to_the_new_the_known_and_the_bound() {
        let link = "https://gate.test/sign-up/TOKEN";
        insta::assert_snapshot!(shown(&sign_up(&ada(), link)), @"
        To: ada@lab.test
        Subject: Finish signing up

        Somebody, probably you, wants to sign up at Gatehouse with ada@lab.test.

        Go on here within a day:
        https://gate.test/sign-up/TOKEN

        The link works once. If it was not you, do nothing: without the link nothing is made.
        ");
        insta::assert_snapshot!(shown(&sign_up_known(&ada(), "https://gate.test/login", link)), @"
        To: ada@lab.test
        Subject: You have an account already

        Somebody, probably you, wants to sign up at Gatehouse with ada@lab.test. There is an account with this address already. Sign in with it:
        https://gate.test/login

        If you want a further workspace, open this link within a day, and sign in:
        https://gate.test/sign-up/TOKEN

        If it was not you, do nothing.
        ");
        insta::assert_snapshot!(shown(&sign_up_through_sso(&ada(), "https://gate.test/login")), @"
        To: ada@lab.test
        Subject: You sign in through your company

        Somebody, probably you, wants to sign up at Gatehouse with ada@lab.test.

        Your company wants you to sign in through its identity provider, so there is nothing to sign up for. Sign in with your company's account:
        https://gate.test/login

        If it was not you, do nothing.
        ");
    }

    #[test]
    fn an_unusual_sign_in_tells_what_is_unusual_and_what_to_do() {
        let at = Circumstances {
            when: "24 Nov 2026, 04:11 UTC".into(),
            network: "192.0.2.7".into(),
            browser: "Firefox on Linux".into(),
        };
        let told = |is_new, failures| {
            unusual(&ada(), Unusual { is_new, failures }, &at, "https://gate.test/not-me/TOKEN")
        };
        insta::assert_snapshot!(shown(&told(true, None)), @"
        To: ada@lab.test
        Subject: New sign-in to your account

        Somebody, probably you, signed in as ada@lab.test with a browser that you did not use before.

        When: 24 Nov 2026, 04:11 UTC
        From: 192.0.2.7
        With: Firefox on Linux

        Was it you? Then do nothing.

        If it was not you, say so here within 7 days. It ends all sessions, takes your password out of use, and a mail lets you set a new one:
        https://gate.test/not-me/TOKEN

        The link works once, and asks before it does anything.
        ");
        let tried = told(false, Some(12));
        assert_eq!(tried.subject, "Sign-in to your account after failed tries");
        assert!(tried.body.expose().contains("after 12 tries with a wrong password.\n"));
        let both = told(true, Some(12));
        assert!(both.body.expose().contains("did not use before, after 12 tries with a wrong password.\n"));
    }

    #[test]
    fn a_change_tells_when_from_where_and_what_to_do() {
        let at = Circumstances {
            when: "24 Nov 2026, 04:11 UTC".into(),
            network: "192.0.2.7".into(),
            browser: "Firefox on Linux".into(),
        };
        insta::assert_snapshot!(shown(&password_set(&ada(), "changed", &at, "https://gate.test/reset")), @"
        To: ada@lab.test
        Subject: Your password was changed

        The password of ada@lab.test was changed.

        When: 24 Nov 2026, 04:11 UTC
        From: 192.0.2.7
        With: Firefox on Linux

        Every other session was ended. If it was not you, set a new password at once and tell your administrator:
        https://gate.test/reset
        ");
    }

    #[test]
    fn an_invitation_names_workspace_role_and_who_invites() {
        let mail = invitation(
            &ada(),
            "Acme",
            Some("owner@acme.test"),
            Role::Member,
            "https://gate.test/invitation/TOKEN",
        );
        insta::assert_snapshot!(shown(&mail), @"
        To: ada@lab.test
        Subject: You are invited to Acme

        owner@acme.test invites you to the workspace Acme of Gatehouse as member.

        Accept within 7 days:
        https://gate.test/invitation/TOKEN

        The link is for ada@lab.test alone. If you do not expect it, do nothing.
        ");
    }
}

//! From a server's answer to what is kept.

use gatehouse_types::{Secret, Timestamp};

use super::model::{Facts, Grant, Kept};
use crate::oauth::answer::Tokens;

/// When tokens end.
pub(super) struct Ends {
    pub(super) access: Option<Timestamp>,
    pub(super) refresh: Option<Timestamp>,
}

impl Ends {
    /// What a grant counts as told of its end when a person has just authorized it.
    pub(super) fn told_at_first(&self, now: Timestamp) -> Option<i64> {
        self.refresh.and_then(|end| super::ends::told_at_first(end, now))
    }

    /// The same when new tokens came by themselves: an end that moves with each use, and stays near, is told of once.
    pub(super) fn told_after(&self, former: &Facts, now: Timestamp) -> Option<i64> {
        let before = (former.end_told_days, former.refresh_expires_at);
        self.refresh.map_or(before.0, |end| super::ends::told_after(before, end, now))
    }
}

/// When the tokens of an answer that came now end, as far as it tells.
pub(super) fn ends(tokens: &Tokens, now: Timestamp) -> Ends {
    Ends {
        access: tokens.expires_in.map(|seconds| now.plus_seconds(seconds)),
        refresh: tokens.refresh_expires_in.map(|seconds| now.plus_seconds(seconds)),
    }
}

/// What is kept of an answer. A refresh token that was not replaced goes on (RFC 6749 §6), and so do values not repeated.
pub(super) fn kept(tokens: &Tokens, before: Option<&Grant>) -> Kept {
    let open = |secret: &Secret| secret.expose().to_owned();
    let mut values = before.map(|grant| grant.tokens.values.clone()).unwrap_or_default();
    values.extend(tokens.values.clone());
    let former = before.and_then(|grant| grant.tokens.refresh_token.clone());
    Kept {
        access_token: Some(open(&tokens.access_token)),
        refresh_token: tokens.refresh_token.as_ref().map(open).or(former),
        values,
    }
}

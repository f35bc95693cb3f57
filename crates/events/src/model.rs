use gatehouse_types::{DeliveryId, Error, Result, Timestamp, UserId, WebhookId, WorkspaceId};
use serde::Serialize;
use url::Url;

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 200;
/// The longest address, in characters.
const MAX_URL: usize = 2_000;
/// Kinds of events that one webhook names at most.
const MAX_PATTERNS: usize = 50;
/// The longest name of a kind of events, in characters.
const MAX_PATTERN: usize = 64;
/// The pauses before each further try, in seconds: 27 hours in all.
pub(crate) const RETRIES: [i64; 8] = [5, 60, 300, 1_800, 7_200, 18_000, 28_800, 43_200];

/// Whether a webhook is told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookStatus)]
pub(crate) enum Status {
    /// It is.
    Active,
    /// Somebody switched it off, or it failed for too long.
    Disabled,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(Error::validation("status", "The status must be active or disabled.")),
        }
    }
}

/// A program of the company's that is told of events.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: WebhookId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) version: i64,
    pub(crate) url: String,
    pub(crate) description: String,
    /// Kinds of events: `user.offboarded`, `user.*`, `*`.
    pub(crate) events: Vec<String>,
    pub(crate) status: Status,
    /// Why it was switched off by itself.
    pub(crate) disabled_reason: Option<String>,
    /// The last entry of the audit log that was looked at.
    pub(crate) position: i64,
    /// Until when the secret before signs beside the new one.
    pub(crate) former_until: Option<Timestamp>,
    pub(crate) created_by: Option<String>,
    /// The person who answers for it; `None`: nobody in particular.
    pub(crate) responsible: Option<UserId>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) failing_since: Option<Timestamp>,
}

impl Webhook {
    /// Whether it wants to know of a kind of events.
    pub(crate) fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => event.starts_with(beginning),
            None => pattern == event,
        })
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookDeliveryState)]
pub(crate) enum State {
    /// It waits for its first or next try.
    Pending,
    /// It was answered with 2xx.
    Delivered,
    /// It was given up.
    Failed,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for State {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "pending" => Ok(Self::Pending),
            "delivered" => Ok(Self::Delivered),
            "failed" => Ok(Self::Failed),
            _ => Err(Error::validation("state", "The state must be pending, delivered or failed.")),
        }
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) webhook_id: WebhookId,
    /// The entry of the audit log; the id of a test.
    pub(crate) event_id: String,
    pub(crate) event: String,
    pub(crate) state: State,
    pub(crate) attempts: i64,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) last_status: Option<i64>,
    pub(crate) last_error: Option<String>,
    pub(crate) took_ms: Option<i64>,
    pub(crate) created_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

/// An address that may be told of events; egress rules are asked when it is called.
pub(crate) fn checked_url(text: &str) -> Result<String> {
    let wrong = |why: &'static str| Error::validation("url", why);
    let text = text.trim();
    if text.chars().count() > MAX_URL {
        return Err(wrong("The URL is too long: at most 2000 characters."));
    }
    let url = Url::parse(text).map_err(|_| wrong("The URL must be a whole https address."))?;
    let local = url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127."));
    if url.scheme() != "https" && !(url.scheme() == "http" && local) {
        return Err(wrong("The URL must begin with https://."));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("The URL must hold no user name, password or fragment."));
    }
    Ok(url.into())
}

/// The kinds of events of a webhook.
pub(crate) fn checked_events(events: Vec<String>) -> Result<Vec<String>> {
    let wrong = |why: String| Error::validation("events", why);
    if events.is_empty() || events.len() > MAX_PATTERNS {
        let message = "Name 1 to 50 kinds of events, such as user.*, membership.* or session.started.";
        return Err(wrong(message.to_owned()));
    }
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let fits = |event: &str| {
        event == "*"
            || event.len() <= MAX_PATTERN
                && event.split_once('.').is_some_and(|(area, what)| word(area) && (what == "*" || word(what)))
    };
    if let Some(odd) = events.iter().find(|e| !fits(e)) {
        let shown: String = odd.chars().take(MAX_PATTERN).collect();
        return Err(wrong(format!("{shown:?} is no kind of events: it is area.what, area.* or *.")));
    }
    let mut unique = events;
    unique.sort();
    unique.dedup();
    Ok(unique)
}

/// What a webhook is for, in words.
pub(crate) fn checked_description(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(Error::validation(
            "description",
            "The description must be one line of at most 200 characters.",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_but_for_this_machine() {
        for good in ["https://hooks.example/x?y=1", "http://127.0.0.1:9/x", "http://localhost/x"] {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in
            ["http://hooks.example", "ftp://hooks.example", "https://a:b@hooks.example", "/x", "https://x/#y"]
        {
            assert!(checked_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_of_events_are_named_in_one_way() {
        let of = |e: &[&str]| checked_events(e.iter().map(|e| (*e).to_owned()).collect());
        assert_eq!(of(&["user.*", "user.*", "*"]).unwrap(), ["*", "user.*"]);
        for bad in [&[][..], &["user"], &["user."], &["*.created"], &["User.created"], &["user.created.x"]] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}

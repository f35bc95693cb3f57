//! The form of a webhook: where to, and what of.

use gatehouse_types::{Error, Kind};
use gatehouse_web::FieldErrors;
use serde::Deserialize;

use crate::model::Webhook;
use crate::service::webhooks::Change;

/// Kinds of events that the form proposes; any kind of the audit log can be typed.
pub(super) const PROPOSED: [&str; 20] = [
    "*",
    "user.*",
    "user.offboarded",
    "user.reactivated",
    "membership.*",
    "membership.set",
    "invitation.*",
    "session.*",
    "session.started",
    "session.refused",
    "session.unusual",
    "factor.*",
    "sso.*",
    "sso.signed-in",
    "sso.refused",
    "sso.break-glass",
    "scim.*",
    "scim.user-changed",
    "scim.token-silent",
    "webhook.*",
];

/// What was entered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WebhookForm {
    pub(super) url: String,
    pub(super) description: String,
    pub(super) events: Vec<String>,
}

impl WebhookForm {
    pub(super) fn of(webhook: &Webhook) -> Self {
        let Webhook { url, description, events, .. } = webhook.clone();
        Self { url, description, events }
    }

    /// The change that it asks for; empty lines count for nothing.
    pub(super) fn change(&self) -> Change {
        let events = self.events.iter().map(|e| e.trim().to_owned()).filter(|e| !e.is_empty()).collect();
        Change {
            url: Some(self.url.clone()),
            description: Some(self.description.clone()),
            events: Some(events),
            status: None,
        }
    }
}

/// What is wrong with the form, when the failure is about it.
pub(super) fn errors_of(error: &Error) -> Option<FieldErrors> {
    matches!(error.kind(), Kind::Validation | Kind::Conflict).then(|| FieldErrors::from(error))
}

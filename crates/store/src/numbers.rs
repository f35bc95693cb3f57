//! What the store counts: changes by what they tell, sign-ins, jobs, mails, waiting. Every label has few values.

use std::time::Duration;

use metrics::{counter, histogram};
use serde_json::Value as Json;

use crate::audit::Event;

/// The longest reason that becomes a label.
const MAX_REASON: usize = 48;

/// An audit entry that counts once its transaction is committed.
#[derive(Debug)]
pub(crate) struct Counted {
    event: &'static str,
    outcome: &'static str,
    /// How somebody signed in or did not, and why not.
    sign_in: Option<(String, String)>,
}

impl Counted {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let word =
            |name: &str| event.details.get(name).and_then(Json::as_str).map_or_else(String::new, label);
        let sign_in = match event.event {
            "session.started" => Some((word("method"), String::new())),
            "session.refused" => Some(("password".to_owned(), word("reason"))),
            "sso.refused" => Some(("sso".to_owned(), word("reason"))),
            _ => None,
        };
        Self { event: event.event, outcome: event.outcome.as_str(), sign_in }
    }

    pub(crate) fn count(self) {
        counter!("audit_events_total", "event" => self.event, "outcome" => self.outcome).increment(1);
        if let Some((method, reason)) = self.sign_in {
            counter!("sign_ins_total", "method" => method, "outcome" => self.outcome, "reason" => reason)
                .increment(1);
        }
    }
}

/// A stable code as a label; anything else shares one name.
fn label(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let fits = text.len() <= MAX_REASON && text.bytes().all(plain);
    if fits { text.to_owned() } else { "other".to_owned() }
}

/// One run of a job.
pub(crate) fn job(kind: &'static str, outcome: &'static str, took: Duration) {
    counter!("jobs_total", "kind" => kind, "outcome" => outcome).increment(1);
    histogram!("job_seconds", "kind" => kind).record(took.as_secs_f64());
}

/// How long a write transaction waited for its turn.
pub(crate) fn waited(took: Duration) {
    histogram!("database_wait_seconds").record(took.as_secs_f64());
}

/// A mail that left, or was given up.
pub(crate) fn mail(status: &'static str) {
    counter!("mails_total", "status" => status).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_code_or_other() {
        assert_eq!(label("not_on_or_after"), "not_on_or_after");
        assert_eq!(label("ada@lab.test said no"), "other");
        assert_eq!(label(&"x".repeat(49)), "other");
    }
}

use std::time::SystemTime;

use gatehouse_types::{Email, Id, MailId};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};

use super::MailError;

/// The name beside the sender's address.
const SENDER_NAME: &str = "Gatehouse";
/// Tells vacation responders to stay silent (RFC 3834 §5).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// A plain-text mail to one person. Whatever the subject contains, it stays one header: control characters are
/// blanks in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    to: Email,
    subject: String,
    text: String,
    id: Option<String>,
}

impl Mail {
    /// A mail.
    pub fn new(to: Email, subject: &str, text: impl Into<String>) -> Self {
        let subject =
            subject.chars().map(|c| if c.is_control() || is_line_break(c) { ' ' } else { c }).collect();
        Self { to, subject, text: text.into(), id: None }
    }

    /// The same mail under this id: sent twice, it arrives as the same message (RFC 5322 §3.6.4).
    #[must_use]
    pub fn identified(mut self, id: &MailId) -> Self {
        self.id = Some(id.as_str().to_owned());
        self
    }

    /// The addressee.
    pub fn to(&self) -> &Email {
        &self.to
    }

    /// The subject, on one line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn encode(&self, from: &Email, at: SystemTime) -> Result<Message, MailError> {
        let address = |email: &Email| {
            email.as_str().parse().map_err(|_| MailError::Permanent(format!("\"{email}\" is not an address")))
        };
        let id = self.id.as_ref().map(|id| format!("<{id}@{}>", from.domain()));
        Message::builder()
            .from(Mailbox::new(Some(SENDER_NAME.to_owned()), address(from)?))
            .to(Mailbox::new(None, address(&self.to)?))
            .subject(&*self.subject)
            .date(at)
            .message_id(id)
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
            .map_err(|error| MailError::Permanent(error.to_string()))
    }
}

/// Line and paragraph separators, which some readers break lines at.
fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Replies about the sign-in to the mail server (RFC 4954 §6): they are about our settings, not about the mail.
const SIGN_IN_REPLIES: [u16; 4] = [530, 534, 535, 538];

/// Why a mail was not taken. Texts are for the operator and contain no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The setting is unusable.
    #[error("GATEHOUSE_SMTP_URL: {0}")]
    Setting(String),
    /// There is no mail server.
    #[error("No mail server is set up, so the mail waits in the outbox. Set GATEHOUSE_SMTP_URL to send it.")]
    NotConfigured,
    /// Not now: the server is away, busy, or does not accept our sign-in. The same mail may be sent later.
    #[error(
        "The mail server did not take the mail ({0}). It will be tried again; if it lasts, check GATEHOUSE_SMTP_URL and the mail server."
    )]
    Transient(String),
    /// Never: the server refuses this mail or its addressee. Trying again does not help.
    #[error("The mail server refuses the mail ({0}). Check the addressee and the sender's address.")]
    Permanent(String),
}

impl MailError {
    /// Whether the same mail may be taken later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::NotConfigured)
    }

    pub(super) fn from_lettre(error: &lettre::transport::smtp::Error) -> Self {
        let about_sign_in = error.status().is_some_and(|code| SIGN_IN_REPLIES.contains(&u16::from(code)));
        let text = error.to_string();
        if error.is_permanent() && !about_sign_in { Self::Permanent(text) } else { Self::Transient(text) }
    }
}

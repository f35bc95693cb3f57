mod error;
mod message;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

pub use error::MailError;
use gatehouse_types::{Email, Secret, SharedClock};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
pub use message::Mail;

/// The longest one mail may take, connection included.
const SMTP_DEADLINE: Duration = Duration::from_secs(60);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How mail leaves the house.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// The setting `GATEHOUSE_SMTP_URL`: `smtp://user:password@host:port?tls=required|opportunistic|none`, or
    /// `smtps://…` for TLS from the first byte. User and password are percent-encoded. Ports left out are 465 for
    /// `smtps`, 587 with a user or a `tls` word, else 25. Without a `tls` word: none on loopback, required with a
    /// password, else opportunistic.
    pub url: Secret,
    /// The sender of every mail.
    pub from: Email,
    /// PEM certificates of authorities trusted besides the public ones.
    pub extra_roots: Option<String>,
}

/// Sends plain-text mail through the operator's server, or knows that there is none.
#[derive(Clone)]
pub struct Mailer {
    smtp: Option<Smtp>,
}

#[derive(Clone)]
struct Smtp {
    transport: Transport,
    from: Email,
    clock: SharedClock,
}

impl Mailer {
    /// No server: mails stay in the console's outbox, which the caller keeps.
    pub fn outbox_only() -> Self {
        Self { smtp: None }
    }

    /// Sends over this server. Nothing is connected yet. The server may be on loopback or in a private network:
    /// the operator chose it.
    ///
    /// # Errors
    /// [`MailError::Setting`] when the URL or the certificates cannot be used.
    pub fn smtp(config: &SmtpConfig, clock: SharedClock) -> Result<Self, MailError> {
        let transport = settings::transport(config)?;
        Ok(Self { smtp: Some(Smtp { transport, from: config.from.clone(), clock }) })
    }

    /// Whether there is a server to send over.
    pub fn is_configured(&self) -> bool {
        self.smtp.is_some()
    }

    /// Hands one mail to the server. `Ok` means the server took the responsibility (RFC 5321 §4.2.5).
    ///
    /// # Errors
    /// [`MailError::is_transient`] says whether to try again.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let smtp = self.smtp.as_ref().ok_or(MailError::NotConfigured)?;
        let micros = u64::try_from(smtp.clock.now().micros()).unwrap_or(0);
        let message = mail.encode(&smtp.from, SystemTime::UNIX_EPOCH + Duration::from_micros(micros))?;
        in_time(SMTP_DEADLINE, smtp.transport.send(message)).await
    }

    /// Connects and signs in without sending anything, for `doctor`.
    ///
    /// # Errors
    /// What a mail would meet.
    pub async fn probe(&self) -> Result<(), MailError> {
        let smtp = self.smtp.as_ref().ok_or(MailError::NotConfigured)?;
        in_time(SMTP_DEADLINE, smtp.transport.test_connection()).await
    }
}

/// lettre's own time limit covers the connection only; a server that falls silent later must not hold us.
async fn in_time<T>(
    deadline: Duration,
    talk: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<(), MailError> {
    match tokio::time::timeout(deadline, talk).await {
        Ok(outcome) => outcome.map(drop).map_err(|error| MailError::from_lettre(&error)),
        Err(_) => Err(MailError::Transient(format!("no reply within {} seconds", deadline.as_secs_f32()))),
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("configured", &self.is_configured()).finish_non_exhaustive()
    }
}

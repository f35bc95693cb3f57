//! Mails leave by a job: written in the transaction that causes them, sent when it counts.

use gatehouse_outbound::{Mail, Mailer};
use gatehouse_store::jobs::{self, Job, When};
use gatehouse_store::mails::{self, NewMail};
use gatehouse_store::{Store, Tx};
use gatehouse_types::{Error, MailId, Result, WorkspaceId};
use serde::{Deserialize, Serialize};

/// Sends one mail of the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendMail {
    mail: MailId,
}

/// What sending needs.
#[derive(Clone, Debug)]
pub struct MailContext {
    /// The outbox.
    pub store: Store,
    /// The way out; without SMTP the mails stay in the outbox.
    pub mailer: Mailer,
}

impl SendMail {
    /// Writes a mail and the job that sends it, in the caller's transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue(tx: &mut Tx, workspace: Option<&WorkspaceId>, mail: &NewMail) -> Result<MailId> {
        let id = mails::write(tx, workspace, mail).await?;
        jobs::enqueue(tx, &Self { mail: id.clone() }, When::default()).await?;
        Ok(id)
    }

    /// The same for a mail with a personal link: nobody but its recipient reads it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue_personal(
        tx: &mut Tx,
        workspace: Option<&WorkspaceId>,
        mail: &NewMail,
    ) -> Result<MailId> {
        let id = mails::write_personal(tx, workspace, mail).await?;
        jobs::enqueue(tx, &Self { mail: id.clone() }, When::default()).await?;
        Ok(id)
    }
}

impl Job for SendMail {
    const KIND: &'static str = "mail.send";
    type Context = MailContext;

    async fn run(self, context: MailContext) -> Result<()> {
        let Some(mail) = mails::find(&context.store, &self.mail).await? else { return Ok(()) };
        if mail.status != "waiting" || !context.mailer.is_configured() {
            return Ok(());
        }
        let outgoing = Mail::new(mail.to, &mail.subject, mail.body).identified(&self.mail);
        let status = match context.mailer.send(&outgoing).await {
            Ok(()) => "sent",
            Err(e) if e.is_transient() => {
                return Err(Error::unavailable("the mail server did not take the mail").caused_by(e));
            }
            Err(e) => {
                tracing::warn!(mail = %self.mail, error = %e, "a mail was refused for good");
                "failed"
            }
        };
        let mut tx = context.store.begin_always().await?;
        mails::mark(&mut tx, &self.mail, status).await?;
        Ok(tx.commit().await?)
    }
}

//! Warnings before values end: 30, 7 and 1 days, once each, to those who administer connectors.

use gatehouse_catalogue::Field;
use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::mails::NewMail;
use gatehouse_types::{ConnectorId, Id, Result, Secret, Timestamp, WorkspaceId};

use crate::Connect;
use crate::connectors::model::known::fields;
use crate::connectors::store::{connectors, warnings};

/// Days before the end, the last first.
const WARNINGS: [i64; 3] = [1, 7, 30];
const DAY_SECONDS: i64 = 86_400;
/// Connectors that are looked at in one round.
const ROUND: i64 = 500;

/// A value that ends.
struct Ending<'a> {
    workspace: &'a WorkspaceId,
    id: &'a ConnectorId,
    name: &'a str,
    field: &'a str,
    at: Timestamp,
}

impl Connect {
    /// Sends the warnings that are due.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn warn_of_ends(&self) -> Result<()> {
        let mut after = String::new();
        loop {
            let round = warnings::with_ends(&mut self.0.store.reader(), &after, ROUND).await?;
            let Some((last, ..)) = round.last() else { return Ok(()) };
            after = last.as_str().to_owned();
            for (id, workspace, name, ends) in &round {
                for (field, at) in ends {
                    let at = Timestamp::from_micros(*at);
                    self.warn(&Ending { workspace, id, name, field, at }).await?;
                }
            }
        }
    }

    /// The warning that is due; the earlier ones are noted with it, so that nobody gets three at once.
    async fn warn(&self, ending: &Ending<'_>) -> Result<()> {
        let now = self.0.store.now();
        let due: Vec<i64> =
            WARNINGS.into_iter().filter(|days| ending.at < now.plus_seconds(days * DAY_SECONDS)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.begin_always().await?;
        let mut is_first = false;
        for (at, days) in due.into_iter().enumerate() {
            is_first |= warnings::first(&mut tx, ending.id, ending.field, ending.at, days).await? && at == 0;
        }
        if is_first {
            self.tell(&mut tx, ending, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn tell(&self, tx: &mut Tx, ending: &Ending<'_>, now: Timestamp) -> Result<()> {
        let label = self.label(tx, ending).await?;
        let (name, at) = (ending.name, ending.at);
        let (verb, tense) = if at <= now { ("has ended", "ended") } else { ("ends soon", "ends") };
        let page = self.0.public_url.join(&format!("{}/{}", super::super::console::PATH, ending.id));
        let subject = format!("{label} of the connector {name} {verb}");
        let body = format!(
            "{label} of the connector {name} {tense} at {at}. Afterwards its calls are refused.\n\nEnter a new value, with its \
             last day, at {page}.\n"
        );
        for to in self.0.identity.administrators(tx, ending.workspace).await? {
            let mail = NewMail { to, subject: subject.clone(), body: Secret::new(body.clone()) };
            SendMail::enqueue(tx, Some(ending.workspace), &mail).await?;
        }
        Ok(())
    }

    /// What people call the field.
    async fn label(&self, tx: &mut Tx, ending: &Ending<'_>) -> Result<String> {
        let found = connectors::find(tx, ending.workspace, ending.id).await?;
        let Some(connector) = found else { return Ok(ending.field.to_owned()) };
        let known = self.known(tx, ending.workspace, &connector.type_id).await?;
        let label = known.as_ref().and_then(|known| {
            let auth = known.way(Some(&connector.auth_id))?;
            let mut all = fields(known, auth);
            all.find(|f: &&Field| f.key.as_str() == ending.field).map(|f| f.label.clone())
        });
        Ok(label.unwrap_or_else(|| ending.field.to_owned()))
    }
}

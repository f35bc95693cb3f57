//! After a restore: who answers for what must be authorized again is told, in one mail for all of it.

use std::collections::BTreeMap;

use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, Email, Id, Origin, Result, Secret, WorkspaceId};
use serde_json::json;

use super::broker::{Broker, Inner};
use super::notices::{MOST_NAMED, whom};
use super::store::{self, FROM_BACKUP, Listed};
use crate::holders;

/// What one person is told of: names and pages.
type Things = Vec<(String, String)>;

/// Tells of all grants of a backup of which nobody was told yet, some at a time.
pub(crate) async fn tell(broker: &Broker) -> Result<()> {
    let inner = &broker.0;
    while let Some(workspace) = store::workspace_to_tell(&mut inner.store.reader()).await? {
        let mut tx = inner.store.begin_always().await?;
        let grants = store::tell_restored(&mut tx, &workspace).await?;
        let mut of_whom: BTreeMap<String, (Email, Things)> = BTreeMap::new();
        for grant in &grants {
            record(&mut tx, &workspace, grant).await?;
            let Some(about) = holders::about(&mut tx, &workspace, &grant.holder).await? else { continue };
            for to in whom(inner, &mut tx, &workspace, (&about, &grant.owner)).await? {
                let (_, things) = of_whom.entry(to.to_string()).or_insert_with(|| (to.clone(), Vec::new()));
                things.push((about.name.clone(), inner.public_url.join(&about.page)));
            }
        }
        for (to, things) in of_whom.into_values() {
            send(inner, &mut tx, &workspace, to, &things).await?;
        }
        tx.commit().await?;
        tracing::warn!(%workspace, grants = grants.len(), "after the restore these must be authorized again");
    }
    Ok(())
}

async fn record(tx: &mut Tx, workspace: &WorkspaceId, grant: &Listed) -> Result<()> {
    let details = json!({"holder": grant.holder.object(), "owner": grant.owner.kind(),
        "personId": grant.owner.person(), "version": grant.version, "reason": FROM_BACKUP});
    let actor = Actor::system(Origin::machine(tx.store().ids().make()), Some(workspace.clone()));
    let event = Event::failure("grant.needs-reauthorization", Some(("grant", grant.id.as_str())), details);
    Ok(audit::record_in(tx, &actor, Some(workspace), event).await?)
}

async fn send(
    broker: &Inner,
    tx: &mut Tx,
    workspace: &WorkspaceId,
    to: Email,
    things: &Things,
) -> Result<()> {
    let subject = match things.as_slice() {
        [(name, _)] => format!("{name} must be authorized again"),
        many => format!("{} connections must be authorized again", many.len()),
    };
    let mut lines: String =
        things.iter().take(MOST_NAMED).map(|(name, page)| format!("- {name}: {page}\n")).collect();
    if things.len() > MOST_NAMED {
        lines.push_str(&format!("and {} more.\n", things.len() - MOST_NAMED));
    }
    let body = format!(
        "{FROM_BACKUP} What uses the following fails until it is authorized again at {}:\n\n{lines}",
        broker.public_url.as_str()
    );
    let mail = NewMail { to, subject, body: Secret::new(body) };
    SendMail::enqueue(tx, Some(workspace), &mail).await.map(drop)
}

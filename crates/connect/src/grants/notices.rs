//! Mails about grants: once when somebody must act, and once when it works again.

use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Email, Result, Secret, Timestamp, WorkspaceId};

use super::broker::Inner;
use super::model::Grant;
use crate::Owner;
use crate::call::ledger;
use crate::holders::{self, About};

/// Things that a mail names as broken.
pub(super) const MOST_NAMED: usize = 20;

struct Told {
    about: About,
    to: Vec<Email>,
    breaks: String,
}

/// Who is told: the person of a grant of one's own; else who answers for the holder; else the workspace's owners.
pub(super) async fn whom(
    broker: &Inner,
    tx: &mut Tx,
    workspace: &WorkspaceId,
    (about, owner): (&About, &Owner),
) -> Result<Vec<Email>> {
    let person = match owner {
        Owner::Person(user) => Some(user.clone()),
        Owner::Service => about.responsible.clone(),
    };
    if let Some(user) = &person
        && broker.identity.user_with_role(tx, workspace, user).await?.is_some()
        && let Some(user) = broker.identity.user(tx, user).await?
    {
        return Ok(vec![user.email]);
    }
    match owner {
        Owner::Person(_) => Ok(Vec::new()),
        Owner::Service => broker.identity.owners(tx, workspace).await,
    }
}

async fn told(broker: &Inner, tx: &mut Tx, grant: &Grant) -> Result<Option<Told>> {
    let Some(about) = holders::about(tx, &grant.workspace, &grant.holder).await? else { return Ok(None) };
    let to = whom(broker, tx, &grant.workspace, (&about, &grant.owner)).await?;
    let causes = ledger::causes(tx, &grant.workspace, &grant.holder, &grant.owner).await?;
    let named: Vec<_> = causes.iter().take(MOST_NAMED).map(|cause| format!("- {cause}\n")).collect();
    let breaks = match named.is_empty() {
        true => "Nothing used it in the last 30 days.\n".to_owned(),
        false => format!("It was used in the last 30 days by:\n{}", named.concat()),
    };
    Ok(Some(Told { about, to, breaks }))
}

async fn send(
    broker: &Inner,
    tx: &mut Tx,
    grant: &Grant,
    write: impl Fn(&Told, &str) -> (String, String),
) -> Result<()> {
    let Some(told) = told(broker, tx, grant).await? else { return Ok(()) };
    let place = broker.public_url.join(&told.about.page);
    for to in &told.to {
        let (subject, body) = write(&told, &place);
        let mail = NewMail { to: to.clone(), subject, body: Secret::new(body) };
        SendMail::enqueue(tx, Some(&grant.workspace), &mail).await?;
    }
    Ok(())
}

fn whose(grant: &Grant) -> &'static str {
    match grant.owner {
        Owner::Service => "The workspace's authorization",
        Owner::Person(_) => "Your own authorization",
    }
}

/// Somebody must authorize again.
pub(super) async fn needs_reauthorization(
    broker: &Inner,
    tx: &mut Tx,
    grant: &Grant,
    reason: &str,
) -> Result<()> {
    send(broker, tx, grant, |told, place| {
        let name = &told.about.name;
        let body = format!(
            "{} for {name} has ended, and everything that uses it fails until it is authorized again.\n\n{reason}\n\n\
             Authorize it again here: {place}\n\n{}",
            whose(grant),
            told.breaks
        );
        (format!("{name} must be authorized again"), body)
    })
    .await
}

/// The provider refuses our client: no tokens come until somebody mends it.
pub(super) async fn failing(broker: &Inner, tx: &mut Tx, grant: &Grant, reason: &str) -> Result<()> {
    send(broker, tx, grant, |told, place| {
        let name = &told.about.name;
        let body = format!(
            "{name} gets no tokens from its provider, and what uses it fails. It is tried again by itself.\n\n{reason}\n\n\
             Look at it here: {place}\n\n{}",
            told.breaks
        );
        (format!("{name} fails at its provider"), body)
    })
    .await
}

/// The provider will take the refresh token no more after a moment.
pub(super) async fn ends_soon(broker: &Inner, tx: &mut Tx, grant: &Grant, end: Timestamp) -> Result<()> {
    send(broker, tx, grant, |told, place| {
        let name = &told.about.name;
        let body = format!(
            "{} for {name} ends at its provider at {end}, unless it is renewed before. Then everything that uses it fails.\n\n\
             Authorize it again here: {place}\n\n{}",
            whose(grant),
            told.breaks
        );
        (format!("The authorization for {name} ends soon"), body)
    })
    .await
}

/// It works again.
pub(super) async fn recovered(broker: &Inner, tx: &mut Tx, grant: &Grant) -> Result<()> {
    send(broker, tx, grant, |told, place| {
        let name = &told.about.name;
        (format!("{name} works again"), format!("{} for {name} works again: {place}\n", whose(grant)))
    })
    .await
}

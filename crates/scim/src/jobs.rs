use gatehouse_identity::SendMail;
use gatehouse_store::Store;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::jobs::Job;
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, Id, Origin, Result, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Scim;
use crate::model::ScimToken;
use crate::model::rhythm::{SILENT_SECONDS, day_of};
use crate::store::{activities, days, places, roles, tokens};

/// How often old activities are forgotten, in seconds.
pub(crate) const SWEEP_SECONDS: i64 = 3_600;
/// How often it is looked for days that are over and for tokens that fell silent, in seconds.
pub(crate) const LOOK_SECONDS: i64 = 3_600;
/// How often roles are compared with what the groups give, in seconds. Changes count at once; this finds what came about side
/// by side and saw nothing of each other.
pub(crate) const SETTLE_SECONDS: i64 = 600;
/// How long an activity is kept, in days.
const KEPT_DAYS: i64 = 90;
/// How long after its end a day is counted, in seconds: what was begun on it has ended by then.
const SETTLED_SECONDS: i64 = 1_800;
/// Silent tokens that are looked at in one round; there are as many rounds as it takes.
const ROUND: usize = 500;

/// Forgets activities that are past their time; the audit log keeps what was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "scim.sweep";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        let mut tx = store.begin_always().await?;
        let before = store.now().plus_seconds(-KEPT_DAYS * 86_400);
        activities::sweep(&mut tx, before).await?;
        days::sweep(&mut tx, day_of(before)).await?;
        Ok(tx.commit().await?)
    }
}

/// Counts the days that are over, each once, so that nobody who looks at them counts a million rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CountDays;

impl Job for CountDays {
    const KIND: &'static str = "scim.count-days";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        let today = day_of(store.now().plus_seconds(-SETTLED_SECONDS));
        for day in days::uncounted(&mut store.reader(), today).await? {
            let counted = days::count(&mut store.reader(), day).await?;
            let mut tx = store.begin_always().await?;
            if days::close(&mut tx, day).await? {
                for ((workspace, token), counts) in &counted {
                    days::keep(&mut tx, day, workspace, token, *counts);
                }
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Tells owners and admins once of a token that was used regularly and has fallen silent: a provider that stopped says
/// nothing itself. It is told again after the token was used in between.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SilenceWarnings;

impl Job for SilenceWarnings {
    const KIND: &'static str = "scim.silence-warnings";
    type Context = Scim;

    async fn run(self, scim: Scim) -> Result<()> {
        let store = &scim.0.store;
        let (now, most) = (store.now(), i64::try_from(ROUND).unwrap_or(i64::MAX));
        loop {
            // what a round looked at is noted, so that the next one finds others
            let before = now.plus_seconds(-SILENT_SECONDS);
            let silent = tokens::fallen_silent(&mut store.reader(), before, now, most).await?;
            for token in &silent {
                notice(&scim, token).await?;
            }
            if silent.len() < ROUND {
                return Ok(());
            }
        }
    }
}

async fn notice(scim: &Scim, token: &ScimToken) -> Result<()> {
    let store = &scim.0.store;
    let mut tx = store.begin_always().await?;
    if tokens::first_to_notice(&mut tx, token).await? && token.rhythm.is_regular() {
        let workspace = &token.workspace_id;
        let actor = Actor::system(Origin::machine(store.ids().make()), Some(workspace.clone()));
        let details = json!({
            "name": token.name, "maskedValue": token.masked, "lastUsedAt": token.last_used_at,
            "dialect": token.dialect,
        });
        let event = Event::failure("scim.token-silent", Some(("scim-token", token.id.as_str())), details);
        audit::record(&mut tx, &actor, event).await?;
        let (subject, body) = letter(token, &scim.0.public_url.join(crate::console::PATH));
        for to in scim.0.identity.administrators(&mut tx, workspace).await? {
            let mail = NewMail { to, subject: subject.clone(), body: Secret::new(body.as_str()) };
            SendMail::enqueue(&mut tx, Some(workspace), &mail).await?;
        }
    }
    Ok(tx.commit().await?)
}

fn letter(token: &ScimToken, page: &str) -> (String, String) {
    let ScimToken { name, masked, .. } = token;
    let since = token.last_used_at.map(|at| at.to_string()).unwrap_or_default();
    let who = token.dialect.map_or("The identity provider", |d| d.client());
    (
        format!("The provisioning token {name} has fallen silent"),
        format!(
            "{who} used the token {name} ({masked}) regularly, and has not called with it since {since}.\n\nUntil it \
             calls again, whoever leaves the company keeps access here, and whoever joins gets none. Look at the \
             provisioning at the provider: it may be paused, or in quarantine after errors, or it uses another token \
             now. If so, revoke this one:\n{page}\n\nThis is told once, and again only after the token was used in \
             between.\n"
        ),
    )
}

/// Compares the roles of members with what their groups give, where groups give roles.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SettleRoles;

impl Job for SettleRoles {
    const KIND: &'static str = "scim.settle-roles";
    type Context = Scim;

    async fn run(self, scim: Scim) -> Result<()> {
        for workspace in roles::workspaces(&mut scim.0.store.reader()).await? {
            let changes = scim.settle_workspace(&workspace).await?;
            if !changes.is_empty() {
                tracing::info!(%workspace, people = %changes.counts(), "roles were not what the groups give");
            }
        }
        Ok(())
    }
}

/// How often what came and went is settled, in seconds.
pub(crate) const SETTLE_PLACES_SECONDS: i64 = 300;

/// Settles what came to directories and went, so that their pages are found without counting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SettlePlaces;

impl Job for SettlePlaces {
    const KIND: &'static str = "scim.settle-places";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        Ok(places::settle_all(&store).await?)
    }
}

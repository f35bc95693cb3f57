//! A connector as it is answered: its type, how it stands, what to look after.

use gatehouse_catalogue::{AuthKind, AuthType};
use gatehouse_types::{Error, OwnerKind, Result, Timestamp};

use super::spec::callback_of;
use crate::connectors::model::connector::{Connector, Status};
use crate::connectors::model::known::{Known, fields};
use crate::{Connect, GrantState, GrantView, Holder, Owner};

/// From how many seconds before its end a value is warned about (30 days).
const SOON: i64 = 30 * 86_400;

/// A connector with its type and how it stands.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) connector: Connector,
    pub(crate) known: Known,
    pub(crate) status: Status,
    /// Why it stands like that, in plain words.
    pub(crate) detail: Option<String>,
    /// What was authorized for the connector itself.
    pub(crate) grant: Option<GrantView>,
    /// Its own callback, for what people consent to.
    pub(crate) callback: Option<String>,
    /// What ends soon.
    pub(crate) warnings: Vec<String>,
}

impl View {
    /// Its way to authenticate.
    pub(crate) fn auth(&self) -> Result<&AuthType> {
        way(&self.known, &self.connector)
    }
}

/// The way to authenticate that a connector was made with.
pub(crate) fn way<'a>(known: &'a Known, connector: &Connector) -> Result<&'a AuthType> {
    known.way(Some(&connector.auth_id)).ok_or_else(gone)
}

pub(crate) fn gone() -> Error {
    Error::conflict("The type of this connector is not there any more, or has no such way to authenticate.")
}

/// Whose credential a connector's own calls take.
pub(crate) fn own_owner(connector: &Connector) -> Owner {
    match (connector.owner_kind, &connector.owner_id) {
        (OwnerKind::Person, Some(user)) => Owner::Person(user.clone()),
        _ => Owner::Service,
    }
}

impl Connect {
    /// A connector with its type and state.
    pub(crate) async fn view(&self, connector: Connector) -> Result<View> {
        let workspace = connector.workspace_id.clone();
        let known =
            self.known(&mut self.0.store.reader(), &workspace, &connector.type_id).await?.ok_or_else(gone)?;
        let (kind, labels) = {
            let auth = way(&known, &connector)?;
            let ends = fields(&known, auth).filter_map(|f| {
                let at = connector.expiry.get(f.key.as_str())?;
                Some((f.label.clone(), *at))
            });
            (auth.kind, ends.collect::<Vec<_>>())
        };
        let grant = match kind.is_oauth2() {
            true => {
                let holder = Holder::Connector(connector.id.clone());
                let mut reader = self.0.store.reader();
                self.0.broker.state(&mut reader, &workspace, &holder, &own_owner(&connector)).await?
            }
            false => None,
        };
        let now = self.0.store.now();
        let (status, detail) = status(kind, &connector, grant.as_ref());
        let callback = (kind == AuthKind::Oauth2Code).then(|| callback_of(&self.0.public_url, &connector));
        let warnings = labels.iter().filter_map(|(label, at)| ending(label, *at, now)).collect();
        Ok(View { connector, known, status, detail, grant, callback, warnings })
    }
}

/// The callback of a connector, for pages.
pub(crate) fn callback(connect: &Connect, connector: &Connector) -> String {
    callback_of(&connect.0.public_url, connector)
}

fn status(kind: AuthKind, connector: &Connector, grant: Option<&GrantView>) -> (Status, Option<String>) {
    // what failed before somebody consented says nothing of what was authorized
    let consented = grant.and_then(|g| g.authorized_at);
    let counts = |at: Timestamp| consented.is_none_or(|consented| at >= consented);
    let failed = connector.tested.as_ref().filter(|t| !t.ok && counts(t.at)).map(|t| t.message.clone());
    let passed = connector.tested.as_ref().is_some_and(|t| t.ok);
    match grant.map(|g| (g.state, g.reason.clone())) {
        Some((GrantState::NeedsReauthorization, reason)) => (Status::NeedsReauthorization, reason),
        Some((GrantState::Failing, reason)) => (Status::Failing, reason),
        Some((GrantState::Ok, _)) if failed.is_some() => (Status::Failing, failed),
        Some((GrantState::Ok, _)) => (Status::Connected, None),
        None if kind == AuthKind::Oauth2Code => {
            (Status::NotConnected, Some("Nobody has authorized it yet.".to_owned()))
        }
        None if failed.is_some() => (Status::Failing, failed),
        None if passed => (Status::Connected, None),
        None => (Status::Configured, None),
    }
}

/// What is said of a value that ends soon or has ended.
pub(crate) fn ending(label: &str, at: Timestamp, now: Timestamp) -> Option<String> {
    let day = at.to_string().chars().take(10).collect::<String>();
    if at <= now {
        Some(format!("{label} ended on {day}. Enter a new one."))
    } else if at <= now.plus_seconds(SOON) {
        Some(format!("{label} ends on {day}. Enter a new one before."))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_within_thirty_days_is_told() {
        let now = Timestamp::parse("2026-11-30T12:00:00Z").unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(ending("API key", at("2027-06-30T00:00:00Z"), now), None);
        assert!(ending("API key", at("2026-12-20T00:00:00Z"), now).unwrap().contains("ends on 2026-12-20"));
        assert!(ending("API key", at("2026-11-29T00:00:00Z"), now).unwrap().contains("ended on 2026-11-29"));
    }
}

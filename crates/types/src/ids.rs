use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Clock, Random, SharedClock, SharedRandom};

/// A typed id: a short prefix and a UUIDv7, so it sorts by the time it was made (RFC 9562 §5.7).
pub trait Id: Sized + Clone + fmt::Display + FromStr {
    /// The prefix before the underscore.
    const PREFIX: &'static str;
    /// The text, as stored and shown.
    fn as_str(&self) -> &str;
    /// Makes an id of text already known to be one (read from our own database).
    fn from_stored(text: String) -> Self;
}

/// The longest id that is looked at; anything longer is no id.
const MAX_ID_LEN: usize = 64;

/// Says that a text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id")
    }
}

impl std::error::Error for NotAnId {}

/// Makes ids from the injected clock and randomness. Copies share a stock of random bytes.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: SharedClock,
    random: SharedRandom,
    stock: Arc<Mutex<Stock>>,
}

/// Random bytes of one id.
const RANDOM_LEN: usize = 10;
/// Ids for which random bytes are fetched at once: every request has one, and a generator's price is in the call.
const STOCKED: usize = 64;

/// Random bytes fetched ahead. Ids are no secrets.
#[derive(Debug)]
struct Stock {
    bytes: [u8; RANDOM_LEN * STOCKED],
    used: usize,
}

impl Stock {
    fn take(&mut self, random: &dyn Random) -> [u8; RANDOM_LEN] {
        if self.used >= STOCKED {
            random.fill(&mut self.bytes);
            self.used = 0;
        }
        let mut next = [0; RANDOM_LEN];
        next.copy_from_slice(&self.bytes[self.used * RANDOM_LEN..][..RANDOM_LEN]);
        self.used += 1;
        next
    }
}

impl Ids {
    /// A maker of ids.
    pub fn new(clock: SharedClock, random: SharedRandom) -> Self {
        let stock = Stock { bytes: [0; RANDOM_LEN * STOCKED], used: STOCKED };
        Self { clock, random, stock: Arc::new(Mutex::new(stock)) }
    }

    /// A new id, unique and later in order than those before it.
    pub fn make<I: Id>(&self) -> I {
        let mut text = String::with_capacity(I::PREFIX.len() + 33);
        text.push_str(I::PREFIX);
        text.push('_');
        text.push_str(self.uuid().simple().encode_lower(&mut [0; 32]));
        I::from_stored(text)
    }

    /// A bare UUIDv7, for names outside our own ids.
    pub fn uuid(&self) -> uuid::Uuid {
        let bytes = self.stock.lock().unwrap_or_else(PoisonError::into_inner).take(&*self.random);
        uuid_v7(&*self.clock, bytes)
    }
}

fn uuid_v7(clock: &dyn Clock, mut bytes: [u8; RANDOM_LEN]) -> uuid::Uuid {
    let micros = u64::try_from(clock.now().micros()).unwrap_or(0);
    // RFC 9562 §6.2 method 3: the microseconds within the millisecond lead the random part
    let sub = (micros % 1000) * 4096 / 1000;
    bytes[0] = (bytes[0] & 0xF0) | u8::try_from(sub >> 8).unwrap_or(0);
    bytes[1] = u8::try_from(sub & 0xFF).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(micros / 1000, &bytes).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn as_str(&self) -> &str { &self.0 }
            fn from_stored(text: String) -> Self { Self(text) }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> { checked(text, $prefix).map(Self) }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .examples([format!("{}_0198c5f0e8a07c3fa1b2c3d4e5f60718", $prefix)])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

fn checked(text: &str, prefix: &str) -> Result<String, NotAnId> {
    let rest = text.strip_prefix(prefix).and_then(|r| r.strip_prefix('_')).ok_or(NotAnId)?;
    let fits =
        !rest.is_empty() && text.len() <= MAX_ID_LEN && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits { Ok(text.to_owned()) } else { Err(NotAnId) }
}

ids! {
    /// A workspace: one company.
    WorkspaceId = "ws";
    /// A person.
    UserId = "usr";
    /// A sign-in that lasts.
    SessionId = "ses";
    /// A single sign-on connection.
    ConnectionId = "con";
    /// A domain claimed for a connection.
    DomainId = "dom";
    /// The link between a person and a subject at an identity provider.
    IdentityId = "idn";
    /// One attempt to sign in through a connection.
    SsoAttemptId = "att";
    /// A change to a connection that waits for its proof.
    DraftId = "drf";
    /// A link with which somebody without an account finishes a connection.
    SetupLinkId = "sul";
    /// A link that shows one attempt to somebody without an account.
    TraceShareId = "trs";
    /// The recorded reason of a check.
    DecisionId = "dec";
    /// One entry of the audit log.
    AuditEventId = "aud";
    /// A unit of background work.
    JobId = "job";
    /// A mail, sent or waiting in the outbox.
    MailId = "mail";
    /// One HTTP request, as logs name it.
    RequestId = "req";
    /// An invitation into a workspace.
    InvitationId = "inv";
    /// The end of a person's access to a workspace.
    OffboardingId = "off";
    /// A program that is told of events.
    WebhookId = "whk";
    /// One event on its way to a webhook.
    DeliveryId = "dlv";
    /// A link sent by mail that counts once.
    LinkId = "lnk";
    /// A key that signs our tokens.
    SigningKeyId = "key";
    /// A second step of a person's sign-in.
    FactorId = "fac";
    /// An open question for a second step.
    ChallengeId = "chl";
    /// A token with which an identity provider keeps a workspace's directory (SCIM).
    ScimTokenId = "sct";
    /// A person of a workspace's directory.
    ScimUserId = "scu";
    /// A group of a workspace's directory.
    ScimGroupId = "scg";
    /// One thing that a provider did to a directory.
    ScimActivityId = "sca";
    /// A program that calls, as a company registers it: an API app.
    ApiAppId = "app";
    /// A key of an API app.
    ApiKeyId = "apk";
    /// An authorization profile: how requests to an outside service are authorized.
    AuthProfileId = "apr";
    /// A connector: a product outside that is connected.
    ConnectorId = "cnr";
    /// A link with which a connector is connected anew, once.
    ConnectorLinkId = "cnl";
    /// What an authorization server granted: tokens, for the workspace or for one person.
    GrantId = "grt";
    /// One call that left with somebody's credentials.
    OutboundCallId = "obc";
    /// A flow.
    FlowId = "flw";
    /// A definition of a flow as it was when it was deployed, or tried out.
    FlowVersionId = "flv";
    /// A deployment of a flow, or its end, on its way.
    FlowDeploymentId = "fld";
    /// A file that was brought in for an import.
    FlowFileId = "fil";
    /// One run of a flow.
    ExecutionId = "exe";
    /// What happened to an execution and was not taken in yet.
    ExecutionEventId = "exv";
    /// What starts a flow by itself: a webhook or a schedule.
    FlowTriggerId = "ftr";
    /// A custom script.
    ScriptId = "scr";
    /// A version of a custom script, on its way into service or as it was there.
    ScriptDeploymentId = "scd";
    /// A key that calls the functions of one custom script.
    ScriptKeyId = "sck";
    /// One call of a custom script's function.
    ScriptRunId = "run";
    /// A line that a custom script wrote.
    ScriptLogId = "slg";
    /// A file that custom scripts may read.
    ScriptFileId = "sfi";
    /// A made-up person of the lab identity provider.
    LabPersonId = "lab";
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{OsRandom, SystemClock};

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let ids = Ids::new(Arc::new(SystemClock), Arc::new(OsRandom));
        let made: Vec<UserId> = (0..50)
            .map(|_| {
                std::thread::sleep(std::time::Duration::from_micros(5));
                ids.make()
            })
            .collect();
        assert!(made.is_sorted());
        assert_eq!(made[0].as_str().parse::<UserId>().as_ref(), Ok(&made[0]));
    }

    #[test]
    fn an_id_of_another_kind_is_no_id() {
        assert_eq!("ws_abc".parse::<UserId>(), Err(NotAnId));
        assert_eq!("usr_".parse::<UserId>(), Err(NotAnId));
        assert_eq!("usr_a'b".parse::<UserId>(), Err(NotAnId));
        assert_eq!(format!("usr_{}", "a".repeat(80)).parse::<UserId>(), Err(NotAnId));
    }
}

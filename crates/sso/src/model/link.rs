use gatehouse_types::{Actor, Timestamp};

/// The life of a link whose address is its key: until when it opens anything, and how often it did.
#[derive(Clone, Debug)]
pub struct LinkLife {
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it opens anything.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// How often it was opened.
    pub opened: i64,
    /// When first.
    pub first_opened_at: Option<Timestamp>,
    /// When last.
    pub last_used_at: Option<Timestamp>,
}

impl LinkLife {
    /// A link that is made now.
    pub(crate) fn new(by: &Actor, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            created_by: by.user().ok().map(ToString::to_string),
            created_at: now,
            expires_at,
            revoked_at: None,
            opened: 0,
            first_opened_at: None,
            last_used_at: None,
        }
    }

    /// `active`, `expired` or `revoked`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.expires_at > now) {
            (Some(_), _) => "revoked",
            (None, true) => "active",
            (None, false) => "expired",
        }
    }
}

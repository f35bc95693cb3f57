//! What a grant is held for, and whose it is.

use gatehouse_types::{AuthProfileId, ConnectorId, Id, OwnerKind, UserId};

/// What a grant is held for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// An authorization profile.
    Profile(AuthProfileId),
    /// A connector.
    Connector(ConnectorId),
}

impl Holder {
    /// The kind, as stored.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Profile(_) => "auth-profile",
            Self::Connector(_) => "connector",
        }
    }

    /// The id of the profile or connector.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Profile(id) => id.as_str(),
            Self::Connector(id) => id.as_str(),
        }
    }

    /// The holder of a stored kind and id; an unknown kind is none.
    pub(crate) fn from_stored(kind: &str, id: String) -> Option<Self> {
        match kind {
            "auth-profile" => Some(Self::Profile(AuthProfileId::from_stored(id))),
            "connector" => Some(Self::Connector(ConnectorId::from_stored(id))),
            _ => None,
        }
    }

    /// Kind and id in one text, as decisions name objects.
    pub(crate) fn object(&self) -> String {
        format!("{}:{}", self.kind(), self.id())
    }
}

/// Whose grant it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// The workspace's own: it stays when people leave.
    Service,
    /// One person's: it ends with the person's membership.
    Person(UserId),
}

impl Owner {
    /// The kind, as every credential has one.
    pub(crate) const fn kind(&self) -> OwnerKind {
        match self {
            Self::Service => OwnerKind::Service,
            Self::Person(_) => OwnerKind::Person,
        }
    }

    /// The person, if it is one's.
    pub(crate) const fn person(&self) -> Option<&UserId> {
        match self {
            Self::Service => None,
            Self::Person(user) => Some(user),
        }
    }

    /// The person's id, or nothing, as stored.
    pub(crate) fn stored_id(&self) -> &str {
        self.person().map_or("", Id::as_str)
    }

    /// The owner of a stored kind and id.
    pub(crate) fn from_stored(kind: &str, id: String) -> Self {
        if kind == OwnerKind::Person.as_str() { Self::Person(UserId::from_stored(id)) } else { Self::Service }
    }
}

use std::fmt;
use std::str::FromStr;

use gatehouse_types::Error;
use serde::{Deserialize, Serialize};

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    /// New, edited since its test, or switched off.
    Inactive,
    /// Its test passed; nobody signs in through it yet.
    Testing,
    /// People sign in through it.
    Active,
    /// Its test failed.
    Error,
}

impl ConnectionStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Inactive, Self::Testing, Self::Active, Self::Error];

    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Testing => "testing",
            Self::Active => "active",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for ConnectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConnectionStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|s| s.as_str() == text);
        found.ok_or_else(|| {
            Error::validation("status", "status must be one of active, inactive, testing, error.")
        })
    }
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// Its configuration was tested.
    Tested {
        /// Whether all checks passed.
        passed: bool,
    },
    /// What was tested changed.
    Edited,
    /// An administrator switches it on.
    Activate {
        /// Its configuration passed a test since the last edit.
        tested: bool,
        /// It has a verified domain, or the server does not ask for one.
        has_domain: bool,
    },
    /// An administrator switches it off.
    Deactivate,
}

/// The step that is missing before a connection can be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It was never tested, or edited since.
    Test,
    /// Its last test failed.
    PassedTest,
    /// No domain is verified.
    Domain,
}

impl Missing {
    /// What to do next, for the administrator.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Test => {
                "Test the connection before activating it: it was not tested since it was last changed."
            }
            Self::PassedTest => "The last test of this connection failed. Mend what it named and test again.",
            Self::Domain => "Add a domain and verify it before activating the connection.",
        }
    }
}

impl ConnectionStatus {
    /// The status after the event.
    ///
    /// A test never takes an active connection away from the people who use it; its result is told, not acted on.
    ///
    /// # Errors
    /// The step that is missing before activation.
    pub fn next(self, event: ConnectionEvent) -> Result<Self, Missing> {
        use ConnectionEvent as E;
        match (self, event) {
            (Self::Active, E::Tested { .. } | E::Edited | E::Activate { .. }) => Ok(Self::Active),
            (_, E::Tested { passed: true }) => Ok(Self::Testing),
            (_, E::Tested { passed: false }) => Ok(Self::Error),
            (_, E::Edited | E::Deactivate) => Ok(Self::Inactive),
            (Self::Error, E::Activate { .. }) => Err(Missing::PassedTest),
            (_, E::Activate { tested: false, .. }) => Err(Missing::Test),
            (_, E::Activate { has_domain: false, .. }) => Err(Missing::Domain),
            (_, E::Activate { .. }) => Ok(Self::Active),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectionEvent as E;
    use super::ConnectionStatus as S;
    use super::*;

    #[test]
    fn every_pair_of_status_and_event_has_one_outcome() {
        let activate = |tested, has_domain| E::Activate { tested, has_domain };
        let table = [
            (S::Inactive, E::Tested { passed: true }, Ok(S::Testing)),
            (S::Inactive, E::Tested { passed: false }, Ok(S::Error)),
            (S::Inactive, E::Edited, Ok(S::Inactive)),
            (S::Inactive, E::Deactivate, Ok(S::Inactive)),
            (S::Inactive, activate(false, true), Err(Missing::Test)),
            (S::Inactive, activate(true, false), Err(Missing::Domain)),
            (S::Inactive, activate(true, true), Ok(S::Active)),
            (S::Testing, E::Tested { passed: true }, Ok(S::Testing)),
            (S::Testing, E::Tested { passed: false }, Ok(S::Error)),
            (S::Testing, E::Edited, Ok(S::Inactive)),
            (S::Testing, E::Deactivate, Ok(S::Inactive)),
            (S::Testing, activate(true, false), Err(Missing::Domain)),
            (S::Testing, activate(true, true), Ok(S::Active)),
            (S::Error, E::Tested { passed: true }, Ok(S::Testing)),
            (S::Error, E::Tested { passed: false }, Ok(S::Error)),
            (S::Error, E::Edited, Ok(S::Inactive)),
            (S::Error, E::Deactivate, Ok(S::Inactive)),
            (S::Error, activate(true, true), Err(Missing::PassedTest)),
            (S::Active, E::Tested { passed: true }, Ok(S::Active)),
            (S::Active, E::Tested { passed: false }, Ok(S::Active)),
            (S::Active, E::Edited, Ok(S::Active)),
            (S::Active, E::Deactivate, Ok(S::Inactive)),
            (S::Active, activate(false, false), Ok(S::Active)),
        ];
        for (status, event, outcome) in table {
            assert_eq!(status.next(event), outcome, "{status} {event:?}");
        }
    }
}

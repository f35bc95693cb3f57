use std::fmt;

use gatehouse_types::Error;

/// Where a script is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Kept, never deployed.
    Draft,
    /// On its way into service.
    Deploying,
    /// Configured, out of service.
    ReadyToDeploy,
    /// In service.
    Deployed,
    /// The last deployment did not get into service, and nothing is in service.
    DeploymentFailed,
}

/// What happens to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Settings or the project file are changed without deploying.
    Edit,
    /// Somebody deploys what is out of service.
    Deploy,
    /// Somebody deploys anew, with or without changes; what is in service stays there meanwhile.
    Redeploy,
    /// The replicas of the deployment are ready.
    Succeeded,
    /// The deployment failed. `serving`: an earlier version is still in service, and stays.
    Failed {
        /// Whether an earlier version is in service.
        serving: bool,
    },
    /// Somebody called the deployment off. `serving` as above.
    Cancelled {
        /// Whether an earlier version is in service.
        serving: bool,
    },
    /// Somebody takes it out of service.
    Undeploy,
}

/// Why something cannot happen now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where the script is.
    pub status: Status,
    /// What was to happen.
    pub event: Event,
    /// What to do instead.
    pub message: &'static str,
}

impl Status {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Deploying, Self::ReadyToDeploy, Self::Deployed, Self::DeploymentFailed];

    /// The words of the API, of the console and of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Deploying => "Deploying",
            Self::ReadyToDeploy => "Ready to Deploy",
            Self::Deployed => "Deployed",
            Self::DeploymentFailed => "Deployment Failed",
        }
    }

    /// The status of these words.
    pub fn parse(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == words)
    }

    /// The status after an event: the only place where a status changes.
    pub fn next(self, event: Event) -> Result<Self, Refusal> {
        use Status::{Deployed, Deploying, DeploymentFailed, Draft, ReadyToDeploy};
        Ok(match (self, event) {
            (Draft | ReadyToDeploy | DeploymentFailed, Event::Edit) => self,
            (Draft | ReadyToDeploy | DeploymentFailed, Event::Deploy)
            | (ReadyToDeploy | DeploymentFailed | Deployed, Event::Redeploy) => Deploying,
            (Deploying, Event::Succeeded) => Deployed,
            (Deploying, Event::Failed { serving: false }) => DeploymentFailed,
            (Deploying, Event::Cancelled { serving: false }) | (Deployed, Event::Undeploy) => ReadyToDeploy,
            (Deploying, Event::Failed { serving: true } | Event::Cancelled { serving: true }) => Deployed,
            (status, event) => return Err(Refusal { status, event, message: instead(status, event) }),
        })
    }
}

/// What to do instead of an event that cannot be.
const fn instead(status: Status, event: Event) -> &'static str {
    match (status, event) {
        (Status::Deploying, Event::Edit | Event::Deploy | Event::Redeploy | Event::Undeploy) => {
            "It is being deployed. Wait until that is done, or cancel it."
        }
        (Status::Deployed, Event::Edit | Event::Deploy) => "It is deployed. Redeploy it to change it.",
        (Status::Draft, Event::Redeploy) => "It was never deployed. Deploy it.",
        (_, Event::Undeploy) => "It is not deployed, so there is nothing to undeploy.",
        (_, Event::Cancelled { .. }) => "It is not being deployed, so there is nothing to cancel.",
        (_, _) => "It is not being deployed.",
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The script is in status {}. {}", self.status, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::conflict(refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{Deployed, Deploying, DeploymentFailed, Draft, ReadyToDeploy};
    use super::*;

    const EVENTS: [Event; 9] = [
        Event::Edit,
        Event::Deploy,
        Event::Redeploy,
        Event::Succeeded,
        Event::Failed { serving: false },
        Event::Failed { serving: true },
        Event::Cancelled { serving: false },
        Event::Cancelled { serving: true },
        Event::Undeploy,
    ];

    #[test]
    fn every_status_answers_every_event() {
        const NO: Option<Status> = None;
        // Edit, Deploy, Redeploy, Succeeded, Failed, Failed while serving, Cancelled, Cancelled while serving, Undeploy.
        let table = [
            (Draft, [Some(Draft), Some(Deploying), NO, NO, NO, NO, NO, NO, NO]),
            (
                Deploying,
                [
                    NO,
                    NO,
                    NO,
                    Some(Deployed),
                    Some(DeploymentFailed),
                    Some(Deployed),
                    Some(ReadyToDeploy),
                    Some(Deployed),
                    NO,
                ],
            ),
            (ReadyToDeploy, [Some(ReadyToDeploy), Some(Deploying), Some(Deploying), NO, NO, NO, NO, NO, NO]),
            (Deployed, [NO, NO, Some(Deploying), NO, NO, NO, NO, NO, Some(ReadyToDeploy)]),
            (
                DeploymentFailed,
                [Some(DeploymentFailed), Some(Deploying), Some(Deploying), NO, NO, NO, NO, NO, NO],
            ),
        ];
        assert_eq!(table.map(|(status, _)| status), Status::ALL);
        for (status, row) in table {
            for (event, expected) in EVENTS.into_iter().zip(row) {
                let got = status.next(event);
                assert_eq!(got.as_ref().ok().copied(), expected, "{status} {event:?}");
                if let Err(refusal) = got {
                    assert!(!refusal.message.is_empty());
                    assert!(refusal.to_string().contains(status.as_str()));
                }
            }
        }
    }

    #[test]
    fn a_refusal_tells_what_to_do_instead() {
        let told = |status: Status, event| status.next(event).unwrap_err().to_string();
        assert_eq!(
            told(Deployed, Event::Deploy),
            "The script is in status Deployed. It is deployed. Redeploy it to change it."
        );
        assert_eq!(
            told(Draft, Event::Undeploy),
            "The script is in status Draft. It is not deployed, so there is nothing to undeploy."
        );
        assert_eq!(
            told(Deploying, Event::Redeploy),
            "The script is in status Deploying. It is being deployed. Wait until that is done, or cancel it."
        );
        assert_eq!(told(Draft, Event::Succeeded), "The script is in status Draft. It is not being deployed.");
    }

    #[test]
    fn words_and_statuses_belong_together() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("draft"), None);
    }
}

use super::Status;

/// What can be done with a script as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Downloads the project.
    Export,
    /// Removes the script for good.
    Delete,
    /// Takes it into service.
    Deploy,
    /// Takes a changed version into service.
    Redeploy,
    /// Takes it out of service.
    Undeploy,
    /// Calls a deployment off.
    Cancel,
}

/// What the page of the deployment history holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Nothing but the prompt "Deploy custom script".
    pub prompt: bool,
    /// Versions can be renamed.
    pub rename: bool,
    /// Durations are shown; "–" elsewhere.
    pub duration: bool,
    /// A check marks the version in service.
    pub check: bool,
    /// Entries of undeployments are shown.
    pub undeployments: bool,
}

/// What the page of the endpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The prompt "Deploy Custom Script".
    Prompt,
    /// The words "Endpoint not activated", with a way to deploy.
    NotActivated,
    /// The code to copy.
    Code,
}

/// What the pages of a script offer in a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The actions of the overview and the list.
    pub overview: &'static [Action],
    /// The page of the deployment history.
    pub history: History,
    /// The page of the endpoint.
    pub endpoint: Endpoint,
    /// The words on the button that makes a key. Keys can be made, seen and deleted in every status: a key that
    /// leaked cannot wait for a deployment.
    pub new_key: &'static str,
    /// Whether the wizard for a further version is offered.
    pub redeploy: bool,
    /// Whether a deployment can be called off.
    pub cancel: bool,
}

const PROMPT: History =
    History { prompt: true, rename: false, duration: false, check: false, undeployments: false };
const LISTED: History =
    History { prompt: false, rename: true, duration: false, check: false, undeployments: false };

/// What each status offers: the one table that API and console ask.
pub const MATRIX: [(Status, Offers); 5] = [
    (
        Status::Draft,
        Offers {
            overview: &[Action::Export, Action::Delete, Action::Deploy],
            history: PROMPT,
            endpoint: Endpoint::Prompt,
            new_key: "Create a New API Key",
            redeploy: false,
            cancel: false,
        },
    ),
    (
        Status::Deploying,
        Offers {
            overview: &[Action::Export, Action::Delete],
            history: LISTED,
            endpoint: Endpoint::NotActivated,
            new_key: "Create API keys",
            redeploy: false,
            cancel: true,
        },
    ),
    (
        Status::ReadyToDeploy,
        Offers {
            overview: &[Action::Export, Action::Delete, Action::Deploy],
            history: History { undeployments: true, ..LISTED },
            endpoint: Endpoint::NotActivated,
            new_key: "Create API keys",
            redeploy: true,
            cancel: false,
        },
    ),
    (
        Status::Deployed,
        Offers {
            overview: &[Action::Redeploy, Action::Undeploy, Action::Export],
            history: History { duration: true, check: true, ..LISTED },
            endpoint: Endpoint::Code,
            new_key: "Create API keys",
            redeploy: true,
            cancel: false,
        },
    ),
    (
        Status::DeploymentFailed,
        Offers {
            overview: &[Action::Deploy, Action::Delete, Action::Export],
            history: LISTED,
            endpoint: Endpoint::NotActivated,
            new_key: "Create API keys",
            redeploy: true,
            cancel: false,
        },
    ),
];

impl Status {
    /// What the pages of a script offer in this status.
    pub const fn offers(self) -> &'static Offers {
        match self {
            Self::Draft => &MATRIX[0].1,
            Self::Deploying => &MATRIX[1].1,
            Self::ReadyToDeploy => &MATRIX[2].1,
            Self::Deployed => &MATRIX[3].1,
            Self::DeploymentFailed => &MATRIX[4].1,
        }
    }

    /// Whether the action is offered in this status.
    pub fn allows(self, action: Action) -> bool {
        let offers = self.offers();
        match action {
            Action::Redeploy => offers.redeploy,
            Action::Cancel => offers.cancel,
            _ => offers.overview.contains(&action),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    #[test]
    fn the_matrix_is_that_of_the_documentation() {
        use Action::{Cancel, Delete, Deploy, Export, Redeploy, Undeploy};
        let all = [Export, Delete, Deploy, Redeploy, Undeploy, Cancel];
        let table = [
            (Status::Draft, [true, true, true, false, false, false]),
            (Status::Deploying, [true, true, false, false, false, true]),
            (Status::ReadyToDeploy, [true, true, true, true, false, false]),
            (Status::Deployed, [true, false, false, true, true, false]),
            (Status::DeploymentFailed, [true, true, true, true, false, false]),
        ];
        for (status, row) in table {
            assert_eq!(all.map(|action| status.allows(action)), row, "{status}");
        }
    }

    #[test]
    fn every_status_finds_its_own_row() {
        for (status, offers) in &MATRIX {
            assert_eq!(status.offers(), offers);
        }
        assert_eq!(MATRIX.map(|(status, _)| status), Status::ALL);
    }

    #[test]
    fn what_is_offered_can_happen_and_nothing_else() {
        for status in Status::ALL {
            assert_eq!(status.allows(Action::Deploy), status.next(Event::Deploy).is_ok(), "{status}");
            assert_eq!(status.allows(Action::Redeploy), status.next(Event::Redeploy).is_ok(), "{status}");
            assert_eq!(status.allows(Action::Undeploy), status.next(Event::Undeploy).is_ok(), "{status}");
            let cancelled = status.next(Event::Cancelled { serving: false });
            assert_eq!(status.allows(Action::Cancel), cancelled.is_ok(), "{status}");
        }
    }

    #[test]
    fn history_and_endpoint_are_those_of_the_documentation() {
        let told = Status::ALL.map(|status| {
            let Offers { history: h, endpoint, .. } = *status.offers();
            (h.prompt, h.rename, h.duration, h.check, h.undeployments, endpoint)
        });
        let (no, yes) = (false, true);
        assert_eq!(
            told,
            [
                (yes, no, no, no, no, Endpoint::Prompt),
                (no, yes, no, no, no, Endpoint::NotActivated),
                (no, yes, no, no, yes, Endpoint::NotActivated),
                (no, yes, yes, yes, no, Endpoint::Code),
                (no, yes, no, no, no, Endpoint::NotActivated),
            ]
        );
    }
}

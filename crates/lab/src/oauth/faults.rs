//! How a client wants to be treated. It says so by its id: `gatehouse-lab.rotates.life_90` is the lab's client whose
//! refresh tokens rotate and whose access tokens live 90 seconds.

use crate::openid::LAB_CLIENT_ID;

/// How long an access token lives when the client asks for nothing else, in seconds.
pub const LIFE_SECONDS: i64 = 300;
/// The longest life that can be asked for: a day.
const MAX_LIFE: i64 = 86_400;
/// What stands before the wanted seconds.
const LIFE: &str = "life_";

/// A way to behave otherwise than the plainest authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthFault {
    /// Takes three seconds for each answer.
    Slow,
    /// Refuses with the status 200 and an error in the body.
    ErrorWith200,
    /// Refuses every refresh for good.
    RefreshRefused,
    /// Cannot refresh just now, ever.
    RefreshUnavailable,
    /// Gives a new refresh token at each refresh; the use of an old one ends the grant.
    Rotates,
    /// Gives no refresh token.
    NoRefreshToken,
    /// Does not say how long a token lives.
    NoExpiresIn,
    /// Answers in the name of another issuer.
    WrongIssuer,
    /// Takes no token back just now, ever.
    RevocationUnavailable,
    /// Refuses tokens at the API with 419 instead of 401.
    Refuses419,
    /// Has no secret, and so must use PKCE.
    Public,
}

impl OAuthFault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Slow,
        Self::ErrorWith200,
        Self::RefreshRefused,
        Self::RefreshUnavailable,
        Self::Rotates,
        Self::NoRefreshToken,
        Self::NoExpiresIn,
        Self::WrongIssuer,
        Self::RevocationUnavailable,
        Self::Refuses419,
        Self::Public,
    ];

    /// What stands in the client's id.
    pub const fn code(self) -> &'static str {
        self.told().0
    }

    /// What it does, in plain words.
    pub const fn label(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Slow => ("slow", "Take three seconds for each answer"),
            Self::ErrorWith200 => {
                ("error_with_200", "Refuse tokens with status 200 and an error in the body")
            }
            Self::RefreshRefused => ("refresh_invalid_grant", "Refuse every refresh (invalid_grant)"),
            Self::RefreshUnavailable => ("refresh_503", "Answer every refresh with 503"),
            Self::Rotates => {
                ("rotates", "Give a new refresh token at each refresh; an old one ends the grant")
            }
            Self::NoRefreshToken => ("no_refresh_token", "Give no refresh token"),
            Self::NoExpiresIn => ("no_expires_in", "Do not say how long an access token lives"),
            Self::WrongIssuer => ("wrong_iss", "Answer in the name of another issuer (iss)"),
            Self::RevocationUnavailable => ("revocation_503", "Answer every revocation with 503"),
            Self::Refuses419 => ("refuses_419", "Refuse tokens at the API with 419 instead of 401"),
            Self::Public => ("public", "Have no secret; PKCE is a must then"),
        }
    }
}

/// How one client is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Treatment {
    faults: Vec<OAuthFault>,
    /// The life of an access token in seconds.
    pub(crate) life: i64,
}

impl Treatment {
    /// What the id of a client says; `None` for a client that the lab does not know.
    pub(crate) fn of(client_id: &str) -> Option<Self> {
        let mut treatment = Self { faults: Vec::new(), life: LIFE_SECONDS };
        let wishes = client_id.strip_prefix(LAB_CLIENT_ID)?;
        for wish in wishes.split('.').skip(1) {
            match wish.strip_prefix(LIFE) {
                Some(seconds) => {
                    treatment.life = seconds.parse().ok().filter(|life| (1..=MAX_LIFE).contains(life))?;
                }
                None => treatment.faults.push(OAuthFault::ALL.into_iter().find(|f| f.code() == wish)?),
            }
        }
        (wishes.is_empty() || wishes.starts_with('.')).then_some(treatment)
    }

    pub(crate) fn has(&self, fault: OAuthFault) -> bool {
        self.faults.contains(&fault)
    }
}

/// The id of the client that is treated so.
pub fn client_id(faults: &[OAuthFault], life: Option<u32>) -> String {
    let life = life.map(|seconds| format!(".{LIFE}{seconds}")).unwrap_or_default();
    let faults: String = faults.iter().map(|fault| format!(".{}", fault.code())).collect();
    format!("{LAB_CLIENT_ID}{faults}{life}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_id_of_a_client_says_how_it_is_treated() {
        assert_eq!(Treatment::of(LAB_CLIENT_ID).unwrap(), Treatment { faults: vec![], life: LIFE_SECONDS });
        let all = Treatment::of(&client_id(&OAuthFault::ALL, Some(90))).unwrap();
        assert!(OAuthFault::ALL.into_iter().all(|fault| all.has(fault)) && all.life == 90);
        let one = Treatment::of("gatehouse-lab.life_5.rotates").unwrap();
        assert!(one.has(OAuthFault::Rotates) && !one.has(OAuthFault::Slow) && one.life == 5);
        for unknown in [
            "",
            "other",
            "gatehouse-labx",
            "gatehouse-lab.",
            "gatehouse-lab.fast",
            "gatehouse-lab.life_0",
            "gatehouse-lab.life_86401",
            "gatehouse-lab.life_",
            "Gatehouse-lab",
        ] {
            assert_eq!(Treatment::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_fault_has_a_code_and_words_of_its_own() {
        let told: BTreeSet<_> = OAuthFault::ALL.iter().flat_map(|f| [f.code(), f.label()]).collect();
        assert_eq!(told.len(), 2 * OAuthFault::ALL.len());
    }
}

//! The day on which a client secret of OpenID Connect ends. Providers do not publish it: administrators note it down.

use gatehouse_types::{Error, Result, Timestamp};

/// The field that errors name.
const FIELD: &str = "oidcConfig.clientSecretExpiresAt";
/// The length of a day in RFC 3339.
const DAY: usize = "2027-06-30".len();

/// What is said of the end of a client secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretEnd {
    /// Nothing: the known one stays, as long as its secret does.
    #[default]
    Unsaid,
    /// It has none, or none that is known.
    Never,
    /// It ends at this moment.
    At(Timestamp),
}

impl SecretEnd {
    /// What a new connection says.
    pub fn given(end: Option<Timestamp>) -> Self {
        end.map_or(Self::Unsaid, Self::At)
    }

    /// The moment, when there is one.
    pub const fn moment(self) -> Option<Timestamp> {
        match self {
            Self::At(end) => Some(end),
            Self::Unsaid | Self::Never => None,
        }
    }

    /// Reads a moment; an empty text clears it.
    ///
    /// # Errors
    /// `Validation` for a text that is no time of RFC 3339.
    pub fn read(text: Option<&str>) -> Result<Self> {
        match text.map(str::trim) {
            None => Ok(Self::Unsaid),
            Some("") => Ok(Self::Never),
            Some(text) => Timestamp::parse(text).map(Self::At).ok_or_else(|| {
                let message = "clientSecretExpiresAt must be an RFC 3339 time, like 2027-06-30T00:00:00Z.";
                Error::validation(FIELD, message)
            }),
        }
    }

    /// What a page says that shows days. The day of the known end means just that end; and since a page always sends a
    /// day along, one that stands there beside a new secret may have been overlooked.
    ///
    /// # Errors
    /// `Validation` when the day is that of the former secret.
    pub(crate) fn on_page(day: Option<Timestamp>, known: Option<Timestamp>, replaced: bool) -> Result<Self> {
        let Some(day) = day else { return Ok(Self::Never) };
        if known.map(day_of) != Some(day_of(day)) {
            return Ok(Self::At(day));
        }
        if replaced {
            let message = "This is the day on which the former secret ends. Enter the new one's, or none.";
            return Err(Error::validation(FIELD, message));
        }
        Ok(Self::Unsaid)
    }

    /// The end of the secret in use, given the known end of that same secret.
    ///
    /// # Errors
    /// `Validation` for a moment that is past, and for one without a secret.
    pub(crate) fn of_secret(
        self,
        known: Option<Timestamp>,
        has_secret: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        match self {
            Self::Unsaid => Ok(known.filter(|_| has_secret)),
            Self::Never => Ok(None),
            Self::At(end) if known == Some(end) => Ok(known.filter(|_| has_secret)),
            Self::At(_) if !has_secret => Err(Error::validation(
                FIELD,
                "clientSecretExpiresAt goes with a client secret, and there is none.",
            )),
            Self::At(end) if end <= now => Err(Error::validation(
                FIELD,
                "clientSecretExpiresAt must be in the future: a secret that has ended opens nothing.",
            )),
            Self::At(end) => Ok(Some(end)),
        }
    }
}

/// The day of a moment in UTC, as pages show and send it.
pub(crate) fn day_of(at: Timestamp) -> String {
    at.to_string().chars().take(DAY).collect()
}

/// The beginning of a day in UTC, the moment from which its secret is not counted on; `None` when it is not a day.
pub(crate) fn beginning_of(day: &str) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}T00:00:00Z", day.trim()))
}

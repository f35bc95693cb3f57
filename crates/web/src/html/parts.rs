//! The values that the macros of `ui.html` show.

use std::fmt;

use gatehouse_types::Timestamp;

/// How something is meant; decides its colour, never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Just so.
    Neutral,
    /// As it should be.
    Good,
    /// Look at it.
    Warn,
    /// Wrong.
    Bad,
    /// Good to know.
    Info,
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
        })
    }
}

/// One value to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
    /// More about it; may be empty.
    pub hint: String,
}

impl Choice {
    /// A choice without a hint.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: String::new() }
    }

    /// The same choice with more about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// One step of the way to a page.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// The text.
    pub label: String,
    /// Where it leads.
    pub href: String,
}

/// One tab, a link.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The text.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// Whether it is the one shown.
    pub current: bool,
}

/// How far a step of a checklist is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Done.
    Done,
    /// The next one.
    Current,
    /// Not yet.
    Waiting,
    /// It went wrong.
    Failed,
}

impl StepState {
    /// In words, for those who do not see the mark.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Current => "Next",
            Self::Waiting => "Waiting",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for StepState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Current => "current",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        })
    }
}

/// One step of a checklist.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is to be done.
    pub label: String,
    /// More about it; may be empty.
    pub detail: String,
    /// Where it is done; may be empty.
    pub href: String,
    /// How far it is.
    pub state: StepState,
}

/// A moment for people: `24 Nov 2026, 04:11 UTC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// RFC 3339, for `datetime`.
    pub iso: String,
    /// For people.
    pub text: String,
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        let iso = Timestamp::from_seconds(at.seconds()).to_string();
        let text = spoken(&iso).unwrap_or_else(|| iso.clone());
        Self { iso, text }
    }
}

fn spoken(iso: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = (iso.get(..4)?, iso.get(5..7)?.parse::<usize>().ok()?, iso.get(8..10)?);
    let month = MONTHS.get(month.checked_sub(1)?)?;
    Some(format!("{} {month} {year}, {} UTC", day.trim_start_matches('0'), iso.get(11..16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_spoken_in_utc() {
        let when = When::from(Timestamp::parse("2026-11-04T04:11:09.5Z").unwrap());
        assert_eq!(
            (when.iso.as_str(), when.text.as_str()),
            ("2026-11-04T04:11:09Z", "4 Nov 2026, 04:11 UTC")
        );
    }
}

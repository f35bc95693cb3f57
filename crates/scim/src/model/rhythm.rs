//! How often a token is used, kept as one bit a day: whether its silence means something.

use gatehouse_types::Timestamp;

/// Days that are remembered, with that of the last use.
const DAYS: u32 = 14;
/// Days of use without which nothing is regular.
const FEWEST: u32 = 3;
/// A day, in microseconds.
pub(crate) const DAY: i64 = 86_400 * 1_000_000;
/// A token whose last use is longer ago than this has fallen silent, in seconds (two days: providers ask every hour).
pub(crate) const SILENT_SECONDS: i64 = 2 * 86_400;

/// The days on which a token was used: bit 0 is the day of the last use, bit 1 the day before it, and so on (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rhythm(pub(crate) i64);

/// The number of a moment's day since 1970 (UTC).
pub(crate) const fn day_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(DAY)
}

impl Rhythm {
    /// With a use at a moment, when the last one was at `last`.
    pub(crate) fn with_use(self, last: Option<Timestamp>, at: Timestamp) -> Self {
        let Some(last) = last else { return Self(1) };
        let passed = u32::try_from((day_of(at) - day_of(last)).max(0)).unwrap_or(DAYS);
        let before = if passed >= DAYS { 0 } else { self.0 << passed };
        Self((before & ((1 << DAYS) - 1)) | 1)
    }

    /// Whether it was used on at least three days, and on six of seven since the first that is remembered. Who works from
    /// Monday to Friday alone is not missed on Sunday.
    pub(crate) fn is_regular(self) -> bool {
        let (used, span) = (self.0.count_ones(), i64::BITS - self.0.leading_zeros());
        used >= FEWEST && used * 7 >= span * 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rhythm after uses on these days.
    fn on(days: &[i64]) -> Rhythm {
        let at = |day: i64| Timestamp::from_micros(day * DAY + 5);
        let mut last = None;
        days.iter().fold(Rhythm::default(), |rhythm, day| {
            let next = rhythm.with_use(last, at(*day));
            last = Some(at(*day));
            next
        })
    }

    #[test]
    fn regular_is_who_is_heard_on_six_of_seven_days() {
        assert!(!on(&[]).is_regular() && !on(&[1]).is_regular() && !on(&[1, 1, 2]).is_regular());
        assert!(on(&[1, 2, 3]).is_regular());
        assert!(!on(&[1, 3, 5]).is_regular());
        let always: Vec<_> = (100..140).collect();
        assert!(on(&always).is_regular());
        // back after a silence of three days
        assert!(on(&[&always[..], &[142]].concat()).is_regular());
        let weekdays: Vec<_> = (0..26).filter(|day| day % 7 < 5).collect();
        assert!(!on(&weekdays).is_regular());
        // what is longer ago than two weeks counts for nothing
        assert_eq!(on(&[1, 2, 3, 400]), Rhythm(1));
    }
}

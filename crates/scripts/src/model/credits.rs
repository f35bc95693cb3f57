use std::fmt;
use std::ops::{Add, Sub};

/// Milliseconds of an hour.
const HOUR_MILLIS: u128 = 3_600_000;
/// Billionths of a credit in one credit.
const NANOS: i64 = 1_000_000_000;
/// Billionths of a credit in one millionth.
const NANOS_PER_MICRO: u128 = 1_000;

/// An amount of credits: whole billionths, so nine digits after the point. Never a floating point number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(i64);

/// What an hour of one replica costs: whole millionths of a credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate(u32);

impl Rate {
    /// A rate in millionths of a credit an hour.
    pub const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    /// Millionths of a credit an hour.
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// What an hour costs.
    pub const fn per_hour(self) -> Credits {
        Credits(self.0 as i64 * 1_000)
    }

    /// What a time of replicas costs. The product is exact; it is rounded once, to the nearest billionth, a half up. So
    /// add up the time of all replicas of a deployment first, and ask once: rounding does not add up then.
    pub const fn cost(self, replica_millis: u64) -> Credits {
        let product = replica_millis as u128 * self.0 as u128 * NANOS_PER_MICRO;
        let rounded = (product + HOUR_MILLIS / 2) / HOUR_MILLIS;
        Credits(if rounded > i64::MAX as u128 { i64::MAX } else { rounded as i64 })
    }

    /// How long one replica runs on an amount, in milliseconds: the longest time that costs no more.
    pub const fn lasts(self, credits: Credits) -> u64 {
        if credits.0 <= 0 || self.0 == 0 {
            return if self.0 == 0 { u64::MAX } else { 0 };
        }
        // The longest time whose cost, rounded a half up, is at most the amount: just below the next half.
        let most = (2 * credits.0 as u128 + 1) * HOUR_MILLIS - 1;
        let millis = most / (2 * self.0 as u128 * NANOS_PER_MICRO);
        if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
    }
}

impl Credits {
    /// None.
    pub const ZERO: Self = Self(0);

    /// An amount in billionths.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in billionths, as it is stored.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// An amount written as a decimal number: at most nine digits after the point, no exponent.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || fraction.len() > 9 {
            return None;
        }
        let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
        let nanos = whole.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(fraction)?;
        Some(Self(sign * nanos))
    }
}

impl Add for Credits {
    type Output = Self;
    /// Stays at the ends of the range instead of going round.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Credits {
    type Output = Self;
    /// Stays at the ends of the range instead of going round.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Credits {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Credits {
    /// A decimal number without needless zeros: `0.07698`, `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, nanos) =
            (self.0.unsigned_abs() / NANOS.unsigned_abs(), self.0.unsigned_abs() % NANOS.unsigned_abs());
        let fraction = format!("{nanos:09}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            digits => write!(f, "{sign}{whole}.{digits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate::from_micros(76_980);

    #[test]
    fn an_hour_costs_what_the_table_says() {
        assert_eq!(RATE.cost(3_600_000).to_string(), "0.07698");
        assert_eq!(RATE.cost(3_600_000), RATE.per_hour());
        assert_eq!(RATE.cost(10 * 24 * 3_600_000).to_string(), "18.4752");
        assert_eq!(RATE.cost(0), Credits::ZERO);
    }

    #[test]
    fn a_time_is_rounded_once_to_the_nearest_billionth() {
        // 76 980 000 / 3600 = 21 383.33…
        assert_eq!(RATE.cost(1_000).nanos(), 21_383);
        assert_eq!(RATE.cost(2_000).nanos(), 42_767);
        assert_eq!(RATE.cost(3_000).nanos(), 64_150);
        assert_eq!(Rate::from_micros(9).cost(200).nanos(), 1, "a half goes up");
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for text in ["0", "0.07698", "12", "-3.5", "100.000000001", "9223372036.854775807"] {
            assert_eq!(Credits::parse(text).unwrap().to_string(), text);
        }
        for text in ["", ".5", "1.", "1e3", "+1", "1.0000000001", "9223372037", "--1", "1.-5", "1,5"] {
            assert_eq!(Credits::parse(text), None, "{text}");
        }
        assert_eq!(Credits::parse("1.50").unwrap().to_string(), "1.5");
    }

    #[test]
    fn the_ends_of_the_range_are_kept() {
        let most = Credits::from_nanos(i64::MAX);
        assert_eq!(most + most, most);
        assert_eq!(Rate::from_micros(u32::MAX).cost(u64::MAX), most);
        assert_eq!(Rate::from_micros(0).lasts(Credits::ZERO), u64::MAX);
        assert_eq!(Credits::from_nanos(i64::MIN).to_string(), "-9223372036.854775808");
    }

    proptest! {
        #[test]
        fn parts_of_a_time_cost_the_whole_within_rounding(a in 0u64..1 << 40, b in 0u64..1 << 40, micros in 1u32..1_000_000) {
            let rate = Rate::from_micros(micros);
            let parts = rate.cost(a) + rate.cost(b);
            prop_assert!((parts - rate.cost(a + b)).nanos().abs() <= 1);
        }

        #[test]
        fn an_amount_lasts_as_long_as_it_pays_for(nanos in 1i64..1 << 50, micros in 1u32..1_000_000) {
            let (rate, credits) = (Rate::from_micros(micros), Credits::from_nanos(nanos));
            let millis = rate.lasts(credits);
            prop_assert!(rate.cost(millis) <= credits);
            prop_assert!(rate.cost(millis + 1) > credits);
        }

        #[test]
        fn every_amount_is_read_back(nanos in any::<i64>().prop_filter("its magnitude has no positive twin", |n| *n != i64::MIN)) {
            let credits = Credits::from_nanos(nanos);
            prop_assert_eq!(Credits::parse(&credits.to_string()), Some(credits));
        }
    }
}

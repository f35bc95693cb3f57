use std::str::FromStr;

use gatehouse_types::{Error, Result, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The longest stretch of a rate, in seconds (an hour).
const MAX_RATE_SECONDS: i64 = 3_600;
/// The most requests in one stretch.
const MAX_REQUESTS: i64 = 1_000_000_000;
/// Networks of one list at most.
const MAX_NETWORKS: usize = 50;

/// So many requests in so many seconds: all of them at once, and then evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ApiRateLimit)]
pub(crate) struct Rate {
    /// Requests, at least 1.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub(crate) requests: i64,
    /// In so many seconds, 1 to 3600.
    #[schema(minimum = 1, maximum = 3600)]
    pub(crate) seconds: i64,
}

impl Rate {
    pub(crate) fn checked(self) -> Result<Self> {
        if !(1..=MAX_REQUESTS).contains(&self.requests) {
            return Err(Error::validation("rateLimit.requests", "At least one request must be allowed."));
        }
        if !(1..=MAX_RATE_SECONDS).contains(&self.seconds) {
            return Err(Error::validation("rateLimit.seconds", "The seconds must be 1 to 3600."));
        }
        Ok(self)
    }
}

/// How long a quota lasts; it begins anew with each (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ApiQuotaPeriod)]
pub(crate) enum Period {
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

impl Period {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The first day of the period that a day is in, both in days since 1970.
    pub(crate) fn first_day(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            Self::Month => day - (Timestamp::from_seconds(day * 86_400).day_of_month() - 1),
        }
    }

    /// The seconds from a moment to the next period.
    pub(crate) fn seconds_left(self, now: Timestamp) -> i64 {
        let day = day_of(now);
        let first = self.first_day(day);
        let next = match self {
            Self::Day => day + 1,
            // the first day of a month that is no longer this one
            Self::Month => (first + 28..=first + 31).find(|d| self.first_day(*d) != first).unwrap_or(day + 1),
        };
        (next * 86_400 - now.seconds()).max(1)
    }
}

impl FromStr for Period {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err(Error::validation("quota.period", "The period must be day or month.")),
        }
    }
}

/// The day of a moment, in days since 1970 (UTC).
pub(crate) fn day_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(86_400)
}

/// So many requests in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ApiQuota)]
pub(crate) struct Quota {
    /// Requests, at least 1.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub(crate) requests: i64,
    /// `day` or `month`.
    pub(crate) period: Period,
}

impl Quota {
    pub(crate) fn checked(self) -> Result<Self> {
        match (1..=MAX_REQUESTS).contains(&self.requests) {
            true => Ok(self),
            false => Err(Error::validation("quota.requests", "At least one request must be allowed.")),
        }
    }
}

/// What bounds the use of an app or of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Where calls may come from; anywhere when empty.
    pub(crate) networks: Vec<IpNet>,
    pub(crate) rate: Option<Rate>,
    pub(crate) quota: Option<Quota>,
}

impl Limits {
    pub(crate) fn is_none(&self) -> bool {
        self.networks.is_empty() && self.rate.is_none() && self.quota.is_none()
    }
}

/// Networks as people write them; an address alone is a network of one.
pub(crate) fn checked_networks(texts: &[String]) -> Result<Vec<IpNet>> {
    if texts.len() > MAX_NETWORKS {
        return Err(Error::validation("networks", "A list has at most 50 networks."));
    }
    let wrong = || {
        Error::validation("networks", "Write networks like 203.0.113.0/24 or 2001:db8::/32, or one address.")
    };
    let one = |text: &String| {
        let text = text.trim();
        let net: Result<IpNet, _> = text.parse();
        let net = net.or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(|_| wrong())?;
        Ok(net.trunc())
    };
    let mut all = texts.iter().map(one).collect::<Result<Vec<IpNet>>>()?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Networks as stored: joined by spaces.
pub(crate) fn stored_networks(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Networks of their stored form.
pub(crate) fn read_networks(text: &str) -> Result<Vec<IpNet>> {
    text.split_whitespace().map(|t| t.parse().map_err(Error::internal)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_people_write_them() {
        let texts = ["203.0.113.7/24", " 2001:db8::1 ", "203.0.113.0/24"].map(str::to_owned);
        let read = checked_networks(&texts).unwrap();
        assert_eq!(stored_networks(&read), "203.0.113.0/24 2001:db8::1/128");
        assert_eq!(read_networks(&stored_networks(&read)).unwrap(), read);
        assert!(checked_networks(&["office".to_owned()]).is_err());
        assert!(checked_networks(&vec!["10.0.0.1".to_owned(); 51]).is_err());
    }

    #[test]
    fn a_month_ends_with_its_last_day() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let first = |text: &str| Period::Month.first_day(day_of(at(text)));
        assert_eq!(first("2028-02-29T23:00:00Z"), day_of(at("2028-02-01T00:00:00Z")));
        assert_eq!(Period::Month.seconds_left(at("2028-02-29T23:59:50Z")), 10);
        assert_eq!(Period::Month.seconds_left(at("2026-01-01T00:00:00Z")), 31 * 86_400);
        assert_eq!(Period::Day.seconds_left(at("2026-11-30T12:00:00Z")), 43_200);
    }
}

pub(crate) mod apps;
pub(crate) mod changes;
pub(crate) mod explain;
pub(crate) mod gate;
pub(crate) mod keys;
pub(crate) mod scopes;
pub(crate) mod usage;

use gatehouse_store::{Query, Result, Row};

use crate::model::limits::{Limits, read_networks, stored_networks};
use crate::model::{Quota, Rate};

/// The limits of a row that has them.
pub(super) fn limits(row: &Row) -> Result<Limits> {
    let broken = |e: gatehouse_types::Error| gatehouse_store::Error::File(e.to_string());
    let rate = match (row.opt_int("rate_requests")?, row.opt_int("rate_seconds")?) {
        (Some(requests), Some(seconds)) => Some(Rate { requests, seconds }),
        _ => None,
    };
    let quota = match (row.opt_int("quota_requests")?, row.opt_text("quota_period")?) {
        (Some(requests), Some(period)) => Some(Quota { requests, period: period.parse().map_err(broken)? }),
        _ => None,
    };
    Ok(Limits { networks: read_networks(&row.text("networks")?).map_err(broken)?, rate, quota })
}

/// Binds the five values of limits, in the order of their columns.
pub(super) fn bind_limits(query: Query, limits: &Limits) -> Query {
    query
        .bind(stored_networks(&limits.networks))
        .bind(limits.rate.map(|r| r.requests))
        .bind(limits.rate.map(|r| r.seconds))
        .bind(limits.quota.map(|q| q.requests))
        .bind(limits.quota.map(|q| q.period.as_str().to_owned()))
}

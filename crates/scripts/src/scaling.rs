//! How many replicas there should be: the rule of the Kubernetes HorizontalPodAutoscaler, so that a script behaves alike
//! on this machine and in a cluster. Pure and in whole numbers: the caller brings the time and the measurements.
//!
//! Over the replicas that are measured, with their average use `u` and the aim `t`: wanted = ⌈n · u / t⌉, unless u / t is
//! within 0.1 of 1. When that asks for more, replicas that are starting count as idle ones; replicas that could not be
//! measured count as idle when it asks for more and as fully used when it asks for fewer; and a direction that turns by
//! this is not followed. More come at once, within 15 seconds at most as many again or four, whichever is more. Fewer
//! come when nothing within the last 300 seconds asked for more.

use std::collections::VecDeque;

/// How often to decide, in milliseconds.
pub const PERIOD_MILLIS: u64 = 15_000;
/// How long a replica must be ready before its use counts, in milliseconds.
pub const WARM_UP_MILLIS: u64 = 30_000;
/// How long a wish for more replicas keeps them, in milliseconds.
pub const STABILIZATION_MILLIS: u64 = 300_000;
/// Within this time the number grows at most by the factor or the number below, in milliseconds.
const GROWTH_MILLIS: u64 = 15_000;
const GROWTH_FACTOR: u32 = 2;
const GROWTH_NUMBER: u32 = 4;
/// A deviation up to a tenth changes nothing.
const TOLERANCE_TENTHS: u64 = 1;
/// All of a replica's processor time. Use is measured in thousandths of what its profile allows.
pub const FULLY_USED: u32 = 1_000;

/// Between which numbers, and at which use, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    min: u32,
    max: u32,
    target_percent: u32,
}

impl Policy {
    /// At least one replica, the most not below the fewest, an aim of at least one percent: other values are brought there.
    pub fn new(min: u32, max: u32, target_percent: u32) -> Self {
        let min = min.max(1);
        Self { min, max: max.max(min), target_percent: target_percent.max(1) }
    }
}

/// What is known of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Ready long enough; its use in thousandths of what its profile allows.
    Used(u32),
    /// Not ready, or not for long enough.
    Starting,
    /// Ready, but its use could not be measured.
    Unknown,
}

/// What was wanted and done before: what the caller keeps between two decisions of one deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Wishes by time, each larger than all later ones: so the first within the window is the largest.
    wishes: VecDeque<(u64, u32)>,
    /// Growth by time within its window.
    growth: VecDeque<(u64, u32)>,
}

/// How many replicas there should be, and why not as many as the load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How many there should be from now on.
    pub replicas: u32,
    /// How many the load alone asks for.
    pub wanted: u32,
    /// What held it.
    pub held: Option<Held>,
}

/// What keeps a decision from what the load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// More were wanted within the last 300 seconds.
    Recently,
    /// The number may not grow faster.
    Growth,
    /// The fewest or the most of the policy.
    Policy,
}

/// Decides, and notes it. `now` is a time in milliseconds that never goes back; `loads` has one entry a replica.
pub fn decide(policy: Policy, history: &mut History, now: u64, loads: &[Load]) -> Decision {
    let current = u32::try_from(loads.len()).unwrap_or(u32::MAX);
    let within = current.clamp(policy.min, policy.max);
    if policy.min == policy.max || within != current {
        let held = (within != current).then_some(Held::Policy);
        return Decision { replicas: within, wanted: current, held };
    }
    let wanted = wanted(policy.target_percent, loads);
    let possible = wanted.min(policy.max);
    let stable = history.stabilized(now, current, possible);
    let grown = stable.min(history.most_now(now, current));
    let replicas = grown.clamp(policy.min, policy.max);
    if replicas > current {
        history.growth.push_back((now, replicas - current));
    }
    let held = match () {
        () if grown != stable => Some(Held::Growth),
        () if stable != possible => Some(Held::Recently),
        () if replicas != wanted => Some(Held::Policy),
        () => None,
    };
    Decision { replicas, wanted, held }
}

impl History {
    /// The wish, unless a larger one is still young. Before the first decision, the present number counts as wanted.
    fn stabilized(&mut self, now: u64, current: u32, wanted: u32) -> u32 {
        if self.wishes.is_empty() {
            self.wishes.push_back((now, current));
        }
        let over = now.saturating_sub(STABILIZATION_MILLIS);
        while self.wishes.front().is_some_and(|(at, _)| *at < over) {
            self.wishes.pop_front();
        }
        while self.wishes.back().is_some_and(|(_, wish)| *wish <= wanted) {
            self.wishes.pop_back();
        }
        self.wishes.push_back((now, wanted));
        let largest = self.wishes.front().map_or(wanted, |(_, wish)| *wish);
        // Between the wish and the largest young one the present number stays.
        current.clamp(wanted, largest)
    }

    /// The most replicas that there may be now, by what was added of late.
    fn most_now(&mut self, now: u64, current: u32) -> u32 {
        let over = now.saturating_sub(GROWTH_MILLIS);
        while self.growth.front().is_some_and(|(at, _)| *at <= over && now >= GROWTH_MILLIS) {
            self.growth.pop_front();
        }
        let added: u32 = self.growth.iter().map(|(_, number)| *number).fold(0, u32::saturating_add);
        let before = current.saturating_sub(added);
        before.saturating_mul(GROWTH_FACTOR).max(before.saturating_add(GROWTH_NUMBER)).max(current)
    }
}

/// How many replicas the load asks for.
fn wanted(target_percent: u32, loads: &[Load]) -> u32 {
    let current = loads.len() as u64;
    // Thousandths that one replica should have.
    let target = u64::from(target_percent) * u64::from(FULLY_USED) / 100;
    let used: Vec<u64> = loads
        .iter()
        .filter_map(|l| if let Load::Used(used) = l { Some(u64::from(*used)) } else { None })
        .collect();
    let number = |wanted: u64| u32::try_from(wanted).unwrap_or(u32::MAX);
    let Some(measured) = Measured::of(&used, target) else { return number(current) };
    let count = |wanted: Load| loads.iter().filter(|load| **load == wanted).count() as u64;
    let (starting, unknown) = (count(Load::Starting), count(Load::Unknown));
    let idle_ones_count = starting > 0 && measured.is_above();
    if !idle_ones_count && unknown == 0 {
        return number(if measured.is_near() { current } else { measured.wanted() });
    }
    // Those that could not be measured work against the direction, so that a guess moves nothing.
    let assumed = if measured.is_below() { u64::from(FULLY_USED).max(target) } else { 0 };
    let all = Measured {
        sum: measured.sum + unknown * assumed,
        count: measured.count + unknown + if idle_ones_count { starting } else { 0 },
        target,
    };
    let turned = (measured.is_below() && all.is_above()) || (measured.is_above() && all.is_below());
    if all.is_near() || turned {
        return number(current);
    }
    let wanted = all.wanted();
    let against = (all.is_below() && wanted > current) || (all.is_above() && wanted < current);
    number(if against { current } else { wanted })
}

/// The use of some replicas beside the aim; exact, as no quotient is formed.
struct Measured {
    sum: u64,
    count: u64,
    target: u64,
}

impl Measured {
    fn of(used: &[u64], target: u64) -> Option<Self> {
        let count = used.len() as u64;
        (count > 0).then(|| Self { sum: used.iter().sum(), count, target })
    }

    /// What the sum is when each meets the aim.
    const fn aim(&self) -> u64 {
        self.count * self.target
    }

    const fn is_above(&self) -> bool {
        self.sum > self.aim()
    }

    const fn is_below(&self) -> bool {
        self.sum < self.aim()
    }

    const fn is_near(&self) -> bool {
        self.sum.abs_diff(self.aim()) * 10 <= self.aim() * TOLERANCE_TENTHS
    }

    /// ⌈count · (sum / count) / target⌉.
    const fn wanted(&self) -> u64 {
        self.sum.div_ceil(self.target)
    }
}

#[cfg(test)]
mod tests;

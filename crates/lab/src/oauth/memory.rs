use std::time::Duration;

use moka::sync::Cache;

/// Codes, tokens and grants of all labs that are remembered; the oldest are forgotten first.
const REMEMBERED: u64 = 10_000;
/// How long: longer than any code or access token lives.
const DAYS_2: Duration = Duration::from_secs(2 * 24 * 3600);

/// What may not be used any more, in the memory of this process: a lab has no tables of its own.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    spent: Cache<String, ()>,
    ended: Cache<String, ()>,
}

impl Default for Memory {
    fn default() -> Self {
        let cache = || Cache::builder().max_capacity(REMEMBERED).time_to_live(DAYS_2).build();
        Self { spent: cache(), ended: cache() }
    }
}

impl Memory {
    /// Whether this is the first use of a code or a rotating refresh token.
    pub(crate) fn spend(&self, id: &str) -> bool {
        self.spent.entry_by_ref(id).or_insert(()).is_fresh()
    }

    /// Ends a grant with all its tokens, or one token.
    pub(crate) fn end(&self, id: &str) {
        self.ended.insert(id.to_owned(), ());
    }

    pub(crate) fn has_ended(&self, id: &str) -> bool {
        self.ended.contains_key(id)
    }
}

//! Idempotency keys and pauses between tries.

use sha2::{Digest as _, Sha256};

use crate::definition::Retry;
use crate::limits::RETRY_SECONDS_MOST;

/// The idempotency key of a step: 32 hexadecimal digits of the SHA-256 of the execution's id and the step's path.
pub(super) fn idempotency_key(execution: &str, step: &str) -> String {
    let mut digest = Sha256::new();
    for part in ["gatehouse flow step", execution, step] {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The pause before the next try, in microseconds: doubles with each try, half of it by chance, not shorter
/// than the other side asked for.
pub(super) fn pause(retry: Retry, attempt: u32, retry_after: Option<u32>, jitter: u16) -> i64 {
    let doubled = u64::from(retry.delay_seconds) << attempt.saturating_sub(1).min(12);
    let most = RETRY_SECONDS_MOST * 1_000_000;
    let whole = (doubled * 1_000_000).min(most);
    let spread = whole / 2 + whole / 2 * u64::from(jitter.min(1000)) / 1000;
    let asked = u64::from(retry_after.unwrap_or(0)) * 1_000_000;
    i64::try_from(spread.max(asked).min(most)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_one_step_of_one_execution() {
        let key = idempotency_key("exec_1", "call");
        assert_eq!(key.len(), 32);
        assert_eq!(key, idempotency_key("exec_1", "call"));
        for (execution, step) in
            [("exec_2", "call"), ("exec_1", "cal"), ("exec_1c", "all"), ("exec_1", "each[0]/call")]
        {
            assert_ne!(key, idempotency_key(execution, step));
        }
    }

    #[test]
    fn pauses_double_with_chance_and_end_at_an_hour() {
        let retry = Retry { times: 5, delay_seconds: 2 };
        let second = 1_000_000;
        assert_eq!(pause(retry, 1, None, 0), second);
        assert_eq!(pause(retry, 1, None, 1000), 2 * second);
        assert_eq!(pause(retry, 3, None, 1000), 8 * second);
        assert_eq!(pause(retry, 3, None, 500), 6 * second);
        assert_eq!(pause(retry, 1, Some(30), 1000), 30 * second);
        assert_eq!(pause(retry, 1, Some(u32::MAX), 0), 3600 * second);
        assert_eq!(pause(Retry { times: 5, delay_seconds: 300 }, u32::MAX, None, 1000), 3600 * second);
    }
}

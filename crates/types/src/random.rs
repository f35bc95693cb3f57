use std::fmt;
use std::sync::Arc;

/// Where randomness comes from; injected, so that it has one owner.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A source shared by all parts of one application.
pub type SharedRandom = Arc<dyn Random>;

/// The operating system's generator through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // aws-lc reports a failure only when the kernel gives no entropy at all: nothing safe can go on then
        #[expect(clippy::expect_used, reason = "without entropy nothing may go on")]
        aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
    }
}

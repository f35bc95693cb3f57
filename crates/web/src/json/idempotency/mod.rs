//! `Idempotency-Key`: a POST that is sent again is carried out once and answered twice.

mod layer;
mod store;
#[cfg(test)]
mod tests;

pub use layer::idempotent;
pub use store::{Begin, BoxFuture, IdempotencyStore, NeverStored, StoredResponse};

use gatehouse_connect::{UserAuthenticated, Wakes};
use gatehouse_identity::rules::Boxed;
use gatehouse_types::Result;

use crate::Flows;

/// Wakes executions that wait for a person.
#[derive(Clone, Debug)]
pub(crate) struct Waker(pub(crate) Flows);

impl Wakes for Waker {
    fn authenticated<'a>(&'a self, told: &'a UserAuthenticated) -> Boxed<'a, Result<()>> {
        Box::pin(self.0.authenticated(told))
    }
}

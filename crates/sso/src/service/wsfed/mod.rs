//! WS-Federation (passive requestor profile, WS-Federation 1.2 §13): sign-on, its reply, sign-off, and what a test of
//! such a connection looks at.

mod cleanup;
mod page;
mod reply;
pub(crate) mod round_trips;
mod start;
mod test;

pub use cleanup::CleanUp;
pub(crate) use page::WsfedPageInput;
pub use reply::{WsfedPosted, WsfedSignedIn};
pub(crate) use test::test_wsfed;

use gatehouse_types::{ConnectionId, Error, Result};

use crate::Sso;
use crate::model::{Connection, WsfedConfig, own_realm_path};

impl Sso {
    /// Where WS-Federation providers answer (`wreply`).
    pub fn reply_url(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/wsfed/{connection}/reply"))
    }

    /// What we are called there (`wtrealm`): the realm that the connection names, else one that no other connection has.
    pub fn realm(&self, connection: &ConnectionId, config: &WsfedConfig) -> String {
        config.realm.clone().unwrap_or_else(|| self.own_realm(connection))
    }

    /// The realm of a connection that names none.
    pub fn own_realm(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&own_realm_path(connection))
    }
}

fn wsfed_of(connection: &Connection) -> Result<&WsfedConfig> {
    connection.config.wsfed().ok_or_else(|| Error::not_found("Connection"))
}

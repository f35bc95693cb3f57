//! What is looked up behind a request's back, so that the request tells nobody who is known.

use gatehouse_store::jobs::Job;
use gatehouse_types::{Email, LinkId, Result};
use serde::{Deserialize, Serialize};

use crate::Identity;

/// A mail that somebody unknown asked for, by address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PeopleMail {
    /// A link to set a new password.
    Reset {
        /// For whom.
        email: Email,
    },
    /// What somebody who signs up must know.
    SignUp {
        /// The link that waits for it.
        link: LinkId,
    },
}

impl Job for PeopleMail {
    const KIND: &'static str = "people.mail";
    type Context = Identity;

    async fn run(self, identity: Identity) -> Result<()> {
        match self {
            Self::Reset { email } => identity.send_reset(&email).await,
            Self::SignUp { link } => identity.send_sign_up(&link).await,
        }
    }
}

/// Forgets links that are over, devices that were not seen for long, refused tries that are long past, and memberships
/// that are kept aside no longer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeopleSweep;

impl Job for PeopleSweep {
    const KIND: &'static str = "people.sweep";
    type Context = Identity;

    async fn run(self, identity: Identity) -> Result<()> {
        let mut tx = identity.store().begin_always().await?;
        crate::store::links::sweep(&mut tx).await?;
        crate::store::devices::sweep(&mut tx).await?;
        crate::store::leavers::sweep(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

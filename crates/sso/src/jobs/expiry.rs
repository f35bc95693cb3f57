use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::store::expiry::{self, Ending};

/// Days before the end at which owners are warned, the last warning first.
const WARNINGS: [i64; 3] = [1, 7, 30];
/// Connections looked at in one round.
const ROUND: i64 = 1_000;
const DAY_SECONDS: i64 = 86_400;

/// Warns the owners 30, 7 and 1 days before the last certificate of an active connection ends, once each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExpiryWarnings;

impl Job for ExpiryWarnings {
    const KIND: &'static str = "sso.expiry-warnings";
    type Context = Sso;

    async fn run(self, sso: Sso) -> Result<()> {
        let store = &sso.0.store;
        let longest = WARNINGS[WARNINGS.len() - 1];
        let before = store.now().plus_seconds(longest * DAY_SECONDS);
        for ending in expiry::ending(&mut store.reader(), before, ROUND).await? {
            warn(&sso, &ending).await?;
        }
        Ok(())
    }
}

/// The warning that is due; the earlier ones are noted with it, so that nobody gets three at once.
async fn warn(sso: &Sso, ending: &Ending) -> Result<()> {
    let left = ending.not_after.seconds() - sso.0.store.now().seconds();
    let due = WARNINGS.into_iter().filter(|days| left <= days * DAY_SECONDS);
    let mut tx = sso.0.store.begin_always().await?;
    let mut first = None;
    for (at, days) in due.enumerate() {
        if expiry::first_warning(&mut tx, ending, days).await? && at == 0 {
            first = Some(days);
        }
    }
    if first.is_some() {
        let subject = format!("The certificate of the single sign-on connection {} ends soon", ending.name);
        let body = format!(
            "The last valid certificate of the provider of {} ends at {}. Afterwards nobody signs in through it.\n\n\
             Certificate (SHA-256): {}\n\nAdd the provider's next certificate at {} before.\n",
            ending.name,
            ending.not_after,
            ending.fingerprint,
            sso.0.public_url.join("/settings/security/sso"),
        );
        sso.mail_owners(&mut tx, &ending.workspace, &subject, &body).await?;
    }
    Ok(tx.commit().await?)
}

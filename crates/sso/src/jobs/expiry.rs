use gatehouse_store::jobs::Job;
use gatehouse_types::{Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::store::expiry::{self, Ending, Ends, WARNINGS};

/// Connections looked at in one round; there are as many rounds as it takes.
const ROUND: usize = 1_000;
const DAY_SECONDS: i64 = 86_400;

/// Warns owners and admins 30, 7 and 1 days before the last certificate of an active connection, or its client secret,
/// ends, once each. Where several warnings fell due meanwhile, only the last one is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExpiryWarnings;

impl Job for ExpiryWarnings {
    const KIND: &'static str = "sso.expiry-warnings";
    type Context = Sso;

    async fn run(self, sso: Sso) -> Result<()> {
        let store = &sso.0.store;
        let (now, limit) = (store.now(), i64::try_from(ROUND).unwrap_or(i64::MAX));
        loop {
            // what a round warned of is noted, so that the next one finds others
            let certificates = expiry::certificates(&mut store.reader(), now, limit).await?;
            let secrets = expiry::client_secrets(&mut store.reader(), now, limit).await?;
            for ending in certificates.iter().chain(&secrets) {
                warn(&sso, ending, now).await?;
            }
            if certificates.len() < ROUND && secrets.len() < ROUND {
                return Ok(());
            }
        }
    }
}

/// The warning that is due; the earlier ones are noted with it, so that nobody gets three at once.
async fn warn(sso: &Sso, ending: &Ending, now: Timestamp) -> Result<()> {
    let due = WARNINGS.into_iter().filter(|days| ending.at < now.plus_seconds(days * DAY_SECONDS));
    let mut tx = sso.0.store.begin_always().await?;
    let mut first = None;
    for (at, days) in due.enumerate() {
        if expiry::first_warning(&mut tx, ending, days).await? && at == 0 {
            first = Some(days);
        }
    }
    if first.is_some() {
        let (subject, body) = letter(ending, now, &sso.0.public_url.join(crate::console::PATH));
        sso.mail_administrators(&mut tx, &ending.workspace, &subject, &body).await?;
    }
    Ok(tx.commit().await?)
}

fn letter(ending: &Ending, now: Timestamp, page: &str) -> (String, String) {
    let Ending { name, at, .. } = ending;
    let past = *at <= now;
    let (ends, afterwards) = match past {
        true => ("has ended", "Nobody signs in through it since."),
        false => ("ends soon", "Afterwards nobody signs in through it."),
    };
    let verb = if past { "ended" } else { "ends" };
    match &ending.what {
        Ends::Certificate(fingerprint) => (
            format!("The certificate of the single sign-on connection {name} {ends}"),
            format!(
                "The last valid certificate of the provider of {name} {verb} at {at}. {afterwards}\n\n\
                 Certificate (SHA-256): {fingerprint}\n\nAdd the provider's next certificate at {page}.\n"
            ),
        ),
        Ends::ClientSecret => (
            format!("The client secret of the single sign-on connection {name} {ends}"),
            format!(
                "The client secret of {name} {verb} at {at}. {afterwards}\n\nMake a new secret at the provider, and enter \
                 it with its last day at {page}.\n"
            ),
        ),
    }
}

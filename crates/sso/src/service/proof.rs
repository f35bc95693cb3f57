//! The look at the proof of a domain.

use gatehouse_outbound::{Error, Limits};

use crate::Sso;
use crate::model::{DomainClaim, Look, VerificationMethod};

/// The largest verification file that is read, bytes.
const MAX_FILE: usize = 4096;

impl Sso {
    /// Looks for the proof of a claim. What cannot be seen is no missing proof.
    pub(crate) async fn look_for_proof(&self, claim: &DomainClaim) -> Look {
        match claim.method {
            VerificationMethod::DnsTxt => self.look_at_dns(claim).await,
            VerificationMethod::HttpsFile => self.look_at_file(claim).await,
        }
    }

    async fn look_at_dns(&self, claim: &DomainClaim) -> Look {
        let name = claim.record_name();
        match self.0.dns.txt(&name).await {
            Ok(records) if records.iter().any(|r| r.trim() == claim.token) => Look::Found,
            Ok(records) if records.is_empty() => Look::Missing(format!(
                "There is no TXT record {name}. Add it with the value shown; new records can take some minutes to appear."
            )),
            Ok(_) => {
                Look::Missing(format!("The TXT record {name} has another value. Set it to the value shown."))
            }
            Err(e) => Look::Unknown(format!("The TXT record {name} could not be looked up: {e}")),
        }
    }

    async fn look_at_file(&self, claim: &DomainClaim) -> Look {
        let url = claim.file_url();
        let limits = Limits { max_bytes: MAX_FILE, same_host_only: true, ..Limits::default() };
        let another =
            || format!("The file {url} has another content. It must hold the value shown and nothing else.");
        match self.0.http.get(&url, limits).await {
            Ok(answer) if answer.status.is_success() => match answer.text() {
                Ok(text) if text.trim() == claim.token => Look::Found,
                _ => Look::Missing(another()),
            },
            Ok(answer) if matches!(answer.status.as_u16(), 404 | 410) => Look::Missing(format!(
                "There is no file {url} (status {}). Put it there with the value shown.",
                answer.status.as_u16()
            )),
            Ok(answer) => Look::Unknown(format!(
                "The file {url} could not be read: its server answered with status {}.",
                answer.status.as_u16()
            )),
            Err(Error::TooLarge { .. }) => Look::Missing(another()),
            Err(e @ Error::NoSuchHost { .. }) => {
                Look::Missing(format!("The file {url} could not be read: {e}"))
            }
            Err(e) => Look::Unknown(format!("The file {url} could not be read: {e}")),
        }
    }
}

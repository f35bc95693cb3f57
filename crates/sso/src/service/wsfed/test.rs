use std::time::Instant;

use gatehouse_store::decisions::Reason;
use gatehouse_types::Timestamp;

use crate::model::{Connection, WsfedConfig};
use crate::service::status::{TestReport, Tested, certificate_checks};

/// What a test of a connection looks at; `unread` is why its metadata could not be read just now.
pub(crate) fn test_wsfed(
    connection: &Connection,
    config: &WsfedConfig,
    unread: Option<String>,
    began: Instant,
    now: Timestamp,
) -> TestReport {
    let certificates = certificate_checks(connection, now);
    let certificate_valid = certificates.iter().all(|c| c.ok);
    let mut metadata = Vec::new();
    if let Some(url) = &config.metadata_url {
        metadata.push(match unread {
            Some(why) => Reason::failed("federation metadata", why),
            None => Reason::passed("federation metadata", format!("It was read from {url}.")),
        });
    }
    metadata.push(match config.expected_issuer() {
        Ok(issuer) => Reason::passed("issuer", format!("Tokens must be from {issuer}.")),
        Err(why) => Reason::failed("issuer", why.message()),
    });
    let url = config.sign_on();
    metadata.push(match crate::model::sign_on_url("wsfedConfig.signOnUrl", url) {
        Ok(_) => Reason::passed("sign-on url", told_sign_on(config)),
        Err(e) => Reason::failed("sign-on url", e.message().to_owned()),
    });
    let metadata_valid = metadata.iter().all(|c| c.ok);
    // certificates come from the metadata: what is wrong with that is told first
    let checks = metadata.into_iter().chain(certificates).collect();
    TestReport {
        success: certificate_valid && metadata_valid,
        tested: Tested::Certificates { certificate_valid, metadata_valid },
        latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        checks,
    }
}

fn told_sign_on(config: &WsfedConfig) -> String {
    let url = config.sign_on();
    match &config.passive_url {
        Some(named) if named != url => {
            format!(
                "Requests go to {url}. The metadata names {named}; that may be right, when both lead to the same place."
            )
        }
        _ => format!("Requests go to {url}."),
    }
}

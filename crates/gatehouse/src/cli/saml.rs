use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use gatehouse_saml::{
    CLOCK_SKEW, Certificate, DecryptionKey, InResponseTo, Judgement, Policy, Protocol, limits, verify_bytes,
};
use gatehouse_types::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::WRONG_USE;
use super::admin::println;

#[derive(Subcommand)]
pub(crate) enum Saml {
    /// Judge a recorded response offline, with the very code that sign-in uses.
    #[command(
        after_help = "Example:\n  gatehouse saml inspect --response response.xml --idp-entity-id https://idp.example/metadata \\\n    \
        --certificate idp.pem --sp-entity-id https://g.example/saml/metadata --acs-url https://g.example/saml/acs\n\n\
        Exit codes: 0 accepted, 1 rejected, 2 wrong use."
    )]
    Inspect(Inspect),
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    Saml2,
    Wsfed,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// The response: raw XML, or - for standard input.
    #[arg(long, value_name = "FILE")]
    response: PathBuf,
    /// Our entity id, the audience. The address for unsolicited responses (…/idp) is one too.
    #[arg(long, value_name = "URL")]
    sp_entity_id: Option<String>,
    /// The assertion consumer service that it was posted to.
    #[arg(long, value_name = "URL")]
    acs_url: Option<String>,
    /// The provider's entity id.
    #[arg(long, value_name = "URL")]
    idp_entity_id: String,
    /// A pinned certificate (PEM), at most two, the latest first.
    #[arg(long, value_name = "PEM", required = true, num_args = 1..)]
    certificate: Vec<PathBuf>,
    /// A key that opens encrypted assertions (PEM).
    #[arg(long, value_name = "PEM", num_args = 1..)]
    decrypt_key: Vec<PathBuf>,
    /// The id of the request that it answers; without it the response must answer none.
    #[arg(long, value_name = "ID")]
    in_response_to: Option<String>,
    /// The moment to judge at, RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// What the message speaks.
    #[arg(long, value_enum, default_value = "saml2")]
    protocol: Spoken,
    /// WS-Federation: our realm.
    #[arg(long, value_name = "R", required_if_eq("protocol", "wsfed"))]
    realm: Option<String>,
    /// WS-Federation: the reply URL.
    #[arg(long, value_name = "U")]
    reply: Option<String>,
}

impl Saml {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Inspect(inspect) = self;
        let prepared = inspect.policy().and_then(|policy| Ok((read_bounded(&inspect.response)?, policy)));
        match prepared {
            Ok((bytes, policy)) => Ok(report(&verify_bytes(&bytes, &policy))),
            Err(e) => {
                eprintln!("gatehouse: {e:#}");
                Ok(ExitCode::from(WRONG_USE))
            }
        }
    }
}

impl Inspect {
    fn policy(&self) -> anyhow::Result<Policy> {
        if matches!(self.protocol, Spoken::Saml2) {
            anyhow::ensure!(
                self.sp_entity_id.is_some(),
                "--sp-entity-id is needed: the audience of the response"
            );
            anyhow::ensure!(self.acs_url.is_some(), "--acs-url is needed: the address that it was posted to");
        }
        let certificates = self.certificate.iter().map(|path| {
            Certificate::from_pem_or_base64(&read_text(path)?)
                .with_context(|| format!("--certificate {}", path.display()))
        });
        let keys = self.decrypt_key.iter().map(|path| {
            DecryptionKey::from_pem(&read_text(path)?)
                .with_context(|| format!("--decrypt-key {}", path.display()))
        });
        let certificates = certificates.collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(certificates.len() <= 2, "--certificate: at most two can be pinned");
        let now = match &self.at {
            None => SystemClock.now(),
            Some(text) => Timestamp::parse(text)
                .with_context(|| format!("--at {text}: write it like 2026-01-15T10:00:00Z"))?,
        };
        let acs_url = self.acs_url.clone().unwrap_or_default();
        let protocol = match self.protocol {
            Spoken::Saml2 => Protocol::Saml2,
            Spoken::Wsfed => Protocol::WsFed {
                realm: self.realm.clone().unwrap_or_default(),
                reply: self.reply.clone().unwrap_or_else(|| acs_url.clone()),
            },
        };
        Ok(Policy {
            protocol,
            idp_entity_id: self.idp_entity_id.clone(),
            audiences: self.audiences(&acs_url),
            acs_urls: vec![acs_url],
            certificates,
            decryption_keys: keys.collect::<anyhow::Result<_>>()?,
            in_response_to: self
                .in_response_to
                .clone()
                .map_or(InResponseTo::Unsolicited, InResponseTo::Expect),
            now: now.micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        })
    }
}

impl Inspect {
    /// As sign-in has it: our entity id, and the address for responses nobody asked for.
    fn audiences(&self, acs_url: &str) -> Vec<String> {
        let ours = self.sp_entity_id.clone();
        ours.into_iter().chain(acs_url.ends_with("/idp").then(|| acs_url.to_owned())).collect()
    }
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads one byte more than is allowed at most, so that the judge sees that it is too much.
fn read_bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let limit = u64::try_from(limits::MESSAGE_BYTES + 1)?;
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(limit).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

fn report(judgement: &Judgement) -> ExitCode {
    let checks: Vec<Value> =
        judgement.checks.iter().map(|c| json!({"check": c.check, "ok": c.ok, "detail": c.detail})).collect();
    let (verdict, code) = match &judgement.outcome {
        Ok(assertion) => {
            let name_id = assertion.name_id();
            let verdict = json!({
                "verdict": "accept", "reason": null, "identity": name_id.value, "nameIdFormat": name_id.format,
                "assertionId": assertion.assertion_id(), "issuer": assertion.issuer(),
                "certificateFingerprint": assertion.certificate_fingerprint(), "fallback": assertion.used_fallback(),
                "attributes": assertion.attributes(), "checks": checks,
            });
            (verdict, ExitCode::SUCCESS)
        }
        Err(rejection) => {
            let verdict = json!({
                "verdict": "reject", "reason": rejection.reason.code(), "detail": rejection.detail, "identity": null,
                "attributes": {}, "checks": checks,
            });
            (verdict, ExitCode::FAILURE)
        }
    };
    println(&format!("{verdict:#}"));
    code
}

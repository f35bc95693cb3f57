//! The validation library alone: base64, parsing, every rule, claims.

use crate::make::Provider;
use crate::now;
use anyhow::Context;
use clap::Args;
use gatehouse_saml::{
    CLOCK_SKEW, InResponseTo, Message, Policy, Protocol, SigningKey, decode_post_binding, verify,
};
use std::path::PathBuf;

/// `bench-load alone`.
#[derive(Args)]
pub(crate) struct Alone {
    /// The folder of the provider.
    provider: PathBuf,
    /// The bodies.
    file: PathBuf,
    issuer: String,
    acs: String,
    audience: String,
    /// Another certificate stands before the right one.
    #[arg(long)]
    fallback: bool,
    /// Every body must be refused instead of accepted.
    #[arg(long)]
    hostile: bool,
    /// How often the file is gone through.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
}

impl Alone {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let provider = Provider::read(&self.provider)?;
        let mut certificates = vec![provider.certificate];
        if self.fallback {
            let key = SigningKey::generate()?;
            certificates.insert(0, key.self_signed("Another", now() - 1_000_000, now() + 3_600_000_000)?);
        }
        let policy = Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: self.issuer,
            audiences: vec![self.audience],
            acs_urls: vec![self.acs],
            certificates,
            decryption_keys: Vec::new(),
            in_response_to: InResponseTo::Unsolicited,
            now: now(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        };
        let fields: Vec<String> = std::fs::read_to_string(&self.file)?
            .lines()
            .map(|line| {
                let (_, field) =
                    url::form_urlencoded::parse(line.as_bytes()).next().context("an empty line")?;
                Ok(field.into_owned())
            })
            .collect::<anyhow::Result<_>>()?;
        let began = on_cpu()?;
        for _ in 0..self.rounds {
            for field in &fields {
                let bytes = decode_post_binding(field)?;
                let outcome = Message::parse(&bytes).and_then(|message| verify(&message, &policy).outcome);
                anyhow::ensure!(
                    outcome.is_ok() != self.hostile,
                    "judged otherwise than expected: {:?}",
                    outcome.err()
                );
            }
        }
        let all = f64::from(self.rounds) * f64::from(u32::try_from(fields.len())?);
        println!("{:.2}", (on_cpu()? - began) / 1e3 / all);
        Ok(())
    }
}

/// Nanoseconds that this thread spent on a processor.
fn on_cpu() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or_default().parse()?)
}

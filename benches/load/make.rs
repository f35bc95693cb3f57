//! The identity provider of the measurements, its honest responses and its hostile ones.

use crate::now;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use gatehouse_saml::idp::{IdpDescription, ResponseBuilder, idp_metadata};
use gatehouse_saml::{Certificate, SigningKey};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Persons that sign in, over and over.
const PEOPLE: usize = 1000;
const HOUR: i64 = 3_600_000_000;

/// Writes key, certificate and metadata.
pub(crate) fn provider(dir: &Path, issuer: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let key = SigningKey::generate()?;
    let certificate = key.self_signed("Bench", now() - 24 * HOUR, now() + 24 * 365 * HOUR)?;
    let metadata = idp_metadata(&IdpDescription {
        entity_id: issuer.to_owned(),
        sso_url: "https://idp.bench.example/sso".to_owned(),
        slo_url: None,
        certificates: vec![certificate.clone()],
        passive_endpoint: None,
        want_authn_requests_signed: false,
    });
    std::fs::write(dir.join("idp.key"), key.to_pkcs8_pem()?.as_bytes())?;
    std::fs::write(dir.join("idp.crt"), certificate.to_pem())?;
    Ok(std::fs::write(dir.join("idp.xml"), metadata)?)
}

/// The identity provider, read back.
pub(crate) struct Provider {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

impl Provider {
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            key: SigningKey::from_pem(&std::fs::read_to_string(dir.join("idp.key"))?)?,
            certificate: Certificate::from_pem_or_base64(&std::fs::read_to_string(dir.join("idp.crt"))?)?,
        })
    }
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Honest responses.
    Login,
    /// Signed, then changed.
    BadSignature,
    /// A megabyte of elements.
    Megabyte,
    /// A document type with entities that grow.
    Bomb,
    /// Ten thousand attributes.
    Attributes,
    /// Ten thousand levels.
    Nesting,
}

/// `bench-load make`.
#[derive(Args)]
pub(crate) struct Make {
    /// The folder of the provider.
    provider: PathBuf,
    /// The issuer.
    issuer: String,
    /// The assertion consumer service.
    acs: String,
    /// The audience.
    audience: String,
    /// Where the bodies go.
    out: PathBuf,
    /// How many.
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// Which.
    #[arg(long, value_enum, default_value = "login")]
    what: What,
}

/// A response as an ordinary provider sends it.
pub(crate) fn response(number: usize, issuer: &str, acs: &str, audience: &str) -> ResponseBuilder {
    let email = format!("person{}@bench.example", number % PEOPLE);
    let id = format!("_{:x}{number:x}", now());
    let mut builder = ResponseBuilder::new(&id, issuer, acs, audience, &email, now() - 1_000_000);
    builder.lifetime = Duration::from_secs(3600);
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let groups = vec!["staff".to_owned(), "admins".to_owned()];
    builder.attributes = vec![
        one("email", &email),
        one("firstName", "Ada"),
        one("lastName", "Lovelace"),
        one("id", &email),
        ("groups".to_owned(), groups),
    ];
    builder
}

impl Make {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let provider = Provider::read(&self.provider)?;
        let mut out = String::new();
        for number in 0..self.count {
            let xml = self.message(number, &provider)?;
            let field: String =
                url::form_urlencoded::byte_serialize(STANDARD.encode(xml).as_bytes()).collect();
            writeln!(out, "SAMLResponse={field}")?;
        }
        Ok(std::fs::write(&self.out, out)?)
    }

    fn message(&self, number: usize, provider: &Provider) -> anyhow::Result<String> {
        let builder = response(number, &self.issuer, &self.acs, &self.audience);
        let hostile = |inside: &str| {
            let open = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_x\" Version=\"2.0\">";
            format!("{open}{inside}</samlp:Response>")
        };
        Ok(match self.what {
            What::Login => builder.issue(&provider.key, &provider.certificate)?,
            What::BadSignature => {
                builder.issue(&provider.key, &provider.certificate)?.replace("Lovelace", "Lovelacf")
            }
            What::Megabyte => hostile(&format!("<a b=\"{number}\">text</a>").repeat(60_000)[..1_000_000]),
            What::Bomb => {
                let mut entities = String::from("<!ENTITY a0 \"lol\">");
                for n in 1..40 {
                    let inside = format!("&a{};", n - 1).repeat(10);
                    write!(entities, "<!ENTITY a{n} \"{inside}\">")?;
                }
                format!("<!DOCTYPE r [{entities}]>{}", hostile("&a39;"))
            }
            What::Attributes => {
                let attributes: String = (0..10_000).map(|n| format!(" a{n}=\"{n}\"")).collect();
                hostile(&format!("<a{attributes}/>"))
            }
            What::Nesting => hostile(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000))),
        })
    }
}

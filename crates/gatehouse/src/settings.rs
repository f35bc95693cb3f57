//! What the operator decides: a TOML file, then `GATEHOUSE_*` variables, then flags.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use gatehouse_identity::SignUp;
use gatehouse_outbound::{IpNet, ProxyUrl};
use gatehouse_scripts::dependencies::Indexes;
use gatehouse_scripts::model::Credits;
use gatehouse_sso::{GOOGLE_ISSUER, MICROSOFT_ISSUER, OperatorClient};
use gatehouse_store::DatabaseUrl;
use gatehouse_types::{Email, Secret};
use gatehouse_web::PublicUrl;
use url::Url;

/// What every variable starts with.
const PREFIX: &str = "GATEHOUSE_";
/// Where the server listens when nothing else is said.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// Where the files are when nothing else is said.
const DEFAULT_DATA_DIR: &str = "gatehouse-data";
/// The sender of mails when nothing else is said; `.invalid` never delivers (RFC 6761 §6.4).
const DEFAULT_MAIL_FROM: &str = "gatehouse@gatehouse.invalid";

/// Credits of a workspace when nothing else is said.
const DEFAULT_CREDITS: &str = "1000";

/// Every option, its name in the file and (in capitals, behind `GATEHOUSE_`) in the environment.
pub(crate) const NAMES: [&str; 35] = [
    "listen",
    "public_url",
    "data_dir",
    "database_url",
    "master_key_file",
    "smtp_url",
    "mail_from",
    "dns_server",
    "egress_allow",
    "egress_proxy",
    "egress_ca_file",
    "log",
    "log_format",
    "metrics_listen",
    "otlp_endpoint",
    "trusted_proxies",
    "require_domain",
    "sign_up",
    "scim_requests_per_minute",
    "outbound_requests_per_minute",
    "script_python",
    "script_node",
    "script_uv",
    "script_npm",
    "script_python_index",
    "script_python_files",
    "script_npm_registry",
    "script_npm_files",
    "script_credits",
    "google_client_id",
    "google_client_secret",
    "google_issuer",
    "microsoft_client_id",
    "microsoft_client_secret",
    "microsoft_issuer",
];

/// A setting that cannot be used, by name.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingError(String);

impl SettingError {
    /// The setting of this name cannot be used, and why. Its value is not repeated, nor its name if the reason begins
    /// with it.
    pub(crate) fn named(name: &str, why: impl std::fmt::Display) -> Self {
        let (variable, why) = (format!("{PREFIX}{}", name.to_uppercase()), why.to_string());
        let why = why.strip_prefix(&format!("{variable}: ")).unwrap_or(&why);
        Self(format!("{name} ({variable}): {why}"))
    }
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Readable lines.
    Text,
}

impl FromStr for LogFormat {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(()),
        }
    }
}

/// The settings of one server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address people use; `None`: the one it listens on, which must be this machine then.
    pub public_url: Option<PublicUrl>,
    /// The directory of our files.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// The master key's file; `None`: `master.key` in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The mail server; `None`: mails stay in the outbox.
    pub smtp_url: Option<Secret>,
    /// The sender of mails.
    pub mail_from: Email,
    /// The DNS server for TXT look-ups; `None`: the system's.
    pub dns_server: Option<String>,
    /// Private networks that outbound calls may reach.
    pub egress_allow: Vec<IpNet>,
    /// The proxy that outbound calls go through; `None`: they go by themselves.
    pub egress_proxy: Option<ProxyUrl>,
    /// Certificates (PEM) of authorities that outbound calls trust besides the system's.
    pub egress_ca_file: Option<PathBuf>,
    /// The log filter, like `info` or `gatehouse=debug`.
    pub log: String,
    /// How log lines look; `None`: readable at a terminal, else JSON.
    pub log_format: Option<LogFormat>,
    /// A listener of its own for `/metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go, over OTLP; only a program with the cargo feature `otel` takes it.
    pub otlp_endpoint: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether a connection needs a verified domain to be activated.
    pub require_domain: bool,
    /// Whether strangers may make themselves an account and a workspace.
    pub sign_up: SignUp,
    /// Requests that each SCIM token has in a minute, of each server.
    pub scim_requests_per_minute: u32,
    /// Requests through authorization profiles that each person has in a minute, of each server.
    pub outbound_requests_per_minute: u32,
    /// The Python interpreter of custom scripts; `None`: the first one that is found.
    pub script_python: Option<PathBuf>,
    /// The Node.js interpreter of custom scripts; `None`: the first one that is found.
    pub script_node: Option<PathBuf>,
    /// What installs packages of Python; `None`: the first `uv` that is found.
    pub script_uv: Option<PathBuf>,
    /// What installs packages of npm; `None`: the first `npm` that is found.
    pub script_npm: Option<PathBuf>,
    /// Where packages of custom scripts come from.
    pub script_indexes: Indexes,
    /// Credits that each workspace has for custom scripts.
    pub script_credits: Credits,
    /// The program that becomes a sandbox; `None`: this one. No setting: tests are another program.
    pub sandbox_program: Option<PathBuf>,
    /// The operator's client for "Sign in with Google".
    pub google: Option<OperatorClient>,
    /// The operator's client at Microsoft, for people's own accounts there.
    pub microsoft: Option<OperatorClient>,
}

/// Values by name, from one source.
pub type Overrides = BTreeMap<String, String>;

fn bad(name: &str, value: &str, why: impl std::fmt::Display) -> SettingError {
    // the value of a secret setting is never repeated
    let shown = if matches!(
        name,
        "smtp_url"
            | "database_url"
            | "egress_proxy"
            | "otlp_endpoint"
            | "google_client_secret"
            | "microsoft_client_secret"
    ) {
        String::new()
    } else {
        format!(" \"{value}\"")
    };
    SettingError(format!("{name} ({PREFIX}{}){shown}: {why}", name.to_uppercase()))
}

fn unknown(name: &str, place: &str) -> SettingError {
    SettingError(format!("{place} is not a setting. Settings are: {}. (found: {name})", NAMES.join(", ")))
}

impl Settings {
    /// Reads the file (if given), the variables, the flags; later ones win.
    ///
    /// # Errors
    /// Names the setting that is unknown or cannot be parsed.
    pub fn load(
        file: Option<&std::path::Path>,
        variables: impl Iterator<Item = (String, String)>,
        flags: Overrides,
    ) -> Result<Self, SettingError> {
        let mut values = match file {
            Some(path) => from_file(path)?,
            None => Overrides::new(),
        };
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let name = name.to_lowercase();
            if !NAMES.contains(&name.as_str()) {
                return Err(unknown(&name, &variable));
            }
            values.insert(name, value);
        }
        values.extend(flags);
        Self::from_values(&values)
    }

    fn from_values(values: &Overrides) -> Result<Self, SettingError> {
        let get = |name: &str| values.get(name).map(String::as_str).filter(|v| !v.trim().is_empty());
        let settings = Self {
            listen: parse("listen", get("listen").unwrap_or(DEFAULT_LISTEN), "write it like 127.0.0.1:8080")?,
            public_url: optional(get, "public_url", "write it like https://gatehouse.example.com")?,
            data_dir: get("data_dir").unwrap_or(DEFAULT_DATA_DIR).into(),
            database: match get("database_url") {
                None => DatabaseUrl::Sqlite(None),
                Some(text) => text.parse().map_err(|e| bad("database_url", text, e))?,
            },
            master_key_file: get("master_key_file").map(PathBuf::from),
            smtp_url: get("smtp_url").map(Secret::new),
            mail_from: parse(
                "mail_from",
                get("mail_from").unwrap_or(DEFAULT_MAIL_FROM),
                "this is no e-mail address",
            )?,
            dns_server: get("dns_server").map(str::to_owned),
            egress_allow: networks("egress_allow", get("egress_allow"))?,
            egress_proxy: get("egress_proxy").map(proxy).transpose()?,
            egress_ca_file: get("egress_ca_file").map(PathBuf::from),
            log: get("log").unwrap_or("info").to_owned(),
            log_format: optional(get, "log_format", "must be json or text")?,
            metrics_listen: optional(get, "metrics_listen", "write it like 127.0.0.1:9090")?,
            otlp_endpoint: get("otlp_endpoint").map(collector).transpose()?,
            trusted_proxies: networks("trusted_proxies", get("trusted_proxies"))?,
            require_domain: parse(
                "require_domain",
                get("require_domain").unwrap_or("true"),
                "must be true or false",
            )?,
            sign_up: parse("sign_up", get("sign_up").unwrap_or("closed"), "must be closed or open")?,
            scim_requests_per_minute: a_minute(
                "scim_requests_per_minute",
                get("scim_requests_per_minute"),
                (gatehouse_scim::REQUESTS_A_MINUTE, gatehouse_scim::LEAST_REQUESTS_A_MINUTE),
            )?,
            outbound_requests_per_minute: a_minute(
                "outbound_requests_per_minute",
                get("outbound_requests_per_minute"),
                (gatehouse_connect::REQUESTS_A_MINUTE, gatehouse_connect::LEAST_REQUESTS_A_MINUTE),
            )?,
            script_python: get("script_python").map(PathBuf::from),
            script_node: get("script_node").map(PathBuf::from),
            script_uv: get("script_uv").map(PathBuf::from),
            script_npm: get("script_npm").map(PathBuf::from),
            script_indexes: crate::scripts::indexes(get)?,
            script_credits: credits(get("script_credits").unwrap_or(DEFAULT_CREDITS))?,
            sandbox_program: None,
            google: operator_client(get, GOOGLE)?,
            microsoft: operator_client(get, MICROSOFT)?,
        };
        settings.check()
    }

    /// Beyond this machine the address must be fixed: it is never taken from what a request says.
    fn check(self) -> Result<Self, SettingError> {
        if self.public_url.is_none() && !self.listen.ip().is_loopback() {
            let why =
                "must be set when the server listens beyond this machine, like https://gatehouse.example.com";
            return Err(bad("public_url", "", why));
        }
        if !is_log_filter(&self.log) {
            return Err(bad(
                "log",
                &self.log,
                "write error, warn, info, debug, trace, or like info,gatehouse_sso=debug",
            ));
        }
        Ok(self)
    }

    /// The address people use, once it is known where the server listens.
    ///
    /// # Errors
    /// When the listening address makes no URL.
    pub fn public_url_at(&self, listening: SocketAddr) -> Result<PublicUrl, SettingError> {
        match &self.public_url {
            Some(url) => Ok(url.clone()),
            None => parse("public_url", &format!("http://{listening}"), "the listening address makes no URL"),
        }
    }
}

/// A bare word that is no level would be taken for the name of a module, and silence everything else.
fn is_log_filter(text: &str) -> bool {
    let bare = |part: &str| matches!(part, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let parts_fit =
        text.split(',').all(|part| part.contains('=') || bare(part.trim().to_lowercase().as_str()));
    parts_fit && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

fn parse<T: FromStr>(name: &str, text: &str, hint: &str) -> Result<T, SettingError> {
    text.trim().parse().map_err(|_| bad(name, text, hint))
}

fn optional<'a, T: FromStr>(
    get: impl Fn(&str) -> Option<&'a str>,
    name: &str,
    hint: &str,
) -> Result<Option<T>, SettingError> {
    get(name).map(|text| parse(name, text, hint)).transpose()
}

/// Requests in a minute: as many as are usual, and never fewer than that.
fn a_minute(name: &str, text: Option<&str>, (usual, fewest): (u32, u32)) -> Result<u32, SettingError> {
    let Some(text) = text else { return Ok(usual) };
    let hint = format!("must be a number, {fewest} or more");
    let count = parse(name, text, &hint)?;
    if count < fewest {
        return Err(bad(name, text, hint));
    }
    Ok(count)
}

fn credits(text: &str) -> Result<Credits, SettingError> {
    let found = Credits::parse(text.trim()).filter(|c| *c >= Credits::ZERO);
    found.ok_or_else(|| bad("script_credits", text, "must be a decimal number, like 1000 or 12.5"))
}

fn networks(name: &str, text: Option<&str>) -> Result<Vec<IpNet>, SettingError> {
    let all = text.unwrap_or_default();
    let parts = all.split(',').map(str::trim).filter(|p| !p.is_empty());
    parts.map(|p| parse(name, p, "write networks like 10.0.0.0/8, separated by commas")).collect()
}

/// The proxy for outbound calls.
fn proxy(text: &str) -> Result<ProxyUrl, SettingError> {
    text.parse().map_err(|why| bad("egress_proxy", text, why))
}

/// The names of an operator's client, and its usual issuer.
struct ClientNames {
    id: &'static str,
    secret: &'static str,
    issuer: &'static str,
    usual: &'static str,
}

const GOOGLE: ClientNames = ClientNames {
    id: "google_client_id",
    secret: "google_client_secret",
    issuer: "google_issuer",
    usual: GOOGLE_ISSUER,
};
const MICROSOFT: ClientNames = ClientNames {
    id: "microsoft_client_id",
    secret: "microsoft_client_secret",
    issuer: "microsoft_issuer",
    usual: MICROSOFT_ISSUER,
};

/// The client at a provider: both halves, or none.
fn operator_client<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    names: ClientNames,
) -> Result<Option<OperatorClient>, SettingError> {
    let issuer = get(names.issuer).unwrap_or(names.usual).trim();
    if gatehouse_sso::model::sign_on_url(names.issuer, issuer).is_err() {
        return Err(bad(names.issuer, issuer, format!("write an https address, like {}", names.usual)));
    }
    match (get(names.id), get(names.secret)) {
        (Some(id), Some(secret)) => Ok(Some(OperatorClient {
            client_id: id.trim().to_owned(),
            client_secret: Secret::new(secret.trim()),
            issuer: issuer.to_owned(),
        })),
        (Some(_), None) => Err(bad(names.id, "", format!("wants {} beside it", names.secret))),
        (None, Some(_)) => Err(bad(names.secret, "", format!("wants {} beside it", names.id))),
        (None, None) => Ok(None),
    }
}

/// The address of a collector, in a program that has traces.
fn collector(text: &str) -> Result<Url, SettingError> {
    if cfg!(not(feature = "otel")) {
        return Err(bad("otlp_endpoint", "", "this gatehouse has no traces; build it with --features otel"));
    }
    let url = Url::parse(text.trim()).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.fragment().is_none()
    });
    url.ok_or_else(|| {
        bad("otlp_endpoint", "", "write it like http://127.0.0.1:4318; credentials go elsewhere")
    })
}

fn from_file(path: &std::path::Path) -> Result<Overrides, SettingError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| SettingError(format!("the settings file {} cannot be read: {e}", path.display())))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| {
        // the line itself is not shown: it may hold a password
        let line = e.span().map_or(0, |s| text.get(..s.start).unwrap_or_default().lines().count());
        SettingError(format!(
            "the settings file {} is not TOML, near line {line}: {}",
            path.display(),
            e.message()
        ))
    })?;
    table.into_iter().map(|(name, value)| Ok((name.clone(), file_value(&name, value)?))).collect()
}

fn file_value(name: &str, value: toml::Value) -> Result<String, SettingError> {
    if !NAMES.contains(&name) {
        return Err(unknown(name, name));
    }
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|i| i.as_str()).collect();
            texts.map(|t| t.join(",")).ok_or_else(|| bad(name, "", "must be a list of texts"))
        }
        other => Err(bad(name, other.type_str(), "must be a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Settings::load(None, variables, Overrides::new())
    }

    #[test]
    fn an_unknown_or_unparsable_setting_is_named() {
        for (name, value) in [
            ("GATEHOUSE_LISTN", "x"),
            ("GATEHOUSE_LISTEN", "nowhere"),
            ("GATEHOUSE_PUBLIC_URL", "ftp://x"),
            ("GATEHOUSE_DATABASE_URL", "mysql://x"),
            ("GATEHOUSE_EGRESS_ALLOW", "10.0.0.0/99"),
            ("GATEHOUSE_EGRESS_PROXY", "socks5://proxy:1080"),
            ("GATEHOUSE_REQUIRE_DOMAIN", "perhaps"),
            ("GATEHOUSE_SIGN_UP", "true"),
            ("GATEHOUSE_SCIM_REQUESTS_PER_MINUTE", "1499"),
            ("GATEHOUSE_SCIM_REQUESTS_PER_MINUTE", "many"),
            ("GATEHOUSE_GOOGLE_CLIENT_SECRET", "alone"),
            ("GATEHOUSE_GOOGLE_CLIENT_ID", "alone"),
            ("GATEHOUSE_GOOGLE_ISSUER", "http://op.example"),
            ("GATEHOUSE_MICROSOFT_CLIENT_SECRET", "alone"),
            ("GATEHOUSE_MICROSOFT_CLIENT_ID", "alone"),
            ("GATEHOUSE_MICROSOFT_ISSUER", "common"),
            ("GATEHOUSE_SCRIPT_PYTHON_INDEX", "http://127.0.0.1:3141/simple"),
            ("GATEHOUSE_SCRIPT_PYTHON_FILES", "https://files.example.com"),
            ("GATEHOUSE_SCRIPT_NPM_REGISTRY", "https://u:p@npm.example.com"),
            ("GATEHOUSE_SCRIPT_NPM_FILES", "a b"),
            ("GATEHOUSE_LOG", "verbose"),
            ("GATEHOUSE_LOG_FORMAT", "xml"),
            ("GATEHOUSE_LOG", "info,,=["),
        ] {
            let refused = load(&[(name, value)]).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[cfg(not(feature = "otel"))]
    #[test]
    fn a_program_without_traces_says_what_it_lacks() {
        let refused = load(&[("GATEHOUSE_OTLP_ENDPOINT", "http://127.0.0.1:4318")]).unwrap_err().to_string();
        assert!(
            refused.contains("GATEHOUSE_OTLP_ENDPOINT") && refused.contains("--features otel"),
            "{refused}"
        );
    }

    #[test]
    fn a_setting_is_named_once() {
        let told = SettingError::named("smtp_url", "GATEHOUSE_SMTP_URL: The host is missing.").to_string();
        assert_eq!(told, "smtp_url (GATEHOUSE_SMTP_URL): The host is missing.");
    }

    #[test]
    fn the_password_of_a_proxy_is_never_shown() {
        let given = load(&[("GATEHOUSE_EGRESS_PROXY", "http://u:hunter2@proxy.example:3128")]).unwrap();
        let shown = format!("{given:?}");
        assert!(shown.contains("proxy.example:3128") && !shown.contains("hunter2"), "{shown}");
        let refused = load(&[("GATEHOUSE_EGRESS_PROXY", "u:hunter2@proxy:3128")]).unwrap_err().to_string();
        assert!(refused.contains("http://proxy.example.com") && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn beyond_this_machine_the_public_url_must_be_fixed() {
        assert!(
            load(&[("GATEHOUSE_LISTEN", "0.0.0.0:80")])
                .unwrap_err()
                .to_string()
                .contains("GATEHOUSE_PUBLIC_URL")
        );
        load(&[("GATEHOUSE_LISTEN", "0.0.0.0:80"), ("GATEHOUSE_PUBLIC_URL", "https://g.example")]).unwrap();
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gatehouse.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlog = \"warn\"\negress_allow = [\"10.0.0.0/8\"]\n")
            .unwrap();
        let variables = [("GATEHOUSE_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let flags = Overrides::from([("data_dir".to_owned(), "/tmp/d".to_owned())]);
        let settings = Settings::load(Some(&file), variables.into_iter(), flags).unwrap();
        assert_eq!((settings.listen.port(), settings.log.as_str()), (2, "warn"));
        assert_eq!((settings.egress_allow.len(), settings.data_dir), (1, PathBuf::from("/tmp/d")));
        std::fs::write(&file, "log = \"info\"\nsmtp_url = \"smtp://u:hunter2@h\n").unwrap();
        let refused =
            Settings::load(Some(&file), std::iter::empty(), Overrides::new()).unwrap_err().to_string();
        assert!(refused.contains("near line 2") && !refused.contains("hunter2"), "{refused}");
        std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
        let refused = Settings::load(Some(&file), std::iter::empty(), Overrides::new()).unwrap_err();
        assert!(refused.to_string().contains("lisen"));
    }

    #[test]
    fn the_example_file_is_valid_and_names_every_option() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../gatehouse.example.toml");
        Settings::load(Some(example.as_ref()), std::iter::empty(), Overrides::new()).unwrap();
        let text = std::fs::read_to_string(example).unwrap();
        for name in NAMES {
            assert!(text.contains(&format!("{name} = ")), "{name} is missing in the example");
        }
    }
}

use std::net::Ipv4Addr;

use gatehouse_types::Error;
use url::Url;

/// Where packages of Python come from unless somebody says otherwise.
pub const PYTHON: &str = "https://pypi.org/simple";
/// Where that index keeps its files.
const PYTHON_FILES: &str = "files.pythonhosted.org";
/// Where packages of npm come from unless somebody says otherwise; lock files name it whatever is used.
pub const NPM: &str = "https://registry.npmjs.org/";

/// The package indexes of an installation, and the hosts that an installer may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexes {
    python: Url,
    npm: Url,
    /// Hosts beside those of the indexes, where files lie.
    python_files: Vec<String>,
    pub(super) npm_files: Vec<String>,
    /// Whether packages of Python may be built from source, which runs their code.
    pub(super) build_from_source: bool,
}

impl Default for Indexes {
    fn default() -> Self {
        let url = |text: &str| Url::parse(text).unwrap_or_else(|_| unreachable!("the address is right"));
        Self {
            python: url(PYTHON),
            npm: url(NPM),
            python_files: vec![PYTHON_FILES.to_owned()],
            npm_files: Vec::new(),
            build_from_source: false,
        }
    }
}

impl Indexes {
    /// Own indexes, with the hosts where their files lie if those are others.
    ///
    /// # Errors
    /// `Validation` of `pythonIndex`, `pythonFiles`, `npmRegistry` or `npmFiles`.
    pub fn new(python: Option<(&str, Vec<String>)>, npm: Option<(&str, Vec<String>)>) -> Result<Self, Error> {
        let mut indexes = Self::default();
        if let Some((url, files)) = python {
            indexes.python = address("pythonIndex", url)?;
            indexes.python_files = plain_hosts("pythonFiles", files)?;
        }
        if let Some((url, files)) = npm {
            indexes.npm = address("npmRegistry", url)?;
            indexes.npm_files = plain_hosts("npmFiles", files)?;
        }
        Ok(indexes)
    }

    /// The same, where packages of Python may be built from source when there is no wheel. Building runs their code.
    #[must_use]
    pub fn building_from_source(self) -> Self {
        Self { build_from_source: true, ..self }
    }

    pub(super) fn python(&self) -> &str {
        self.python.as_str()
    }

    pub(super) fn npm(&self) -> &str {
        self.npm.as_str()
    }

    pub(super) fn python_hosts(&self) -> Vec<String> {
        hosts(&self.python, &self.python_files)
    }

    pub(super) fn npm_hosts(&self) -> Vec<String> {
        hosts(&self.npm, &self.npm_files)
    }
}

fn hosts(index: &Url, files: &[String]) -> Vec<String> {
    let mut hosts: Vec<_> =
        index.host_str().map(str::to_owned).into_iter().chain(files.iter().cloned()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Names of hosts without anything around them.
fn plain_hosts(field: &'static str, hosts: Vec<String>) -> Result<Vec<String>, Error> {
    let is_plain = |host: &String| {
        matches!(url::Host::parse(host), Ok(url::Host::Domain(name)) if name == *host)
            || host.parse::<Ipv4Addr>().is_ok()
    };
    match hosts.iter().all(is_plain) {
        true => Ok(hosts),
        false => {
            Err(Error::validation(field, "Write names of hosts in small letters, like files.example.com."))
        }
    }
}

/// Whether an installer can reach a host from inside its sandbox: there the loopback is its own, and IPv6 is not there.
fn is_reachable(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => !address.is_loopback(),
        Some(url::Host::Ipv6(_)) | None => false,
    }
}

/// Credentials would stand in the command line for all to see; a query or fragment would be lost.
fn address(field: &'static str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let message =
        "The index must be an address like https://packages.example/simple, without credentials or query.";
    let url = url.ok_or_else(|| Error::validation(field, message))?;
    if !is_reachable(&url) {
        let message = "Packages are installed inside a sandbox with a loopback of its own and without IPv6. Name the index by \
                       a host name or an IPv4 address that is not loopback.";
        return Err(Error::validation(field, message));
    }
    Ok(url)
}

use gatehouse_types::Error;
use url::Url;

/// Where packages of Python come from unless somebody says otherwise.
const PYTHON: &str = "https://pypi.org/simple";
/// Where that index keeps its files.
const PYTHON_FILES: &str = "files.pythonhosted.org";
/// Where packages of npm come from unless somebody says otherwise; lock files name it whatever is used.
pub(super) const NPM: &str = "https://registry.npmjs.org/";

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
    pub fn new(python: Option<(&str, Vec<String>)>, npm: Option<(&str, Vec<String>)>) -> Result<Self, Error> {
        let mut indexes = Self::default();
        if let Some((url, files)) = python {
            indexes.python = address("pythonIndex", url)?;
            indexes.python_files = files;
        }
        if let Some((url, files)) = npm {
            indexes.npm = address("npmRegistry", url)?;
            indexes.npm_files = files;
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
    url.ok_or_else(|| Error::validation(field, message))
}

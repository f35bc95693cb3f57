//! The files as one list.

use std::fmt;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

use crate::limits::FILE_BYTES;
use crate::model::ConnectorType;
use crate::validate::{Problem, validate};

/// The files of `types/`: read from disk in debug builds, part of the program in release builds.
#[derive(RustEmbed)]
#[folder = "types/"]
struct Files;

static BUILT_IN: LazyLock<Result<Catalogue, CatalogueError>> = LazyLock::new(|| {
    Catalogue::of(Files::iter().filter(|name| name.ends_with(".toml")).filter_map(|name| {
        let file = Files::get(&name)?;
        Some((name.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    }))
});

/// Connector types in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    types: Vec<ConnectorType>,
}

/// What is wrong with files, all of it at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CatalogueError {
    /// Each with the name of its file.
    pub problems: Vec<(String, Problem)>,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (file, problem)) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{file}: {problem}")?;
        }
        Ok(())
    }
}

impl Catalogue {
    /// What comes with the program, read at the first call. A test sees to it that this is no error.
    pub fn built_in() -> Result<&'static Self, &'static CatalogueError> {
        BUILT_IN.as_ref()
    }

    /// Reads files of `(name, text)` and judges each, and all of them together.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, CatalogueError> {
        let mut types: Vec<ConnectorType> = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in files {
            let mut found = Vec::new();
            match parse(&text) {
                Err(problem) => found.push(problem),
                Ok(connector) => {
                    if file != format!("{}.toml", connector.id) {
                        found.push(Problem::at("id", format!("the file of {0} is {0}.toml", connector.id)));
                    }
                    if types.iter().any(|known| known.name == connector.name || known.id == connector.id) {
                        found.push(Problem::at("name", format!("{:?} is there already", connector.name)));
                    }
                    found.extend(validate(&connector));
                    types.push(connector);
                }
            }
            problems.extend(found.into_iter().map(|problem| (file.clone(), problem)));
        }
        if !problems.is_empty() {
            return Err(CatalogueError { problems });
        }
        types.sort_by_cached_key(|connector| connector.name.to_lowercase());
        Ok(Self { types })
    }

    /// All, in the order of their names.
    pub fn types(&self) -> &[ConnectorType] {
        &self.types
    }

    /// The one with an id.
    pub fn get(&self, id: &str) -> Option<&ConnectorType> {
        self.types.iter().find(|connector| connector.id.as_str() == id)
    }

    /// Those whose name or description holds every word, in any case. No words: all.
    pub fn search<'a>(&'a self, words: &str) -> impl Iterator<Item = &'a ConnectorType> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        self.types.iter().filter(move |connector| {
            let text = format!("{} {}", connector.name, connector.description).to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        })
    }
}

/// Reads one file. Unknown keys are errors; what the parts say of each other is [`validate`]'s.
pub fn parse(text: &str) -> Result<ConnectorType, Problem> {
    within_bounds(text.len())?;
    toml::from_str(text).map_err(|error| Problem::at("", error.to_string().trim_end().to_owned()))
}

/// Reads a connector type kept as JSON, as strictly as a file.
pub fn from_json(text: &str) -> Result<ConnectorType, Problem> {
    within_bounds(text.len())?;
    serde_json::from_str(text).map_err(|error| Problem::at("", error.to_string()))
}

fn within_bounds(bytes: usize) -> Result<(), Problem> {
    if bytes > FILE_BYTES {
        return Err(Problem::at("", format!("larger than {FILE_BYTES} bytes")));
    }
    Ok(())
}

use serde::{Deserialize, Serialize};

/// The language of a script. Which interpreter really runs it is decided where it is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python, `main.py`.
    Python,
    /// JavaScript on Node, `main.js`.
    JavaScript,
}

impl Language {
    /// Both, in the order of the wizard.
    pub const ALL: [Self; 2] = [Self::JavaScript, Self::Python];

    /// The word of the API and of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// The language of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == word)
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        }
    }

    /// The one version that is offered; it comes with the language.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Python => "3.10.15",
            Self::JavaScript => "20.19.0",
        }
    }

    /// The file at the root of the archive whose functions are offered.
    pub const fn main_file(self) -> &'static str {
        match self {
            Self::Python => "main.py",
            Self::JavaScript => "main.js",
        }
    }

    /// The file at the root of the archive that names dependencies.
    pub const fn dependency_file(self) -> &'static str {
        match self {
            Self::Python => "requirements.txt",
            Self::JavaScript => "package.json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_brings_its_version_and_files() {
        let told = Language::ALL.map(|l| (l.label(), l.version(), l.main_file(), l.dependency_file()));
        assert_eq!(
            told,
            [
                ("JavaScript", "20.19.0", "main.js", "package.json"),
                ("Python", "3.10.15", "main.py", "requirements.txt"),
            ]
        );
        for language in Language::ALL {
            assert_eq!(Language::parse(language.as_str()), Some(language));
            assert_eq!(serde_json::to_value(language).unwrap(), language.as_str());
        }
        assert_eq!(Language::parse("Python"), None);
    }
}

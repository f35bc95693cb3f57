use std::collections::BTreeMap;

use gatehouse_types::Secret;

use super::problems::Problems;

/// The most variables of a script.
pub const MAX_VARIABLES: usize = 100;
/// The longest name of a variable, in bytes.
pub const MAX_KEY: usize = 128;
/// The longest value of a variable, in bytes.
pub const MAX_VALUE: usize = 32 * 1024;
/// All names and values together, in bytes. The kernel takes no more than some 2 MB when a program starts.
pub const MAX_TOTAL: usize = 1024 * 1024;

/// Variables that the product sets, or that would change what interpreter and libraries do before the script begins.
const RESERVED: [&str; 5] = ["UPLOADS_DIR", "WORKSPACE_DIR", "PATH", "HOME", "NODE_OPTIONS"];
/// How names of such variables begin.
const RESERVED_BEGINNINGS: [&str; 3] = ["GATEHOUSE_", "LD_", "PYTHON"];
/// How names of such variables end; libraries read these in capitals and in small letters.
const RESERVED_ENDING: &str = "_PROXY";

/// The environment variables of a script, by name. Values may be secrets.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, Secret>);

impl Environment {
    /// Judges all variables at once. A name that is given twice is refused: which value holds would be chance.
    pub fn new(variables: impl IntoIterator<Item = (String, Secret)>) -> Result<Self, Problems> {
        let (mut kept, mut problems) = (BTreeMap::new(), Problems::none());
        let (mut total, mut count) = (0usize, 0usize);
        for (key, value) in variables {
            count += 1;
            if count > MAX_VARIABLES {
                let message = "A script has at most 100 environment variables.";
                problems.add("environment", "env_too_many", message);
                break;
            }
            judge(&key, &value, &mut problems);
            total += key.len() + value.expose().len();
            if kept.contains_key(&key) {
                let message = format!("The variable {} is given twice.", shown(&key));
                problems.add(field(&key), "env_duplicate", message);
            }
            kept.insert(key, value);
        }
        if total > MAX_TOTAL {
            let message = "All environment variables together have at most 1 MB.";
            problems.add("environment", "env_too_large", message);
        }
        if problems.is_empty() { Ok(Self(kept)) } else { Err(problems) }
    }

    /// The variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a variable is the product's own.
pub fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key)
        || RESERVED_BEGINNINGS.iter().any(|beginning| key.starts_with(beginning))
        || key.to_ascii_uppercase().ends_with(RESERVED_ENDING)
}

fn judge(key: &str, value: &Secret, problems: &mut Problems) {
    if !is_name(key) {
        let message = format!(
            "{} is no name of a variable: letters, digits and underscores, not a digit first, at most 128 of them.",
            shown(key)
        );
        problems.add(field(key), "env_key", message);
    } else if is_reserved(key) {
        let message = format!("{key} is reserved. Choose another name.");
        problems.add(field(key), "env_reserved", message);
    }
    if value.expose().len() > MAX_VALUE {
        let message = format!("The value of {} is larger than 32 KB.", shown(key));
        problems.add(field(key), "env_value_too_large", message);
    }
    if value.expose().contains('\0') {
        let message = format!("The value of {} holds a NUL character, which no environment can.", shown(key));
        problems.add(field(key), "env_value", message);
    }
}

fn is_name(key: &str) -> bool {
    let begins = key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    begins && key.len() <= MAX_KEY && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn field(key: &str) -> String {
    format!("environment.{}", shown(key))
}

/// A name that may be anything, fit for a message.
fn shown(key: &str) -> String {
    match key.chars().take(MAX_KEY).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect::<String>() {
        empty if empty.is_empty() => "\"\"".to_owned(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment, Vec<(String, &'static str)>> {
        let all = variables.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value)));
        Environment::new(all).map_err(|p| p.iter().map(|p| (p.field.clone(), p.code)).collect())
    }

    #[test]
    fn variables_are_kept_by_name() {
        let environment = of(&[("B", "2"), ("API_URL", "https://x"), ("_x1", "")]).unwrap();
        let told: Vec<_> = environment.iter().map(|(key, value)| (key, value.expose())).collect();
        assert_eq!(told, [("API_URL", "https://x"), ("B", "2"), ("_x1", "")]);
        assert!(!format!("{environment:?}").contains("https"), "values never show themselves");
    }

    #[test]
    fn the_products_own_variables_are_reserved() {
        let reserved = [
            "UPLOADS_DIR",
            "WORKSPACE_DIR",
            "GATEHOUSE_KEY",
            "PATH",
            "HOME",
            "LD_PRELOAD",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "NODE_OPTIONS",
            "HTTPS_PROXY",
            "https_proxy",
            "No_Proxy",
            "ALL_PROXY",
        ];
        for key in reserved {
            assert_eq!(of(&[(key, "x")]).unwrap_err(), [(format!("environment.{key}"), "env_reserved")]);
        }
        for key in ["NODE_ENV", "MY_PATH", "HOMEPAGE", "PY", "PROXY", "PROXY_HOST", "path"] {
            assert!(of(&[(key, "x")]).is_ok(), "{key}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let long = "K".repeat(129);
        let big = "v".repeat(32 * 1024 + 1);
        let told = of(&[
            ("", "x"),
            ("1A", "x"),
            ("A-B", "x"),
            ("A=B", "x"),
            ("A\0", "x"),
            (&long, "x"),
            ("PATH", &big),
            ("N", "a\0b"),
            ("T", "1"),
            ("T", "2"),
        ]);
        let told = told.unwrap_err();
        let codes: Vec<_> = told.iter().map(|(_, code)| *code).collect();
        assert_eq!(
            codes,
            [
                "env_key",
                "env_key",
                "env_key",
                "env_key",
                "env_key",
                "env_key",
                "env_reserved",
                "env_value_too_large",
                "env_value",
                "env_duplicate"
            ]
        );
        assert_eq!(told[4].0, "environment.A\u{FFFD}");
        assert_eq!(told[0].0, "environment.\"\"");
    }

    #[test]
    fn number_and_size_are_bounded() {
        let names: Vec<_> = (0..101).map(|n| format!("K{n}")).collect();
        let many: Vec<_> = names.iter().map(|n| (n.as_str(), "x")).collect();
        assert!(of(&many[..100]).is_ok());
        assert_eq!(of(&many).unwrap_err(), [("environment".to_owned(), "env_too_many")]);
        let value = "v".repeat(32 * 1024);
        let large: Vec<_> = names.iter().take(33).map(|n| (n.as_str(), value.as_str())).collect();
        assert_eq!(of(&large).unwrap_err(), [("environment".to_owned(), "env_too_large")]);
        assert!(of(&large[..31]).is_ok());
    }
}

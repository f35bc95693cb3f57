//! Names: of scripts, of their versions, of keys, of functions.

use super::problems::Problems;

/// The longest name of a script or a key, in characters.
pub const MAX_NAME: usize = 100;
/// The longest description of a script, in characters.
pub const MAX_DESCRIPTION: usize = 2_000;
/// The longest name of a version, in characters.
pub const MAX_VERSION_NAME: usize = 50;
/// The longest name of a function that can be called, in bytes.
pub const MAX_FUNCTION_NAME: usize = 200;
/// The name that a new key of a script has when nobody says otherwise.
pub const DEFAULT_KEY_NAME: &str = "Secret Key";

/// The name of a script or a key: one line of 1 to 100 characters, without spaces at its ends.
pub fn checked_name(field: &'static str, text: &str) -> Result<String, Problems> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problems::one(field, "required", "A name is required."));
    }
    if text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Problems::one(field, "name", "The name must be one line of 1 to 100 characters."));
    }
    Ok(text.to_owned())
}

/// What a script is for; may be empty and have several lines.
pub fn checked_description(text: &str) -> Result<String, Problems> {
    let text = text.trim();
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(|c| c.is_control() && !"\r\n\t".contains(c))
    {
        let message = "The description has at most 2000 characters, and no control characters.";
        return Err(Problems::one("description", "description", message));
    }
    Ok(text.to_owned())
}

/// The name of a version until it is renamed: `v1`, `v2`, ….
pub fn default_version_name(number: u32) -> String {
    format!("v{number}")
}

/// A version as people read it: its name after that of the script.
pub fn full_version_name(script: &str, version: &str) -> String {
    format!("{script} {version}")
}

/// A new name of version `number`: 1 to 50 letters, digits, dots, dashes and underscores of ASCII that begin with a
/// letter or digit. The name `v` and a number belongs to the version with that number, whatever that one is called.
pub fn checked_version_name(text: &str, number: u32) -> Result<String, Problems> {
    let text = text.trim();
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let of = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.len() > MAX_VERSION_NAME || !begins || !text.bytes().all(of) {
        let message = "The name of a version has 1 to 50 letters, digits, dots, dashes or underscores, and begins with a letter or digit.";
        return Err(Problems::one("name", "version_name", message));
    }
    let reserved = text.strip_prefix(['v', 'V']).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if reserved && text.len() > 1 && !text.eq_ignore_ascii_case(&default_version_name(number)) {
        let message = "A name like v1 belongs to the version with that number.";
        return Err(Problems::one("name", "version_name_reserved", message));
    }
    Ok(text.to_owned())
}

/// A name as it is compared: case does not count.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The name that is proposed for a further key: "Secret Key", then "Secret Key 2", ….
pub fn proposed_key_name<'a>(taken: impl IntoIterator<Item = &'a str>) -> String {
    let taken: std::collections::HashSet<String> = taken.into_iter().map(folded).collect();
    let numbered =
        |n: usize| if n == 1 { DEFAULT_KEY_NAME.to_owned() } else { format!("{DEFAULT_KEY_NAME} {n}") };
    let free = (1..=taken.len()).map(numbered).find(|name| !taken.contains(&folded(name)));
    free.unwrap_or_else(|| numbered(taken.len() + 1))
}

/// Whether a function of this name can be called: an identifier that does not begin with an underscore.
pub fn is_function_name(name: &str) -> bool {
    let begins = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '$');
    begins
        && name.len() <= MAX_FUNCTION_NAME
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_renamed_by_the_convention() {
        for good in ["v2", "V2", "release-1.4", "2026.11", "a", "hot_fix", "v", "version1", "v2-rc"] {
            assert_eq!(checked_version_name(good, 2).unwrap(), good);
        }
        assert_eq!(checked_version_name("  blue ", 2).unwrap(), "blue");
        let long = "x".repeat(51);
        for bad in ["", " ", "-x", ".x", "a b", "a/b", "grün", "x\n", "v1 ", "v3", "V11", "v02", &long] {
            let code = checked_version_name(bad, 2).map_err(|p| p.iter().next().unwrap().code);
            let expected =
                if bad.trim().starts_with(['v', 'V']) { "version_name_reserved" } else { "version_name" };
            match bad {
                "x\n" => assert_eq!(code.as_deref(), Ok("x"), "the end is trimmed"),
                _ => assert_eq!(code, Err(expected), "{bad:?}"),
            }
        }
        assert_eq!(full_version_name("Invoices", &default_version_name(3)), "Invoices v3");
    }

    #[test]
    fn a_script_has_a_name_of_one_line() {
        assert_eq!(checked_name("name", "  Größe & Co ").unwrap(), "Größe & Co");
        assert!(checked_name("name", &"ü".repeat(100)).is_ok());
        for bad in ["", "  ", "a\nb", "a\u{0}", &"x".repeat(101)] {
            assert!(checked_name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_named_secret_key_unless_that_is_taken() {
        assert_eq!(proposed_key_name([]), "Secret Key");
        assert_eq!(proposed_key_name(["Other"]), "Secret Key");
        assert_eq!(proposed_key_name(["secret key"]), "Secret Key 2");
        assert_eq!(proposed_key_name(["Secret Key", "Secret Key 2", "Secret Key 4"]), "Secret Key 3");
    }

    #[test]
    fn functions_are_called_by_identifiers() {
        for good in ["greet", "a", "toJson2", "snake_case", "$", "größe", "x_"] {
            assert!(is_function_name(good), "{good}");
        }
        let long = "x".repeat(201);
        for bad in ["", "_x", "__import__", "2x", "a-b", "a.b", "a b", "a/b", "__proto__", "x\u{0}", &long] {
            assert!(!is_function_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_description_may_have_lines() {
        assert_eq!(checked_description(" one\r\n\ttwo ").unwrap(), "one\r\n\ttwo");
        assert!(checked_description("").is_ok());
        assert!(checked_description("\u{7}x").is_err());
        assert!(checked_description(&"x".repeat(2_001)).is_err());
    }
}

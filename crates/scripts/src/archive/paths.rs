//! Names of entries: judged before anything is done with them.

use super::findings::{Code, Finding};
use super::limits::Limits;

/// Folders that are left out wherever they lie: made by systems and tools, never needed to run.
const IGNORED: [&str; 4] = ["__MACOSX", ".git", ".venv", "__pycache__"];
/// And this one in the other: links to programs of packages.
const IGNORED_WITHIN: (&str, &str) = ("node_modules", ".bin");

/// The path of an entry beneath the root of the project: names joined by `/`, none of them empty, `.` or `..`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The path itself; empty for the root.
    pub(super) text: String,
    /// Whether it was written as a folder, with a slash at its end.
    pub(super) folder: bool,
}

impl Path {
    /// Judges the name of an entry.
    pub(super) fn of(raw_name: &[u8], limits: &Limits) -> Result<Self, Finding> {
        judge(raw_name, limits).map_err(|message| Finding::new(Code::ArchivePath, message).about(raw_name))
    }

    /// The folder that is left out and that this entry is in, or is.
    pub(super) fn ignored(&self) -> Option<&str> {
        let mut before = "";
        let mut end = 0;
        for name in self.text.split('/') {
            end += name.len();
            if IGNORED.contains(&name) || (before, name) == IGNORED_WITHIN {
                return Some(&self.text[..end]);
            }
            end += 1;
            before = name;
        }
        None
    }
}

fn judge(raw_name: &[u8], limits: &Limits) -> Result<Path, &'static str> {
    if raw_name.len() > limits.path_bytes {
        return Err("A path is longer than 4096 bytes.");
    }
    let Ok(name) = std::str::from_utf8(raw_name) else {
        return Err("A name is not in UTF-8. Make the archive with a program that writes UTF-8 names.");
    };
    if name.chars().any(char::is_control) {
        return Err("A name holds control characters.");
    }
    if name.contains('\\') {
        return Err("A name holds a backslash. Folders are separated by slashes.");
    }
    if name.starts_with('/') {
        return Err("A path begins with a slash. Paths must be relative to the root of the project.");
    }
    if let [letter, b':', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err("A path begins with a drive letter. Paths must be relative to the root of the project.");
    }
    let mut names = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("A path leads out of the project by \"..\"."),
            long if long.len() > limits.name_bytes => return Err("A name is longer than 255 bytes."),
            part => names.push(part),
        }
    }
    if names.len() > limits.depth {
        return Err("A path is more than 40 folders deep.");
    }
    Ok(Path { text: names.join("/"), folder: name.ends_with('/') || name.ends_with("/.") || name == "." })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &[u8]) -> Result<Path, Finding> {
        Path::of(name, &Limits::default())
    }

    #[test]
    fn plain_paths_are_taken_and_dots_left_out() {
        for (name, text, folder) in [
            ("main.py", "main.py", false),
            ("./main.py", "main.py", false),
            ("lib/", "lib", true),
            ("./", "", true),
            (".", "", true),
            ("a//b/./c", "a/b/c", false),
            ("größe/日本.txt", "größe/日本.txt", false),
            ("...", "...", false),
            ("..a/b..", "..a/b..", false),
            ("a:b", "a:b", false),
            (".hidden", ".hidden", false),
        ] {
            let path = if name == "a:b" {
                of(b"x/a:b").map(|p| Path { text: p.text[2..].to_owned(), ..p })
            } else {
                of(name.as_bytes())
            };
            assert_eq!(path, Ok(Path { text: text.to_owned(), folder }), "{name}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for name in [
            &b"../x"[..],
            b"a/../x",
            b"a/..",
            b"..",
            b"./../x",
            b"/etc/passwd",
            b"//x",
            b"C:/x",
            b"c:x",
            b"a\\b",
            b"..\\x",
            b"a\0b",
            b"a\nb",
            b"a\x7f",
            "a\u{85}b".as_bytes(),
            b"gr\x94\xe1e",
            b"\xff",
        ] {
            let finding = of(name).unwrap_err();
            assert_eq!(finding.code, Code::ArchivePath);
            assert!(!finding.entry.unwrap().contains(char::is_control));
        }
    }

    #[test]
    fn paths_are_bounded() {
        let (long, longer) = ("x".repeat(255), "x".repeat(256));
        assert!(of(long.as_bytes()).is_ok());
        assert!(of(longer.as_bytes()).is_err());
        let deep = |n: usize| vec!["d"; n].join("/");
        assert!(of(deep(40).as_bytes()).is_ok());
        assert!(of(deep(41).as_bytes()).is_err());
        let path = |n: usize| [&long[..]; 16].join("/")[..4095].to_owned() + &"x".repeat(n);
        assert!(of(path(0).as_bytes()).is_ok());
        assert!(of(path(2).as_bytes()).is_err());
    }

    #[test]
    fn folders_of_tools_are_left_out() {
        for (name, tree) in [
            ("__MACOSX/._main.py", Some("__MACOSX")),
            (".git", Some(".git")),
            ("a/.git/config", Some("a/.git")),
            ("lib/__pycache__/x.pyc", Some("lib/__pycache__")),
            (".venv/bin/python", Some(".venv")),
            ("node_modules/.bin/semver", Some("node_modules/.bin")),
            ("a/node_modules/b/node_modules/.bin/c", Some("a/node_modules/b/node_modules/.bin")),
            ("node_modules/x/.bin/c", None),
            (".bin/x", None),
            (".gitignore", None),
            ("main.py", None),
        ] {
            assert_eq!(of(name.as_bytes()).unwrap().ignored(), tree, "{name}");
        }
    }
}

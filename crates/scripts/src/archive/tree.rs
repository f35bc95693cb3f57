//! Which names there are already. Files whose names differ only in case are the same file on some systems: which one
//! would win must not be chance.

use std::collections::HashMap;

/// The root.
const ROOT: u32 = 0;

/// All files and folders so far. It takes memory by the bytes of the names, each name counted once.
#[derive(Default)]
pub(super) struct Tree {
    nodes: HashMap<(u32, Box<str>), Node>,
}

struct Node {
    id: u32,
    /// As it was written.
    name: Box<str>,
    folder: bool,
}

/// Why a name cannot be there as well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// The same name again.
    Twice,
    /// The same name but for the case, as written before.
    Case(String),
    /// Once as a file, once as a folder.
    FileAndFolder,
}

impl Tree {
    /// Adds a file or folder, and the folders it is in. A folder may come again.
    pub(super) fn add(&mut self, path: &str, folder: bool) -> Result<(), Clash> {
        let mut parent = ROOT;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let last = names.peek().is_none();
            let is_folder = folder || !last;
            let next = self.nodes.len() as u32 + 1;
            let node = self.nodes.entry((parent, name.to_lowercase().into()));
            let known = match node {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(free) => {
                    parent = free.insert(Node { id: next, name: name.into(), folder: is_folder }).id;
                    continue;
                }
            };
            if *known.name != *name {
                return Err(Clash::Case(known.name.to_string()));
            }
            match (known.folder, is_folder) {
                (true, true) => parent = known.id,
                (false, false) => return Err(Clash::Twice),
                _ => return Err(Clash::FileAndFolder),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let mut tree = Tree::default();
        for (path, folder, expected) in [
            ("main.py", false, Ok(())),
            ("main.py", false, Err(Clash::Twice)),
            ("Main.py", false, Err(Clash::Case("main.py".to_owned()))),
            ("lib/a", false, Ok(())),
            ("lib", true, Ok(())),
            ("lib", true, Ok(())),
            ("lib", false, Err(Clash::FileAndFolder)),
            ("lib/a/b", false, Err(Clash::FileAndFolder)),
            ("LIB/c", false, Err(Clash::Case("lib".to_owned()))),
            ("lib/A", true, Err(Clash::Case("a".to_owned()))),
            ("other/a", false, Ok(())),
            ("lib/main.py", false, Ok(())),
            ("ÄRGER", false, Ok(())),
            ("ärger", false, Err(Clash::Case("ÄRGER".to_owned()))),
        ] {
            assert_eq!(tree.add(path, folder), expected, "{path}");
        }
    }
}

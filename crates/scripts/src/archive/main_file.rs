use crate::model::Language;

/// Whether a file holds code, found out piece by piece: white space and comments are none.
pub(super) struct Code {
    language: Language,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the very beginning, where a line `#!` may stand.
    Start,
    Between,
    /// After a `/` that may begin a comment.
    Slash,
    /// After a `#` at the very beginning.
    Hash,
    Line,
    Block,
    /// After a `*` in a comment.
    Star,
    Found,
}

impl Code {
    pub(super) const fn of(language: Language) -> Self {
        Self { language, state: State::Start }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.state == State::Found {
                return;
            }
            self.state = self.after(*byte);
        }
    }

    /// Whether code was found.
    pub(super) fn found(&self) -> bool {
        matches!(self.state, State::Found | State::Slash | State::Hash)
    }

    fn after(&self, byte: u8) -> State {
        use State::{Between, Block, Found, Hash, Line, Slash, Star, Start};
        let javascript = self.language == Language::JavaScript;
        match (self.state, byte) {
            // The bytes of a byte order mark.
            (Start, 0xEF | 0xBB | 0xBF) => Start,
            (Start, b'#') if javascript => Hash,
            (Start | Between, b'#') if !javascript => Line,
            (Start | Between, b'/') if javascript => Slash,
            (Start | Between, b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C) => Between,
            (Slash, b'/') | (Hash, b'!') => Line,
            (Slash, b'*') => Block,
            (Line, b'\n' | b'\r') => Between,
            (Line, _) => Line,
            (Block | Star, b'*') => Star,
            (Star, b'/') => Between,
            (Block | Star, _) => Block,
            (Start | Between | Slash | Hash | Found, _) => Found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(language: Language, text: &str) -> bool {
        let mut whole = Code::of(language);
        whole.feed(text.as_bytes());
        let mut pieces = Code::of(language);
        text.as_bytes().chunks(1).for_each(|piece| pieces.feed(piece));
        assert_eq!(whole.found(), pieces.found(), "{text}");
        whole.found()
    }

    #[test]
    fn white_space_and_comments_are_no_code() {
        for text in ["", " \n\t\r\n", "# x\n  # y", "\u{feff}# x\n", "#!/usr/bin/env python\n", "\u{c}\n"] {
            assert!(!found(Language::Python, text), "{text:?}");
        }
        for text in [
            "",
            "// x",
            "/* a\n * b **/ // c\n",
            "#!/usr/bin/env node\n// x\n",
            "\u{feff}/**/",
            "/* never closed def",
        ] {
            assert!(!found(Language::JavaScript, text), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_code() {
        for text in ["x", "# x\nimport os", "pass # y", "\"\"\"doc\"\"\"", "// x", "\n\n\ndef f(): ..."] {
            assert!(found(Language::Python, text), "{text:?}");
        }
        for text in
            ["x", "// x\ny", "/* x */ y", "/", "/a", "#", "# x", "/**/#!x", "'use strict'", "/* x **/;"]
        {
            assert!(found(Language::JavaScript, text), "{text:?}");
        }
    }
}

//! Keeping what a script writes within bounds: the beginning, the end, and how much was between.

use std::collections::VecDeque;
use std::time::Duration;

use crate::outcome::{Level, LogLine};

/// Bytes kept of the beginning, and again of the end, of what one call writes.
pub const LOG_KEPT: usize = 64 * 1024;
/// The longest line; what is longer comes in pieces.
pub(crate) const LINE_MAX: usize = 16 * 1024;
/// What a line costs besides its text: many empty ones are bounded too.
const LINE_COST: usize = 32;

/// The log of one call.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    head: Vec<LogLine>,
    head_bytes: usize,
    tail: VecDeque<LogLine>,
    tail_bytes: usize,
    dropped: u64,
}

fn cost(line: &LogLine) -> usize {
    line.text.len() + LINE_COST
}

impl Capture {
    pub(crate) fn push(&mut self, line: LogLine) {
        let cost_of_line = cost(&line);
        if self.tail.is_empty() && self.dropped == 0 && self.head_bytes + cost_of_line <= LOG_KEPT {
            self.head_bytes += cost_of_line;
            self.head.push(line);
            return;
        }
        self.tail_bytes += cost_of_line;
        self.tail.push_back(line);
        while self.tail_bytes > LOG_KEPT {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= cost(&oldest);
            self.dropped += oldest.text.len() as u64 + 1;
        }
    }

    /// The worker says that it left out this much at this point.
    pub(crate) fn skip(&mut self, bytes: u64) {
        self.dropped += bytes;
    }

    pub(crate) fn finish(self) -> Vec<LogLine> {
        let mut lines = self.head;
        if self.dropped > 0 {
            let at_offset = self.tail.front().or(lines.last()).map_or(Duration::ZERO, |line| line.at_offset);
            let call = lines.last().and_then(|line| line.call);
            let text = format!("… {} bytes dropped …", self.dropped);
            lines.push(LogLine { call, level: Level::Warning, text, at_offset });
        }
        lines.extend(self.tail);
        lines
    }
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// The lines that these bytes complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LINE_MAX) {
                self.begun.extend_from_slice(part);
                if self.begun.last() == Some(&b'\n') {
                    self.begun.pop();
                    lines.extend(self.rest().or(Some(String::new())));
                } else if self.begun.len() >= LINE_MAX {
                    lines.extend(self.rest());
                }
            }
        }
        lines
    }

    /// What was begun and has no end of line yet.
    pub(crate) fn rest(&mut self) -> Option<String> {
        if self.begun.is_empty() {
            return None;
        }
        Some(String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { call: None, level: Level::Stdout, text: text.to_owned(), at_offset: Duration::ZERO }
    }

    #[test]
    fn little_is_kept_whole() {
        let mut capture = Capture::default();
        capture.push(line("a"));
        capture.push(line("b"));
        assert_eq!(capture.finish(), [line("a"), line("b")]);
    }

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept() {
        let mut capture = Capture::default();
        for number in 0..100_000 {
            capture.push(line(&number.to_string()));
        }
        let kept = capture.finish();
        let bytes: usize = kept.iter().map(cost).sum();
        assert!(bytes <= 2 * LOG_KEPT + 100, "{bytes}");
        assert_eq!((kept[0].text.as_str(), kept[kept.len() - 1].text.as_str()), ("0", "99999"));
        let marks: Vec<_> = kept.iter().filter(|line| line.text.contains("bytes dropped")).collect();
        assert_eq!(marks.len(), 1);
        assert_eq!(marks[0].level, Level::Warning);
    }

    #[test]
    fn bytes_become_lines_wherever_they_are_cut() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\n\nthree"), ["two", ""]);
        assert_eq!(lines.rest(), Some("three".to_owned()));
        assert_eq!(lines.rest(), None);
        let long = vec![b'x'; LINE_MAX * 2 + 5];
        assert_eq!(lines.push(&long).len(), 2);
        assert_eq!(lines.rest().unwrap().len(), 5);
    }
}

//! One run of an installer, and what is told of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatehouse_sandbox::{Command, Egress, Finished, Limits};
use zeroize::Zeroizing;

use super::tools::Tool;
use super::work::Work;
use super::{Packages, SEEN};
use crate::dependencies::Step;

/// The operating system's user that installers run as; no script is given it.
pub(super) const USER: u32 = 699_998;
/// How long finding versions and installing may take together.
const WITHIN: Duration = Duration::from_secs(300);
/// Thousandths of a processor.
const CPU_MILLIS: u32 = 1000;
/// Memory, in bytes.
const MEMORY: u64 = 1 << 30;
/// Processes and threads.
const PIDS: u32 = 512;
/// Files in /tmp, in bytes; they count as memory.
const TMP: u64 = 64 << 20;
/// Open files of one process.
const OPEN_FILES: u32 = 4096;
/// Packages, and what was fetched for them, on the disk, in bytes.
const DISK: u64 = 4 << 30;
/// Lines of an installer that are told, the last ones, and their characters.
const LINES: usize = 20;
const CHARACTERS: usize = 2_000;
/// Refused ways out that are told.
const REFUSALS: usize = 5;
/// Where the certificates of authorities lie for installers.
const AUTHORITIES: &str = "/etc/authorities.pem";
/// Where systems keep the certificates of all authorities.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The time that is left for an installation; waiting does not count.
pub(super) struct Budget(Duration);

impl Default for Budget {
    fn default() -> Self {
        Self(WITHIN)
    }
}

/// The certificates of this machine's authorities with those of the operator, if there are any.
pub(super) fn authorities(more: Option<&str>) -> Option<String> {
    let system = BUNDLES.iter().find_map(|path| std::fs::read_to_string(path).ok());
    match (system, more) {
        (Some(system), Some(more)) => Some(format!("{system}\n{more}\n")),
        (system, more) => system.or_else(|| more.map(str::to_owned)),
    }
}

/// The whole environment of an installer.
pub(super) fn environment(authorities: Option<&str>) -> Vec<(String, Zeroizing<String>)> {
    let fixed = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/tmp"),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        // as many as one processor and a gigabyte hold, whatever the machine has
        ("UV_CONCURRENT_DOWNLOADS", "8"),
        ("UV_CONCURRENT_INSTALLS", "2"),
    ];
    let trusted = authorities.map(|_| [("SSL_CERT_FILE", AUTHORITIES), ("NODE_EXTRA_CA_CERTS", AUTHORITIES)]);
    let all = fixed.into_iter().chain(trusted.into_iter().flatten());
    all.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).collect()
}

impl Packages {
    /// Runs one step in a sandbox.
    pub(super) async fn carry_out(
        &self,
        step: &Step,
        hosts: Vec<String>,
        tool: &Tool,
        work: &Work,
        budget: &mut Budget,
    ) -> Result<(), String> {
        let _place = self.at_once.acquire().await.map_err(|e| e.to_string())?;
        work.provide(step).map_err(|e| super::work::disk(&e))?;
        let began = Instant::now();
        let finished = self.sandbox.run(self.command(step, hosts, tool, work, budget.0)).await;
        budget.0 = budget.0.saturating_sub(began.elapsed());
        let finished = finished
            .map_err(|e| format!("The packages could not be installed: {}", masked(&e.to_string(), tool)))?;
        for decision in &finished.decisions {
            tracing::debug!(%decision, "a way out of an installer");
        }
        match why_not(&finished) {
            None if finished.succeeded() => Ok(()),
            why => Err(told(why, &finished, tool)),
        }
    }

    fn command(
        &self,
        step: &Step,
        hosts: Vec<String>,
        tool: &Tool,
        work: &Work,
        within: Duration,
    ) -> Command {
        let authorities = self.authorities.as_deref();
        let files = authorities.map(|text| (PathBuf::from(AUTHORITIES), text.to_owned()));
        Command {
            name: "packages".to_owned(),
            uid: USER,
            program: PathBuf::from(&step.program),
            arguments: step.arguments.clone(),
            environment: environment(authorities),
            system: tool.system.clone(),
            binds: vec![work.bind(Path::new(SEEN))],
            files: files.into_iter().collect(),
            directory: PathBuf::from(&step.folder),
            limits: Limits {
                cpu_millis: CPU_MILLIS,
                memory_bytes: MEMORY,
                pids: PIDS,
                tmp_bytes: TMP,
                open_files: OPEN_FILES,
                workspace_bytes: Some(DISK),
            },
            egress: Egress::AllowList(hosts),
            within,
        }
    }
}

/// Which limit ended an installer.
fn why_not(finished: &Finished) -> Option<String> {
    const GIB: u64 = 1 << 30;
    if finished.timed_out {
        return Some(format!("Installing the packages took longer than {} seconds.", WITHIN.as_secs()));
    }
    if finished.out_of_memory {
        return Some(format!("Installing the packages took more than {} GB of memory.", MEMORY / GIB));
    }
    finished.disk_full.map(|_| format!("The packages take more than {} GB on the disk.", DISK / GIB))
}

/// A failure with the last words of the installer.
fn told(why: Option<String>, finished: &Finished, tool: &Tool) -> String {
    let why = why.unwrap_or_else(|| "The packages could not be installed.".to_owned());
    let refused = finished.decisions.iter().filter(|decision| decision.refused.is_some());
    let mut refused: Vec<_> = refused.map(ToString::to_string).collect();
    refused.dedup();
    let output = format!(
        "{}\n{}",
        String::from_utf8_lossy(&finished.stdout),
        String::from_utf8_lossy(&finished.stderr)
    );
    let words = masked(&last_words(&output), tool);
    let words = words.chars().skip(words.chars().count().saturating_sub(CHARACTERS)).collect::<String>();
    let lines = std::iter::once(why)
        .chain((!words.is_empty()).then_some(words))
        .chain(refused.into_iter().take(REFUSALS));
    lines.collect::<Vec<_>>().join("\n")
}

/// Without places of this machine and credentials.
fn masked(text: &str, tool: &Tool) -> String {
    let hidden: Vec<_> = tool.system.iter().map(|path| path.display().to_string()).collect();
    without_credentials(&without_places(text, hidden))
}

fn without_places(text: &str, mut places: Vec<String>) -> String {
    // a place that holds another one goes last
    places.sort_by_key(|place| std::cmp::Reverse(place.len()));
    let text = text.replace(&format!("{SEEN}/"), "");
    places.iter().fold(text, |text, place| text.replace(place.as_str(), "…"))
}

/// The last lines of an output, without colours.
fn last_words(output: &str) -> String {
    let plain = without_escapes(output);
    let mut lines: Vec<_> = plain.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    // about a file that is not there
    lines.retain(|line| !line.contains("Log files were not written"));
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Without sequences that colour a terminal, and other characters that do not print.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\u{1b}' => {
                // up to the letter that ends the sequence
                if characters.next() == Some('[') {
                    characters.by_ref().find(char::is_ascii_alphabetic);
                }
            }
            '\n' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// Addresses without what stands before their `@`.
fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(part.len());
        clean.push_str("://");
        match part[..end].rfind('@') {
            Some(at) => {
                clean.push_str("***");
                clean.push_str(&part[at..]);
            }
            None => clean.push_str(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_hold_no_place_of_the_machine_no_colour_and_no_credentials() {
        let output = "\u{1b}[31merror\u{1b}[0m: /opt/py/3.10/bin/python3 at /opt/py\n\n  https://u:p@x.example/a@b failed\u{7}\n\
                      in /installation/target\nnpm error Log files were not written due to the config logs-max=0\n";
        let hidden = vec!["/opt/py".to_owned(), "/opt/py/3.10".to_owned()];
        let told = without_credentials(&without_places(&last_words(output), hidden));
        assert_eq!(told, "error: …/bin/python3 at …\n  https://***@x.example/a@b failed\nin target");
        let many: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        let last = last_words(&many);
        assert!(last.starts_with("line 980\n") && last.ends_with("line 999"), "{last}");
        assert_eq!(last_words(""), "");
    }

    #[test]
    fn credentials_are_cut_out_of_every_address() {
        for (text, clean) in [
            ("none", "none"),
            ("https://x.example/p", "https://x.example/p"),
            ("a https://u:p@h@x.example b http://t@y", "a https://***@x.example b http://***@y"),
            ("://@", "://***@"),
        ] {
            assert_eq!(without_credentials(text), clean);
        }
    }
}

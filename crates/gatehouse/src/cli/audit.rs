//! `gatehouse audit`: exported files are proved without the server and without a database.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Subcommand;
use gatehouse_store::audit::keys;
use gatehouse_store::audit::verify::{MAX_LINE, Problem, Proof, Verifier};
use serde_json::json;

use super::WRONG_USE;
use super::admin::println;
use super::options::Common;
use crate::App;
use crate::app::Parts;

/// The largest file of a public key, bytes.
const MAX_KEY_FILE: u64 = 16 * 1024;

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Prove an exported audit file without the server; says the first line that is wrong and why. Exit codes: 0 whole
    /// and unchanged, 1 not, 2 wrong use.
    #[command(
        after_help = "Examples:\n  gatehouse audit verify audit-events.jsonl\n  gatehouse audit verify audit-events.jsonl --key 5e0b…   the fingerprint, \
        as GET /api/v1/audit-events/keys told it long ago"
    )]
    Verify {
        /// The file, as GET /api/v1/audit-events/export gave it; - is standard input.
        file: PathBuf,
        /// The key to believe: its fingerprint (64 hexadecimal digits), or a file with the fingerprint or with the public
        /// key in base64. Without it, the file proves itself only against the key that it brings.
        #[arg(long, value_name = "FINGERPRINT-OR-FILE")]
        key: Option<String>,
    },
    /// Make a new key that signs audit exports; the old one endorses it and is kept for what it signed.
    #[command(after_help = "Example:\n  gatehouse audit rotate-key")]
    RotateKey,
}

impl Audit {
    pub(crate) fn run(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify { file, key } => match prepare(&file, key.as_deref()) {
                Ok((reader, pinned)) => tell(verify(reader, pinned)),
                Err(e) => {
                    eprintln!("gatehouse: {e:#}");
                    Ok(ExitCode::from(WRONG_USE))
                }
            },
            Self::RotateKey => super::runtime()?.block_on(rotate(common)),
        }
    }
}

async fn rotate(common: &Common) -> anyhow::Result<ExitCode> {
    let settings = common.settings()?;
    super::admin::require_database(&settings)?;
    let app = App::beside_the_server(&settings, Parts::default()).await?;
    let id = keys::rotate(app.store(), &app.machine()).await?;
    println(&json!({"keyId": id}).to_string());
    app.store().close().await;
    Ok(ExitCode::SUCCESS)
}

fn prepare(file: &Path, key: Option<&str>) -> anyhow::Result<(Box<dyn BufRead>, Option<String>)> {
    let pinned = key.map(fingerprint).transpose()?;
    if file.as_os_str() == "-" {
        return Ok((Box::new(BufReader::new(std::io::stdin())), pinned));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    anyhow::ensure!(opened.metadata()?.is_file(), "{} is not a file", file.display());
    Ok((Box::new(BufReader::new(opened)), pinned))
}

/// A fingerprint as given, or that of the key in the file of this name.
fn fingerprint(key: &str) -> anyhow::Result<String> {
    let is_fingerprint = |t: &str| t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit());
    if is_fingerprint(key) {
        return Ok(key.to_ascii_lowercase());
    }
    let mut text = String::new();
    let opened = File::open(key).with_context(|| format!("--key {key}: neither a fingerprint nor a file"))?;
    opened.take(MAX_KEY_FILE).read_to_string(&mut text).with_context(|| format!("--key {key}"))?;
    let text = text.trim();
    if is_fingerprint(text) {
        return Ok(text.to_ascii_lowercase());
    }
    let bytes =
        URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).ok().filter(|b| b.len() == 32);
    let bytes = bytes.with_context(|| {
        format!("--key {key}: the file holds neither a fingerprint nor an Ed25519 public key of 32 bytes in base64")
    })?;
    Ok(keys::fingerprint(&bytes))
}

/// Reads line by line; a line beyond the bound is a problem, not memory.
fn verify(mut reader: Box<dyn BufRead>, pinned: Option<String>) -> anyhow::Result<Result<Proof, Problem>> {
    let mut verifier = Verifier::new(pinned);
    let (mut line, mut number) = (Vec::new(), 0);
    let limit = u64::try_from(MAX_LINE)?;
    loop {
        line.clear();
        if reader.by_ref().take(limit).read_until(b'\n', &mut line).context("the file could not be read")?
            == 0
        {
            return Ok(verifier.finish());
        }
        number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() >= MAX_LINE {
            return Ok(Err(Problem { line: number, what: format!("it is longer than {MAX_LINE} bytes") }));
        }
        if let Err(problem) = verifier.line(&line) {
            return Ok(Err(problem));
        }
    }
}

fn tell(verified: anyhow::Result<Result<Proof, Problem>>) -> anyhow::Result<ExitCode> {
    let proof = match verified? {
        Ok(proof) => proof,
        Err(Problem { line, what }) => {
            let place = if line == 0 { String::new() } else { format!("line {line}: ") };
            println(&format!("NOT PROVED  {place}{what}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let Proof { chain, after, sequence, hash, entries, heads, signed_at, key_id, .. } = &proof;
    let what = match (proof.complete, after) {
        (true, 0) => format!("the whole chain up to entry {sequence}"),
        (true, after) => format!("the chain from behind entry {after} up to entry {sequence}"),
        (false, _) => "a selection; what was left out by its filter is not proved".to_owned(),
    };
    println(&format!("proved      {entries} entries of {chain}: {what}"));
    println(&format!("head        {hash}"));
    println(&format!("signed      {signed_at} by {key_id}; {heads} signed heads within"));
    if proof.pinned {
        println("key         the pinned key, or one that it endorsed");
    } else {
        println(
            "key         NOT PINNED: the file proves itself only against the key that it brings. Compare the fingerprint with one \
             that you learned elsewhere (GET /api/v1/audit-events/keys), or give it with --key.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

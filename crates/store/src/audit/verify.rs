//! Proves an exported file line by line, without the server and within bounded memory.

use gatehouse_types::hex;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::canonical;
use super::file::{HEAD, HEADER, TRAILER, VERSION};
use super::keys::PublicKey;

/// The longest line, bytes.
pub const MAX_LINE: usize = 1024 * 1024;
/// Public keys of a header at most.
const MAX_KEYS: usize = 1000;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a file that is right says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The workspace.
    pub chain: String,
    /// The position that the file begins behind; 0: the beginning of the chain.
    pub after: i64,
    /// The last entry.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
    /// How many entries there are.
    pub entries: u64,
    /// Whether it is the chain without gaps, or a selection.
    pub complete: bool,
    /// Signed heads in between.
    pub heads: u64,
    /// When the export was signed.
    pub signed_at: String,
    /// The key that signed it.
    pub key_id: String,
    /// Whether that key is the pinned one, or endorsed by it. Without a pinned key the file proves itself only against
    /// the keys that it brings.
    pub pinned: bool,
}

/// Takes a file line by line.
#[derive(Debug)]
pub struct Verifier {
    pinned: Option<String>,
    line: u64,
    file: Sha256,
    state: Option<State>,
    trailer: Option<Json>,
}

/// What the header said, and how far we are.
#[derive(Debug)]
struct State {
    chain: String,
    keys: Vec<PublicKey>,
    complete: bool,
    after: i64,
    through: i64,
    sequence: i64,
    hash: String,
    entries: u64,
    heads: u64,
}

type Checked<T = ()> = Result<T, String>;

fn text<'a>(line: &'a Json, name: &str) -> Checked<&'a str> {
    line[name].as_str().ok_or_else(|| format!("it has no {name}"))
}

fn number(line: &Json, name: &str) -> Checked<i64> {
    line[name].as_i64().ok_or_else(|| format!("it has no {name}"))
}

impl Verifier {
    /// A verifier that believes a key (its fingerprint) and those it endorsed; `None`: the keys that the file brings.
    pub fn new(pinned: Option<String>) -> Self {
        Self { pinned, line: 0, file: Sha256::new(), state: None, trailer: None }
    }

    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.line += 1;
        let taken = self.take(bytes).map_err(|what| Problem { line: self.line, what });
        self.file.update(bytes);
        self.file.update(b"\n");
        taken
    }

    fn take(&mut self, bytes: &[u8]) -> Checked {
        if self.trailer.is_some() {
            return Err("there is something behind the trailer".into());
        }
        let line: Json = serde_json::from_slice(bytes)
            .map_err(|_| "it is not a whole JSON object: it was changed or cut off".to_owned())?;
        if canonical(&line).as_bytes() != bytes {
            return Err("it is not written as an export writes it: it was changed".into());
        }
        let kind = line["type"].as_str().map(str::to_owned);
        match (&mut self.state, kind.as_deref()) {
            (None, Some(HEADER)) => {
                self.state = Some(State::of_header(&line, self.pinned.as_deref())?);
                Ok(())
            }
            (None, _) => Err("it is not the header of an export: the beginning is missing".into()),
            (Some(_), Some(HEADER)) => Err("a second header: this is the beginning of another export".into()),
            (Some(state), Some(HEAD)) => state.head(&line),
            (Some(state), Some(TRAILER)) => {
                state.trailer(&line, &hex(&self.file.clone().finalize()), self.pinned.as_deref())?;
                self.trailer = Some(line);
                Ok(())
            }
            (Some(_), Some(other)) => Err(format!("lines of the type {other} are not known")),
            (Some(state), None) => state.entry(&line),
        }
    }

    /// The end of the file.
    ///
    /// # Errors
    /// That the end is missing.
    pub fn finish(self) -> Result<Proof, Problem> {
        let Self { pinned, line, state, trailer, .. } = self;
        let missing = |what: &str| Problem { line, what: what.to_owned() };
        let Some(state) = state else { return Err(missing("the file is empty")) };
        let Some(trailer) = trailer else {
            return Err(missing(
                "the file ends behind this line without its trailer: it was cut off, or the export broke off",
            ));
        };
        let word = |name: &str| trailer[name].as_str().unwrap_or_default().to_owned();
        Ok(Proof {
            signed_at: word("at"),
            key_id: word("keyId"),
            chain: state.chain,
            after: state.after,
            sequence: state.sequence,
            hash: state.hash,
            entries: state.entries,
            complete: state.complete,
            heads: state.heads,
            pinned: pinned.is_some(),
        })
    }
}

impl State {
    fn of_header(line: &Json, pinned: Option<&str>) -> Checked<Self> {
        if line["version"].as_u64() != Some(VERSION) {
            return Err("this version of the format is not known; use a newer gatehouse".into());
        }
        if let Some(what) = line["broken"].as_str() {
            return Err(format!("the server found the chain broken when it was exported: {what}"));
        }
        let keys: Vec<PublicKey> = serde_json::from_value(line["keys"].clone())
            .map_err(|_| "its keys are not readable".to_owned())?;
        if keys.len() > MAX_KEYS || !keys.iter().all(PublicKey::is_consistent) {
            return Err("a key does not fit its fingerprint: it was changed".into());
        }
        if let Some(pinned) = pinned
            && !keys.iter().any(|k| k.id == pinned)
        {
            return Err(format!(
                "the export was not made with the pinned key {pinned}, nor with one it endorsed"
            ));
        }
        let after = number(line, "sequence")?;
        Ok(Self {
            chain: text(line, "chain")?.to_owned(),
            keys,
            complete: line["filter"].is_null(),
            after,
            through: number(line, "through")?,
            sequence: after,
            hash: text(line, "hash")?.to_owned(),
            entries: 0,
            heads: 0,
        })
    }

    fn of_this_chain(&self, line: &Json) -> Checked {
        let chain = text(line, "chain")?;
        if chain == self.chain {
            return Ok(());
        }
        Err(format!("it belongs to another workspace ({chain}, not {})", self.chain))
    }

    fn entry(&mut self, line: &Json) -> Checked {
        self.of_this_chain(line)?;
        let (sequence, hash) = (number(line, "sequence")?, text(line, "hash")?);
        let mut content = line.clone();
        if let Some(members) = content.as_object_mut() {
            members.remove("hash");
        }
        if hex(&Sha256::digest(canonical(&content).as_bytes())) != hash {
            return Err(format!("entry {sequence} was changed: its content does not have its hash"));
        }
        if sequence <= self.sequence {
            return Err(format!(
                "entry {sequence} stands behind entry {}: repeated or out of order",
                self.sequence
            ));
        }
        let next = sequence == self.sequence + 1;
        if self.complete && !next {
            return Err(match sequence - self.sequence - 1 {
                1 => format!("entry {} is missing before it, or out of order", sequence - 1),
                _ => format!(
                    "entries {} to {} are missing before it, or out of order",
                    self.sequence + 1,
                    sequence - 1
                ),
            });
        }
        // the first of a selection has nothing to be linked to
        if next && (self.complete || self.entries > 0) && text(line, "previousHash")? != self.hash {
            return Err(format!(
                "entry {sequence} does not follow the entry before it: one of them was put in"
            ));
        }
        (self.sequence, self.hash) = (sequence, hash.to_owned());
        self.entries += 1;
        Ok(())
    }

    /// A head may be signed by a key from before the pinned one; it is covered by the trailer's digest in any case.
    fn head(&mut self, line: &Json) -> Checked {
        self.at_the_head(line)?;
        let mut content = line.clone();
        if let Some(members) = content.as_object_mut() {
            members.remove("previousHash");
        }
        self.signature(content, None)?;
        self.heads += 1;
        Ok(())
    }

    fn trailer(&self, line: &Json, file: &str, pinned: Option<&str>) -> Checked {
        self.at_the_head(line)?;
        self.signature(line.clone(), pinned)?;
        if text(line, "digest")? != file {
            return Err(
                "a line before the trailer was changed, removed or put in: the digest of the file is another"
                    .into(),
            );
        }
        if line["count"].as_u64() != Some(self.entries) || line["complete"].as_bool() != Some(self.complete) {
            return Err(format!(
                "the trailer tells of {} entries, and there are {}",
                line["count"], self.entries
            ));
        }
        if self.complete && self.sequence != self.through {
            return Err(format!("the export ends at entry {} instead of {}", self.sequence, self.through));
        }
        Ok(())
    }

    /// Signed lines tell of the entry before them.
    fn at_the_head(&self, line: &Json) -> Checked {
        self.of_this_chain(line)?;
        let (sequence, hash) = (number(line, "sequence")?, text(line, "hash")?);
        if sequence == self.sequence && hash == self.hash && text(line, "previousHash")? == hash {
            return Ok(());
        }
        Err(format!(
            "it signs entry {sequence} with another hash than the entry {} before it: entries were changed, removed or put in",
            self.sequence
        ))
    }

    fn signature(&self, mut content: Json, pinned: Option<&str>) -> Checked {
        let key_id = text(&content, "keyId")?.to_owned();
        let signature = text(&content, "signature")?.to_owned();
        if let Some(members) = content.as_object_mut() {
            members.remove("signature");
        }
        let key = self
            .keys
            .iter()
            .find(|k| k.id == key_id)
            .ok_or("it is signed by a key that the header does not have")?;
        if !key.signed(&content, &signature) {
            return Err("its signature is wrong".into());
        }
        match pinned {
            Some(pinned) if !self.is_believed(key, pinned) => Err(format!(
                "it is signed by {key_id}, which the pinned key {pinned} neither is nor endorsed"
            )),
            _ => Ok(()),
        }
    }

    /// Whether a key is the pinned one, or stands behind it in an unbroken row of endorsements. Never the other way
    /// round: anybody can make a key that endorses the pinned one.
    fn is_believed(&self, key: &PublicKey, pinned: &str) -> bool {
        let mut at = key;
        for _ in 0..=self.keys.len() {
            if at.id == pinned {
                return true;
            }
            let by = self.keys.iter().find(|k| Some(&k.id) == at.endorsed_by.as_ref());
            match by {
                Some(by) if at.is_endorsed_by(by) => at = by,
                _ => return false,
            }
        }
        false
    }
}

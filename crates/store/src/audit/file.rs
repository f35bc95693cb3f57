//! An export: a header, the entries in the order of the chain with the signed heads between them, a signed trailer.
//!
//! Every line is canonical JSON. Header, heads and trailer repeat the hash of the entry before them in `hash` and
//! `previousHash`, so that the links of all lines can be followed in one way.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::heads::{self, SignedHead};
use super::{Entry, GENESIS, Wanted, after, canonical, content_of, keys};
use crate::{Result, Store};

/// Entries read at once.
const CHUNK: i64 = 500;
/// The version of the format.
pub const VERSION: u64 = 1;
/// The `type` of the first line.
pub const HEADER: &str = "gatehouse-audit-export";
/// The `type` of a signed head.
pub const HEAD: &str = "gatehouse-audit-head";
/// The `type` of the last line.
pub const TRAILER: &str = "gatehouse-audit-trailer";

enum Step {
    Header,
    Entries,
    Trailer,
    Done,
}

/// An export on its way; holds one chunk at a time.
pub struct Export {
    store: Store,
    chain: String,
    wanted: Wanted,
    /// What was asked for, when it is not the whole chain.
    filter: Option<Json>,
    /// What is wrong with the chain. Its export has no trailer then: nothing of it is proved.
    broken: Option<String>,
    sequence: i64,
    hash: String,
    through: i64,
    count: u64,
    digest: Sha256,
    step: Step,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export")
            .field("chain", &self.chain)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Export {
    /// An export of a chain as it is now, from behind a position on; `None` when there is no such position. The head is
    /// signed first, so that it is in the export; a chain that is broken is given, and says so, and is not signed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(
        store: &Store,
        chain: &str,
        wanted: Wanted,
        filter: Option<Json>,
        position: i64,
    ) -> Result<Option<Self>> {
        let broken = heads::sign(store, chain).await?;
        let mut reader = store.reader();
        let (through, _) = heads::current(&mut reader, chain).await?;
        let hash = if position == 0 {
            Some(GENESIS.to_owned())
        } else {
            let found = after(&mut reader, chain, &Wanted::default(), position - 1, 1).await?;
            found.into_iter().find(|e| e.sequence == position).map(|e| e.hash)
        };
        let (store, chain) = (store.clone(), chain.to_owned());
        Ok(hash.map(|hash| Self {
            store,
            chain,
            wanted,
            filter,
            broken,
            sequence: position,
            hash,
            through,
            count: 0,
            digest: Sha256::new(),
            step: Step::Header,
        }))
    }

    /// The next lines; `None` after the trailer.
    ///
    /// # Errors
    /// When the database fails; the file then ends without its trailer.
    pub async fn next_lines(&mut self) -> Result<Option<String>> {
        loop {
            match self.step {
                Step::Header => {
                    self.step = Step::Entries;
                    let header = self.header().await?;
                    return Ok(Some(self.text(&[header])));
                }
                Step::Entries => {
                    if let Some(lines) = self.entries().await? {
                        return Ok(Some(self.text(&lines)));
                    }
                    self.step = if self.broken.is_none() { Step::Trailer } else { Step::Done };
                }
                Step::Trailer => {
                    self.step = Step::Done;
                    let trailer = self.trailer().await?;
                    return Ok(Some(format!("{}\n", canonical(&trailer))));
                }
                Step::Done => return Ok(None),
            }
        }
    }

    fn text(&mut self, lines: &[Json]) -> String {
        let text: String = lines.iter().map(|line| format!("{}\n", canonical(line))).collect();
        self.digest.update(text.as_bytes());
        text
    }

    async fn header(&self) -> Result<Json> {
        let keys = keys::public_keys(&mut self.store.reader()).await?;
        let mut header = json!({
            "type": HEADER, "version": VERSION, "chain": self.chain, "sequence": self.sequence, "hash": self.hash,
            "through": self.through, "createdAt": self.store.now(), "filter": self.filter, "keys": keys,
        });
        if let Some(what) = &self.broken {
            header["broken"] = what.as_str().into();
        }
        Ok(header)
    }

    async fn entries(&mut self) -> Result<Option<Vec<Json>>> {
        let mut reader = self.store.reader();
        let mut found = after(&mut reader, &self.chain, &self.wanted, self.sequence, CHUNK).await?;
        found.retain(|e| e.sequence <= self.through);
        let Some(last) = found.last() else { return Ok(None) };
        let mut heads = Vec::new();
        if self.filter.is_none() {
            heads = heads::between(&mut reader, &self.chain, self.sequence, last.sequence).await?;
        }
        (self.sequence, self.hash) = (last.sequence, last.hash.clone());
        self.count += u64::try_from(found.len()).unwrap_or(0);
        Ok(Some(self.weave(&found, &heads)))
    }

    /// Each signed head behind the entry it tells of.
    fn weave(&self, entries: &[Entry], heads: &[SignedHead]) -> Vec<Json> {
        let mut heads = heads.iter().peekable();
        let mut lines = Vec::with_capacity(entries.len() + heads.len());
        for entry in entries {
            lines.push(content_of(&self.chain, entry));
            while let Some(head) = heads.next_if(|h| h.sequence <= entry.sequence) {
                let mut line = head.line();
                line["previousHash"] = head.hash.as_str().into();
                lines.push(line);
            }
        }
        lines
    }

    async fn trailer(&self) -> Result<Json> {
        let digest = gatehouse_types::hex(&self.digest.clone().finalize());
        let content = |key: &str| {
            json!({
                "type": TRAILER, "version": VERSION, "chain": self.chain, "sequence": self.sequence, "hash": self.hash,
                "previousHash": self.hash, "count": self.count, "complete": self.filter.is_none(), "digest": digest,
                "at": self.store.now(), "keyId": key,
            })
        };
        heads::sign_content(&self.store, content).await
    }
}

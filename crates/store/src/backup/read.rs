use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use super::Made;
use super::format::{
    Closing, ColumnKind, Digesting, Footer, Header, MAGIC, MAGIC_OF_ANY, Opening, TRAILER, Table, hex_of,
    next_line, parse, refuse,
};
use crate::{Error, Result, Value};

/// Who is told what a backup holds, in its order.
pub(super) trait Sink {
    async fn begin(&mut self, header: &Header) -> Result<()>;
    async fn row(&mut self, table: &Table, row: Vec<Value>) -> Result<()>;
    async fn end_of(&mut self, table: &Table) -> Result<()>;
}

/// A file whose last line is the digest of what is before it.
pub(super) struct Source {
    file: File,
    length: u64,
    sha256: String,
}

/// What a whole walk found.
pub(super) struct Walked {
    pub(super) header: Header,
    pub(super) made: Made,
    /// The digest of all lines before the last, and what the last says proves it.
    pub(super) all: [u8; 32],
    pub(super) key: String,
    pub(super) mac: String,
}

impl Source {
    /// Opens a file and compares its digest: a file that was cut or changed goes no further.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let io = |e: std::io::Error| refuse(format!("{} cannot be read: {e}", path.display()));
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut first = vec![0; MAGIC.len()];
        file.read_exact(&mut first)
            .map_err(|_| refuse("this is no backup of Gatehouse, or it was cut off"))?;
        if first != MAGIC {
            return Err(refuse(if first.starts_with(MAGIC_OF_ANY) {
                "its format is newer than this version of Gatehouse"
            } else {
                "this is no backup of Gatehouse"
            }));
        }
        let content = length.checked_sub(TRAILER).ok_or_else(|| refuse("it was cut off"))?;
        file.rewind().map_err(io)?;
        let mut digesting = Digesting::new(std::io::sink());
        std::io::copy(&mut (&file).take(content), &mut digesting).map_err(io)?;
        let mut trailer = String::new();
        (&file)
            .take(TRAILER)
            .read_to_string(&mut trailer)
            .map_err(|_| refuse("it was cut off or changed"))?;
        let sha256 = hex_of(digesting.digest);
        if trailer.strip_suffix('\n') != Some(&sha256) {
            return Err(refuse("it was cut off or changed: its digest is not the one at its end"));
        }
        Ok(Self { file, length, sha256 })
    }

    /// Reads everything once, with every count and digest compared.
    pub(super) async fn walk(&mut self, sink: &mut impl Sink) -> Result<Walked> {
        let start = u64::try_from(MAGIC.len()).unwrap_or_default();
        self.file.seek(SeekFrom::Start(start)).map_err(refuse)?;
        let packed = (&self.file).take(self.length - TRAILER - start);
        let mut reader = BufReader::new(GzDecoder::new(BufReader::new(packed)));
        let (mut line, mut all) = (Vec::new(), Sha256::new());
        let mut next = |line: &mut Vec<u8>, all: &mut Sha256| -> Result<()> {
            if !next_line(&mut reader, line)? {
                return Err(refuse("it ends early"));
            }
            all.update(&*line);
            all.update(b"\n");
            Ok(())
        };
        next(&mut line, &mut all)?;
        let header: Header = parse(&line, "its first line")?;
        sink.begin(&header).await?;
        let mut total = 0;
        for table in &header.tables {
            next(&mut line, &mut all)?;
            if parse::<Opening>(&line, "the beginning of a table")?.table != table.name {
                return Err(refuse(format!("the table {} is not in its place", table.name)));
            }
            let (mut rows, mut digest) = (0, Sha256::new());
            loop {
                next(&mut line, &mut all)?;
                if !line.starts_with(b"[") {
                    break;
                }
                rows += 1;
                digest.update(&line);
                digest.update(b"\n");
                sink.row(table, decode(table, &line)?).await?;
            }
            let found = Closing { rows, sha256: hex_of(digest) };
            if parse::<Closing>(&line, "the end of a table")? != found {
                return Err(refuse(format!(
                    "the rows of the table {} are not those that were written",
                    table.name
                )));
            }
            sink.end_of(table).await?;
            total += rows;
        }
        let before_last: [u8; 32] = all.clone().finalize().into();
        next(&mut line, &mut all)?;
        let Footer { total: said } = parse(&line, "its last line")?;
        if (said.tables, said.rows) != (header.tables.len(), total) || next_line(&mut reader, &mut line)? {
            return Err(refuse("it does not hold as many tables and rows as its last line says"));
        }
        let made = Made {
            schema: header.schema,
            tables: said.tables,
            rows: total,
            bytes: self.length,
            sha256: self.sha256.clone(),
        };
        Ok(Walked { header, made, all: before_last, key: said.key, mac: said.mac })
    }
}

fn decode(table: &Table, line: &[u8]) -> Result<Vec<Value>> {
    let odd = || -> Error { refuse(format!("a row of the table {} does not fit its columns", table.name)) };
    let cells: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|_| odd())?;
    if cells.len() != table.columns.len() {
        return Err(odd());
    }
    let values = cells.into_iter().zip(&table.columns).map(|(cell, column)| {
        use serde_json::Value as Json;
        Ok(match (column.kind, cell) {
            (ColumnKind::Text, Json::Null) => Value::Text(None),
            (ColumnKind::Text, Json::String(text)) => Value::Text(Some(text)),
            (ColumnKind::Int, Json::Null) => Value::Int(None),
            (ColumnKind::Int, Json::Number(n)) => Value::Int(Some(n.as_i64().ok_or_else(odd)?)),
            (ColumnKind::Bool, Json::Null) => Value::Bool(None),
            (ColumnKind::Bool, Json::Bool(flag)) => Value::Bool(Some(flag)),
            _ => return Err(odd()),
        })
    });
    values.collect()
}

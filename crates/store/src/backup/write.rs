use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::connection::Alone;
use super::format::{Closing, Digesting, Footer, Header, MAGIC, Opening, Total, hex_of, refuse};
use super::{Made, tables};
use crate::reader::Pool;
use crate::{Error, Queries, Result, Store, files, sql};

/// Writes everything of one moment into a new file that only its owner may read. Others go on working meanwhile.
///
/// # Errors
/// When the file exists, when it cannot be written, or when the database fails. No file is left behind then.
pub async fn write(store: &Store, path: &Path) -> Result<Made> {
    if path.exists() {
        return Err(Error::File(format!(
            "{} exists already; a backup never replaces a file",
            path.display()
        )));
    }
    let mut draft = Draft::beside(path)?;
    let made = fill(store, &mut draft.file).await?;
    draft.keep(path)?;
    Ok(made)
}

/// The file under another name until it is whole; removed when it never becomes so.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn beside(path: &Path) -> Result<Self> {
        let (path, file) = files::new_beside(path)?;
        Ok(Self { path, file })
    }

    fn keep(self, path: &Path) -> Result<()> {
        let keep = || {
            self.file.sync_all()?;
            // a link appears whole, and never in place of another file
            fs::hard_link(&self.path, path)?;
            sync_parent(path)
        };
        keep().map_err(|e| failed(path, &e))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    Error::File(format!("cannot write {}: {e}", path.display()))
}

/// Makes the name of a new file as lasting as its content.
pub(super) fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// A connection that sees one moment of the database.
async fn snapshot(store: &Store) -> Result<Alone> {
    match store.reader().0 {
        Pool::Sqlite(pool) => {
            let mut alone = Alone::Sqlite(Box::new(pool.acquire().await?.detach()));
            // the moment is that of the first read (in WAL mode writers go on)
            alone.run("BEGIN").await?;
            Ok(alone)
        }
        Pool::Postgres(pool) => {
            let mut alone = Alone::Postgres(pool.begin().await?);
            alone.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            Ok(alone)
        }
    }
}

/// Lines into the packed file, with the digests of the table and of everything.
struct Lines<'f> {
    packed: GzEncoder<Digesting<std::io::BufWriter<&'f mut File>>>,
    all: Sha256,
}

impl Lines<'_> {
    fn line(&mut self, line: &[u8]) -> Result<()> {
        self.all.update(line);
        self.packed.write_all(line).map_err(|e| Error::File(format!("the backup cannot be written: {e}")))
    }

    fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.line(&line)
    }
}

async fn fill(store: &Store, file: &mut File) -> Result<Made> {
    let mut db = snapshot(store).await?;
    let postgres = db.is_postgres();
    let header = Header {
        schema: tables::schema(&mut db).await?,
        from: store.kind().to_owned(),
        created_at: store.now(),
        tables: tables::all(&mut db, postgres).await?,
    };
    store.keyring().refresh().await?;
    let key = store.keyring().current_key();
    let there = db.fetch_optional(sql("SELECT id FROM data_keys WHERE id = $1").bind(key.as_str())).await?;
    let (Some(proof), true) = (store.keyring().proof_key(&key), there.is_some()) else {
        return Err(Error::File("the data keys were renewed at this moment; make the backup again".into()));
    };
    let io = |e: std::io::Error| Error::File(format!("the backup cannot be written: {e}"));
    let mut out = Digesting::new(std::io::BufWriter::new(file));
    out.write_all(MAGIC).map_err(io)?;
    let mut lines = Lines { packed: GzEncoder::new(out, Compression::default()), all: Sha256::new() };
    lines.json(&header)?;
    let mut total = 0;
    for table in &header.tables {
        lines.json(&Opening { table: table.name.clone() })?;
        let (mut rows, mut digest) = (0, Sha256::new());
        db.each_row(table, |line| {
            rows += 1;
            digest.update(line);
            lines.line(line)
        })
        .await?;
        total += rows;
        lines.json(&Closing { rows, sha256: hex_of(digest) })?;
    }
    let mac = gatehouse_types::hex(hmac::sign(&proof, &lines.all.clone().finalize()).as_ref());
    lines.json(&Footer { total: Total { tables: header.tables.len(), rows: total, key, mac } })?;
    let Digesting { mut inner, digest } = lines.packed.finish().map_err(io)?;
    let sha256 = hex_of(digest);
    inner.write_all(format!("{sha256}\n").as_bytes()).and_then(|()| inner.flush()).map_err(io)?;
    let file = inner.into_inner().map_err(|e| refuse(e.error()))?;
    let bytes = file.metadata().map_err(io)?.len();
    Ok(Made { schema: header.schema, tables: header.tables.len(), rows: total, bytes, sha256 })
}

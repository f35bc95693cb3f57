//! Where the data keys come from: rows, and the master key file that opens them.

use std::sync::Arc;

use gatehouse_types::{Ids, SharedClock, SharedRandom};
use zeroize::Zeroizing;

use super::{Binding, KEY_LEN, KeyFile, Keyring, MasterKey, Ring, Sealed, Wrapped};
use crate::reader::Pool;
use crate::{Queries, Reader, Result, Store, Tx, sql};

/// The root that keys for other purposes are derived from.
const ROOT: Binding<'static> = Binding { table: "keyring_secrets", column: "secret", row: "root" };

#[derive(Debug)]
pub(super) struct Source {
    pool: Pool,
    pub(super) file: KeyFile,
}

impl Source {
    pub(super) async fn rows(&self) -> Result<Vec<Wrapped>> {
        read_rows(&mut Reader(self.pool.clone())).await
    }

    /// Opens the keys with whatever the file holds at this moment.
    pub(super) fn open(&self, rows: &[Wrapped]) -> Result<(MasterKey, Ring)> {
        let (master, ring, _) = self.file.find(|master| Ring::open(master, rows))?;
        Ok((master, ring))
    }
}

pub(super) async fn read_rows<Q: Queries>(db: &mut Q) -> Result<Vec<Wrapped>> {
    let rows =
        db.fetch_all(sql("SELECT id, wrapped, generation FROM data_keys ORDER BY generation, id")).await?;
    let read = |r: &crate::Row| {
        Ok(Wrapped { id: r.text("id")?, wrapped: r.text("wrapped")?, generation: r.int("generation")? })
    };
    rows.iter().map(read).collect()
}

/// Opens the keyring of a database. A key file is made for a new database only: beside an old one a new key would open
/// nothing. A next key that fits is put into its place: a rotation was broken off before it could.
pub(crate) async fn open(pool: &Pool, file: KeyFile, random: &SharedRandom) -> Result<Option<Keyring>> {
    let source = Source { pool: pool.clone(), file };
    let rows = source.rows().await?;
    if rows.is_empty() {
        MasterKey::load(source.file.path(), Some(&**random))?;
        return Ok(None);
    }
    let (master, ring, waiting) = source.file.find(|master| Ring::open(master, &rows))?;
    if waiting && let Ok(old) = MasterKey::load(source.file.path(), None) {
        source.file.promote(&old.fingerprint(), &master.fingerprint())?;
    }
    Ok(Some(Keyring::new(ring, Some(source), Arc::clone(random))))
}

impl Keyring {
    /// A row for the first data key, unless another server makes one at this very moment.
    pub(crate) fn first_row(
        file: &KeyFile,
        ids: &Ids,
        clock: &SharedClock,
        random: &SharedRandom,
    ) -> Result<crate::Query> {
        let master = MasterKey::load(file.path(), Some(&**random))?;
        let id = new_id(ids);
        Ok(sql(
            "INSERT INTO data_keys (id, wrapped, created_at, master, generation) SELECT $1, $2, $3, $4, 1 \
             WHERE NOT EXISTS (SELECT id FROM data_keys)",
        )
        .bind(id.as_str())
        .bind(Self::new_wrapped(&master, &id, &**random))
        .bind(clock.now())
        .bind(master.fingerprint()))
    }

    /// The master key of this moment, with the data keys that it opens.
    pub(super) async fn master(&self) -> Result<Option<(MasterKey, Vec<Wrapped>)>> {
        let Some(source) = &self.0.source else { return Ok(None) };
        let rows = source.rows().await?;
        Ok(Some((source.open(&rows)?.0, rows)))
    }

    pub(super) fn file(&self) -> Option<&KeyFile> {
        self.0.source.as_ref().map(|s| &s.file)
    }
}

pub(super) fn new_id(ids: &Ids) -> String {
    format!("dk{}", ids.uuid().simple())
}

/// Reads the root of derived keys, or makes it; and notes which master key the rows need, where they do not say yet.
pub(crate) async fn complete(store: &Store) -> Result<()> {
    let ring = store.keyring();
    let unnamed = sql("SELECT id FROM data_keys WHERE master IS NULL LIMIT 1");
    let unnamed = store.reader().fetch_optional(unnamed).await?.is_some();
    if read_root(store).await?.is_none() || unnamed {
        let mut tx = store.begin_always().await?;
        let mut root = Zeroizing::new([0u8; KEY_LEN]);
        store.random().fill(&mut *root);
        let insert = sql("INSERT INTO keyring_secrets (name, secret, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING");
        let sealed = ring.seal_bytes(ROOT, &*root);
        tx.execute(insert.bind(ROOT.row).bind(sealed.as_str()).bind(store.now())).await?;
        if unnamed {
            name_master(store, &mut tx).await?;
        }
        tx.commit().await?;
    }
    if let Some(sealed) = read_root(store).await? {
        let bytes = ring.open_bytes(ROOT, &sealed)?;
        if let Ok(root) = <[u8; KEY_LEN]>::try_from(bytes.as_slice()) {
            let _ = ring.0.root.set(Zeroizing::new(root));
        }
    }
    Ok(())
}

async fn name_master(store: &Store, tx: &mut Tx) -> Result<()> {
    if let Some((master, rows)) = store.keyring().master().await? {
        for row in rows {
            // the row as it was read: a rotation in between has named it
            let name =
                sql("UPDATE data_keys SET master = $1 WHERE id = $2 AND wrapped = $3 AND master IS NULL");
            tx.execute(name.bind(master.fingerprint()).bind(row.id).bind(row.wrapped)).await?;
        }
    }
    Ok(())
}

async fn read_root(store: &Store) -> Result<Option<Sealed>> {
    let select = sql("SELECT secret FROM keyring_secrets WHERE name = $1");
    let row = store.reader().fetch_optional(select.bind(ROOT.row)).await?;
    row.map(|r| r.text("secret").map(Sealed::from_stored)).transpose()
}

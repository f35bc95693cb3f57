//! What the machine offers: room, the right time, the key's file, interpreters.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gatehouse_store::{DatabaseUrl, files};
use gatehouse_types::Timestamp;

use super::Finding;
use crate::Settings;

/// Less free space than this is a note, bytes.
const LITTLE_SPACE: u64 = 1 << 30;
/// Less free space than this will not last, bytes.
const NO_SPACE: u64 = 64 << 20;
/// How far two clocks may be apart before it is a note; SAML messages are refused beyond 60 seconds.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

const MIB: u64 = 1 << 20;

/// The file of the embedded database, if it is one.
fn database_file(settings: &Settings) -> Option<PathBuf> {
    match &settings.database {
        DatabaseUrl::Sqlite(None) => Some(settings.data_dir.join("gatehouse.db")),
        DatabaseUrl::Sqlite(Some(path)) => Some(path.clone()),
        DatabaseUrl::Postgres(_) => None,
    }
}

fn key_file(settings: &Settings) -> PathBuf {
    settings.master_key_file.clone().unwrap_or_else(|| settings.data_dir.join("master.key"))
}

/// The room where the database and, if nothing else is said, its backups are.
pub(super) fn space(settings: &Settings) -> Finding {
    let database = database_file(settings);
    let parent = database.as_deref().and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
    let place = parent.unwrap_or(&settings.data_dir);
    let stat = match rustix::fs::statvfs(place) {
        Ok(stat) => stat,
        Err(e) => return Finding::Warn(format!("the room in {} is not known: {e}", place.display())),
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let taken = database.as_deref().and_then(|file| file.metadata().ok()).map_or(0, |m| m.len());
    enough(free, taken, &place.display().to_string())
}

fn enough(free: u64, taken: u64, place: &str) -> Finding {
    let room = format!("{} MiB free in {place}", free / MIB);
    if free < NO_SPACE {
        return Finding::Bad(format!("{room}: what cannot be kept is refused (507); make room."));
    }
    if free < taken {
        let taken = taken / MIB;
        return Finding::Warn(format!(
            "{room}, less than the database takes ({taken} MiB): a backup there may not fit."
        ));
    }
    if free < LITTLE_SPACE {
        return Finding::Warn(format!("{room}: that is little; audit log and attempts grow."));
    }
    Finding::Ok(format!("{room}."))
}

/// Without another clock to ask: no file of ours can be younger than now. To be called before the database is opened,
/// which writes.
pub(super) fn clock_by_files(settings: &Settings, now: Timestamp) -> Finding {
    let mut files = vec![key_file(settings)];
    if let Some(database) = database_file(settings) {
        let mut log = database.clone().into_os_string();
        log.push("-wal");
        files.extend([database, log.into()]);
    }
    let changed = |file: &PathBuf| {
        let at = file.metadata().ok()?.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(at.as_micros()).ok().map(Timestamp::from_micros)
    };
    let newest = files.iter().filter_map(|file| Some((changed(file)?, file))).max_by_key(|(at, _)| *at);
    let Some((at, file)) = newest else {
        return Finding::Ok("nothing here to compare it with yet.".into());
    };
    let ahead = Duration::from_micros(u64::try_from(at.micros() - now.micros()).unwrap_or(0));
    if ahead <= CLOCK_TOLERANCE {
        return Finding::Ok("no file of ours is from the future.".into());
    }
    Finding::Warn(format!(
        "it is {} s behind the last change of {}: one of the two is wrong. Sign-ins need the right time; use NTP.",
        ahead.as_secs(),
        file.display()
    ))
}

/// Our clock beside that of the database server.
pub(super) fn clock_by_server(ours: Timestamp, theirs: Timestamp) -> Finding {
    let apart = Duration::from_micros(ours.micros().abs_diff(theirs.micros()));
    if apart <= CLOCK_TOLERANCE {
        return Finding::Ok("it agrees with the database server's.".into());
    }
    let how = if ours < theirs { "behind" } else { "ahead of" };
    Finding::Warn(format!(
        "it is {} s {how} the database server's: one of the two is wrong. Sign-ins need the right time; use NTP.",
        apart.as_secs()
    ))
}

/// Whoever reads the master key and the database reads every secret.
pub(super) fn master_key(settings: &Settings) -> Finding {
    let file = key_file(settings);
    if !file.exists() {
        return Finding::Warn(format!("{} is not there; it is made with a new database.", file.display()));
    }
    match files::require_private(&file) {
        Ok(()) => Finding::Ok(format!("{} is its owner's alone.", file.display())),
        Err(e) => Finding::Bad(e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_a_note_and_none_is_bad() {
        let looked = |free, taken| enough(free, taken, "/data");
        assert!(
            matches!(looked(1 << 40, 1 << 30), Finding::Ok(t) if t.contains("1048576 MiB free in /data"))
        );
        assert!(matches!(looked(2 << 30, 3 << 30), Finding::Warn(t) if t.contains("backup")));
        assert!(matches!(looked(1 << 29, 0), Finding::Warn(_)));
        assert!(matches!(looked(1 << 20, 0), Finding::Bad(t) if t.contains("1 MiB")));
    }

    #[test]
    fn clocks_that_are_apart_are_told_with_the_direction() {
        let at = Timestamp::from_seconds;
        assert!(matches!(clock_by_server(at(100), at(105)), Finding::Ok(_)));
        assert!(matches!(clock_by_server(at(100), at(160)), Finding::Warn(t) if t.contains("60 s behind")));
        assert!(matches!(clock_by_server(at(160), at(100)), Finding::Warn(t) if t.contains("60 s ahead of")));
    }
}

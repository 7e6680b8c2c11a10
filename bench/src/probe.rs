//! The limit: what the disk's group commit gives to the same store without a desk around it.

use crate::failure::Failure;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Instant;

/// Rows of one commit: as many as there are connections in the bar.
pub const GROUP: usize = 32;

/// Rows a second: SQLite, WAL, synchronous=FULL, rows of these sizes, [`GROUP`] a commit, one connection.
pub fn rows_per_second(folder: &Path, sizes: &[usize]) -> Result<f64, Failure> {
    let file = folder.join("probe.db");
    remove(&file);
    let mut store = Connection::open(&file)?;
    store.pragma_update(None, "journal_mode", "wal")?;
    store.pragma_update(None, "synchronous", "full")?;
    store.execute_batch("create table rows (id integer primary key, content blob not null)")?;
    let content = incompressible(sizes.iter().copied().max().unwrap_or(0));
    let began = Instant::now();
    for group in sizes.chunks(GROUP) {
        let transaction = store.transaction()?;
        {
            let mut insert = transaction.prepare_cached("insert into rows (content) values (?1)")?;
            for size in group {
                insert.execute(params![&content[..*size]])?;
            }
        }
        transaction.commit()?;
    }
    let rate = sizes.len() as f64 / began.elapsed().as_secs_f64();
    drop(store);
    remove(&file);
    Ok(rate)
}

/// Bytes that a clever disk cannot make smaller.
fn incompressible(size: usize) -> Vec<u8> {
    let mut content = vec![0; size];
    getrandom::fill(&mut content).expect("the machine's random source works");
    content
}

fn remove(file: &Path) {
    for ending in ["", "-wal", "-shm"] {
        // Absent is what is wanted.
        let _absent = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_writes_all_rows_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(rows_per_second(folder.path(), &[10, 5000, 300_000]).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

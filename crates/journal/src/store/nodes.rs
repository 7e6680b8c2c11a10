//! The tree as a store has it: full tiles, and leaves where there are none yet.

use std::ops::ControlFlow;

use super::Store;
use crate::Error;
use crate::leaf::Hash;
use crate::tree::{Edge, FullTile, Nodes, TILE_WIDTH, fold, hash_leaf};

/// Key of a full tile: its level and index.
fn tile_id(level: u8, index: u64) -> i64 {
    i64::from(level) << 56 | index as i64
}

/// The row of a full tile.
pub(crate) fn tile_row(tile: &FullTile) -> (i64, Vec<u8>) {
    (tile_id(tile.level, tile.index), tile.hashes.concat())
}

/// The hashes of a full tile.
pub(crate) fn full_tile(db: &dyn Store, level: u8, index: u64) -> Result<Vec<Hash>, Error> {
    let sql = "SELECT hashes FROM tiles WHERE id = $1";
    let bytes = db.one(sql, &[tile_id(level, index).into()], |row| Ok(row.blob(0)?.to_vec()))?;
    let lost = || Error::broken(index << (8 * (u32::from(level) + 1)), "a tile of the tree is missing or damaged");
    let bytes = bytes.filter(|bytes| bytes.len() == TILE_WIDTH * 32).ok_or_else(lost)?;
    Ok(bytes.chunks_exact(32).map(|chunk| std::array::from_fn(|n| chunk[n])).collect())
}

/// Hashes of the leaves `start..end`, computed from the leaves.
fn leaf_hashes(db: &dyn Store, start: u64, end: u64) -> Result<Vec<Hash>, Error> {
    let sql = "SELECT seq, leaf FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq";
    let mut hashes = Vec::new();
    db.query(sql, &[start.into(), end.into()], &mut |row| {
        if row.number(0)? != start + hashes.len() as u64 {
            return Ok(ControlFlow::Break(()));
        }
        hashes.push(hash_leaf(row.blob(1)?));
        Ok(ControlFlow::Continue(()))
    })?;
    match start + hashes.len() as u64 {
        found if found == end => Ok(hashes),
        found => Err(Error::broken(found, "it is missing")),
    }
}

/// The tree of the first `size` entries of a store.
pub(crate) struct StoredNodes<'db> {
    pub db: &'db dyn Store,
    pub size: u64,
}

impl StoredNodes<'_> {
    /// The hashes `from..to` of a tile level, from full tiles where there are any.
    pub fn row(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
        let index = from / TILE_WIDTH as u64;
        let within = index * TILE_WIDTH as u64;
        let full = self.size >> (8 * (u32::from(level) + 1)) > index;
        if full && to <= within + TILE_WIDTH as u64 {
            let hashes = full_tile(self.db, level, index)?;
            return Ok(hashes[(from - within) as usize..(to - within) as usize].to_vec());
        }
        match level {
            0 => leaf_hashes(self.db, from, to),
            _ => (from..to).map(|number| Ok(fold(&full_tile(self.db, level - 1, number)?))).collect(),
        }
    }

    /// The edge of the tree.
    pub fn edge(&self) -> Result<Edge, Error> {
        let mut partial = Vec::new();
        for level in 0.. {
            let done = self.size >> (8 * u32::from(level));
            if done == 0 {
                break;
            }
            let width = Edge::partial_width(self.size, level) as u64;
            partial.push(self.row(level, done - width, done)?);
        }
        Ok(Edge::from_partial(self.size, partial))
    }
}

impl Nodes for StoredNodes<'_> {
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
        let (level, within) = ((height / 8) as u8, height % 8);
        Ok(fold(&self.row(level, index << within, (index + 1) << within)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EntryRow, Rows, Sqlite};
    use crate::tree::{inclusion, range_root, verify_inclusion};

    /// A store whose leaves are their numbers, and the edge it grew to.
    fn filled(size: u64) -> (Sqlite, Edge) {
        let (mut rows, mut edge) = (Rows::default(), Edge::default());
        for seq in 0..size {
            let leaf = seq.to_be_bytes().to_vec();
            edge.push(hash_leaf(&leaf), &mut |tile| {
                rows.tiles.push(tile_row(&tile));
                Ok(())
            })
            .unwrap();
            rows.entries.push(EntryRow { seq, hash: [0; 32], leaf, body: Vec::new(), small: Vec::new() });
        }
        let db = Sqlite::in_memory();
        db.begin_tables().unwrap();
        db.put(rows).unwrap();
        (db, edge)
    }

    #[test]
    fn the_edge_and_all_proofs_come_back_from_the_store() {
        for size in [0, 1, 255, 256, 257, 1000, 65_536, 66_321] {
            let (db, edge) = filled(size);
            let nodes = StoredNodes { db: &db, size };
            assert_eq!(nodes.edge().unwrap(), edge, "{size}");
            assert_eq!(range_root(&nodes, 0, size).unwrap(), edge.root(), "{size}");
            for seq in (0..size).step_by(1 + size as usize / 7) {
                let path = inclusion(&nodes, seq, size).unwrap();
                assert!(verify_inclusion(&hash_leaf(&seq.to_be_bytes()), seq, size, &path, &edge.root()));
            }
        }
    }
}

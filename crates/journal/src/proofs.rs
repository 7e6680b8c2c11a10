//! What partners and witnesses ask for: proofs and tiles, hashes only.

use crate::Error;
use crate::leaf::Hash;
use crate::reader::Reader;
use crate::store::{self, Store, StoredNodes};
use crate::tree::{TILE_WIDTH, consistency, inclusion};

/// Highest tile level that a journal can have.
const LEVEL_MAX: u8 = 6;

impl Reader {
    /// Audit path of entry `seq` in the tree of the first `size` entries (RFC 6962 section 2.1.1).
    pub fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<Hash>, Error> {
        self.snapshot(|db| {
            let nodes = nodes(db, size)?;
            if seq >= size {
                return Err(Error::invalid(format!("entry {seq} is not in a tree of {size} entries")));
            }
            inclusion(&nodes, seq, size)
        })
    }

    /// Proof that the tree of the first `new` entries goes on from that of the first `old` (RFC 6962 section 2.1.2).
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        self.snapshot(|db| {
            let nodes = nodes(db, new)?;
            if old > new {
                return Err(Error::invalid(format!("a tree of {new} entries does not go on from one of {old}")));
            }
            consistency(&nodes, old, new)
        })
    }

    /// Root of the tree of the first `size` entries.
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        self.snapshot(|db| crate::tree::range_root(&nodes(db, size)?, 0, size))
    }

    /// A tile of the tree (C2SP tlog-tiles): `width` hashes, 256 for a full tile. `None` when the tree does not have it.
    pub fn tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<u8>>, Error> {
        let width = u64::from(width);
        if level > LEVEL_MAX || width == 0 || width > TILE_WIDTH as u64 {
            return Ok(None);
        }
        self.snapshot(|db| {
            let size = store::size(db)?;
            let hashes = size >> (8 * u32::from(level));
            let Some(start) = index.checked_mul(TILE_WIDTH as u64).filter(|start| start + width <= hashes) else {
                return Ok(None);
            };
            let row = StoredNodes { db, size }.row(level, start, start + width)?;
            Ok(Some(row.concat()))
        })
    }
}

fn nodes(db: &dyn Store, size: u64) -> Result<StoredNodes<'_>, Error> {
    let all = store::size(db)?;
    if size > all {
        return Err(Error::invalid(format!("the journal has {all} entries, not {size}")));
    }
    Ok(StoredNodes { db, size: all })
}

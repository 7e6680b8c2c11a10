//! RFC 6962 section 2.1: the Merkle tree over the leaves, its growth, and its proofs.
//!
//! The tree is kept as C2SP tlog tiles: full tiles of 256 hashes lie in the store, the partial ones at the right edge in
//! memory. Appending costs two hashes a leaf on average and never looks back.

use sha2::{Digest, Sha256};

use crate::Error;
use crate::leaf::Hash;

/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: usize = 256;
/// Height of the subtree that a full tile spans.
const TILE_HEIGHT: u32 = 8;

/// Hash of a leaf: SHA-256(0x00 ‖ leaf).
pub fn hash_leaf(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn hash_node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// Root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Root of a perfect subtree over `hashes`, whose number is a power of two.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| hash_node(&pair[0], &pair[1])).collect();
    }
    row[0]
}

/// A tile that became full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FullTile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<Hash>,
}

/// The right edge of the tree: enough to grow it and to compute its root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    /// Per tile level the hashes of the partial tile.
    partial: Vec<Vec<Hash>>,
    /// Roots of the perfect subtrees that make up the tree, largest first, with their height.
    peaks: Vec<(u32, Hash)>,
}

impl Edge {
    /// Rebuilds the edge from the partial tiles of a tree of `size` leaves, lowest level first.
    pub fn from_partial(size: u64, mut partial: Vec<Vec<Hash>>) -> Edge {
        while partial.last().is_some_and(Vec::is_empty) {
            partial.pop();
        }
        let mut peaks = Vec::new();
        for (level, hashes) in partial.iter().enumerate().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let height = rest.len().ilog2();
                let (head, tail) = rest.split_at(1 << height);
                peaks.push((level as u32 * TILE_HEIGHT + height, fold(head)));
                rest = tail;
            }
        }
        Edge { size, partial, peaks }
    }

    /// How many hashes the partial tile of `level` has in a tree of `size` leaves.
    pub fn partial_width(size: u64, level: u8) -> usize {
        let shift = u32::from(level) * TILE_HEIGHT;
        if shift >= 64 { 0 } else { ((size >> shift) % TILE_WIDTH as u64) as usize }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf hash; tiles that become full are handed to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut dyn FnMut(FullTile) -> Result<(), Error>) -> Result<(), Error> {
        self.size += 1;
        self.push_level(0, leaf, full)?;
        let (mut height, mut hash) = (0, leaf);
        while self.peaks.last().is_some_and(|(peak, _)| *peak == height) {
            let Some((_, left)) = self.peaks.pop() else { break };
            hash = hash_node(&left, &hash);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                self.push_level((height / TILE_HEIGHT) as usize, hash, full)?;
            }
        }
        self.peaks.push((height, hash));
        Ok(())
    }

    fn push_level(
        &mut self,
        level: usize,
        hash: Hash,
        full: &mut dyn FnMut(FullTile) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.partial.len() <= level {
            self.partial.resize_with(level + 1, Vec::new);
        }
        self.partial[level].push(hash);
        if self.partial[level].len() == TILE_WIDTH {
            let hashes = std::mem::take(&mut self.partial[level]);
            let index = (self.size >> (TILE_HEIGHT * (level as u32 + 1))) - 1;
            full(FullTile { level: level as u8, index, hashes })?;
        }
        Ok(())
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().map(|(_, hash)| hash);
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| hash_node(left, &right))
    }
}

/// Where proofs get their hashes from.
pub(crate) trait Nodes {
    /// Root of the perfect subtree of 2^`height` leaves that starts at leaf `index` · 2^`height`.
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error>;
}

/// Merkle Tree Hash of the leaves `start..end` (RFC 6962 section 2.1), `start` aligned as the recursion makes it.
pub(crate) fn range_root(nodes: &dyn Nodes, start: u64, end: u64) -> Result<Hash, Error> {
    let len = end - start;
    match len {
        0 => Ok(empty_root()),
        _ if len.is_power_of_two() => nodes.node(len.ilog2(), start >> len.ilog2()),
        _ => {
            let middle = start + split(len);
            Ok(hash_node(&range_root(nodes, start, middle)?, &range_root(nodes, middle, end)?))
        }
    }
}

/// The largest power of two below `len` (which is at least 2).
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// Audit path of leaf `seq` in the tree of `size` leaves (RFC 6962 section 2.1.1), lowest first.
pub(crate) fn inclusion(nodes: &dyn Nodes, seq: u64, size: u64) -> Result<Vec<Hash>, Error> {
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if seq < middle {
            path.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Consistency proof between the trees of `old` and `new` leaves (RFC 6962 section 2.1.2).
pub(crate) fn consistency(nodes: &dyn Nodes, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut whole, mut path) = (0, new, true, Vec::new());
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(nodes, start, middle)?);
            start = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range_root(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks an audit path (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, seq: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if seq >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (seq, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = hash_node(step, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash_node(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Checks a consistency proof (RFC 9162 section 2.1.4.2). The empty tree is consistent with every tree.
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, path: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == 0 || old == new {
        return path.is_empty() && (old != new || old_root == new_root) && (old != 0 || *old_root == empty_root());
    }
    let mut steps = path.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = hash_node(step, &old_hash);
            new_hash = hash_node(step, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = hash_node(&new_hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

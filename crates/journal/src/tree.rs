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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::unhex;

    /// The test data of the certificate-transparency project (`merkle_tree_test.cc`), an implementation of RFC 6962 by its
    /// authors: eight leaves, the roots of the trees over the first 1 to 8 of them, and proofs.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    /// Leaf, tree size, audit path.
    const INCLUSION: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    /// Old size, new size, proof.
    const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];

    /// Hashes in memory, and the definition of RFC 6962 section 2.1 taken literally.
    struct Plain(Vec<Hash>);

    impl Nodes for Plain {
        fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
            Ok(literal(&self.0[(index << height) as usize..((index + 1) << height) as usize]))
        }
    }

    fn literal(hashes: &[Hash]) -> Hash {
        match hashes {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let k = (1..).map(|n| 1 << n).take_while(|k| *k < hashes.len()).last().unwrap_or(1);
                hash_node(&literal(&hashes[..k]), &literal(&hashes[k..]))
            }
        }
    }

    fn hashes(hex: &[&str]) -> Vec<Hash> {
        hex.iter().map(|hex| unhex(hex).unwrap()).collect()
    }

    fn counted(n: u64) -> Vec<Hash> {
        (0..n).map(|n| hash_leaf(&n.to_be_bytes())).collect()
    }

    fn grown(leaves: &[Hash]) -> (Edge, Vec<FullTile>) {
        let (mut edge, mut tiles) = (Edge::default(), Vec::new());
        for leaf in leaves {
            let mut full = |tile| {
                tiles.push(tile);
                Ok(())
            };
            edge.push(*leaf, &mut full).unwrap();
        }
        (edge, tiles)
    }

    #[test]
    fn roots_and_proofs_are_those_of_the_authors_of_rfc_6962() {
        let leaves: Vec<Hash> = LEAVES.iter().map(|leaf| hash_leaf(leaf)).collect();
        let plain = Plain(leaves.clone());
        let roots = hashes(&ROOTS);
        for (n, root) in roots.iter().enumerate() {
            assert_eq!(grown(&leaves[..=n]).0.root(), *root);
            assert_eq!(range_root(&plain, 0, n as u64 + 1).unwrap(), *root);
        }
        for (seq, size, path) in INCLUSION {
            assert_eq!(inclusion(&plain, seq, size).unwrap(), hashes(path), "leaf {seq} of {size}");
            let root = &roots[size as usize - 1];
            assert!(verify_inclusion(&leaves[seq as usize], seq, size, &hashes(path), root));
        }
        for (old, new, path) in CONSISTENCY {
            assert_eq!(consistency(&plain, old, new).unwrap(), hashes(path), "{old} to {new}");
            let (old_root, new_root) = (&roots[old as usize - 1], &roots[new as usize - 1]);
            assert!(verify_consistency(old, new, old_root, new_root, &hashes(path)));
        }
        assert_eq!(
            grown(&[]).0.root(),
            unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").unwrap(),
            "the empty tree"
        );
    }

    #[test]
    fn every_proof_verifies_and_no_other_does() {
        let leaves = counted(40);
        let plain = Plain(leaves.clone());
        let roots: Vec<Hash> = (0..=40).map(|n| literal(&leaves[..n])).collect();
        for size in 1..=40u64 {
            let root = &roots[size as usize];
            for seq in 0..size {
                let path = inclusion(&plain, seq, size).unwrap();
                let leaf = &leaves[seq as usize];
                assert!(verify_inclusion(leaf, seq, size, &path, root), "{seq} of {size}");
                assert!(!verify_inclusion(leaf, (seq + 1) % size, size, &path, root) || size == 1);
                assert!(!verify_inclusion(&roots[0], seq, size, &path, root));
                assert!(!verify_inclusion(leaf, seq, size, &[path.as_slice(), &[*leaf]].concat(), root));
            }
            for old in 0..=size {
                let path = consistency(&plain, old, size).unwrap();
                let from = &roots[old as usize];
                assert!(verify_consistency(old, size, from, root, &path), "{old} to {size}");
                if old > 0 {
                    assert!(!verify_consistency(old, size, &leaves[0], root, &path) || *from == leaves[0]);
                    assert!(!verify_consistency(old, size, from, &roots[0], &path));
                    assert!(!verify_consistency(
                        old,
                        size,
                        from,
                        root,
                        &[path.as_slice(), from.as_slice().as_chunks().0].concat()
                    ));
                }
            }
        }
    }

    #[test]
    fn the_edge_grows_to_the_same_root_and_tiles_as_the_definition() {
        let leaves = counted(70_000);
        let (edge, tiles) = grown(&leaves);
        assert_eq!(edge.root(), literal(&leaves));
        // The example of the C2SP text: 273 full tiles at level 0 and one at level 1; partial ones of 112, 17 and 1.
        let full: Vec<usize> = (0..2).map(|level| tiles.iter().filter(|tile| tile.level == level).count()).collect();
        assert_eq!(full, [273, 1]);
        let widths: Vec<usize> = (0..4).map(|level| Edge::partial_width(70_000, level)).collect();
        assert_eq!(widths, [112, 17, 1, 0]);
        for tile in tiles {
            let span = 1usize << (8 * tile.level);
            let start = tile.index as usize * TILE_WIDTH * span;
            assert_eq!(tile.hashes[255], literal(&leaves[start + 255 * span..start + 256 * span]));
        }
        for size in [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000] {
            let (edge, _) = grown(&leaves[..size]);
            let partial = (0..3)
                .map(|level| {
                    let span = 1usize << (8 * level);
                    let done = size / span;
                    let from = done - Edge::partial_width(size as u64, level);
                    (from..done).map(|n| literal(&leaves[n * span..(n + 1) * span])).collect()
                })
                .collect();
            assert_eq!(Edge::from_partial(size as u64, partial).root(), edge.root(), "{size}");
        }
    }
}

//! The simulated journal's Merkle tree (RFC 6962): roots as they grow, proofs, and a root computed from nothing but the leaves.

use journal::{empty_root, hash_node};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// All perfect subtrees, lowest first: `levels[h][i]` is the root over the leaves from i·2^h on.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, Vec::len) as u64
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        loop {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[height];
            row.push(hash);
            if row.len() % 2 == 1 {
                return;
            }
            hash = hash_node(&row[row.len() - 2], &row[row.len() - 1]);
            height += 1;
        }
    }

    /// Keeps the first `size` leaves only.
    pub fn cut(&mut self, size: u64) {
        for (height, row) in self.levels.iter_mut().enumerate() {
            row.truncate((size >> height) as usize);
        }
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.range(0, self.size())
    }

    /// Merkle Tree Hash of the leaves `start..end`, `start` aligned as the recursion makes it.
    fn range(&self, start: u64, end: u64) -> Hash {
        match end - start {
            0 => empty_root(),
            len if len.is_power_of_two() => self.levels[len.ilog2() as usize][(start >> len.ilog2()) as usize],
            len => {
                let middle = start + split(len);
                hash_node(&self.range(start, middle), &self.range(middle, end))
            }
        }
    }

    /// Consistency proof between the trees of `old` and `new` leaves (RFC 6962 section 2.1.2).
    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        if old == 0 || old == new {
            return Vec::new();
        }
        let (mut start, mut end, mut whole, mut path) = (0, new, true, Vec::new());
        while end != old {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, end));
        }
        path.reverse();
        path
    }
}

/// The largest power of two below `len` (which is at least 2).
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// The root over leaves by the definition's recursion alone, nothing remembered: what [`Tree::root`] must be.
pub fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(split(more.len() as u64) as usize);
            hash_node(&root_of(left), &root_of(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{hash_leaf, verify_consistency};
    use proptest::prelude::*;

    fn grown(size: u64) -> (Tree, Vec<Hash>) {
        let leaves: Vec<Hash> = (0..size).map(|n| hash_leaf(&n.to_be_bytes())).collect();
        let mut tree = Tree::default();
        leaves.iter().for_each(|l| tree.push(*l));
        (tree, leaves)
    }

    proptest! {
        #[test]
        fn a_grown_root_is_the_recursions_and_its_proofs_hold(size in 0u64..150, part in 0u64..150) {
            let (tree, leaves) = grown(size);
            prop_assert_eq!(tree.root(), root_of(&leaves));
            let old = part.min(size);
            let old_root = root_of(&leaves[..old as usize]);
            prop_assert!(verify_consistency(old, size, &old_root, &tree.root(), &tree.consistency(old, size)));
            let mut cut = tree.clone();
            cut.cut(old);
            prop_assert_eq!(cut.root(), old_root);
        }
    }
}

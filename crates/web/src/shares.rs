//! How much of something one may hold at once: connections of an address, live streams of a session.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// How many each holds now.
#[derive(Debug)]
pub(crate) struct Shares<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Default for Shares<K> {
    fn default() -> Shares<K> {
        Shares(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// One more for this one, if it then holds no more than `most`. Given back when it is dropped.
    pub(crate) fn take(&self, key: K, most: usize) -> Option<Share<K>> {
        let mut held = self.0.lock().expect("nothing panics while it is held");
        let count = held.get(&key).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        held.insert(key.clone(), count + 1);
        Some(Share { key, of: self.0.clone() })
    }
}

/// One of somebody's share.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash> {
    key: K,
    of: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.lock().expect("nothing panics while it is held");
        match held.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_an_end_and_comes_back() {
        let shares = Shares::default();
        let two = [shares.take("a", 2), shares.take("a", 2)];
        assert!(two.iter().all(Option::is_some));
        assert!(shares.take("a", 2).is_none());
        assert!(shares.take("b", 2).is_some(), "others have their own");
        drop(two);
        assert!(shares.0.lock().unwrap().is_empty(), "nothing is remembered of who left");
        assert!(shares.take("a", 1).is_some());
    }
}

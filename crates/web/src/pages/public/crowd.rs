//! What stands at the public door: who comes how often, files that wait for a form to be mended, and room for uploads.

use desk::ids::Timestamp;
use engine::FormFile;
use post::door::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reports from one address in an hour that nobody wonders about: a whole town sits behind one.
const REPORTS_AN_HOUR: u32 = 60;
/// Receipts by mail in an hour that the forms from one address may cause: whoever sits there may type the address of a stranger. The
/// page itself shows number and advice, so a whole town behind one address still has both.
const RECEIPTS_AN_HOUR: u32 = 5;
const HOUR_SECONDS: i64 = 3600;
/// Addresses remembered; beyond it all are forgotten, and counting starts afresh.
const ADDRESSES_MAX: usize = 20_000;
/// Files that wait for a mended form, all together, bytes.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// How long they wait, seconds.
const KEPT_SECONDS: i64 = 30 * 60;
/// Files being uploaded at once, KiB: beyond it a report comes without its files rather than not at all.
const ROOM_KIB: usize = 160 << 10;

#[derive(Debug)]
struct Kept {
    files: Vec<FormFile>,
    bytes: usize,
    at: Timestamp,
}

/// How often something came from an address (IPv6: a network of /64) since when.
type Counts = Mutex<HashMap<IpAddr, (u32, Timestamp)>>;

/// One more from this address; how many there were within the hour.
fn count(counts: &Counts, address: IpAddr, now: Timestamp) -> u32 {
    let mut counts = counts.lock().expect("nothing panics while it is held");
    if counts.len() >= ADDRESSES_MAX {
        counts.retain(|_, (_, since)| now.seconds_since(*since) < HOUR_SECONDS);
        if counts.len() >= ADDRESSES_MAX {
            counts.clear();
        }
    }
    let (count, since) = counts.entry(network(address)).or_insert((0, now));
    if now.seconds_since(*since) >= HOUR_SECONDS {
        (*count, *since) = (0, now);
    }
    *count = count.saturating_add(1);
    *count
}

/// The public door's memory. None of it is needed to take a report.
#[derive(Debug)]
pub(crate) struct Gate {
    /// How many reports came from an address since when.
    came: Counts,
    /// How many of them asked for a receipt.
    receipts: Counts,
    kept: Mutex<HashMap<String, Kept>>,
    room: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            came: Mutex::default(),
            receipts: Mutex::default(),
            kept: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
        }
    }
}

/// Room held by the files of one upload.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

impl Gate {
    /// Counts a report from an address, and says whether there are unusually many. It is kept in any case.
    pub(super) fn many_from(&self, address: IpAddr, now: Timestamp) -> bool {
        count(&self.came, address, now) > REPORTS_AN_HOUR
    }

    /// Counts a form that asks for a receipt, and says whether it may have one.
    pub(super) fn may_send_receipt(&self, address: IpAddr, now: Timestamp) -> bool {
        count(&self.receipts, address, now) <= RECEIPTS_AN_HOUR
    }

    /// Keeps files until their form comes again. The oldest go first when there is no room.
    pub(super) fn keep(&self, once: &str, files: Vec<FormFile>, now: Timestamp) {
        if files.is_empty() {
            return;
        }
        let bytes = files.iter().map(|f| f.bytes.len()).sum();
        let mut kept = self.kept.lock().expect("nothing panics while it is held");
        kept.retain(|_, k| now.seconds_since(k.at) < KEPT_SECONDS);
        while kept.values().map(|k| k.bytes).sum::<usize>() + bytes > KEPT_BYTES_MAX {
            let oldest = kept.iter().min_by_key(|(_, k)| k.at).map(|(once, _)| once.clone());
            match oldest.and_then(|once| kept.remove(&once)) {
                Some(_) => {}
                None => return,
            }
        }
        kept.insert(once.to_owned(), Kept { files, bytes, at: now });
    }

    /// Files that waited for this form.
    pub(super) fn take(&self, once: &str, now: Timestamp) -> Vec<FormFile> {
        let kept = self.kept.lock().expect("nothing panics while it is held").remove(once);
        kept.filter(|k| now.seconds_since(k.at) < KEPT_SECONDS).map(|k| k.files).unwrap_or_default()
    }

    /// Asks for room for so many more bytes of files.
    pub(super) fn room_for(&self, held: &mut Held, bytes: usize) -> bool {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let Ok(permit) = self.room.clone().try_acquire_many_owned(kib) else { return false };
        match &mut held.0 {
            Some(all) => all.merge(permit),
            None => held.0 = Some(permit),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: usize) -> Vec<FormFile> {
        vec![FormFile { name: "f".into(), media_type: String::new(), bytes: vec![0; bytes] }]
    }

    #[test]
    fn a_town_behind_one_address_is_noticed_and_not_stopped() {
        let gate = Gate::default();
        let (now, town) = (Timestamp::from_seconds(1_000_000), "192.0.2.7".parse().unwrap());
        assert!((0..REPORTS_AN_HOUR).all(|_| !gate.many_from(town, now)));
        assert!(gate.many_from(town, now));
        assert!(!gate.many_from("192.0.2.8".parse().unwrap(), now));
        assert!(!gate.many_from(town, now.plus_seconds(HOUR_SECONDS)));
    }

    #[test]
    fn one_address_causes_few_receipts_and_others_have_theirs() {
        let gate = Gate::default();
        let (now, one) = (Timestamp::from_seconds(1_000_000), "2001:db8:1:2::7".parse().unwrap());
        assert!((0..RECEIPTS_AN_HOUR).all(|_| gate.may_send_receipt(one, now)));
        assert!(!gate.may_send_receipt("2001:db8:1:2::8".parse().unwrap(), now), "the same network");
        assert!(gate.may_send_receipt("2001:db8:1:3::8".parse().unwrap(), now));
        assert!(gate.may_send_receipt(one, now.plus_seconds(HOUR_SECONDS)));
    }

    #[test]
    fn files_wait_for_their_form_and_for_no_other() {
        let gate = Gate::default();
        let now = Timestamp::from_seconds(1_000_000);
        gate.keep("a", file(10), now);
        assert!(gate.take("b", now).is_empty());
        assert_eq!(gate.take("a", now).len(), 1);
        assert!(gate.take("a", now).is_empty());
        gate.keep("a", file(10), now);
        assert!(gate.take("a", now.plus_seconds(KEPT_SECONDS)).is_empty());
    }

    #[test]
    fn waiting_files_take_bounded_memory() {
        let gate = Gate::default();
        let now = Timestamp::from_seconds(1_000_000);
        for n in 0..10 {
            gate.keep(&n.to_string(), file(10 << 20), now.plus_seconds(n));
        }
        let bytes: usize = gate.kept.lock().unwrap().values().map(|k| k.bytes).sum();
        assert!(bytes <= KEPT_BYTES_MAX);
        assert_eq!(gate.take("9", now.plus_seconds(9)).len(), 1);
        assert!(gate.take("0", now).is_empty());
    }

    #[test]
    fn room_comes_back_when_an_upload_is_done() {
        let gate = Gate::default();
        let (mut one, mut other) = (Held::default(), Held::default());
        assert!(gate.room_for(&mut one, ROOM_KIB * 1024));
        assert!(!gate.room_for(&mut other, 1));
        drop(one);
        assert!(gate.room_for(&mut other, 1));
    }
}

//! One visit to a mailbox: from the connection to its end.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::client::{Client, Folder, Idled};
use super::fault::Fault;
use super::{After, KEYWORD, Left, Mailbox, State, name, stopped};
use crate::door::Kept;
use crate::scan::scan;

/// Message numbers of one `SEARCH`, so that its answer fits one bounded line.
const WINDOW: u32 = 1_000;
/// Messages whose size is asked at once.
const SIZES_AT_ONCE: usize = 100;
/// Longest `IDLE`; servers hang up after 30 minutes (RFC 2177).
const IDLE_MAX: Duration = Duration::from_secs(28 * 60);
/// Shortest time between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Mails left in the folder that are remembered; more of them are looked at again with each look.
const LEFT_MAX: usize = 1_000;

/// What is left in the folder, across visits. UIDs mean nothing under another UIDVALIDITY.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    uid_validity: u32,
    mails: BTreeMap<u32, Left>,
}

impl Leftovers {
    /// In order of UID.
    fn list(&self) -> Vec<Left> {
        self.mails.values().cloned().collect()
    }
}

/// One visit.
pub(super) struct Visit<'a, K, S> {
    client: Client,
    mailbox: &'a Mailbox,
    keep: &'a K,
    state: &'a S,
    left: &'a mut Leftovers,
    stop: watch::Receiver<bool>,
    /// What is searched for.
    criteria: String,
    /// Marked in this visit: must not be offered again.
    marked: HashSet<u32>,
    /// Whether the server tells when mail comes in.
    push: bool,
}

impl<'a, K, F, S> Visit<'a, K, S>
where
    K: Fn(Vec<u8>) -> F,
    F: Future<Output = Kept>,
    S: Fn(State),
{
    /// Signs in and opens the folder.
    pub async fn begin(
        mailbox: &'a Mailbox,
        keep: &'a K,
        state: &'a S,
        left: &'a mut Leftovers,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Self, Fault> {
        let name = name::folder(&mailbox.folder).ok_or(Fault::Configured("no folder can have that name"))?;
        if let After::Move(target) = &mailbox.after {
            name::folder(target).ok_or(Fault::Configured("no folder can have the name where mail is moved to"))?;
            if target.eq_ignore_ascii_case(&mailbox.folder) {
                return Err(Fault::Configured("mail is moved to the folder it comes from"));
            }
        }
        let mut client = heed(&mut stop, Client::open(mailbox)).await?;
        let folder = heed(&mut stop, client.select(&name)).await?;
        let criteria = criteria(&mailbox.after, &folder)?;
        if left.uid_validity != folder.uid_validity {
            *left = Leftovers { uid_validity: folder.uid_validity, ..Leftovers::default() };
        }
        let push = client.offers("IDLE");
        state(State::Connected);
        Ok(Self { client, mailbox, keep, state, left, stop, criteria, marked: HashSet::new(), push })
    }

    /// Fetches and waits, until something breaks or we are to stop. `settled` is called whenever all mail is fetched.
    pub async fn stay(mut self, settled: &mut impl FnMut()) -> Fault {
        loop {
            if let Err(fault) = self.fetch_and_wait(settled).await {
                self.client.logout().await;
                return fault;
            }
        }
    }

    async fn fetch_and_wait(&mut self, settled: &mut impl FnMut()) -> Result<(), Fault> {
        let again = Instant::now() + LOOK_EVERY;
        heed(&mut self.stop, self.client.noop()).await?;
        while self.pass().await? {}
        settled();
        (self.state)(State::Waiting { push: self.push, left: self.left.list() });
        self.wait().await?;
        let pause = async {
            sleep_until(again).await;
            Ok(())
        };
        heed(&mut self.stop, pause).await
    }

    /// Goes through the folder once, in order of UID. Whether there may be more to do.
    async fn pass(&mut self) -> Result<bool, Fault> {
        self.client.grown = false;
        let (mut first, mut any, mut still_left) = (1, false, BTreeSet::new());
        while first <= self.client.exists {
            let last = self.client.exists.min(first.saturating_add(WINDOW - 1));
            let mut uids = heed(&mut self.stop, self.client.search(first, last, &self.criteria)).await?;
            if let Some(uid) = uids.iter().find(|uid| self.marked.contains(uid)) {
                return Err(Fault::MarkLost(*uid));
            }
            still_left.extend(uids.iter().filter(|uid| self.left.mails.contains_key(uid)));
            uids.retain(|uid| !self.left.mails.contains_key(uid));
            let mut taken = false;
            for uids in uids.chunks(SIZES_AT_ONCE) {
                for (uid, size) in heed(&mut self.stop, self.client.sizes(uids)).await? {
                    taken |= self.mail(uid, size).await?;
                    still_left.extend(self.left.mails.contains_key(&uid).then_some(uid));
                }
            }
            any |= taken;
            // Where mail goes away, the next ones move up to the same numbers.
            if !taken || self.mailbox.after == After::Keep {
                first = last.saturating_add(1);
            }
            if last == u32::MAX {
                break;
            }
        }
        self.left.mails.retain(|uid, _| still_left.contains(uid));
        Ok(any || self.client.grown)
    }

    /// Fetches, keeps and marks one mail, in this order. Whether it was taken; else it is left where it is.
    async fn mail(&mut self, uid: u32, size: u64) -> Result<bool, Fault> {
        if *self.stop.borrow() {
            return Err(Fault::Stopped);
        }
        let max = self.mailbox.size_max;
        if size > max as u64 {
            let why = format!("The mail has {size} bytes, at most {max} are taken");
            return self.leave(uid, size, why).await;
        }
        let raw = match heed(&mut self.stop, self.client.content(uid, max)).await {
            Ok(Some(raw)) => raw,
            Ok(None) => return self.leave(uid, size, "The mail server has no content for it".into()).await,
            Err(fault) => {
                if let Fault::Literal { bytes, .. } = fault {
                    // What cannot be read in full ends the connection; the next visit passes over this mail.
                    let why =
                        format!("The mail was said to have {size} bytes and has {bytes}, at most {max} are taken");
                    self.remember(Left { uid, size: bytes, from: None, subject: None, why });
                }
                return Err(fault);
            }
        };
        match timeout(self.mailbox.timing.keep, (self.keep)(raw)).await {
            Ok(Kept::Kept { .. }) => self.mark(uid).await.map(|()| true),
            Ok(Kept::Refused { why }) => self.leave(uid, size, why).await,
            Ok(Kept::Busy { why } | Kept::Full { why }) => Err(Fault::Busy(why)),
            Err(_) => Err(Fault::Busy("the storage does not answer".into())),
        }
    }

    /// After it is kept, and never before.
    async fn mark(&mut self, uid: u32) -> Result<(), Fault> {
        match &self.mailbox.after {
            After::Keep => self.client.store(uid, &format!("\\Seen {KEYWORD}")).await?,
            After::Delete => self.delete(uid).await?,
            After::Move(target) => {
                let target = name::folder(target).ok_or(Fault::Configured("no folder can have that name"))?;
                if self.client.offers("MOVE") {
                    self.client.transfer("UID MOVE", uid, &target).await?;
                } else {
                    self.client.transfer("UID COPY", uid, &target).await?;
                    self.delete(uid).await?;
                }
            }
        }
        self.marked.insert(uid);
        Ok(())
    }

    /// Without UIDPLUS (RFC 4315) there is no way to remove one mail alone: it stays marked as deleted.
    async fn delete(&mut self, uid: u32) -> Result<(), Fault> {
        self.client.store(uid, "\\Deleted").await?;
        if self.client.offers("UIDPLUS") { self.client.expunge(uid).await } else { Ok(()) }
    }

    /// Leaves one mail in the folder, with what helps a person to find it there. It is not taken: `false`.
    async fn leave(&mut self, uid: u32, size: u64, why: String) -> Result<bool, Fault> {
        let head = heed(&mut self.stop, self.client.head(uid)).await?.unwrap_or_default();
        let seen = scan(&head);
        self.remember(Left { uid, size, from: seen.from, subject: seen.subject, why });
        Ok(false)
    }

    fn remember(&mut self, left: Left) {
        if self.left.mails.len() < LEFT_MAX {
            self.left.mails.insert(left.uid, left);
        }
    }

    async fn wait(&mut self) -> Result<(), Fault> {
        let span = self.mailbox.poll.min(IDLE_MAX);
        if self.push {
            if self.client.idle(span, &mut self.stop).await? == Idled::Over {
                return Ok(());
            }
            self.push = false;
            (self.state)(State::Waiting { push: false, left: self.left.list() });
        }
        let pause = async {
            sleep(span).await;
            Ok(())
        };
        heed(&mut self.stop, pause).await
    }
}

/// Which mail is not fetched yet. What a person has deleted is not fetched.
fn criteria(after: &After, folder: &Folder) -> Result<String, Fault> {
    if folder.read_only {
        return Err(Fault::ReadOnly);
    }
    let keyword = KEYWORD.to_ascii_uppercase();
    match (after, &folder.permanent_flags) {
        (After::Keep, Some(flags)) if !flags.iter().any(|flag| flag == "\\*" || *flag == keyword) => {
            Err(Fault::NoKeywords)
        }
        (After::Keep, _) => Ok(format!("UNDELETED UNKEYWORD {KEYWORD}")),
        (After::Move(_) | After::Delete, _) => Ok("UNDELETED".into()),
    }
}

/// Work that ends at once when we are to stop.
async fn heed<T>(stop: &mut watch::Receiver<bool>, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::select! {
        biased;
        () = stopped(stop) => Err(Fault::Stopped),
        done = work => done,
    }
}

//! Who looks at an incident now: in memory only, and only told to who may see it anyway.

use desk::ids::{AccountId, Reference, Timestamp};
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::broadcast;

/// After so long without a sign a person no longer looks, seconds. A page with script gives one every 25.
const AWAY_SECONDS: i64 = 75;
/// Pages remembered; beyond it all old signs are dropped.
const REMEMBERED_MAX: usize = 5000;

/// News that wait for a slow stream.
const NEWS_MAX: usize = 64;

/// The signs that people gave.
#[derive(Debug)]
pub struct Presence {
    signs: Mutex<HashMap<(Reference, AccountId), Timestamp>>,
    news: broadcast::Sender<Reference>,
}

impl Default for Presence {
    fn default() -> Presence {
        Presence { signs: Mutex::default(), news: broadcast::Sender::new(NEWS_MAX) }
    }
}

impl Presence {
    /// This person looks at this page. Whether that is news to the others, who then hear of it.
    pub fn looks(&self, at: Reference, who: AccountId, now: Timestamp) -> bool {
        let mut signs = self.signs.lock().expect("nothing panics while it is held");
        if signs.len() >= REMEMBERED_MAX {
            signs.retain(|_, seen| now.seconds_since(*seen) < AWAY_SECONDS);
        }
        let before = signs.insert((at, who), now);
        let news = before.is_none_or(|seen| now.seconds_since(seen) >= AWAY_SECONDS);
        if news {
            // Nobody listens: nobody is interested.
            let _listeners = self.news.send(at);
        }
        news
    }

    /// Pages at which somebody began to look, from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Reference> {
        self.news.subscribe()
    }

    /// Who looks at this page now, the first account first.
    pub fn here(&self, at: Reference, now: Timestamp) -> Vec<AccountId> {
        let signs = self.signs.lock().expect("nothing panics while it is held");
        let mut here: Vec<AccountId> = signs
            .iter()
            .filter(|((page, _), seen)| *page == at && now.seconds_since(**seen) < AWAY_SECONDS)
            .map(|((_, who), _)| *who)
            .collect();
        here.sort_unstable();
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::ids::Named;

    #[test]
    fn who_gave_no_sign_for_a_while_has_left() {
        let (presence, page) = (Presence::default(), Reference::new(Named::Incident, 7));
        let now = Timestamp::from_seconds(1000);
        assert!(presence.looks(page, AccountId(1), now));
        assert!(!presence.looks(page, AccountId(1), now.plus_seconds(25)));
        assert_eq!(presence.here(page, now.plus_seconds(60)), [AccountId(1)]);
        assert!(presence.here(page, now.plus_seconds(200)).is_empty());
        assert!(presence.here(Reference::new(Named::Incident, 8), now).is_empty());
        assert!(presence.looks(page, AccountId(1), now.plus_seconds(300)));
    }
}

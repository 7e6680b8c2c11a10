//! Answers that a person writes.

use crate::engine::{Engine, Frozen};
use desk::ids::{Reference, Timestamp};
use desk::incidents::IncidentView;
use desk::outbox::{Draft, SUBJECT_CHARS_MAX};
use desk::register::BoardId;

/// A subject with the reference that brings the answer back to its conversation, as the templates have it.
pub fn with_reference(subject: &str, reference: Reference) -> String {
    let (subject, mark) = (subject.trim(), format!("[{reference}]"));
    if subject.is_empty() {
        return mark;
    }
    if subject.contains(&mark) {
        return subject.to_owned();
    }
    let room = SUBJECT_CHARS_MAX - mark.chars().count() - 1;
    let kept: String = subject.chars().take(room).collect();
    format!("{} {mark}", kept.trim_end())
}

impl Engine {
    /// An answer to a report's sender: where they want it (reply-to, else the sender), under their subject with the reference, in
    /// their conversation.
    /// `None` when there is no address to answer.
    pub fn reply_draft(&self, reference: Reference, text: &str) -> Option<Draft> {
        let answered = self.peek(|desk| desk.answerable(reference))?;
        let subject = answered.subject.trim();
        let subject = match subject.get(..3) {
            Some(start) if start.eq_ignore_ascii_case("re:") => subject.to_owned(),
            _ => format!("Re: {subject}"),
        };
        let subject = with_reference(&subject, reference);
        let mut draft = self.draft(&answered.to, &subject, text, answered.language, Vec::new());
        draft.in_reply_to = answered.message_id.into_iter().map(|id| bare(&id)).collect();
        Some(draft)
    }

    /// What a mail about an incident answers, in the conversation as its writer sees it: the newest message from that address and our newest
    /// mail to it. Message-IDs without angle brackets; none where the address takes no part yet.
    pub fn continued(&self, incident: &IncidentView, to: &str) -> Vec<String> {
        let (came, went) = incident.continued(to);
        let answered =
            came.and_then(|reference| self.peek(|desk| desk.answerable(reference))).and_then(|a| a.message_id);
        answered.map(|id| bare(&id)).into_iter().chain(went.map(str::to_owned)).collect()
    }

    /// Message-ID of the newest mail of ours in a report's conversation, without angle brackets.
    pub fn last_message_id(&self, reference: Reference) -> Option<String> {
        self.peek(|desk| desk.last_message_id(reference).map(str::to_owned))
    }

    /// The board that is called so.
    pub fn board_named(&self, name: &str) -> Option<BoardId> {
        self.peek(|desk| desk.register().find(name))
    }

    /// When the newest fact was recorded.
    pub fn last_moment(&self) -> Timestamp {
        self.peek(|desk| desk.last_at())
    }

    /// Resolves when everything that came in is read, and everything that can leave has left.
    pub async fn settled(&self) -> Result<(), Frozen> {
        let mut durable = self.inner.durable.subscribe();
        loop {
            let now = self.now().max(self.last_moment());
            let sends = self.mail_state().outbound;
            let busy =
                self.read(|desk| desk.unread().next().is_some() || (sends && !desk.due(now, 1).is_empty())).await?;
            if !busy {
                return Ok(());
            }
            if durable.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

fn bare(message_id: &str) -> String {
    message_id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

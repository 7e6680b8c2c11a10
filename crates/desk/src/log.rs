//! What happened, in order and without content: for "last acts" and for knowing what a moment held.

use crate::Desk;
use crate::command::Actor;
use crate::fact::Fact;
use crate::ids::{AccountId, EntryId, IncidentId, Reference, ReportId, Timestamp};
use crate::incidents::Incidents;
use crate::lens::Lens;
use crate::outbox::About;
use crate::view::RecentRow;
use crate::{accounts, house, incidents, intake, outbox};
use serde::{Deserialize, Serialize};

/// What a line is about, and thereby who may know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Of {
    /// Settings of the desk: everybody may know that they changed.
    House,
    /// An account: its person and the team.
    Account(AccountId),
    Report(ReportId),
    Incident(IncidentId),
    /// A line of an incident, which may have a stricter label than the incident.
    Line(IncidentId, EntryId),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Logged {
    seq: u64,
    at: Timestamp,
    by: Actor,
    /// Place of its key in [`KEYS`].
    key: u8,
    of: Of,
}

/// All facts by name, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Log {
    lines: Vec<Logged>,
}

impl Log {
    pub(crate) fn push(&mut self, seq: u64, at: Timestamp, fact: &Fact, incidents: &Incidents) {
        let of = match of(fact) {
            Of::Incident(incident) => match fact {
                Fact::Incidents(incidents::Fact::Withdrawn { entry, .. }) => Of::Line(incident, *entry),
                // Every other fact about an incident is the last line of its timeline.
                _ => Of::Line(incident, incidents.get(incident).last_entry()),
            },
            of => of,
        };
        self.lines.push(Logged { seq, at, by: by(fact), key: place(key(fact)), of });
    }

    /// When the fact at a position was recorded, or the last one before it.
    pub(crate) fn recorded_at(&self, seq: u64) -> Option<Timestamp> {
        let after = self.lines.partition_point(|line| line.seq <= seq);
        self.lines.get(after.checked_sub(1)?).map(|line| line.at)
    }

    pub(crate) fn newest(&self, lens: &Lens<'_>, limit: usize) -> Vec<RecentRow> {
        let known = self.lines.iter().rev().filter(|line| line.is_known_to(lens));
        known.take(limit).map(|line| line.row(lens)).collect()
    }

    /// What was recorded since, newest first; at most so many lines are looked at, whether they may be seen or not.
    pub(crate) fn since(&self, lens: &Lens<'_>, since: Timestamp, looked_at_max: usize) -> Vec<RecentRow> {
        let lines = self.lines.iter().rev().take(looked_at_max).take_while(|line| line.at >= since);
        lines.filter(|line| line.is_known_to(lens)).map(|line| line.row(lens)).collect()
    }

    /// When the newest fact was recorded that may be seen, among those from a sequence number on.
    pub(crate) fn newest_from(&self, lens: &Lens<'_>, from: u64) -> Option<Timestamp> {
        let lines = self.lines.iter().rev().take_while(|line| line.seq >= from);
        lines.filter(|line| line.is_known_to(lens)).map(|line| line.at).next()
    }
}

impl Logged {
    fn is_known_to(&self, lens: &Lens<'_>) -> bool {
        match self.of {
            Of::House => true,
            Of::Account(account) => lens.is_team() || account == lens.viewer.account,
            Of::Report(report) => lens.may_see(lens.desk.intake.get(report).class),
            Of::Incident(incident) => lens.may_see(lens.desk.incidents.get(incident).class),
            // A line may be addressed to somebody whom its incident is not: the reference belongs to the incident.
            Of::Line(incident, entry) => {
                let kept = lens.desk.incidents.get(incident);
                lens.may_see(kept.class) && lens.may_see(kept.timeline[entry.index()].class)
            }
        }
    }

    fn row(&self, lens: &Lens<'_>) -> RecentRow {
        RecentRow {
            seq: lens.is_team().then_some(self.seq),
            at: self.at,
            who: lens.desk.who(self.by),
            key: KEYS.get(usize::from(self.key)).copied().unwrap_or_default(),
            reference: reference(lens.desk, self.of),
        }
    }
}

fn reference(desk: &Desk, of: Of) -> Option<Reference> {
    match of {
        Of::House | Of::Account(_) => None,
        Of::Report(report) => Some(desk.intake.get(report).reference),
        Of::Incident(incident) | Of::Line(incident, _) => Some(desk.incidents.get(incident).reference),
    }
}

fn of(fact: &Fact) -> Of {
    match fact {
        Fact::House(_) => Of::House,
        Fact::Accounts(fact) => Of::Account(fact.account()),
        Fact::Intake(fact) => Of::Report(fact.report()),
        Fact::Incidents(fact) => Of::Incident(fact.incident()),
        Fact::Outbox(fact) => match fact.about() {
            About::Report(report) => Of::Report(report),
            About::Incident(incident) => Of::Incident(incident),
        },
    }
}

fn by(fact: &Fact) -> Actor {
    match fact {
        Fact::House(
            house::Fact::RestoreTested { by, .. }
            | house::Fact::RestoreWithdrawn { by, .. }
            | house::Fact::OrganisationRenamed { by, .. }
            | house::Fact::TemplateSet { by, .. }
            | house::Fact::TemplateWithdrawn { by, .. }
            | house::Fact::TermSet { by, .. }
            | house::Fact::TermWithdrawn { by, .. },
        ) => Actor::Person(*by),
        Fact::House(_) => Actor::Rule,
        Fact::Accounts(
            accounts::Fact::Disabled { by, .. }
            | accounts::Fact::Enabled { by, .. }
            | accounts::Fact::Renamed { by, .. }
            | accounts::Fact::RoleSet { by, .. },
        ) => Actor::Person(*by),
        Fact::Accounts(accounts::Fact::Created { .. }) => Actor::Rule,
        Fact::Accounts(fact) => Actor::Person(fact.account()),
        Fact::Intake(fact) => fact.by(),
        Fact::Incidents(fact) => fact.by(),
        Fact::Outbox(outbox::Fact::Queued { by, .. } | outbox::Fact::Retried { by, .. }) => *by,
        Fact::Outbox(outbox::Fact::Withdrawn { by, .. }) => Actor::Person(*by),
        Fact::Outbox(_) => Actor::Rule,
    }
}

/// One list, so that a name and its place come from the same line.
macro_rules! keys {
    ($($fact:pat => $key:literal,)*) => {
        /// Every key. A line of the log keeps the place in this list.
        const KEYS: &[&str] = &[$($key),*];

        /// `capability.fact`, as in the journal; a test compares the two.
        pub(crate) fn key(fact: &Fact) -> &'static str {
            match fact {
                $($fact => $key,)*
            }
        }
    };
}

keys! {
    Fact::House(house::Fact::Configured(_)) => "house.configured",
    Fact::House(house::Fact::OrganisationAdded { .. }) => "house.organisation_added",
    Fact::House(house::Fact::RegisterLoaded { .. }) => "house.register_loaded",
    Fact::House(house::Fact::RestoreTested { .. }) => "house.restore_tested",
    Fact::House(house::Fact::RestoreWithdrawn { .. }) => "house.restore_withdrawn",
    Fact::House(house::Fact::OrganisationRenamed { .. }) => "house.organisation_renamed",
    Fact::House(house::Fact::TemplateSet { .. }) => "house.template_set",
    Fact::House(house::Fact::TemplateWithdrawn { .. }) => "house.template_withdrawn",
    Fact::House(house::Fact::TermSet { .. }) => "house.term_set",
    Fact::House(house::Fact::TermWithdrawn { .. }) => "house.term_withdrawn",
    Fact::Accounts(accounts::Fact::Created { .. }) => "accounts.created",
    Fact::Accounts(accounts::Fact::PasswordSet { .. }) => "accounts.password_set",
    Fact::Accounts(accounts::Fact::Preferred { .. }) => "accounts.preferred",
    Fact::Accounts(accounts::Fact::Disabled { .. }) => "accounts.disabled",
    Fact::Accounts(accounts::Fact::Enabled { .. }) => "accounts.enabled",
    Fact::Accounts(accounts::Fact::Renamed { .. }) => "accounts.renamed",
    Fact::Accounts(accounts::Fact::RoleSet { .. }) => "accounts.role_set",
    Fact::Accounts(accounts::Fact::SignedIn { .. }) => "accounts.signed_in",
    Fact::Accounts(accounts::Fact::SignedOut { .. }) => "accounts.signed_out",
    Fact::Accounts(accounts::Fact::TokenMade { .. }) => "accounts.token_made",
    Fact::Accounts(accounts::Fact::TokenRevoked { .. }) => "accounts.token_revoked",
    Fact::Intake(intake::Fact::Received { .. }) => "intake.received",
    Fact::Intake(intake::Fact::Read { .. }) => "intake.read",
    Fact::Intake(intake::Fact::Claimed { .. }) => "intake.claimed",
    Fact::Intake(intake::Fact::Released { .. }) => "intake.released",
    Fact::Intake(intake::Fact::Appraised { .. }) => "intake.appraised",
    Fact::Intake(intake::Fact::Decided { .. }) => "intake.decided",
    Fact::Intake(intake::Fact::Reopened { .. }) => "intake.reopened",
    Fact::Intake(intake::Fact::Moved { .. }) => "intake.moved",
    Fact::Intake(intake::Fact::Waits { .. }) => "intake.waits",
    Fact::Intake(intake::Fact::Snoozed { .. }) => "intake.snoozed",
    Fact::Intake(intake::Fact::Woken { .. }) => "intake.woken",
    Fact::Intake(intake::Fact::ErasureAsked { .. }) => "intake.erasure_asked",
    Fact::Intake(intake::Fact::ErasureWithdrawn { .. }) => "intake.erasure_withdrawn",
    Fact::Intake(intake::Fact::Erased { .. }) => "intake.erased",
    Fact::Intake(intake::Fact::Countersigned { .. }) => "intake.countersigned",
    Fact::Outbox(outbox::Fact::Queued { .. }) => "outbox.queued",
    Fact::Outbox(outbox::Fact::Deferred { .. }) => "outbox.deferred",
    Fact::Outbox(outbox::Fact::Sent { .. }) => "outbox.sent",
    Fact::Outbox(outbox::Fact::Failed { .. }) => "outbox.failed",
    Fact::Outbox(outbox::Fact::Bounced { .. }) => "outbox.bounced",
    Fact::Outbox(outbox::Fact::Retried { .. }) => "outbox.retried",
    Fact::Outbox(outbox::Fact::Withdrawn { .. }) => "outbox.withdrawn",
    Fact::Incidents(incidents::Fact::Opened { .. }) => "incidents.opened",
    Fact::Incidents(incidents::Fact::Changed { .. }) => "incidents.changed",
    Fact::Incidents(incidents::Fact::Noted { .. }) => "incidents.noted",
    Fact::Incidents(incidents::Fact::TaskAdded { .. }) => "incidents.task_added",
    Fact::Incidents(incidents::Fact::TaskSet { .. }) => "incidents.task_set",
    Fact::Incidents(incidents::Fact::Observed { .. }) => "incidents.observed",
    Fact::Incidents(incidents::Fact::Withdrawn { .. }) => "incidents.withdrawn",
    Fact::Incidents(incidents::Fact::Dropped { .. }) => "incidents.dropped",
    Fact::Incidents(incidents::Fact::Merged { .. }) => "incidents.merged",
    Fact::Incidents(incidents::Fact::Parted { .. }) => "incidents.parted",
    Fact::Incidents(incidents::Fact::ErasureAsked { .. }) => "incidents.erasure_asked",
    Fact::Incidents(incidents::Fact::ErasureWithdrawn { .. }) => "incidents.erasure_withdrawn",
    Fact::Incidents(incidents::Fact::Erased { .. }) => "incidents.erased",
    Fact::Incidents(incidents::Fact::Countersigned { .. }) => "incidents.countersigned",
    Fact::Incidents(incidents::Fact::Held { .. }) => "incidents.held",
    Fact::Incidents(incidents::Fact::HoldLifted { .. }) => "incidents.hold_lifted",
}

/// A key's place in [`KEYS`].
fn place(key: &'static str) -> u8 {
    KEYS.iter()
        .position(|k| *k == key)
        .and_then(|n| u8::try_from(n).ok())
        .expect("every key stands in the list that it is from")
}

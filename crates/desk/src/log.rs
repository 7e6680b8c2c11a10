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

/// What a line is about, and thereby who may know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Clone, Copy, Debug, PartialEq)]
struct Logged {
    seq: u64,
    at: Timestamp,
    by: Actor,
    key: &'static str,
    of: Of,
}

/// All facts by name, in order.
#[derive(Clone, Debug, Default, PartialEq)]
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
        self.lines.push(Logged { seq, at, by: by(fact), key: key(fact), of });
    }

    pub(crate) fn newest(&self, lens: &Lens<'_>, limit: usize) -> Vec<RecentRow> {
        let known = |line: &&Logged| match line.of {
            Of::House => true,
            Of::Account(account) => lens.is_team() || account == lens.viewer.account,
            Of::Report(report) => lens.may_see(lens.desk.intake.get(report).class),
            Of::Incident(incident) => lens.may_see(lens.desk.incidents.get(incident).class),
            // A line may be addressed to somebody whom its incident is not: the reference belongs to the incident.
            Of::Line(incident, entry) => {
                let kept = lens.desk.incidents.get(incident);
                lens.may_see(kept.class) && lens.may_see(kept.timeline[entry.index()].class)
            }
        };
        let row = |line: &Logged| RecentRow {
            seq: lens.is_team().then_some(line.seq),
            at: line.at,
            who: lens.desk.who(line.by),
            key: line.key,
            reference: reference(lens.desk, line.of),
        };
        self.lines.iter().rev().filter(known).take(limit).map(row).collect()
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
        Fact::House(_) => Actor::Rule,
        Fact::Accounts(accounts::Fact::Disabled { by, .. }) => Actor::Person(*by),
        Fact::Accounts(accounts::Fact::Created { .. }) => Actor::Rule,
        Fact::Accounts(fact) => Actor::Person(fact.account()),
        Fact::Intake(fact) => fact.by(),
        Fact::Incidents(fact) => fact.by(),
        Fact::Outbox(outbox::Fact::Queued { by, .. } | outbox::Fact::Retried { by, .. }) => *by,
        Fact::Outbox(_) => Actor::Rule,
    }
}

/// `capability.fact`, as in the journal; a test compares the two.
pub(crate) fn key(fact: &Fact) -> &'static str {
    match fact {
        Fact::House(fact) => match fact {
            house::Fact::Configured(_) => "house.configured",
            house::Fact::OrganisationAdded { .. } => "house.organisation_added",
            house::Fact::RegisterLoaded { .. } => "house.register_loaded",
        },
        Fact::Accounts(fact) => match fact {
            accounts::Fact::Created { .. } => "accounts.created",
            accounts::Fact::PasswordSet { .. } => "accounts.password_set",
            accounts::Fact::Preferred { .. } => "accounts.preferred",
            accounts::Fact::Disabled { .. } => "accounts.disabled",
            accounts::Fact::SignedIn { .. } => "accounts.signed_in",
            accounts::Fact::SignedOut { .. } => "accounts.signed_out",
            accounts::Fact::TokenMade { .. } => "accounts.token_made",
            accounts::Fact::TokenRevoked { .. } => "accounts.token_revoked",
        },
        Fact::Intake(fact) => match fact {
            intake::Fact::Received { .. } => "intake.received",
            intake::Fact::Read { .. } => "intake.read",
            intake::Fact::Claimed { .. } => "intake.claimed",
            intake::Fact::Released { .. } => "intake.released",
            intake::Fact::Appraised { .. } => "intake.appraised",
            intake::Fact::Decided { .. } => "intake.decided",
            intake::Fact::Reopened { .. } => "intake.reopened",
            intake::Fact::Waits { .. } => "intake.waits",
            intake::Fact::Snoozed { .. } => "intake.snoozed",
            intake::Fact::Woken { .. } => "intake.woken",
            intake::Fact::ErasureAsked { .. } => "intake.erasure_asked",
            intake::Fact::Erased { .. } => "intake.erased",
            intake::Fact::Countersigned { .. } => "intake.countersigned",
        },
        Fact::Outbox(fact) => match fact {
            outbox::Fact::Queued { .. } => "outbox.queued",
            outbox::Fact::Deferred { .. } => "outbox.deferred",
            outbox::Fact::Sent { .. } => "outbox.sent",
            outbox::Fact::Failed { .. } => "outbox.failed",
            outbox::Fact::Bounced { .. } => "outbox.bounced",
            outbox::Fact::Retried { .. } => "outbox.retried",
        },
        Fact::Incidents(fact) => match fact {
            incidents::Fact::Opened { .. } => "incidents.opened",
            incidents::Fact::Changed { .. } => "incidents.changed",
            incidents::Fact::Noted { .. } => "incidents.noted",
            incidents::Fact::TaskAdded { .. } => "incidents.task_added",
            incidents::Fact::TaskSet { .. } => "incidents.task_set",
            incidents::Fact::Observed { .. } => "incidents.observed",
            incidents::Fact::Withdrawn { .. } => "incidents.withdrawn",
            incidents::Fact::Dropped { .. } => "incidents.dropped",
            incidents::Fact::Held { .. } => "incidents.held",
            incidents::Fact::HoldLifted { .. } => "incidents.hold_lifted",
        },
    }
}

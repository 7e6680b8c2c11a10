//! What every view must show, counted afresh, against what the desk shows through its lens.

use super::{Erasure, Model, Report};
use crate::invariant::{Check, Invariant, holds};
use desk::Desk;
use desk::ids::{AccountId, Reference, Timestamp};
use desk::incidents::{IncidentFilter, LineView, Phase};
use desk::intake::{Kind, Queue, QueueCounts, QueueFilter, ReportFilter, Status, Verdict};
use desk::lens::{Lens, Tlp};
use desk::outbox::{About, OutboxCounts, StandingKey};

/// What counts as today when nobody says when the day began, seconds.
const DAY: i64 = 24 * 3600;
/// Whole pages are written out and looked through once in so many comparisons: they cost the most.
const PAGES_EVERY: usize = 5;
/// Last lines that are looked at.
const RECENT: usize = 60;

impl Model {
    /// Everything that an account sees at `now`.
    pub fn compare(&self, desk: &Desk, account: AccountId, now: Timestamp) -> Check {
        let Some(viewer) = desk.viewer(account) else { return Ok(()) };
        let lens = desk.seen_by(viewer);
        let reports: Vec<usize> = (0..self.reports.len()).filter(|r| self.sees_report(account, *r)).collect();
        self.compare_reports(&lens, account, &reports)?;
        self.compare_queue(&lens, &reports, now)?;
        self.compare_incidents(&lens, account)?;
        self.compare_outbox(&lens, account)?;
        self.compare_recent(&lens, account)?;
        self.compare_leaves(&lens, account)?;
        self.compare_search(&lens, account, now)?;
        self.compare_retention(&lens, account, now)?;
        self.compare_pages(&lens, account, now)
    }

    /// Leave to act goes to people on duty: on reports to the team's, on incidents to all who see them.
    fn compare_leaves(&self, lens: &Lens<'_>, account: AccountId) -> Check {
        let acts = self.is_active(account);
        for (n, report) in self.reports.iter().enumerate() {
            let must = acts && self.is_team(account) && self.sees_report(account, n);
            let is = lens.report_leave(report.reference).is_some();
            holds(is == must, Invariant::OnlyWhoMay, || {
                format!("{account:?} has leave on report {n}: {is}, must be {must}")
            })?;
        }
        for (n, incident) in self.incidents.iter().enumerate() {
            let must = acts && self.sees_incident(account, n);
            let is = lens.incident_leave(incident.reference).is_some();
            holds(is == must, Invariant::OnlyWhoMay, || {
                format!("{account:?} has leave on incident {n}: {is}, must be {must}")
            })?;
        }
        Ok(())
    }

    /// Nothing that is hidden from an account stands anywhere on the pages that it may open: one incident and one report, whole.
    fn compare_pages(&self, lens: &Lens<'_>, account: AccountId, now: Timestamp) -> Check {
        let which = now.0.unsigned_abs() as usize;
        if !which.is_multiple_of(PAGES_EVERY) {
            return Ok(());
        }
        let which = which / PAGES_EVERY;
        let one = |of: Vec<Reference>| of.get(which % of.len().max(1)).copied();
        let incidents = self.incidents.iter().enumerate().filter(|(n, _)| self.sees_incident(account, *n));
        let incident = one(incidents.map(|(_, i)| i.reference).collect()).and_then(|r| lens.incident(r));
        let reports = self.reports.iter().enumerate().filter(|(n, _)| self.sees_report(account, *n));
        let report = one(reports.map(|(_, r)| r.reference).collect()).and_then(|r| lens.report(r));
        let page = format!("{incident:?} {report:?}");
        let stands = |word: &str| !word.is_empty() && page.contains(word);
        let report = self
            .reports
            .iter()
            .enumerate()
            .find(|(n, r)| (r.erasure == Erasure::Done || !self.sees_report(account, *n)) && stands(&r.word));
        holds(report.is_none(), Invariant::OthersAreKeptOut, || {
            format!("{account:?} reads words of report {:?} on a page", report.map(|(n, _)| n))
        })?;
        let notice = (0..self.notices.len()).find(|n| {
            let kept = &self.notices[*n];
            (kept.erased || !self.sees_notice(account, *n)) && stands(&kept.word)
        });
        holds(notice.is_none(), Invariant::OthersAreKeptOut, || {
            format!("{account:?} reads words of notice {notice:?} on a page")
        })?;
        let lines = (0..self.incidents.len()).flat_map(|n| self.incidents[n].lines.iter().map(move |l| (n, l)));
        let line = lines.filter(|(n, l)| !self.sees_line(account, *n, l)).find(|(_, l)| stands(&l.text));
        holds(line.is_none(), Invariant::OthersAreKeptOut, || format!("{account:?} reads {line:?} on a page"))
    }

    /// What is found for a word that stands in one place: that place, if it may be seen, and never another that may not.
    fn compare_search(&self, lens: &Lens<'_>, account: AccountId, now: Timestamp) -> Check {
        let words = self.incidents.iter().flat_map(|i| &i.lines).map(|l| l.text.as_str());
        let words = words.chain(self.notices.iter().map(|n| n.word.as_str()));
        let words = words.chain(self.reports.iter().map(|r| r.word.as_str()));
        let words: Vec<&str> = words.filter(|w| !w.is_empty() && w.len() < 20).collect();
        // Which word, the moment decides: chance is not asked where nothing happens.
        let Some(word) = words.get(now.0.unsigned_abs() as usize % words.len().max(1)) else { return Ok(()) };
        let found = lens.search(word, 0, 50);
        for hit in &found.hits {
            let Some(reference) = hit.reference else { continue };
            holds(self.sees(account, reference), Invariant::OthersAreKeptOut, || {
                format!("{account:?} finds {reference} by searching for {word}")
            })?;
        }
        let of = self.reports.iter().position(|r| r.word == *word && r.read && r.erasure != Erasure::Done);
        if let Some(report) = of.filter(|r| self.sees_report(account, *r)) {
            let reference = self.reports[report].reference;
            let hit = found.hits.iter().any(|h| h.reference == Some(reference));
            holds(hit, Invariant::CountsAreRecounted, || format!("{account:?} does not find {reference} by {word}"))?;
        }
        Ok(())
    }

    fn sees(&self, account: AccountId, reference: Reference) -> bool {
        let report = self.reports.iter().position(|r| r.reference == reference);
        let incident = self.incidents.iter().position(|i| i.reference == reference);
        report.is_some_and(|r| self.sees_report(account, r)) || incident.is_some_and(|i| self.sees_incident(account, i))
    }

    fn compare_reports(&self, lens: &Lens<'_>, account: AccountId, seen: &[usize]) -> Check {
        let page = lens.reports(&ReportFilter::default(), None, usize::MAX);
        let shown: Vec<usize> = page.rows.iter().rev().map(|r| r.id.index()).collect();
        let extra: Vec<&usize> = shown.iter().filter(|r| !seen.contains(r)).collect();
        holds(extra.is_empty(), Invariant::OthersAreKeptOut, || format!("{account:?} sees reports {extra:?}"))?;
        let counted = Invariant::CountsAreRecounted;
        holds(shown == seen && page.total == seen.len(), counted, || {
            format!("{account:?} sees reports {shown:?} of {}, and should see {seen:?}", page.total)
        })?;
        for row in &page.rows {
            let kept = &self.reports[row.id.index()];
            let of = |n: &&Report| matches!(n.status, Status::Decided(Verdict::FollowUp(of)) if of == row.id);
            let follow_ups = self.reports.iter().filter(of).count();
            let undelivered = self.notices.iter().any(|n| {
                n.about == About::Report(row.id) && matches!(n.standing, StandingKey::Failed | StandingKey::Bounced)
            });
            let is = (
                (row.reference, row.status, row.kind, row.hit_now, row.board_id, row.read, row.erased),
                (row.claimed_by_me, row.follow_ups, row.undelivered, row.last_at),
            );
            let appraisal = &kept.appraisal;
            let board = appraisal.board.filter(|_| self.boards);
            let must = (
                (
                    kept.reference,
                    kept.status,
                    appraisal.kind,
                    appraisal.hit_now,
                    board,
                    kept.read,
                    kept.erasure == Erasure::Done,
                ),
                (kept.claimed_by == Some(account), follow_ups, undelivered, kept.last_at),
            );
            holds(is == must, counted, || format!("the row of report {} is {is:?}, must be {must:?}", row.id.index()))?;
        }
        Ok(())
    }

    fn compare_queue(&self, lens: &Lens<'_>, seen: &[usize], now: Timestamp) -> Check {
        let queue = lens.queue(now, &QueueFilter::default());
        let mut must = Queue::default();
        let (mut call, mut judge) = (Vec::new(), Vec::new());
        for report in seen.iter().map(|r| &self.reports[*r]).filter(|r| !r.is_decided()) {
            let junk = report.appraisal.kind == Kind::Junk;
            match report.status {
                Status::Snoozed(until) if until > now => must.counts.snoozed += 1,
                Status::Waiting => must.counts.waiting += 1,
                _ if junk => must.junk += 1,
                _ if report.appraisal.hit_now => call.push(report),
                _ => judge.push(report),
            }
        }
        must.counts = QueueCounts { call: call.len(), judge: judge.len(), ..must.counts };
        let since = now.plus_seconds(-DAY);
        let all = || seen.iter().map(|r| &self.reports[*r]);
        must.received_today = all().filter(|r| r.received_at >= since).count();
        must.decided_today = all().filter(|r| r.decided.is_some_and(|(at, _)| at >= since)).count();
        let numbers = |q: &Queue| (q.counts, q.junk, q.received_today, q.decided_today);
        let (is, must) = (numbers(&queue), numbers(&must));
        let counted = Invariant::CountsAreRecounted;
        holds(is == must, counted, || format!("the queue at {now:?} counts {is:?}, must be {must:?}"))?;
        for (part, rows) in [(call, &queue.call), (judge, &queue.judge)] {
            let mut part = part;
            part.sort_by_key(|r| std::cmp::Reverse((r.last_at, r.seq)));
            let must: Vec<Reference> = part.iter().map(|r| r.reference).collect();
            let is: Vec<Reference> = rows.iter().map(|r| r.reference).collect();
            let shown = is.len().min(must.len());
            holds(is[..] == must[..shown], counted, || format!("the queue's order is {is:?}, must be {must:?}"))?;
        }
        Ok(())
    }

    fn compare_incidents(&self, lens: &Lens<'_>, account: AccountId) -> Check {
        let list = lens.incidents(&IncidentFilter { all: true, ..IncidentFilter::default() }, None, usize::MAX);
        let seen: Vec<usize> = (0..self.incidents.len()).filter(|i| self.sees_incident(account, *i)).collect();
        let extra: Vec<usize> = list.rows.iter().map(|r| r.id.index()).filter(|i| !seen.contains(i)).collect();
        holds(extra.is_empty(), Invariant::OthersAreKeptOut, || format!("{account:?} sees incidents {extra:?}"))?;
        let mut shown: Vec<usize> = list.rows.iter().map(|r| r.id.index()).collect();
        shown.sort_unstable();
        let listed: Vec<usize> = seen
            .iter()
            .copied()
            .filter(|i| !self.incidents[*i].dropped && self.incidents[*i].merged.is_none())
            .collect();
        let counted = Invariant::CountsAreRecounted;
        holds(shown == listed && list.total == listed.len(), counted, || {
            format!("{account:?} sees incidents {shown:?}, and should see {listed:?}")
        })?;
        for phase in Phase::ALL {
            let must = listed.iter().filter(|i| self.incidents[**i].phase == phase).count();
            let is = list.facets.phases.iter().find(|(p, _)| *p == phase).map_or(0, |(_, n)| *n);
            holds(is == must, counted, || format!("{is} incidents are {phase:?}, must be {must}"))?;
        }
        for row in &list.rows {
            let kept = &self.incidents[row.id.index()];
            let family: Vec<usize> =
                self.family(row.id.index()).into_iter().filter(|i| self.sees_incident(account, *i)).collect();
            let tasks = family.iter().flat_map(|i| &self.incidents[*i].tasks);
            let open = tasks.filter(|t| !t.done && !t.withdrawn).count();
            let is = (row.reference, row.severity, row.phase, row.tlp, row.reports, row.tasks_open, row.held);
            let reports: usize = family.iter().map(|i| self.reports_of(*i).len()).sum();
            let must = (kept.reference, kept.severity, kept.phase, kept.tlp, reports, open, kept.held);
            holds(is == must, counted, || {
                format!("the row of incident {} is {is:?}, must be {must:?}", row.id.index())
            })?;
        }
        seen.iter().try_for_each(|i| self.compare_lines(lens, account, *i))
    }

    /// Which lines of an incident an account sees, and which not.
    fn compare_lines(&self, lens: &Lens<'_>, account: AccountId, incident: usize) -> Check {
        let kept = &self.incidents[incident];
        if kept.lines.iter().all(|l| l.own.is_none()) {
            return Ok(());
        }
        let Some(view) = lens.incident(kept.reference) else { return Ok(()) };
        for line in &kept.lines {
            let shown = view.timeline.iter().find(|e| e.of.is_none() && e.entry.index() == line.entry);
            let sees = self.sees_line(account, incident, line);
            let strict = Invariant::StrictLineStaysStrict;
            holds(sees || shown.is_none(), strict, || {
                format!(
                    "{account:?} sees line {} of incident {incident} ({:?}), which {:?} wrote under {:?}",
                    line.entry,
                    shown.map(|s| &s.what),
                    line.by,
                    line.own
                )
            })?;
            let writer_sees = line.by != account || shown.is_some();
            holds(writer_sees, strict, || {
                format!(
                    "{account:?} no longer sees line {} of incident {incident}, written under {:?}",
                    line.entry, line.own
                )
            })?;
            if let Some(LineView::Noted(_, Some(note))) = shown.map(|s| &s.what) {
                holds(note.text == line.text, strict, || {
                    format!("line {} of incident {incident} says {note:?}", line.entry)
                })?;
            }
        }
        let red = kept.tlp == Tlp::Red && !kept.persons.contains(&account);
        holds(!red, Invariant::OthersAreKeptOut, || format!("{account:?} opens incident {incident}"))
    }

    fn compare_outbox(&self, lens: &Lens<'_>, account: AccountId) -> Check {
        let counts = lens.outbox_counts();
        let mut must = OutboxCounts::default();
        for notice in (0..self.notices.len()).filter(|n| self.sees_notice(account, *n)) {
            match self.notices[notice].standing {
                StandingKey::Waiting => must.waiting += 1,
                StandingKey::Retrying => must.retrying += 1,
                StandingKey::Sent => must.sent += 1,
                StandingKey::Failed => must.failed += 1,
                StandingKey::Bounced => must.bounced += 1,
                StandingKey::Withdrawn => must.withdrawn += 1,
            }
        }
        holds(counts == must, Invariant::CountsAreRecounted, || {
            format!("{account:?} sees the outbox as {counts:?}, must be {must:?}")
        })
    }

    fn compare_recent(&self, lens: &Lens<'_>, account: AccountId) -> Check {
        for row in lens.recent(RECENT) {
            let Some(reference) = row.reference else { continue };
            holds(self.sees(account, reference), Invariant::OthersAreKeptOut, || {
                format!("{account:?} reads in the last acts of {reference}: {}", row.key)
            })?;
        }
        for (n, report) in self.reports.iter().enumerate().filter(|(n, _)| !self.sees_report(account, *n)) {
            let hidden = lens.report_id(report.reference).is_none() && lens.report_leave(report.reference).is_none();
            holds(hidden, Invariant::OthersAreKeptOut, || format!("{account:?} opens report {n}"))?;
        }
        for (n, incident) in self.incidents.iter().enumerate().filter(|(n, _)| !self.sees_incident(account, *n)) {
            let hidden =
                lens.incident_id(incident.reference).is_none() && lens.incident_leave(incident.reference).is_none();
            holds(hidden, Invariant::OthersAreKeptOut, || format!("{account:?} opens incident {n}"))?;
        }
        Ok(())
    }
}

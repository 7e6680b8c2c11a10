//! The queue: whom must I answer first?

use super::rows::ReportRow;
use crate::ids::{ReportId, Timestamp};
use crate::intake::{Kind, Status};
use crate::lens::Lens;
use crate::register::BoardId;

/// Rows of one part of the queue, at most; its count tells how many there are.
const ROWS_MAX: usize = 200;
/// What counts as today when nobody says when the day began, seconds.
const DAY_SECONDS: i64 = 24 * 3600;

/// Which reports of the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueFilter {
    /// What it is about.
    pub kind: Option<Kind>,
    /// The board.
    pub board: Option<BoardId>,
    /// Only what I work on.
    pub mine: bool,
    /// When the day began in the viewer's zone; `None`: the last 24 hours.
    pub today_from: Option<Timestamp>,
}

/// The undecided reports, in the order in which they want attention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// A town is being hit now and nobody decided yet: call first. Newest first.
    pub call: Vec<ReportRow>,
    /// To judge. Newest first.
    pub judge: Vec<ReportRow>,
    /// We asked something and wait. Newest first.
    pub waiting: Vec<ReportRow>,
    /// Not before a moment. The one that comes back first is first.
    pub snoozed: Vec<ReportRow>,
    /// How many there are of each, rows shown or not.
    pub counts: QueueCounts,
    /// Decided today.
    pub decided_today: usize,
    /// Received today.
    pub received_today: usize,
    /// Undecided, and thought to be junk: not in the lists above.
    pub junk: usize,
    /// When the oldest report to judge came in.
    pub oldest: Option<Timestamp>,
}

/// How many reports there are in each part of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// To call.
    pub call: usize,
    /// To judge.
    pub judge: usize,
    /// Waiting.
    pub waiting: usize,
    /// Snoozed.
    pub snoozed: usize,
}

enum Part {
    Call,
    Judge,
    Waiting,
    Snoozed(Timestamp),
    Junk,
}

impl Lens<'_> {
    /// The queue at `now`.
    pub fn queue(&self, now: Timestamp, filter: &QueueFilter) -> Queue {
        let intake = &self.desk.intake;
        let mut queue = Queue::default();
        let mut parts: [Vec<(Timestamp, ReportId)>; 4] = Default::default();
        for report in intake.open.iter().rev() {
            let brief = &intake.briefs[report.index()];
            if !self.may_see(brief.class)
                || filter.kind.is_some_and(|k| brief.kind != k)
                || filter.board.is_some_and(|b| brief.board != Some(b))
            {
                continue;
            }
            let kept = intake.get(*report);
            if filter.mine && kept.claimed_by != Some(self.viewer.account) {
                continue;
            }
            match self.part(*report, now) {
                Part::Call => parts[0].push((kept.last_at, *report)),
                Part::Judge => parts[1].push((kept.last_at, *report)),
                Part::Waiting => parts[2].push((kept.last_at, *report)),
                Part::Snoozed(until) => parts[3].push((until, *report)),
                Part::Junk => queue.junk += 1,
            }
        }
        let [call, judge, waiting, snoozed] = &mut parts;
        queue.counts =
            QueueCounts { call: call.len(), judge: judge.len(), waiting: waiting.len(), snoozed: snoozed.len() };
        queue.oldest = call.iter().chain(judge.iter()).map(|(_, r)| intake.get(*r).received_at).min();
        for newest_first in [&mut *call, judge, waiting] {
            newest_first.sort_unstable_by(|a, b| b.cmp(a));
        }
        snoozed.sort_unstable();
        let rows =
            |part: &[(Timestamp, ReportId)]| part.iter().take(ROWS_MAX).map(|(_, r)| self.report_row(*r)).collect();
        queue.call = rows(call);
        queue.judge = rows(judge);
        queue.waiting = rows(waiting);
        queue.snoozed = rows(snoozed);
        let since = filter.today_from.unwrap_or(now.plus_seconds(-DAY_SECONDS));
        queue.decided_today = self.decided_since(since);
        queue.received_today = self.received_since(since);
        queue
    }

    /// How many reports there are in each part of the queue at `now`, without their rows.
    pub fn queue_counts(&self, now: Timestamp) -> QueueCounts {
        let mut counts = QueueCounts::default();
        let open = self.desk.intake.open.iter();
        for report in open.filter(|r| self.may_see(self.desk.intake.briefs[r.index()].class)) {
            match self.part(*report, now) {
                Part::Call => counts.call += 1,
                Part::Judge => counts.judge += 1,
                Part::Waiting => counts.waiting += 1,
                Part::Snoozed(_) => counts.snoozed += 1,
                Part::Junk => {}
            }
        }
        counts
    }

    fn part(&self, report: ReportId, now: Timestamp) -> Part {
        let kept = self.desk.intake.get(report);
        match kept.status {
            // A sleeping report comes back by itself: nothing has to happen for it.
            Status::Snoozed(until) if until > now => Part::Snoozed(until),
            Status::Waiting => Part::Waiting,
            _ if kept.appraisal.hit_now && kept.appraisal.kind != Kind::Junk => Part::Call,
            _ if kept.appraisal.kind == Kind::Junk => Part::Junk,
            _ => Part::Judge,
        }
    }

    fn decided_since(&self, since: Timestamp) -> usize {
        let intake = &self.desk.intake;
        let recent = intake.decisions.iter().rev().take_while(|(at, ..)| *at >= since);
        let stands = |(_, seq, report): &&(Timestamp, u64, ReportId)| {
            let kept = intake.get(*report);
            kept.decided_seq == Some(*seq) && self.may_see(kept.class)
        };
        recent.filter(stands).count()
    }

    fn received_since(&self, since: Timestamp) -> usize {
        let reports = self.desk.intake.reports.iter().rev().take_while(|r| r.received_at >= since);
        reports.filter(|r| self.may_see(r.class)).count()
    }

    /// When the next snoozed report comes back after `now`, so that a page can renew itself then.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.desk.intake.open.iter().map(|r| self.desk.intake.get(*r));
        let wakes = open.filter(|r| self.may_see(r.class)).filter_map(|r| match r.status {
            Status::Snoozed(until) if until > now => Some(until),
            _ => None,
        });
        wakes.min()
    }
}

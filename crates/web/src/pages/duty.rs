//! The duty desk: whom must I answer first?

use crate::Web;
use crate::app::{again, done, done_at, done_together, page as respond};
use crate::pages::first_run::mistake;
use crate::pages::report::{self, Opened, Pane};
use crate::pages::rows::report_row;
use crate::parts::{Icon, Mistake, empty, error_summary, icon, or_erased};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::ticket::Tickets;
use crate::visitor::{Fields, Sent, Visitor};
use crate::when;
use crate::words::{n, s};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command};
use desk::ids::{Reference, Timestamp};
use desk::incidents::{IncidentFilter, IncidentRow};
use desk::intake::{self, Kind, Queue, QueueFilter, ReportRow, Status, Together, Verdict};
use maud::{Markup, html};
use std::collections::HashMap;

/// Incidents offered to those who choose several, at most.
const RUNNING_SHOWN: usize = 30;

/// What the page shows.
pub struct Duty {
    /// The queue.
    pub queue: Queue,
    /// Which part of it.
    pub filter: QueueFilter,
    /// The report whose row is marked.
    pub current: Option<Reference>,
    /// That report, in the reading pane; a part of the page that is fetched alone has none.
    pub open: Option<Opened>,
    /// Several are being chosen.
    pub bulk: bool,
    /// Incidents to which those can be added.
    pub running: Vec<IncidentRow>,
    /// What was wrong with the form that was sent.
    pub mistakes: Vec<Mistake>,
}

impl Duty {
    fn href(&self, row: &ReportRow) -> String {
        let mut href = Route::DutyOpen(row.reference).to_string();
        if let Some(kind) = self.filter.kind {
            href.push_str(&format!("&soort={}", kind.key()));
        }
        if self.filter.mine {
            href.push_str("&van=mij");
        }
        href
    }

    fn address(&self, bulk: bool) -> String {
        let mut address = format!("{}?", Route::Duty);
        if let Some(current) = self.current {
            address.push_str(&format!("open={current}&"));
        }
        if let Some(kind) = self.filter.kind {
            address.push_str(&format!("soort={}&", kind.key()));
        }
        if self.filter.mine {
            address.push_str("van=mij&");
        }
        if bulk {
            address.push_str("kies=1&");
        }
        address.pop();
        address
    }

    /// Where a part of this page is fetched by itself.
    fn part(&self, part: &str) -> String {
        let address = self.address(self.bulk);
        let join = if address.contains('?') { '&' } else { '?' };
        format!("{address}{join}deel={part}")
    }
}

/// The page.
pub fn page(shell: &Shell, view: &Duty) -> Markup {
    let title = shell.w.t("nav-duty");
    shell.page(
        title.as_str(),
        html! {
            (error_summary(shell.w, &view.mistakes))
            (head(shell, view))
            div class={ "triage" @if view.open.as_ref().is_some_and(|o| o.chosen) { " open" } } {
                (queue(shell, view))
                article class="read" aria-labelledby="read-h" id="read" {
                    @match &view.open {
                        Some(open) => {
                            // In one column the list is below the report, perhaps far.
                            p class="to-list" { a class="link" href="#queue" { (shell.w.t("read-to-list")) } }
                            (report::pane(shell, open))
                        }
                        None => { h2 class="read-h" id="read-h" { (shell.w.t("read-nothing")) } p class="quiet" { (shell.w.t("read-nothing-text")) } }
                    }
                }
            }
        },
    )
}

fn head(shell: &Shell, view: &Duty) -> Markup {
    let (w, queue) = (shell.w, &view.queue);
    let counts = queue.counts;
    let heading = match (counts.call, counts.judge) {
        (0, 0) => w.t("duty-nobody"),
        (0, judge) => w.f("duty-judge", &[("n", n(judge)), ("spelled", s(&w.spelled(judge)))]),
        (call, _) => w.f("duty-call", &[("n", n(call)), ("spelled", s(&w.spelled(call)))]),
    };
    html! {
        div class="head" id="head" data-fragment=(view.part("kop")) data-topics="queue" {
            div {
                h1 { (heading) }
                p {
                    (w.f("duty-sub", &[("judge", n(counts.judge)), ("received", n(queue.received_today)), ("decided", n(queue.decided_today))]))
                    @if let Some(oldest) = queue.oldest { " " (w.f("duty-oldest", &[("time", s(&w.moment(oldest)))])) }
                    @if queue.junk > 0 { " " a href={ (Route::Reports) "?soort=junk&status=open" } { (w.f("duty-junk", &[("n", n(queue.junk))])) } }
                }
            }
            @if shell.may_act() {
                div class="row" {
                    a class="btn" href=(Route::Phone) data-key="n" { (icon(Icon::Phone)) (w.t("phone-take")) " " kbd { "n" } }
                }
            }
        }
    }
}

/// The queue, as the page has it and as it is fetched when it changed.
pub fn queue(shell: &Shell, view: &Duty) -> Markup {
    let (w, queue) = (shell.w, &view.queue);
    let parts: [(&str, &[ReportRow], usize); 4] = [
        ("queue-call", &queue.call, queue.counts.call),
        ("queue-judge", &queue.judge, queue.counts.judge),
        ("queue-waiting", &queue.waiting, queue.counts.waiting),
        ("queue-snoozed", &queue.snoozed, queue.counts.snoozed),
    ];
    let nothing = parts.iter().all(|(_, rows, _)| rows.is_empty());
    let list = html! {
        @for (key, rows, count) in parts {
            @if !rows.is_empty() || key == "queue-judge" && !nothing {
                h2 { span { (w.t(key)) } span { (w.number(count)) } }
                @if rows.is_empty() { p class="q-empty" { (w.t("queue-judge-empty")) } }
                @for row in rows { (self::row(shell, view, row)) }
                @if count > rows.len() { p class="q-empty" { a href={ (Route::Reports) "?status=open" } { (w.f("queue-more", &[("n", n(count - rows.len()))])) } } }
            }
        }
        @if nothing { (empty(&w.t("queue-empty"), &w.t("queue-empty-text"), None)) }
    };
    html! {
        section class="queue" id="queue" aria-label=(w.t("queue")) data-fragment=(view.part("rij")) data-topics="queue" {
            @if view.bulk {
                form method="post" action=(Route::Bulk) { (shell.token()) (list) (bulk_bar(shell, view)) }
            } @else {
                (list)
                @if !nothing { (legend(shell, view)) }
            }
        }
    }
}

fn row(shell: &Shell, view: &Duty, row: &ReportRow) -> Markup {
    let current = view.current == Some(row.reference);
    let link = report_row(shell, row, &view.href(row), current);
    if !view.bulk {
        return link;
    }
    let label = shell.w.f("bulk-choose", &[("reference", s(&row.reference.to_string()))]);
    html! {
        div class="q-row" {
            input type="checkbox" name="reports" value=(row.reference) aria-label=(label);
            (link)
        }
    }
}

fn bulk_bar(shell: &Shell, view: &Duty) -> Markup {
    let w = shell.w;
    html! {
        div class="bulk" role="group" aria-label=(w.t("bulk-label")) {
            button class="btn" type="submit" name="verdict" value="no_incident" { (w.t("verdict-no-incident")) }
            button class="btn" type="submit" name="verdict" value="spam" { (w.t("verdict-spam")) }
            button class="btn" type="submit" name="verdict" value="one" { (w.t("bulk-one")) }
            button class="btn" type="submit" name="verdict" value="claim" { (w.t("claim")) }
            @if !view.running.is_empty() {
                span class="row" {
                    select class="in small" id="bulk-to" name="to" aria-label=(w.t("bulk-to")) {
                        option value="" { (w.t("bulk-to")) }
                        @for one in &view.running { option value=(one.reference) { (one.reference) " " (or_erased(w, one.title.as_deref())) } }
                    }
                    button class="btn" type="submit" name="verdict" value="attach" { (w.t("bulk-attach")) }
                }
            }
            span class="row" {
                select class="in small" id="bulk-until" name="until" aria-label=(w.t("snooze-until")) {
                    @for (key, until) in report::SNOOZES { option value=(until) { (w.t(key)) } }
                }
                button class="btn" type="submit" name="verdict" value="snooze" { (w.t("snooze")) }
            }
            a class="btn plain" href=(view.address(false)) data-back { (w.t("cancel")) }
        }
    }
}

fn legend(shell: &Shell, view: &Duty) -> Markup {
    let w = shell.w;
    html! {
        p class="legend" {
            span class="key" { kbd { "j" } " " kbd { "k" } " " (w.t("key-next")) }
            span class="key" { kbd { "Enter" } " " (w.t("key-open")) }
            span class="key" { kbd { "1" } "–" kbd { "4" } " " (w.t("legend-decide")) }
            span class="key" { kbd { "h" } " " (w.t("key-snooze")) }
            @if shell.may_act() { span { kbd class="key" { "x" } " " a href=(view.address(true)) data-key="x" { (w.t("key-bulk")) } } }
            @if view.filter.mine { span { a href=(Route::Duty) { (w.t("queue-all")) } } } @else { span { a href={ (Route::Duty) "?van=mij" } { (w.t("queue-mine")) } } }
            span class="key" { kbd { "?" } " " a href=(Route::Keys) data-open="keys" { (w.t("key-help")) } }
        }
    }
}

/// When the day began in the desk's zone.
pub(crate) fn today_from(now: Timestamp) -> Timestamp {
    let start = when::zoned(now).start_of_day();
    start.map_or(now, |s| Timestamp(s.timestamp().as_microsecond()))
}

/// `GET /wacht`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let value = |name: &str| query.get(name).map(String::as_str);
    let filter = QueueFilter {
        kind: value("soort").and_then(Kind::from_key),
        board: None,
        mine: value("van") == Some("mij"),
        today_from: Some(today_from(visitor.now)),
    };
    let chosen: Option<Reference> = value("open").and_then(|r| r.parse().ok());
    let part = value("deel");
    let (shell, (queue, current, opened)) = web
        .look(&visitor, Nav::Duty, |lens| {
            let queue = lens.queue(visitor.now, &filter);
            let first = [&queue.call, &queue.judge, &queue.waiting].into_iter().flatten().next().map(|r| r.reference);
            let current = chosen.or(first);
            let opened = current.filter(|_| part.is_none()).and_then(|r| lens.report(r));
            (queue, current, opened)
        })
        .await?;
    let open = match opened {
        Some(view) => {
            let pane = Pane::of(value("doe"));
            Some(Opened { chosen: chosen.is_some(), ..report::open(&web, &visitor, view, pane).await? })
        }
        None => None,
    };
    let bulk = value("kies").is_some();
    let running = if bulk { running(&web, &visitor).await? } else { Vec::new() };
    let view = Duty { queue, filter, current, open, bulk, running, mistakes: Vec::new() };
    Ok(respond(match part {
        Some("rij") => self::queue(&shell, &view),
        Some("kop") => head(&shell, &view),
        _ => page(&shell, &view),
    }))
}

/// Incidents that are not closed, what changed last first.
async fn running(web: &Web, visitor: &Visitor) -> Result<Vec<IncidentRow>, Problem> {
    let list = web
        .engine()
        .read(|desk| desk.seen_by(visitor.viewer).incidents(&IncidentFilter::default(), None, RUNNING_SHOWN).rows);
    Ok(list.await?)
}

/// The page again, with what was wrong and what was chosen.
async fn bulk_again(
    web: &Web,
    visitor: &Visitor,
    fields: &Fields,
    (field, why): (&str, &str),
) -> Result<Response, Problem> {
    let filter = QueueFilter { today_from: Some(today_from(visitor.now)), ..QueueFilter::default() };
    let (shell, queue) = web.look(visitor, Nav::Duty, |lens| lens.queue(visitor.now, &filter)).await?;
    let running = running(web, visitor).await?;
    let mistakes = vec![Mistake { field: "bulk-to".to_owned(), ..mistake(shell.w, field, why) }];
    let view = Duty { queue, filter, current: None, open: None, bulk: true, running, mistakes };
    Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &page(&shell, &view), visitor, fields))
}

/// `POST /wacht/samen`: the same about several, taken back as one.
pub(crate) async fn bulk(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["reports", "verdict", "to", "until"])?;
    let chosen: Vec<Reference> = fields.all("reports").filter_map(|r| r.parse().ok()).collect();
    if chosen.is_empty() {
        return Ok(crate::app::see_other(&format!("{}?kies=1", Route::Duty)));
    }
    let to: Option<Reference> = fields.some("to").and_then(|r| r.parse().ok());
    let found = web.engine().read(|desk| {
        let lens = desk.seen_by(visitor.viewer);
        let rows = lens.report_rows(&chosen);
        // What a colleague decided meanwhile is no part of it.
        let open: Vec<ReportRow> = rows.into_iter().filter(|r| !matches!(r.status, Status::Decided(_))).collect();
        let leaves = open.iter().map(|r| lens.report_leave(r.reference)).collect::<Option<Vec<_>>>()?;
        let incident = to.and_then(|to| lens.incident_leave(to)).map(|leave| leave.id());
        Some((open, leaves, incident))
    });
    let (rows, leaves, incident) = found.await?.ok_or_else(Problem::not_found)?;
    let act = match fields.get("verdict") {
        "no_incident" => Bulk::Decide(Verdict::NoIncident, "bulk-no-incident"),
        "spam" => Bulk::Decide(Verdict::Spam, "bulk-spam"),
        "attach" => match incident {
            Some(incident) => Bulk::Decide(Verdict::Incident { incident, opened: false }, "bulk-incident"),
            None => return bulk_again(&web, &visitor, &fields, ("incident", "choose")).await,
        },
        "one" if rows.is_empty() => return Err(Problem::of(Wrong::TooLate)),
        "one" => return report::begin_incident(&web, &visitor, &rows, leaves).await,
        "claim" => Bulk::Together(Together::Claim, "bulk-claimed"),
        "release" => Bulk::Together(Together::Release, "bulk-released"),
        "snooze" => match report::until(fields.get("until"), "", visitor.now) {
            Some(until) => Bulk::Together(Together::Snooze(until), "bulk-snoozed"),
            None => return Err(Problem::of(Wrong::Forged)),
        },
        "wake" => Bulk::Together(Together::Wake, "bulk-woken"),
        _ => return Err(Problem::of(Wrong::Forged)),
    };
    let (command, word, on) = match act {
        Bulk::Decide(verdict, word) => (intake::Command::DecideMany(leaves, verdict), word, rows),
        Bulk::Together(what, word) => {
            // Only what this act changes is taken back with it.
            let changes = |row: &ReportRow| match what {
                Together::Claim => row.claimed_by.is_none(),
                Together::Release => row.claimed_by_me,
                Together::Snooze(_) => !matches!(row.status, Status::Snoozed(_)),
                Together::Wake => matches!(row.status, Status::Snoozed(_)),
            };
            let both = rows.into_iter().zip(leaves).filter(|(row, _)| changes(row));
            let (rows, leaves) = both.unzip();
            (intake::Command::Together(leaves, what), word, rows)
        }
    };
    let on: Vec<Reference> = on.iter().map(|row| row.reference).collect();
    let made = web.engine().submit(Actor::Person(visitor.viewer.account), Command::Intake(command)).await?;
    Ok(match act {
        Bulk::Decide(..) => done_together(&Route::Duty, word, on.len(), &[], made.seq),
        Bulk::Together(..) => done_together(&Route::Duty, word, on.len(), &on, None),
    })
}

/// What is done to those that were chosen, and its word.
#[derive(Clone, Copy)]
enum Bulk {
    Decide(Verdict, &'static str),
    Together(Together, &'static str),
}

/// `POST /ongedaan`: take one's own act back.
pub(crate) async fn undo(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["of", "back"])?;
    let of = Tickets::of(&web, visitor.viewer.account).open(fields.get("of")).ok_or_else(Problem::not_found)?;
    let by = visitor.viewer.account;
    web.engine().submit(Actor::Person(by), Command::Undo { by, of }).await?;
    let back = fields.get("back");
    // A page of ours, and nothing that a browser reads as another host.
    if back.starts_with('/') && !back[1..].starts_with(['/', '\\']) && back.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(done_at(back, "undone", None, None));
    }
    let to = match back.parse::<Reference>().ok() {
        _ if back == crate::pages::retention::BACK => Route::Retention,
        Some(reference) if reference.named() == desk::ids::Named::Incident => Route::Incident(reference),
        Some(reference) => Route::DutyOpen(reference),
        None => Route::Duty,
    };
    Ok(done(&to, "undone", None, None))
}

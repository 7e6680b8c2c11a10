//! Incidents: which run, how far, who leads?

use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::first_run::mistake;
use crate::pages::reports::choice;
use crate::parts::{Input, Mistake, empty, error_summary, field, or_erased, select, severity, tlp};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::{Route, query as quoted};
use crate::shell::{Nav, Shell, Title};
use crate::visitor::{Sent, Visitor};
use crate::when;
use crate::words::{n, s};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command, Outcome};
use desk::ids::{AccountId, Reference};
use desk::incidents::{self, IncidentFilter, IncidentList, IncidentRow, Phase, Severity};
use desk::lens::Tlp;
use desk::register::BoardId;
use maud::{Markup, html};
use std::collections::HashMap;

/// Longest title, characters: the desk's own limit.
pub(crate) const TITLE_CHARS_MAX: usize = 200;
/// Rows of a page.
const ROWS: usize = 50;

/// What the page shows.
pub struct Incidents {
    /// Which ones.
    pub filter: IncidentFilter,
    /// The rows and the counts.
    pub list: IncidentList,
    /// The cursor of this page.
    pub after: Option<Reference>,
}

impl Incidents {
    fn address(&self, after: Option<Reference>) -> String {
        let filter = &self.filter;
        let mut address = format!("{}?", Route::Incidents);
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                address.push_str(&format!("{name}={}&", quoted(value)));
            }
        };
        put("fase", &phase_value(filter));
        put("ernst", filter.severity.map_or("", Severity::label));
        put("bestuur", &filter.board.map(|b| b.0.to_string()).unwrap_or_default());
        put("leiding", &filter.lead.map(|l| l.0.to_string()).unwrap_or_default());
        put("q", &filter.text);
        if let Some(after) = after {
            put("na", &after.to_string());
        }
        address.pop();
        address
    }
}

fn phase_value(filter: &IncidentFilter) -> String {
    match filter.phase {
        Some(phase) => phase.key().to_owned(),
        None if filter.all => "alle".to_owned(),
        None => String::new(),
    }
}

/// The page.
pub fn page(shell: &Shell, view: &Incidents) -> Markup {
    let w = shell.w;
    let total = view.list.total;
    let key = if view.filter.all || view.filter.phase.is_some() { "incidents-some" } else { "incidents-run" };
    let title = w.f(key, &[("n", n(total)), ("spelled", s(&w.spelled(total)))]);
    shell.page(
        w.t("nav-incidents").as_str(),
        html! {
            div class="head" {
                div { h1 { (title) } p { (w.t("incidents-lead")) } }
                @if shell.may_act() { a class="btn" href=(Route::IncidentNew) { (w.t("incident-new")) } }
            }
            (filters(shell, view))
            (list(shell, view))
        },
    )
}

fn filters(shell: &Shell, view: &Incidents) -> Markup {
    let (w, facets) = (shell.w, &view.list.facets);
    let counted = |text: String, count: usize| format!("{text} ({})", w.number(count));
    let mut phases = vec![(String::new(), w.t("incidents-open")), ("alle".to_owned(), w.t("filter-all"))];
    phases.extend(Phase::ALL.iter().map(|p| {
        let count = facets.phases.iter().find(|(of, _)| of == p).map(|(_, n)| *n);
        let name = w.of("phase", p.key());
        (p.key().to_owned(), count.map_or(name.clone(), |c| counted(name, c)))
    }));
    let mut grades = vec![(String::new(), w.t("filter-all"))];
    grades.extend(Severity::ALL.iter().map(|g| {
        let count = facets.severities.iter().find(|(of, _)| *of == Some(*g)).map(|(_, n)| *n);
        let name = format!("{} {}", g.label(), w.of("severity", g.label()));
        (g.label().to_owned(), count.map_or(name.clone(), |c| counted(name, c)))
    }));
    let mut boards = vec![(String::new(), w.t("filter-all"))];
    boards.extend(facets.boards.iter().map(|(id, name, count)| (id.0.to_string(), counted(name.clone(), *count))));
    let mut leads = vec![(String::new(), w.t("filter-all"))];
    leads.extend(
        facets.leads.iter().map(|(id, name, count)| {
            (id.0.to_string(), counted(name.clone().unwrap_or_else(|| w.t("erased")), *count))
        }),
    );
    let id = |id: Option<u32>| id.map(|n| n.to_string()).unwrap_or_default();
    html! {
        form class="filter" method="get" action=(Route::Incidents) role="search" {
            div class="grow" { label for="q" { (w.t("filter-text")) } input class="in" id="q" name="q" type="search" value=(view.filter.text) data-key="/"; }
            (choice("fase", &w.t("phase"), &phases, &phase_value(&view.filter)))
            (choice("ernst", &w.t("severity"), &grades, view.filter.severity.map_or("", Severity::label)))
            (choice("bestuur", &w.t("board"), &boards, &id(view.filter.board.map(|b| b.0))))
            (choice("leiding", &w.t("lead"), &leads, &id(view.filter.lead.map(|l| l.0))))
            button class="btn" type="submit" { (w.t("filter")) }
        }
    }
}

fn list(shell: &Shell, view: &Incidents) -> Markup {
    let (w, list) = (shell.w, &view.list);
    let address = view.address(view.after);
    let join = if address.contains('?') { "&" } else { "?" };
    html! {
        div id="incidents" data-fragment={ (address) (join) "deel=lijst" } data-topics="incidents" {
            @if list.rows.is_empty() { (empty(&w.t("incidents-none"), &w.t("incidents-none-text"), None)) } @else { (incident_table(shell, &list.rows)) }
            nav class="pages" aria-label=(w.t("pages")) {
                span class="meta" { (w.f("pages-shown", &[("n", n(list.rows.len())), ("total", n(list.total))])) }
                @if view.after.is_some() { a href=(view.address(None)) { (w.t("pages-first")) } }
                @if let Some(next) = list.next { a class="btn" rel="next" href=(view.address(Some(next))) { (w.t("pages-next")) } }
            }
        }
    }
}

/// Incidents as a dense list.
pub(crate) fn incident_table(shell: &Shell, rows: &[IncidentRow]) -> Markup {
    let w = shell.w;
    html! {
        table class="tbl stack" {
            thead { tr {
                th scope="col" { (w.t("incident")) } th scope="col" { (w.t("severity")) } th scope="col" { (w.t("phase")) }
                th scope="col" { (w.t("lead")) } th scope="col" { (w.t("last-change")) }
            } }
            tbody { @for row in rows { (incident_row(shell, row)) } }
        }
    }
}

fn incident_row(shell: &Shell, row: &IncidentRow) -> Markup {
    let w = shell.w;
    html! {
        tr {
            th scope="row" {
                a href=(Route::Incident(row.reference)) data-row=(row.reference) { (or_erased(w, row.title.as_deref())) }
                p class="row meta" {
                    span class="ref" { (row.reference) }
                    @if row.tlp != Tlp::Amber { (tlp(row.tlp)) }
                    @if !row.boards.is_empty() { span { (row.boards.join(", ")) } }
                    @if row.unanswered { span class="chip acc" { (w.t("incident-unanswered")) } }
                    @if row.undelivered { span class="chip down" { (w.t("row-undelivered")) } }
                    @if row.held { span class="chip lim" { (w.t("held")) } }
                }
            }
            td data-l=(w.t("severity")) { @match row.severity { Some(grade) => { (severity(w, grade, false)) } None => { span class="quiet" { (w.t("not-known-yet")) } } } }
            td data-l=(w.t("phase")) { (w.of("phase", row.phase.key())) }
            td data-l=(w.t("lead")) { @match &row.lead { Some(name) => { (name) } None => { span class="quiet" { (w.t("nobody")) } } } }
            td data-l=(w.t("last-change")) {
                span class="nw" { (when::time(w, row.changed_at)) }
                @if row.tasks_open > 0 {
                    p class="meta" { (w.f("tasks-open", &[("n", n(row.tasks_open))])) @if let Some(due) = row.next_due { " · " (w.f("task-first-due", &[("time", s(&w.moment(due)))])) } }
                }
            }
        }
    }
}

/// A new incident, without a report.
#[derive(Clone, Debug, Default)]
pub struct NewIncident {
    /// Its title.
    pub title: String,
    /// Severity at first sight.
    pub severity: String,
    /// Its label.
    pub tlp: String,
    /// The board concerned, as typed.
    pub board: String,
    /// Since when, as typed.
    pub since: String,
    /// What was wrong.
    pub mistakes: Vec<Mistake>,
}

/// The form for a new incident.
pub fn new_page(shell: &Shell, view: &NewIncident) -> Markup {
    let w = shell.w;
    let title = w.t("incident-new");
    let mut grades = vec![(String::new(), w.t("not-known-yet"))];
    grades.extend(
        Severity::ALL.map(|g| (g.label().to_owned(), format!("{} {}", g.label(), w.of("severity", g.label())))),
    );
    let labels: Vec<_> = Tlp::ALL.iter().rev().map(|t| (t.label().to_owned(), format!("TLP:{}", t.label()))).collect();
    let text = |id: &str, value: &str, hint: Option<&str>, focus: bool| {
        field(
            id,
            &w.of("incident-field", id),
            Input { value, hint, focus, required: id == "title", ..Input::default() },
            &view.mistakes,
        )
    };
    shell.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() },
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("incident-new-lead")) } } }
            (error_summary(w, &view.mistakes))
            form method="post" action=(Route::IncidentNew) class="desk narrow" {
                (shell.token())
                (text("title", &view.title, Some(&w.t("incident-title-hint")), true))
                (text("board", &view.board, Some(&w.t("board-hint")), false))
                (select("severity", &w.t("severity"), &grades, &view.severity))
                (select("tlp", "TLP", &labels, &view.tlp))
                (text("since", &view.since, Some(&w.t("time-hint")), false))
                p class="row" { button class="btn first" type="submit" { (w.t("incident-open-do")) } a class="btn plain" href=(Route::Incidents) data-back { (w.t("cancel")) } }
            }
        },
    )
}

/// `GET /incidenten`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let value = |name: &str| query.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let phase = value("fase");
    let filter = IncidentFilter {
        all: phase.as_deref() == Some("alle"),
        phase: phase.as_deref().and_then(Phase::from_key),
        severity: value("ernst").and_then(|s| Severity::from_label(&s)),
        board: value("bestuur").and_then(|b| b.parse().ok()).map(BoardId),
        lead: value("leiding").and_then(|l| l.parse().ok()).map(AccountId),
        text: value("q").unwrap_or_default(),
    };
    let after: Option<Reference> = value("na").and_then(|r| r.parse().ok());
    let (shell, list) = web.look(&visitor, Nav::Incidents, |lens| lens.incidents(&filter, after, ROWS)).await?;
    let view = Incidents { filter, list, after };
    Ok(respond(if query.contains_key("deel") { self::list(&shell, &view) } else { page(&shell, &view) }))
}

/// `GET /incidenten/nieuw`.
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.acts()?;
    let (shell, ()) = web.look(&visitor, Nav::Incidents, |_| ()).await?;
    let view = NewIncident { tlp: Tlp::Amber.label().to_owned(), ..NewIncident::default() };
    Ok(respond(new_page(&shell, &view)))
}

/// `POST /incidenten/nieuw`.
pub(crate) async fn open(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["title", "board", "severity", "tlp", "since"])?;
    let (shell, may) = web.look(&visitor, Nav::Incidents, |lens| lens.may_act()).await?;
    if !may {
        return Err(Problem::not_found());
    }
    let mut view = NewIncident {
        title: fields.get("title").to_owned(),
        severity: fields.get("severity").to_owned(),
        tlp: fields.get("tlp").to_owned(),
        board: fields.get("board").to_owned(),
        since: fields.get("since").to_owned(),
        mistakes: Vec::new(),
    };
    let board = if view.board.is_empty() { None } else { Some(web.board_named(&view.board).await?) };
    let since = Some(view.since.as_str()).filter(|t| !t.is_empty()).map(|t| when::typed(t, visitor.now));
    let title_ok = (1..=TITLE_CHARS_MAX).contains(&view.title.chars().count());
    let checks = [
        ("title", "length", title_ok),
        ("board", "unknown", board != Some(None)),
        ("since", "time", since != Some(None)),
    ];
    view.mistakes = checks.iter().filter(|(_, _, ok)| !ok).map(|(id, why, _)| mistake(shell.w, id, why)).collect();
    if !view.mistakes.is_empty() {
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &new_page(&shell, &view), &visitor, &fields));
    }
    let command = incidents::Command::Open {
        by: visitor.viewer.account,
        title: view.title,
        severity: Severity::from_label(&view.severity),
        tlp: Tlp::from_label(&view.tlp).unwrap_or_default(),
        since: since.flatten(),
        boards: board.flatten().into_iter().collect(),
        classes: Vec::new(),
        reports: Vec::new(),
    };
    let made = web.engine().submit(Actor::Person(visitor.viewer.account), Command::Incidents(command)).await?;
    match made.outcome {
        Outcome::Incident(incident) => Ok(done(&Route::Incident(incident), "opened", Some(incident), made.seq)),
        _ => Err(Problem::of(Wrong::Unforeseen)),
    }
}

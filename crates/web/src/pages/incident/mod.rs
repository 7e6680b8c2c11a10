//! An incident: what do we know, and what is next?

mod acts;
mod fields;
mod join;
mod side;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use acts::{change, hold, note, observe, task};
pub(crate) use join::{erase, join};

use crate::Web;
use crate::app::{page as respond, see_other};
use crate::pages::report::{Opened, Pane, letter, open, report_text};
use crate::pages::rows::{doubts, from_whom, subject, way_icon};
use crate::parts::{Icon, Mistake, error_summary, fact, icon, severity, tlp};
use crate::problem::Problem;
use crate::routes::{IncidentAct, ReportAct, Route};
use crate::rsit;
use crate::shell::{Nav, Shell, Title};
use crate::visitor::Visitor;
use crate::when;
use crate::words::{n, s};
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use axum::response::Response;
use desk::ids::{AccountId, Reference};
use desk::incidents::{IncidentView, Message};
use desk::intake::ReportRow;
use desk::view::OrganisationRow;
use maud::{Markup, html};
use std::collections::HashMap;

/// What is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// What happened.
    Timeline,
    /// Messages in and out.
    Talk,
    /// Things to do.
    Tasks,
    /// Observables.
    Observables,
}

/// All, by the name in the address.
pub const TABS: [(&str, Tab); 4] =
    [("tijdlijn", Tab::Timeline), ("gesprek", Tab::Talk), ("taken", Tab::Tasks), ("waarneembaren", Tab::Observables)];

impl Tab {
    fn key(self) -> &'static str {
        TABS[self as usize].0
    }

    fn of(key: Option<&str>) -> Tab {
        TABS.into_iter().find(|(k, _)| Some(*k) == key).map_or(Tab::Timeline, |(_, tab)| tab)
    }
}

/// What the page shows.
pub struct Incident {
    /// Everything around it.
    pub view: IncidentView,
    /// What is in front.
    pub tab: Tab,
    /// Colleagues who may lead it or do something: account and name.
    pub people: Vec<(AccountId, String)>,
    /// Organisations of the desk.
    pub organisations: Vec<OrganisationRow>,
    /// Names of who looks at it now.
    pub here: Vec<String>,
    /// Show all lines.
    pub all_lines: bool,
    /// What was wrong with the form that was sent.
    pub mistakes: Vec<Mistake>,
    /// What was typed into it.
    pub typed: HashMap<String, String>,
    /// The field that somebody else changed first.
    pub conflict: Option<&'static str>,
    /// Messages of the conversation that are read here, the newest ones.
    pub letters: Vec<Opened>,
    /// What a key on another tab began: name and value in the address.
    pub begin: Option<(&'static str, &'static str)>,
}

/// Messages of a conversation whose whole text is read, the newest ones; of the others their beginning stands there.
const LETTERS_READ: usize = 12;

/// What can be begun from another tab.
const BEGINS: [(&str, &str); 3] = [("noteer", "note"), ("noteer", "decision"), ("nieuw", "taak")];

impl Incident {
    fn reference(&self) -> Reference {
        self.view.row.reference
    }

    fn address(&self, tab: Tab) -> String {
        let route = Route::Incident(self.reference());
        if tab == Tab::Timeline { route.to_string() } else { format!("{route}?tab={}", tab.key()) }
    }

    fn part(&self, part: &str) -> String {
        let all = if self.all_lines { "&alles=1" } else { "" };
        format!("{}?tab={}{all}&deel={part}", Route::Incident(self.reference()), self.tab.key())
    }

    fn may_act(&self) -> bool {
        self.view.leave.is_some()
    }

    /// The form that a key on another tab began takes the focus.
    fn begins(&self, name: &str) -> bool {
        self.mistakes.is_empty() && self.begin.is_some_and(|(begun, _)| begun == name)
    }

    fn typed(&self, name: &str) -> &str {
        self.typed.get(name).map_or("", String::as_str)
    }
}

fn title_of(shell: &Shell, view: &Incident) -> String {
    view.view.row.title.clone().unwrap_or_else(|| shell.w.t("erased"))
}

/// The page.
pub fn page(shell: &Shell, view: &Incident) -> Markup {
    let title = title_of(shell, view);
    shell.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() || view.conflict.is_some() },
        html! {
            @match view.conflict { Some(field) => { (fields::conflict_summary(shell, view, field)) } None => { (error_summary(shell.w, &view.mistakes)) } }
            (head(shell, view))
            (tabs(shell, view))
            div class="split" {
                section aria-label=(shell.w.of("tab", view.tab.key())) { (front(shell, view)) }
                (side::side(shell, view))
            }
        },
    )
}

fn front(shell: &Shell, view: &Incident) -> Markup {
    match view.tab {
        Tab::Timeline => {
            html! { @if view.may_act() { (timeline::composer(shell, view)) } (timeline::timeline(shell, view)) }
        }
        Tab::Talk => talk(shell, view),
        Tab::Tasks => side::tasks_tab(shell, view),
        Tab::Observables => side::observables_tab(shell, view),
    }
}

fn head(shell: &Shell, view: &Incident) -> Markup {
    let (w, row) = (shell.w, &view.view.row);
    let topic = row.reference.to_string();
    html! {
        div class="inc-head" id="inc-head" data-fragment=(view.part("kop")) data-topics=(topic) {
            p class="row" {
                span class="ref" { (row.reference) }
                @match row.severity { Some(grade) => { (severity(w, grade, true)) } None => { (fact(&w.t("severity-none"))) } }
                (tlp(row.tlp))
                (fact(&format!("PAP:{}", row.pap.label())))
                @for class in row.classes.iter().chain(&view.view.joined_classes) { (fact(&w.of_or("rsit", rsit::type_of(class), "rsit-other"))) }
                @if let Some(to) = &view.view.merged { span class="chip down" { (w.t("goes-on-in")) " " a class="ref" href=(Route::Incident(to.reference)) { (to.reference) } } }
                @if view.view.dropped { span class="chip down" { (w.t("dropped")) } }
                @if row.held { span class="chip lim" { (w.t("held")) } }
            }
            h1 { (title_of(shell, view)) }
            div class="row wide meta" {
                span { (w.t("leads")) " " b { (row.lead.clone().unwrap_or_else(|| w.t("nobody"))) } }
                @if !view.view.boards.is_empty() || !view.view.joined_boards.is_empty() {
                    span { (w.t("boards-concerned")) " " @for (n, board) in view.view.boards.iter().chain(&view.view.joined_boards).enumerate() { @if n > 0 { ", " } (super::boards::link(board)) } }
                }
                span { (w.t("since-when")) " " (when::time(w, row.since)) }
                @if let Some(sector) = row.sector_severity { span { (w.t("sector-severity")) " " (severity(w, sector, false)) } }
            }
            p class="phase-now" { b { (w.of("phase", row.phase.key())) } ", " (w.f("phase-of", &[("n", n(row.phase as usize + 1)), ("all", n(view.view.phases.len()))])) }
            ol class="phases" aria-label=(w.t("phase")) {
                @for step in &view.view.phases {
                    li class=[(step.at.is_some() && !step.present).then_some("past")] aria-current=[step.present.then_some("step")] {
                        (w.of("phase", step.phase.key())) br;
                        @match step.at { Some(at) => { (w.day_hour(at)) } None => {} }
                    }
                }
            }
            @if row.undelivered { p { a class="chip down" href=(view.address(Tab::Talk)) { (icon(Icon::Cross)) (w.t("mail-undelivered")) } } }
            (here(shell, view))
            p class="print-only meta after-s" { (w.f("printed-at", &[("time", s(&w.moment(shell.now)))])) }
        }
    }
}

/// Who looks at it now.
fn here(shell: &Shell, view: &Incident) -> Markup {
    let topic = format!("here:{}", view.reference());
    html! {
        ul class="here plain" id="here" aria-label=(shell.w.t("here")) data-here data-fragment=(view.part("hier")) data-topics=(topic) {
            @for name in &view.here { li { (name) } }
        }
    }
}

fn tabs(shell: &Shell, view: &Incident) -> Markup {
    let (w, of) = (shell.w, &view.view);
    let open = of.tasks.iter().filter(|t| t.done.is_none()).count();
    let count = |tab: Tab| match tab {
        Tab::Timeline => None,
        Tab::Talk => Some(of.conversation.len()),
        Tab::Tasks => Some(open),
        Tab::Observables => Some(of.observables.len() - of.benign),
    };
    let here = view.address(Tab::Timeline);
    let write = |tab: Tab| tab == Tab::Timeline && view.tab != tab && view.may_act();
    html! {
        nav class="tabs" aria-label=(w.t("tabs")) {
            @for (number, (_, tab)) in (1..).zip(TABS) {
                @let number: usize = number;
                a href=(view.address(tab)) data-key=(if write(tab) { format!("{number} l b") } else { number.to_string() }) data-to=[write(tab).then(|| format!("{here} {here}?noteer=note {here}?noteer=decision"))] aria-current=[(view.tab == tab).then_some("page")] {
                    (w.of("tab", tab.key())) @if let Some(count) = count(tab) { " " span { (w.number(count)) } }
                }
            }
        }
    }
}

fn talk(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        @if view.may_act() { p class="row" { a class="btn" href=(Route::IncidentAct(view.reference(), IncidentAct::Write)) { (w.t("write-mail")) } } }
        ol class="talk plain" id="talk" data-fragment=(view.part("voor")) data-topics=(view.reference().to_string()) {
            @if view.view.conversation.is_empty() { li { (w.t("talk-none")) } }
            @for message in view.view.conversation.iter().rev() {
                li {
                    @match message {
                        Message::In { row, .. } => { (received(shell, view, row)) }
                        Message::Out(notice) => { (letter(shell, notice)) }
                    }
                }
            }
        }
    }
}

/// A message that came in: who, what about, its text as it was written, and the answer to it.
fn received(shell: &Shell, view: &Incident, row: &ReportRow) -> Markup {
    let w = shell.w;
    let letter = view.letters.iter().find(|letter| letter.view.row.reference == row.reference);
    let newest = view.letters.first().is_some_and(|first| first.view.row.reference == row.reference);
    html! {
        p class="row" { (icon(way_icon(row.via))) b { (from_whom(w, row)) } }
        p class="meta" { a class="ref" href=(Route::Report(row.reference)) { (row.reference) } " · " (when::time(w, row.received_at)) @if row.attachments > 0 { " · " (w.f("row-attachments", &[("n", n(row.attachments))])) } }
        (doubts(w, row))
        p { (subject(w, row)) }
        @match letter {
            Some(letter) => {
                details class="more" open[newest] {
                    summary { (w.t("letter-whole")) (icon(Icon::Turn)) }
                    div class="in-more stack" { (report_text(shell, letter)) }
                }
            }
            None => { @if let Some(snippet) = &row.snippet { blockquote { (snippet) } } }
        }
        @if view.may_act() { p { a class="btn" href=(Route::ReportAct(row.reference, ReportAct::Reply)) data-key="r" { (w.t("reply")) } } }
    }
}

/// Reads the newest messages of the conversation, as their own pages show them.
async fn read_letters(web: &Web, visitor: &Visitor, of: &Incident) -> Result<Vec<Opened>, Problem> {
    let incoming = of.view.conversation.iter().rev().filter_map(|message| match message {
        Message::In { row, .. } => Some(row.reference),
        Message::Out(_) => None,
    });
    let newest: Vec<Reference> = incoming.take(LETTERS_READ).collect();
    let views = web.see(visitor, |_, lens| newest.iter().filter_map(|r| lens.report(*r)).collect::<Vec<_>>()).await?;
    let mut letters = Vec::with_capacity(views.len());
    for view in views {
        letters.push(open(web, visitor, view, Pane::Closed).await?);
    }
    Ok(letters)
}

/// Fetches everything around an incident, and notes that this person looks at it.
pub(super) async fn load(
    web: &Web,
    visitor: &Visitor,
    reference: Reference,
    tab: Tab,
) -> Result<(Shell, Incident), Problem> {
    let (shell, (view, people, organisations)) = web
        .look(visitor, Nav::Incidents, |lens| (lens.incident(reference), lens.people(), lens.organisations()))
        .await?;
    let view = view.ok_or_else(Problem::not_found)?;
    let me = visitor.viewer.account;
    if visitor.shown.is_now() {
        web.presence().looks(reference, me, visitor.now);
    }
    let people: Vec<(AccountId, String)> = people
        .into_iter()
        .filter(|p| !p.disabled)
        .map(|p| (p.account, p.name.unwrap_or_else(|| shell.w.t("erased"))))
        .collect();
    let here = web.presence().here(reference, visitor.now).into_iter().filter(|a| *a != me && visitor.shown.is_now());
    let here: Vec<String> = here
        .filter_map(|a| people.iter().find(|(of, _)| *of == a))
        .map(|(_, name)| shell.w.f("here-also", &[("name", s(name))]))
        .collect();
    let incident = Incident {
        view,
        tab,
        people,
        organisations,
        here,
        all_lines: false,
        mistakes: Vec::new(),
        typed: HashMap::new(),
        conflict: None,
        letters: Vec::new(),
        begin: None,
    };
    Ok((shell, incident))
}

/// `GET /incident/I-…`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let tab = Tab::of(query.get("tab").map(String::as_str));
    let (shell, mut view) = load(&web, &visitor, reference, tab).await?;
    // The reference of what was merged leads to where it goes on; its own page is a link away.
    if let (Some(to), false) = (&view.view.merged, query.contains_key("zelf") || query.contains_key("deel")) {
        let rest = uri.query().map(|q| format!("?{q}")).unwrap_or_default();
        return Ok(see_other(&format!("{}{rest}", Route::Incident(to.reference))));
    }
    if tab == Tab::Talk {
        view.letters = read_letters(&web, &visitor, &view).await?;
    }
    view.all_lines = query.contains_key("alles");
    view.begin = BEGINS.into_iter().find(|(name, value)| query.get(*name).is_some_and(|v| v == value));
    Ok(respond(match query.get("deel").map(String::as_str) {
        Some("kop") => head(&shell, &view),
        Some("hier") => here(&shell, &view),
        Some("zij") => side::side(&shell, &view),
        Some(_) if tab == Tab::Timeline => timeline::timeline(&shell, &view),
        Some(_) => front(&shell, &view),
        None => page(&shell, &view),
    }))
}

/// How many lines a page shows, in words.
pub(super) fn older(shell: &Shell, count: usize) -> String {
    shell.w.f("timeline-older", &[("n", n(count))])
}

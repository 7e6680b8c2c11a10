//! Fields are saved one by one: what was seen goes with what is wanted, so that nobody overwrites somebody else unseen.

use super::Incident;
use crate::parts::{Icon, icon, mistake_of};
use crate::routes::{IncidentAct, Route};
use crate::rsit;
use crate::shell::Shell;
use crate::visitor::Fields;
use crate::words::{Words, s};
use desk::ids::{AccountId, OrganisationId};
use desk::incidents::{Change, LineView, Pap, Phase, Severity};
use desk::lens::Tlp;
use desk::register::BoardId;
use desk::sealed::Sealed;
use maud::{Markup, html};

/// What a form wants: the change, and the value that the person saw.
pub(super) struct Wanted {
    pub(super) change: Change,
    pub(super) expected: Option<Change>,
}

/// Reads a form; the error is field and reason. A board is named by its name, which the caller has looked up.
pub(super) fn wanted(fields: &Fields, board: Option<BoardId>) -> Result<Wanted, (&'static str, &'static str)> {
    let (value, was) = (fields.get("value"), fields.get("was"));
    let (present, open) = (fields.get("present") != "0", |t: &str| Sealed::Open(t.to_owned()));
    let grade = |t: &str| Severity::from_label(t);
    let account = |t: &str| t.parse().ok().map(AccountId);
    let one = |change: Change, expected: Change| Ok(Wanted { change, expected: Some(expected) });
    let of_many = |change: Change| Ok(Wanted { change, expected: None });
    match fields.get("field") {
        "title" if value.is_empty() => Err(("title", "empty")),
        "title" => one(Change::Title(open(value)), Change::Title(open(was))),
        "severity" => one(Change::Severity(grade(value)), Change::Severity(grade(was))),
        "sector_severity" => one(Change::SectorSeverity(grade(value)), Change::SectorSeverity(grade(was))),
        "tlp" => match (Tlp::from_label(value), Tlp::from_label(was)) {
            (Some(value), Some(was)) => one(Change::Tlp(value), Change::Tlp(was)),
            _ => Err(("tlp", "choose")),
        },
        "pap" => match (Pap::from_label(value), Pap::from_label(was)) {
            (Some(value), Some(was)) => one(Change::Pap(value), Change::Pap(was)),
            _ => Err(("pap", "choose")),
        },
        "phase" => match (Phase::from_key(value), Phase::from_key(was)) {
            (Some(_), Some(_)) if fields.get("reason").is_empty() => Err(("reason", "empty")),
            (Some(value), Some(was)) => {
                one(Change::Phase(value, open(fields.get("reason"))), Change::Phase(was, open("")))
            }
            _ => Err(("phase", "choose")),
        },
        "lead" => one(Change::Lead(account(value)), Change::Lead(account(was))),
        "class" if rsit::is_type(rsit::type_of(value)) || !present => of_many(Change::Class(value.to_owned(), present)),
        "class" => Err(("class", "choose")),
        "board" => board.map_or(Err(("board", "unknown")), |b| of_many(Change::Board(b, present))),
        "organisation" => match value.parse() {
            Ok(organisation) => of_many(Change::Organisation(OrganisationId(organisation), present)),
            Err(_) => Err(("organisation", "choose")),
        },
        "person" => account(value).map_or(Err(("person", "choose")), |a| of_many(Change::Person(a, present))),
        _ => Err(("title", "unknown")),
    }
}

/// A field that opens when it is pressed.
struct Row<'a> {
    field: &'a str,
    shown: Markup,
    was: &'a str,
    input: Markup,
}

fn row(shell: &Shell, view: &Incident, row: Row<'_>) -> Markup {
    let w = shell.w;
    let name = w.of("field", row.field);
    let failed = view.typed("field") == row.field;
    let conflict = view.conflict == Some(row.field);
    html! {
        details class="more set" id={ "field-" (row.field) } open[failed] {
            summary data-key=[key_of(row.field)] { span { span class="meta" { (name) } span class="v" { (row.shown) } } (icon(Icon::Turn)) }
            form class="in-more desk" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Change)) {
                (shell.token())
                input type="hidden" name="field" value=(row.field);
                input type="hidden" name="was" value=(row.was);
                @if conflict { p class="err" { (icon(Icon::Warning)) (overtaken(shell, view, row.field)) } }
                (wrong(view, &format!("field-{}", row.field)))
                (row.input)
                p class="row" {
                    button class="btn" type="submit" { (w.t(if conflict { "conflict-mine" } else { "save" })) }
                    @if conflict { a class="btn" href=(Route::Incident(view.reference())) { (w.t("conflict-theirs")) } }
                }
            }
        }
    }
}

/// The key that opens a field.
fn key_of(field: &str) -> Option<&'static str> {
    Some(match field {
        "phase" => "p",
        "severity" => "s",
        "lead" => "o",
        "title" => "e",
        _ => return None,
    })
}

/// What is wrong, beside what it is about.
fn wrong(view: &Incident, at: &str) -> Markup {
    html! { @if let Some(mistake) = mistake_of(&view.mistakes, at) { p class="err" { (icon(Icon::Warning)) (mistake.words) } } }
}

/// Where the form of a field stands on the page.
pub(super) fn place(fields: &Fields) -> String {
    match fields.get("field") {
        field @ ("class" | "board" | "organisation" | "person") => format!("add-{field}"),
        field => format!("field-{field}"),
    }
}

fn options(field: &str, label: &str, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        div class="field" {
            label for={ "value-" (field) } { (label) }
            select class="in" id={ "value-" (field) } name="value" {
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

fn text(id: &str, name: &str, label: &str, value: &str) -> Markup {
    html! { div class="field" { label for=(id) { (label) } input class="in" id=(id) name=(name) value=(value) required autocomplete="off"; } }
}

fn grades(w: &Words) -> Vec<(String, String)> {
    let mut grades = vec![(String::new(), w.t("not-known-yet"))];
    grades.extend(
        Severity::ALL.map(|g| (g.label().to_owned(), format!("{} {}", g.label(), w.of("severity", g.label())))),
    );
    grades
}

/// All fields with one value.
pub(super) fn single(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let of = &view.view.row;
    let title = of.title.clone().unwrap_or_default();
    let grade = |g: Option<Severity>| g.map_or("", Severity::label);
    let shown_grade = |s: Option<Severity>| match s {
        Some(s) => crate::parts::severity(w, s, true),
        None => html! { span class="quiet" { (w.t("not-known-yet")) } },
    };
    let labels: Vec<_> = Tlp::ALL.iter().rev().map(|t| (t.label().to_owned(), format!("TLP:{}", t.label()))).collect();
    let paps: Vec<_> = Pap::ALL
        .iter()
        .rev()
        .map(|p| (p.label().to_owned(), format!("PAP:{} {}", p.label(), w.of("pap", p.label()))))
        .collect();
    let phases: Vec<_> = Phase::ALL.iter().map(|p| (p.key().to_owned(), w.of("phase", p.key()))).collect();
    let mut people = vec![(String::new(), w.t("nobody"))];
    people.extend(view.people.iter().map(|(a, name)| (a.0.to_string(), name.clone())));
    let lead = view.view.lead.map(|a| a.0.to_string()).unwrap_or_default();
    let words = |field: &str| w.of("field", field);
    html! {
        (row(shell, view, Row { field: "phase", shown: html! { b { (w.of("phase", of.phase.key())) } }, was: of.phase.key(), input: html! {
            (options("phase", &words("phase"), &phases, of.phase.key()))
            (text("reason", "reason", &w.t("phase-reason"), ""))
        } }))
        (row(shell, view, Row { field: "severity", shown: shown_grade(of.severity), was: grade(of.severity), input: options("severity", &words("severity"), &grades(w), grade(of.severity)) }))
        (row(shell, view, Row { field: "sector_severity", shown: shown_grade(of.sector_severity), was: grade(of.sector_severity), input: options("sector_severity", &words("sector_severity"), &grades(w), grade(of.sector_severity)) }))
        (row(shell, view, Row { field: "lead", shown: html! { (of.lead.clone().unwrap_or_else(|| w.t("nobody"))) }, was: &lead, input: options("lead", &words("lead"), &people, &lead) }))
        @if view.view.may_address {
            (row(shell, view, Row { field: "tlp", shown: crate::parts::tlp(of.tlp), was: of.tlp.label(), input: options("tlp", "TLP", &labels, of.tlp.label()) }))
        }
        (row(shell, view, Row { field: "pap", shown: html! { "PAP:" (of.pap.label()) }, was: of.pap.label(), input: options("pap", "PAP", &paps, of.pap.label()) }))
        (row(shell, view, Row { field: "title", shown: html! { (title) }, was: &title, input: text("value-title", "value", &words("title"), &title) }))
    }
}

/// Something of several, with a way to take it away.
fn taken(shell: &Shell, view: &Incident, field: &str, value: &str, shown: &Markup) -> Markup {
    html! {
        div {
            span { (shown) }
            @if view.may_act() {
                (shell.act(&Route::IncidentAct(view.reference(), IncidentAct::Change), &[("field", field), ("value", value), ("present", "0")], &html! { button class="link meta" type="submit" { (shell.w.t("take-away")) } }))
            }
        }
    }
}

fn add(shell: &Shell, view: &Incident, field: &str, input: Markup) -> Markup {
    let w = shell.w;
    html! {
        details class="more" id={ "add-" (field) } open[view.typed("field") == field] {
            summary { (w.of("add", field)) (icon(Icon::Turn)) }
            form class="in-more desk" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Change)) {
                (shell.token())
                input type="hidden" name="field" value=(field);
                input type="hidden" name="present" value="1";
                (wrong(view, &format!("add-{field}")))
                (input)
                button class="btn" type="submit" { (w.t("add-do")) }
            }
        }
    }
}

/// Boards and incident types.
pub(super) fn several(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let types: Vec<(String, Vec<(String, String)>)> = rsit::CLASSES
        .iter()
        .map(|(class, types)| {
            (w.of("rsit-class", class), types.iter().map(|t| (format!("{class}/{t}"), w.of("rsit", t))).collect())
        })
        .collect();
    html! {
        div class="fields" {
            @for class in &view.view.row.classes { (taken(shell, view, "class", class, &html! { (w.of_or("rsit", rsit::type_of(class), "rsit-other")) })) }
        }
        @if view.may_act() {
            (add(shell, view, "class", html! {
                div class="field" {
                    label for="value-class" { (w.t("field-class")) }
                    select class="in" id="value-class" name="value" {
                        @for (class, types) in &types { optgroup label=(class) { @for (key, name) in types { option value=(key) { (name) } } } }
                    }
                }
            }))
        }
        div class="fields" {
            @for board in &view.view.boards { (taken(shell, view, "board", &board.name, &crate::pages::boards::link(board))) }
        }
        @if !view.view.joined_boards.is_empty() {
            div class="fields" { @for board in &view.view.joined_boards { div { span { (crate::pages::boards::link(board)) } span class="meta" { (w.t("joined-board")) } } } }
        }
        @if view.may_act() { (add(shell, view, "board", text("value-board", "value", &w.t("field-board"), ""))) }
    }
}

/// Organisations (and under RED persons) that are addressed.
pub(super) fn addressed(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let addressed = &view.view.seen_by.organisations;
    let others: Vec<_> = view
        .organisations
        .iter()
        .filter(|o| !addressed.contains(&o.name))
        .map(|o| (o.id.0.to_string(), o.name.clone()))
        .collect();
    let people: Vec<_> = view.people.iter().map(|(a, name)| (a.0.to_string(), name.clone())).collect();
    html! {
        ul class="sees plain" {
            @for name in addressed { li { (icon(Icon::Eye)) span { (name) } small { (w.f("sees-all", &[("tlp", s(view.view.row.tlp.label()))])) } } }
            @for name in view.view.seen_by.persons.iter().flatten() { li { (icon(Icon::Eye)) span { (name) } small { "TLP:RED" } } }
            @for name in &view.view.seen_by.not { li class="no" { (icon(Icon::Blind)) span { (name) } small { (w.t("sees-nothing")) } } }
        }
        @if view.view.may_address {
            @if !others.is_empty() { (add(shell, view, "organisation", options("organisation", &w.t("field-organisation"), &others, ""))) }
            @for organisation in view.organisations.iter().filter(|o| o.id.0 != 0 && addressed.contains(&o.name)) {
                div class="fields" { (taken(shell, view, "organisation", &organisation.id.0.to_string(), &html! { (organisation.name) })) }
            }
            @if view.view.row.tlp == Tlp::Red { (add(shell, view, "person", options("person", &w.t("field-person"), &people, ""))) }
        }
    }
}

/// The value of a field as a form has it, in words.
fn in_words(w: &Words, view: &Incident, field: &str, key: &str) -> String {
    match field {
        "severity" | "sector_severity" => Severity::from_label(key)
            .map_or_else(|| w.t("not-known-yet"), |s| format!("{} {}", s.label(), w.of("severity", s.label()))),
        "tlp" => format!("TLP:{key}"),
        "pap" => format!("PAP:{key}"),
        "phase" => w.of("phase", key),
        "lead" => {
            let named = view.people.iter().find(|(account, _)| account.0.to_string() == key);
            named.map_or_else(|| w.t("nobody"), |(_, name)| name.clone())
        }
        _ => key.to_owned(),
    }
}

/// The present value of a field, as a form has it.
fn present(view: &Incident, field: &str) -> String {
    let of = &view.view.row;
    match field {
        "title" => of.title.clone().unwrap_or_default(),
        "severity" => of.severity.map_or("", Severity::label).to_owned(),
        "sector_severity" => of.sector_severity.map_or("", Severity::label).to_owned(),
        "tlp" => of.tlp.label().to_owned(),
        "pap" => of.pap.label().to_owned(),
        "phase" => of.phase.key().to_owned(),
        "lead" => view.view.lead.map(|a| a.0.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// For whoever came second: what stands there now, by whom and since when, and what that person wanted.
fn overtaken(shell: &Shell, view: &Incident, field: &str) -> String {
    let w = shell.w;
    let (now, mine) = (in_words(w, view, field, &present(view, field)), in_words(w, view, field, view.typed("value")));
    let set = |line: &&desk::incidents::EntryView| {
        line.of.is_none() && matches!(line.what, LineView::Changed { field: of, .. } if of == field)
    };
    let last = view.view.timeline.iter().filter(set).max_by_key(|line| line.recorded_at);
    let (who, at) = match last {
        Some(line) => (shell.who(&line.who), w.moment(line.recorded_at)),
        None => (w.t("somebody"), w.moment(shell.now)),
    };
    let field = w.of("field", field);
    let values = [("field", s(&field)), ("who", s(&who)), ("at", s(&at)), ("now", s(&now)), ("mine", s(&mine))];
    w.f("conflict", &values)
}

/// Above the page, for whoever came second; it takes the focus.
pub(super) fn conflict_summary(shell: &Shell, view: &Incident, field: &str) -> Markup {
    html! {
        div class="errsum" role="alert" tabindex="-1" aria-labelledby="errors" autofocus data-focus {
            h2 id="errors" { (shell.w.t("conflict-head")) }
            ul { li { a href={ "#field-" (field) } { (overtaken(shell, view, field)) } } }
        }
    }
}

//! The page that explains what went wrong: what, where, what to do. Nothing that reveals what the reader may not see.

use crate::problem::{Kind, Problem};
use crate::routes::Route;
use crate::shell::{Sheet, Shell};
use crate::words::{Words, n, s};
use desk::house::Language;
use maud::{Markup, html};

/// The page for whoever is not signed in.
pub fn page(w: &'static Words, demo: bool, problem: &Problem) -> Markup {
    let sheet = Sheet { w, demo, languages: Vec::<Language>::new(), path: String::new() };
    sheet.page(w.of("problem", problem.kind.key()).as_str(), answer(w, problem), None)
}

/// The page for who is signed in: what stands around every page stays, and leads on.
pub fn page_within(shell: &Shell, problem: &Problem) -> Markup {
    shell.page(shell.w.of("problem", problem.kind.key()).as_str(), answer(shell.w, problem))
}

fn answer(w: &Words, problem: &Problem) -> Markup {
    let text = match (problem.kind, problem.since) {
        (Kind::Frozen, since) => {
            let since = since.map_or_else(|| w.t("unknown"), |at| w.moment_exact(at));
            w.f("problem-frozen-text", &[("since", s(&since))])
        }
        (Kind::Building, _) => match problem.percent {
            Some(percent) => w.f("problem-building-text", &[("n", n(usize::from(percent)))]),
            None => w.t("problem-building-waits"),
        },
        _ => w.t(&format!("problem-{}-text", problem.kind.key().replace('_', "-"))),
    };
    html! {
        div class="answer" {
            h1 class="said" { (w.of("problem", problem.kind.key())) }
            p { (text) }
            @if let Some((field, why)) = problem.field {
                @if field.is_empty() {
                    p { (w.of("why", why)) "." }
                } @else {
                    p { (w.f("problem-about", &[("field", s(&w.of("field", field))), ("why", s(&w.of("why", why)))])) }
                }
            }
            p { a class="btn" href=(Route::Home) data-back { (w.t("problem-back")) } }
        }
    }
}

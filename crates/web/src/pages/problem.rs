//! The page that explains what went wrong: what, where, what to do. Nothing that reveals what the reader may not see.

use crate::problem::{Kind, Problem};
use crate::routes::Route;
use crate::shell::Sheet;
use crate::words::{Words, n, s};
use desk::house::Language;
use maud::{Markup, html};

/// The page.
pub fn page(w: &'static Words, demo: bool, problem: &Problem) -> Markup {
    let sheet = Sheet { w, demo, languages: Vec::<Language>::new(), path: String::new() };
    let title = w.of("problem", problem.kind.key());
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
    sheet.page(
        title.as_str(),
        html! {
            div class="answer" {
                h1 class="said" { (title) }
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
        },
        None,
    )
}

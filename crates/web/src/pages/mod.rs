//! One page, one file: what it shows is a pure function of a view; what it does stands beside it.

pub mod boards;
pub mod duty;
pub mod first_run;
pub mod incident;
pub mod incidents;
pub mod journal;
pub mod keys;
pub mod outbox;
#[cfg(test)]
mod past_tests;
pub mod phone;
pub mod problem;
pub mod public;
pub mod report;
pub mod reports;
pub mod retention;
pub mod rows;
pub mod search;
pub mod settings;
pub mod sign_in;
pub mod templates;
pub mod test_mail;
#[cfg(test)]
mod tests;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// Acts that a page may say were just done: members of the family of words `done`.
pub(crate) const DONE: &[&str] = &[
    "claimed",
    "released",
    "incident",
    "follow-up",
    "duplicate",
    "no-incident",
    "spam",
    "snoozed",
    "appraised",
    "queued",
    "bulk-no-incident",
    "bulk-spam",
    "bulk-incident",
    "bulk-claimed",
    "bulk-released",
    "bulk-snoozed",
    "bulk-woken",
    "undone",
    "changed",
    "noted",
    "task",
    "observed",
    "retried",
    "preferred",
    "session-ended",
    "person-added",
    "token-ended",
    "house",
    "opened",
    "called",
    "password-set",
    "organisation-added",
    "person-disabled",
    "woken",
    "erasure-asked",
    "erasure-withdrawn",
    "erased",
    "mail-withdrawn",
    "person-enabled",
    "person-changed",
    "organisation-renamed",
    "held",
    "restored",
    "term-set",
    "template-set",
    "template-withdrawn",
    "merged",
    "parted",
    "split",
    "moved",
    "test-mail",
];

/// The pages for people outside. Uploads take their time: these have limits of their own.
pub(crate) fn public_routes() -> Router<Web> {
    Router::new()
        .route("/melden", get(public::ask).post(public::answer))
        .route("/melden/ontvangen/{reference}", get(public::received))
}

/// All pages.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/", get(sign_in::home))
        .route("/first-run", get(first_run::ask).post(first_run::answer))
        .route("/first-run/nazicht", get(first_run::checks).post(first_run::restored))
        .route("/first-run/testmail", post(test_mail::send))
        .route("/aanmelden", get(sign_in::ask).post(sign_in::answer))
        .route("/afmelden", post(sign_in::out))
        .route("/demo", get(sign_in::demo))
        .route("/wacht", get(duty::show))
        .route("/wacht/samen", post(duty::bulk))
        .route("/ongedaan", post(duty::undo))
        .route("/meldingen", get(reports::show))
        .route("/melding/{reference}", get(report::show))
        .route("/melding/{reference}/neem", post(report::claim))
        .route("/melding/{reference}/beslis", post(report::decide))
        .route("/melding/{reference}/sluimer", post(report::snooze))
        .route("/melding/{reference}/verbeter", post(report::appraise))
        .route("/melding/{reference}/wis", post(report::erase))
        .route("/melding/{reference}/antwoord", get(report::reply_ask).post(report::reply_send))
        .route("/melding/{reference}/origineel", get(report::raw))
        .route("/melding/{reference}/html", get(report::html_frame))
        .route("/melding/{reference}/bijlage/{index}", get(report::attachment))
        .route("/incidenten", get(incidents::show))
        .route("/incidenten/nieuw", get(incidents::ask).post(incidents::open))
        .route("/incident/{reference}", get(incident::show))
        .route("/incident/{reference}/veld", post(incident::change))
        .route("/incident/{reference}/noteer", post(incident::note))
        .route("/incident/{reference}/taak", post(incident::task))
        .route("/incident/{reference}/waarneembaar", post(incident::observe))
        .route("/incident/{reference}/blokkeer", post(incident::hold))
        .route("/incident/{reference}/samen", post(incident::join))
        .route("/incident/{reference}/wis", post(incident::erase))
        .route("/incident/{reference}/mail", get(report::write).post(report::send_written))
        .route("/uitgaand", get(outbox::show))
        .route("/uitgaand/opnieuw", post(outbox::retry))
        .route("/uitgaand/trek-in", post(outbox::withdraw))
        .route("/demo/post", get(outbox::sink))
        .route("/zoek", get(search::show))
        .route("/telefoon", get(phone::ask).post(phone::answer))
        .route("/besturen", get(boards::show))
        .route("/besturen.csv", get(boards::table_file))
        .route("/besturen/{place}", get(boards::by_place))
        .route("/bestuur/{refnis}", get(boards::one))
        .route("/journaal", get(journal::show))
        .route("/sjablonen", get(templates::show).post(templates::set))
        .route("/bewaring", get(retention::show).post(retention::set))
        .route("/journaal/controlepunt", get(journal::checkpoint))
        .route("/toetsen", get(keys::show))
        .route("/instellingen", get(settings::show))
        .route("/instellingen/voorkeur", post(settings::prefer))
        .route("/instellingen/sessie", post(settings::end_session))
        .route("/instellingen/persoon", post(settings::person))
        .route("/instellingen/sleutel", post(settings::token))
        .route("/instellingen/wachtwoord", post(settings::change_password))
        .route("/instellingen/organisatie", post(settings::add_organisation))
        .route("/instellingen/desk", post(settings::house_set))
}

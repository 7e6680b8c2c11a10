//! Addresses of the pages. Links are made from these, so none can go stale; references are their public form.

use desk::ids::Reference;
use std::fmt::{self, Display, Formatter};

/// A page or an act, as it stands in a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The root.
    Home,
    /// First run.
    FirstRun,
    /// What first run leaves to check.
    Checks,
    /// A test mail to whoever asks.
    TestMail,
    /// Sign in.
    SignIn,
    /// Sign out.
    SignOut,
    /// The public form.
    Public,
    /// A report of the public form arrived.
    Received(Reference),
    /// The duty desk.
    Duty,
    /// The duty desk with a report open.
    DutyOpen(Reference),
    /// Several reports decided as one.
    Bulk,
    /// Take an act back.
    Undo,
    /// A call, typed.
    Phone,
    /// A report.
    Report(Reference),
    /// An act on a report.
    ReportAct(Reference, ReportAct),
    /// The raw message.
    ReportRaw(Reference),
    /// The sanitised HTML of a message, for the frame.
    ReportHtml(Reference),
    /// An attachment.
    Attachment(Reference, u32),
    /// All reports.
    Reports,
    /// All incidents.
    Incidents,
    /// A new incident, without a report.
    IncidentNew,
    /// An incident.
    Incident(Reference),
    /// The tasks of an incident.
    IncidentTasks(Reference),
    /// An act on an incident.
    IncidentAct(Reference, IncidentAct),
    /// Mail that leaves.
    Outbox,
    /// Try a mail again.
    Retry,
    /// A mail is taken back before it leaves.
    Withdraw,
    /// The mails of the demonstration that left.
    Sink,
    /// Search.
    Search,
    /// Boards.
    Boards,
    /// Boards, as a table for a spreadsheet.
    BoardsTable,
    /// A board, by its REFNIS code.
    Board(u32),
    /// A board, by its place in the register: leads to the page by its code.
    BoardPlace(u32),
    /// The journal.
    Journal,
    /// How long what is kept, and what is past its term.
    Retention,
    /// Replies that are written often.
    Templates,
    /// Its newest checkpoint, as a file.
    Checkpoint,
    /// Settings of one's own, and people.
    Settings,
    /// An act on the settings.
    SettingsAct(SettingsAct),
    /// The keys.
    Keys,
    /// The live stream.
    Stream,
}

/// What is done to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportAct {
    /// Take or let go.
    Claim,
    /// Decide.
    Decide,
    /// Sleep.
    Snooze,
    /// Answer: the page with the form, and its preview.
    Reply,
    /// Correct what it is about.
    Appraise,
    /// Erase what came with it.
    Erase,
}

/// What is done to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentAct {
    /// One field.
    Change,
    /// A line of the timeline.
    Note,
    /// A task is added or set.
    Task,
    /// An observable by hand.
    Observe,
    /// Nothing of it may be erased, or it may be again.
    Hold,
    /// Merge it, split it, let it go its own way again, or bring messages elsewhere.
    Join,
    /// Erase what was written in it.
    Erase,
    /// A mail to whoever takes part: the page with the form, and its preview.
    Write,
}

/// What is done in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsAct {
    /// Language, theme, keys.
    Prefer,
    /// End a session.
    Session,
    /// A new colleague.
    Person,
    /// A token of a machine.
    Token,
    /// The desk itself.
    House,
    /// One's own password.
    Password,
    /// An organisation that works on this desk.
    Organisation,
}

impl Display for ReportAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReportAct::Claim => "neem",
            ReportAct::Decide => "beslis",
            ReportAct::Snooze => "sluimer",
            ReportAct::Reply => "antwoord",
            ReportAct::Appraise => "verbeter",
            ReportAct::Erase => "wis",
        })
    }
}

impl Display for IncidentAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IncidentAct::Change => "veld",
            IncidentAct::Note => "noteer",
            IncidentAct::Task => "taak",
            IncidentAct::Observe => "waarneembaar",
            IncidentAct::Hold => "blokkeer",
            IncidentAct::Join => "samen",
            IncidentAct::Erase => "wis",
            IncidentAct::Write => "mail",
        })
    }
}

impl Display for SettingsAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SettingsAct::Prefer => "voorkeur",
            SettingsAct::Session => "sessie",
            SettingsAct::Person => "persoon",
            SettingsAct::Token => "sleutel",
            SettingsAct::House => "desk",
            SettingsAct::Password => "wachtwoord",
            SettingsAct::Organisation => "organisatie",
        })
    }
}

impl Display for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Route::Home => write!(f, "/"),
            Route::FirstRun => write!(f, "/first-run"),
            Route::Checks => write!(f, "/first-run/nazicht"),
            Route::TestMail => write!(f, "/first-run/testmail"),
            Route::SignIn => write!(f, "/aanmelden"),
            Route::SignOut => write!(f, "/afmelden"),
            Route::Public => write!(f, "/melden"),
            Route::Received(reference) => write!(f, "/melden/ontvangen/{reference}"),
            Route::Duty => write!(f, "/wacht"),
            Route::DutyOpen(reference) => write!(f, "/wacht?open={reference}"),
            Route::Bulk => write!(f, "/wacht/samen"),
            Route::Undo => write!(f, "/ongedaan"),
            Route::Phone => write!(f, "/telefoon"),
            Route::Report(reference) => write!(f, "/melding/{reference}"),
            Route::ReportAct(reference, act) => write!(f, "/melding/{reference}/{act}"),
            Route::ReportRaw(reference) => write!(f, "/melding/{reference}/origineel"),
            Route::ReportHtml(reference) => write!(f, "/melding/{reference}/html"),
            Route::Attachment(reference, index) => write!(f, "/melding/{reference}/bijlage/{index}"),
            Route::Reports => write!(f, "/meldingen"),
            Route::Incidents => write!(f, "/incidenten"),
            Route::IncidentNew => write!(f, "/incidenten/nieuw"),
            Route::Incident(reference) => write!(f, "/incident/{reference}"),
            Route::IncidentTasks(reference) => write!(f, "/incident/{reference}?tab=taken"),
            Route::IncidentAct(reference, act) => write!(f, "/incident/{reference}/{act}"),
            Route::Outbox => write!(f, "/uitgaand"),
            Route::Retry => write!(f, "/uitgaand/opnieuw"),
            Route::Withdraw => write!(f, "/uitgaand/trek-in"),
            Route::Sink => write!(f, "/demo/post"),
            Route::Search => write!(f, "/zoek"),
            Route::Boards => write!(f, "/besturen"),
            Route::BoardsTable => write!(f, "/besturen.csv"),
            Route::BoardPlace(place) => write!(f, "/besturen/{place}"),
            Route::Board(refnis) => write!(f, "/bestuur/{refnis:05}"),
            Route::Journal => write!(f, "/journaal"),
            Route::Templates => write!(f, "/sjablonen"),
            Route::Retention => write!(f, "/bewaring"),
            Route::Checkpoint => write!(f, "/journaal/controlepunt"),
            Route::Settings => write!(f, "/instellingen"),
            Route::SettingsAct(act) => write!(f, "/instellingen/{act}"),
            Route::Keys => write!(f, "/toetsen"),
            Route::Stream => write!(f, "/stroom"),
        }
    }
}

/// A text inside a query, percent-encoded.
pub fn query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_cannot_break_out_of_its_place() {
        assert_eq!(query("a&b=c d#é\""), "a%26b%3Dc%20d%23%C3%A9%22");
    }
}

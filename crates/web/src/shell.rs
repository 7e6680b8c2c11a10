//! What stands around every page: the watch strip, the navigation, the palette, the help for the keys.

use crate::assets::assets;
use crate::moment::Banner;
use crate::parts::{Icon, icon, mark};
use crate::routes::Route;
use crate::ticket::Tickets;
use crate::visitor::TOKEN_FIELD;
use crate::when::{iso, time};
use crate::words::{Words, n, s};
use desk::accounts::{Role, Theme};
use desk::house::Language;
use desk::ids::{Reference, Timestamp};
use desk::view::Who;
use engine::Trouble;
use maud::{DOCTYPE, Markup, html};

/// A place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// The duty desk.
    Duty,
    /// All reports.
    Reports,
    /// Incidents.
    Incidents,
    /// Mail that leaves.
    Outbox,
    /// Boards.
    Boards,
    /// The journal.
    Journal,
    /// Settings and people.
    Settings,
    /// None of them.
    Elsewhere,
}

/// Figures beside the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// To call and to judge.
    pub duty: usize,
    /// Incidents that are not closed.
    pub incidents: usize,
    /// Mails that could not be delivered.
    pub undelivered: usize,
}

/// How the desk's own mail stands, as far as a page must say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// It leaves.
    Well,
    /// There is no way out: the outbox holds.
    NoWay {
        /// Mails that wait.
        waiting: usize,
    },
    /// The next hop does not answer.
    Failing {
        /// Since when.
        since: Timestamp,
        /// Mails that wait.
        waiting: usize,
    },
}

/// How an act is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By its ticket ([`crate::ticket`]).
    Fact(String),
    /// By the opposite act: where it is sent, and its one field.
    Act(Route, &'static str, &'static str),
    /// By the opposite act on many: its name, and on which.
    Together(&'static str, Vec<Reference>),
}

/// An act that was just done, and how to take it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Member of the family of words `done`.
    pub what: String,
    /// To how many it was done at once.
    pub count: usize,
    /// What it was done to, as a reference.
    pub about: Option<String>,
    /// How it is taken back, if it can be.
    pub undo: Option<Undo>,
    /// The page that says so: whoever takes it back stays there.
    pub back: String,
}

/// Everything around a page.
pub struct Shell {
    /// Words of the reader's language.
    pub w: &'static Words,
    /// Light, dark, or as the device says.
    pub theme: Theme,
    /// Single-letter keys are off.
    pub keys_off: bool,
    /// Everything here is invented.
    pub demo: bool,
    /// Name of the response team.
    pub team: String,
    /// When the page was made.
    pub now: Timestamp,
    /// When the newest fact was recorded that this page may show, µs: the stream tells the page whether it missed one.
    pub stamp: i64,
    /// Name of the reader.
    pub person: String,
    /// What the reader may do.
    pub role: Role,
    /// Figures beside the navigation.
    pub counts: Counts,
    /// How the desk's own mail stands.
    pub mail: Mail,
    /// Since when the store takes nothing, and what that means.
    pub store: Option<(Timestamp, Trouble)>,
    /// Since when the mailbox is not read that is emptied into the desk.
    pub unfetched: Option<Timestamp>,
    /// Token for the forms, masked.
    pub token: String,
    /// Where the page stands.
    pub here: Nav,
    /// How the reader's acts are named in forms that take them back.
    pub tickets: Tickets,
    /// What was just done.
    pub toast: Option<Toast>,
    /// The past moment that the page shows.
    pub moment: Option<Banner>,
}

/// A place: where it leads, key of its words, letter after `g`.
type Place = (Nav, &'static str, &'static str);

/// Places that stand in the navigation, by group.
const PLACES: [(&str, &[Place]); 3] = [
    (
        "nav-now",
        &[(Nav::Duty, "nav-duty", "w"), (Nav::Incidents, "nav-incidents", "i"), (Nav::Outbox, "nav-outbox", "u")],
    ),
    ("nav-sector", &[(Nav::Reports, "nav-reports", "m"), (Nav::Boards, "nav-boards", "b")]),
    ("nav-account", &[(Nav::Journal, "nav-journal", "j"), (Nav::Settings, "nav-settings", "p")]),
];

impl Nav {
    fn route(self) -> Route {
        match self {
            Nav::Duty | Nav::Elsewhere => Route::Duty,
            Nav::Reports => Route::Reports,
            Nav::Incidents => Route::Incidents,
            Nav::Outbox => Route::Outbox,
            Nav::Boards => Route::Boards,
            Nav::Journal => Route::Journal,
            Nav::Settings => Route::Settings,
        }
    }
}

fn theme(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    }
}

/// A page's title and whether it reports a mistake.
pub struct Title<'a> {
    /// What the page is.
    pub text: &'a str,
    /// A form came back with mistakes: the title says so first.
    pub mistaken: bool,
}

impl<'a> From<&'a str> for Title<'a> {
    fn from(text: &'a str) -> Title<'a> {
        Title { text, mistaken: false }
    }
}

fn head(w: &Words, title: &Title<'_>) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { @if title.mistaken { (w.t("title-mistaken")) " " } (title.text) " – " (w.t("brand")) }
        link rel="icon" href=(assets().mark.path) type="image/svg+xml";
        link rel="stylesheet" href=(assets().style.path);
        script src=(assets().script.path) defer {}
    }
}

/// The mark that everything is invented.
pub fn demo_mark(w: &Words) -> Markup {
    html! { span class="demo" { (w.t("demo-mark")) } }
}

impl Shell {
    /// Whether the reader may change things.
    pub fn may_act(&self) -> bool {
        self.role != Role::Reader
    }

    /// The hidden field without which no form is taken.
    pub fn token(&self) -> Markup {
        html! { input type="hidden" name=(TOKEN_FIELD) value=(self.token); }
    }

    /// Who did something, in words; of people of the team the name is enough.
    pub fn who(&self, who: &Who) -> String {
        let w = self.w;
        match who {
            Who::Rule => w.t("by-rule"),
            Who::Person { name, organisation, .. } => {
                let name = name.clone().unwrap_or_else(|| w.t("erased"));
                if organisation.is_empty() || *organisation == self.team {
                    return name;
                }
                w.f("by-person", &[("name", s(&name)), ("organisation", s(organisation))])
            }
        }
    }

    /// A button in a form of its own that sends fixed fields.
    pub fn act(&self, to: &Route, fields: &[(&str, &str)], button: &Markup) -> Markup {
        html! {
            form method="post" action=(to) class="inline" {
                (self.token())
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                (button)
            }
        }
    }

    /// The whole page.
    pub fn page<'a>(&self, title: impl Into<Title<'a>>, main: Markup) -> Markup {
        let page = self.sheet(title.into(), main);
        match &self.moment {
            Some(moment) => moment.dress(self.w, &page.into_string()),
            None => page,
        }
    }

    fn sheet(&self, title: Title<'_>, main: Markup) -> Markup {
        let (w, live) = (self.w, self.moment.is_none());
        html! {
            (DOCTYPE)
            html lang=(w.language.tag()) data-theme=[theme(self.theme)] {
                head { (head(w, &title)) }
                body data-stream=[live.then_some(Route::Stream)] data-stamp=(self.stamp) data-now=(self.now.0 / 1000) data-keys=(if self.keys_off { "off" } else { "on" })
                    data-busy=(w.t("busy")) data-lost=(w.t("live-lost")) data-live=(w.t("live")) {
                    a class="skip" href="#main" { (w.t("skip")) }
                    (self.strip())
                    (self.banners())
                    @if !live { (Banner::place()) }
                    div class="shell" {
                        nav class="nav" aria-label=(w.t("nav-label")) { (self.places(true)) }
                        main class="main" id="main" tabindex="-1" {
                            (main)
                            @if self.demo { p class="foot" { (w.t("demo-foot")) } }
                        }
                    }
                    (self.toasts())
                    (self.palette())
                    (self.key_help())
                }
            }
        }
    }

    fn strip(&self) -> Markup {
        let w = self.w;
        html! {
            header class="strip" {
                a class="brand" href=(Route::Duty) { (mark()) (w.t("brand")) }
                @if self.demo { (demo_mark(w)) }
                span class="fact opt2" { time datetime=(iso(self.now)) data-clock[self.moment.is_none()] { b { (w.day(self.now)) ", " (w.hour(self.now)) } } " " (w.zone(self.now)) }
                span class="fact opt" { (w.t("strip-person")) " " b { (self.person) } }
                span class="push opt2" id="live" role="status" {
                    @if self.moment.is_none() { noscript { span class="fact" { (w.t("live-without")) } } }
                }
                a class="fact opt2" href=(Route::Search) data-open="palette" { (w.t("strip-search")) " " kbd { "Ctrl K" } }
                details class="menu" {
                    summary { (icon(Icon::Menu)) (w.t("menu")) }
                    nav class="list" aria-label=(w.t("menu")) { a href=(Route::Search) { span { (w.t("strip-search")) } } (self.places(false)) }
                }
            }
        }
    }

    fn banners(&self) -> Markup {
        let w = self.w;
        html! {
            div class="banner" id="lost" role="status" hidden {
                (icon(Icon::Warning))
                span { b { (w.t("lost-head")) " " span data-since {} "." } " " (w.t("lost-text")) }
                button class="btn" type="button" data-retry { (w.t("lost-retry")) }
            }
            @if let Some((since, trouble)) = self.store {
                @let key = match trouble {
                    Trouble::Full => "store-full",
                    Trouble::Away | Trouble::Unsure => "store-away",
                    Trouble::Broken => "store-broken",
                };
                div class="banner grave" role="status" {
                    (icon(Icon::Warning))
                    span { (w.rich(key, &[("since", s(&w.moment(since)))])) }
                }
            }
            @if let Some(since) = self.unfetched {
                div class="banner grave" role="status" {
                    (icon(Icon::Warning))
                    span { (w.rich("mail-unfetched", &[("since", s(&w.moment(since)))])) }
                }
            }
            @match &self.mail {
                Mail::Well => {}
                Mail::NoWay { waiting } => {
                    div class="banner" role="status" {
                        (icon(Icon::Warning))
                        span { (w.rich("mail-no-way", &[("n", n(*waiting))])) }
                        a class="btn" href=(Route::Outbox) { (w.t("mail-look")) }
                    }
                }
                Mail::Failing { since, waiting } => {
                    div class="banner grave" role="status" {
                        (icon(Icon::Warning))
                        span { (w.rich("mail-failing", &[("since", s(&w.moment(*since))), ("n", n(*waiting))])) }
                        a class="btn" href=(Route::Outbox) { (w.t("mail-look")) }
                    }
                }
            }
        }
    }

    fn count(&self, nav: Nav) -> Option<(usize, &'static str)> {
        match nav {
            Nav::Duty => Some((self.counts.duty, "duty")),
            Nav::Incidents => Some((self.counts.incidents, "incidents")),
            Nav::Outbox => Some((self.counts.undelivered, "undelivered")),
            _ => None,
        }
    }

    fn places(&self, wide: bool) -> Markup {
        let w = self.w;
        html! {
            @for (group, places) in PLACES {
                @if wide { h2 { (w.t(group)) } }
                @for (place, key, letter) in places {
                    a href=(place.route()) aria-current=[(self.here == *place).then_some("page")] data-go=[wide.then_some(letter)] {
                        span { (w.t(key)) }
                        @if let Some((count, name)) = self.count(*place).filter(|_| wide) {
                            span class="n" data-count=(name) { @if count > 0 { (w.number(count)) } }
                        }
                    }
                }
            }
            form method="post" action=(Route::SignOut) class="out" {
                (self.token())
                button class="link" type="submit" { (w.t("sign-out")) }
            }
        }
    }

    fn toasts(&self) -> Markup {
        let w = self.w;
        html! {
            div class="toasts" id="toasts" aria-live="polite" {
                @if let Some(toast) = &self.toast {
                    div class="toast" role="status" data-toast {
                        span { (w.f(&format!("done-{}", toast.what), &[("about", s(toast.about.as_deref().unwrap_or_default())), ("n", n(toast.count))])) }
                        @let button = html! { button class="btn" type="submit" data-key="z" { (w.t("undo")) " " kbd { "z" } } };
                        @match &toast.undo {
                            Some(Undo::Fact(of)) => { (self.act(&Route::Undo, &[("of", of), ("back", &toast.back)], &button)) }
                            Some(Undo::Together(act, reports)) => {
                                @let names: Vec<String> = reports.iter().map(ToString::to_string).collect();
                                @let fields: Vec<(&str, &str)> = std::iter::once(("verdict", *act)).chain(names.iter().map(|n| ("reports", n.as_str()))).collect();
                                (self.act(&Route::Bulk, &fields, &button))
                            }
                            Some(Undo::Act(to, name, value)) => { (self.act(to, &[(name, value)], &button)) }
                            None => {}
                        }
                    }
                }
            }
        }
    }

    fn palette(&self) -> Markup {
        let w = self.w;
        html! {
            dialog class="pal" id="palette" aria-label=(w.t("palette-label")) {
                form action=(Route::Search) method="get" role="search" {
                    label class="vh" for="pal-in" { (w.t("palette-hint")) }
                    input class="in" id="pal-in" name="q" autocomplete="off" placeholder=(w.t("palette-hint")) data-palette=[self.moment.is_none().then_some(Route::Search)];
                }
                ul id="pal-list" {
                    @for (_, places) in PLACES {
                        @for (place, key, letter) in places {
                            li { a href=(place.route()) { (w.f("palette-go", &[("place", s(&w.t(key)))])) span { "g " (letter) } } }
                        }
                    }
                    @if self.may_act() {
                        li { a href=(Route::Phone) data-anywhere="n" { (w.t("phone-take")) span { "n" } } }
                        li { a href=(Route::IncidentNew) { (w.t("incident-new")) } }
                    }
                    li { a href={ (Route::Journal) "#moment" } { (w.t("moment-choose")) } }
                    li { a href=(Route::Keys) { (w.t("keys-title")) span { "?" } } }
                }
            }
        }
    }

    fn key_help(&self) -> Markup {
        html! { dialog id="keys" aria-label=(self.w.t("keys-title")) { (keys(self.w)) } }
    }
}

/// The keys: those that are pressed, what stands between them, what must be on the page for it to do something there, and what that is.
type Key = (&'static [&'static str], &'static str, Option<&'static str>, &'static str);

const KEYS: [Key; 23] = [
    (&["j", "k"], " ", Some("[data-row]"), "key-next"),
    (&["Enter"], "", Some("[data-row]"), "key-open"),
    (&["Esc"], "", None, "key-back"),
    (&["1", "4"], "–", Some(".acts [data-key]"), "key-decide"),
    (&["h"], "", Some("[data-key~=h]"), "key-snooze"),
    (&["a"], "", Some("[data-key~=a]"), "key-claim"),
    (&["v"], "", Some("[data-key~=v]"), "key-appraise"),
    (&["r"], "", Some("[data-key~=r]"), "key-reply"),
    (&["x"], "", Some("[data-key~=x], .q-row"), "key-bulk"),
    (&["1", "4"], "–", Some(".tabs [data-key]"), "key-tabs"),
    (&["l"], "", Some("[data-key~=l]"), "key-note"),
    (&["b"], "", Some("[data-key~=b]"), "key-decision"),
    (&["t"], "", Some("[data-key~=t]"), "key-task"),
    (&["p"], "", Some("[data-key~=p]"), "key-phase"),
    (&["s"], "", Some("[data-key~=s]"), "key-severity"),
    (&["o"], "", Some("[data-key~=o]"), "key-lead"),
    (&["e"], "", Some("[data-key~=e]"), "key-title"),
    (&["z"], "", Some("[data-key~=z]"), "key-undo"),
    (&["n"], "", None, "key-phone"),
    (&["g", "…"], " ", None, "key-go"),
    (&["/"], "", None, "key-filter"),
    (&["Ctrl", "K"], " ", None, "key-search"),
    (&["?"], "", None, "key-help"),
];

/// The list of keys; what `?` shows leaves out what does nothing on the page below.
pub fn keys(w: &Words) -> Markup {
    html! {
        dl class="keys" {
            @for (keys, between, needs, words) in &KEYS {
                dt data-needs=[needs] { @for (n, key) in keys.iter().enumerate() { @if n > 0 { (between) } kbd { (key) } } }
                dd { (w.t(words)) }
            }
        }
    }
}

/// A page without navigation: for people outside, and for those who are not in yet.
pub struct Sheet {
    /// Words of the reader's language.
    pub w: &'static Words,
    /// Everything here is invented.
    pub demo: bool,
    /// Languages offered, and the address without its language.
    pub languages: Vec<Language>,
    /// Path of this page, for the links to other languages.
    pub path: String,
}

impl Sheet {
    /// The whole page.
    pub fn page<'a>(&self, title: impl Into<Title<'a>>, main: Markup, foot: Option<Markup>) -> Markup {
        let (w, title) = (self.w, title.into());
        html! {
            (DOCTYPE)
            html lang=(w.language.tag()) {
                head { (head(w, &title)) }
                body data-busy=(w.t("busy")) {
                    a class="skip" href="#main" { (w.t("skip")) }
                    div class="sheet" {
                        header class="public-top" {
                            a class="brand" href=(Route::Home) { (mark()) (w.t("brand")) }
                            @if self.demo { (demo_mark(w)) }
                            @if self.languages.len() > 1 {
                                nav class="lang" aria-label=(w.t("language")) {
                                    @for language in &self.languages {
                                        @let name = w.of("language-name", language.tag());
                                        @if *language == w.language {
                                            b lang=(language.tag()) { (name) }
                                        } @else {
                                            a href={ (self.path) (if self.path.contains('?') { "&" } else { "?" }) "taal=" (language.tag()) } lang=(language.tag()) hreflang=(language.tag()) { (name) }
                                        }
                                    }
                                }
                            }
                        }
                        main id="main" tabindex="-1" { (main) }
                        @if let Some(foot) = foot { footer class="foot" { (foot) } }
                    }
                }
            }
        }
    }
}

/// `do 15 dec 2022, 03:04 CET · 8 min geleden`.
pub fn time_and_ago(w: &Words, at: Timestamp, now: Timestamp) -> Markup {
    html! { (time(w, at)) " · " (w.ago(at, now)) }
}

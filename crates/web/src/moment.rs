//! The moment that a page shows: as of a day, known at a position of the journal. Both stand in the address, so a page of the past can be
//! sent to a colleague; its links keep the moment, and nothing in it can be changed.

use crate::parts::{Icon, icon};
use crate::problem::{Kind, Problem};
use crate::when::{ZONE, time_exact, typed_day};
use crate::words::{Words, n, s};
use desk::ids::Timestamp;
use desk::past::Moment;
use jiff::ToSpan;
use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};

/// Name of the day in the address of a page.
pub const DAY: &str = "op";
/// Name of the journal position in the address of a page.
pub const POSITION: &str = "bekend";

/// What an address asks for; both empty: now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// As of the end of this day, Europe/Brussels.
    pub day: Option<Date>,
    /// Known at this position of the journal.
    pub position: Option<u64>,
}

/// What cannot be read: the field, and the key of the reason.
pub type Wrong = (&'static str, &'static str);

impl Shown {
    /// Reads a day and a position as they were written; empty ones ask for nothing.
    pub fn read(day: Option<&str>, position: Option<&str>, now: Timestamp) -> Result<Shown, Wrong> {
        let written = |text: Option<&str>| text.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        let day = match written(day) {
            None => None,
            Some(text) => {
                let day = text.parse::<Date>().ok().filter(|day| text.len() == 10 && *day >= EARLIEST);
                let day = day.ok_or((DAY, "day"))?;
                if day > crate::when::zoned(now).date() {
                    return Err((DAY, "future"));
                }
                Some(day)
            }
        };
        let position = match written(position) {
            None => None,
            Some(text) => {
                let digits: String = text.chars().filter(|c| !matches!(c, '.' | ',' | ' ')).collect();
                Some(digits.parse().map_err(|_| (POSITION, "position"))?)
            }
        };
        Ok(Shown { day, position })
    }

    /// Reads the query of a page's address, in which a person may have written the day.
    pub fn of(query: Option<&str>, now: Timestamp) -> Result<Shown, Wrong> {
        let Some(query) = query.filter(|q| q.contains(DAY) || q.contains(POSITION)) else {
            return Ok(Shown::default());
        };
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
            Some(pair.replace('+', " ").replace("%20", " ").replace("%2F", "/"))
        };
        let day = value(DAY).map(|text| typed_day(&text, now).map_or(text, |day| day.to_string()));
        Shown::read(day.as_deref(), value(POSITION).as_deref(), now)
    }

    /// Whether this is no past moment.
    pub fn is_now(&self) -> bool {
        *self == Shown::default()
    }

    /// What the engine is asked for; `None`: now.
    pub fn moment(&self) -> Option<Moment> {
        (!self.is_now()).then(|| Moment { as_of: self.day.map(end_of), known_at: self.position })
    }

    /// As it stands in an address.
    fn query(&self) -> String {
        let day = self.day.map(|day| format!("{DAY}={day}"));
        let position = self.position.map(|position| format!("{POSITION}={position}"));
        day.into_iter().chain(position).collect::<Vec<_>>().join("&")
    }
}

/// The first day that can be asked for.
const EARLIEST: Date = Date::constant(1970, 1, 1);

/// The first moment after a day, Europe/Brussels.
pub fn end_of(day: Date) -> Timestamp {
    begin_of(day.checked_add(1.day()).unwrap_or(day))
}

/// The beginning of a day, Europe/Brussels.
pub fn begin_of(day: Date) -> Timestamp {
    let begins = day.to_zoned_datetime(ZONE.clone()).map(|z| z.timestamp().as_microsecond());
    Timestamp(begins.unwrap_or(i64::MAX))
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Problem {
        Problem { field: Some(wrong), ..Problem::of(Kind::Moment) }
    }
}

/// What a page of the past says about itself.
#[derive(Clone, Debug)]
pub struct Banner {
    /// Which moment.
    pub shown: Shown,
    /// When that was: the end of the day, or when the fact at the position was recorded.
    pub at: Timestamp,
    /// Path of the page, for the way back to now.
    pub path: String,
    /// Today, the last day that can be asked for.
    pub today: Date,
}

/// Where the banner stands in a page that is made; it must not be rewritten with it.
const PLACE: &str = "<!--moment-->";

impl Banner {
    /// The place of the banner.
    pub fn place() -> Markup {
        PreEscaped(PLACE.to_owned())
    }

    fn markup(&self, w: &Words) -> Markup {
        html! {
            section class="moment" aria-label=(w.t("moment-label")) {
                (icon(Icon::Clock))
                div {
                    p class="moment-when" {
                        b {
                            @match self.shown.day {
                                Some(_) => { (w.f("moment-as-of", &[("day", s(&w.day(self.at)))])) }
                                None => { (w.t("moment-as-of-none")) }
                            }
                            ", "
                            @match self.shown.position {
                                Some(position) => { (w.f("moment-known-at", &[("n", n(position as usize))])) }
                                None => { (w.t("moment-known-now")) }
                            }
                        }
                        @if self.shown.day.is_none() { " " span class="meta" { "(" (time_exact(w, self.at)) ")" } }
                    }
                    p class="meta" { (w.t("moment-rights")) }
                }
                (picker(w, &self.path, self.shown, self.today))
                a class="btn" href=(self.path) { (w.t("moment-now")) }
            }
        }
    }

    /// The page as one of the past: no form that changes anything, every link keeps the moment, and the banner says which it is.
    pub fn dress(&self, w: &Words, page: &str) -> Markup {
        let dressed = rewritten(page, self.shown);
        PreEscaped(dressed.replacen(PLACE, &self.markup(w).into_string(), 1))
    }
}

/// The form by which a moment is chosen; it leads to the page at `path`. The day is text: a native picker follows the browser's language,
/// not the page's.
pub fn picker(w: &Words, path: &str, shown: Shown, today: Date) -> Markup {
    let written = |day: Date| format!("{} {} {}", day.day(), w.month(day.month()), day.year());
    let day = shown.day.map(written).unwrap_or_default();
    let position = shown.position.map(|p| p.to_string()).unwrap_or_default();
    html! {
        form class="moment-pick" method="get" action=(path) {
            label { span { (w.t("moment-day")) } input class="in day" type="text" name=(DAY) value=(day) placeholder=(written(today)) autocomplete="off"; }
            label { span { (w.t("moment-position")) } input class="in at" type="text" inputmode="numeric" name=(POSITION) value=(position) size="8" autocomplete="off"; }
            button class="btn" type="submit" { (w.t("moment-look")) }
        }
    }
}

/// Rewrites a page of ours. All text in it is escaped, so a sign of a tag is one.
fn rewritten(page: &str, shown: Shown) -> String {
    let keep = shown.query().replace('&', "&amp;");
    let mut out = String::with_capacity(page.len() + page.len() / 8);
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let end = rest[open..].find('>').map_or(rest.len(), |close| open + close + 1);
        let tag = &rest[open..end];
        rest = &rest[end..];
        if !tag.starts_with("<form") {
            links(tag, &keep, &mut out);
        } else if tag.contains("method=\"post\"") && !tag.contains("class=\"out\"") {
            rest = rest.split_once("</form>").map_or("", |(_, after)| after);
        } else {
            out.push_str(tag);
            if tag.contains("method=\"get\"") && !tag.contains("class=\"moment-pick\"") {
                out.push_str(&fields(shown).into_string());
            }
        }
    }
    out.push_str(rest);
    out
}

/// The moment as hidden fields of a form that asks.
fn fields(shown: Shown) -> Markup {
    html! {
        @if let Some(day) = shown.day { input type="hidden" name=(DAY) value=(day); }
        @if let Some(position) = shown.position { input type="hidden" name=(POSITION) value=(position); }
    }
}

/// A tag whose addresses of pages keep the moment, but for files of the program and addresses that name one.
fn links(tag: &str, keep: &str, out: &mut String) {
    let found = [" href=\"/", " src=\"/"].iter().find_map(|name| Some(tag.find(name)? + name.len() - 1));
    let Some(from) = found else { return out.push_str(tag) };
    let until = tag[from..].find('"').map_or(tag.len(), |quote| from + quote);
    let address = &tag[from..until];
    let named = |name: &str| ["?", ";"].iter().any(|before| address.contains(&format!("{before}{name}=")));
    if address.starts_with("/d/") || named(DAY) || named(POSITION) {
        return out.push_str(tag);
    }
    let (page, place) = address.split_at(address.find('#').unwrap_or(address.len()));
    let joint = if page.contains('?') { "&amp;" } else { "?" };
    for part in [&tag[..from], page, joint, keep, place, &tag[until..]] {
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = crate::testing::NOW;

    #[test]
    fn a_day_ends_in_brussels() {
        assert_eq!(end_of("2022-12-15".parse().unwrap()), Timestamp::from_seconds(1_671_145_200));
        assert_eq!(
            end_of("2022-03-27".parse().unwrap()),
            Timestamp::from_seconds(1_648_418_400),
            "summer began that day"
        );
    }

    #[test]
    fn an_address_says_which_moment_or_what_is_wrong_with_it() {
        let shown = |query| Shown::of(Some(query), NOW);
        assert_eq!(shown("op=&bekend="), Ok(Shown::default()));
        assert_eq!(shown("open=M-0000-0000"), Ok(Shown::default()));
        let both = shown("tab=x&op=2022-12-15&bekend=1.234").unwrap();
        assert_eq!((both.query().as_str(), both.position), ("op=2022-12-15&bekend=1234", Some(1234)));
        assert_eq!(shown("op=2022-12-16"), Err((DAY, "future")));
        for same in ["op=14+dec+2022", "op=14%2F12%2F2022", "op=wo+14+december+2022", "op=gisteren"] {
            assert_eq!(shown(same).unwrap().query(), "op=2022-12-14", "{same}");
        }
        for wrong in ["op=veertien", "op=2022-13-01", "op=2022-12-15T00", "op=0000-01-01", "op=%3Cb%3E"] {
            assert_eq!(shown(wrong), Err((DAY, "day")), "{wrong}");
        }
        for wrong in ["bekend=-1", "bekend=veel", "bekend=99999999999999999999"] {
            assert_eq!(shown(wrong), Err((POSITION, "position")), "{wrong}");
        }
    }

    #[test]
    fn links_keep_the_moment_and_forms_that_act_go() {
        let shown = Shown { day: Some("2022-12-15".parse().unwrap()), position: Some(7) };
        let page = concat!(
            "<a class=\"ref\" href=\"/wacht\">x</a><a href=\"/zoek?q=a#b\">y</a><a href=\"/d/x.css\">z</a>",
            "<a href=\"/wacht?bekend=3\">w</a><a href=\"#main\">v</a>",
            "<form method=\"post\" action=\"/wis\"><button>weg</button></form><form method=\"get\" action=\"/zoek\"></form>",
            "<form method=\"post\" action=\"/afmelden\" class=\"out\"></form>tekst",
        );
        let keep = "op=2022-12-15&amp;bekend=7";
        let expected = [
            format!("<a class=\"ref\" href=\"/wacht?{keep}\">x</a><a href=\"/zoek?q=a&amp;{keep}#b\">y</a>"),
            "<a href=\"/d/x.css\">z</a><a href=\"/wacht?bekend=3\">w</a><a href=\"#main\">v</a>".to_owned(),
            "<form method=\"get\" action=\"/zoek\"><input type=\"hidden\" name=\"op\" value=\"2022-12-15\">".to_owned(),
            "<input type=\"hidden\" name=\"bekend\" value=\"7\"></form>".to_owned(),
            "<form method=\"post\" action=\"/afmelden\" class=\"out\"></form>tekst".to_owned(),
        ];
        assert_eq!(rewritten(page, shown), expected.concat());
    }
}

//! Times as people read them: absolute first, zone always, Europe/Brussels.

use crate::words::{Words, n, s};
use desk::ids::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{ToSpan, ZonedDateTime};
use maud::{Markup, html};
use std::sync::LazyLock;

/// A day, seconds.
const DAY_SECONDS: i64 = 24 * 3600;
/// The zone of the desk.
pub static ZONE: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/Brussels").expect("the time zone database is bundled"));

/// A moment in the desk's zone. Moments outside the calendar (a forged header) show as the nearest end of it.
pub fn zoned(at: Timestamp) -> ZonedDateTime {
    let moment = jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    moment.to_zoned_datetime(ZONE.clone())
}

fn zone_name(at: &ZonedDateTime) -> String {
    at.strftime("%Z").to_string()
}

impl Words {
    /// `do 15 dec 2022`.
    pub fn day(&self, at: Timestamp) -> String {
        let at = zoned(at);
        self.day_of(&at)
    }

    fn day_of(&self, at: &ZonedDateTime) -> String {
        let weekday = self.weekday(at.weekday().to_monday_one_offset());
        format!("{weekday} {} {} {}", at.day(), self.month(at.month()), at.year())
    }

    /// `do 15 dec, 03:04`: beside something that names the year.
    pub fn day_hour(&self, at: Timestamp) -> String {
        let at = zoned(at);
        let weekday = self.weekday(at.weekday().to_monday_one_offset());
        format!("{weekday} {} {}, {:02}:{:02}", at.day(), self.month(at.month()), at.hour(), at.minute())
    }

    /// `do 15 dec 2022, 03:04 CET`.
    pub fn moment(&self, at: Timestamp) -> String {
        let at = zoned(at);
        format!("{}, {:02}:{:02} {}", self.day_of(&at), at.hour(), at.minute(), zone_name(&at))
    }

    /// `do 15 dec 2022, 03:04:11 CET`.
    pub fn moment_exact(&self, at: Timestamp) -> String {
        let at = zoned(at);
        format!("{}, {:02}:{:02}:{:02} {}", self.day_of(&at), at.hour(), at.minute(), at.second(), zone_name(&at))
    }

    /// Beside an event: when it was written down. The day where that is another one, the zone where that is another one.
    pub fn written(&self, at: Timestamp, event: Timestamp) -> String {
        let (day, of) = (zoned(at), zoned(event));
        if day.year() != of.year() {
            return self.moment(at);
        }
        let when = if day.date() == of.date() { self.hour(at) } else { self.day_hour(at) };
        if zone_name(&day) == zone_name(&of) { when } else { format!("{when} {}", zone_name(&day)) }
    }

    /// `03:04`.
    pub fn hour(&self, at: Timestamp) -> String {
        let at = zoned(at);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }

    /// `03:04:11`.
    pub fn second(&self, at: Timestamp) -> String {
        let at = zoned(at);
        format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    }

    /// `CET` or `CEST` at that moment.
    pub fn zone(&self, at: Timestamp) -> String {
        zone_name(&zoned(at))
    }

    /// Time of day within the last 24 hours, the day otherwise: for the narrow column of a list.
    pub fn brief(&self, at: Timestamp, now: Timestamp) -> String {
        let near = now.seconds_since(at).abs() < DAY_SECONDS;
        let (at, now) = (zoned(at), zoned(now));
        if near {
            format!("{:02}:{:02}", at.hour(), at.minute())
        } else if at.year() == now.year() {
            format!("{} {}", at.day(), self.month(at.month()))
        } else {
            format!("{:02}/{}", at.month(), at.year())
        }
    }

    /// Under `brief`: how long ago, with the weekday when it was not today; the time of day when it was longer ago.
    pub fn brief_ago(&self, at: Timestamp, now: Timestamp) -> String {
        let seconds = now.seconds_since(at);
        let (day, today) = (zoned(at), zoned(now));
        if day.date() == today.date() {
            self.span(seconds)
        } else if seconds.abs() < DAY_SECONDS {
            format!("{}, {}", self.weekday(day.weekday().to_monday_one_offset()), self.rough(seconds))
        } else {
            format!("{:02}:{:02}", day.hour(), day.minute())
        }
    }

    /// `brief`, and the time of day where that is the day.
    pub fn brief_moment(&self, at: Timestamp, now: Timestamp) -> String {
        let (brief, hour) = (self.brief(at, now), self.hour(at));
        if brief == hour { hour } else { format!("{brief} {hour}") }
    }

    /// A length of time in one unit: `4 u`.
    fn rough(&self, seconds: i64) -> String {
        let minutes = seconds.unsigned_abs() as usize / 60;
        if minutes < 60 { self.span(seconds) } else { self.f("span-rough", &[("h", n(minutes / 60))]) }
    }

    /// A length of time: `22 min`, `6 u 28`, `2 d 13 u`.
    pub fn span(&self, seconds: i64) -> String {
        let minutes = seconds.unsigned_abs() as usize / 60;
        let (hours, days) = (minutes / 60, minutes / 1440);
        match minutes {
            0 => self.t("span-now"),
            1..60 => self.f("span-minutes", &[("n", n(minutes))]),
            60..1440 => self.f("span-hours", &[("h", n(hours)), ("m", s(&format!("{:02}", minutes % 60)))]),
            _ if days < 30 => self.f("span-days", &[("d", n(days)), ("h", n(hours % 24))]),
            _ => self.f("span-long", &[("d", n(days))]),
        }
    }

    /// `8 min geleden`.
    pub fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        let seconds = now.seconds_since(at);
        if seconds < 60 { self.t("span-now") } else { self.f("ago", &[("span", s(&self.span(seconds)))]) }
    }
}

/// Machine form for `<time datetime>`.
pub fn iso(at: Timestamp) -> String {
    let at = zoned(at);
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A moment with its zone, readable by machines too.
pub fn time(w: &Words, at: Timestamp) -> Markup {
    html! { time datetime=(iso(at)) { (w.moment(at)) } }
}

/// A moment to the second.
pub fn time_exact(w: &Words, at: Timestamp) -> Markup {
    html! { time datetime=(iso(at)) { (w.moment_exact(at)) } }
}

/// The beginning of the day in which a moment lies, Europe/Brussels.
pub fn begin_of_day(at: Timestamp) -> Timestamp {
    zoned(at).start_of_day().map_or(at, |begins| Timestamp(begins.timestamp().as_microsecond()))
}

/// What was typed for a time, as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed {
    /// The moment; of a day alone, its beginning.
    pub at: Timestamp,
    /// Only a day was typed.
    pub day_only: bool,
}

/// Reads what people type, and what logs say: `02:30`, `gisteren 14:00`, `13 dec 2022`, `15/12/2022 02:30`, `2022-12-15T01:30:00Z`,
/// `15 dec 2022 01:30 UTC`, `+4u`. Without a zone it is Brussels' time; an hour that the night gave twice then needs one.
/// Day before month, always: a native picker's 03/04 is a defect in a legal clock. The error is the key of the reason.
pub fn read(text: &str, now: Timestamp) -> Result<Typed, &'static str> {
    let text = text.trim().to_lowercase();
    if let Some(rest) = text.strip_prefix('+') {
        return later(rest, now).map(|at| Typed { at, day_only: false }).ok_or("time");
    }
    let text = match text.split_once('t') {
        Some((date, time)) if date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            format!("{date} {time}")
        }
        _ => text,
    };
    let mut words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    words.retain(|w| !WEEKDAYS.contains(w) && !["om", "at", "u", "uur"].contains(w));
    let zone = taken_zone(&mut words).map_or_else(|| ZONE.clone(), TimeZone::fixed);
    let today = zoned(now).with_time_zone(zone.clone()).date();
    let time = words.last().copied().and_then(clock);
    if time.is_some() {
        words.pop();
    }
    let date = match (words.is_empty(), time) {
        (true, None) => return Err("time"),
        (true, Some(_)) => today,
        (false, _) => dated(&words, today).ok_or("time")?,
    };
    let Some(time) = time else {
        let begins =
            DateTime::from_parts(date, Time::midnight()).to_zoned_datetime(ZONE.clone()).map_err(|_| "time")?;
        return Ok(Typed { at: Timestamp(begins.timestamp().as_microsecond()), day_only: true });
    };
    let moment = zone.to_ambiguous_zoned_datetime(DateTime::from_parts(date, time));
    if matches!(moment.offset(), AmbiguousOffset::Fold { .. }) {
        return Err("twice");
    }
    let at = moment.compatible().map_err(|_| "time")?;
    Ok(Typed { at: Timestamp(at.timestamp().as_microsecond()), day_only: false })
}

/// As [`read`], for what lies ahead or needs no such care: an hour that the night gives twice is the first one. `None`: not understood.
pub fn typed(text: &str, now: Timestamp) -> Option<Timestamp> {
    match read(text, now) {
        Ok(typed) => Some(typed.at),
        Err("twice") => read(&format!("{text} cest"), now).ok().map(|typed| typed.at),
        Err(_) => None,
    }
}

/// The zone that stands at the end: a word of its own, or stuck to the time.
fn taken_zone(words: &mut Vec<&str>) -> Option<Offset> {
    let last = words.last().copied()?;
    if let Some(offset) = offset(last) {
        words.pop();
        return Some(offset);
    }
    let sign = last.find(':').and_then(|colon| Some(colon + last[colon..].find(['z', '+', '-'])?))?;
    let offset = offset(&last[sign..])?;
    *words.last_mut()? = &last[..sign];
    Some(offset)
}

/// `z`, `utc`, `cet`, `+01:00`, `-0500`, `utc+2`.
fn offset(text: &str) -> Option<Offset> {
    let named = match text {
        "z" | "utc" | "gmt" => Some(0),
        "cet" => Some(1),
        "cest" => Some(2),
        _ => None,
    };
    if let Some(hours) = named {
        return Some(Offset::constant(hours));
    }
    let text = text.strip_prefix("utc").or(text.strip_prefix("gmt")).unwrap_or(text);
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replacen(':', "", 1);
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let possible = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().filter(|_| possible)
}

/// Reads a day as [`typed`] does, without a time.
pub fn typed_day(text: &str, now: Timestamp) -> Option<Date> {
    let text = text.trim().to_lowercase();
    let words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty() && !WEEKDAYS.contains(w)).collect();
    dated(&words, zoned(now).date())
}

fn dated(words: &[&str], today: Date) -> Option<Date> {
    match words[..] {
        ["vandaag" | "today"] => Some(today),
        ["gisteren" | "yesterday"] => today.checked_sub(1.day()).ok(),
        ["morgen" | "tomorrow"] => today.checked_add(1.day()).ok(),
        ["eergisteren"] => today.checked_sub(2.days()).ok(),
        [one] => numeric(one, today.year()),
        [day, month] => Date::new(today.year(), month_named(month)?, day.parse().ok()?).ok(),
        [day, month, year] => Date::new(year.parse().ok()?, month_named(month)?, day.parse().ok()?).ok(),
        _ => None,
    }
}

const WEEKDAYS: [&str; 28] = [
    "ma",
    "di",
    "wo",
    "do",
    "vr",
    "za",
    "zo",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "maandag",
    "dinsdag",
    "woensdag",
    "donderdag",
    "vrijdag",
    "zaterdag",
    "zondag",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

fn later(text: &str, now: Timestamp) -> Option<Timestamp> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let count: i64 = digits.parse().ok().filter(|n| (1..=10_000).contains(n))?;
    let unit = match text[digits.len()..].trim() {
        "m" | "min" => 60,
        "u" | "h" | "uur" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(now.plus_seconds(count * unit))
}

fn clock(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once([':', 'u', 'h'])?;
    let (minute, second) = match rest.split_once(':') {
        // Logs write fractions of it.
        Some((minute, second)) => (minute, second.split('.').next()?.parse().ok()?),
        None => (rest, 0),
    };
    let minute = if minute.is_empty() { 0 } else { minute.parse().ok()? };
    Time::new(hour.parse().ok()?, minute, second, 0).ok()
}

fn numeric(text: &str, year: i16) -> Option<Date> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    match parts[..] {
        [y, m, d] if y.len() == 4 => Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok(),
        [d, m, y] if y.len() == 4 => Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok(),
        [d, m] => Date::new(year, m.parse().ok()?, d.parse().ok()?).ok(),
        _ => None,
    }
}

fn month_named(text: &str) -> Option<i8> {
    const STARTS: [&[&str]; 12] = [
        &["jan"],
        &["feb"],
        &["mrt", "maa", "mar"],
        &["apr"],
        &["mei", "may"],
        &["jun"],
        &["jul"],
        &["aug"],
        &["sep"],
        &["okt", "oct"],
        &["nov"],
        &["dec"],
    ];
    STARTS.iter().position(|starts| starts.iter().any(|s| text.starts_with(s))).map(|n| n as i8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;
    use desk::house::Language;

    /// Thursday 15 December 2022, 03:12 in Brussels.
    const NOW: Timestamp = Timestamp::from_seconds(1_671_070_320);

    #[test]
    fn a_moment_is_absolute_and_has_its_zone() {
        assert_eq!(words(Language::Nl).moment(NOW), "do 15 dec 2022, 03:12 CET");
        assert_eq!(words(Language::En).moment(NOW), "Thu 15 Dec 2022, 03:12 CET");
        assert_eq!(words(Language::Nl).moment(NOW.plus_seconds(200 * 86_400)), "ma 3 jul 2023, 04:12 CEST");
        assert_eq!(iso(NOW), "2022-12-15T03:12:00+01:00");
        words(Language::Nl).moment(Timestamp(i64::MAX));
        words(Language::Nl).moment(Timestamp(i64::MIN));
    }

    #[test]
    fn lengths_of_time_are_short() {
        let w = words(Language::Nl);
        assert_eq!(w.span(22 * 60), "22 min");
        assert_eq!(w.span(6 * 3600 + 28 * 60), "6 u 28");
        assert_eq!(w.span(61 * 3600), "2 d 13 u");
        assert_eq!(w.brief(NOW.plus_seconds(-480), NOW), "03:04");
        assert_eq!(w.brief(NOW.plus_seconds(-4 * 3600), NOW), "23:12");
        assert_eq!(w.brief_ago(NOW.plus_seconds(-4 * 3600), NOW), "wo, 4 u");
        assert_eq!(w.brief(NOW.plus_seconds(-40 * 3600), NOW), "13 dec");
        assert_eq!(w.brief_ago(NOW.plus_seconds(-40 * 3600), NOW), "11:12");
        assert_eq!(w.brief_moment(NOW.plus_seconds(-40 * 3600), NOW), "13 dec 11:12");
    }

    #[test]
    fn typed_times_are_read_as_people_write_them() {
        let w = words(Language::Nl);
        let read = |text| typed(text, NOW).map(|t| w.moment(t));
        let is = |text, want: &str| assert_eq!(read(text).as_deref(), Some(want), "{text}");
        is("02:30", "do 15 dec 2022, 02:30 CET");
        is("2u30", "do 15 dec 2022, 02:30 CET");
        is("gisteren 14:00", "wo 14 dec 2022, 14:00 CET");
        is("13 dec 2022", "di 13 dec 2022, 00:00 CET");
        is("di 13 december, 9:05", "di 13 dec 2022, 09:05 CET");
        is("3/4/2022 10:00", "zo 3 apr 2022, 10:00 CEST");
        is("2022-12-14T22:48", "wo 14 dec 2022, 22:48 CET");
        is("2022-10-14 22:48", "vr 14 okt 2022, 22:48 CEST");
        is("14 okt 2022", "vr 14 okt 2022, 00:00 CEST");
        is("do 15 dec 2022, 03:12 CET", "do 15 dec 2022, 03:12 CET");
        is("morgen 8:00", "vr 16 dec 2022, 08:00 CET");
        is("+4u", "do 15 dec 2022, 07:12 CET");
        is("14 dec 2022 01:00 UTC", "wo 14 dec 2022, 02:00 CET");
        is("2022-12-14T01:00:00Z", "wo 14 dec 2022, 02:00 CET");
        is("2022-12-14T01:00:00.123Z", "wo 14 dec 2022, 02:00 CET");
        is("2022-12-14 01:00:00+01:00", "wo 14 dec 2022, 01:00 CET");
        is("2022-12-14 01:00 +0000", "wo 14 dec 2022, 02:00 CET");
        is("14 jul 2022 01:00 GMT", "do 14 jul 2022, 03:00 CEST");
        is("13 dec 2022 20:00 -05:00", "wo 14 dec 2022, 02:00 CET");
        is("13 dec 2022 20:00 UTC-5", "wo 14 dec 2022, 02:00 CET");
        is("30 okt 2022 02:30 CEST", "zo 30 okt 2022, 02:30 CEST");
        is("30 okt 2022 02:30 CET", "zo 30 okt 2022, 02:30 CET");
        is("30 okt 2022 02:30", "zo 30 okt 2022, 02:30 CEST");
        is("01:30 UTC", "do 15 dec 2022, 02:30 CET");
        for wrong in [
            "01:00 XST",
            "14 dec 2022 01:00 +25:00",
            "14 dec 2022 01:00 +1:2:3",
            "z",
            "+01:00 z",
            "",
            "straks",
            "45:10",
            "31 feb 2022",
            "+4",
            "13 13 13 13",
            "+99999999999999u",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(typed("yesterday 14:00", NOW), typed("gisteren 14:00", NOW));
    }

    #[test]
    fn an_hour_that_the_night_gave_twice_needs_its_zone_and_a_day_is_no_hour() {
        assert_eq!(read("30 okt 2022 02:30", NOW), Err("twice"));
        let twice = |zone| read(&format!("30 okt 2022 02:30 {zone}"), NOW).unwrap().at;
        assert_eq!(twice("CET").seconds_since(twice("CEST")), 3600);
        assert!(read("30 okt 2022 03:00", NOW).is_ok_and(|t| !t.day_only));
        assert!(read("13 dec", NOW).is_ok_and(|t| t.day_only && t.at == begin_of_day(t.at)));
        assert_eq!(read("straks", NOW), Err("time"));
    }

    #[test]
    fn beside_an_event_stands_when_it_was_written_down() {
        let w = words(Language::Nl);
        assert_eq!(w.written(NOW, NOW.plus_seconds(-600)), "03:12");
        assert_eq!(w.written(NOW, NOW.plus_seconds(-14 * 3600)), "do 15 dec, 03:12");
        assert_eq!(w.written(NOW, NOW.plus_seconds(-60 * 86_400)), "do 15 dec, 03:12 CET");
        assert_eq!(w.written(NOW, NOW.plus_seconds(-400 * 86_400)), "do 15 dec 2022, 03:12 CET");
    }
}

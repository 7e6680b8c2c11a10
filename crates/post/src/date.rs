//! Dates of mail (RFC 5322, 3.3): read tolerantly, written in one way. Pure arithmetic, no clock.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAY_S: i64 = 86_400;
/// Longest text that is looked at, in bytes.
const TEXT_MAX_BYTES: usize = 200;

/// Seconds since 1970-01-01 UTC of a `Date` field; `None` when it names no moment between 1900 and 9999.
pub fn parse(text: &str) -> Option<i64> {
    let mut end = text.len().min(TEXT_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = without_comments(&text[..end]);
    let mut words: Vec<&str> = text.split([' ', '\t', '\r', '\n', ',']).filter(|word| !word.is_empty()).collect();
    if words.first()?.starts_with(|c: char| c.is_ascii_alphabetic()) {
        words.remove(0);
    }
    let [day, month, year, time, zone @ ..] = words.as_slice() else { return None };
    let day: i64 = number(day)?;
    let month =
        MONTHS.iter().position(|name| month.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(name)))? as i64 + 1;
    let year = match number(year)? {
        // RFC 5322, 4.3: two and three digits.
        short @ 0..=49 => short + 2000,
        short @ 50..=999 => short + 1900,
        year => year,
    };
    let mut parts = time.split([':', '.']);
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = parts.next().map_or(Some(0), number)?;
    if !(1900..=9999).contains(&year)
        || !(1..=days_in(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    Some(days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - zone_s(zone.first().copied()))
}

/// `Thu, 15 Dec 2022 02:04:00 +0000`.
pub fn format(seconds: i64) -> String {
    // Years 0 to 9999, the only ones that the format can say.
    let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
    let (days, time) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let (year, month, day) = civil_from_days(days);
    let weekday = DAYS[(days + 4).rem_euclid(7) as usize];
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} +0000", time / 3600, time / 60 % 60, time % 60)
}

fn number(text: &str) -> Option<i64> {
    (text.len() <= 4 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' if depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

fn zone_s(zone: Option<&str>) -> i64 {
    let Some(zone) = zone else { return 0 };
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => {
            return match zone.to_ascii_uppercase().as_str() {
                "EDT" => -4 * 3600,
                "EST" | "CDT" => -5 * 3600,
                "CST" | "MDT" => -6 * 3600,
                "MST" | "PDT" => -7 * 3600,
                "PST" => -8 * 3600,
                "CET" => 3600,
                "CEST" => 7200,
                _ => 0,
            };
        }
    };
    match number(&zone[1..]) {
        Some(hhmm) if zone.len() == 5 && hhmm % 100 < 60 => sign * (hhmm / 100 * 3600 + hhmm % 100 * 60),
        _ => 0,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_as_mail_writes_them() {
        for (text, seconds) in [
            ("Thu, 15 Dec 2022 03:04:05 +0100", 1_671_069_845),
            ("15 Dec 2022 02:04:05 GMT", 1_671_069_845),
            ("Wed, 14 Dec 22 21:04:05 EST (Eastern (Standard) Time)", 1_671_069_845),
            ("Thu, 1 Jan 1970 00:00 +0000", 0),
            ("Fri, 29 Feb 2008 09:22:45.1 -0800", 1_204_305_765),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "gisteren",
            "32 Dec 2022 00:00:00",
            "29 Feb 2023 00:00:00",
            "15 Dec 2022 25:00:00",
            "15 Dec 99999 00:00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(format(1_671_069_845), "Thu, 15 Dec 2022 02:04:05 +0000");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in -2_208_988_800_i64..253_402_300_799) {
            prop_assert_eq!(parse(&format(seconds)), Some(seconds));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,300}") {
            let _ = parse(&text);
        }
    }
}

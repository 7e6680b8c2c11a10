//! How the command line writes moments and spans of time.

use desk::ids::Timestamp;

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => format!("{moment:.3}"),
        Err(_) => at.0.to_string(),
    }
}

/// A span of time in its two largest units, such as `3 days 4 hours`; below zero it is `0 minutes`.
pub fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let seconds = seconds.max(0);
    let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(2).min(2);
    let (unit, _) = UNITS[largest];
    let counts = [seconds / unit, seconds % unit / UNITS[largest + 1].0];
    let each = counts.iter().zip(&UNITS[largest..]).enumerate();
    let said = each.filter(|(n, (count, _))| *n == 0 || **count > 0);
    let said = said.map(|(_, (count, (_, name)))| format!("{count} {name}{}", if *count == 1 { "" } else { "s" }));
    said.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        for (seconds, said) in [
            (-5, "0 minutes"),
            (0, "0 minutes"),
            (59, "0 minutes 59 seconds"),
            (61, "1 minute 1 second"),
            (3600, "1 hour"),
            (90 * 60, "1 hour 30 minutes"),
            (86_400 + 59, "1 day"),
            (3 * 86_400 + 4 * 3600 + 1800, "3 days 4 hours"),
            (400 * 86_400, "400 days"),
        ] {
            assert_eq!(span(seconds), said, "{seconds}");
        }
    }
}

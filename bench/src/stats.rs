//! Percentiles and medians.

use std::time::Duration;

/// Nearest rank: the smallest value that at least `percent` of the values do not exceed. `None` without values.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * ordered.len() as f64).ceil() as usize;
    ordered.get(rank.max(1) - 1).copied()
}

/// The middle value; of an even number of values the mean of the two in the middle. `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    let middle = ordered.len() / 2;
    match ordered.len() {
        0 => None,
        n if n % 2 == 1 => Some(ordered[middle]),
        _ => Some((ordered[middle - 1] + ordered[middle]) / 2.0),
    }
}

/// Times, summarised in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// How many.
    pub count: usize,
    /// Half were faster.
    pub p50_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Times {
    /// The summary; `None` without values.
    pub fn of(times: &[Duration]) -> Option<Times> {
        let values: Vec<f64> = times.iter().map(|t| t.as_secs_f64() * 1000.0).collect();
        Some(Times {
            count: values.len(),
            p50_ms: percentile(&values, 50.0)?,
            p99_ms: percentile(&values, 99.0)?,
            max_ms: percentile(&values, 100.0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_rank_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), Some(50.0));
        assert_eq!(percentile(&values, 99.0), Some(99.0));
        assert_eq!(percentile(&values, 100.0), Some(100.0));
        assert_eq!(percentile(&values, 0.0), Some(1.0));
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn one_slow_run_does_not_make_the_median() {
        assert_eq!(median(&[3.0, 900.0, 1.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn times_are_in_milliseconds() {
        let times = Times::of(&[Duration::from_millis(2), Duration::from_micros(500)]).unwrap();
        assert_eq!((times.count, times.p50_ms, times.max_ms), (2, 0.5, 2.0));
        assert_eq!(Times::of(&[]), None);
    }

    proptest! {
        #[test]
        fn at_least_so_many_values_do_not_exceed_a_percentile(
            values in prop::collection::vec(0.0..1e6f64, 1..300),
            percent in 1.0..100.0f64,
        ) {
            let at = percentile(&values, percent).unwrap();
            let within = values.iter().filter(|v| **v <= at).count() as f64;
            prop_assert!(within * 100.0 >= percent * values.len() as f64 - 1e-6);
            let below = values.iter().filter(|v| **v < at).count() as f64;
            prop_assert!(below * 100.0 < percent * values.len() as f64 + 1e-6);
        }
    }
}

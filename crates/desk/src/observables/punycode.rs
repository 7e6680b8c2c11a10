//! Names with other letters than ASCII in the form that the domain name system knows (RFC 3492): lookalikes lose their disguise.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// A label in ASCII: as it is, or as `xn--…`. `None` when it cannot be written so.
pub(super) fn ascii_label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    encoded(label).map(|encoded| format!("xn--{encoded}"))
}

fn encoded(label: &str) -> Option<String> {
    let signs: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let plain = u32::try_from(out.len()).ok()?;
    if plain > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut done) = (INITIAL_N, 0u32, INITIAL_BIAS, plain);
    while (done as usize) < signs.len() {
        let next = signs.iter().copied().filter(|s| *s >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for sign in &signs {
            if *sign < n {
                delta = delta.checked_add(1)?;
            }
            if *sign == n {
                variable_length(&mut out, delta, bias);
                bias = adapted(delta, done + 1, done == plain);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

fn variable_length(out: &mut String, delta: u32, bias: u32) {
    let digit = |value: u32| char::from(if value < 26 { b'a' + value as u8 } else { b'0' + (value as u8 - 26) });
    let (mut rest, mut k) = (delta, BASE);
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            break;
        }
        out.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
    out.push(digit(rest));
}

fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_the_standard_does() {
        // From RFC 3492 §7.1 and names in use.
        for (label, ascii) in [
            ("münchen", "xn--mnchen-3ya"),
            ("bücher", "xn--bcher-kva"),
            ("ليهمابتكلموشعربي؟", "xn--egbpdaj6bu4bxfgehfvwxn"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
            ("gemeente", "gemeente"),
        ] {
            assert_eq!(ascii_label(label).as_deref(), Some(ascii), "{label}");
        }
    }
}

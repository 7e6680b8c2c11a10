//! `Authentication-Results` (RFC 8601) of one hop. Everybody can write such a field: only the first one that bears the hop's name counts,
//! for a hop puts its own above whatever came in.

use super::{Check, Method, Verdict};

/// Results of one field.
const RESULTS_MAX: usize = 50;
/// Longest domain, in characters (RFC 1035 has 253).
const DOMAIN_MAX: usize = 255;

/// The first of these fields (newest first) that bears this `authserv-id`, with what it says.
pub fn results_of<'a>(fields: &'a [String], authserv_id: &str) -> Option<(&'a str, Vec<Check>)> {
    fields.iter().find_map(|field| {
        let mut clauses = clauses(field).into_iter();
        let id = clauses.next()?.into_iter().next()?;
        id.eq_ignore_ascii_case(authserv_id).then(|| {
            let checks = clauses.filter_map(|words| result(&words)).take(RESULTS_MAX).collect();
            (field.as_str(), checks)
        })
    })
}

/// `method[/version]=result` and its `ptype.property=value`s.
fn result(words: &[String]) -> Option<Check> {
    let (method, verdict) = words.first()?.split_once('=')?;
    let method = Method::from_key(method.split('/').next()?)?;
    let verdict = Verdict::from_key(verdict)?;
    let property = |name: &str| {
        let pairs = words.iter().skip(1).filter_map(|word| word.split_once('='));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let value = match method {
        Method::Dkim => property("header.d").or_else(|| property("header.i")),
        Method::Spf => property("smtp.mailfrom").or_else(|| property("smtp.helo")),
        Method::Dmarc => property("header.from"),
        Method::Arc => None,
    };
    let domain = value.map(|value| value.rsplit('@').next().unwrap_or(value).to_lowercase());
    let domain = domain.filter(|d| !d.is_empty() && d.chars().count() <= DOMAIN_MAX);
    Some(Check { method, verdict, domain })
}

/// The words of each clause between semicolons; comments are left out, quotes taken off, spaces around `=` and `/` too.
fn clauses(field: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped, mut joins) = (0_usize, false, false, false);
    for c in field.chars() {
        if std::mem::take(&mut escaped) {
            if quoted {
                word.push(c);
            }
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => word.push(c),
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            ';' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()));
                all.push(std::mem::take(&mut words));
                joins = false;
            }
            c if c.is_whitespace() => joins |= word.ends_with('='),
            // A space stood before it.
            '=' if word.is_empty() && !words.is_empty() => {
                word = words.pop().unwrap_or_default();
                word.push('=');
            }
            c => word.push(c),
        }
        if c.is_whitespace() && !quoted && depth == 0 && !joins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        joins &= word.ends_with('=');
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    all.push(words);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(field: &str) -> Vec<(&'static str, &'static str, Option<String>)> {
        let fields = [field.to_owned()];
        let (_, checks) = results_of(&fields, "mx.team.example").unwrap();
        checks.into_iter().map(|c| (c.method.key(), c.verdict.key(), c.domain)).collect()
    }

    #[test]
    fn results_are_read_as_the_standard_means_them() {
        let some = |d: &str| Some(d.to_owned());
        assert_eq!(
            said(
                "MX.team.example 1; dkim=pass (2048-bit; key) header.d=Diest.be header.s=a header.b=\"x;y\"; \
                 spf=softfail smtp.mailfrom=it@diest.be; dmarc=fail (p=reject; dis=none) header.from=diest.be; arc=none"
            ),
            [
                ("dkim", "pass", some("diest.be")),
                ("spf", "softfail", some("diest.be")),
                ("dmarc", "fail", some("diest.be")),
                ("arc", "none", None)
            ]
        );
        assert_eq!(said("mx.team.example; none"), []);
        assert_eq!(
            said("mx.team.example;dkim/1 = pass reason=\"good; dmarc=pass\" header.i = \"@diest.be\""),
            [("dkim", "pass", some("diest.be"))]
        );
        assert_eq!(said("mx.team.example; (dmarc=pass; ) spf=hardfail"), [("spf", "fail", None)]);
        assert_eq!(said("mx.team.example; auth=pass; x-odd=1; dkim=maybe"), []);
    }

    #[test]
    fn only_the_first_of_the_trusted_hop_counts() {
        let fields = ["mx.evil.example; dmarc=pass", "mx.team.example; dmarc=fail", "mx.team.example; dmarc=pass"];
        let fields = fields.map(str::to_owned);
        assert_eq!(results_of(&fields, "mx.team.example").unwrap().1[0].verdict, Verdict::Fail);
        assert_eq!(results_of(&fields, "team.example"), None);
        // A name inside a comment or a quoted string of another field is not its name.
        let odd = ["(mx.team.example) evil.example; dmarc=pass".to_owned(), ";mx.team.example; dmarc=pass".to_owned()];
        assert_eq!(results_of(&odd, "mx.team.example"), None);
    }

    proptest! {
        #[test]
        fn whatever_a_field_says_is_read(field in "[a-z;=()\"\\\\ ./@é]{0,80}") {
            let fields = [format!("mx;{field}"), field];
            let _ = results_of(&fields, "mx");
        }
    }
}

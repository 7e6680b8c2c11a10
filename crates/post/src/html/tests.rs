use proptest::prelude::*;

use super::sanitise::{ATTRIBUTES, TAGS, tidy};
use super::*;

/// Reads sanitised HTML with a scanner that knows nothing but what may be there; says what may not.
pub(crate) fn forbidden(html: &str) -> Option<String> {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if rest[..at].contains('>') {
            return Some(format!("a bare > in {:?}", &rest[..at]));
        }
        let Some(end) = rest[at..].find('>') else { return Some("an open tag".into()) };
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(why) = forbidden_tag(tag) {
            return Some(format!("{why} in <{tag}>"));
        }
    }
    rest.contains('>').then(|| "a bare > at the end".into())
}

fn forbidden_tag(tag: &str) -> Option<&'static str> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let name = name.strip_prefix('/').unwrap_or(name);
    if !TAGS.contains(&name) && name != "tbody" && name != "colgroup" {
        return Some("a tag off the list");
    }
    while !rest.is_empty() {
        let Some((key, value)) = rest.split_once("=\"") else { return Some("an attribute without value") };
        let Some((value, after)) = value.split_once('"') else { return Some("an open value") };
        let listed = ATTRIBUTES.iter().any(|(of, names)| *of == name && names.contains(&key));
        if !listed || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Some("an attribute off the list");
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    None
}

fn check_safe(html: &str) {
    for (how, out) in [("ours alone", tidy(html)), ("both", sanitised(html))] {
        if let Some(why) = forbidden(&out) {
            panic!("{why}\n{how}: {out:?}\nof: {html:?}");
        }
    }
}

#[test]
fn html_becomes_the_text_that_a_person_sees() {
    let html = "<html><head><title>x</title><style>p{}</style></head><body><p>Dag&nbsp;&amp; <b>welkom</b><br>regel 2</p>\
        <ul><li>een<li>twee</ul><table><tr><td>a</td><td>b</td></tr></table><!-- <p>nee</p> -->\
        <a href='https://bad.example/x?a=1&amp;b=2'>uw bank</a> <a href='https://same.example'>https://same.example</a>\
        <script>alert('</p>')</script><pre>x\n  y</pre>1 < 2 &euro; &#8364; &#x20AC; &no-such; &</body></html>";
    let text = html_to_text(html);
    for expected in [
        "Dag & welkom\nregel 2",
        "- een\n- twee",
        "a\tb",
        "uw bank <https://bad.example/x?a=1&b=2>",
        "https://same.example\n",
        "1 < 2 € € € &no-such; &",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text:?}");
    }
    for other in ["alert", "p{}", "nee", "<https://same"] {
        assert!(!text.contains(other), "{other:?} is in {text:?}");
    }
}

#[test]
fn a_link_that_is_a_picture_says_where_it_leads() {
    let html =
        "<a href=https://bad.example/2.html><img src=https://bad.example/2.png></a> <a href=https://none.example></a>";
    assert_eq!(html_to_text(html), "<https://bad.example/2.html>");
}

#[test]
fn every_address_in_markup_is_a_link() {
    let html = "<a href=http://a.example/1>x</a><IMG SRC='https://b.example/p.gif'><form action=\"https://c.example/login\">\
        <a href=http://a.example/1>again</a><a href=/local>y</a><img src=cid:1><meta content='0;url=https://d.example'>";
    let expected =
        ["http://a.example/1", "https://b.example/p.gif", "https://c.example/login", "0;url=https://d.example"];
    assert_eq!(links(html, 10), expected);
    assert_eq!(links(html, 2).len(), 2);
}

#[test]
fn harmless_markup_survives() {
    let html = "<p>Dag <b>wereld</b></p><table><tr><td colspan=2>x</td></tr></table><a href=\"https://x.example/?a=1&amp;b=2\" target=_blank onclick=x>y</a>";
    let expected = "<p>Dag <b>wereld</b></p><table><tbody><tr><td colspan=\"2\">x</td></tr></tbody></table>\
        <u>y</u> (x[.]example)";
    assert_eq!(sanitised(html), expected);
}

#[test]
fn a_link_leads_nowhere_and_says_to_which_host_it_would() {
    for (link, shown) in [
        ("<a href='https://bank.example@evil.example/x'>bank</a>", "<u>bank</u> (evil[.]example)"),
        ("<a href='HTTP:\\\\evil.example'>bank</a>", "<u>bank</u>"),
        ("<a href='http://evil.example:8080\\@bank.example'>bank</a>", "<u>bank</u> (evil[.]example:8080)"),
        ("<a href='mailto:a@b.example'>a</a><a name=x>b</a>", "<u>a</u><u>b</u>"),
        ("<a href='https://a.example'>a<a href='https://b.example'>b", "<u>a</u> (a[.]example)<u>b</u> (b[.]example)"),
        ("<a href='https://&lt;b&gt;.example'>a</a>", "<u>a</u> (&lt;b&gt;[.]example)"),
    ] {
        assert_eq!(sanitised(link), shown, "{link}");
        assert_eq!(sanitised(shown), shown, "{link}");
    }
}

#[test]
fn known_ways_to_run_a_script_do_not() {
    for html in [
        "<svg onload=alert(1)><iframe src=javascript:alert(1)></iframe><form action=//evil.example>",
        "<a href=\"jav&#x09;ascript:alert(1)\">x</a><a href=' javascript:alert(1)'>y</a><a href=data:text/html,x>z</a>",
        "<img src=x onerror=alert(1)//><p style='background:url(//x)'>x</p>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
        "<<script>script>alert(1)<</script>/script>",
        "<a href='http://x'onmouseover='alert(1)'>x</a><a href=\"http://x\"\"onclick=alert(1)\">x",
        "<p title='>'><b>x",
        "<base href=//evil><link rel=stylesheet href=//evil><meta http-equiv=refresh content='0;url=//evil'>",
    ] {
        check_safe(html);
    }
}

#[test]
fn depth_costs_neither_stack_nor_time() {
    for unit in [
        "<div>",
        "<b><div></b>",
        "<table><tr><td>",
        "<font color=1><p>",
        "<a href=http://x.example>",
        "<div><marquee></div></marquee>",
        "<svg><template>",
    ] {
        let html = unit.repeat(20_000);
        let out = sanitised(&html);
        assert!(forbidden(&out).is_none(), "{unit}");
        html_to_text(&html);
    }
    assert!(sanitised(&format!("{}diep", "<div>".repeat(100_000))).contains("diep"));
}

#[test]
fn pieces_without_end_are_read_once() {
    for unit in ["<", "</", "<!", "<!--", "<a ", "<a '", "<a href=\"", "&", "<script>", "<a x", "&#", "</a", "<?"] {
        let html = unit.repeat(50_000);
        html_to_text(&html);
        links(&html, 10);
        assert!(forbidden(&tidy(&html)).is_none(), "{unit}");
    }
}

proptest! {
    #[test]
    fn no_markup_gets_through(html in "(<|>|\"|'|=|&|;|/|!|--|`| |\n|\0|a|b|p|svg|math|style|script|href|onload|javascript:|https://x|style=|&#x3c;|&lt;|template|noscript|xmp|title|td|table|é){0,60}") {
        check_safe(&html);
        html_to_text(&html);
    }
}

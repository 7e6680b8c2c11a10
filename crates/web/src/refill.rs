//! What a person sent stands in its form again when the page comes back with a mistake: every text, choice and tick of every form, by one
//! rule over the page's markup. A form that forgets a choice would silently send another one the next time.

use crate::visitor::{Fields, TOKEN_FIELD};
use maud::{Markup, PreEscaped, Render};
use std::borrow::Cow;

/// The page, with what was sent in the form that it was sent from. The form is known by where it leads and by its fields.
pub fn refilled(page: &Markup, action: &str, sent: &Fields) -> Markup {
    let page = page.0.as_str();
    let best = forms(page).filter_map(|form| Some((form.likeness(action, sent)?, form)));
    // Of forms that are alike the first: `max_by_key` would take the last one.
    let best = best.reduce(|a, b| if b.0 > a.0 { b } else { a });
    PreEscaped(match best {
        None => page.to_owned(),
        Some((_, form)) => {
            let filled = filled(form.inner, sent);
            [&page[..form.from], &filled, &page[form.from + form.inner.len()..]].concat()
        }
    })
}

/// A start tag of our own markup: all text in it is escaped, and every value stands in double quotes.
struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl<'a> Tag<'a> {
    fn read(tag: &'a str) -> Tag<'a> {
        let inner = tag.trim_start_matches('<').trim_end_matches('>');
        let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
        let mut attributes = Vec::new();
        while !rest.is_empty() {
            let end = rest.find([' ', '=']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let value = after.strip_prefix("=\"").and_then(|quoted| quoted.split_once('"'));
            attributes.push((key, value.map(|(value, _)| Cow::Borrowed(value))));
            rest = value.map_or(after, |(_, after)| after).trim_start_matches(['=', ' ']);
        }
        Tag { name, attributes }
    }

    fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.attributes.iter().find(|(key, _)| *key == name)?;
        let value = value.as_deref().unwrap_or_default();
        Some(value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    }

    fn flag(&mut self, name: &'a str, on: bool) {
        self.attributes.retain(|(key, _)| *key != name);
        if on {
            self.attributes.push((name, None));
        }
    }

    fn set(&mut self, name: &'a str, value: &str) {
        self.attributes.retain(|(key, _)| *key != name);
        self.attributes.push((name, Some(Cow::Owned(escaped(value)))));
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (key, value) in &self.attributes {
            out.push(' ');
            out.push_str(key);
            if let Some(value) = value {
                out.push_str(&format!("=\"{value}\""));
            }
        }
        out.push('>');
    }
}

fn escaped(text: &str) -> String {
    text.render().0
}

struct Form<'a> {
    tag: Tag<'a>,
    /// Where its content begins in the page.
    from: usize,
    inner: &'a str,
}

fn forms(page: &str) -> impl Iterator<Item = Form<'_>> {
    page.match_indices("<form ").filter_map(|(at, _)| {
        let from = at + page[at..].find('>')? + 1;
        let inner = &page[from..from + page[from..].find("</form>")?];
        Some(Form { tag: Tag::read(&page[at..from]), from, inner })
    })
}

/// The start tags of a piece of markup.
fn tags(markup: &str) -> impl Iterator<Item = Tag<'_>> {
    let starts = markup.match_indices('<').filter(|(at, _)| !markup[at + 1..].starts_with('/'));
    starts.filter_map(|(at, _)| Some(Tag::read(&markup[at..=at + markup[at..].find('>')?])))
}

impl Form<'_> {
    /// `None`: it was not sent from here. Else, the more of its fixed fields were sent as they are, the likelier it was this one.
    fn likeness(&self, action: &str, sent: &Fields) -> Option<i32> {
        if self.tag.get("method").as_deref() != Some("post") || self.tag.get("action").as_deref() != Some(action) {
            return None;
        }
        let controls: Vec<Tag<'_>> = tags(self.inner).filter(|tag| tag.get("name").is_some()).collect();
        let mut likeness = 0;
        for (name, value) in sent.0.iter().filter(|(name, _)| name != TOKEN_FIELD) {
            let mut named = controls.iter().filter(|tag| tag.get("name").as_ref() == Some(name)).peekable();
            named.peek()?;
            let fixed = named.filter(|tag| tag.name == "button" || tag.get("type").as_deref() == Some("hidden"));
            let same: Vec<bool> = fixed.map(|tag| tag.get("value").as_ref() == Some(value)).collect();
            if !same.is_empty() {
                likeness += if same.contains(&true) { 1 } else { -1 };
            }
        }
        Some(likeness)
    }
}

fn filled(form: &str, sent: &Fields) -> String {
    let values = |name: &str| {
        sent.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let mut out = String::with_capacity(form.len() + 256);
    let mut rest = form;
    let mut choice: Option<String> = None;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let end = rest[open..].find('>').map_or(rest.len(), |close| open + close + 1);
        let (text, after) = (&rest[open..end], &rest[end..]);
        rest = after;
        let mut tag = Tag::read(text);
        let name = tag.get("name").unwrap_or_default();
        let was = values(&name);
        match (tag.name, tag.get("type").unwrap_or_default().as_str()) {
            ("input", "hidden" | "password" | "file") => {}
            ("input", "checkbox" | "radio") => {
                let own = tag.get("value").unwrap_or_else(|| "on".to_owned());
                tag.flag("checked", was.contains(&own.as_str()));
            }
            ("input", _) => {
                if let Some(value) = was.first() {
                    tag.set("value", value);
                }
            }
            ("textarea", _) => {
                if let Some(value) = was.first() {
                    tag.write(&mut out);
                    out.push_str(&escaped(value));
                    rest = rest.find("</textarea>").map_or("", |end| &rest[end..]);
                    continue;
                }
            }
            ("select", _) => {
                // What is no option of it was not chosen here.
                let options = rest.split("</select>").next().unwrap_or_default();
                let offered = |value: &&str| tags(options).any(|tag| tag.get("value").as_deref() == Some(*value));
                choice = was.first().copied().filter(offered).map(str::to_owned);
            }
            ("option", _) => {
                if let Some(choice) = &choice {
                    let own = tag.get("value");
                    tag.flag("selected", own.as_ref() == Some(choice));
                }
            }
            _ => {
                if text == "</select>" {
                    choice = None;
                }
                out.push_str(text);
                continue;
            }
        }
        tag.write(&mut out);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::accounts::Theme;
    use desk::house::Language;
    use std::collections::BTreeSet;

    /// What a browser would send of a form, passwords and files left out.
    fn successful(form: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut rest = form;
        while let Some(open) = rest.find('<') {
            let end = open + rest[open..].find('>').unwrap() + 1;
            let tag = Tag::read(&rest[open..end]);
            rest = &rest[end..];
            let Some(name) = tag.get("name") else { continue };
            let value = tag.get("value").unwrap_or_default();
            match (tag.name, tag.get("type").unwrap_or_default().as_str()) {
                ("input", "password" | "file") => {}
                ("input", "checkbox" | "radio") if tag.get("checked").is_none() => {}
                ("input", _) => all.push((name, value)),
                ("textarea", _) => all.push((name, rest.split("</textarea>").next().unwrap().to_owned())),
                ("select", _) => {
                    let options: Vec<_> =
                        tags(rest.split("</select>").next().unwrap()).filter(|t| t.name == "option").collect();
                    let chosen = options.iter().find(|t| t.get("selected").is_some()).or(options.first());
                    all.extend(chosen.map(|option| (name, option.get("value").unwrap_or_default())));
                }
                _ => {}
            }
        }
        all
    }

    /// Everything in a form as a person may have left it: other texts, the last choice, every other tick the other way round.
    fn otherwise(form: &str) -> Fields {
        let (mut all, mut radios, mut rest, mut tick) = (Vec::new(), BTreeSet::new(), form, false);
        while let Some(open) = rest.find('<') {
            let end = open + rest[open..].find('>').unwrap() + 1;
            let tag = Tag::read(&rest[open..end]);
            rest = &rest[end..];
            let Some(name) = tag.get("name") else { continue };
            let value = tag.get("value").unwrap_or_default();
            match (tag.name, tag.get("type").unwrap_or_default().as_str()) {
                ("input", "password" | "file") | ("button", _) => {}
                ("input", "checkbox") => {
                    tick = !tick;
                    if (tag.get("checked").is_none()) == tick {
                        all.push((name, value));
                    }
                }
                ("input", "radio") if radios.insert(name.clone()) => {
                    let other = |t: &Tag<'_>| {
                        t.get("type").as_deref() == Some("radio") && t.get("name").as_ref() == Some(&name)
                    };
                    let last = tags(rest).filter(other).last().and_then(|t| t.get("value"));
                    all.push((name.clone(), last.unwrap_or(value)));
                }
                ("input", "radio") => {}
                ("input", "hidden") => all.push((name, value)),
                ("input" | "textarea", _) => all.push((name, "4\" < 5 & c".to_owned())),
                ("select", _) => {
                    let last = tags(rest.split("</select>").next().unwrap()).filter(|t| t.name == "option").last();
                    all.extend(last.map(|option| (name, option.get("value").unwrap_or_default())));
                }
                _ => {}
            }
        }
        Fields(all)
    }

    #[test]
    fn every_form_of_every_page_keeps_what_was_sent() {
        let (mut seen, mut kept) = (0, 0);
        for (name, page) in crate::sample::pages(Language::Nl, Theme::System) {
            let all: Vec<Form<'_>> = forms(&page.0).collect();
            for (n, form) in
                all.iter().enumerate().filter(|(_, form)| form.tag.get("method").as_deref() == Some("post"))
            {
                let action = form.tag.get("action").expect("a form says where it leads");
                let sent = otherwise(form.inner);
                seen += 1;
                let again = refilled(&page, &action, &sent);
                let after: Vec<Form<'_>> = forms(&again.0).collect();
                let read = |form: &Form<'_>| {
                    successful(form.inner)
                        .into_iter()
                        .map(|(k, v)| (k, v.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")))
                        .collect::<Vec<_>>()
                };
                let same = |at: usize| {
                    let (mut a, mut b) = (read(&after[at]), sent.0.clone());
                    a.sort();
                    b.sort();
                    a == b
                };
                // Of forms that send the same it does not matter which one keeps it.
                let like = |at: &usize| all[*at].tag.get("action").as_ref() == Some(&action);
                assert!(
                    same(n) || (0..all.len()).filter(like).any(same),
                    "{name}: {action}: sent {sent:?}, again {:?}",
                    read(&after[n])
                );
                for other in (0..all.len()).filter(|at| !like(at)) {
                    assert_eq!(all[other].inner, after[other].inner, "{name}: another form changed");
                }
                kept += usize::from(all[n].inner != after[n].inner);
            }
        }
        assert!(seen > 100 && kept > 30, "{seen} forms, {kept} with something to keep");
    }

    #[test]
    fn a_choice_that_is_not_offered_and_a_secret_are_not_kept() {
        let page = PreEscaped(
            "<form method=\"post\" action=\"/a\"><select name=\"s\"><option value=\"1\" selected>x</option></select><input type=\"password\" name=\"p\"></form>".to_owned(),
        );
        let sent = Fields(vec![("s".into(), "9".into()), ("p".into(), "geheim".into())]);
        assert_eq!(refilled(&page, "/a", &sent).0, page.0);
        assert_eq!(refilled(&page, "/b", &sent).0, page.0);
    }

    /// The one way back to a form of the desk; the pages of strangers have forms of their own, each with its test.
    #[test]
    fn no_page_of_the_desk_comes_back_without_it() {
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages")];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                if file.is_dir() {
                    folders.extend((name != "public").then_some(file));
                } else if !["first_run.rs", "sign_in.rs"].contains(&name.as_str()) {
                    assert!(!std::fs::read_to_string(&file).unwrap().contains("page_with("), "{name}: use `again`");
                }
            }
        }
    }
}

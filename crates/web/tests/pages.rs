//! Every page, in both languages: no word is missing, the markup is well formed, nothing is inline or foreign, what strangers write is text.

mod markup;

use desk::accounts::Theme;
use desk::house::Language;
use markup::{Element, Markup};
use std::collections::{BTreeMap, BTreeSet};
use web::words::MISSING;

fn all() -> Vec<(String, String)> {
    let both = [Language::Nl, Language::En].into_iter();
    both.flat_map(|language| {
        let pages = web::sample::pages(language, Theme::System).into_iter();
        pages.map(move |(name, page)| (format!("{name} ({})", language.tag()), page.into_string()))
    })
    .collect()
}

fn read(name: &str, page: &str) -> Markup {
    Markup::read(page).unwrap_or_else(|why| panic!("{name}: {why}"))
}

#[test]
fn no_page_lacks_a_word() {
    for (name, page) in all() {
        let at = page.find(MISSING);
        assert!(at.is_none(), "{name}: {}", &page[at.unwrap()..(at.unwrap() + 80).min(page.len())]);
    }
}

#[test]
fn markup_is_balanced_and_names_are_unique() {
    for (name, page) in all() {
        let markup = read(&name, &page);
        let mut ids = BTreeSet::new();
        for element in &markup.elements {
            if let Some(id) = element.get("id") {
                assert!(ids.insert(id.to_owned()), "{name}: id {id} stands there twice");
            }
        }
        for element in &markup.elements {
            let to = ["for", "aria-labelledby", "aria-describedby"].iter().filter_map(|a| element.get(a));
            for id in to.flat_map(|ids| ids.split(' ')) {
                assert!(ids.contains(id), "{name}: <{}> points to #{id}, which is not there", element.name);
            }
            if let Some(id) = element.get("href").and_then(|h| h.strip_prefix('#')) {
                assert!(ids.contains(id), "{name}: link to #{id}, which is not there");
            }
        }
    }
}

#[test]
fn every_input_says_what_it_is_for() {
    for (name, page) in all() {
        let markup = read(&name, &page);
        let labelled: BTreeSet<&str> =
            markup.elements.iter().filter(|e| e.name == "label").filter_map(|e| e.get("for")).collect();
        for element in markup.elements.iter().filter(|e| ["input", "select", "textarea"].contains(&e.name.as_str())) {
            let hidden = element.get("type") == Some("hidden");
            let named = element.get("id").is_some_and(|id| labelled.contains(id))
                || element.get("aria-label").is_some()
                || element.inside.iter().any(|of| of == "label");
            assert!(hidden || named, "{name}: <{}> {:?} has no label", element.name, element.attributes);
        }
        for element in markup.elements.iter().filter(|e| e.name == "button") {
            assert!(element.get("type").is_some(), "{name}: a button without a type sends its form by accident");
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_is_foreign() {
    for (name, page) in all() {
        for element in &read(&name, &page).elements {
            assert_ne!(element.name, "style", "{name}");
            if element.name == "script" {
                assert!(
                    element.get("src").is_some_and(|s| s.starts_with("/d/")),
                    "{name}: a script stands in the page"
                );
            }
            for (attribute, value) in &element.attributes {
                assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {attribute}={value}");
                if ["href", "src", "action"].contains(&attribute.as_str()) {
                    let ours = value.starts_with('/') && !value.starts_with("//");
                    let ok = ours || value.starts_with('#') || value.starts_with("tel:");
                    assert!(ok, "{name}: {attribute}={value}");
                }
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_its_token() {
    for (name, page) in all() {
        let stranger = ["aanmelden", "eerste-keer", "melden"].iter().any(|p| name.starts_with(p));
        let markup = read(&name, &page);
        let posts = markup.elements.iter().filter(|e| e.name == "form" && e.get("method") == Some("post")).count();
        let tokens = markup.elements.iter().filter(|e| e.get("name") == Some("_t")).count();
        assert!(stranger || posts == tokens, "{name}: {posts} forms, {tokens} tokens");
    }
}

#[test]
fn a_page_has_one_heading_and_at_most_one_first_button_of_its_own() {
    for (name, page) in all() {
        let markup = read(&name, &page);
        let count = |f: &dyn Fn(&&Element) -> bool| markup.elements.iter().filter(f).count();
        assert_eq!(count(&|e| e.name == "h1"), 1, "{name}");
        // On a phone the public form has a bar that stays: the call stands in it too.
        let most = if name.starts_with("melden") { 2 } else { 1 };
        assert!(count(&|e| e.classes().any(|c| c == "first")) <= most, "{name}: two buttons want to be first");
        assert_eq!(count(&|e| e.name == "main"), 1, "{name}");
    }
}

#[test]
fn every_class_that_a_page_uses_stands_in_the_style_sheet() {
    let style = String::from_utf8_lossy(web::assets::assets().style.bytes).into_owned();
    let mut unknown: BTreeMap<String, String> = BTreeMap::new();
    for (name, page) in all() {
        for class in read(&name, &page).elements.iter().flat_map(|e| e.classes()) {
            if !style.contains(&format!(".{class}")) {
                unknown.insert(class.to_owned(), name.clone());
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

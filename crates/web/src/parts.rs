//! Parts that every page may use: words first, then shape, then colour.

use crate::words::{Words, n, s};
use desk::incidents::Severity;
use desk::lens::Tlp;
use maud::{Markup, PreEscaped, html};

/// The shapes: drawn in 20 × 20, told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Mail.
    Mail,
    /// A call.
    Phone,
    /// A form.
    Form,
    /// A machine.
    Code,
    /// Something is wrong.
    Warning,
    /// A paper clip.
    Clip,
    /// A decision.
    Flag,
    /// A link between things.
    Link,
    /// A note.
    Note,
    /// Something came about by itself.
    Spark,
    /// Done.
    Tick,
    /// Not.
    Cross,
    /// May see it.
    Eye,
    /// May not see it.
    Blind,
    /// Menu.
    Menu,
    /// Unknown.
    Unknown,
    /// Turned when open.
    Turn,
    /// A field changed.
    Pencil,
    /// A task.
    Task,
    /// A mail of ours.
    Out,
    /// Another time.
    Clock,
}

/// Draws a shape. It says nothing to a screen reader: the words beside it do.
pub fn icon(icon: Icon) -> Markup {
    let shape = match icon {
        Icon::Clock => r#"<circle cx="10" cy="10" r="7.5"/><path d="M10 5.5V10l-3 2.5"/>"#,
        Icon::Mail => r#"<path d="M2.5 4.5h15v11h-15z"/><path d="m2.5 5.5 7.5 6 7.5-6"/>"#,
        Icon::Phone => {
            r#"<path d="M5 2.5h2.6l1.3 4-2 1.4a11 11 0 0 0 5.2 5.2l1.4-2 4 1.3V15a2.5 2.5 0 0 1-2.5 2.5A12.5 12.5 0 0 1 2.5 5 2.5 2.5 0 0 1 5 2.5z"/>"#
        }
        Icon::Form => r#"<path d="M4.5 2.5h8l3 3v12h-11z"/><path d="M7 8.5h6M7 11.5h6M7 14.5h3"/>"#,
        Icon::Code => r#"<path d="m6.5 6-4 4 4 4M13.5 6l4 4-4 4"/>"#,
        Icon::Warning => r#"<path d="M10 2.8 18 17H2z"/><path d="M10 8v4.2M10 14.6v.1"/>"#,
        Icon::Clip => {
            r#"<path d="m15.5 9-5.7 5.7a3.5 3.5 0 0 1-5-5L11 3.5a2.3 2.3 0 0 1 3.3 3.3l-6 6a1.1 1.1 0 0 1-1.6-1.6L12 6"/>"#
        }
        Icon::Flag => r#"<path d="M5 17.5v-15M5 3.5h10l-2.5 3.5 2.5 3.5H5"/>"#,
        Icon::Link => {
            r#"<path d="M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l1-1"/>"#
        }
        Icon::Note => r#"<path d="M3.5 3.5h13v9l-4 4h-9z"/><path d="M12.5 16.5v-4h4"/>"#,
        Icon::Spark => r#"<path d="M10 2.5v4M10 13.5v4M2.5 10h4M13.5 10h4"/>"#,
        Icon::Tick => r#"<circle cx="10" cy="10" r="7"/><path d="m6.8 10.2 2.3 2.3 4.2-4.7"/>"#,
        Icon::Cross => r#"<path d="m5 5 10 10M15 5 5 15"/>"#,
        Icon::Eye => r#"<path d="M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5z"/><circle cx="10" cy="10" r="2.3"/>"#,
        Icon::Blind => r#"<circle cx="10" cy="10" r="7"/><path d="m5.2 5.2 9.6 9.6"/>"#,
        Icon::Menu => r#"<path d="M3 6h14M3 10h14M3 14h14"/>"#,
        Icon::Unknown => r#"<circle cx="10" cy="10" r="7" stroke-dasharray="2.5 2.5"/><path d="M7 10h6"/>"#,
        Icon::Turn => r#"<path d="m7.5 5 5 5-5 5"/>"#,
        Icon::Pencil => r#"<path d="m3.5 16.5.8-3.6 9-9 2.8 2.8-9 9z"/><path d="m11.5 5.7 2.8 2.8"/>"#,
        Icon::Task => r#"<path d="M3.5 3.5h13v13h-13z"/><path d="m6.8 10.2 2.3 2.3 4.2-4.7"/>"#,
        Icon::Out => r#"<path d="M2.5 9.5 17.5 3l-6.5 14.5-2.3-6z"/><path d="m8.7 11.5 8.8-8.5"/>"#,
    };
    let class = if icon == Icon::Turn { "ic turn" } else { "ic" };
    html! { svg class=(class) viewBox="0 0 20 20" aria-hidden="true" focusable="false" { (PreEscaped(shape)) } }
}

/// The mark: a five-bastioned trace.
pub fn mark() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path d="M9.96 6.01L9.15 5.02L12.00 1.40L14.85 5.02L14.04 6.01L17.64 8.62L18.33 7.54L22.65 9.14L20.09 12.97L18.90 12.50L17.52 16.73L18.76 17.06L18.58 21.66L14.15 20.41L14.22 19.13L9.78 19.13L9.85 20.41L5.42 21.66L5.24 17.06L6.48 16.73L5.10 12.50L3.91 12.97L1.35 9.14L5.67 7.54L6.36 8.62z" {}
            path d="M13.94 9.93L15.14 13.62L12.00 15.90L8.86 13.62L10.06 9.93z" {}
        }
    }
}

/// Severity: its label, its four bars, and only then its colour. In lists without the word.
pub fn severity(w: &Words, severity: Severity, with_word: bool) -> Markup {
    let (class, lit) = match severity {
        Severity::C1 => ("sev c1", 4),
        Severity::C2 => ("sev c2", 4),
        Severity::C3 => ("sev c3", 3),
        Severity::C4 => ("sev c4", 2),
        Severity::C5 => ("sev c5", 1),
        Severity::C6 => ("sev c6", 1),
    };
    let word = w.of("severity", severity.label());
    html! {
        span class=(class) title=[(!with_word).then_some(&word)] {
            svg viewBox="0 0 15 12" aria-hidden="true" focusable="false" {
                @for bar in 0..4u8 {
                    rect x=(bar * 4) y=(9 - bar * 3) width="3" height=(3 + bar * 3) class=[(bar >= lit).then_some("dim")] {}
                }
            }
            (severity.label())
            @if with_word { " " (word) }
        }
    }
}

/// TLP 2.0 as FIRST draws it, never translated.
pub fn tlp(tlp: Tlp) -> Markup {
    let class = match tlp {
        Tlp::Red => "tlp r",
        Tlp::Amber | Tlp::AmberStrict => "tlp a",
        Tlp::Green => "tlp g",
        Tlp::Clear => "tlp c",
    };
    html! { span class=(class) { "TLP:" (tlp.label()) } }
}

/// An outlined fact.
pub fn fact(text: &str) -> Markup {
    html! { span class="chip out" { (text) } }
}

/// What a mistake in a form is about, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Identifier of the input.
    pub field: String,
    /// What, where, what to do: the same words in the summary and beside the field.
    pub words: String,
}

/// All mistakes of a form, above it; it takes the focus.
pub fn error_summary(w: &Words, mistakes: &[Mistake]) -> Markup {
    html! {
        @if !mistakes.is_empty() {
            div class="errsum" role="alert" tabindex="-1" aria-labelledby="errors" autofocus data-focus {
                h2 id="errors" { (w.f("form-mistakes", &[("n", n(mistakes.len()))])) }
                ul { @for mistake in mistakes { li { a href={ "#" (mistake.field) } { (mistake.words) } } } }
            }
        }
    }
}

/// The mistake about one field, if there is one.
pub fn mistake_of<'a>(mistakes: &'a [Mistake], field: &str) -> Option<&'a Mistake> {
    mistakes.iter().find(|m| m.field == field)
}

/// What an input is, besides its label.
#[derive(Clone, Copy, Default)]
pub struct Input<'a> {
    /// `text`, `email`, `tel`, `password`, `search`; `textarea` for many lines.
    pub kind: &'a str,
    /// What stands in it.
    pub value: &'a str,
    /// Hint under the label.
    pub hint: Option<&'a str>,
    /// What the browser may fill in.
    pub autocomplete: Option<&'a str>,
    /// Must be filled in.
    pub required: bool,
    /// Key under which the text is kept on this device until it is sent.
    pub draft: Option<&'a str>,
    /// Takes the focus when the page opens.
    pub focus: bool,
    /// Longest text, characters.
    pub length_max: Option<usize>,
    /// Letter that gives it the focus.
    pub key: Option<&'a str>,
}

/// Label, hint, error, input – in that order, all of it text.
pub fn field(id: &str, label: &str, input: Input<'_>, mistakes: &[Mistake]) -> Markup {
    let mistake = mistake_of(mistakes, id);
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let described = [input.hint.map(|_| hint_id.as_str()), mistake.map(|_| error_id.as_str())];
    let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let described = (!described.is_empty()).then_some(described);
    let invalid = mistake.map(|_| "true");
    html! {
        div class={ "field" @if mistake.is_some() { " bad" } } {
            label for=(id) { (label) }
            @if let Some(hint) = input.hint { span class="hint" id=(hint_id) { (hint) } }
            @if let Some(mistake) = mistake { span class="err" id=(error_id) { (icon(Icon::Warning)) (mistake.words) } }
            @if input.kind == "textarea" {
                textarea class="in" id=(id) name=(id) aria-describedby=[described] aria-invalid=[invalid] required[input.required]
                    autofocus[input.focus] maxlength=[input.length_max] data-draft=[input.draft] { (input.value) }
            } @else {
                input class="in" id=(id) name=(id) type=(if input.kind.is_empty() { "text" } else { input.kind }) value=(input.value)
                    autocomplete=(input.autocomplete.unwrap_or("off")) aria-describedby=[described] aria-invalid=[invalid]
                    required[input.required] autofocus[input.focus] maxlength=[input.length_max] data-draft=[input.draft] data-key=[input.key];
            }
        }
    }
}

/// A choice of one.
pub fn select(id: &str, label: &str, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        div class="field" {
            label for=(id) { (label) }
            select class="in" id=(id) name=(id) {
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

/// Nothing here: why, since when, what will make it fill.
pub fn empty(title: &str, why: &str, action: Option<Markup>) -> Markup {
    html! {
        div class="empty" { h2 { (title) } p { (why) } @if let Some(action) = action { (action) } }
    }
}

/// A name, or the words for one that was erased.
pub fn or_erased(w: &Words, text: Option<&str>) -> Markup {
    match text {
        Some(text) => html! { (text) },
        None => html! { span class="quiet" { (w.t("erased")) } },
    }
}

/// Names of things in a row of words: `a, b en c`.
pub fn listed(w: &Words, names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => w.f("list-and", &[("first", s(&first.join(", "))), ("last", s(last))]),
    }
}

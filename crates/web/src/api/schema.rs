//! JSON Schema (2020-12) of what goes over the wire, written where the types are, so that neither can change without the other.

use desk::accounts::Role;
use desk::house::Language;
use desk::ids::{Reference, Timestamp};
use desk::incidents::{NoteKind, Pap, Phase, Severity};
use desk::intake::{Automatic, Kind, Status, Via};
use desk::lens::Tlp;
use desk::outbox::{Purpose, StandingKey};
use desk::retention::{Counts, Kept};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schemas that have a name.
#[derive(Debug, Default)]
pub(super) struct Components(pub(super) BTreeMap<&'static str, Value>);

impl Components {
    /// A reference to a named schema, which is made when it is met for the first time.
    pub(super) fn named(&mut self, name: &'static str, make: impl FnOnce(&mut Components) -> Value) -> Value {
        if !self.0.contains_key(name) {
            self.0.insert(name, Value::Null);
            let made = make(self);
            self.0.insert(name, made);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// Something that goes over the wire.
pub(super) trait Schema {
    /// May be left out, or be null.
    const OPTIONAL: bool = false;

    /// Its schema where it is used: written out, or a reference to a component.
    fn schema(into: &mut Components) -> Value;
}

/// A field of an object, or a parameter of a query.
#[derive(Clone, Debug)]
pub(super) struct FieldSchema {
    pub(super) name: &'static str,
    pub(super) about: String,
    pub(super) schema: Value,
    pub(super) required: bool,
}

/// Something with fields.
pub(super) trait Fields {
    fn fields(into: &mut Components) -> Vec<FieldSchema>;
}

/// Lines of a doc comment as one text.
pub(super) fn about(lines: &[&str]) -> String {
    lines.iter().map(|l| l.trim()).collect::<Vec<_>>().join(" ")
}

/// An object's schema. What is sent to us has no other fields; what we send may get new ones.
pub(super) fn object(about: String, fields: Vec<FieldSchema>, closed: bool) -> Value {
    let required: Vec<&str> = fields.iter().filter(|f| f.required).map(|f| f.name).collect();
    let mut properties = Map::new();
    for field in &fields {
        let mut schema = field.schema.clone();
        // Beside `$ref` a description is allowed since JSON Schema 2019-09, which OpenAPI 3.1 builds on.
        schema["description"] = field.about.clone().into();
        properties.insert(field.name.to_owned(), schema);
    }
    let mut object = json!({ "type": "object", "description": about, "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if closed {
        object["additionalProperties"] = json!(false);
    }
    object
}

/// Defines a struct of the wire and its schema in one go: `out` is what we send, `in` what we take (unknown fields are refused).
macro_rules! wire {
    ($($(#[doc = $doc:literal])+ out struct $name:ident { $($(#[doc = $about:literal])+ $field:ident: $ty:ty,)* })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, serde::Serialize)]
        pub(crate) struct $name { $($(#[doc = $about])+ pub(crate) $field: $ty,)* }
        $crate::api::schema::wire!(@schema $name, [$($doc)+], false, $([$($about)+] $field: $ty,)*);
    )+};
    ($($(#[doc = $doc:literal])+ in struct $name:ident { $($(#[doc = $about:literal])+ $field:ident: $ty:ty,)* })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $($(#[doc = $about])+ pub(crate) $field: $ty,)* }
        $crate::api::schema::wire!(@schema $name, [$($doc)+], true, $([$($about)+] $field: $ty,)*);
    )+};
    (@schema $name:ident, [$($doc:literal)+], $closed:literal, $([$($about:literal)+] $field:ident: $ty:ty,)*) => {
        impl $crate::api::schema::Fields for $name {
            fn fields(into: &mut $crate::api::schema::Components) -> Vec<$crate::api::schema::FieldSchema> {
                vec![$($crate::api::schema::FieldSchema {
                    name: stringify!($field).trim_start_matches("r#"),
                    about: $crate::api::schema::about(&[$($about),+]),
                    schema: <$ty as $crate::api::schema::Schema>::schema(into),
                    // What we send always has all its fields.
                    required: !$closed || !<$ty as $crate::api::schema::Schema>::OPTIONAL,
                }),*]
            }
        }
        impl $crate::api::schema::Schema for $name {
            fn schema(into: &mut $crate::api::schema::Components) -> serde_json::Value {
                into.named(stringify!($name), |into| {
                    let fields = <$name as $crate::api::schema::Fields>::fields(into);
                    $crate::api::schema::object($crate::api::schema::about(&[$($doc),+]), fields, $closed)
                })
            }
        }
    };
}
pub(super) use wire;

macro_rules! plain {
    ($($ty:ty => $schema:expr;)+) => {$(
        impl Schema for $ty {
            fn schema(_into: &mut Components) -> Value { $schema }
        }
    )+};
}

plain! {
    String => json!({ "type": "string" });
    bool => json!({ "type": "boolean" });
    u16 => json!({ "type": "integer", "minimum": 0 });
    u32 => json!({ "type": "integer", "minimum": 0 });
    u64 => json!({ "type": "integer", "minimum": 0 });
    usize => json!({ "type": "integer", "minimum": 0 });
    f64 => json!({ "type": "number" });
    Bytes => json!({ "type": "string", "contentEncoding": "base64" });
    Moment => json!({ "type": "string", "format": "date-time" });
}

impl<T: Schema> Schema for Vec<T> {
    fn schema(into: &mut Components) -> Value {
        json!({ "type": "array", "items": T::schema(into) })
    }
}

impl<T: Schema> Schema for Option<T> {
    const OPTIONAL: bool = true;

    fn schema(into: &mut Components) -> Value {
        let mut schema = T::schema(into);
        match schema.get("type").and_then(Value::as_str).map(str::to_owned) {
            Some(kind) => {
                schema["type"] = json!([kind, "null"]);
                schema
            }
            None => json!({ "anyOf": [schema, { "type": "null" }] }),
        }
    }
}

/// Named lists of keys.
macro_rules! keys {
    ($($ty:ty, $name:literal, $about:literal, $all:expr;)+) => {$(
        impl Schema for $ty {
            fn schema(into: &mut Components) -> Value {
                into.named($name, |_| json!({ "type": "string", "description": $about, "enum": $all }))
            }
        }
    )+};
}

keys! {
    Kind, "Kind", "What a message is about.", Kind::ALL;
    Severity, "Severity", "Severity, NCSC UK categories: C1 is the gravest.", Severity::ALL;
    Tlp, "Tlp", "Traffic Light Protocol 2.0 (FIRST).", Tlp::ALL;
    Pap, "Pap", "Permissible Actions Protocol.", Pap::ALL;
    Phase, "Phase", "How far an incident is.", Phase::ALL;
    Language, "Language", "A language, BCP 47.", Language::ALL;
    Via, "Via", "How a message came in.",
        [Via::Smtp, Via::Lmtp, Via::Imap, Via::Import, Via::Form, Via::Phone, Via::Api];
    Automatic, "Automatic", "Whether and why a machine sent it.",
        [Automatic::No, Automatic::Reply, Automatic::Generated, Automatic::List, Automatic::Bounce, Automatic::Feedback,
            Automatic::Delayed, Automatic::Delivered];
    NoteKind, "NoteKind", "What kind of line it is.", [NoteKind::Note, NoteKind::Decision];
    Purpose, "Purpose", "Why a mail is sent.", [Purpose::Receipt, Purpose::Reply];
    Role, "Role", "What an account may do.", [Role::Reader, Role::Duty, Role::Admin];
    Kept, "Kept", "What is kept: spam, a message that needed nothing, a message of an incident, what was written in one.",
        Kept::ALL;
    Key<Counts>, "TermCounts", "Whether a term counts: now, from its day on, no more, or never, as it was taken back.",
        [Counts::Now, Counts::Later, Counts::NoMore, Counts::Never].map(Counts::key);
    Key<Status>, "Status", "Where a report stands.", Status::KEYS;
    Key<StandingKey>, "Standing", "Where a mail stands.", StandingKey::ALL.map(StandingKey::key);
}

impl Schema for Reference {
    fn schema(into: &mut Components) -> Value {
        into.named("Reference", |_| {
            json!({
                "type": "string",
                "description": "A random public name: M- for a report, I- for an incident.",
                "pattern": "^[MI]-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$",
                "examples": ["M-7KQ4-92XD"]
            })
        })
    }
}

/// A key of a list whose type has no form on the wire of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key<T> {
    pub(crate) key: &'static str,
    of: std::marker::PhantomData<T>,
}

impl<T> Key<T> {
    pub(crate) fn new(key: &'static str) -> Key<T> {
        Key { key, of: std::marker::PhantomData }
    }
}

impl<T> Serialize for Key<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key)
    }
}

impl<'de> Deserialize<'de> for Key<StandingKey> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<StandingKey>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = StandingKey::from_key(&text);
        known.map(|s| Key::new(s.key())).ok_or_else(|| serde::de::Error::custom("no such standing"))
    }
}

/// A moment on the wire: RFC 3339, UTC when we write it, any offset when we read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Moment {
        Moment(at)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nearest = if self.0.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        serializer.collect_str(&jiff::Timestamp::from_microsecond(self.0.0).unwrap_or(nearest))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read: Result<jiff::Timestamp, _> = text.parse();
        let wrong =
            || serde::de::Error::custom("not a moment: expected RFC 3339 with an offset, 2022-12-15T03:04:00+01:00");
        Ok(Moment(Timestamp(read.map_err(|_| wrong())?.as_microsecond())))
    }
}

/// Bytes on the wire: base64 (RFC 4648 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        use base64::Engine;
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
        bytes.map(Bytes).map_err(|_| serde::de::Error::custom("not base64 (RFC 4648, section 4)"))
    }
}

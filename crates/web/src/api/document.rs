//! The OpenAPI 3.1 document.

use super::problem::Problem;
use super::schema::{Components, FieldSchema, Fields, Schema};
use super::{ROOT, limits, operations};
use crate::Web;
use axum::routing::MethodRouter;
use serde_json::{Map, Value, json};

/// Makes the schema of a type.
type Make = fn(&mut Components) -> Value;

/// Something that can be asked: its route and its description.
pub(super) struct Op {
    method: &'static str,
    pub(super) path: &'static str,
    id: &'static str,
    summary: &'static str,
    pub(super) route: MethodRouter<Web>,
    query: Option<fn(&mut Components) -> Vec<FieldSchema>>,
    body: Option<Make>,
    answers: Vec<(u16, Option<Make>)>,
    paged: bool,
    tagged: bool,
    matched: bool,
}

impl Op {
    fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        route: MethodRouter<Web>,
    ) -> Op {
        let (paged, tagged, matched) = (false, false, false);
        Op { method, path, id, summary, route, query: None, body: None, answers: Vec::new(), paged, tagged, matched }
    }

    pub(super) fn get(path: &'static str, id: &'static str, summary: &'static str, route: MethodRouter<Web>) -> Op {
        Op::new("get", path, id, summary, route)
    }

    pub(super) fn post(path: &'static str, id: &'static str, summary: &'static str, route: MethodRouter<Web>) -> Op {
        Op::new("post", path, id, summary, route)
    }

    /// Parameters of its query.
    pub(super) fn asks<T: Fields>(mut self) -> Op {
        self.query = Some(T::fields);
        self
    }

    /// Its body.
    pub(super) fn takes<T: Schema>(mut self) -> Op {
        self.body = Some(T::schema);
        self
    }

    /// What it answers.
    pub(super) fn gives<T: Schema>(mut self, status: u16) -> Op {
        self.answers.push((status, Some(T::schema)));
        self
    }

    /// What it answers as well.
    pub(super) fn or_gives<T: Schema>(self, status: u16) -> Op {
        self.gives::<T>(status)
    }

    /// It answers with bytes.
    pub(super) fn gives_bytes(mut self) -> Op {
        self.answers.push((200, None));
        self
    }

    /// It answers with a part of a list, and a link to the next one.
    pub(super) fn paged(mut self) -> Op {
        self.paged = true;
        self
    }

    /// It answers with an entity tag.
    pub(super) fn tagged(mut self) -> Op {
        self.tagged = true;
        self
    }

    /// It takes an entity tag.
    pub(super) fn matched(mut self) -> Op {
        self.matched = true;
        self
    }

    fn describe(&self, into: &mut Components) -> Value {
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.path.split('/').nth(1).unwrap_or_default()],
            "responses": self.responses(into),
        });
        let parameters = self.parameters(into);
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        if let Some(body) = self.body {
            described["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": body(into) } } });
        }
        described
    }

    fn parameters(&self, into: &mut Components) -> Vec<Value> {
        let mut parameters: Vec<Value> = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        for field in self.query.map(|q| q(into)).unwrap_or_default() {
            // A parameter that is left out is not there; null is nothing that a query can say.
            parameters.push(json!({
                "name": field.name, "in": "query", "required": field.required,
                "description": field.about, "schema": without_null(field.schema),
            }));
        }
        if self.method == "get" {
            parameters.push(json!({ "$ref": "#/components/parameters/AsOf" }));
            parameters.push(json!({ "$ref": "#/components/parameters/KnownAt" }));
        }
        if self.method == "post" {
            parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        }
        if self.matched {
            parameters.push(json!({ "$ref": "#/components/parameters/IfMatch" }));
        }
        if self.tagged {
            parameters.push(json!({ "$ref": "#/components/parameters/IfNoneMatch" }));
        }
        parameters
    }

    fn responses(&self, into: &mut Components) -> Value {
        let mut responses = Map::new();
        for (status, schema) in &self.answers {
            let content = match schema {
                Some(schema) => json!({ "application/json": { "schema": schema(into) } }),
                None => json!({ "application/octet-stream": {} }),
            };
            let mut headers = json!({ "RateLimit": { "$ref": "#/components/headers/RateLimit" } });
            if self.paged {
                headers["Link"] = json!({ "$ref": "#/components/headers/Link" });
            }
            if self.tagged {
                headers["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
            }
            let about = if *status == 201 { "Kept, durably." } else { "As asked." };
            responses
                .insert(status.to_string(), json!({ "description": about, "headers": headers, "content": content }));
        }
        if self.tagged {
            responses.insert("304".to_owned(), json!({ "description": "Nothing changed." }));
        }
        responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
        Value::Object(responses)
    }
}

fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let kind = kinds.iter().find(|k| *k != "null").cloned().unwrap_or_default();
        schema["type"] = kind;
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        return any.iter().find(|s| s.get("$ref").is_some()).cloned().unwrap_or_default();
    }
    schema
}

fn header(about: &str) -> Value {
    json!({ "description": about, "schema": { "type": "string" } })
}

fn header_parameter(name: &str, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": about, "schema": { "type": "string" } })
}

/// The document, made from the table of operations and the types.
pub(super) fn text() -> String {
    let mut components = Components::default();
    let problem = Problem::schema(&mut components);
    let mut paths: Map<String, Value> = Map::new();
    for op in operations() {
        let path = paths.entry(format!("{ROOT}{}", op.path)).or_insert_with(|| json!({}));
        path[op.method] = op.describe(&mut components);
    }
    let limit = format!("At most {} requests in {} seconds, per token.", limits::REQUESTS_MAX, limits::WINDOW_SECONDS);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bolwerk",
            "version": "1",
            "summary": "Reports, incidents and mails of one desk, as the account behind a token may see them.",
            "description": format!("Send a token as `Authorization: Bearer TOKEN`; cookies are not taken. {limit} \
                A request with an `Idempotency-Key` may be sent again for 24 hours and is carried out once. \
                Errors are problems (RFC 9457). What may not be seen is not there: 404. Moments are RFC 3339, in UTC."),
            "license": { "name": "EUPL-1.2", "identifier": "EUPL-1.2" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": components.0,
            "responses": {
                "Problem": {
                    "description": "Not done. The same as nothing having been asked.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "parameters": {
                "AsOf": {
                    "name": "as_of", "in": "query", "required": false, "schema": { "type": "string", "format": "date" },
                    "description": "Valid time: what was so at the end of this day, Europe/Brussels, as it is known now (or at `known_at`). Rights are those of today. 503 with `Retry-After` while the desk of that moment is being built.",
                },
                "KnownAt": {
                    "name": "known_at", "in": "query", "required": false, "schema": { "type": "integer", "minimum": 0 },
                    "description": "Journal position: what was known when the fact at this position was the newest. Left out: everything that is known now.",
                },
                "IdempotencyKey": header_parameter("Idempotency-Key", "A key of your own for this request: sent again under it, the request gets the same answer."),
                "IfMatch": header_parameter("If-Match", "The `ETag` that you saw: when the incident changed since, nothing is done (412)."),
                "IfNoneMatch": header_parameter("If-None-Match", "The `ETag` that you have: when nothing changed, nothing is sent (304)."),
            },
            "headers": {
                "Link": header("The next page, as `rel=\"next\"` (RFC 8288); not there at the end."),
                "ETag": header("Names this state of the incident, for this reader."),
                "RateLimit": header("What is left of the limit, and after how many seconds it is whole again."),
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document is plain data");
    text.push('\n');
    text
}

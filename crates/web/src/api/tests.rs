//! The API through its addresses.

use super::{document, operations};
use crate::testing::{Answer, House, NAUGHTY, NOW};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use desk::accounts::Role;
use desk::ids::TEAM;
use serde_json::{Value, json};
use std::path::Path;

/// A desk and the token of somebody on duty.
async fn desk() -> (House, String) {
    let house = House::open().await;
    let account = house.account("wacht", TEAM, Role::Admin).await;
    let token = house.token(account).await;
    (house, token)
}

async fn get(house: &House, token: &str, path: &str) -> Answer {
    let request = Request::get(format!("/api/v1{path}")).header(header::AUTHORIZATION, format!("Bearer {token}"));
    house.ask(request.body(Body::empty()).unwrap()).await
}

async fn post_with(house: &House, token: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.ask(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn post(house: &House, token: &str, path: &str, body: &Value) -> Answer {
    post_with(house, token, path, body, &[]).await
}

/// A report, by its reference.
async fn report(house: &House, token: &str, what: &str) -> String {
    let new = json!({ "what": what, "board": "Zwaluwrode", "email": "an@prive.example" });
    let made = post(house, token, "/reports", &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["reference"].as_str().unwrap().to_owned()
}

async fn incident(house: &House, token: &str, title: &str) -> String {
    let made = post(house, token, "/incidents", &json!({ "title": title })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["reference"].as_str().unwrap().to_owned()
}

fn is_problem(answer: &Answer, status: u16, kind: &str, field: Option<&str>) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], format!("urn:bolwerk:problem:{kind}"), "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["field"].as_str(), field, "{problem}");
    assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
}

#[test]
fn the_document_is_the_one_that_is_kept() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    let made = document::text();
    if std::env::var_os("BOLWERK_GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(&kept, &made).unwrap();
    }
    let known = std::fs::read_to_string(&kept).unwrap_or_default();
    assert!(known == made, "the API changed: look at it, then write it anew with BOLWERK_GOLDEN=write");
}

#[test]
fn the_document_hangs_together() {
    let document: Value = serde_json::from_str(&document::text()).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference} leads nowhere");
    }
    let mut ids: Vec<&str> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, op) in item.as_object().unwrap() {
            ids.push(op["operationId"].as_str().unwrap());
            let named: Vec<&str> = path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')).collect();
            let described = op["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "path").count();
            assert_eq!(named.len(), described, "{method} {path}");
            assert!(op["responses"]["default"].is_object() && op["responses"].as_object().unwrap().len() > 1, "{path}");
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (operations().len(), operations().len()));
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].as_str().is_some_and(|d| d.ends_with(['.', '`'])), "{name}: {schema}");
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|v| collect(v, into));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}

#[tokio::test]
async fn a_token_lets_in_and_nothing_else_does() {
    let (house, token) = desk().await;
    let me = get(&house, &token, "/me").await;
    assert_eq!((me.status, me.json()["role"].as_str()), (StatusCode::OK, Some("admin")));
    for header_value in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic d2FjaHQ6d2FjaHQ=", &token] {
        let request = Request::get("/api/v1/reports").header(header::AUTHORIZATION, header_value);
        let answer = house.ask(request.body(Body::empty()).unwrap()).await;
        is_problem(&answer, 401, "unauthorized", None);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let session = house.session(desk::ids::AccountId(0)).await;
    assert_eq!(house.get("/wacht", &session).await.status, StatusCode::OK);
    is_problem(&house.get("/api/v1/reports", &session).await, 401, "unauthorized", None);
    let nothing = Request::get("/wacht").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let page = house.ask(nothing.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "a token opens no page");
    let made = get(&house, &token, "/reports").await;
    assert!(made.headers.get("set-cookie").is_none());
    assert_eq!(made.header("x-content-type-options"), "nosniff");
    assert_eq!(made.header("cache-control"), "no-store");
    assert!(made.headers.get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn a_revoked_token_ends_at_once() {
    let (house, token) = desk().await;
    let me = desk::ids::AccountId(0);
    let (own, tokens) = house
        .web
        .engine()
        .read(|desk| {
            let lens = desk.seen_by(desk.viewer(me).unwrap());
            (lens.own(), lens.tokens())
        })
        .await
        .unwrap();
    house.rule(desk::command::Command::Accounts(desk::accounts::Command::RevokeToken(own, tokens[0].0))).await;
    is_problem(&get(&house, &token, "/me").await, 401, "unauthorized", None);
}

#[tokio::test]
async fn a_report_goes_all_the_way() {
    let (house, token) = desk().await;
    let new = json!({
        "what": "Alle servers versleuteld.", "board": "Zwaluwrode", "name": "An", "email": "an@prive.example",
        "phone": "0470 00 00 00", "hit_now": true, "since": "2022-12-15T03:00:00+01:00", "language": "fr",
        "kind": "incident", "files": [{ "name": "brief.jpg", "media_type": "image/jpeg", "content": "bG9zZ2VsZA==" }],
    });
    let made = post(&house, &token, "/reports", &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let reference = made.json()["reference"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/reports/{reference}"));
    assert_eq!(post(&house, &token, "/reports", &new).await.json(), json!({ "reference": reference, "new": false }));
    let whole = get(&house, &token, &format!("/reports/{reference}")).await.json();
    assert_eq!(whole["text"], "Alle servers versleuteld.");
    assert_eq!(whole["report"]["received_at"], "2022-12-15T02:12:00Z");
    assert_eq!(whole["report"]["event_at"], "2022-12-15T02:00:00Z");
    assert_eq!(whole["report"]["board"]["name"], "Zwaluwrode");
    assert_eq!(whole["report"]["via"], "api");
    assert_eq!(whole["attachments"][0]["name"], "brief.jpg");
    let raw = get(&house, &token, &format!("/reports/{reference}/raw")).await;
    assert_eq!(raw.header("content-type"), "application/octet-stream");
    let file = get(&house, &token, &format!("/reports/{reference}/attachments/0")).await;
    assert_eq!(file.body, b"losgeld");
    assert!(file.header("content-disposition").starts_with("attachment;"));
    is_problem(&get(&house, &token, &format!("/reports/{reference}/attachments/1")).await, 404, "not-found", None);
    for act in ["claim", "release"] {
        let done = post(&house, &token, &format!("/reports/{reference}/{act}"), &json!({})).await;
        assert_eq!(done.json()["reference"], reference, "{act}");
    }
    let appraised = post(
        &house,
        &token,
        &format!("/reports/{reference}/appraise"),
        &json!({ "board": "Antwerpen", "kind": "question" }),
    )
    .await;
    let undo = appraised.json()["undo"].clone();
    let row = get(&house, &token, &format!("/reports/{reference}")).await.json()["report"].clone();
    assert_eq!((row["board"]["refnis"].as_str(), row["kind"].as_str()), (Some("11002"), Some("question")));
    assert_eq!(post(&house, &token, "/undo", &json!({ "of": undo })).await.status, StatusCode::OK);
    let snoozed =
        post(&house, &token, &format!("/reports/{reference}/snooze"), &json!({ "until": "2022-12-15T08:00:00+01:00" }))
            .await;
    assert_eq!(snoozed.status, StatusCode::OK);
    let row = get(&house, &token, "/reports?status=snoozed").await.json()["rows"][0].clone();
    assert_eq!(row["snoozed_until"], "2022-12-15T07:00:00Z");
    post(&house, &token, &format!("/reports/{reference}/snooze"), &json!({})).await;
    let reply = json!({ "text": "Wij bellen u.", "ask": true });
    assert_eq!(post(&house, &token, &format!("/reports/{reference}/reply"), &reply).await.status, StatusCode::OK);
    let opened = incident(&house, &token, "Zwaluwrode plat").await;
    let decided = json!({ "verdict": "incident", "of": opened });
    assert_eq!(post(&house, &token, &format!("/reports/{reference}/decide"), &decided).await.status, StatusCode::OK);
    is_problem(&post(&house, &token, &format!("/reports/{reference}/decide"), &decided).await, 409, "too-late", None);
    let whole = get(&house, &token, &format!("/incidents/{opened}")).await.json();
    assert_eq!(whole["incident"]["reports"], 1);
    assert_eq!(whole["conversation"][0]["report"], reference);
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let (house, token) = desk().await;
    for (body, field) in [
        (json!({ "what": "x", "wat": 1 }), "wat"),
        (json!({ "what": 1 }), "what"),
        (json!({ "what": "x", "kind": "ramp" }), "kind"),
        (json!({ "what": "x", "since": "gisteren" }), "since"),
        (json!({ "what": "x", "files": [{ "name": "a", "content": "#" }] }), "files[0].content"),
        (json!({ "what": "" }), "what"),
        (json!({ "what": "x", "email": "an" }), "email"),
        (json!({ "what": "x", "board": "b".repeat(201) }), "board"),
    ] {
        is_problem(&post(&house, &token, "/reports", &body).await, 422, "invalid", Some(field));
    }
    is_problem(&post(&house, &token, "/incidents", &json!({})).await, 422, "invalid", Some("title"));
    for (query, field) in [
        ("status=weg", "status"),
        ("stand=new", "stand"),
        ("limit=0", "limit"),
        ("limit=veel", "limit"),
        ("board=Nergenshuizen", "board"),
        ("after=M-0000-0000", "after"),
        ("hit_now=ja", "hit_now"),
    ] {
        is_problem(&get(&house, &token, &format!("/reports?{query}")).await, 422, "invalid", Some(field));
    }
    assert_eq!(house.reports().await, 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_as_such() {
    let (house, token) = desk().await;
    let send = async |body: &str, kind: &str| {
        let request = Request::post("/api/v1/reports")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()));
        house.ask(request.unwrap()).await
    };
    is_problem(&send("{\"what\":", "application/json").await, 400, "malformed", None);
    is_problem(&send("what=x", "application/x-www-form-urlencoded").await, 415, "media-type", None);
    is_problem(&send("{\"what\":\"x\"}", "text/plain").await, 415, "media-type", None);
    is_problem(&send("[\"x\"]", "application/json").await, 400, "malformed", None);
    let deep = format!("{{\"what\":{}", "[".repeat(100_000));
    is_problem(&send(&deep, "application/json").await, 422, "invalid", Some("what"));
    let path = "/api/v1/incidents";
    let large = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(vec![b' '; 2 << 20]));
    is_problem(&house.ask(large.unwrap()).await, 413, "too-large", None);
    is_problem(&get(&house, &token, "/nergens").await, 404, "not-found", None);
    let put = Request::put("/api/v1/reports").header(header::AUTHORIZATION, format!("Bearer {token}"));
    is_problem(&house.ask(put.body(Body::empty()).unwrap()).await, 405, "method-not-allowed", None);
}

#[tokio::test]
async fn a_key_makes_a_request_happen_once() {
    let (house, token) = desk().await;
    let key = [("idempotency-key", "k-1")];
    let new = json!({ "title": "Zwaluwrode plat" });
    let first = post_with(&house, &token, "/incidents", &new, &key).await;
    let again = post_with(&house, &token, "/incidents", &new, &key).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(get(&house, &token, "/incidents").await.json()["total"], 1);
    let other = post_with(&house, &token, "/incidents", &json!({ "title": "Iets anders" }), &key).await;
    is_problem(&other, 422, "key-reused", None);
    let refused = post_with(&house, &token, "/incidents", &json!({ "title": "" }), &[("idempotency-key", "k-2")]).await;
    is_problem(&refused, 422, "invalid", Some("title"));
    let odd = post_with(&house, &token, "/incidents", &new, &[("idempotency-key", "")]).await;
    is_problem(&odd, 400, "malformed", Some("Idempotency-Key"));
    // A report keeps its key, so that it holds when the memory of answers is gone.
    let (one, two) = (json!({ "what": "plat" }), json!({ "what": "plat " }));
    let made = post_with(&house, &token, "/reports", &one, &[("idempotency-key", "r-1")]).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let again = post_with(&house, &token, "/reports", &two, &[("idempotency-key", "r-2")]).await;
    assert_eq!(again.status, StatusCode::CREATED, "another key is another report");
}

#[tokio::test]
async fn a_key_whose_answer_is_forgotten_swallows_nothing_new() {
    let (house, token) = desk().await;
    let key = [("idempotency-key", "r-1")];
    let (one, two) = (json!({ "what": "vraag" }), json!({ "what": "alles versleuteld", "hit_now": true }));
    let made = post_with(&house, &token, "/reports", &one, &key).await.json()["reference"].clone();
    house.web.api().forget_answers();
    let again = post_with(&house, &token, "/reports", &one, &key).await;
    assert_eq!((again.status, &again.json()["reference"]), (StatusCode::OK, &made));
    house.web.api().forget_answers();
    let other = post_with(&house, &token, "/reports", &two, &key).await;
    assert_eq!(other.status, StatusCode::CREATED, "what was not said before is another report");
}

#[tokio::test]
async fn nothing_is_overwritten_that_the_client_did_not_see() {
    let (house, token) = desk().await;
    let reference = incident(&house, &token, "Eerste").await;
    let path = format!("/incidents/{reference}");
    let seen = get(&house, &token, &path).await;
    let tag = seen.header("etag").to_owned();
    let unchanged = Request::get(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::IF_NONE_MATCH, &tag);
    assert_eq!(house.ask(unchanged.body(Body::empty()).unwrap()).await.status, StatusCode::NOT_MODIFIED);
    let change = |value: &str| json!({ "field": "severity", "value": value });
    let first = post_with(&house, &token, &format!("{path}/change"), &change("C2"), &[("if-match", &tag)]).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let late = post_with(&house, &token, &format!("{path}/change"), &change("C4"), &[("if-match", &tag)]).await;
    is_problem(&late, 412, "changed", None);
    let expected = json!({ "field": "severity", "value": "C4", "expected": "C3" });
    is_problem(&post(&house, &token, &format!("{path}/change"), &expected).await, 412, "changed", Some("severity"));
    let expected = json!({ "field": "severity", "value": null, "expected": "C2" });
    assert_eq!(post(&house, &token, &format!("{path}/change"), &expected).await.status, StatusCode::OK);
    assert_ne!(get(&house, &token, &path).await.header("etag"), tag);
    let note =
        post_with(&house, &token, &format!("{path}/notes"), &json!({ "text": "x" }), &[("if-match", &tag)]).await;
    is_problem(&note, 412, "changed", None);
}

#[tokio::test]
async fn an_incident_is_worked_on_field_by_field() {
    let (house, token) = desk().await;
    let reference = incident(&house, &token, "Zwaluwrode").await;
    let path = format!("/incidents/{reference}");
    for (field, value) in [
        ("title", "Zwaluwrode: alles plat"),
        ("severity", "C3"),
        ("sector_severity", "C4"),
        ("tlp", "GREEN"),
        ("pap", "GREEN"),
        ("phase", "confirmed"),
        ("lead", "0"),
        ("class", "phishing"),
        ("board", "Zwaluwrode"),
    ] {
        let body = json!({ "field": field, "value": value, "reason": "gezien" });
        let done = post(&house, &token, &format!("{path}/change"), &body).await;
        assert_eq!(done.status, StatusCode::OK, "{field}: {}", done.text());
        // Whoever opens it leads it already.
        assert_eq!(done.json()["undo"].is_string(), field != "lead", "{field}");
    }
    for (field, value) in [
        ("tlp", "PURPLE"),
        ("phase", "weg"),
        ("class", "onzin"),
        ("board", "Nergenshuizen"),
        ("lead", "x"),
        ("title", ""),
    ] {
        let body = json!({ "field": field, "value": value });
        is_problem(&post(&house, &token, &format!("{path}/change"), &body).await, 422, "invalid", Some("value"));
    }
    let decision = json!({ "text": "Netwerk af", "kind": "decision", "why": "Het loopt", "certain": false });
    assert_eq!(post(&house, &token, &format!("{path}/notes"), &decision).await.status, StatusCode::OK);
    let future = json!({ "text": "x", "event_at": "2023-01-01T00:00:00Z" });
    is_problem(&post(&house, &token, &format!("{path}/notes"), &future).await, 422, "invalid", Some("event_at"));
    let task = json!({ "text": "Bel de leverancier", "assignee": 0, "due": "2022-12-15T05:00:00Z" });
    assert_eq!(post(&house, &token, &format!("{path}/tasks"), &task).await.status, StatusCode::OK);
    assert_eq!(post(&house, &token, &format!("{path}/tasks/0"), &json!({ "done": true })).await.status, StatusCode::OK);
    is_problem(
        &post(&house, &token, &format!("{path}/tasks/7"), &json!({ "done": true })).await,
        404,
        "not-found",
        None,
    );
    let observable = json!({ "value": "hxxps://kwaad[.]example/a" });
    assert_eq!(post(&house, &token, &format!("{path}/observables"), &observable).await.status, StatusCode::OK);
    let mail = json!({ "to": "an@prive.example", "subject": "Stand", "text": "Wij zijn er." });
    assert_eq!(post(&house, &token, &format!("{path}/mails"), &mail).await.status, StatusCode::OK);
    let whole = get(&house, &token, &path).await.json();
    assert_eq!(whole["incident"]["title"], "Zwaluwrode: alles plat");
    assert_eq!(whole["incident"]["severity"], "C3");
    assert_eq!(whole["observables"][0]["value"], "https://kwaad.example/a");
    assert!(whole["observables"][0]["defanged"].as_str().unwrap().contains("kwaad[.]example"));
    assert!(whole["tasks"][0]["done_at"].is_string());
    let said: Vec<&str> = whole["timeline"].as_array().unwrap().iter().map(|l| l["what"].as_str().unwrap()).collect();
    for what in ["opened", "changed", "decision", "task", "task_done", "observed", "notice"] {
        assert!(said.contains(&what), "{what}: {said:?}");
    }
}

#[tokio::test]
async fn what_may_not_be_seen_is_not_there() {
    let (house, token) = desk().await;
    let seen = report(&house, &token, "alleen voor het team").await;
    let hidden = incident(&house, &token, "alleen voor het team").await;
    let organisation = house.partner().await;
    let partner = house.account("partner", organisation, Role::Duty).await;
    let partner = house.token(partner).await;
    assert_eq!(get(&house, &partner, "/reports").await.json()["total"], 0);
    assert_eq!(get(&house, &partner, "/incidents").await.json()["total"], 0);
    for (exists, absent) in [
        (format!("/reports/{seen}"), "/reports/M-0000-0000"),
        (format!("/incidents/{hidden}"), "/incidents/I-0000-0000"),
    ] {
        let (one, other) = (get(&house, &partner, &exists).await, get(&house, &partner, absent).await);
        is_problem(&one, 404, "not-found", None);
        assert_eq!(one.body, other.body, "nobody learns which");
    }
    let body = json!({});
    is_problem(&post(&house, &partner, &format!("/reports/{seen}/claim"), &body).await, 404, "not-found", None);
    let note = json!({ "text": "x" });
    is_problem(&post(&house, &partner, &format!("/incidents/{hidden}/notes"), &note).await, 404, "not-found", None);
    let attach = json!({ "title": "mijn", "reports": [seen] });
    is_problem(&post(&house, &partner, "/incidents", &attach).await, 422, "invalid", Some("reports"));
    assert_eq!(get(&house, &partner, &format!("/reports?after={seen}")).await.json()["field"], "after");
    // A partner hands in, and gets the reference only.
    let own = report(&house, &partner, "van de partner").await;
    is_problem(&get(&house, &partner, &format!("/reports/{own}")).await, 404, "not-found", None);
    let reader = house.account("kijker", TEAM, Role::Reader).await;
    let reader = house.token(reader).await;
    assert_eq!(get(&house, &reader, &format!("/reports/{seen}")).await.status, StatusCode::OK);
    is_problem(&post(&house, &reader, &format!("/reports/{seen}/claim"), &body).await, 403, "forbidden", None);
    is_problem(&post(&house, &reader, "/reports", &json!({ "what": "x" })).await, 403, "forbidden", None);
    is_problem(&post(&house, &reader, "/outbox/x@y/retry", &body).await, 403, "forbidden", None);
    let undo = post(&house, &reader, "/undo", &json!({ "of": "0000000000000003" })).await;
    assert!(undo.status.is_client_error());
}

#[tokio::test]
async fn lists_are_walked_to_their_end() {
    let (house, token) = desk().await;
    let mut made = Vec::new();
    for n in 0..7 {
        made.push(report(&house, &token, &format!("melding {n}")).await);
        incident(&house, &token, &format!("incident {n}")).await;
    }
    made.reverse();
    let mut address = "/reports?limit=3&kind=&status=open".replace("kind=&", "");
    let mut walked = Vec::new();
    loop {
        let page = get(&house, &token, &address).await;
        let rows = page.json()["rows"].as_array().unwrap().clone();
        walked.extend(rows.iter().map(|r| r["reference"].as_str().unwrap().to_owned()));
        assert_eq!(page.json()["total"], 7);
        let link = page.header("link").to_owned();
        if link.is_empty() {
            assert!(page.json()["next"].is_null());
            break;
        }
        let next = link.strip_prefix("</api/v1").and_then(|l| l.strip_suffix(">; rel=\"next\"")).unwrap();
        assert!(next.contains("limit=3") && next.contains("status=open"), "{next}");
        address = next.to_owned();
    }
    assert_eq!(walked, made);
    let incidents = get(&house, &token, "/incidents?limit=5").await;
    let next = incidents.json()["next"].as_str().unwrap().to_owned();
    let rest = get(&house, &token, &format!("/incidents?limit=5&after={next}")).await;
    assert_eq!(rest.json()["rows"].as_array().unwrap().len(), 2);
    let boards = get(&house, &token, "/boards?limit=500").await.json();
    assert_eq!(boards["rows"].as_array().unwrap().len(), 300);
    let first = get(&house, &token, "/boards?limit=299").await;
    let last =
        get(&house, &token, &format!("/boards?limit=299&after={}", first.json()["next"].as_str().unwrap())).await;
    assert_eq!(last.json()["rows"][0], boards["rows"][299]);
    house.web.engine().settled().await.unwrap();
    let mails = get(&house, &token, "/outbox?limit=500").await.json();
    let all = mails["rows"].as_array().unwrap().len();
    let first = get(&house, &token, "/outbox?limit=1").await;
    assert_eq!(first.json()["next"].is_string(), all > 1);
    is_problem(&get(&house, &token, "/outbox?after=x").await, 422, "invalid", Some("after"));
}

#[tokio::test]
async fn mails_that_left_are_not_tried_again() {
    let (house, token) = desk().await;
    report(&house, &token, "plat").await;
    house.web.engine().settled().await.unwrap();
    let mail = get(&house, &token, "/outbox?purpose=receipt").await.json()["rows"][0].clone();
    assert_eq!((mail["standing"].as_str(), mail["to"].as_str()), (Some("sent"), Some("an@prive.example")));
    let id = mail["message_id"].as_str().unwrap();
    is_problem(&post(&house, &token, &format!("/outbox/{id}/retry"), &json!({})).await, 409, "too-late", None);
    is_problem(&post(&house, &token, "/outbox/x@y/retry", &json!({})).await, 404, "not-found", None);
}

#[tokio::test]
async fn boards_and_search_answer() {
    let (house, token) = desk().await;
    let reference = report(&house, &token, "alles plat").await;
    let rows = get(&house, &token, "/boards?text=zwaluwr&active=true").await.json();
    assert_eq!((rows["total"].as_u64(), rows["rows"][0]["reports"].as_u64()), (Some(1), Some(1)));
    let refnis = rows["rows"][0]["refnis"].as_str().unwrap();
    let board = get(&house, &token, &format!("/boards/{refnis}")).await.json();
    assert_eq!(board["reports"][0]["reference"], reference);
    assert!(!board["neighbours"].as_array().unwrap().is_empty());
    is_problem(&get(&house, &token, "/boards/99999").await, 404, "not-found", None);
    is_problem(&get(&house, &token, "/boards?day=morgen").await, 422, "invalid", Some("day"));
    assert_eq!(get(&house, &token, "/search?q=Zwaluwrode").await.status, StatusCode::OK);
    is_problem(&get(&house, &token, "/search").await, 422, "invalid", Some("q"));
    is_problem(&get(&house, &token, "/search?q=").await, 422, "invalid", Some("q"));
    assert_eq!(get(&house, &token, "/people").await.json()["rows"][0]["name"], "wacht <b>");
    assert_eq!(get(&house, &token, "/organisations").await.json()["rows"][0]["name"], "Cyberresponseteam");
}

#[tokio::test]
async fn a_token_that_asks_too_often_waits() {
    let (house, token) = desk().await;
    let first = get(&house, &token, "/me").await;
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=600;w=60");
    assert_eq!(first.header("ratelimit"), "\"default\";r=599;t=60");
    for _ in 0..599 {
        get(&house, &token, "/me").await;
    }
    let stopped = get(&house, &token, "/me").await;
    is_problem(&stopped, 429, "too-many", None);
    assert_eq!(stopped.header("retry-after"), "60");
    house.web.engine().clock().stand_at(NOW.plus_seconds(60));
    assert_eq!(get(&house, &token, "/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_description_is_open_to_all() {
    let house = House::open().await;
    let answer = house.get("/api/v1/openapi.json", "").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn what_strangers_write_comes_back_as_it_was() {
    let (house, token) = desk().await;
    for naughty in NAUGHTY {
        let new = json!({ "what": naughty, "name": naughty, "board": naughty });
        let made = post(&house, &token, "/reports", &new).await;
        assert_eq!(made.status, StatusCode::CREATED, "{naughty}: {}", made.text());
        let reference = made.json()["reference"].as_str().unwrap().to_owned();
        let whole = get(&house, &token, &format!("/reports/{reference}")).await.json();
        assert_eq!(whole["text"].as_str(), Some(naughty.trim()));
    }
}

#[tokio::test]
async fn every_question_can_be_asked_about_an_earlier_moment() {
    let (house, token) = desk().await;
    let before = house.web.engine().read(|desk| desk.next_seq() - 1).await.unwrap();
    let reference = report(&house, &token, "alle bestanden versleuteld").await;
    let known = format!("known_at={before}");
    for path in [
        "/me",
        "/people",
        "/organisations",
        "/reports?limit=1",
        "/incidents",
        "/outbox",
        "/search?q=versleuteld",
        "/boards?limit=1",
        "/retention",
        "/restores",
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        for moment in ["as_of=2022-12-15", known.as_str(), &format!("as_of=2022-12-15&{known}")] {
            let answer = get(&house, &token, &format!("{path}{joint}{moment}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {moment}: {}", answer.text());
        }
    }
    for (moment, seen) in [("as_of=2022-12-15", 1), ("as_of=2022-12-14", 0), (known.as_str(), 0)] {
        let list = get(&house, &token, &format!("/reports?{moment}")).await.json();
        assert_eq!(list["total"], seen, "{moment}");
        let one = get(&house, &token, &format!("/reports/{reference}?{moment}")).await;
        assert_eq!(one.status == StatusCode::OK, seen == 1, "{moment}");
    }
    is_problem(&get(&house, &token, "/reports?as_of=gisteren").await, 422, "invalid", Some("as_of"));
    is_problem(&get(&house, &token, "/reports?as_of=2099-01-01").await, 422, "invalid", Some("as_of"));
    is_problem(&get(&house, &token, "/reports?known_at=x").await, 422, "invalid", Some("known_at"));
    is_problem(&get(&house, &token, "/reports?known_at=99999").await, 422, "invalid", Some("known_at"));
    is_problem(
        &post(&house, &token, &format!("/reports/{reference}/claim?{known}"), &json!({})).await,
        409,
        "past",
        None,
    );
}

#[tokio::test]
async fn terms_of_retention_are_listed_decided_and_taken_back() {
    let (house, token) = desk().await;
    let spam = report(&house, &token, "win een prijs").await;
    post(&house, &token, &format!("/reports/{spam}/decide"), &json!({ "verdict": "spam" })).await;
    let first = get(&house, &token, "/retention").await.json();
    let kinds: Vec<&str> = first["terms"].as_array().unwrap().iter().map(|t| t["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["spam", "no_incident", "message", "incident"]);
    assert!(first["terms"].as_array().unwrap().iter().all(|t| t["counts"] == "now" && t["set_by"].is_null()));
    assert_eq!((first["total"].as_u64(), first["due"].as_array().map(Vec::len)), (Some(0), Some(0)));
    let new = json!({ "kind": "spam", "days": 1, "from": "2022-12-10", "source": "besluit 114" });
    let key = [("idempotency-key", "een")];
    let set = post_with(&house, &token, "/retention/terms", &new, &key).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let again = post_with(&house, &token, "/retention/terms", &new, &key).await;
    assert_eq!(again.body, set.body, "sent twice is set once");
    house.web.engine().clock().stand_at(NOW.plus_seconds(24 * 3600));
    let now = get(&house, &token, "/retention").await.json();
    let term = &now["terms"][0];
    assert_eq!((term["days"].as_u64(), term["from"].as_str()), (Some(1), Some("2022-12-10")));
    assert_eq!((term["counts"].as_str(), term["set_by"]["account"].as_u64()), (Some("now"), Some(0)));
    assert_eq!(now["terms"][1]["counts"], "no_more");
    assert_eq!((now["due"][0]["reference"].as_str(), now["due"][0]["kind"].as_str()), (Some(&*spam), Some("spam")));
    // At the end of that day it was not past its term yet.
    assert_eq!(get(&house, &token, "/retention?as_of=2022-12-15").await.json()["total"], 0);
    let of = set.json()["undo"].as_str().unwrap().to_owned();
    assert_eq!(post(&house, &token, "/undo", &json!({ "of": of })).await.status, StatusCode::OK);
    let back = get(&house, &token, "/retention").await.json();
    assert_eq!((back["terms"][0]["counts"].as_str(), back["total"].as_u64()), (Some("never"), Some(0)));
    assert!(back["terms"][0]["withdrawn_at"].is_string());
    for (field, value) in [("days", json!(0)), ("from", json!("morgen")), ("source", json!(" ")), ("kind", json!("x"))]
    {
        let mut wrong = new.clone();
        wrong[field] = value;
        is_problem(&post(&house, &token, "/retention/terms", &wrong).await, 422, "invalid", Some(field));
    }
    for (field, value, detail) in [
        ("days", json!(0), "days: write a number from 1 to 36525."),
        ("from", json!("2222-12-10"), "from: this is more than ten years ahead."),
        ("from", json!("1222-12-10"), "from: this is before the year 1900."),
    ] {
        let mut wrong = new.clone();
        wrong[field] = value;
        assert_eq!(post(&house, &token, "/retention/terms", &wrong).await.json()["detail"], detail);
    }
}

#[tokio::test]
async fn restores_are_recorded_by_an_administrator_and_listed_for_the_team() {
    let (house, token) = desk().await;
    let said = json!({ "backup": "nacht.age", "made_at": "2022-12-14T02:00:00+01:00" });
    assert_eq!(post(&house, &token, "/restores", &said).await.status, StatusCode::OK);
    let rows = get(&house, &token, "/restores").await.json();
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (rows["rows"][0]["backup"].as_str(), rows["rows"][0]["said_by"]["account"].as_u64()),
        (Some("nacht.age"), Some(0))
    );
    assert_eq!(rows["rows"][0]["made_at"], "2022-12-14T01:00:00Z");
    let later = json!({ "backup": "nacht.age", "made_at": "2032-12-14T02:00:00+01:00" });
    is_problem(&post(&house, &token, "/restores", &later).await, 422, "invalid", Some("made_at"));
    let nameless = json!({ "backup": " ", "made_at": "2022-12-14T02:00:00+01:00" });
    is_problem(&post(&house, &token, "/restores", &nameless).await, 422, "invalid", Some("backup"));
    let duty = house.account("wacht2", TEAM, Role::Duty).await;
    let duty = house.token(duty).await;
    let organisation = house.partner().await;
    let partner = house.account("partner", organisation, Role::Admin).await;
    let partner = house.token(partner).await;
    let term = json!({ "kind": "spam", "days": 1, "from": "2022-12-10", "source": "x" });
    for (path, body) in [("/restores", &said), ("/retention/terms", &term)] {
        is_problem(&post(&house, &duty, path, body).await, 403, "forbidden", None);
        is_problem(&post(&house, &partner, path, body).await, 404, "not-found", None);
    }
    for path in ["/restores", "/retention"] {
        assert_eq!(get(&house, &duty, path).await.status, StatusCode::OK, "{path}");
        is_problem(&get(&house, &partner, path).await, 404, "not-found", None);
    }
    assert_eq!(get(&house, &token, "/restores").await.json()["rows"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_report_moves_from_its_incident_into_another_one_and_back() {
    let (house, token) = desk().await;
    let moved = report(&house, &token, "leverancier plat").await;
    let (one, other) = (incident(&house, &token, "Een").await, incident(&house, &token, "Ander").await);
    let path = format!("/reports/{moved}/move");
    is_problem(&post(&house, &token, &path, &json!({ "to": other })).await, 409, "too-late", None);
    let belongs = json!({ "verdict": "incident", "of": one });
    assert_eq!(post(&house, &token, &format!("/reports/{moved}/decide"), &belongs).await.status, StatusCode::OK);
    is_problem(&post(&house, &token, &path, &json!({ "to": "I-0000-0000" })).await, 422, "invalid", Some("to"));
    let done = post(&house, &token, &path, &json!({ "to": other })).await;
    assert_eq!((done.status, done.json()["reference"].as_str()), (StatusCode::OK, Some(&*moved)), "{}", done.text());
    let stands =
        || async { get(&house, &token, &format!("/reports/{moved}")).await.json()["report"]["incident"].clone() };
    assert_eq!(stands().await, other.as_str());
    let of = done.json()["undo"].as_str().unwrap().to_owned();
    assert_eq!(post(&house, &token, "/undo", &json!({ "of": of })).await.status, StatusCode::OK);
    assert_eq!(stands().await, one.as_str());
    // Whoever would see it then and did not before is said first.
    house.partner().await;
    let shared = json!({ "field": "organisation", "value": "1" });
    assert_eq!(post(&house, &token, &format!("/incidents/{other}/change"), &shared).await.status, StatusCode::OK);
    is_problem(&post(&house, &token, &path, &json!({ "to": other })).await, 422, "invalid", Some("widen"));
    assert_eq!(stands().await, one.as_str());
    let meant = post(&house, &token, &path, &json!({ "to": other, "widen": true })).await;
    assert_eq!(meant.status, StatusCode::OK, "{}", meant.text());
    assert_eq!(stands().await, other.as_str());
}

#[tokio::test]
async fn templates_are_listed_written_and_withdrawn() {
    let (house, token) = desk().await;
    let list =
        |house: House, token: String| async move { (get(&house, &token, "/templates").await.json(), house, token) };
    let (shipped, house, token) = list(house, token).await;
    let rows = |list: &Value| list["rows"].as_array().unwrap().clone();
    assert!(!rows(&shipped).is_empty() && rows(&shipped).iter().all(|t| t["shipped"] == true && t["set_at"].is_null()));
    let new = json!({ "language": "nl", "title": "Kort", "subject": "Over {reference}", "text": "Dag {name}" });
    let set = post(&house, &token, "/templates", &new).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let now = get(&house, &token, "/templates").await.json();
    let own = &now["rows"][0];
    assert_eq!(
        (own["id"].as_str(), own["title"].as_str(), own["shipped"].as_bool()),
        (Some("0"), Some("Kort"), Some(false))
    );
    assert_eq!(rows(&now).len(), rows(&shipped).len() + 1);
    let mut changed = new.clone();
    (changed["id"], changed["text"]) = (json!("0"), json!("Goeiendag"));
    assert_eq!(post(&house, &token, "/templates", &changed).await.status, StatusCode::OK);
    assert_eq!(get(&house, &token, "/templates").await.json()["rows"][0]["text"], "Goeiendag");
    let gone = post(&house, &token, "/templates/0/withdraw", &json!({})).await;
    assert_eq!(get(&house, &token, "/templates").await.json(), shipped);
    let of = gone.json()["undo"].as_str().unwrap().to_owned();
    assert_eq!(post(&house, &token, "/undo", &json!({ "of": of })).await.status, StatusCode::OK);
    assert_eq!(get(&house, &token, "/templates").await.json()["rows"][0]["text"], "Goeiendag");
    is_problem(&post(&house, &token, "/templates/we-call/withdraw", &json!({})).await, 404, "not-found", None);
    is_problem(&post(&house, &token, "/templates/7/withdraw", &json!({})).await, 404, "not-found", None);
    for (field, value) in [("title", json!(" ")), ("text", json!("")), ("language", json!("fr"))] {
        let mut wrong = new.clone();
        wrong[field] = value;
        is_problem(&post(&house, &token, "/templates", &wrong).await, 422, "invalid", Some(field));
    }
}

#[tokio::test]
async fn a_hold_an_erasure_and_who_looks_are_there_for_machines_too() {
    let (house, token) = desk().await;
    let spam = report(&house, &token, "win een prijs").await;
    post(&house, &token, &format!("/reports/{spam}/decide"), &json!({ "verdict": "spam" })).await;
    let erasure = format!("/reports/{spam}/erasure");
    let ask = json!({ "act": "ask", "reason": "op verzoek" });
    assert_eq!(post(&house, &token, &erasure, &ask).await.status, StatusCode::OK);
    assert_eq!(get(&house, &token, &format!("/reports/{spam}")).await.json()["erasure"]["done"], false);
    assert_eq!(post(&house, &token, &erasure, &json!({ "act": "withdraw" })).await.status, StatusCode::OK);
    assert!(get(&house, &token, &format!("/reports/{spam}")).await.json()["erasure"].is_null());
    is_problem(&post(&house, &token, &erasure, &json!({ "act": "withdraw" })).await, 409, "too-late", None);
    let incident = incident(&house, &token, "Dossier").await;
    let hold = format!("/incidents/{incident}/hold");
    assert_eq!(post(&house, &token, &hold, &json!({ "held": true, "reason": "parket" })).await.status, StatusCode::OK);
    assert_eq!(get(&house, &token, &format!("/incidents/{incident}")).await.json()["incident"]["held"], true);
    assert_eq!(post(&house, &token, &hold, &json!({ "held": false, "reason": "vrij" })).await.status, StatusCode::OK);
    assert_eq!(get(&house, &token, &format!("/incidents/{incident}")).await.json()["incident"]["held"], false);
    is_problem(
        &post(&house, &token, &hold, &json!({ "held": true, "reason": " " })).await,
        422,
        "invalid",
        Some("reason"),
    );
    let here = format!("/incidents/{incident}/here");
    assert_eq!(get(&house, &token, &here).await.json(), json!({ "rows": [] }));
    let duty = house.session(desk::ids::AccountId(0)).await;
    house.get(&format!("/incident/{incident}"), &duty).await;
    assert_eq!(get(&house, &token, &here).await.json()["rows"][0]["account"], 0);
    is_problem(&get(&house, &token, "/incidents/I-0000-0000/here").await, 404, "not-found", None);
}

//! An incident through its addresses: what comes back when something is wrong, what two people do to one field, what is taken back.

use crate::testing::{Answer, House};
use crate::tests::{incident_in, report, send, to};
use axum::http::StatusCode;
use desk::accounts::Role;
use desk::ids::TEAM;

/// A desk with one incident, its reference, and somebody on duty.
async fn with_incident() -> (House, String, String) {
    let house = House::open().await;
    let duty = house.duty().await;
    let reference = report(&house, "servers plat").await;
    let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
    let incident = incident_in(&to(&opened));
    (house, duty, incident)
}

/// A control of a page as it was written, from its name to the end of it.
fn control<'a>(page: &'a str, begins: &str, ends: &str) -> &'a str {
    let (_, rest) = page.split_once(begins).unwrap_or_else(|| panic!("no {begins} in {page}"));
    rest.split(ends).next().unwrap()
}

fn unprocessable(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.text()
}

#[tokio::test]
async fn a_line_keeps_its_label_its_kind_and_its_doubt_when_its_time_is_not_understood() {
    let (house, duty, incident) = with_incident().await;
    let line = [
        ("text", "Van de \"burgemeester\""),
        ("kind", "decision"),
        ("tlp", "RED"),
        ("uncertain", "1"),
        ("event_at", "ergens gisteren"),
        ("why", "zo"),
    ];
    let answer = send(&house, &duty, &format!("/incident/{incident}/noteer"), &line).await;
    let page = unprocessable(&answer);
    assert!(page.contains("<option value=\"RED\" selected>") && page.contains("<option value=\"decision\" selected>"));
    assert!(!control(page, "id=\"tlp\" name=\"tlp\">", "</select>").contains("<option value=\"AMBER\" selected>"));
    assert!(control(page, "name=\"uncertain\"", ">").contains("checked"));
    assert!(page.contains("Van de &quot;burgemeester&quot;</textarea>") && page.contains("value=\"ergens gisteren\""));
}

#[tokio::test]
async fn a_phase_without_a_reason_stays_chosen_and_one_that_is_so_already_is_no_step() {
    let (house, duty, incident) = with_incident().await;
    let field = format!("/incident/{incident}/veld");
    let phase = |value, reason| [("field", "phase"), ("was", "reported"), ("value", value), ("reason", reason)];
    let answer = send(&house, &duty, &field, &phase("recovery", "")).await;
    let page = unprocessable(&answer);
    let form = control(page, "id=\"field-phase\"", "</form>");
    assert!(form.starts_with(" open") && form.contains("<option value=\"recovery\" selected>"), "{form}");
    assert!(form.contains("name=\"reason\"") && form.contains("required") && form.contains("vul dit in"));
    let answer = send(&house, &duty, &field, &phase("reported", "toch maar")).await;
    assert!(unprocessable(&answer).contains("dit is het al"));
    assert!(!house.get(&format!("/incident/{incident}"), &duty).await.text().contains("toch maar"));
    to(&send(&house, &duty, &field, &phase("recovery", "servers draaien")).await);
}

#[tokio::test]
async fn a_task_keeps_who_was_to_do_it() {
    let (house, duty, incident) = with_incident().await;
    let task = [("text", "Bel de gouverneur"), ("assignee", "0"), ("due", "ooit")];
    let answer = send(&house, &duty, &format!("/incident/{incident}/taak"), &task).await;
    assert!(unprocessable(&answer).contains("<option value=\"0\" selected>"));
}

#[tokio::test]
async fn whoever_comes_second_sees_both_values_and_chooses() {
    let (house, duty, incident) = with_incident().await;
    let second = house.account("tweede", TEAM, Role::Duty).await;
    let second = house.session(second).await;
    let field = format!("/incident/{incident}/veld");
    let severity = |was, value| [("field", "severity"), ("was", was), ("value", value)];
    let was = control(
        control(house.get(&format!("/incident/{incident}"), &duty).await.text(), "id=\"field-severity\"", "</form>"),
        "name=\"was\" value=\"",
        "\"",
    )
    .to_owned();
    to(&send(&house, &second, &field, &severity(&was, "C1")).await);
    let answer = send(&house, &duty, &field, &severity(&was, "C6")).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let page = answer.text();
    let form = control(page, "id=\"field-severity\"", "</form>");
    assert!(page.contains("Iemand was je voor") && !page.contains("dan kan het weg"));
    assert!(form.contains("tweede") && form.contains("C1 Nationale") && form.contains("C6 Plaatselijk"), "{form}");
    assert!(form.contains("do 15 dec 2022, 03:12 CET"), "it says when: {form}");
    assert!(form.contains("<option value=\"C6\" selected>") && form.contains("name=\"was\" value=\"C1\""));
    assert!(form.contains("Bewaar toch de mijne") && form.contains("Laat die staan"));
    to(&send(&house, &duty, &field, &severity("C1", "C6")).await);
    let page = house.get(&format!("/incident/{incident}"), &duty).await;
    assert!(control(page.text(), "id=\"field-severity\"", "</summary>").contains("C6"));
}

#[tokio::test]
async fn joining_splitting_and_moving_are_said_and_taken_back_on_the_page_itself() {
    let (house, duty, one) = with_incident().await;
    let reference = report(&house, "leverancier plat").await;
    let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
    let other = incident_in(&to(&opened));
    let join = format!("/incident/{other}/samen");
    let merge = to(&send(&house, &duty, &join, &[("act", "merge"), ("into", &one)]).await);
    let merged = to(&house.get(&merge, &duty).await);
    let page = house.get(&merged, &duty).await;
    assert!(page.text().contains(&format!("{other} gaat nu daarin voort.")));
    let toast = control(page.text(), "data-toast", "</form>");
    let (of, back) = (control(toast, "name=\"of\" value=\"", "\""), control(toast, "name=\"back\" value=\"", "\""));
    assert_eq!(back, format!("/incident/{one}"));
    let undone = to(&send(&house, &duty, "/ongedaan", &[("of", of), ("back", back)]).await);
    assert_eq!(undone, format!("/incident/{one}?gedaan=undone"));
    assert_eq!(house.get(&format!("/incident/{other}"), &duty).await.status, StatusCode::OK);
    let split = [("act", "split"), ("report", &*reference.to_string()), ("new-title", "Iets anders")];
    let split = to(&send(&house, &duty, &join, &split).await);
    let page = house.get(&split, &duty).await;
    assert!(page.text().contains("is afgesplitst."));
    let of = control(control(page.text(), "data-toast", "</form>"), "name=\"of\" value=\"", "\"").to_owned();
    to(&send(&house, &duty, "/ongedaan", &[("of", &of), ("back", "/incidenten")]).await);
    assert!(house.get(&format!("/incident/{other}?tab=gesprek"), &duty).await.text().contains(&reference.to_string()));
    for elsewhere in ["//kwaad.example", "/\\kwaad.example", "https://kwaad.example", "/a b"] {
        let line =
            to(&send(&house, &duty, &format!("/incident/{one}/noteer"), &[("text", "x"), ("kind", "note")]).await);
        let of = line.rsplit("nr=").next().unwrap().to_owned();
        let led = to(&send(&house, &duty, "/ongedaan", &[("of", &of), ("back", elsewhere)]).await);
        assert_eq!(led, "/wacht?gedaan=undone", "{elsewhere}");
    }
}

/// Every word for something that was done is one that a page may say, so that nothing happens in silence.
#[test]
fn every_act_has_its_message() {
    let words = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("locales/nl");
    let mut named = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(words).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        named.extend(text.lines().filter_map(|line| Some(line.strip_prefix("done-")?.split_once(" =")?.0.to_owned())));
    }
    let said: std::collections::BTreeSet<String> = crate::pages::DONE.iter().map(|w| (*w).to_owned()).collect();
    assert_eq!(named, said);
}

async fn noted(house: &House, duty: &str, incident: &str, text: &str, at: &str) -> Answer {
    send(house, duty, &format!("/incident/{incident}/noteer"), &[("text", text), ("kind", "note"), ("event_at", at)])
        .await
}

#[tokio::test]
async fn times_of_logs_are_understood_and_each_line_says_its_zone_where_the_clocks_changed() {
    let (house, duty, incident) = with_incident().await;
    let answer = noted(&house, &duty, &incident, "twee keer", "30 okt 2022 02:30").await;
    assert!(unprocessable(&answer).contains("CET of CEST"));
    to(&noted(&house, &duty, &incident, "voor de klok", "2022-10-29T23:30:00Z").await);
    to(&noted(&house, &duty, &incident, "na de klok", "30 okt 2022 04:00").await);
    to(&noted(&house, &duty, &incident, "aanmelding", "14 dec 2022 01:00 UTC").await);
    let page = house.get(&format!("/incident/{incident}"), &duty).await;
    let timeline = control(page.text(), "<ol class=\"tl\">", "</ol>");
    assert!(timeline.contains("<li class=\"day\">zo 30 okt 2022</li>"), "{timeline}");
    assert!(timeline.contains("01:30<small>CEST</small>") && timeline.contains("04:00<small>CET</small>"));
    assert!(
        timeline.contains("<li class=\"day\">wo 14 dec 2022 · CET</li>") && timeline.contains("02:00<small>genoteerd")
    );
    assert!(timeline.contains("01:30<small>CEST</small><small>genoteerd do 15 dec, 03:12 CET</small>"));
}

#[tokio::test]
async fn a_day_alone_is_no_midnight_and_doubt_has_a_word() {
    let (house, duty, incident) = with_incident().await;
    to(&noted(&house, &duty, &incident, "ergens die dag", "13 dec").await);
    to(&noted(&house, &duty, &incident, "gisteren", "gisteren 14:00").await);
    let doubt = [("text", "rond tien"), ("kind", "note"), ("event_at", "13 dec 22:00"), ("uncertain", "1")];
    to(&send(&house, &duty, &format!("/incident/{incident}/noteer"), &doubt).await);
    let page = house.get(&format!("/incident/{incident}"), &duty).await;
    let timeline = control(page.text(), "<ol class=\"tl\">", "</ol>");
    assert!(timeline.contains(">die dag</small>") && !timeline.contains("00:00"), "{timeline}");
    assert!(timeline.contains(">ongeveer</small>22:00") && !timeline.contains('±'));
    assert!(timeline.contains("14:00<small>genoteerd do 15 dec, 03:12</small>"), "the hour stands once: {timeline}");
}

#[tokio::test]
async fn a_changed_field_says_what_it_was() {
    let (house, duty, incident) = with_incident().await;
    let field = format!("/incident/{incident}/veld");
    let change = |name, was, value| [("field", name), ("was", was), ("value", value), ("reason", "zo")];
    to(&send(&house, &duty, &field, &change("phase", "reported", "contained")).await);
    to(&send(&house, &duty, &field, &change("pap", "AMBER", "RED")).await);
    to(&send(&house, &duty, &field, &change("pap", "RED", "GREEN")).await);
    let page = house.get(&format!("/incident/{incident}"), &duty).await;
    let timeline = control(page.text(), "<ol class=\"tl\">", "</ol>");
    for said in [
        "Ingeperkt</b><span class=\"quiet\">, was <b>Gemeld",
        "PAP:RED<span class=\"quiet\">, was PAP:AMBER",
        "PAP:GREEN<span class=\"quiet\">, was PAP:RED",
    ] {
        assert!(timeline.contains(said), "{said}: {timeline}");
    }
}

#[tokio::test]
async fn boards_and_kinds_go_along_when_incidents_are_joined_and_split() {
    let (house, duty, one) = with_incident().await;
    let field = |incident: &str| format!("/incident/{incident}/veld");
    let kind = [("field", "class"), ("present", "1"), ("value", "malicious-code/malware-distribution")];
    to(&send(&house, &duty, &field(&one), &kind).await);
    let reference = report(&house, "leverancier plat").await;
    let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
    let other = incident_in(&to(&opened));
    to(&send(&house, &duty, &field(&other), &[("field", "board"), ("present", "1"), ("value", "Zwaluwrode")]).await);
    to(&send(&house, &duty, &format!("/incident/{other}/samen"), &[("act", "merge"), ("into", &one)]).await);
    let page = house.get(&format!("/incident/{one}"), &duty).await;
    let head = control(page.text(), "id=\"inc-head\"", "<ol class=\"phases\"");
    assert!(head.contains(">Zwaluwrode</a>"), "{head}");
    to(&send(&house, &duty, &format!("/incident/{other}/samen"), &[("act", "part")]).await);

    let messages = house.get(&format!("/incident/{one}"), &duty).await;
    let message = control(messages.text(), "name=\"report\" value=\"", "\"").to_owned();
    let split = [("act", "split"), ("report", &*message), ("new-title", "Apart")];
    let new = incident_in(&to(&send(&house, &duty, &format!("/incident/{one}/samen"), &split).await));
    let page = house.get(&format!("/incident/{new}"), &duty).await;
    let head = control(page.text(), "id=\"inc-head\"", "<ol class=\"phases\"");
    assert!(head.contains("Sperwermonde") && head.contains("Verspreiding van malware"), "{head}");
    let timeline = control(page.text(), "<ol class=\"tl\">", "</ol>");
    assert!(timeline.contains("Incident geopend, afgesplitst van") && timeline.contains(&one), "{timeline}");
}

#[tokio::test]
async fn what_resembles_it_is_chosen_and_not_typed() {
    let (house, duty, one) = with_incident().await;
    let mut others = Vec::new();
    for what in ["adres 198.51.100.23 gezien", "ook 198.51.100.23 hier"] {
        let reference = report(&house, what).await;
        let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
        others.push(incident_in(&to(&opened)));
    }
    let page = house.get(&format!("/incident/{}", others[0]), &duty).await;
    let form = control(page.text(), "id=\"join\"", "</form>");
    assert!(form.contains(&format!("name=\"like\" value=\"{}\"", others[1])), "{form}");
    let join = format!("/incident/{}/samen", others[0]);
    to(&send(&house, &duty, &join, &[("act", "merge"), ("into", ""), ("like", &others[1])]).await);
    assert!(to(&house.get(&format!("/incident/{}", others[0]), &duty).await).contains(&others[1]));
    to(&send(&house, &duty, &join, &[("act", "part")]).await);
    to(&send(&house, &duty, &join, &[("act", "merge"), ("into", &one), ("like", &others[1])]).await);
    assert!(to(&house.get(&format!("/incident/{}", others[0]), &duty).await).contains(&one), "what is typed counts");
}

#[tokio::test]
async fn a_message_that_left_again_leaves_one_line_and_the_conversation_shows_it_whole() {
    let (house, duty, one) = with_incident().await;
    let reference = report(&house, "eerste regel\ntweede regel").await;
    let attach = [("verdict", "attach"), ("of", &*one)];
    let attached = to(&send(&house, &duty, &format!("/melding/{reference}/beslis"), &attach).await);
    let talk = house.get(&format!("/incident/{one}?tab=gesprek"), &duty).await;
    assert!(talk.text().contains("eerste regel\ntweede regel</pre>"), "as its own page shows it");
    assert!(!talk.text().contains("bij een incident</span>"));
    let of = control(house.get(&attached, &duty).await.text(), "name=\"of\" value=\"", "\"").to_owned();
    to(&send(&house, &duty, "/ongedaan", &[("of", &of), ("back", "/wacht")]).await);
    let page = house.get(&format!("/incident/{one}"), &duty).await;
    let timeline = control(page.text(), "<ol class=\"tl\">", "</ol>");
    assert!(timeline.contains("hoorde hier even bij, tot do 15 dec 2022"), "{timeline}");
    assert!(!timeline.contains("<blockquote>eerste regel"), "{timeline}");
}

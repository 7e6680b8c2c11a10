//! Pages of earlier moments through their addresses: what they say, that they keep the moment, and that nothing in them acts.

use crate::testing::{Answer, House, hidden};
use axum::http::StatusCode;
use desk::accounts::Role;
use desk::command::{Actor, Command};
use desk::ids::{AccountId, Reference, TEAM};
use desk::intake::{self, Verdict, Via};
use engine::FormReport;
use std::time::Duration;

/// So often a page that is being built is asked for again.
const TRIES: usize = 200;

async fn report(house: &House, what: &str) -> Reference {
    let form = FormReport {
        board: "Sperwermonde".to_owned(),
        name: "An".to_owned(),
        email: "an@privemail.example".to_owned(),
        what: what.to_owned(),
        ..FormReport::default()
    };
    house.web.engine().receive_form(form, Via::Form, Actor::Rule).await.expect("the desk takes it").reference
}

/// A page of the past; one that is being built says so, and is asked for again.
async fn past(house: &House, path: &str, cookie: &str) -> Answer {
    for _ in 0..TRIES {
        let answer = house.get(path, cookie).await;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            return answer;
        }
        assert_eq!((answer.header("refresh"), answer.header("retry-after")), ("2", "2"));
        assert!(answer.text().contains("Deze pagina ververst zichzelf"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} is never built");
}

async fn newest(house: &House) -> u64 {
    house.web.engine().read(|desk| desk.next_seq() - 1).await.unwrap()
}

#[tokio::test]
async fn every_page_shows_both_times_keeps_them_and_does_nothing() {
    let house = House::open().await;
    let duty = house.duty().await;
    let one = report(&house, "alle bestanden versleuteld").await;
    let leave =
        house.web.engine().read(|desk| desk.seen_by(desk.viewer(AccountId(0)).unwrap()).report_leave(one)).await;
    let open = desk::incidents::Command::Open {
        by: AccountId(0),
        title: "Sperwermonde".to_owned(),
        severity: None,
        tlp: desk::lens::Tlp::Amber,
        since: None,
        boards: Vec::new(),
        classes: Vec::new(),
        reports: leave.unwrap().into_iter().collect(),
    };
    let person = Actor::Person(AccountId(0));
    let done = house.web.engine().submit(person, Command::Incidents(open)).await.unwrap();
    let desk::command::Outcome::Incident(incident) = done.outcome else { panic!("it opens") };
    let asked = format!("op=2022-12-15&bekend={}", newest(&house).await);
    let pages = [
        "/wacht".to_owned(),
        format!("/wacht?open={one}"),
        "/meldingen".to_owned(),
        format!("/melding/{one}"),
        "/incidenten".to_owned(),
        format!("/incident/{incident}"),
        format!("/incident/{incident}?tab=berichten"),
        "/uitgaand".to_owned(),
        "/demo/post".to_owned(),
        "/zoek?q=sperwermonde".to_owned(),
        "/besturen".to_owned(),
        "/journaal".to_owned(),
        "/toetsen".to_owned(),
        "/instellingen".to_owned(),
        "/first-run/nazicht".to_owned(),
    ];
    for path in pages {
        let address = format!("{path}{}{asked}", if path.contains('?') { '&' } else { '?' });
        let answer = past(&house, &address, &duty).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        for said in ["Zo was het op do 15 dec 2022", "zoals we het wisten tot plaats", "Terug naar nu"] {
            assert_eq!(text.matches(said).count(), 1, "{said} on {path}");
        }
        let acts = text.matches("method=\"post\"").count() - text.matches("action=\"/afmelden\"").count();
        assert_eq!((acts, text.matches(" form=\"").count()), (0, 0), "{path}");
        assert!(!text.contains("data-stream"), "{path} is not live");
        assert!(!text.contains('⟦'), "a word is missing on {path}");
        let links = text.split(" href=\"/").skip(1).filter_map(|l| l.split('"').next());
        for link in links.filter(|l| !l.starts_with("d/") && !path.ends_with(&format!("/{}", l))) {
            let back = format!("/{link}") == path.split('?').next().unwrap_or_default();
            assert!(back || link.contains("bekend="), "{link} on {path} loses the moment");
        }
    }
    for path in ["/telefoon", "/incidenten/nieuw", &format!("/melding/{one}/antwoord")] {
        let refused = house.get(&format!("{path}?{asked}"), &duty).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        assert!(refused.text().contains("In een vroeger moment verandert niets"));
    }
    let csv = past(&house, &format!("/besturen.csv?{asked}"), &duty).await;
    assert_eq!((csv.status, csv.text().lines().count()), (StatusCode::OK, 301));
    let raw = past(&house, &format!("/melding/{one}/origineel?{asked}"), &duty).await;
    assert_eq!(raw.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_known_and_what_was_so_are_two_pages() {
    let house = House::open().await;
    let duty = house.duty().await;
    let before = newest(&house).await;
    let one = report(&house, "alle bestanden versleuteld").await;
    let known = past(&house, &format!("/melding/{one}?bekend={before}"), &duty).await;
    assert_eq!(known.status, StatusCode::NOT_FOUND, "nobody knew of it");
    assert_eq!(past(&house, &format!("/melding/{one}?op=2022-12-14"), &duty).await.status, StatusCode::NOT_FOUND);
    assert_eq!(past(&house, &format!("/melding/{one}?op=2022-12-15"), &duty).await.status, StatusCode::OK);
    // What is recorded while a past is open belongs to it where it was so then.
    let two = report(&house, "nog een").await;
    assert_eq!(past(&house, &format!("/melding/{two}?op=2022-12-15"), &duty).await.status, StatusCode::OK);
    assert_eq!(
        past(&house, &format!("/melding/{two}?bekend={}", before + 1), &duty).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_moment_that_is_none_is_explained() {
    let house = House::open().await;
    let duty = house.duty().await;
    let beyond = format!("bekend={}", newest(&house).await + 50);
    for (query, said) in [
        ("op=veertien", "dag: dit is geen dag"),
        ("op=2022-12-16", "dag: dit ligt in de toekomst"),
        ("bekend=veel", "plaats in het journaal: dit is geen plaats"),
        (beyond.as_str(), "plaats in het journaal: zo ver is het journaal nog niet"),
    ] {
        let answer = house.get(&format!("/wacht?{query}"), &duty).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(answer.text().contains(said) && answer.text().contains("15 dec 2022"), "{query}");
    }
    assert_eq!(house.get("/wacht?op=veertien", "").await.status, StatusCode::SEE_OTHER, "strangers sign in first");
}

#[tokio::test]
async fn an_act_that_is_sent_to_a_past_is_refused() {
    let house = House::open().await;
    let duty = house.duty().await;
    let one = report(&house, "alle bestanden versleuteld").await;
    let token = hidden(house.get(&format!("/melding/{one}"), &duty).await.text(), "_t");
    let request = axum::http::Request::post(format!("/melding/{one}/neem?op=2022-12-15"))
        .header("cookie", &duty)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(format!("_t={}&act=claim", crate::routes::query(&token))));
    let refused = house.ask(request.unwrap()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("Ga terug naar nu"));
}

#[tokio::test]
async fn rights_are_todays_and_a_session_that_ended_sees_no_past() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let outside = house.account("partner", partner, Role::Duty).await;
    let outside = house.session(outside).await;
    let reader = house.account("lezer", TEAM, Role::Reader).await;
    let reader = house.session(reader).await;
    let one = report(&house, "alle bestanden versleuteld").await;
    let leave =
        house.web.engine().read(|desk| desk.seen_by(desk.viewer(AccountId(0)).unwrap()).report_leave(one)).await;
    let decide = intake::Command::Decide(leave.unwrap().unwrap(), Verdict::Spam);
    house.web.engine().submit(Actor::Person(AccountId(0)), Command::Intake(decide)).await.unwrap();
    let page = format!("/melding/{one}?op=2022-12-15");
    assert_eq!(past(&house, &page, &reader).await.status, StatusCode::OK);
    assert_eq!(past(&house, &page, &outside).await.status, StatusCode::NOT_FOUND);
    assert!(!past(&house, "/zoek?q=versleuteld&op=2022-12-15", &outside).await.text().contains(&one.to_string()));
    let settings = house.get("/instellingen", &duty).await;
    assert_eq!(settings.status, StatusCode::OK);
    house.post("/afmelden", "", &[]).await;
    let disable = desk::accounts::Command::Disable(
        house.web.engine().read(|desk| desk.seen_by(desk.viewer(AccountId(0)).unwrap()).own()).await.unwrap(),
        AccountId(2),
    );
    house.web.engine().submit(Actor::Person(AccountId(0)), Command::Accounts(disable)).await.unwrap();
    assert_eq!(
        house.get(&page, &reader).await.status,
        StatusCode::SEE_OTHER,
        "signed out today, signed out of the past"
    );
}

//! Pages of the team through their addresses: the call that is typed, the boards, the sink.

use crate::testing::{House, NAUGHTY, is_only_text};
use axum::http::StatusCode;
use desk::accounts::{Preferences, Role};
use desk::command::Command;
use desk::house::Language;
use desk::ids::TEAM;
use desk::intake::{Kind, Via};

const CALL: [(&str, &str); 9] = [
    ("once", "abc"),
    ("phone", "0470 00 00 00"),
    ("name", "An Peeters, informatica"),
    ("board", "Zwaluwrode"),
    ("hit_now", "1"),
    ("time", "02:30"),
    ("what", "Alle schermen zwart."),
    ("kind", "incident"),
    ("language", "fr"),
];

#[tokio::test]
async fn a_call_becomes_a_report_in_the_name_of_who_took_it() {
    let house = House::open().await;
    let duty = house.duty().await;
    let page = house.get("/telefoon", &duty).await;
    assert_eq!(page.status, StatusCode::OK);
    for aloud in ["Trek de netwerkkabels uit.", "Unplug the network cables.", "Débranchez les câbles réseau.", "CET"]
    {
        assert!(page.text().contains(aloud), "{aloud}");
    }
    let sent = house.post("/telefoon", &duty, &CALL).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let to = sent.header("location");
    assert!(to.starts_with("/melding/M-") && to.contains("gedaan=called"), "{to}");
    assert_eq!(house.post("/telefoon", &duty, &CALL).await.header("location"), to, "pressed twice");
    let reference = to["/melding/".len()..][..11].parse().unwrap();
    let account = desk::ids::AccountId(0);
    let view = house.web.engine().read(|desk| desk.seen_by(desk.viewer(account).unwrap()).report(reference).unwrap());
    let view = view.await.unwrap();
    assert_eq!((view.row.via, view.row.kind, view.row.hit_now), (Via::Phone, Kind::Incident, true));
    assert_eq!(view.row.event_at, Some(crate::testing::NOW.plus_seconds(-42 * 60)));
    assert_eq!(view.language, Some(Language::Fr));
    assert!(matches!(view.history[0].who, desk::view::Who::Person { account: by, .. } if by == account));
}

#[tokio::test]
async fn mistakes_of_a_call_keep_what_was_typed() {
    let house = House::open().await;
    let duty = house.duty().await;
    let wrong = [("name", "An"), ("day", "31"), ("month", "2"), ("year", "2022"), ("time", "1:00"), ("email", "an")];
    let page = house.post("/telefoon", &duty, &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in
        ["Sinds wanneer: dit is geen dag en uur.", "Wat gebeurt er: schrijf", "Mailadres: dit is geen mailadres."]
    {
        assert_eq!(page.text().matches(words).count(), 2, "{words}");
    }
    assert!(page.text().contains("value=\"31\"") && page.text().contains("value=\"An\""));
    for naughty in NAUGHTY {
        let fields = [
            ("name", naughty),
            ("board", naughty),
            ("what", naughty),
            ("day", naughty),
            ("email", naughty),
            ("kind", naughty),
        ];
        let page = house.post("/telefoon", &duty, &fields).await;
        assert!(is_only_text(page.text()), "{naughty}");
    }
}

#[tokio::test]
async fn only_people_on_duty_of_the_team_take_calls() {
    let house = House::open().await;
    assert_eq!(house.get("/telefoon", "").await.status, StatusCode::SEE_OTHER);
    let reader = house.account("kijker", TEAM, Role::Reader).await;
    let reader = house.session(reader).await;
    assert_eq!(house.get("/telefoon", &reader).await.status, StatusCode::NOT_FOUND);
    let organisation = house.partner().await;
    let partner = house.account("partner", organisation, Role::Admin).await;
    let partner = house.session(partner).await;
    assert_eq!(house.get("/telefoon", &partner).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn boards_are_listed_counted_and_exported() {
    let house = House::open().await;
    let duty = house.duty().await;
    house.post("/telefoon", &duty, &CALL).await;
    let page = house.get("/besturen", &duty).await;
    assert!(page.text().contains("Eén van 300 besturen is nu geraakt") && page.text().contains("1 met meldingen"));
    let first = page.text().split("<tbody>").nth(1).unwrap();
    assert!(first.find("Zwaluwrode").unwrap() < first.find("Antwerpen").unwrap(), "the busiest board is first");
    assert!(page.text().contains("href=\"/besturen?blad=2\""));
    let last = house.get("/besturen?blad=3", &duty).await;
    assert!(last.text().contains("201 tot 300 van 300"));
    let some = house.get("/besturen?q=zwaluwr&provincie=&actief=1", &duty).await;
    assert!(some.text().contains("1 bestuur") && some.text().contains("/besturen.csv?q=zwaluwr&amp;actief=1"));
    let table = house.get("/besturen.csv?q=zwaluwr", &duty).await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = table.text().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains(",Zwaluwrode,municipality,") && lines[1].ends_with(",1,1,0"), "{lines:?}");
    assert_eq!(house.get("/besturen.csv", "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_board_shows_its_facts_and_only_what_may_be_seen() {
    let house = House::open().await;
    let duty = house.duty().await;
    let sent = house.post("/telefoon", &duty, &CALL).await;
    let reference = sent.header("location")["/melding/".len()..][..11].to_owned();
    let refnis = house.web.engine().read(|desk| {
        let register = desk.register();
        register.get(register.find("Zwaluwrode").unwrap()).unwrap().refnis
    });
    let address = format!("/bestuur/{:05}", refnis.await.unwrap());
    let page = house.get(&address, &duty).await;
    assert!(page.text().contains("Statbel") && page.text().contains(&reference) && page.text().contains("Buren"));
    let organisation = house.partner().await;
    let partner = house.account("partner", organisation, Role::Duty).await;
    let partner = house.session(partner).await;
    let page = house.get(&address, &partner).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains(&reference) && page.text().contains("Geen melding die jij mag zien."));
    for absent in ["/bestuur/99999", "/bestuur/x", "/besturen/4000000000"] {
        assert_eq!(house.get(absent, &duty).await.status, StatusCode::NOT_FOUND, "{absent}");
    }
}

#[tokio::test]
async fn the_demonstrations_mail_can_be_read_in_the_desk_and_nowhere_else() {
    let house = House::open().await;
    let duty = house.duty().await;
    let fields = [("email", "an@prive.example"), ("what", "een vraag")];
    house.post("/melden", "", &fields).await;
    house.web.engine().settled().await.unwrap();
    let page = house.get("/demo/post", &duty).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("an@prive.example") && page.text().contains("Trek de netwerkkabels uit"));
    let outbox = house.get("/uitgaand", &duty).await;
    assert!(outbox.text().contains("href=\"/demo/post\""));
    let real = House::fresh().await;
    let duty = real.duty().await;
    assert_eq!(real.get("/demo/post", &duty).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn these_pages_lack_no_word_in_either_language() {
    let house = House::open().await;
    let account = house.account("wacht", TEAM, Role::Admin).await;
    let cookie = house.session(account).await;
    house.post("/telefoon", &cookie, &CALL).await;
    for language in [Language::Nl, Language::En] {
        let own = house.web.engine().read(|desk| desk.seen_by(desk.viewer(account).unwrap()).own()).await.unwrap();
        let preferences = Preferences { language, ..Preferences::default() };
        house.rule(Command::Accounts(desk::accounts::Command::Prefer(own, preferences))).await;
        for address in ["/telefoon", "/besturen", "/besturen?q=zzz", "/bestuur/11002", "/demo/post"] {
            let page = house.get(address, &cookie).await;
            assert_eq!(page.status, StatusCode::OK, "{address}");
            assert!(page.text().contains(&format!("<html lang=\"{}\"", language.tag())), "{address}");
            let missing = page.text().find(crate::words::MISSING);
            assert!(missing.is_none(), "{address}: {}", &page.text()[missing.unwrap()..][..60]);
        }
    }
}

//! The staff's pages through their addresses: who may see and do what, what is refused, and that the main job runs without script.

use crate::headers::POLICY;
use crate::testing::{House, NAUGHTY, hidden, is_only_text};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use desk::accounts::{self, Preferences, Role};
use desk::command::{Actor, Command};
use desk::house::Language;
use desk::ids::{Reference, TEAM};
use desk::intake::Via;
use desk::lens::Viewer;
use engine::FormReport;
use std::collections::BTreeSet;

/// Pages that need a session.
const STAFF: [&str; 14] = [
    "/bewaring",
    "/wacht",
    "/meldingen",
    "/incidenten",
    "/incidenten/nieuw",
    "/uitgaand",
    "/zoek?q=a",
    "/besturen",
    "/journaal",
    "/instellingen",
    "/toetsen",
    "/first-run/nazicht",
    "/melding/M-0000-0000",
    "/incident/I-0000-0000",
];

pub(crate) async fn report(house: &House, what: &str) -> Reference {
    let form = FormReport {
        board: "Sperwermonde".to_owned(),
        name: "An".to_owned(),
        phone: "0470 00 00 00".to_owned(),
        email: "an@privemail.example".to_owned(),
        what: what.to_owned(),
        hit_now: true,
        ..FormReport::default()
    };
    house.web.engine().receive_form(form, Via::Form, Actor::Rule).await.expect("the desk takes it").reference
}

/// Where an answer leads.
pub(crate) fn to(answer: &crate::testing::Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.header("location").to_owned()
}

pub(crate) fn incident_in(text: &str) -> String {
    let at = text.find("/incident/I-").expect("an incident is named");
    text[at + 10..at + 21].to_owned()
}

#[tokio::test]
async fn nothing_is_shown_to_who_is_not_signed_in() {
    let house = House::open().await;
    for path in STAFF {
        let answer = house.get(path, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/aanmelden?verder="), "{path}");
        let stolen = house.get(path, "bolwerk=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
        assert_eq!(stolen.status, StatusCode::SEE_OTHER, "{path}");
    }
    assert_eq!(house.get("/stroom", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(house.get("/wacht?deel=rij", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let house = House::open().await;
    let duty = house.duty().await;
    for path in ["/wacht", "/nergens", crate::assets::assets().style.path.as_str()] {
        let answer = house.get(path, &duty).await;
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!answer.header("permissions-policy").is_empty(), "{path}");
    }
    assert_eq!(house.get("/wacht", &duty).await.header("cache-control"), "no-store");
    // Here the browser must say where the form comes from: nothing else proves it.
    let sign_in = house.get("/aanmelden", "").await;
    assert_eq!(sign_in.header("referrer-policy"), "same-origin");
    assert_eq!(sign_in.header("content-security-policy"), POLICY);
    let style = house.get(&crate::assets::assets().style.path, "").await;
    assert!(style.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn a_form_without_its_token_or_from_elsewhere_changes_nothing() {
    let house = House::open().await;
    let duty = house.duty().await;
    let reference = report(&house, "alles versleuteld").await;
    let path = format!("/melding/{reference}/beslis");
    let token = hidden(house.get("/wacht", &duty).await.text(), "_t");
    let post = |body: String, site: &'static str| {
        Request::post(&path)
            .header(header::COOKIE, &duty)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(body))
            .unwrap()
    };
    let refused = [
        post("verdict=spam".to_owned(), "same-origin"),
        post("verdict=spam&_t=AAAA".to_owned(), "same-origin"),
        post(format!("verdict=spam&_t={token}"), "cross-site"),
        post(format!("verdict=spam&_t={token}&role=admin"), "same-origin"),
        post(format!("verdict=nonsense&_t={token}"), "same-origin"),
    ];
    for request in refused {
        assert_eq!(house.ask(request).await.status, StatusCode::FORBIDDEN);
    }
    let page = house.get(&format!("/melding/{reference}"), &duty).await;
    assert!(!page.text().contains("Ongewenst</b>"), "it is still undecided");
    let taken = house.ask(post(format!("verdict=spam&_t={token}"), "same-origin")).await;
    assert!(to(&taken).starts_with("/wacht?gedaan=spam"));
}

#[tokio::test]
async fn hidden_and_missing_are_one_answer() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    let reference = report(&house, "alles versleuteld").await;
    let there = house.get(&format!("/melding/{reference}"), &duty).await;
    assert_eq!(there.status, StatusCode::OK);
    let missing = house.get("/melding/M-0000-0000", &outsider).await;
    let token = |page: &str| hidden(page, "_t");
    for path in ["", "/origineel", "/html", "/bijlage/0", "/antwoord"] {
        let hidden = house.get(&format!("/melding/{reference}{path}"), &outsider).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{path}");
        // The token of the forms is masked anew in each page.
        let told = |page: &str| page.replace(&token(page), "");
        assert_eq!(told(hidden.text()), told(missing.text()), "{path}");
    }
    assert!(!house.get("/zoek?q=versleuteld", &outsider).await.text().contains(&reference.to_string()));
    assert!(!house.get("/wacht", &outsider).await.text().contains(&reference.to_string()));
    assert!(!house.get("/journaal", &outsider).await.text().contains(&reference.to_string()));
}

#[tokio::test]
async fn a_problem_is_told_in_the_language_of_who_is_signed_in_and_leads_on() {
    let house = House::open().await;
    let account = house.account("wacht", TEAM, Role::Admin).await;
    let duty = house.session(account).await;
    let own = house.web.engine().read(|desk| desk.seen_by(desk.viewer(account).unwrap()).own()).await.unwrap();
    let preferences = Preferences { language: Language::En, ..Preferences::default() };
    house.rule(Command::Accounts(accounts::Command::Prefer(own, preferences))).await;
    let ask = |path: &str, cookie: &str| {
        let request = Request::get(path).header(header::COOKIE, cookie).header(header::ACCEPT_LANGUAGE, "nl-BE");
        house.ask(request.body(Body::empty()).unwrap())
    };
    for path in ["/nergens", "/melding/M-0000-0000", "/meldingen?op=veertien"] {
        let page = ask(path, &duty).await;
        assert!(!page.status.is_success(), "{path}");
        assert!(page.text().contains("<html lang=\"en\""), "{path}");
        // A page that shows no moment has nowhere of that moment to lead to.
        let leads_on = !path.contains("op=");
        assert_eq!(page.text().contains("href=\"/incidenten\""), leads_on, "{path}");
        let stranger = ask(path, "bolwerk=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
        assert!(!stranger.text().contains("href=\"/incidenten\""), "{path}");
    }
    let stranger = ask("/nergens", "").await;
    assert!(stranger.text().contains("<html lang=\"nl\""), "a stranger's browser says which language");
    // A page for everybody speaks the language that its reader chose there, signed in or not.
    let request = Request::put("/melden").header(header::COOKIE, &duty).header(header::ACCEPT_LANGUAGE, "fr");
    let outside = house.ask(request.body(Body::empty()).unwrap()).await;
    assert!(outside.text().contains("<html lang=\"fr\""), "{}", outside.text());
}

#[tokio::test]
async fn whoever_only_reads_is_offered_nothing_and_can_do_nothing() {
    let house = House::open().await;
    let account = house.account("kijker", TEAM, Role::Reader).await;
    let reader = house.session(account).await;
    let reference = report(&house, "alles versleuteld").await;
    let page = house.get("/wacht", &reader).await;
    assert!(page.text().contains(&reference.to_string()));
    assert!(!page.text().contains("/beslis\""), "no decision is offered");
    let token = hidden(page.text(), "_t");
    for (path, body) in [
        (format!("/melding/{reference}/beslis"), "verdict=spam"),
        (format!("/melding/{reference}/neem"), "act=claim"),
        (format!("/melding/{reference}/wis"), "act=ask&reason=x"),
        ("/incidenten/nieuw".to_owned(), "title=x"),
        ("/instellingen/persoon".to_owned(), "name=x&login=x&role=admin&organisation=0"),
        ("/instellingen/organisatie".to_owned(), "organisation-name=x"),
    ] {
        let request = Request::post(&path)
            .header(header::COOKIE, &reader)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("{body}&_t={token}")));
        assert_eq!(house.ask(request.unwrap()).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// Sends a form that stands on a page of the desk.
pub(crate) async fn send(house: &House, cookie: &str, path: &str, fields: &[(&str, &str)]) -> crate::testing::Answer {
    let token = hidden(house.get("/wacht", cookie).await.text(), "_t");
    let mut body = format!("_t={token}");
    for (name, value) in fields {
        body.push_str(&format!("&{name}={}", crate::routes::query(value)));
    }
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    house.ask(request.unwrap()).await
}

#[tokio::test]
async fn the_main_job_runs_with_forms_alone() {
    let house = House::open().await;
    let duty = house.duty().await;
    let reference = report(&house, "alle bestanden versleuteld, adres 198.51.100.23").await;
    let act = |name: &str| format!("/melding/{reference}/{name}");
    to(&send(&house, &duty, &act("neem"), &[("act", "claim")]).await);
    assert!(house.get("/wacht", &duty).await.text().contains("<span class=\"chip acc\">jij</span>"));

    // An answer is shown before it leaves.
    let fields = [
        ("to", "an@privemail.example"),
        ("subject", "Wij bellen"),
        ("text", "Wij bellen u."),
        ("language", "nl"),
        ("ask", "1"),
    ];
    let preview = send(&house, &duty, &act("antwoord"), &[&fields[..], &[("step", "preview")]].concat()).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert!(preview.text().contains("<b>an@privemail.example</b>"));
    assert!(preview.text().contains(&format!("<dd>Wij bellen [{reference}]</dd>")), "the answer finds its way back");
    assert!(!house.get("/uitgaand", &duty).await.text().contains("Wij bellen u."));
    to(&send(&house, &duty, &act("antwoord"), &[&fields[..], &[("step", "send")]].concat()).await);
    assert!(house.get("/uitgaand", &duty).await.text().contains("Wij bellen u."));

    // One press makes an incident; the act can be taken back, and done again.
    let opened = to(&send(&house, &duty, &act("beslis"), &[("verdict", "incident")]).await);
    let incident = incident_in(&opened);
    let page = house.get(&opened, &duty).await;
    assert!(page.text().contains("Sperwermonde: alle bestanden versleuteld") && page.text().contains("/ongedaan"));
    assert!(page.text().contains(&reference.to_string()));

    // Fields are saved one by one; whoever came second is told what stands there now.
    let change = format!("/incident/{incident}/veld");
    let phase = |was: &'static str, value: &'static str| {
        [("field", "phase"), ("was", was), ("value", value), ("reason", "gezien")]
    };
    to(&send(&house, &duty, &change, &phase("reported", "confirmed")).await);
    let late = send(&house, &duty, &change, &phase("reported", "contained")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text().contains("Bevestigd” van. Jij wilde “Ingeperkt”"), "{}", late.text());
    to(&send(
        &house,
        &duty,
        &format!("/incident/{incident}/noteer"),
        &[
            ("text", "VPN dicht"),
            ("kind", "decision"),
            ("tlp", "AMBER"),
            ("why", "twee aanmeldingen"),
            ("event_at", "02:30"),
        ],
    )
    .await);
    let wrong =
        send(&house, &duty, &format!("/incident/{incident}/noteer"), &[("text", "x"), ("event_at", "straks")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    // It is 03:12.
    let ahead = [("text", "nog niet gebeurd"), ("event_at", "03:14")];
    let ahead = send(&house, &duty, &format!("/incident/{incident}/noteer"), &ahead).await;
    assert_eq!(ahead.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(ahead.text().contains("dit ligt in de toekomst"), "{}", ahead.text());
    let task = [("text", "Bel Sperwermonde"), ("due", "+2u")];
    let added = to(&send(&house, &duty, &format!("/incident/{incident}/taak"), &task).await);
    assert!(added.contains("tab=taken"), "whoever added a task stays with the tasks: {added}");
    to(&send(
        &house,
        &duty,
        &format!("/incident/{incident}/waarneembaar"),
        &[("value", "hxxps://lek[.]example/a en 203.0.113.9")],
    )
    .await);
    let page = house.get(&format!("/incident/{incident}?alles=1"), &duty).await;
    for said in ["VPN dicht", "twee aanmeldingen", "Bel Sperwermonde", "203[.]0[.]113[.]9", "Bevestigd"] {
        assert!(page.text().contains(said), "{said}");
    }
    assert!(!page.text().contains("203.0.113.9"), "observables are defanged");
}

#[tokio::test]
async fn a_report_is_added_to_a_running_incident_by_choosing_it_and_named_when_it_leaves_again() {
    let house = House::open().await;
    let duty = house.duty().await;
    let first = report(&house, "servers plat").await;
    let opened = send(&house, &duty, &format!("/melding/{first}/beslis"), &[("verdict", "incident")]).await;
    let incident = incident_in(&to(&opened));
    let second = report(&house, "wachtwoord gelekt").await;

    let pane = house.get(&format!("/melding/{second}?doe=bij"), &duty).await;
    let choice = format!("name=\"to\" value=\"{incident}\"");
    assert_eq!(pane.text().matches(&choice).count(), 1, "{}", pane.text());
    assert!(pane.text().contains("Sperwermonde: servers plat"));
    let other = house.session(house.account("kijker", house.partner().await, Role::Duty).await).await;
    assert!(!house.get(&format!("/melding/{second}?doe=bij"), &other).await.text().contains(&incident));

    // What is typed says more than the choice that stood there.
    let decide = format!("/melding/{second}/beslis");
    let both = [("verdict", "attach"), ("to", incident.as_str()), ("of", "I-0000-0000")];
    assert_eq!(send(&house, &duty, &decide, &both).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    to(&send(&house, &duty, &decide, &[("verdict", "attach"), ("to", &incident), ("of", "")]).await);
    to(&send(&house, &duty, &decide, &[("verdict", "reopen")]).await);
    let line = format!("Hoort hier niet meer bij: <a href=\"/melding/{second}\">");
    assert!(house.get(&format!("/incident/{incident}"), &duty).await.text().contains(&line));
}

#[tokio::test]
async fn a_mail_from_an_incident_is_shown_with_its_receiver_and_goes_on_in_the_conversation() {
    let house = House::open().await;
    let account = house.account("wacht", TEAM, Role::Duty).await;
    let duty = house.session(account).await;
    let reference = report(&house, "servers plat").await;
    let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
    let incident = incident_in(&to(&opened));
    let path = format!("/incident/{incident}/mail");
    let talk = house.get(&format!("/incident/{incident}?tab=gesprek"), &duty).await;
    assert!(talk.text().contains(&format!("href=\"{path}\"")));
    let form = house.get(&path, &duty).await;
    assert!(form.text().contains("value=\"an@privemail.example\""), "whoever wrote last is written to");
    let template = house.get(&format!("{path}?sjabloon=we-call&aan=pers%40krant.example"), &duty).await;
    assert!(template.text().contains("value=\"pers@krant.example\""), "a template leaves the receiver as chosen");
    assert!(template.text().contains("aria-current=\"true\">Wij bellen u"), "{}", template.text());

    let fields = |to: &'static str, step: &'static str| {
        [("to", to), ("subject", "Stand"), ("text", "Wij zijn onderweg."), ("language", "nl"), ("step", step)]
    };
    let known = send(&house, &duty, &path, &fields("an@privemail.example", "preview")).await;
    let unknown = send(&house, &duty, &path, &fields("pers@krant.example", "preview")).await;
    assert!(
        known.text().contains("<b>an@privemail.example</b>") && unknown.text().contains("<b>pers@krant.example</b>")
    );
    let warned = |page: &crate::testing::Answer| page.text().contains("deed nog niet mee");
    assert_eq!((warned(&known), warned(&unknown)), (false, true));
    assert_eq!(send(&house, &duty, &path, &fields("an", "send")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!house.get("/uitgaand", &duty).await.text().contains("Wij zijn onderweg."));

    to(&send(&house, &duty, &path, &fields("an@privemail.example", "send")).await);
    assert!(house.get("/uitgaand", &duty).await.text().contains("Wij zijn onderweg."));
    let place: Reference = incident.parse().expect("a reference");
    let viewer = Viewer { account, organisation: TEAM, role: Role::Duty };
    let view = house.web.engine().read(move |desk| desk.seen_by(viewer).incident(place)).await.expect("it runs");
    let view = view.expect("the team sees it");
    let Some(desk::incidents::Message::Out(first)) = view.conversation.last() else { panic!("it stands there") };
    let answers = house.web.engine().continued(&view, "AN@privemail.example ");
    assert_eq!(answers, [first.message_id.as_str()], "the next mail goes on from this one");
    assert!(house.web.engine().continued(&view, "pers@krant.example").is_empty());
}

/// A small file system of its own.
struct Disk(std::path::PathBuf);

impl Disk {
    /// `None` where the test may not mount one.
    fn new(at: std::path::PathBuf, size: &str) -> Option<Disk> {
        std::fs::create_dir_all(&at).unwrap();
        let disk = Disk(at);
        if disk.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]) {
            return Some(disk);
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        let output = std::process::Command::new("mount").args(arguments).arg(&self.0).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Where nothing is mounted there is nothing to take away.
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).output());
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[tokio::test]
async fn while_the_disk_is_full_every_page_is_read_and_says_so_and_then_goes_on_by_itself() {
    let Some(disk) = Disk::new(crate::testing::folder(), "6m") else { return };
    let house = House::open_in(disk.0.clone()).await;
    let duty = house.duty().await;
    let reference = report(&house, "alles plat").await;
    assert!(!house.get("/wacht", &duty).await.text().contains("De opslag is vol"));
    let mut tries = 0;
    let mut receive = |length: usize| {
        tries += 1;
        assert!(tries < 2_000, "the disk is never full");
        // What comes twice is one report.
        let form = FormReport { what: format!("{tries} {}", "x".repeat(length)), ..FormReport::default() };
        house.web.engine().receive_form(form, Via::Form, Actor::Rule)
    };
    for length in [200_000, 20_000, 2_000] {
        while receive(length).await.is_ok() {}
    }
    // Until the smallest act is refused as well.
    let report = format!("/melding/{reference}");
    let mut acts = ["claim", "release"].into_iter().cycle().take(2_000);
    let refused = loop {
        let act = acts.next().expect("the disk is full in the end");
        let answer = send(&house, &duty, &format!("{report}/neem"), &[("act", act)]).await;
        if answer.status != StatusCode::SEE_OTHER {
            break answer;
        }
    };
    assert_eq!(refused.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(refused.text().contains("href=\"/incidenten\"") && refused.text().contains("De opslag is vol sinds"));
    for path in ["/wacht", "/meldingen", "/incidenten", "/uitgaand", "/besturen", "/journaal", "/bewaring", &report] {
        let page = house.get(path, &duty).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text().contains("De opslag is vol sinds do 15 dec 2022, 03:12"), "{path}");
    }
    assert!(disk.mount(&["-o", "remount,size=64m"]));
    let mut taken = false;
    for _ in 0..100 {
        taken = receive(10).await.is_ok();
        if taken {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(taken, "there is room again");
    assert!(!house.get("/wacht", &duty).await.text().contains("De opslag is vol"));
    drop(house);
}

#[tokio::test]
async fn a_restore_is_said_by_an_administrator_and_stands_among_the_checks() {
    let house = House::open().await;
    let duty = house.account("wacht", TEAM, Role::Duty).await;
    let duty = house.session(duty).await;
    let admin = house.account("beheer", TEAM, Role::Admin).await;
    let admin = house.session(admin).await;
    let path = "/first-run/nazicht";
    let said = |made: &'static str| [("backup", "nacht.age"), ("made-at", made)];
    assert!(!house.get(path, &duty).await.text().contains("name=\"backup\""), "only an administrator is asked");
    assert_eq!(send(&house, &duty, path, &said("14 dec 2022 02:00")).await.status, StatusCode::NOT_FOUND);
    for wrong in ["ooit", "14 dec 2032 02:00"] {
        let page = send(&house, &admin, path, &said(wrong)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(page.text().contains("id=\"made-at-error\""), "{}", page.text());
    }
    assert!(!house.get(path, &duty).await.text().contains("nacht.age"));
    to(&send(&house, &admin, path, &said("14 dec 2022 02:00")).await);
    let page = house.get(path, &duty).await;
    assert!(page.text().contains("nacht.age") && page.text().contains("beheer &lt;b&gt;"), "{}", page.text());
    assert!(house.get("/journaal", &duty).await.text().contains("Back-up teruggezet als proef"));
}

#[tokio::test]
async fn a_test_mail_of_the_checks_leaves_by_the_outbox_and_its_result_is_shown() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    let (checks, path) = ("/first-run/nazicht", "/first-run/testmail");
    assert!(house.get(checks, &duty).await.text().contains("Stuur mij een testmail"));
    assert!(!house.get(checks, &outsider).await.text().contains("Stuur mij een testmail"), "mail is the team's");
    assert_eq!(send(&house, &outsider, path, &[("to", "a@b.example")]).await.status, StatusCode::NOT_FOUND);
    let wrong = send(&house, &duty, path, &[("to", "nergens")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("id=\"to-error\"") && wrong.text().contains("value=\"nergens\""), "{}", wrong.text());
    for n in 1..=2 {
        let result = to(&send(&house, &duty, path, &[("to", "ans@team.example")]).await);
        assert!(result.starts_with("/first-run/nazicht?gedaan=test-mail&over=M-"), "{result}");
        house.web.engine().settled().await.unwrap();
        let page = house.get(&result, &duty).await;
        assert!(
            page.text().contains("Je testmail is weg.") && page.text().contains("ans@team.example"),
            "{}",
            page.text()
        );
        let part = house.get(&format!("{result}&deel=testmail"), &duty).await;
        assert!(part.text().starts_with("<div id=\"testmail\"") && part.text().contains("Je testmail is weg."));
        let mails = house.web.engine().sink(9).unwrap();
        let tests = mails.iter().filter(|mail| mail.to == "ans@team.example" && mail.subject.starts_with("Testmail"));
        assert_eq!(tests.count(), n, "each time it is asked for, and no receipt besides");
    }
    assert!(house.get("/wacht", &duty).await.text().contains("Geen meldingen te beoordelen"), "nobody has to judge it");
}

#[tokio::test]
async fn a_test_mail_without_a_way_out_waits_and_says_so() {
    let house = House::fresh().await;
    let account = house.account("een", TEAM, Role::Admin).await;
    let cookie = house.session(account).await;
    let result = to(&send(&house, &cookie, "/first-run/testmail", &[("to", "a@b.example")]).await);
    let page = house.get(&result, &cookie).await;
    assert!(page.text().contains("Je testmail staat klaar") && page.text().contains("Kijk opnieuw"), "{}", page.text());
    assert!(page.text().contains("Er is geen uitgang"), "{}", page.text());
}

#[tokio::test]
async fn retention_is_for_the_team_and_says_that_its_terms_are_proposals() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    let page = house.get("/bewaring", &duty).await;
    assert!(page.text().contains("voorstel</span>") && page.text().contains("Niets is over zijn termijn"));
    assert!(page.text().contains(">90 dagen<") && page.text().contains(">2 jaar<"), "{}", page.text());
    assert_eq!(house.get("/bewaring", &outsider).await.status, StatusCode::NOT_FOUND);
    assert!(house.get("/journaal", &duty).await.text().contains("href=\"/bewaring\""));
    assert!(!house.get("/journaal", &outsider).await.text().contains("href=\"/bewaring\""));
}

#[tokio::test]
async fn an_administrator_decides_how_long_what_is_kept_and_takes_it_back() {
    let house = House::open().await;
    let duty = house.account("wacht2", TEAM, Role::Duty).await;
    let duty = house.session(duty).await;
    let admin = house.duty().await;
    let path = "/bewaring";
    let term = |days: &'static str, from: &'static str| {
        [("kind", "spam"), ("days", days), ("from", from), ("source", "besluit <b>114</b>")]
    };
    assert!(!house.get(path, &duty).await.text().contains("name=\"days\""), "only an administrator is asked");
    assert_eq!(send(&house, &duty, path, &term("30", "1 dec 2022")).await.status, StatusCode::NOT_FOUND);
    let nothing = [("kind", "alles"), ("days", "1"), ("from", "1 dec 2022"), ("source", "x")];
    assert_eq!(send(&house, &admin, path, &nothing).await.status, StatusCode::FORBIDDEN);
    for (days, from, field) in [("0", "1 dec 2022", "days"), ("veel", "1 dec 2022", "days"), ("30", "ooit", "from")] {
        let page = send(&house, &admin, path, &term(days, from)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{days} {from}");
        assert!(page.text().contains(&format!("id=\"{field}-error\"")), "{}", page.text());
        assert!(page.text().contains("value=\"besluit &lt;b&gt;114&lt;/b&gt;\""), "what was typed stays");
    }
    let set = to(&send(&house, &admin, path, &term("30", "10 dec 2022 14:00")).await);
    assert!(set.starts_with("/bewaring?gedaan=term-set&nr="), "{set}");
    let page = house.get(path, &duty).await;
    assert!(page.text().contains("30 dagen") && page.text().contains("za 10 dec 2022"), "{}", page.text());
    assert!(page.text().contains("besluit &lt;b&gt;114&lt;/b&gt;") && page.text().contains("wacht &lt;b&gt;"));
    assert!(!page.text().contains("action=\"/ongedaan\""), "who did not set it cannot take it back");
    let page = house.get(path, &admin).await;
    let of = hidden(page.text(), "of");
    assert_eq!(
        to(&send(&house, &admin, "/ongedaan", &[("of", &of), ("back", "retention")]).await),
        "/bewaring?gedaan=undone"
    );
    let page = house.get(path, &admin).await;
    assert!(page.text().contains("ingetrokken") && !page.text().contains("action=\"/ongedaan\""), "{}", page.text());
    assert!(house.get("/journaal", &duty).await.text().contains("Bewaartermijn ingesteld"));
}

#[tokio::test]
async fn an_administrator_writes_replies_in_the_words_of_the_team() {
    let house = House::open().await;
    let duty = house.account("wacht2", TEAM, Role::Duty).await;
    let duty = house.session(duty).await;
    let admin = house.duty().await;
    let template = |title: &'static str, text: &'static str| {
        [
            ("act", "set"),
            ("template", ""),
            ("language", "nl"),
            ("title", title),
            ("subject", "Over {reference}"),
            ("text", text),
        ]
    };
    assert!(!house.get("/sjablonen", &duty).await.text().contains("name=\"title\""), "only an administrator is asked");
    assert_eq!(send(&house, &duty, "/sjablonen", &template("x", "y")).await.status, StatusCode::NOT_FOUND);
    let page = send(&house, &admin, "/sjablonen", &template("", "wat <b>er</b> stond")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("id=\"title-error\"") && page.text().contains("wat &lt;b&gt;er&lt;/b&gt; stond"));
    let set =
        to(&send(&house, &admin, "/sjablonen", &template("Kort <i>", "Dag {name}, bel {phone} over {board}.")).await);
    assert!(set.starts_with("/sjablonen?gedaan=template-set&nr="), "{set}");
    let reference = report(&house, "servers plat").await;
    let page = house.get(&format!("/melding/{reference}/antwoord"), &duty).await;
    assert!(
        page.text().contains("Kort &lt;i&gt;") && page.text().contains("sjabloon=0&amp;taal=nl"),
        "{}",
        page.text()
    );
    let taken = house.get(&format!("/melding/{reference}/antwoord?sjabloon=0&taal=nl"), &duty).await;
    assert!(
        taken.text().contains(&format!("Over {reference}")) && taken.text().contains("over Sperwermonde."),
        "{}",
        taken.text()
    );
    let english = house.get(&format!("/melding/{reference}/antwoord?taal=en"), &duty).await;
    assert!(!english.text().contains("Kort &lt;i&gt;") && english.text().contains("name=\"language\" value=\"en\""));
    let form = house.get("/sjablonen?wijzig=0", &admin).await;
    assert!(form.text().contains("bel {phone} over {board}."), "{}", form.text());
    let copied = house.get("/sjablonen?van=we-call&taal=en", &admin).await;
    assert!(copied.text().contains("<details class=\"more\" id=\"new-template\" open"), "{}", copied.text());
    to(&send(&house, &admin, "/sjablonen", &[("act", "withdraw"), ("template", "0")]).await);
    assert!(!house.get(&format!("/melding/{reference}/antwoord"), &duty).await.text().contains("Kort &lt;i&gt;"));
    assert!(house.get("/journaal", &duty).await.text().contains("Sjabloon weggehaald"));
}

#[tokio::test]
async fn incidents_are_merged_taken_apart_split_and_erased() {
    let house = House::open().await;
    let duty = house.duty().await;
    let mut incidents = Vec::new();
    for what in ["servers plat", "leverancier plat"] {
        let reference = report(&house, what).await;
        let opened = send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await;
        incidents.push((incident_in(&to(&opened)), reference.to_string()));
    }
    let [(one, first), (other, _)] = &incidents[..] else { panic!("two incidents") };
    let join = format!("/incident/{one}/samen");
    let unknown = send(&house, &duty, &join, &[("act", "merge"), ("into", "I-0000-0000")]).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let itself = send(&house, &duty, &join, &[("act", "merge"), ("into", one)]).await;
    assert_eq!(itself.status, StatusCode::UNPROCESSABLE_ENTITY);
    to(&send(&house, &duty, &join, &[("act", "merge"), ("into", other)]).await);
    let leads = to(&house.get(&format!("/incident/{one}?gedaan=merged"), &duty).await);
    assert_eq!(leads, format!("/incident/{other}?gedaan=merged"), "the old reference leads to where it goes on");
    let page = house.get(&format!("/incident/{other}"), &duty).await;
    assert!(page.text().contains(one) && page.text().contains(first), "it shows both");
    assert!(!house.get("/incidenten", &duty).await.text().contains(&format!("/incident/{one}\"")));
    to(&send(&house, &duty, &join, &[("act", "part")]).await);
    assert_eq!(house.get(&format!("/incident/{one}"), &duty).await.status, StatusCode::OK);

    // A message leaves for a new incident.
    let split = send(&house, &duty, &join, &[("act", "split"), ("report", first), ("new-title", "Iets anders")]).await;
    let new = incident_in(&to(&split));
    assert!(house.get(&format!("/incident/{new}"), &duty).await.text().contains(first));
    let back = format!("/incident/{new}/samen");
    to(&send(&house, &duty, &back, &[("act", "move"), ("report", first), ("elsewhere", other)]).await);
    assert!(house.get(&format!("/incident/{other}?tab=gesprek"), &duty).await.text().contains(first));

    // What was written is erased once it is closed, by two.
    let erase = format!("/incident/{one}/wis");
    let asks = [("act", "ask"), ("erase-reason", "termijn voorbij")];
    assert_eq!(send(&house, &duty, &erase, &asks).await.status, StatusCode::UNPROCESSABLE_ENTITY, "not closed");
    let close = [("field", "phase"), ("was", "reported"), ("value", "closed"), ("reason", "klaar")];
    to(&send(&house, &duty, &format!("/incident/{one}/veld"), &close).await);
    to(&send(&house, &duty, &erase, &asks).await);
    let page = house.get(&format!("/incident/{one}"), &duty).await;
    assert!(page.text().contains("Een tweede persoon moet bevestigen."));
    assert_eq!(send(&house, &duty, &erase, &[("act", "confirm")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn decisions_about_several_are_undone_as_one() {
    let house = House::open().await;
    let duty = house.duty().await;
    let (one, other) = (report(&house, "eerste").await.to_string(), report(&house, "tweede").await.to_string());
    assert!(house.get("/wacht?kies=1", &duty).await.text().contains("name=\"reports\""));
    let done =
        to(&send(&house, &duty, "/wacht/samen", &[("reports", &one), ("reports", &other), ("verdict", "spam")]).await);
    assert!(done.starts_with("/wacht?aantal=2&gedaan=bulk-spam&nr="), "{done}");
    assert!(house.get(&done, &duty).await.text().contains("2 meldingen: ongewenst."));
    assert!(!house.get("/wacht?deel=rij", &duty).await.text().contains(&one));
    let number = done.rsplit('=').next().unwrap().to_owned();
    assert_eq!(number.len(), 16, "a ticket, not a number that counts what others do: {number}");
    let colleague = house.account("collega", TEAM, Role::Duty).await;
    let colleague = house.session(colleague).await;
    let refused = send(&house, &colleague, "/ongedaan", &[("of", &number)]).await;
    assert!(refused.status.is_client_error(), "it is the ticket of whose act it was");
    to(&send(&house, &duty, "/ongedaan", &[("of", &number)]).await);
    let queue = house.get("/wacht?deel=rij", &duty).await;
    assert!(queue.text().contains(&one) && queue.text().contains(&other));
}

#[tokio::test]
async fn erasing_takes_two_people() {
    let house = House::open().await;
    let duty = house.duty().await;
    let second = house.account("tweede", TEAM, Role::Duty).await;
    let second = house.session(second).await;
    let reference = report(&house, "geheime woorden hier").await;
    let path = format!("/melding/{reference}/wis");
    to(&send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "no_incident")]).await);
    to(&send(&house, &duty, &path, &[("act", "ask"), ("reason", "op verzoek")]).await);
    assert!(house.get(&format!("/melding/{reference}"), &duty).await.text().contains("geheime woorden"));
    assert_ne!(send(&house, &duty, &path, &[("act", "confirm")]).await.status, StatusCode::SEE_OTHER);
    to(&send(&house, &second, &path, &[("act", "confirm")]).await);
    let page = house.get(&format!("/melding/{reference}"), &duty).await;
    assert!(!page.text().contains("geheime woorden") && page.text().contains("gewist"));
    assert_eq!(house.get(&format!("/melding/{reference}/origineel"), &duty).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn what_strangers_write_stays_text_on_every_page() {
    let house = House::open().await;
    let duty = house.duty().await;
    let mut references = Vec::new();
    for naughty in NAUGHTY {
        let form = FormReport {
            board: naughty.to_owned(),
            name: naughty.to_owned(),
            phone: naughty.to_owned(),
            email: format!("{naughty}@privemail.example"),
            what: naughty.to_owned(),
            files: vec![engine::FormFile {
                name: naughty.to_owned(),
                media_type: naughty.to_owned(),
                bytes: b"x".to_vec(),
            }],
            ..FormReport::default()
        };
        let received =
            house.web.engine().receive_form(form, Via::Form, Actor::Rule).await.expect("everything is taken");
        references.push(received.reference);
    }
    for reference in &references {
        let opened =
            to(&send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await);
        let incident = incident_in(&opened);
        for path in [
            format!("/wacht?open={reference}"),
            format!("/melding/{reference}"),
            format!("/melding/{reference}/antwoord?sjabloon=we-call"),
            opened.clone(),
            format!("/incident/{incident}?tab=gesprek"),
            format!("/incident/{incident}?tab=waarneembaren"),
            "/meldingen".to_owned(),
            "/incidenten".to_owned(),
            "/uitgaand".to_owned(),
        ] {
            let page = house.get(&path, &duty).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(is_only_text(page.text()), "{path}");
        }
        let file = house.get(&format!("/melding/{reference}/bijlage/0"), &duty).await;
        assert_eq!(file.header("content-type"), "application/octet-stream");
        assert!(file.header("content-disposition").starts_with("attachment; filename=\""));
        assert!(file.header("content-security-policy").contains("sandbox"));
    }
    for naughty in NAUGHTY {
        let page = house.get(&format!("/zoek?q={}", crate::routes::query(naughty)), &duty).await;
        assert!(is_only_text(page.text()), "{naughty}");
    }
}

#[tokio::test]
async fn every_link_and_every_form_of_every_page_leads_somewhere() {
    let house = House::open().await;
    let duty = house.duty().await;
    let reference = report(&house, "alles versleuteld").await;
    report(&house, "iets anders, 198.51.100.23").await;
    let opened = to(&send(&house, &duty, &format!("/melding/{reference}/beslis"), &[("verdict", "incident")]).await);
    let mut todo: Vec<String> = STAFF[..11].iter().map(|p| (*p).to_owned()).chain([opened]).collect();
    let mut seen: BTreeSet<String> = todo.iter().cloned().collect();
    let (mut forms, mut asked) = (BTreeSet::new(), 0);
    while let Some(path) = todo.pop() {
        // Three hundred boards look alike.
        if asked > 220 {
            break;
        }
        asked += 1;
        let page = house.get(&path, &duty).await;
        assert!(page.status.is_success() || page.status.is_redirection(), "{path}: {}", page.status);
        let Ok(text) = std::str::from_utf8(&page.body) else { continue };
        for attribute in ["href=\"/", "data-fragment=\"/", "src=\"/", "action=\"/"] {
            for rest in text.split(attribute).skip(1) {
                let link = rest.split('"').next().unwrap_or_default().replace("&amp;", "&");
                let link = format!("/{}", link.split('#').next().unwrap_or_default());
                if attribute.starts_with("action") {
                    forms.insert(link);
                } else if link.contains("bekend=") {
                    // Earlier moments have tests of their own, and room is for a few.
                } else if seen.insert(link.clone()) && !(link.starts_with("/bestu") && seen.len() > 120) {
                    todo.push(link);
                }
            }
        }
    }
    forms.remove("/afmelden");
    for path in forms {
        let answer = send(&house, &duty, &path, &[]).await;
        // Empty forms are refused in many ways; an address that is not there is none of them.
        let lost = answer.status == StatusCode::NOT_FOUND && !answer.text().contains("niet voor jou");
        assert!(!lost && !answer.status.is_server_error(), "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn signing_in_is_slowed_down_and_tells_nothing() {
    let house = House::open().await;
    let admin = house.duty().await;
    let added = send(
        &house,
        &admin,
        "/instellingen/persoon",
        &[("name", "Bo"), ("login", "bo"), ("role", "duty"), ("organisation", "0")],
    )
    .await;
    assert_eq!(added.status, StatusCode::OK);
    let password = added
        .text()
        .split("<code id=\"once\">")
        .nth(1)
        .and_then(|t| t.split('<').next())
        .expect("shown once")
        .to_owned();
    let sign_in = |login: &'static str, password: String| async move { (login, password) };
    let mut wrong = Vec::new();
    for login in ["bo", "niemand"] {
        let (login, password) = sign_in(login, "fout wachtwoord".to_owned()).await;
        wrong.push(house.post("/aanmelden", "", &[("login", login), ("password", &password)]).await);
    }
    assert_eq!(wrong[0].status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong[0].text().replace("value=\"bo\"", ""), wrong[1].text().replace("value=\"niemand\"", ""));
    let right =
        house.post("/aanmelden", "", &[("login", "BO"), ("password", &password), ("verder", "//kwaad.example")]).await;
    assert_eq!(to(&right), "/wacht");
    let cookie = right.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(house.get("/wacht", &cookie).await.status, StatusCode::OK);
    to(&send(&house, &cookie, "/afmelden", &[]).await);
    assert_eq!(house.get("/wacht", &cookie).await.status, StatusCode::SEE_OTHER, "the session is over");
    for _ in 0..4 {
        house.post("/aanmelden", "", &[("login", "bo"), ("password", "fout")]).await;
    }
    let slowed = house.post("/aanmelden", "", &[("login", "bo"), ("password", &password)]).await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
}

/// Somebody with a password.
async fn person(house: &House, login: &str, password: &str) -> desk::ids::AccountId {
    let account = house.account(login, TEAM, Role::Duty).await;
    let password = crate::password::hash(password.to_owned()).await.unwrap();
    let own = house.web.engine().read(|desk| desk.seen_by(desk.viewer(account).unwrap()).own()).await.unwrap();
    let set = desk::accounts::Command::SetPassword { leave: own, account, password, keep: None };
    house.web.engine().submit(Actor::Person(account), Command::Accounts(set)).await.unwrap();
    account
}

/// Cookies that an answer sets, as a browser sends them.
fn cookies(answer: &crate::testing::Answer) -> String {
    let set = answer.headers.get_all(header::SET_COOKIE).into_iter().filter_map(|v| v.to_str().ok()?.split(';').next());
    set.collect::<Vec<_>>().join("; ")
}

async fn sign_in(house: &House, cookie: &str, login: &str, password: &str) -> crate::testing::Answer {
    let body = format!("login={login}&password={}", crate::routes::query(password));
    let request = Request::post("/aanmelden")
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    house.ask(request.unwrap()).await
}

#[tokio::test]
async fn who_fails_in_somebodys_name_does_not_keep_her_out_of_her_own_browser() {
    let house = House::open().await;
    person(&house, "an", "kaas met mosterd").await;
    let own = cookies(&sign_in(&house, "", "an", "kaas met mosterd").await);
    assert!(own.contains("toestel="), "{own}");
    for _ in 0..6 {
        sign_in(&house, "", "an", "fout wachtwoord").await;
    }
    let elsewhere = sign_in(&house, "", "an", "kaas met mosterd").await;
    assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(to(&sign_in(&house, &own, "an", "kaas met mosterd").await), "/wacht");
    // The cookie helps nobody else, and forging one helps not at all.
    for _ in 0..6 {
        sign_in(&house, &own, "bo", "fout wachtwoord").await;
    }
    let other = sign_in(&house, &own, "bo", "fout wachtwoord").await;
    assert_eq!(other.status, StatusCode::TOO_MANY_REQUESTS);
    let forged = sign_in(&house, "toestel=abc-00", "an", "kaas met mosterd").await;
    assert_eq!(forged.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_token() {
    let house = House::open().await;
    let account = person(&house, "an", "kaas met mosterd").await;
    let thief = house.session(account).await;
    let token = house.token(account).await;
    let own = cookies(&sign_in(&house, "", "an", "kaas met mosterd").await);
    let machine = async || {
        let request = Request::get("/api/v1/reports").header(header::AUTHORIZATION, format!("Bearer {token}"));
        house.ask(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(machine().await, StatusCode::OK);
    let change = |current: &'static str| [("own-login", "an"), ("current", current), ("fresh", "brood met stroop")];
    for _ in 0..3 {
        let wrong = send(&house, &own, "/instellingen/wachtwoord", &change("fout")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    to(&send(&house, &own, "/instellingen/wachtwoord", &change("kaas met mosterd")).await);
    assert_eq!(house.get("/wacht", &own).await.status, StatusCode::OK, "the session of the change goes on");
    assert_eq!(house.get("/wacht", &thief).await.status, StatusCode::SEE_OTHER);
    assert_eq!(machine().await, StatusCode::UNAUTHORIZED);
    for _ in 0..4 {
        send(&house, &own, "/instellingen/wachtwoord", &change("fout")).await;
    }
    let slowed = send(&house, &own, "/instellingen/wachtwoord", &change("brood met stroop")).await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS, "an open session guesses no faster");
    assert_eq!(to(&sign_in(&house, "", "an", "brood met stroop").await), "/wacht", "and locks nobody out");
}

#[tokio::test]
async fn the_team_takes_the_newest_checkpoint_with_it() {
    let house = House::open().await;
    let duty = house.duty().await;
    let page = house.get("/journaal", &duty).await;
    assert!(page.text().contains("href=\"/journaal/controlepunt\""));
    let file = house.get("/journaal/controlepunt", &duty).await;
    assert_eq!(file.status, StatusCode::OK);
    assert!(file.text().starts_with("bolwerk/desk\n"), "{}", file.text());
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"bolwerk-2022-12-15"));
    report(&house, "alles versleuteld").await;
    assert_ne!(house.get("/journaal/controlepunt", &duty).await.text(), file.text(), "it is the newest");
    // It says how much was recorded, also of what others may not see.
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    assert!(!house.get("/journaal", &outsider).await.text().contains("/journaal/controlepunt"));
    assert_eq!(house.get("/journaal/controlepunt", &outsider).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_says_when_something_was_recorded_that_its_reader_may_see_and_of_nothing_else() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    let stamp = async |cookie: &str| -> i64 {
        let page = house.get("/toetsen", cookie).await;
        let (_, rest) = page.text().split_once("data-stamp=\"").expect("a page has its stamp");
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let (before, outside) = (stamp(&duty).await, stamp(&outsider).await);
    assert!(before > 0 && outside > 0);
    house.web.engine().clock().stand_at(crate::testing::NOW.plus_seconds(60));
    report(&house, "alles versleuteld").await;
    assert!(stamp(&duty).await > before);
    assert_eq!(stamp(&outsider).await, outside, "nothing is told of what is hidden");
    assert_eq!(stamp(&duty).await, stamp(&duty).await);
}

#[tokio::test]
async fn a_mailbox_that_is_not_read_shows_on_every_page() {
    let house = House::open().await;
    let duty = house.duty().await;
    let since = crate::testing::NOW;
    house.web.engine().tell_mailbox(engine::MailboxState::Failed { since, why: "no such user".to_owned() });
    for path in ["/wacht", "/journaal", "/instellingen"] {
        let page = house.get(path, &duty).await;
        assert!(page.text().contains("De mailbox wordt niet meer gelezen"), "{path}");
        assert!(!page.text().contains("no such user"), "the server's words are for the log");
    }
    house.web.engine().tell_mailbox(engine::MailboxState::Connected);
    assert!(!house.get("/wacht", &duty).await.text().contains("De mailbox wordt niet meer gelezen"));
}

#[tokio::test]
async fn first_run_takes_the_code_once_and_leads_to_the_checks() {
    let house = House::fresh().await;
    assert_eq!(to(&house.get("/", "").await), "/first-run");
    let fields = |code: &'static str| {
        [
            ("code", code),
            ("organisation", "Team"),
            ("address", "cyberresponse@team.example"),
            ("phone", "02 000 00 00"),
            ("language", "nl"),
            ("name", "Wacht Een"),
            ("login", "een"),
            ("password", "een lang wachtwoord 42"),
        ]
    };
    let wrong = house.post("/first-run", "", &fields("mis")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("value=\"cyberresponse@team.example\""), "what was typed stays");
    let mut short = fields("code");
    short[7].1 = "kort";
    let short = house.post("/first-run", "", &short).await;
    assert!(
        short.text().contains("gebruik 12 tot"),
        "a password that is too short is told the bound: {}",
        short.text()
    );
    let right = house.post("/first-run", "", &fields("code")).await;
    assert_eq!(to(&right), "/first-run/nazicht");
    let cookie = right.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(house.get("/first-run/nazicht", &cookie).await.status, StatusCode::OK);
    assert_eq!(to(&house.post("/first-run", "", &fields("code")).await), "/");
    assert_eq!(to(&house.get("/", "").await), "/melden");
    let again = house.post("/aanmelden", "", &[("login", "een"), ("password", "een lang wachtwoord 42")]).await;
    assert_eq!(to(&again), "/wacht");
}

/// Reads the live stream until a piece that holds this.
async fn until(body: &mut Body, what: &str) -> String {
    use http_body_util::BodyExt;
    let read = async {
        let mut all = String::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.expect("the stream does not break").into_data().expect("data");
            all.push_str(&String::from_utf8_lossy(&frame));
            if all.contains(what) {
                break;
            }
        }
        all
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), read).await.unwrap_or_else(|_| panic!("never: {what}"))
}

#[tokio::test]
async fn the_stream_tells_each_reader_only_of_what_that_reader_may_see() {
    let house = House::open().await;
    let duty = house.duty().await;
    let partner = house.partner().await;
    let account = house.account("partner", partner, Role::Duty).await;
    let outsider = house.session(account).await;
    let open = |cookie: &str| Request::get("/stroom").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let mut team = house.stream(open(&duty)).await;
    let mut other = house.stream(open(&outsider)).await;
    until(&mut team, "event: changed").await;
    until(&mut other, "event: changed").await;
    let reference = report(&house, "alles versleuteld").await;
    let heard = until(&mut team, &reference.to_string()).await;
    assert!(heard.contains("\"queue\"") && heard.contains("\"duty\":1"), "{heard}");
    // The outsider's next word is about something that everybody may know.
    house.rule(Command::AddOrganisation { name: "Nog een".to_owned() }).await;
    let heard = until(&mut other, "settings").await;
    assert!(!heard.contains(&reference.to_string()) && !heard.contains("queue"), "{heard}");
}

#[tokio::test]
async fn several_reports_are_claimed_snoozed_added_and_made_one_incident_each_taken_back_as_one() {
    let house = House::open().await;
    let duty = house.duty().await;
    let (one, other) = (report(&house, "eerste").await.to_string(), report(&house, "tweede").await.to_string());
    let both = |more: &[(&'static str, &'static str)]| {
        let chosen = vec![("reports", one.clone()), ("reports", other.clone())];
        chosen.into_iter().chain(more.iter().map(|(k, v)| (*k, (*v).to_owned()))).collect::<Vec<_>>()
    };
    let post = async |fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        send(&house, &duty, "/wacht/samen", &fields).await
    };
    let row = async |reference: &str| {
        let reference = reference.parse::<Reference>().unwrap();
        let viewer = desk::ids::AccountId(0);
        let rows = house.web.engine().read(|desk| desk.seen_by(desk.viewer(viewer).unwrap()).report_rows(&[reference]));
        rows.await.unwrap().remove(0)
    };

    // Claimed and let go of.
    let page = house.get(&to(&post(&both(&[("verdict", "claim")])).await), &duty).await;
    assert!(page.text().contains("Je werkt nu aan 2 meldingen.") && page.text().contains("value=\"release\""));
    assert!(row(&one).await.claimed_by_me && row(&other).await.claimed_by_me);
    to(&post(&both(&[("verdict", "release")])).await);
    assert!(row(&one).await.claimed_by.is_none());

    // What a colleague works on stays that colleague's, and is not let go of by the undo.
    let colleague = house.account("collega", TEAM, Role::Duty).await;
    let colleague = house.session(colleague).await;
    to(&send(&house, &colleague, &format!("/melding/{other}/neem"), &[("act", "claim")]).await);
    let claimed = to(&post(&both(&[("verdict", "claim")])).await);
    assert!(claimed.contains("aantal=1") && claimed.contains(&one) && !claimed.contains(&other), "{claimed}");
    to(&post(&both(&[("verdict", "release")])).await);
    assert_eq!(row(&other).await.claimed_by.as_deref(), Some("collega <b>"));

    // Snoozed and woken.
    let page = house.get(&to(&post(&both(&[("verdict", "snooze"), ("until", "+4u")])).await), &duty).await;
    assert!(page.text().contains("2 meldingen sluimeren.") && page.text().contains("value=\"wake\""));
    to(&post(&both(&[("verdict", "wake")])).await);
    assert_eq!(row(&one).await.status, desk::intake::Status::New);

    // Added to an incident, which must be named; the ticks stay.
    let third = report(&house, "derde").await;
    let opened = to(&send(&house, &duty, &format!("/melding/{third}/beslis"), &[("verdict", "incident")]).await);
    let incident = incident_in(&opened);
    let nameless = post(&both(&[("verdict", "attach"), ("to", "")])).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(nameless.text().matches(" checked>").count(), 2, "{}", nameless.text());
    let mut fields = both(&[("verdict", "attach")]);
    fields.push(("to", incident.clone()));
    let added = to(&post(&fields).await);
    assert!(house.get(&format!("/incident/{incident}?tab=gesprek"), &duty).await.text().contains(&other));
    to(&send(&house, &duty, "/ongedaan", &[("of", added.rsplit("nr=").next().unwrap())]).await);
    assert!(row(&one).await.incident.is_none() && row(&other).await.incident.is_none());

    // One incident of both.
    let made = to(&post(&both(&[("verdict", "one")])).await);
    let incident = Some(incident_in(&made).parse().unwrap());
    assert_eq!((row(&one).await.incident, row(&other).await.incident), (incident, incident));
    to(&send(&house, &duty, "/ongedaan", &[("of", made.rsplit("nr=").next().unwrap())]).await);
    assert_eq!((row(&one).await.incident, row(&other).await.incident), (None, None));
}

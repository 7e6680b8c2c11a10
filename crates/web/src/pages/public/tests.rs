//! The public form through its addresses.

use crate::testing::{House, NAUGHTY, hidden, is_only_text};
use axum::http::StatusCode;
use desk::house::Language;
use engine::FormReport;

const FULL: [(&str, &str); 7] = [
    ("once", "abc"),
    ("board", "Zwaluwrode"),
    ("name", "An Peeters"),
    ("phone", "0470 00 00 00"),
    ("email", "an@prive.example"),
    ("hit_now", "1"),
    ("what", "Alle servers versleuteld.\r\nLosgeldbrief op elk scherm."),
];

/// What was kept of the newest report.
async fn kept(house: &House) -> FormReport {
    let account = house.account("lezer", desk::ids::TEAM, desk::accounts::Role::Duty).await;
    let seen = house.web.engine().read(|desk| {
        let lens = desk.seen_by(desk.viewer(account).unwrap());
        let newest = lens.reports(&Default::default(), None, 1).rows[0].reference;
        lens.report(newest).unwrap().raw
    });
    let raw = house.web.engine().content(seen.await.unwrap()).await.unwrap().unwrap();
    serde_json::from_slice(&raw).unwrap()
}

fn without<'a>(names: &[&str]) -> Vec<(&'a str, &'a str)> {
    FULL.into_iter().filter(|(name, _)| !names.contains(name)).collect()
}

#[tokio::test]
async fn the_number_comes_first_and_the_steps_next_in_four_languages() {
    let house = House::open().await;
    for (tag, step, dont) in [
        ("nl", "Trek de netwerkkabels uit.", "Betalen, of de aanvaller antwoorden."),
        ("en", "Unplug the network cables.", "Pay, or answer the attacker."),
        ("fr", "Débranchez les câbles réseau.", "Payer, ou répondre à l'attaquant."),
        ("de", "Ziehen Sie die Netzwerkkabel.", "Zahlen oder dem Angreifer antworten."),
    ] {
        let page = house.get(&format!("/melden?taal={tag}"), "").await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains(&format!("<html lang=\"{tag}\"")), "{tag}");
        let (phone, steps) = (text.find("tel:020000000").unwrap(), text.find(step).unwrap());
        let dont = text.find(dont).unwrap_or_else(|| panic!("{tag}: {dont}"));
        assert!(phone < steps && steps < dont, "{tag}");
        assert!(!text.contains(crate::words::MISSING), "{tag}");
        assert_eq!(text.matches("<option value=").count(), 300);
        assert!(page.headers.get("set-cookie").is_none(), "nothing is stored on a stranger's device");
    }
}

#[test]
fn french_and_german_have_words_of_their_own_for_all_that_is_public() {
    let english = include_str!("../../../locales/en/public.ftl");
    for (tag, text) in
        [("fr", include_str!("../../../locales/fr/public.ftl")), ("de", include_str!("../../../locales/de/public.ftl"))]
    {
        for line in english.lines().filter(|l| !l.starts_with([' ', '#', '}']) && l.contains(" = ")) {
            let key = line.split(" = ").next().unwrap();
            let theirs = text
                .lines()
                .find(|l| l.starts_with(&format!("{key} = ")))
                .unwrap_or_else(|| panic!("{tag} lacks {key}"));
            assert!(theirs != line || line.ends_with("{ $n ->"), "{tag} says {key} in English");
        }
        for key in ["skip", "language", "demo-mark", "demo-foot", "title-mistaken", "busy", "form-mistakes"] {
            let common = if tag == "fr" {
                include_str!("../../../locales/fr/common.ftl")
            } else {
                include_str!("../../../locales/de/common.ftl")
            };
            assert!(common.contains(&format!("\n{key} = ")), "{tag} lacks {key}");
        }
    }
}

#[tokio::test]
async fn a_report_arrives_with_a_number_a_time_and_the_same_steps() {
    let house = House::open().await;
    let sent = house.post("/melden?taal=nl", "", &FULL).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let to = sent.header("location").to_owned();
    let reference = &to["/melden/ontvangen/".len()..][..11];
    assert!(reference.parse::<desk::ids::Reference>().is_ok(), "{to}");
    let page = house.get(&to, "").await;
    assert_eq!(page.status, StatusCode::OK);
    for what in [
        reference,
        "do 15 dec 2022, 03:12 CET",
        "do 15 dec 2022, 03:42 CET",
        "Trek de netwerkkabels uit.",
        "tel:020000000",
    ] {
        assert!(page.text().contains(what), "{what}");
    }
    assert!(!page.text().contains("Peeters"), "the page has nothing personal in it");
    let english = house.get(&to.replace("taal=nl", "taal=en"), "").await;
    assert!(english.text().contains("Your report has arrived"));
    let kept = kept(&house).await;
    assert_eq!(kept.what, "Alle servers versleuteld.\nLosgeldbrief op elk scherm.");
    assert_eq!((kept.board.as_str(), kept.hit_now, kept.language), ("Zwaluwrode", true, Language::Nl));
}

#[tokio::test]
async fn only_who_holds_the_link_sees_that_it_arrived() {
    let house = House::open().await;
    let to = house.post("/melden", "", &FULL).await.header("location").to_owned();
    let (path, _) = to.split_once('?').unwrap();
    for guess in
        [path.to_owned(), format!("{path}?s="), format!("{path}?s={}", "0".repeat(32)), to.replace("s=", "s=0")]
    {
        assert_eq!(house.get(&guess, "").await.status, StatusCode::NOT_FOUND, "{guess}");
    }
    let other = to.replace(&path[path.len() - 11..], "M-0000-0000");
    assert_eq!(house.get(&other, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pressed_twice_it_is_one_report_and_anything_added_is_kept() {
    let house = House::open().await;
    let first = house.post("/melden", "", &FULL).await;
    let again = house.post("/melden", "", &FULL).await;
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(house.reports().await, 1);
    let mut more = FULL;
    more[6].1 = "Alle servers versleuteld. Nu ook de telefooncentrale.";
    house.post("/melden", "", &more).await;
    assert_eq!(house.reports().await, 2);
}

#[tokio::test]
async fn mistakes_are_named_in_words_and_nothing_typed_is_lost() {
    let house = House::open().await;
    let wrong = [("once", "abc"), ("board", "Zwaluwrode"), ("name", "An"), ("phone", "bel mij"), ("email", "an@prive")];
    let page = house.post("/melden?taal=nl", "", &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = page.text();
    assert!(text.contains("role=\"alert\"") && text.contains("<title>Fout: "));
    for (field, words) in [
        ("phone", "Telefoon: hier staat"),
        ("email", "Mail: dit is geen mailadres."),
        ("what", "Wat gebeurt er? Schrijf"),
    ] {
        assert_eq!(text.matches(words).count(), 2, "{field}: above and beside the field");
        assert!(text.contains(&format!("href=\"#{field}\"")), "{field}");
        assert!(text.contains(&format!("id=\"{field}-error\"")), "{field}");
    }
    for typed in ["value=\"Zwaluwrode\"", "value=\"An\"", "value=\"bel mij\"", "value=\"an@prive\""] {
        assert!(text.contains(typed), "{typed}");
    }
    assert_eq!(hidden(text, "once"), "abc");
    let nobody = house.post("/melden?taal=nl", "", &without(&["phone", "email", "hit_now"])).await;
    assert!(nobody.text().contains("Hoe bereiken wij u?"));
    assert_eq!(house.reports().await, 0);
    // A number and the tick are enough: somebody calls.
    let short = house.post("/melden", "", &[("phone", "0470 00 00 00"), ("hit_now", "1")]).await;
    assert_eq!(short.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_strangers_write_is_text() {
    let house = House::open().await;
    for naughty in NAUGHTY {
        let fields = [
            ("board", naughty),
            ("name", naughty),
            ("phone", naughty),
            ("email", naughty),
            ("what", naughty),
            ("once", naughty),
        ];
        let page = house.post("/melden", "", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(is_only_text(page.text()), "{naughty}");
    }
    for naughty in NAUGHTY {
        let fields = [("board", naughty), ("name", naughty), ("phone", "0470 00 00 00"), ("what", naughty)];
        assert_eq!(house.post("/melden", "", &fields).await.status, StatusCode::SEE_OTHER, "{naughty}");
    }
    assert_eq!(house.reports().await, NAUGHTY.len());
    assert_eq!(kept(&house).await.what, NAUGHTY[NAUGHTY.len() - 1]);
}

#[tokio::test]
async fn files_come_along_within_their_limits_and_the_rest_is_told() {
    let house = House::open().await;
    let big = vec![7u8; 12 << 20];
    let files: [(&str, &[u8]); 3] = [("een.jpg", &[1, 2, 3]), ("groot.jpg", &big), ("te-groot.jpg", &big)];
    let sent = house.post_files("/melden?taal=nl", &FULL, &files).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert!(sent.header("location").contains("zonder=1"));
    let page = house.get(sent.header("location"), "").await;
    assert!(page.text().contains("1 bestand kwam niet mee"));
    let kept = kept(&house).await;
    let names: Vec<&str> = kept.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["een.jpg", "groot.jpg"]);
    assert!(
        kept.what.starts_with("Alle servers")
            && kept.what.ends_with("[Bolwerk: 1 bestand kwam niet mee: te groot of te veel.]")
    );
    let many: Vec<(String, Vec<u8>)> = (0..12).map(|n| (format!("{n}.png"), vec![n])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let sent = house.post_files("/melden", &FULL, &many).await;
    assert!(sent.header("location").contains("zonder=2"));
}

#[tokio::test]
async fn files_wait_while_a_mistake_is_mended() {
    let house = House::open().await;
    let wrong = [("once", "abc"), ("what", "plat"), ("phone", "x")];
    let page = house.post_files("/melden?taal=nl", &wrong, &[("brief.jpg", b"losgeld")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("Deze bestanden hebben wij al: brief.jpg."));
    let mended = [("once", "abc"), ("what", "plat"), ("phone", "0470 00 00 00")];
    let sent = house.post_files("/melden?taal=nl", &mended, &[("", b"")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(kept(&house).await.files[0].bytes, b"losgeld");
}

#[tokio::test]
async fn a_trap_or_a_crowd_is_marked_and_kept() {
    let house = House::open().await;
    let trapped = [("phone", "0470 00 00 00"), ("what", "goedkope horloges"), ("website", "http://x.example")];
    assert_eq!(house.post("/melden?taal=nl", "", &trapped).await.status, StatusCode::SEE_OTHER);
    assert!(kept(&house).await.what.contains("[Bolwerk: een veld dat mensen niet zien"));
    for n in 0..70 {
        let what = format!("melding {n}");
        let sent = house.post("/melden", "", &[("phone", "0470 00 00 00"), ("what", &what)]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{n}");
    }
    assert_eq!(house.reports().await, 71);
}

#[tokio::test]
async fn no_receipt_is_aimed_at_strangers() {
    let house = House::open().await;
    let account = house.account("lezer", desk::ids::TEAM, desk::accounts::Role::Duty).await;
    let receipts = async || {
        let seen = house
            .web
            .engine()
            .read(|desk| desk.seen_by(desk.viewer(account).unwrap()).outbox(&Default::default()).len());
        seen.await.unwrap()
    };
    let send = async |n: u32, email: &str, more: &[(&str, &str)]| {
        let what = format!("melding {n}");
        let fields = [&[("email", email), ("what", what.as_str())], more].concat();
        assert_eq!(house.post("/melden", "", &fields).await.status, StatusCode::SEE_OTHER);
    };
    send(0, "vreemde@elders.example", &[("website", "http://x.example")]).await;
    for (n, email) in ["postmaster@elders.example", "mailer-daemon@elders.example", "cyberresponse+x@bolwerk.example"]
        .iter()
        .enumerate()
    {
        send(1 + n as u32, email, &[]).await;
    }
    assert_eq!(receipts().await, 0, "not for a trap, a mail system, ourselves");
    for n in 10..40 {
        send(n, &format!("iemand{n}@elders.example"), &[]).await;
    }
    assert_eq!(receipts().await, 2, "five for one house, and three of them were asked for above");
}

#[tokio::test]
async fn it_works_before_first_run() {
    let house = House::fresh().await;
    let page = house.get("/melden?taal=nl", "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Meld het nu.") && !page.text().contains("tel:"));
    let sent = house.post("/melden", "", &FULL).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(house.get(sent.header("location"), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_broken_upload_is_no_report_and_keeps_what_was_typed() {
    let house = House::open().await;
    let body = "--xyz\r\ncontent-disposition: form-data; name=\"what\"\r\n\r\nplat\r\n--xyz\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nabc";
    let request = axum::http::Request::post("/melden?taal=nl")
        .header("content-type", "multipart/form-data; boundary=xyz")
        .body(axum::body::Body::from(body));
    let page = house.ask(request.unwrap()).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text().contains("Bestanden: het versturen brak af.") && page.text().contains(">plat</textarea>"));
    assert_eq!(house.reports().await, 0);
}

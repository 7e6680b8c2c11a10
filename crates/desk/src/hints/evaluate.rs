//! How good the hints are: mails as boards, citizens, press, suppliers and rogues write them, made by a generator, judged, counted.

use super::{Message, judge};
use crate::Desk;
use crate::house::Language;
use crate::ids::Timestamp;
use crate::intake::Kind;
use crate::register::{Board, BoardId, Register};

/// A small generator of pseudo-random numbers (SplitMix64): the same mails every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[(self.next() % list.len() as u64) as usize]
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

/// A kind of writing: subject and text with `{b}` for the writer's board and `{o}` for another one.
struct Letter {
    kind: Kind,
    hit: bool,
    language: Language,
    subject: &'static str,
    text: &'static str,
}

const fn letter(kind: Kind, hit: bool, language: Language, subject: &'static str, text: &'static str) -> Letter {
    Letter { kind, hit, language, subject, text }
}

/// What people at a board write.
#[rustfmt::skip]
const BOARDS: &[Letter] = &[
    letter(Kind::Incident, true, Language::Nl, "DRINGEND", "Alles is versleuteld bij ons, op elk scherm staat een losgeldbrief. Wat moeten we nu doen? Bel ons aub."),
    letter(Kind::Incident, true, Language::Nl, "servers plat", "Sinds 4u vannacht liggen al onze servers plat. Bestanden eindigen op .lck. Wij hebben het netwerk uitgetrokken."),
    letter(Kind::Incident, true, Language::Nl, "hulp nodig", "Goeienacht,\nwe worden nu gehackt. Wij zien het voor onze ogen verder gaan op de tweede server. De back-up hangt eraan."),
    letter(Kind::Incident, true, Language::Nl, "ransomware", "Vanmorgen kon niemand zijn bestanden openen. Het is ransomware, er wordt losgeld gevraagd. Onze mail werkt niet meer."),
    letter(Kind::Incident, true, Language::Nl, "", "alles ligt plat sinds vanmorgen niets werkt meer ook de telefoon niet"),
    letter(Kind::Incident, true, Language::Fr, "URGENT", "Bonjour,\nTous nos fichiers sont chiffrés depuis ce matin et une rançon est demandée. Que devons-nous faire ? Nos serveurs sont hors service."),
    letter(Kind::Incident, true, Language::En, "Help", "Hello,\nour files are encrypted since this morning and there is a ransom note on every screen. We have pulled the cables. What should we do?"),
    letter(Kind::Incident, true, Language::De, "Dringend", "Guten Tag,\nunsere Dateien sind verschlüsselt, seit heute Morgen geht nichts mehr und es wird Lösegeld verlangt. Bitte rufen Sie uns an."),
    letter(Kind::Incident, false, Language::Nl, "vreemde aanmelding", "Dag,\nIn de log van onze VPN staat een vreemde aanmelding van een oud account om 3u20, vanaf 203.0.113.77. Account is nu uit."),
    letter(Kind::Incident, false, Language::Nl, "phishing", "Dag,\nTer info, deze phishingmail kwam binnen bij veertig collega's. Twee hebben geklikt, de wachtwoorden zijn gereset."),
    letter(Kind::Incident, false, Language::Nl, "valse factuur", "Beste,\nWij kregen een factuur met een ander rekeningnummer dan anders. Niets betaald. Wij melden het voor de volledigheid."),
    letter(Kind::Incident, false, Language::Nl, "poortscans", "Dag,\nOnze firewall telt sinds dinsdag veel pogingen op poort 3389 vanaf 198.51.100.200, poortscans dus. Alles geblokkeerd."),
    letter(Kind::Incident, false, Language::Fr, "message suspect", "Bonjour,\nnous avons reçu un message d'hameçonnage et un collègue a peut-être donné son mot de passe. Nous l'avons changé."),
    letter(Kind::Question, false, Language::Nl, "checklist", "Dag,\nGeldt punt 14 van de checklist ook voor de school? En waar vinden we de laatste versie?\nAlvast bedankt"),
    letter(Kind::Question, false, Language::Nl, "infosessie", "Beste,\nZijn er al data voor de infosessies? Is dat voor IT of voor de directie?"),
    letter(Kind::Question, false, Language::Nl, "vraag", "Goeiemiddag,\nWij lezen dat {o} plat ligt door een cyberaanval. Moeten wij iets nakijken of een lijn afsluiten?"),
    letter(Kind::Question, false, Language::Nl, "oefening", "Dag,\nwij bereiden een crisisoefening voor met als scenario ransomware en losgeld. Mogen wij u als tegenspeler vragen?"),
    letter(Kind::Question, false, Language::Nl, "wat als", "Beste,\nstel dat onze bestanden versleuteld zijn, naar welk nummer bellen we dan? Het staat niet in het draaiboek."),
    letter(Kind::Question, false, Language::Nl, "verzekering", "Dag,\nde makelaar vraagt of de polis losgeld moet dekken in geval van ransomware. Wat raadt u aan?"),
    letter(Kind::ContactRegistration, false, Language::Nl, "contactpersoon", "Beste,\nDe contactpersoon voor ons bestuur is het diensthoofd ICT, gsm 0470 00 01 11."),
    letter(Kind::ContactRegistration, false, Language::Nl, "contactpunt cyberveiligheid", "Dag,\nHierbij de gevraagde gegevens van ons contactpunt. Buiten de uren: de algemeen directeur, 0470 00 01 12."),
    letter(Kind::ContactRegistration, false, Language::Fr, "personne de contact", "Bonjour,\nnotre personne de contact est la responsable informatique, 0470 00 01 13. Nous sommes joignables en journée."),
    letter(Kind::OfferOfHelp, false, Language::Nl, "aanbod loketten", "Beste,\nAls {o} een loket zoekt: wij hebben drie bureaus vrij en twee mensen die kunnen bijspringen."),
    letter(Kind::OfferOfHelp, false, Language::Nl, "wij willen helpen", "Dag,\nwij kunnen acht laptops uitlenen en een technicus vrijmaken. Onze hulp kost niets."),
];

/// What others write, and about whom.
#[rustfmt::skip]
const OTHERS: &[(&str, Letter)] = &[
    ("redactie@regiokrant-voorbeeld.be", letter(Kind::Press, false, Language::Nl, "persvraag", "Dag,\nVolgens inwoners ligt het gemeentehuis van {o} plat. Kan u bevestigen dat alle bestanden versleuteld zijn en dat er losgeld geëist is? Deadline 17u.\nDe redactie")),
    ("nieuws@omroep-voorbeeld.be", letter(Kind::Press, false, Language::Nl, "interview", "Goedemorgen, kunnen wij vandaag iemand spreken voor het journaal van 13u over de stad {o}?\nmvg de nieuwsredactie")),
    ("desk@newspaper.example", letter(Kind::Press, false, Language::En, "press enquiry", "Hello, I am a journalist. Were the servers of the city of {o} encrypted by ransomware this morning? Thanks for any comment.")),
    ("l.inwoner@burgermail.example", letter(Kind::Citizen, false, Language::Nl, "mijn gegevens", "Goedenavond, ik woon in {o}. Liggen mijn gegevens nu op straat? Op de site staat dat alles plat ligt.")),
    ("papa@thuispost.example", letter(Kind::Citizen, false, Language::Nl, "kinderopvang", "mijn dochter gaat naar de opvang in de stad {o} en haar fiche staat daar in de computer. is die nu gestolen?")),
    ("jan.janssens@gmail.com", letter(Kind::Citizen, false, Language::Nl, "rijbewijs", "Dag, ik kom voor mijn rijbewijs en het loket van de gemeente {o} is toe. Wanneer werkt het weer?")),
    ("habitant@courrier.example", letter(Kind::Citizen, false, Language::Fr, "mes données", "Bonjour, j'habite à {o}. Est-ce que mes données sont dans la fuite ? Merci de me répondre.")),
    ("csirt@hogeschool.example", letter(Kind::OfferOfHelp, false, Language::Nl, "aanbod", "Beste,\nWij hebben drie onderzoekers die vrijgemaakt kunnen worden voor de stad {o}. Geen kosten.")),
    ("hello@vendor.example", letter(Kind::OfferOfHelp, false, Language::En, "free storage", "Hi team,\nWe would like to offer storage, free of charge, to any council that was hit by ransomware, such as {o}.")),
    ("sales@beveiligingsfirma.example", letter(Kind::Junk, false, Language::Nl, "Is uw bestuur klaar voor ransomware?", "Beste,\nNa de aanval op {o} geven wij deze maand korting op onze incident response. Vraag een offerte.\nUitschrijven: https://firma.example/u")),
    ("nieuwsbrief@bestuursblad.example", letter(Kind::Junk, false, Language::Nl, "Deze week: gemeente {o} na de aanval", "- {o}: hoe het bestuur weer recht kwam\n- Agenda\nLees online. Uitschrijven kan hier.")),
    ("x7@prize.example", letter(Kind::Junk, false, Language::En, "You have won", "Dear friend, you have won the lottery. Click here to claim your gift card now.")),
    ("someone@proton.example", letter(Kind::Junk, false, Language::En, "I have your webcam", "I hacked your webcam and encrypted nothing yet. Send bitcoin to this wallet within 48 hours.")),
    ("support@leverancier.example", letter(Kind::Incident, false, Language::Nl, "{o}: toegang via ons account", "Goeiedag,\nUw collega belde ons over de stad {o}. Het account werd NIET door ons gebruikt, het is dus misbruikt. Zelfde account bij al onze klanten.")),
    ("info@bakker.example", letter(Kind::Incident, false, Language::Nl, "vreemde factuur", "Hallo,\nwij leveren broodjes aan de gemeente {o} en kregen een factuur met een ander rekeningnummer. Is dat vals?")),
];

/// How somebody at a board, on a private address, says where they are from.
#[rustfmt::skip]
const SELVES: &[&str] = &[
    "Ik ben de IT-verantwoordelijke van de gemeente {b}. ",
    "ik ben van de IT van gemeente {b}. onze mail ligt plat dus van mijn prive adres. ",
    "Wij zijn de ICT-dienst van de stad {b}. ",
    "Namens de gemeente {b}: ",
    "ik werk bij stad {b}. ",
    "Hier de wacht van de gemeente {b}. ",
];

/// How they sign.
#[rustfmt::skip]
const SIGNATURES: &[&str] = &[
    "\n\nMet vriendelijke groeten\nDienst ICT\nGemeente {b}\n0470 00 00 00", "\n\nGroeten\nICT {b}", "\n\nAlgemeen directeur\nStad {b}", "\n\nmvg\nJan Peeters\nSecretariaat gemeente {b}",
];

/// Sentences that name others and must lead nobody astray.
#[rustfmt::skip]
const DISTRACTIONS: &[&str] = &[
    "\nBij de buurgemeente {o} is ook iets gaande.", "\nJan Van {o} volgt dit op.", "\nOnze leverancier zit in {o}.", "\nZoals vorige week bij de stad {o}.", "\nCc: collega's van de stad {o}",
];

struct Tally {
    asked: usize,
    right: usize,
    certain: usize,
    wrong: Vec<String>,
}

fn squeeze(name: &str) -> String {
    crate::folding::squeezed(name)
}

fn board_on(desk: &Desk, chance: &mut Chance, day: &str) -> Board {
    let boards: Vec<&Board> = desk.register.on(day).collect();
    (*chance.of(&boards)).clone()
}

/// A name as it may be written: as it is, in small letters, without hyphens, with `St.`.
fn written(chance: &mut Chance, name: &str) -> String {
    match chance.next() % 8 {
        0 => name.replace("Sint-", "St.-"),
        1 => name.replace('-', " "),
        _ => name.to_owned(),
    }
}

fn desk(register: Register, day_seconds: i64) -> Desk {
    let mut desk = Desk::new(register);
    desk.last_at = Timestamp::from_seconds(day_seconds);
    desk
}

const IN_2022: i64 = 1_671_069_840;
const IN_2026: i64 = 1_795_500_000;
const MAILS: usize = 1400;
/// Of a hundred mails so many must be judged right.
const RIGHT_PERCENT_MIN: usize = 98;

#[test]
fn boards_are_recognised_and_never_wrongly_certain() {
    let mut chance = Chance(2022);
    let desks =
        [desk(Register::flanders(), IN_2022), desk(Register::flanders(), IN_2026), desk(Register::demo(), IN_2022)];
    let days = ["2022-12-15", "2026-11-24", "2022-12-15"];
    let mut tally = Tally { asked: 0, right: 0, certain: 0, wrong: Vec::new() };
    for n in 0..MAILS {
        let (desk, day) = (&desks[n % 3], days[n % 3]);
        let (own, other) = (board_on(desk, &mut chance, day), board_on(desk, &mut chance, day));
        let mut truth = Some(own.id);
        let fill = |text: &str, chance: &mut Chance| {
            text.replace("{b}", &written(chance, &own.name)).replace("{o}", &written(chance, &other.name))
        };
        let letter;
        let address;
        let mut text;
        let mut must_find = true;
        match n % 7 {
            // From the board's own domain.
            0 | 1 => {
                letter = chance.of(&BOARDS.iter().collect::<Vec<_>>());
                let host = match chance.next() % 4 {
                    0 => format!("gemeente{}.be", squeeze(&own.name)),
                    1 => format!("stad-{}.be", squeeze(&own.name)),
                    _ => format!("{}.be", squeeze(&own.name)),
                };
                address = format!("{}@{host}", chance.of(&["ict", "secretariaat", "jan.peeters", "info"]));
                text = fill(letter.text, &mut chance);
            }
            // From a private address, saying so.
            2 | 3 => {
                letter = chance.of(&BOARDS.iter().collect::<Vec<_>>());
                address =
                    chance.of(&["jan.peeters@gmail.com", "itwacht@telenet.be", "an@thuispost.example"]).to_owned();
                let own_words = fill(chance.of(SELVES), &mut chance);
                text = format!("{own_words}{}", fill(letter.text, &mut chance));
            }
            // From a private address, signed.
            4 => {
                letter = chance.of(&BOARDS.iter().collect::<Vec<_>>());
                address = "jan.peeters@gmail.com".to_owned();
                text = format!("{}{}", fill(letter.text, &mut chance), fill(chance.of(SIGNATURES), &mut chance));
            }
            // From a private address that says nothing.
            5 => {
                letter = chance.of(&BOARDS.iter().collect::<Vec<_>>());
                address = "itwacht@telenet.be".to_owned();
                text = fill(letter.text, &mut chance);
                must_find = false;
            }
            // From somebody else altogether.
            _ => {
                let (from, other_letter) = chance.of(&OTHERS.iter().collect::<Vec<_>>());
                letter = other_letter;
                address = (*from).to_owned();
                text = fill(letter.text, &mut chance);
                truth = None;
                must_find = false;
            }
        }
        if chance.one_in(3) {
            text.push_str(&fill(chance.of(DISTRACTIONS), &mut chance));
        }
        let subject = fill(letter.subject, &mut chance);
        let message = Message { subject: &subject, text: &text, from_address: Some(&address), ..Message::default() };
        let opinion = judge(desk, &message);
        let (board, certain) = (opinion.appraisal.board, opinion.appraisal.board_certain);
        let show = |board: Option<BoardId>| board.and_then(|b| desk.register.get(b)).map(|b| b.name.clone());
        let case = || format!("{address} | {subject} | {text}\n -> {:?} {certain}, is {:?}", show(board), show(truth));
        // What a third party writes about a board may point to it, never with certainty.
        assert!(!certain || board == truth, "certain and wrong: {}", case());
        if must_find {
            tally.asked += 1;
            tally.certain += usize::from(certain);
            match board == truth {
                true => tally.right += 1,
                false => tally.wrong.push(case()),
            }
        }
    }
    let percent = tally.right * 100 / tally.asked;
    println!("board: {} of {} right, {} of them certain", tally.right, tally.asked, tally.certain);
    assert!(
        percent >= RIGHT_PERCENT_MIN,
        "{percent} %, such as:\n{}",
        tally.wrong[..tally.wrong.len().min(12)].join("\n\n")
    );
    assert!(tally.certain * 100 / tally.asked >= 85, "only {} of {} certain", tally.certain, tally.asked);
}

#[test]
fn kinds_languages_and_urgency_are_recognised() {
    let mut chance = Chance(3);
    let desk = desk(Register::demo(), IN_2022);
    let (mut asked, mut right, mut language_right, mut wrong) = (0, 0, 0, Vec::new());
    for n in 0..MAILS / 2 {
        let own = board_on(&desk, &mut chance, "2022-12-15");
        let other = board_on(&desk, &mut chance, "2022-12-15");
        let (letter, address) = if n % 2 == 0 {
            let letter = chance.of(&BOARDS.iter().collect::<Vec<_>>());
            let address = match chance.one_in(2) {
                true => format!("ict@{}.example", squeeze(&own.name)),
                false => "itwacht@thuispost.example".to_owned(),
            };
            (letter, address)
        } else {
            let (from, letter) = chance.of(&OTHERS.iter().collect::<Vec<_>>());
            (letter, (*from).to_owned())
        };
        let fill = |text: &str| text.replace("{b}", &own.name).replace("{o}", &other.name);
        let (subject, mut text) = (fill(letter.subject), fill(letter.text));
        if n % 2 == 0 {
            text.push_str(&fill(chance.of(SIGNATURES)));
        }
        let message = Message { subject: &subject, text: &text, from_address: Some(&address), ..Message::default() };
        let opinion = judge(&desk, &message);
        assert_eq!(opinion.appraisal.hit_now, letter.hit, "{address} | {subject} | {text}\n{:?}", opinion.reasons);
        assert!(opinion.language.is_none_or(|l| l == letter.language), "{:?}: {text}", opinion.language);
        assert!(!letter.hit || opinion.appraisal.severity.is_some());
        asked += 1;
        language_right += usize::from(opinion.language.is_some());
        match opinion.appraisal.kind == letter.kind {
            true => right += 1,
            false => wrong.push(format!(
                "{address} | {subject} | {text}\n -> {:?}, is {:?}; {:?}",
                opinion.appraisal.kind, letter.kind, opinion.reasons
            )),
        }
        // The same from a machine or a list never rings the bell.
        assert!(!judge(&desk, &Message { automatic: true, ..message }).appraisal.hit_now);
    }
    println!("kind: {right} of {asked} right; language: {language_right} sure and right");
    wrong.sort();
    wrong.dedup_by_key(|w| w.split('|').nth(1).map(str::to_owned));
    assert!(right * 100 / asked >= RIGHT_PERCENT_MIN, "{right} of {asked}, such as:\n{}", wrong.join("\n\n"));
    assert!(language_right * 100 / asked >= 95);
}

/// What is demanded of the hints on a list of mails, of a hundred each.
struct Demands {
    /// Of a board that is hit: that ring the bell.
    hits_min: usize,
    /// Of others: that ring it all the same.
    alarms_max: usize,
    /// Whose kind is right.
    kinds_min: usize,
}

fn measure(name: &str, list: &str, demands: &Demands) {
    let desk = desk(Register::demo(), IN_2022);
    let mails = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let (mut hits, mut rung, mut others, mut alarms, mut kinds, mut wrong) = (0, 0, 0, 0, 0, Vec::new());
    for mail in mails {
        let fields: Vec<&str> = mail.split('\t').collect();
        let [hit, kind, from, subject, text] = fields[..] else { panic!("five fields: {mail}") };
        let address = match from {
            "board" => "ict@zwaluwrode.example",
            "private" => "jan@thuispost.example",
            address => address,
        };
        let message = Message { subject, text, from_address: Some(address), ..Message::default() };
        let opinion = judge(&desk, &message).appraisal;
        let is_hit = hit == "hit";
        hits += usize::from(is_hit);
        others += usize::from(!is_hit);
        rung += usize::from(is_hit && opinion.hit_now);
        alarms += usize::from(!is_hit && opinion.hit_now);
        kinds += usize::from(opinion.kind.key() == kind);
        if opinion.hit_now != is_hit || opinion.kind.key() != kind {
            wrong.push(format!("{mail}\n -> {} {:?}", opinion.hit_now, opinion.kind));
        }
    }
    let told = format!("{name}: {rung} of {hits} hits, {alarms} of {others} false alarms, {kinds} kinds right");
    println!("{told}");
    let fits = rung * 100 >= hits * demands.hits_min
        && alarms * 100 <= others * demands.alarms_max
        && kinds * 100 >= (hits + others) * demands.kinds_min;
    assert!(fits && hits >= 25 && others >= 30, "{told}\n{}", wrong.join("\n"));
}

#[test]
fn panicking_boards_ring_the_bell_and_others_do_not() {
    let seen = Demands { hits_min: 88, alarms_max: 3, kinds_min: 90 };
    measure("seen", include_str!("../../tests/hints/seen.tsv"), &seen);
}

#[test]
fn mails_that_nobody_read_while_the_hints_were_written_are_judged_as_well() {
    let held_out = Demands { hits_min: 72, alarms_max: 6, kinds_min: 80 };
    measure("held out", include_str!("../../tests/hints/held_out.tsv"), &held_out);
}

#[test]
fn names_that_are_words_need_more_than_the_word() {
    let desk = desk(Register::flanders(), IN_2022);
    for text in [
        "De boom viel op de lijn.",
        "Er is een hal en een ham, de lieren zijn geel.",
        "Boom! En weg was alles.",
        "Peer Janssens belde.",
        "Tim Van Lier en An De Pinte",
    ] {
        let opinion = judge(&desk, &Message { text, ..Message::default() });
        assert_eq!(opinion.appraisal.board, None, "{text}");
    }
    let opinion =
        judge(&desk, &Message { text: "Ik ben systeembeheerder van de gemeente Boom.", ..Message::default() });
    assert!(opinion.appraisal.board_certain);
}

#[test]
fn other_legal_persons_of_a_place_are_not_taken_for_its_municipality() {
    let desk = desk(Register::flanders(), IN_2022);
    for (from, text) in [
        ("info@ocmwdeinze.be", "Onze server doet raar."),
        ("wacht@pzdeinze.be", "Onze server doet raar."),
        ("an@gmail.com", "Ik ben directeur van het OCMW Deinze."),
        ("an@gmail.com", "Wij zijn de politiezone Deinze."),
        ("leerling@school.deinze.be", "Onze server doet raar."),
    ] {
        let opinion = judge(&desk, &Message { text, from_address: Some(from), ..Message::default() });
        let named = opinion.appraisal.board.and_then(|b| desk.register.get(b)).map(|b| b.name.as_str());
        assert_eq!((named, opinion.appraisal.board_certain), (Some("Deinze"), false), "{from} {text}");
    }
}

#[test]
fn former_names_lead_to_the_board_of_the_day() {
    let now = desk(Register::flanders(), IN_2026);
    let text = "Ik ben de IT-verantwoordelijke van de stad Tongeren.";
    let opinion = judge(&now, &Message { text, ..Message::default() });
    let board = opinion.appraisal.board.and_then(|b| now.register.get(b)).expect("it is known");
    assert_eq!(board.name, "Tongeren-Borgloon");
    assert_eq!(opinion.reasons.last().map(|r| r.key.as_str()), Some("board-former-name"));
    let typed = judge(&now, &Message { board_typed: Some("gemeente Galmaarden"), ..Message::default() });
    assert_eq!(typed.appraisal.board.and_then(|b| now.register.get(b)).map(|b| b.name.as_str()), Some("Pajottegem"));
    assert!(typed.appraisal.board_certain);
}

#[test]
fn names_of_before_2019_lead_to_the_board_that_was_formed() {
    for (day, names) in [
        (
            IN_2022,
            [("Overpelt", "Pelt"), ("Nevele", "Deinze"), ("Sint-Amands", "Puurs-Sint-Amands"), ("Zingem", "Kruisem")],
        ),
        (
            IN_2026,
            [("Opglabbeek", "Oudsbergen"), ("Waarschoot", "Lievegem"), ("Knesselare", "Aalter"), ("Deinze", "Deinze")],
        ),
    ] {
        let desk = desk(Register::flanders(), day);
        for (written, name) in names {
            let text = format!("Ik ben de IT-verantwoordelijke van de gemeente {written}.");
            let board = judge(&desk, &Message { text: &text, ..Message::default() }).appraisal.board;
            assert_eq!(board.and_then(|b| desk.register.get(b)).map(|b| b.name.as_str()), Some(name), "{written}");
        }
    }
}

#[test]
fn a_domain_of_a_place_is_its_boards_only_where_nobody_else_can_have_it() {
    let desk = desk(Register::flanders(), IN_2022);
    for (from, expected) in [
        ("it@stad.gent", Some(("Gent", true))),
        ("it@mail.stad.gent", Some(("Gent", true))),
        ("it@ocmw.gent", Some(("Gent", false))),
        ("bakker@brood.gent", None),
        ("it@school.stad.gent", Some(("Gent", false))),
        ("it@vilvoorde.brussels", Some(("Vilvoorde", false))),
        ("it@diest.vlaanderen", Some(("Diest", true))),
    ] {
        let opinion = judge(&desk, &Message { text: "Dag", from_address: Some(from), ..Message::default() }).appraisal;
        let board = opinion.board.and_then(|b| desk.register.get(b)).map(|b| (b.name.as_str(), opinion.board_certain));
        assert_eq!(board, expected, "{from}");
    }
}

#[test]
fn a_reply_quoting_yesterdays_alarm_is_no_alarm() {
    let desk = desk(Register::demo(), IN_2022);
    let text = "Dank u, het is opgelost.\n\nOp wo 14 dec 2022 om 03:04 schreef wacht:\n> alles is versleuteld bij ons";
    let opinion = judge(&desk, &Message { subject: "Re: alles versleuteld", text, ..Message::default() });
    assert!(!opinion.appraisal.hit_now);
}

#[test]
fn hostile_texts_are_judged_in_one_pass() {
    let desk = desk(Register::flanders(), IN_2022);
    for piece in
        ["sint ", "de ", "niet ", "gemeente ", "a", "\n", "> ", "versleuteld ", "ligt _ ", "€", "Van: ", "sint-"]
    {
        let text = piece.repeat((1 << 18) / piece.len());
        judge(
            &desk,
            &Message {
                subject: &text,
                text: &text,
                from_address: Some(&text),
                board_typed: Some(&text),
                ..Message::default()
            },
        );
    }
}

//! A small story, told to a desk in memory, and every page rendered from it: what tests look at and `examples/render` writes.

use crate::pages;
use crate::pages::report::{Opened, Pane, Text};
use crate::shell::{Counts, Mail, Nav, Shell, Toast, Undo};
use crate::words::words;
use desk::accounts::{self, Person, Preferences, Role, Theme};
use desk::command::{Actor, Command, Context, Outcome};
use desk::hints::{self, Message};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, NoticeId, Random, Reference, ReportId, TEAM, Timestamp};
use desk::incidents::{self, Change, NoteKind, Phase};
use desk::intake::{
    self, Arrival, Attachment, Authenticity, AuthenticityCheck, Automatic, Body, Completeness, Findings, Head,
    Incoming, Proof, QueueFilter, ReportFilter, Via,
};
use desk::lens::{Lens, Tlp};
use desk::outbox::{self, Draft, OutboxFilter, Tried};
use desk::register::{BoardFilter, Register, Which};
use desk::{Desk, Digest, observables};
use engine::Trouble;
use maud::Markup;

/// When the sample plays: Thursday 15 December 2022, 03:12 in Brussels.
pub const NOW: Timestamp = Timestamp::from_seconds(1_671_070_320);

struct Counted(u64);

impl Random for Counted {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 33) as u8;
        }
    }
}

/// A desk in memory, and who tells it things.
pub struct Story {
    /// The desk.
    pub desk: Desk,
    now: Timestamp,
    random: Counted,
    mails: u8,
}

const ME: AccountId = AccountId(0);

impl Story {
    fn tell(&mut self, actor: Actor, command: Command) -> (Outcome, Option<u64>) {
        let mut context = Context { actor, now: self.now, random: &mut self.random };
        let decision = self.desk.decide(&mut context, command).expect("the sample's commands are allowed");
        let mut last = None;
        for recorded in decision.facts {
            last = Some(self.desk.next_seq());
            self.desk.apply(self.desk.next_seq(), self.now, &recorded.fact);
        }
        (decision.outcome, last)
    }

    fn me(&mut self, command: Command) -> (Outcome, Option<u64>) {
        self.tell(Actor::Person(ME), command)
    }

    fn lens(&self) -> Lens<'_> {
        self.desk.seen_by(self.desk.viewer(ME).expect("the first account is there"))
    }

    fn draft(&mut self, to: &str, subject: &str, text: &str) -> Draft {
        self.mails += 1;
        Draft {
            to: to.to_owned(),
            to_digest: Digest([self.mails; 32]),
            subject: subject.to_owned(),
            text: text.to_owned(),
            language: Language::Nl,
            in_reply_to: Vec::new(),
            message_id: format!("{:02x}@voorbeeld.example", self.mails),
        }
    }

    fn receive(
        &mut self,
        ago_minutes: i64,
        via: Via,
        from: (&str, &str),
        subject: &str,
        text: &str,
        files: &[&str],
    ) -> Reference {
        self.now = NOW.plus_seconds(-60 * ago_minutes);
        self.mails += 1;
        let sender = Some(Digest([from.1.len() as u8; 32])).filter(|_| !from.1.is_empty());
        let arrival = Arrival {
            from: Some(format!("{} <{}>", from.0, from.1)),
            subject: Some(subject.to_owned()),
            envelope_from: Some(from.1.to_owned()),
            peer: Some("192.0.2.10".to_owned()),
            tls: true,
            ..Arrival::default()
        };
        let digest = Digest([self.mails ^ 0x5A; 32]);
        let incoming = Incoming {
            via,
            event_at: None,
            digest,
            digest_before: None,
            sender,
            arrival,
            raw: text.as_bytes().to_vec(),
        };
        let (outcome, _) = self.tell(Actor::Rule, Command::Intake(intake::Command::Receive(Box::new(incoming))));
        let Outcome::Report { reference, .. } = outcome else { unreachable!("a new message is a report") };
        if !text.is_empty() {
            self.read(reference, via, from, subject, text, files);
        }
        reference
    }

    fn read(&mut self, reference: Reference, via: Via, from: (&str, &str), subject: &str, text: &str, files: &[&str]) {
        let report = self.desk.report_of(reference).expect("it was just received");
        let message = Message {
            subject,
            text,
            from_address: Some(from.1).filter(|a| !a.is_empty()),
            board_typed: (via == Via::Form).then_some(from.0),
            sender: None,
            automatic: false,
        };
        let opinion = hints::judge(&self.desk, &message);
        let attachments = files.iter().enumerate().map(|(n, name)| Attachment {
            index: n as u32,
            name: (*name).to_owned(),
            media_type: "application/octet-stream".to_owned(),
            size: 1_200_000,
            sha256: "00".repeat(32),
            suspicious: name.ends_with(".exe").then(|| "double-extension".to_owned()),
        });
        let phone: String = text.split_once("0470").map(|(_, rest)| format!("0470{}", &rest[..9])).unwrap_or_default();
        let head = Head {
            from_name: Some(from.0.to_owned()).filter(|n| !n.is_empty()),
            from_address: Some(from.1.to_owned()).filter(|n| !n.is_empty()),
            phone: Some(phone).filter(|p| !p.is_empty()),
            subject: subject.to_owned(),
            snippet: text.chars().take(200).collect::<String>().replace('\n', " "),
            attachments: attachments.collect(),
            observables: observables::find(text, None),
            reasons: opinion.reasons,
            authenticity: Some(Box::new(authenticity(from.1))).filter(|_| via.is_mail()),
            ..Head::default()
        };
        let answer = (via.is_mail() && from.1.contains('@')).then(|| {
            self.draft(from.1, &format!("Uw bericht is aangekomen [{reference}]"), "Uw nummer staat hierboven.")
        });
        let partial = subject.contains("41 MB");
        let findings = Findings {
            completeness: if partial {
                Completeness::Partial(vec!["size".into(), "parts".into()])
            } else {
                Completeness::Full
            },
            automatic: Automatic::No,
            language: opinion.language,
            appraisal: opinion.appraisal,
            thread: None,
            head,
            body: Body::default(),
            answer,
        };
        self.now = self.now.plus_seconds(3);
        let (outcome, _) = self.tell(Actor::Rule, Command::Intake(intake::Command::Read(report, Box::new(findings))));
        debug_assert_eq!(outcome, Outcome::Done);
        let due = self.desk.due(self.now, 1).first().map(|s| s.notice);
        if let Some(notice) = due {
            self.now = self.now.plus_seconds(3);
            self.tried(notice, Tried::Taken { said: "250 2.0.0 taken".to_owned() });
        }
    }

    fn tried(&mut self, notice: NoticeId, tried: Tried) {
        self.tell(Actor::Rule, Command::Outbox(outbox::Command::Tried(notice, tried)));
    }

    fn leave(&self, reference: Reference) -> desk::lens::Leave<ReportId> {
        self.lens().report_leave(reference).expect("the team sees every report")
    }
}

fn begin() -> Story {
    let mut story = Story {
        desk: Desk::new(Register::default()),
        now: NOW.plus_seconds(-86_400 * 3),
        random: Counted(7),
        mails: 0,
    };
    story.tell(Actor::Rule, Command::LoadRegister(Which::Demo));
    let configured = Configured {
        organisation: "Cyberresponseteam".to_owned(),
        address: "cyberresponse@voorbeeld.example".to_owned(),
        phone: Some("02 000 00 00".to_owned()),
        languages: vec![Language::Nl, Language::En, Language::Fr],
        demo: true,
    };
    story.tell(Actor::Rule, Command::Configure(configured));
    for name in ["Federaal centrum", "Vereniging van gemeenten"] {
        story.tell(Actor::Rule, Command::AddOrganisation { name: name.to_owned() });
    }
    let person = |login: &str, name: &str| Person { login: login.into(), name: name.into(), password: String::new() };
    let create = |leave, role, person| {
        let preferences = Preferences::default();
        Command::Accounts(accounts::Command::Create { leave, organisation: TEAM, role, preferences, person })
    };
    story.tell(Actor::Rule, create(None, Role::Admin, person("wacht2", "wachtofficier 2")));
    let admin = story.lens().own();
    story.me(create(Some(admin), Role::Duty, person("analist", "analist")));
    story
}

const HIT: &str = "Goeienacht,\n\nik ben de IT-verantwoordelijke van de gemeente Sperwermonde. Ons eigen\nmailadres werkt niet meer, daarom dit adres.\n\nSinds half drie zijn alle bestanden versleuteld: ze eindigen op .lck\nen er staat overal LEESMIJ.txt. De back-up draait op dezelfde\nserver. We zien verbindingen naar 198.51.100.23 en hxxps://lek-portaal[.]example/pay\nIk heb de switch uitgetrokken. Wat nu? 0470 00 00 00";

/// The whole story.
pub fn story() -> (Story, Reference, Reference) {
    let mut story = begin();
    let first = story.receive(
        900,
        Via::Smtp,
        ("algemeen directeur", "directeur.otterburg@privemail.example"),
        "Servers van Otterburg versleuteld",
        "Alle servers van Otterburg zijn versleuteld. Er staat een losgeldbrief. Adres 198.51.100.23.",
        &[],
    );
    story.now = story.now.plus_seconds(300);
    let incident = open_incident(&mut story, first);
    let vpn = story.receive(
        31,
        Via::Form,
        ("Lijstervoorde", "it@lijstervoorde.example"),
        "Aanmelding met het account van de leverancier, om 02:20",
        "Vreemde aanmelding op de VPN om 02:20 met het account van de leverancier.",
        &["aanmeldingen.csv"],
    );
    story.receive(
        77,
        Via::Smtp,
        ("dienst ICT Libelburg", "ict@libelburg.example"),
        "Vraag: moeten wij de lijn met Otterburg afsluiten?",
        "Moeten wij de lijn met Otterburg afsluiten? Graag advies.",
        &[],
    );
    story.receive(152, Via::Smtp, ("", ""), "41 MB met logbestanden", "Zie bijlage", &["factuur.pdf.exe", "log.zip"]);
    story.receive(
        240,
        Via::Smtp,
        ("redactie", "redactie@krant.example"),
        "Persvraag over Otterburg",
        "Kunt u bevestigen dat Otterburg gehackt is? Wij publiceren om 6 uur. Pers.",
        &[],
    );
    let asked = story.receive(
        264,
        Via::Smtp,
        ("Gruttokerke", "ict@gruttokerke.example"),
        "Is de VPN van de leverancier uit?",
        "Wij weten niet of de VPN uit is. Gruttokerke.",
        &[],
    );
    let draft = story.draft(
        "ict@gruttokerke.example",
        "Re: Is de VPN van de leverancier uit?",
        "Dag\n\nIs de VPN van de leverancier uit?\n\nDe wachtdienst",
    );
    let (leave, letter) = (story.leave(asked), draft);
    let (sent, _) = story.me(Command::Intake(intake::Command::Reply { report: leave, draft: letter, ask: true }));
    let Outcome::Notice(notice) = sent else { unreachable!("a reply stands in the outbox") };
    story.tried(notice, Tried::Later { code: 451, said: "4.3.0 try later".to_owned(), unsure: true });
    let call = story.receive(
        14,
        Via::Phone,
        ("", ""),
        "Beller Roerdompdijke: mail ligt plat, alle bestanden versleuteld",
        "Beller van Roerdompdijke: mail ligt plat, vreemde aanmeldingen op de VPN, bestanden versleuteld.",
        &[],
    );
    let open = story.receive(
        8,
        Via::Smtp,
        ("Sperwermonde IT", "sperwermonde.it@privemail.example"),
        "Alle bestanden op de fileserver eindigen op .lck sinds een half uur",
        HIT,
        &["LEESMIJ-foto.jpg"],
    );
    story.receive(1, Via::Smtp, ("onbekend", "iemand@elders.example"), "Nog niet gelezen", "", &[]);
    story.now = NOW.plus_seconds(-30);
    let (claim, snooze) = (story.leave(call), story.leave(vpn));
    story.me(Command::Intake(intake::Command::Claim(claim)));
    story.me(Command::Intake(intake::Command::Snooze(snooze, NOW.plus_seconds(5 * 3600))));
    story.now = NOW;
    (story, open, incident)
}

fn open_incident(story: &mut Story, first: Reference) -> Reference {
    let board = story.desk.register().find_on("Otterburg", "2022-12-15").expect("the demonstration's register has it");
    let open = incidents::Command::Open {
        by: ME,
        title: "Otterburg: servers versleuteld, loketten op papier".to_owned(),
        severity: Some(incidents::Severity::C3),
        tlp: Tlp::Amber,
        since: Some(story.now.plus_seconds(-3 * 3600)),
        boards: vec![board],
        classes: vec!["information-content-security/unauthorised-information-modification".to_owned()],
        reports: vec![story.leave(first)],
    };
    let (outcome, _) = story.me(Command::Incidents(open));
    let Outcome::Incident(incident) = outcome else { unreachable!("opening gives an incident") };
    let leave = |story: &Story| story.lens().incident_leave(incident).expect("its opener may work on it");
    let change = |change| {
        move |leave| Command::Incidents(incidents::Command::Change { incident: leave, change, expected: None })
    };
    let sealed = |t: &str| desk::sealed::Sealed::Open(t.to_owned());
    let changes = [
        Change::Lead(Some(ME)),
        Change::Phase(Phase::Confirmed, sealed("Bestanden zelf gezien.")),
        Change::Organisation(desk::ids::OrganisationId(1), true),
        Change::Phase(Phase::Contained, sealed("Geen nieuwe versleuteling sinds 11:00, netwerk in drie delen.")),
    ];
    for one in changes {
        story.now = story.now.plus_seconds(1800);
        let leave = leave(story);
        story.me(change(one)(leave));
    }
    let note = |kind, text: &str, why: &str, event_at, certain, tlp| {
        let note = incidents::Note { text: text.to_owned(), why: why.to_owned() };
        move |leave| {
            Command::Incidents(incidents::Command::Note { incident: leave, kind, event_at, certain, tlp, note })
        }
    };
    let earlier = Some(story.now.plus_seconds(-4000));
    let lines = [
        note(
            NoteKind::Note,
            "Aanmelding op de VPN met het account van de leverancier, van een adres buiten Europa.",
            "",
            earlier,
            false,
            Tlp::Amber,
        ),
        note(
            NoteKind::Decision,
            "Alle koppelingen van de leverancier bij de 23 klanten gaan dicht.",
            "Twee aanmeldingen na de inperking. Dossierbeheer offline vanaf 02:00.",
            None,
            true,
            Tlp::Amber,
        ),
        note(NoteKind::Note, "Het OCMW is zich bewust van een inbreuk.", "", None, true, Tlp::AmberStrict),
    ];
    for line in lines {
        story.now = story.now.plus_seconds(900);
        let leave = leave(story);
        story.me(line(leave));
    }
    let task = |text: &str, due| {
        let text = text.to_owned();
        move |leave| Command::Incidents(incidents::Command::AddTask { incident: leave, text, assignee: Some(ME), due })
    };
    for task in
        [task("Bel Sperwermonde", Some(NOW.plus_seconds(-600))), task("Zet de back-up van 9 december terug", None)]
    {
        let leave = leave(story);
        story.me(task(leave));
    }
    let done = incidents::Command::SetTask { incident: leave(story), task: desk::ids::TaskId(1), done: true };
    story.me(Command::Incidents(done));
    for observable in observables::find("evil-vpn.example 203.0.113.77", None) {
        let observe = incidents::Command::Observe { incident: leave(story), tlp: Tlp::Amber, observable };
        story.me(Command::Incidents(observe));
    }
    incident
}

/// What stands around the sample's pages.
pub fn shell(story: &Story, language: Language, theme: Theme, here: Nav) -> Shell {
    let queue = story.lens().queue(NOW, &QueueFilter::default()).counts;
    Shell {
        w: words(language),
        theme,
        keys_off: false,
        demo: true,
        team: "Cyberresponseteam".to_owned(),
        now: NOW,
        stamp: NOW.0,
        person: "wachtofficier 2".to_owned(),
        role: Role::Admin,
        counts: Counts { duty: queue.call + queue.judge, incidents: 1, undelivered: 0 },
        mail: Mail::Well,
        token: "token".to_owned(),
        here,
        store: None,
        unfetched: None,
        tickets: crate::ticket::Tickets::sample(),
        toast: None,
        moment: None,
    }
}

fn opened(story: &Story, reference: Reference, text: &str, pane: Pane) -> Opened {
    let view = story.lens().report(reference).expect("the team sees every report");
    let body = Body {
        text: text.to_owned(),
        html: Some("<p>x</p>".to_owned()),
        headers: vec![("From".to_owned(), "iemand".to_owned()), ("X-Spam".to_owned(), "nee".to_owned())],
        nested: vec!["Een bijgevoegde mail.".to_owned()],
        attached: Vec::new(),
    };
    Opened::of(view, Text::Read(Box::new(body)), pane)
}

/// Every page, by name.
pub fn pages(language: Language, theme: Theme) -> Vec<(String, Markup)> {
    let (story, open, incident) = story();
    let lens = story.lens();
    let mut out: Vec<(String, Markup)> = Vec::new();
    let mut put = |name: &str, markup: Markup| out.push((name.to_owned(), markup));
    let at = |nav| shell(&story, language, theme, nav);
    let duty = |bulk: bool, pane: Pane, toast: bool| {
        let queue = lens.queue(NOW, &QueueFilter::default());
        let open = Some(opened(&story, open, HIT, pane));
        let current = open.as_ref().map(|o| o.view.row.reference);
        let toast = toast.then(|| Toast {
            what: "snoozed".to_owned(),
            count: 1,
            about: current.map(|r| r.to_string()),
            undo: Some(Undo::Fact("0123456789abcdef".to_owned())),
            back: "/wacht".to_owned(),
        });
        let running = lens.incidents(&incidents::IncidentFilter::default(), None, 9).rows;
        let filter = QueueFilter::default();
        let view = pages::duty::Duty { queue, filter, current, open, bulk, running, mistakes: Vec::new() };
        pages::duty::page(&Shell { toast, ..at(Nav::Duty) }, &view)
    };
    put("wacht", duty(false, Pane::Closed, false));
    put("wacht-bij", duty(false, Pane::Attach, true));
    put("wacht-sluimer", duty(false, Pane::Snooze, false));
    put("wacht-anders", duty(false, Pane::More, false));
    put("wacht-verbeter", duty(false, Pane::Appraise, false));
    put("wacht-samen", duty(true, Pane::Closed, false));
    let nothing = pages::duty::Duty {
        queue: intake::Queue::default(),
        filter: QueueFilter::default(),
        current: None,
        open: None,
        bulk: false,
        running: Vec::new(),
        mistakes: Vec::new(),
    };
    let failing = Mail::Failing { since: NOW.plus_seconds(-4000), waiting: 3 };
    put("wacht-leeg", pages::duty::page(&Shell { mail: failing, unfetched: Some(NOW), ..at(Nav::Duty) }, &nothing));
    for (name, trouble) in [("vol", Trouble::Full), ("weg", Trouble::Away), ("stuk", Trouble::Broken)] {
        let shell = Shell { store: Some((NOW, trouble)), ..at(Nav::Duty) };
        put(&format!("wacht-opslag-{name}"), pages::duty::page(&shell, &nothing));
    }
    let partial = lens.reports(&ReportFilter { text: String::new(), ..ReportFilter::default() }, None, 50);
    let partial = partial.rows.iter().find(|r| r.read && !r.complete).map(|r| r.reference).expect("the story has one");
    let alone = Opened { alone: true, ..opened(&story, partial, "Zie bijlage", Pane::Closed) };
    put("melding", pages::report::page(&at(Nav::Reports), &alone));
    out.extend(more_pages(&story, language, theme, open, incident));
    out
}

fn more_pages(
    story: &Story,
    language: Language,
    theme: Theme,
    open: Reference,
    incident: Reference,
) -> Vec<(String, Markup)> {
    let lens = story.lens();
    let mut out: Vec<(String, Markup)> = Vec::new();
    let mut put = |name: &str, markup: Markup| out.push((name.to_owned(), markup));
    let at = |nav| shell(story, language, theme, nav);
    let w = words(language);
    let reply = pages::report::Reply {
        about: pages::report::About::Report(Box::new(lens.report(open).expect("the team sees every report"))),
        from: "cyberresponse@voorbeeld.example".to_owned(),
        to: "sperwermonde.it@privemail.example".to_owned(),
        subject: "Wij bellen u".to_owned(),
        text: "Dag\n\nWij bellen u binnen het half uur.\n\nDe wachtdienst".to_owned(),
        language: Language::Nl,
        ask: true,
        template: "we-call".to_owned(),
        preview: false,
        templates: pages::templates::offered(&[], Language::Nl),
        mistakes: Vec::new(),
    };
    let about = pages::report::About::Incident(Box::new(lens.incident(incident).expect("the team sees it")));
    let write = pages::report::Reply { about, ask: false, to: "pers@krant.example".to_owned(), ..reply.clone() };
    put("incident-mail", pages::report::reply_page(&at(Nav::Incidents), &write));
    let looked_at = pages::report::Reply { preview: true, ..write };
    put("incident-mail-nazien", pages::report::reply_page(&at(Nav::Incidents), &looked_at));
    let past = |kind, reference, held| desk::retention::Due { kind, reference, since: NOW, due: NOW, held };
    let due =
        vec![past(desk::retention::Kept::Spam, open, false), past(desk::retention::Kept::Incident, incident, true)];
    let mut retention = desk::retention::Retention { due, total: 3, ..lens.retention(NOW) };
    let mut decided = retention.terms[0].clone();
    decided.set = Some((NOW, desk::view::Who::Rule));
    decided.undo = Some(7);
    decided.term.source = "besluit 2022/114".to_owned();
    retention.terms[0].counts = desk::retention::Counts::NoMore;
    retention.terms.insert(0, decided);
    let typed = crate::visitor::Fields(vec![("days".to_owned(), "nul".to_owned())]);
    let mistakes = vec![pages::first_run::mistake(w, "days", "days")];
    let kept =
        |typed, mistakes| pages::retention::View { retention: retention.clone(), decides: true, typed, mistakes };
    let template = desk::templates::Template {
        language: Language::Nl,
        title: "Vraag een telefoonnummer, kort".to_owned(),
        subject: "Uw nummer? [{reference}]".to_owned(),
        text: "Dag {name}\n\nOp welk nummer bereiken wij u?".to_owned(),
    };
    let who = desk::view::Who::Rule;
    let row = desk::templates::TemplateRow { id: desk::ids::TemplateId(0), template, at: NOW, who };
    let written = |typed: &[(&str, &str)], mistakes| pages::templates::View {
        own: vec![row.clone()],
        writes: true,
        typed: crate::visitor::Fields(typed.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()),
        mistakes,
    };
    put("sjablonen", pages::templates::page(&at(Nav::Settings), &written(&[], Vec::new())));
    let wrong = vec![pages::first_run::mistake(w, "text", "length")];
    put("sjablonen-fout", pages::templates::page(&at(Nav::Settings), &written(&[("title", "Kort")], wrong)));
    put("bewaring", pages::retention::page(&at(Nav::Journal), &kept(Default::default(), Vec::new())));
    put("bewaring-fout", pages::retention::page(&at(Nav::Journal), &kept(typed, mistakes)));
    put("antwoord", pages::report::reply_page(&at(Nav::Duty), &reply));
    let wrong = vec![pages::first_run::mistake(w, "to", "mailbox")];
    put(
        "antwoord-fout",
        pages::report::reply_page(&at(Nav::Duty), &pages::report::Reply { mistakes: wrong, ..reply.clone() }),
    );
    put("antwoord-nazien", pages::report::reply_page(&at(Nav::Duty), &pages::report::Reply { preview: true, ..reply }));
    let filter = ReportFilter::default();
    let reports = pages::reports::Reports { page: lens.reports(&filter, None, 50), filter, after: None };
    put("meldingen", pages::reports::page(&at(Nav::Reports), &reports));
    let filter = incidents::IncidentFilter::default();
    let list = pages::incidents::Incidents { list: lens.incidents(&filter, None, 50), filter, after: None };
    put("incidenten", pages::incidents::page(&at(Nav::Incidents), &list));
    let new = pages::incidents::NewIncident {
        mistakes: vec![pages::first_run::mistake(w, "title", "length")],
        ..Default::default()
    };
    put("incident-nieuw", pages::incidents::new_page(&at(Nav::Incidents), &new));
    for (name, tab) in pages::incident::TABS {
        let view = pages::incident::Incident {
            view: lens.incident(incident).expect("its opener sees it"),
            tab,
            people: vec![(ME, "wachtofficier 2".to_owned())],
            organisations: lens.organisations(),
            here: vec![w.f("here-also", &[("name", crate::words::s("analist"))])],
            all_lines: false,
            mistakes: Vec::new(),
            typed: Default::default(),
            conflict: None,
            letters: Vec::new(),
            begin: None,
        };
        put(&format!("incident-{name}"), pages::incident::page(&at(Nav::Incidents), &view));
    }
    let filter = OutboxFilter::default();
    let outbox = pages::outbox::Outbox { counts: lens.outbox_counts(), rows: lens.outbox(&filter), filter, sink: true };
    put("uitgaand", pages::outbox::page(&at(Nav::Outbox), &outbox));
    let search = |query: &str| pages::search::Search {
        query: query.to_owned(),
        found: lens.search(query, 0, 30),
        narrow: Default::default(),
        cursor: 0,
        excerpts: Default::default(),
    };
    put("zoek", pages::search::page(&at(Nav::Elsewhere), &search("versleuteld")));
    put("zoek-niets", pages::search::page(&at(Nav::Elsewhere), &search("zzzzqqq")));
    put("toetsen", pages::keys::page(&at(Nav::Elsewhere)));
    put(
        "journaal",
        pages::journal::page(
            &at(Nav::Journal),
            &pages::journal::Journal {
                rows: lens.recent(40),
                team: true,
                checkpoint: Some("bolwerk/desk\n61\nabc=\n".to_owned()),
                nodes: vec![node("zaal", true, true), node("kelder", false, false)],
                open: vec![pages::journal::OpenRow { seq: 60, at: Some(NOW), waits_for: vec!["kelder".to_owned()] }],
            },
        ),
    );
    out.extend(outside_pages(story, language, theme));
    out.extend(door_pages(story, language, theme));
    out
}

/// What people outside see, and what the one who takes their call sees.
fn door_pages(story: &Story, language: Language, theme: Theme) -> Vec<(String, Markup)> {
    use crate::pages::{phone, public};
    let mut out: Vec<(String, Markup)> = Vec::new();
    let mut put = |name: &str, markup: Markup| out.push((name.to_owned(), markup));
    let (w, house) = (words(language), story.desk.front());
    let boards: Vec<String> = story.desk.register().on("2022-12-15").map(|b| b.name.clone()).collect();
    let address = Some("cyberresponse@bolwerk.example".to_owned());
    let empty = public::Public {
        house: house.clone(),
        address: address.clone(),
        boards: boards.clone(),
        typed: public::Typed { once: "sample".to_owned(), ..Default::default() },
        kept: Vec::new(),
        mistakes: Vec::new(),
    };
    put("melden", public::page(w, &empty));
    let typed = public::Typed {
        board: "Otterburg".to_owned(),
        hit_now: true,
        phone: "bel mij".to_owned(),
        email: "an@gemeente".to_owned(),
        ..empty.typed.clone()
    };
    let mistakes = public::mistakes(w, &typed);
    put(
        "melden-fout",
        public::page(w, &public::Public { typed, mistakes, kept: vec!["losgeldbrief.jpg".to_owned()], ..empty }),
    );
    let received = public::Received {
        house,
        address,
        reference: "M-7KQ4-92XD".parse().expect("it is a reference"),
        at: NOW,
        hit_now: true,
        left_out: 1,
        path: "/melden/ontvangen/M-7KQ4-92XD?s=0".to_owned(),
    };
    put("ontvangen", public::received_page(w, &received));
    let at = shell(story, language, theme, Nav::Elsewhere);
    put("telefoon", phone::page(&at, &phone::Phone { boards: boards.clone(), ..Default::default() }));
    let typed = crate::visitor::Fields(vec![
        ("day".to_owned(), "31".to_owned()),
        ("month".to_owned(), "2".to_owned()),
        ("email".to_owned(), "geen".to_owned()),
    ]);
    let wrong = phone::mistakes(w, &typed, &Err("phone-err-since"));
    put("telefoon-fout", phone::page(&at, &phone::Phone { typed, boards, mistakes: wrong }));
    out
}

fn node(name: &str, here: bool, cleared: bool) -> pages::journal::NodeRow {
    pages::journal::NodeRow { name: name.to_owned(), here, runs: here, cleared }
}

fn outside_pages(story: &Story, language: Language, theme: Theme) -> Vec<(String, Markup)> {
    let lens = story.lens();
    let mut out: Vec<(String, Markup)> = Vec::new();
    let mut put = |name: &str, markup: Markup| out.push((name.to_owned(), markup));
    let at = |nav| shell(story, language, theme, nav);
    let w = words(language);
    let board = story.desk.register().find_on("Otterburg", "2022-12-15").expect("the demonstration's register has it");
    put("bestuur", pages::boards::board_page(&at(Nav::Boards), &lens.board(board).expect("it is in the register")));
    let filter = BoardFilter { active: true, ..BoardFilter::default() };
    let rows = lens.boards(&filter).into_iter().map(|r| (1, r)).collect();
    let kind = String::new();
    let boards = pages::boards::Boards {
        filter,
        kind,
        kinds: Vec::new(),
        page: 0,
        rows,
        provinces: vec!["Antwerpen".to_owned()],
        loaded: true,
    };
    put("besturen", pages::boards::page(&at(Nav::Boards), &boards));
    let settings = pages::settings::Settings {
        preferences: Preferences::default(),
        me: ME,
        session: desk::ids::SessionId(0),
        login: "an".to_owned(),
        sessions: lens.sessions(NOW),
        tokens: lens.tokens(),
        people: lens.people(),
        organisations: lens.organisations(),
        house: lens.house(),
        admin: true,
        mistakes: Vec::new(),
        once: Some(("person-added-once", "abcd-efgh-jkmn-pqrs".to_owned())),
    };
    put("instellingen", pages::settings::page(&at(Nav::Settings), &settings));
    let sign_in = |wrong, wait_seconds| pages::sign_in::SignIn {
        login: "wacht2".to_owned(),
        wrong,
        wait_seconds,
        onward: String::new(),
        phone: Some("02 000 00 00".to_owned()),
    };
    put("aanmelden", pages::sign_in::page(w, true, &sign_in(false, 0)));
    put("aanmelden-fout", pages::sign_in::page(w, true, &sign_in(true, 0)));
    put("aanmelden-wacht", pages::sign_in::page(w, true, &sign_in(false, 300)));
    let first = pages::first_run::FirstRun { languages: vec![Language::Nl], ..Default::default() };
    put("eerste-keer", pages::first_run::page(w, &first));
    let wrong = pages::first_run::FirstRun {
        mistakes: vec![
            pages::first_run::mistake(w, "address", "mailbox"),
            pages::first_run::mistake(w, "language-nl", "choose"),
        ],
        ..first
    };
    put("eerste-keer-fout", pages::first_run::page(w, &wrong));
    let checks = pages::first_run::Checks {
        address: "cyberresponse@voorbeeld.example".to_owned(),
        journal: (61, Some(NOW)),
        mail_in: None,
        people: 2,
        phone: None,
        mail_out: Mail::NoWay { waiting: 2 },
        test_mail: lens.outbox(&OutboxFilter::default()).pop(),
        may_test: true,
        test_to: String::new(),
        restored: None,
        admin: true,
        mistakes: Vec::new(),
    };
    put("nazicht", pages::first_run::checks_page(&at(Nav::Settings), &checks));
    for kind in [crate::problem::Kind::NotFound, crate::problem::Kind::Frozen] {
        let problem = crate::problem::Problem { since: Some(NOW), ..crate::problem::Problem::of(kind) };
        put(&format!("fout-{}", kind.key()), pages::problem::page(w, true, &problem));
        put(&format!("fout-{}-binnen", kind.key()), pages::problem::page_within(&at(Nav::Elsewhere), &problem));
    }
    out
}

/// The towns' own domains are checked and hold; one that is nobody's does not.
fn authenticity(from: &str) -> Authenticity {
    let domain = from.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let genuine = from != "sperwermonde.it@privemail.example";
    let check = |by: Option<&str>, method: &str, result: &str| AuthenticityCheck {
        by: by.map(str::to_owned),
        method: method.to_owned(),
        result: result.to_owned(),
        domain: domain.clone(),
    };
    let checks = match genuine {
        true => vec![check(None, "dkim", "pass"), check(Some("mx.bolwerk.example"), "dmarc", "pass")],
        false => vec![check(None, "spf", "softfail"), check(None, "dmarc", "fail")],
    };
    Authenticity { standing: if genuine { Proof::Verified } else { Proof::Failed }, checks, not_checked: None }
}

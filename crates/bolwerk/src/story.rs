//! The demonstration's story, played through the real intake. Its format: `demo/README.md`.

use crate::demo::ADDRESS;
use crate::exit::{Failure, Kind};
use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, Reference, TEAM, TaskId, Timestamp};
use desk::incidents::{self, Change, Note, NoteKind, Phase, Severity};
use desk::intake::{self, Verdict, Via};
use desk::lens::{Leave, Tlp, Viewer};
use desk::register::Which;
use desk::sealed::Sealed;
use engine::{Done, Engine, Fault, FormReport, MailIn};
use serde::Deserialize;
use std::collections::HashMap;

/// Wednesday 14 December 2022, 08:00 Europe/Brussels: the address opens.
pub const BEGINS: Timestamp = Timestamp::from_seconds(1_671_001_200);
/// The duty line of the invented team.
const PHONE: &str = "02 000 00 00";

/// The mails of the story: name and raw bytes.
const MAILS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/mails.rs"));

#[derive(Deserialize)]
struct Line {
    at: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "way", rename_all = "lowercase")]
enum What {
    Mail { label: String, envelope_from: String, file: String },
    Import { label: String, file: String },
    Form(Form),
    Phone(Form),
    Act(Box<Act>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    label: String,
    board: String,
    name: String,
    email: String,
    phone: String,
    what: String,
    hit_now: bool,
    language: String,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    by: String,
    #[serde(rename = "do")]
    what: String,
    label: Option<String>,
    incident: Option<String>,
    title: Option<String>,
    severity: Option<String>,
    tlp: Option<String>,
    text: Option<String>,
    why: Option<String>,
    until: Option<String>,
    due: Option<String>,
    field: Option<String>,
    value: Option<String>,
}

/// The story that ships.
pub struct Story(Vec<Line>);

struct Player<'a> {
    engine: &'a Engine,
    people: HashMap<String, AccountId>,
    reports: HashMap<String, Reference>,
    incidents: HashMap<String, Reference>,
    tasks: HashMap<String, (String, TaskId)>,
}

fn flaw(what: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Unforeseen, format!("the demonstration's story: {what}"))
}

fn fault(fault: Fault) -> Failure {
    flaw(fault)
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    let moment: jiff::Timestamp = text.parse().map_err(|e| flaw(format!("{text}: {e}")))?;
    Ok(Timestamp(moment.as_microsecond()))
}

impl Story {
    /// Reads it.
    pub fn load() -> Result<Story, Failure> {
        let lines = include_str!("../demo/story.jsonl").lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
        let parse =
            |(n, line): (usize, &str)| serde_json::from_str(line).map_err(|e| flaw(format!("line {}: {e}", n + 1)));
        lines.map(parse).collect::<Result<_, _>>().map(Story)
    }

    /// Plays it, each thing at its own time by the desk's clock.
    pub async fn play(self, engine: &Engine) -> Result<(), Failure> {
        let mut player = Player {
            engine,
            people: HashMap::new(),
            reports: HashMap::new(),
            incidents: HashMap::new(),
            tasks: HashMap::new(),
        };
        player.set_up().await?;
        for (n, line) in self.0.into_iter().enumerate() {
            engine.clock().stand_at(moment(&line.at)?);
            player.line(line.what).await.map_err(|e| flaw(format!("line {}: {e}", n + 1)))?;
        }
        Ok(())
    }
}

impl Player<'_> {
    async fn submit(&self, actor: Actor, command: Command) -> Result<Done, Failure> {
        self.engine.submit(actor, command).await.map_err(fault)
    }

    async fn set_up(&mut self) -> Result<(), Failure> {
        let house = Configured {
            organisation: "Cyberresponseteam".to_owned(),
            address: ADDRESS.to_owned(),
            phone: Some(PHONE.to_owned()),
            languages: Language::ALL.to_vec(),
            demo: true,
        };
        self.submit(Actor::Rule, Command::Configure(house)).await?;
        self.submit(Actor::Rule, Command::LoadRegister(Which::Demo)).await?;
        let people = [
            ("duty1", "Wachtdienst 1", Role::Admin),
            ("duty2", "Wachtdienst 2", Role::Duty),
            ("lead", "Teamleiding", Role::Duty),
        ];
        for (login, name, role) in people {
            let person = Person { login: login.to_owned(), name: name.to_owned(), password: String::new() };
            let preferences = Preferences::default();
            let create = accounts::Command::Create { leave: None, organisation: TEAM, role, preferences, person };
            if let Outcome::Account(account) = self.submit(Actor::Rule, Command::Accounts(create)).await?.outcome {
                self.people.insert(login.to_owned(), account);
            }
        }
        Ok(())
    }

    async fn line(&mut self, what: What) -> Result<(), Failure> {
        match what {
            What::Mail { label, envelope_from, file } => self.mail(label, Via::Smtp, Some(envelope_from), &file).await,
            What::Import { label, file } => self.mail(label, Via::Import, None, &file).await,
            What::Form(form) => self.form(form, Via::Form).await,
            What::Phone(form) => self.form(form, Via::Phone).await,
            What::Act(act) => self.act(*act).await,
        }
    }

    async fn mail(
        &mut self,
        label: String,
        via: Via,
        envelope_from: Option<String>,
        file: &str,
    ) -> Result<(), Failure> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let (_, raw) = MAILS.iter().find(|(n, _)| *n == name).ok_or_else(|| flaw(format!("no mail {file}")))?;
        let raw = self.filled(raw)?;
        let peer = via.eq(&Via::Smtp).then(|| "192.0.2.25".to_owned());
        let mail = MailIn { via, envelope_from, peer, helo: None, tls: via == Via::Smtp, raw };
        let received = self.engine.receive_mail(mail).await.map_err(fault)?;
        self.arrived(label, received.reference).await
    }

    /// The placeholders of a mail: what it answers, and what it quotes.
    fn filled(&self, raw: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut text = raw.to_vec();
        while let Some(from) = find(&text, b"{{") {
            let to = find(&text[from..], b"}}").ok_or_else(|| flaw("a placeholder without an end"))? + from;
            let inside = String::from_utf8_lossy(&text[from + 2..to]).into_owned();
            let (what, label) = inside.split_once(':').ok_or_else(|| flaw(&inside))?;
            let value = match what {
                "reply-to" => self.last_message_id(label)?,
                "reference" => self.report(label)?.to_string(),
                _ => return Err(flaw(&inside)),
            };
            text.splice(from..to + 2, value.into_bytes());
        }
        Ok(text)
    }

    fn last_message_id(&self, label: &str) -> Result<String, Failure> {
        let reference = self.report(label)?;
        self.engine.last_message_id(reference).ok_or_else(|| flaw(format!("nothing was sent about {label}")))
    }

    fn report(&self, label: &str) -> Result<Reference, Failure> {
        self.reports.get(label).copied().ok_or_else(|| flaw(format!("no message {label}")))
    }

    async fn form(&mut self, form: Form, via: Via) -> Result<(), Failure> {
        let by = match &form.by {
            Some(login) => Actor::Person(self.person(login)?),
            None => Actor::Rule,
        };
        let report = FormReport {
            board: form.board,
            name: form.name,
            email: form.email,
            phone: form.phone,
            what: form.what,
            hit_now: form.hit_now,
            language: Language::from_tag(&form.language).unwrap_or_default(),
            ..FormReport::default()
        };
        let received = self.engine.receive_form(report, via, by).await.map_err(fault)?;
        self.arrived(form.label, received.reference).await
    }

    async fn arrived(&mut self, label: String, reference: Reference) -> Result<(), Failure> {
        self.reports.insert(label, reference);
        self.engine.settled().await.map_err(|f| fault(Fault::Frozen(f)))
    }

    fn person(&self, login: &str) -> Result<AccountId, Failure> {
        self.people.get(login).copied().ok_or_else(|| flaw(format!("nobody is called {login}")))
    }

    async fn act(&mut self, act: Act) -> Result<(), Failure> {
        let by = self.person(&act.by)?;
        let viewer = self.engine.read(|desk| desk.viewer(by)).await.ok().flatten().ok_or_else(|| flaw(&act.by))?;
        match act.what.as_str() {
            "open-incident" => self.open_incident(&act, viewer).await,
            "note" | "decision" | "task" | "task-done" | "change" => self.in_incident(&act, viewer).await,
            _ => self.about_report(&act, viewer).await,
        }
    }

    async fn leave(&self, label: Option<&str>, viewer: Viewer) -> Result<Leave<desk::ids::ReportId>, Failure> {
        let reference = self.report(label.unwrap_or_default())?;
        let found = self.engine.read(|desk| desk.seen_by(viewer).report_leave(reference)).await;
        found.ok().flatten().ok_or_else(|| flaw(format!("{label:?} cannot be acted upon")))
    }

    async fn about_report(&mut self, act: &Act, viewer: Viewer) -> Result<(), Failure> {
        let leave = self.leave(act.label.as_deref(), viewer).await?;
        let command = match act.what.as_str() {
            "claim" => intake::Command::Claim(leave),
            "reply" | "ask" => {
                let text = act.text.clone().unwrap_or_default();
                let reference = self.report(act.label.as_deref().unwrap_or_default())?;
                let draft = self.engine.reply_draft(reference, &text).ok_or_else(|| flaw("nobody to answer"))?;
                intake::Command::Reply { report: leave, draft, ask: act.what == "ask" }
            }
            "attach" => {
                let incident = self.incident(act.incident.as_deref(), viewer).await?.id();
                intake::Command::Decide(leave, Verdict::Incident { incident, opened: false })
            }
            "no-incident" => intake::Command::Decide(leave, Verdict::NoIncident),
            "spam" => intake::Command::Decide(leave, Verdict::Spam),
            "duplicate" => {
                let of = self.leave(act.value.as_deref(), viewer).await?.id();
                intake::Command::Decide(leave, Verdict::Duplicate(of))
            }
            "snooze" => intake::Command::Snooze(leave, moment(act.until.as_deref().unwrap_or_default())?),
            other => return Err(flaw(format!("no act {other}"))),
        };
        self.submit(Actor::Person(viewer.account), Command::Intake(command)).await?;
        self.engine.settled().await.map_err(|f| fault(Fault::Frozen(f)))
    }

    async fn incident(&self, label: Option<&str>, viewer: Viewer) -> Result<Leave<desk::ids::IncidentId>, Failure> {
        let label = label.unwrap_or_default();
        let reference = self.incidents.get(label).copied().ok_or_else(|| flaw(format!("no incident {label}")))?;
        let found = self.engine.read(|desk| desk.seen_by(viewer).incident_leave(reference)).await;
        found.ok().flatten().ok_or_else(|| flaw(format!("incident {label} cannot be acted upon")))
    }

    async fn open_incident(&mut self, act: &Act, viewer: Viewer) -> Result<(), Failure> {
        let leave = self.leave(act.label.as_deref(), viewer).await?;
        let open = incidents::Command::Open {
            by: viewer.account,
            title: act.title.clone().unwrap_or_default(),
            severity: act.severity.as_deref().and_then(Severity::from_label),
            tlp: act.tlp.as_deref().and_then(Tlp::from_label).unwrap_or_default(),
            since: None,
            boards: Vec::new(),
            classes: Vec::new(),
            reports: vec![leave],
        };
        let done = self.submit(Actor::Person(viewer.account), Command::Incidents(open)).await?;
        let (Outcome::Incident(reference), Some(label)) = (done.outcome, &act.incident) else {
            return Err(flaw("an incident without a label"));
        };
        self.incidents.insert(label.clone(), reference);
        Ok(())
    }

    async fn in_incident(&mut self, act: &Act, viewer: Viewer) -> Result<(), Failure> {
        let named = match (&act.incident, act.label.as_ref().and_then(|l| self.tasks.get(l))) {
            (Some(incident), _) => Some(incident.clone()),
            (None, Some((incident, _))) => Some(incident.clone()),
            (None, None) => None,
        };
        let incident = self.incident(named.as_deref(), viewer).await?;
        let text = act.text.clone().unwrap_or_default();
        let command = match act.what.as_str() {
            "note" | "decision" => incidents::Command::Note {
                incident,
                kind: if act.what == "note" { NoteKind::Note } else { NoteKind::Decision },
                event_at: None,
                certain: true,
                tlp: act.tlp.as_deref().and_then(Tlp::from_label).unwrap_or(Tlp::Clear),
                note: Note { text, why: act.why.clone().unwrap_or_default() },
            },
            "task" => {
                let task = TaskId(self.tasks.values().filter(|(i, _)| Some(i) == named.as_ref()).count() as u32);
                let label = act.label.clone().ok_or_else(|| flaw("a task without a label"))?;
                self.tasks.insert(label, (named.unwrap_or_default(), task));
                incidents::Command::AddTask {
                    incident,
                    text,
                    assignee: act.value.as_deref().map(|p| self.person(p)).transpose()?,
                    due: act.due.as_deref().map(moment).transpose()?,
                }
            }
            "task-done" => {
                let (_, task) =
                    act.label.as_ref().and_then(|l| self.tasks.get(l)).ok_or_else(|| flaw("no such task"))?;
                incidents::Command::SetTask { incident, task: *task, done: true }
            }
            _ => incidents::Command::Change { incident, change: self.change(act)?, expected: None },
        };
        self.submit(Actor::Person(viewer.account), Command::Incidents(command)).await.map(drop)
    }

    fn change(&self, act: &Act) -> Result<Change, Failure> {
        let value = act.value.clone().unwrap_or_default();
        let unknown = || flaw(format!("{:?}: {value}", act.field));
        Ok(match act.field.as_deref() {
            Some("board") => {
                let board = self.engine.board_named(&value).ok_or_else(unknown)?;
                Change::Board(board, true)
            }
            Some("lead") => Change::Lead(Some(self.person(&value)?)),
            Some("class") => Change::Class(value, true),
            Some("phase") => {
                let reason = Sealed::Open(act.why.clone().unwrap_or_default());
                Change::Phase(Phase::from_key(&value).ok_or_else(unknown)?, reason)
            }
            Some("tlp") => Change::Tlp(Tlp::from_label(&value).ok_or_else(unknown)?),
            Some("sector_severity") => Change::SectorSeverity(Severity::from_label(&value)),
            _ => return Err(unknown()),
        })
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_that_ships_can_be_read_and_its_times_go_forward() {
        let story = Story::load().unwrap();
        let times: Vec<Timestamp> = story.0.iter().map(|l| moment(&l.at).unwrap()).collect();
        assert!(times.len() > 100);
        assert!(times.is_sorted());
        assert!(times[0] >= BEGINS && times[times.len() - 1] < crate::demo::STARTS);
    }

    /// What was published about the three towns that keep their names, or asks about that. It grows by nothing that was not.
    const PUBLISHED: [&str; 8] = [
        "Antwerpen - moeten wij iets doen?",
        "We lezen daarnet dat de stad Antwerpen plat ligt door een cyberaanval.",
        "Op het schepencollege kwam de vraag of andere gemeenten via de systemen van Antwerpen in de problemen kunnen komen.",
        "- De stad Diest is sinds 12 december getroffen door een cyberaanval.",
        "Openbaar: Diest getroffen door cyberaanval",
        "- Antwerpen: sinds 6 december, loketten werken op papier.",
        "- Ter herinnering: Willebroek was in januari 2020 na vier dagen terug, met bruikbare back-ups.",
        "Voor het nieuws van 6u: zijn er naast Antwerpen en Diest nog gemeenten bijgekomen?",
    ];

    /// Sentences of a text that name a real town, and are not among those that were published.
    fn invented(text: &str) -> Vec<String> {
        let real = ["antwerp", "anvers", "diest", "willebroek"];
        let sentences = text.lines().flat_map(|line| line.split_inclusive(['.', '?', '!'])).map(str::trim);
        let naming = sentences.filter(|s| real.iter().any(|name| s.to_lowercase().contains(name)));
        naming.filter(|s| !PUBLISHED.contains(s)).map(str::to_owned).collect()
    }

    #[test]
    fn nothing_is_invented_about_the_towns_that_keep_their_names() {
        assert_eq!(invented("Ik woon in Antwerpen. Help!"), ["Ik woon in Antwerpen."]);
        let mut found = Vec::new();
        for (name, raw) in MAILS {
            let mail = post::read::read(raw, &post::read::ReadLimits::default());
            let head = [Some(mail.subject), mail.from_name, mail.from_address];
            let texts = head.into_iter().flatten().chain([mail.text]);
            found.extend(texts.flat_map(|text| invented(&text)).map(|sentence| format!("{name}: {sentence}")));
        }
        for line in include_str!("../demo/story.jsonl").lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let told = line.as_object().unwrap().iter().filter(|(key, _)| !matches!(key.as_str(), "label" | "at"));
            found.extend(told.filter_map(|(_, value)| value.as_str()).flat_map(invented));
        }
        assert_eq!(found, Vec::<String>::new());
    }
}

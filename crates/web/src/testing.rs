//! A desk in a folder of its own, asked through its addresses: what tests stand on.

use crate::app::router;
use crate::secret;
use crate::{Options, Web};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use desk::accounts::{self, Origin, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, OrganisationId, TEAM, Timestamp};
use desk::register::Which;
use engine::{Clock, Engine, Outbound};
use http_body_util::BodyExt;
use std::path::PathBuf;
use std::sync::Arc;
use tower::ServiceExt;

/// When tests play: Thursday 15 December 2022, 03:12 in Brussels.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_671_070_320);

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // The system's folder for such things is emptied by the system when this fails.
        let _left_over = std::fs::remove_dir_all(&self.0);
    }
}

/// A running desk.
pub(crate) struct House {
    pub(crate) web: Web,
    router: Router,
    _folder: Folder,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("pages are UTF-8")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("headers are text"))
    }
}

impl House {
    /// A desk on which first run was not done, whose mail goes nowhere.
    pub(crate) async fn fresh() -> House {
        House::with(Outbound::None, folder()).await
    }

    /// The invented team's desk, with the demonstration's register; its mail goes into the sink.
    pub(crate) async fn open() -> House {
        House::open_in(folder()).await
    }

    /// The same in this folder, which goes with it.
    pub(crate) async fn open_in(folder: PathBuf) -> House {
        let house = House::with(Outbound::Sink, folder).await;
        let configured = Configured {
            organisation: "Cyberresponseteam".to_owned(),
            address: "cyberresponse@bolwerk.example".to_owned(),
            phone: Some("02 000 00 00".to_owned()),
            languages: Language::ALL.to_vec(),
            demo: true,
        };
        house.rule(Command::Configure(configured)).await;
        house.rule(Command::LoadRegister(Which::Demo)).await;
        house
    }

    async fn with(outbound: Outbound, folder: PathBuf) -> House {
        let folder = Folder(folder);
        let clock = Arc::new(Clock::default());
        clock.stand_at(NOW);
        let engine = Engine::open(engine::Options {
            data: folder.0.clone(),
            clock,
            address: None,
            outbound,
            senders: engine::Senders::default(),
            worker: (PathBuf::from("/bin/false"), Vec::new()),
            workers: 1,
            snapshots: None,
        });
        let engine = engine.expect("a folder of its own can be opened");
        let web = Web::new(Options { engine, first_run: Some("code".to_owned()), demo: None });
        House { router: router(web.clone()), web, _folder: folder }
    }

    pub(crate) async fn rule(&self, command: Command) -> Outcome {
        self.web.engine().submit(Actor::Rule, command).await.expect("the rule may").outcome
    }

    /// An organisation besides the team.
    pub(crate) async fn partner(&self) -> OrganisationId {
        self.rule(Command::AddOrganisation { name: "Partner".to_owned() }).await;
        OrganisationId(1)
    }

    /// Somebody who may sign in.
    pub(crate) async fn account(&self, login: &str, organisation: OrganisationId, role: Role) -> AccountId {
        let person = Person { login: login.to_owned(), name: format!("{login} <b>"), password: String::new() };
        let preferences = Preferences { language: Language::Nl, ..Preferences::default() };
        let create = accounts::Command::Create { leave: None, organisation, role, preferences, person };
        match self.rule(Command::Accounts(create)).await {
            Outcome::Account(account) => account,
            other => panic!("{other:?}"),
        }
    }

    /// A session: its cookie.
    pub(crate) async fn session(&self, account: AccountId) -> String {
        let (secret, token) = secret::new_secret();
        let origin = Origin { address: "127.0.0.1".to_owned(), agent: String::new() };
        self.rule(Command::Accounts(accounts::Command::SignIn { account, token, origin })).await;
        format!("bolwerk={secret}")
    }

    /// A machine's token.
    pub(crate) async fn token(&self, account: AccountId) -> String {
        let (token, secret) = secret::new_secret();
        let label = "test".to_owned();
        self.rule(Command::Accounts(accounts::Command::MakeToken { account, label, secret })).await;
        token
    }

    /// Somebody on duty, with a session.
    pub(crate) async fn duty(&self) -> String {
        let account = self.account("wacht", TEAM, Role::Admin).await;
        self.session(account).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the answer is whole").to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// An answer that does not end: its body, to be read bit by bit.
    pub(crate) async fn stream(&self, request: Request<Body>) -> Body {
        self.router.clone().oneshot(request).await.expect("the router answers").into_body()
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    /// A form of a page; with a cookie also its token, taken from that page.
    pub(crate) async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        if !cookie.is_empty() {
            let page = self.get(path, cookie).await;
            all.push(("_t".to_owned(), hidden(page.text(), "_t")));
        }
        let body: Vec<String> = all.iter().map(|(k, v)| format!("{k}={}", crate::routes::query(v))).collect();
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.join("&")));
        self.ask(request.unwrap()).await
    }

    /// A form with files.
    pub(crate) async fn post_files(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--xyz\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        for (name, bytes) in files {
            let head = format!("content-disposition: form-data; name=\"files\"; filename=\"{name}\"");
            body.extend(format!("--xyz\r\n{head}\r\ncontent-type: image/jpeg\r\n\r\n").bytes());
            body.extend_from_slice(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--xyz--\r\n");
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz")
            .body(Body::from(body));
        self.ask(request.unwrap()).await
    }

    /// How many reports there are.
    pub(crate) async fn reports(&self) -> usize {
        self.web.engine().read(|desk| desk.inventory().count()).await.unwrap()
    }
}

/// A folder of its own for a desk.
pub(crate) fn folder() -> PathBuf {
    let name: String = secret::random::<8>().iter().map(|b| format!("{b:02x}")).collect();
    std::env::temp_dir().join(format!("bolwerk-web-{name}"))
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let from = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&from).unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Texts that break things: markup, quotes, directions, controls, templates, long and empty ones.
pub(crate) const NAUGHTY: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'; DROP TABLE reports; --",
    "{{7*7}} ${7*7} %{7*7}",
    "\u{202e}gnp.exe \u{200b}\u{feff}",
    "=HYPERLINK(\"http://kwaad.example\",\"klik\")",
    "</textarea></form><h1>anders</h1>",
    "a\u{0301}\u{1f1e7}\u{1f1ea} \u{0007}\u{001b}[31m",
];

/// Whether a page shows a text as text: nothing that a stranger wrote became markup.
pub(crate) fn is_only_text(page: &str) -> bool {
    !["<script>alert", "<img src=x", "</textarea></form><h1>", "<h1>anders"].iter().any(|m| page.contains(m))
}

//! A connection to PostgreSQL on a thread of its own, so that it can be used and dropped anywhere, also inside an
//! asynchronous runtime.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use postgres::error::Severity;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Statement};

use super::connect::said;
use crate::Error;
use crate::store::Value;

/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// What the server warned of.
pub(super) type Warnings = Arc<Mutex<Option<String>>>;

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// The way to the thread of a connection; the connection closes when this is dropped.
pub(super) struct Link {
    jobs: Sender<Job>,
}

/// A connection, on its thread.
pub(super) struct Session {
    pub client: Client,
    /// Whether this connection is told of new entries.
    pub listening: bool,
    warnings: Warnings,
    statements: HashMap<String, Statement>,
}

impl Link {
    /// Connects, and runs `prepare` on the new connection.
    pub fn open(
        mut config: Config,
        prepare: impl FnOnce(&mut Session) -> Result<(), Error> + Send + 'static,
    ) -> Result<Link, Error> {
        let warnings = Warnings::default();
        let heard = Arc::clone(&warnings);
        config.notice_callback(move |notice| {
            let harmless = matches!(
                notice.parsed_severity(),
                Some(Severity::Notice | Severity::Info | Severity::Log | Severity::Debug)
            );
            if !harmless {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice.message().to_owned());
            }
        });
        let (jobs, todo) = mpsc::channel::<Job>();
        let (answer, answered) = mpsc::channel();
        let run = move || {
            let session = config.connect(NoTls).map_err(|error| said(&error)).and_then(|client| {
                let mut session = Session { client, listening: false, warnings, statements: HashMap::new() };
                prepare(&mut session).map(|()| session)
            });
            match session {
                Err(error) => drop(answer.send(Err(error))),
                Ok(mut session) => {
                    drop(answer.send(Ok(())));
                    todo.into_iter().for_each(|job| job(&mut session));
                }
            }
        };
        let failed = |why: String| Error::Away { why };
        let thread = thread::Builder::new().name("postgres".into());
        thread.spawn(run).map_err(|error| failed(format!("no thread for a connection: {error}")))?;
        let ended = || failed("the thread of the connection ended".into());
        answered.recv().map_err(|_| ended())?.map(|()| Link { jobs })
    }

    /// Runs `work` on the connection and waits for it; `None` when its thread is gone.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Session) -> T + Send + 'static) -> Option<T> {
        self.start(work).recv().ok()
    }

    /// Runs `work` on the connection while the caller does something else.
    pub fn start<T: Send + 'static>(&self, work: impl FnOnce(&mut Session) -> T + Send + 'static) -> Receiver<T> {
        let (answer, answered) = mpsc::channel();
        // Where the thread is gone, the channel is closed, and says so.
        drop(self.jobs.send(Box::new(move |session| drop(answer.send(work(session))))));
        answered
    }
}

impl Session {
    /// The statement, prepared once.
    pub fn statement(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub fn query(&mut self, sql: &str, parameters: &[Owned]) -> Result<Vec<postgres::Row>, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.query(&statement, &borrowed(parameters))
    }

    pub fn execute(&mut self, sql: &str, parameters: &[Owned]) -> Result<u64, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.execute(&statement, &borrowed(parameters))
    }

    /// The newest warning since the last call.
    pub fn warning(&mut self) -> Option<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn borrowed(parameters: &[Owned]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| &**parameter as _).collect()
}

/// A parameter on its way to the thread.
pub(super) type Owned = Box<dyn ToSql + Send + Sync>;

/// Parameters on their way to the thread.
pub(super) fn owned(values: &[Value<'_>]) -> Arc<[Owned]> {
    let owned = values.iter().map(|value| match value {
        Value::Int(n) => Box::new(*n) as Owned,
        Value::Blob(bytes) => Box::new(bytes.to_vec()),
        Value::Text(text) => Box::new((*text).to_owned()),
    });
    owned.collect()
}

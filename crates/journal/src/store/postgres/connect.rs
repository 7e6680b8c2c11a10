//! Connecting: how, and what a connection must be like before it is used.

use std::time::Duration;

use postgres::Config;
use postgres::config::TargetSessionAttrs;
use postgres::error::SqlState;
use sha2::{Digest, Sha256};

use super::link::{Owned, Session};
use crate::Error;

/// Oldest server that is used, as the server counts versions.
const SERVER_VERSION_MIN: i64 = 150_000;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// After this long without an answer to what was sent, or a sign of life, a connection counts as broken.
const BROKEN_AFTER: Duration = Duration::from_secs(30);
/// How long to wait for another node's append.
const LOCK_WAIT: Duration = Duration::from_secs(20);
/// How long to wait for this node's earlier connection to go.
const NODE_WAIT: Duration = Duration::from_secs(5);
/// The server ends a writer's transaction that says nothing for so long, so that one node cannot hold up the others.
const SILENT_MAX: Duration = Duration::from_secs(20);

/// Where and how to connect.
pub(super) fn config(url: &str) -> Result<Config, Error> {
    let mut config: Config = url.parse().map_err(|_| Error::invalid("the connection string cannot be read"))?;
    if config.get_application_name().is_none() {
        config.application_name("bolwerk");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(BROKEN_AFTER);
    }
    config.keepalives_idle(config.get_keepalives_idle().min(BROKEN_AFTER));
    // Of several hosts the one that can be written: a standby may lag, and tells nobody of new entries.
    if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    Ok(config)
}

/// Makes a new connection fit for us.
pub(super) fn settle(session: &mut Session, writes: bool, node: &str) -> Result<(), Error> {
    let silent = if writes { SILENT_MAX.as_millis() } else { 0 };
    let broken = BROKEN_AFTER.as_secs();
    let ask = |session: &mut Session, sql: &str| session.client.batch_execute(sql).map_err(|error| said(&error));
    // Warnings must come, or a cancelled wait for the standby would look like an acknowledgement.
    ask(
        session,
        &format!(
            "SET client_min_messages = warning; SET statement_timeout = 0; \
             SET idle_in_transaction_session_timeout = {silent}; SET tcp_keepalives_idle = {broken}; \
             SET client_connection_check_interval = 5000; SET default_transaction_isolation = 'read committed'"
        ),
    )?;
    let show = |session: &mut Session, name: &str| -> Result<String, Error> {
        let rows = session.query(&format!("SELECT current_setting('{name}')"), &[]).map_err(|error| said(&error))?;
        Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
    };
    let version: i64 = show(session, "server_version_num")?.parse().unwrap_or(0);
    if version < SERVER_VERSION_MIN {
        return Err(Error::invalid(format!("PostgreSQL {} is too old: 15 or later is needed", version / 10_000)));
    }
    if !writes {
        return Ok(());
    }
    for name in ["fsync", "full_page_writes"] {
        if show(session, name)? != "on" {
            return Err(Error::invalid(format!("the server runs with {name} off: what it acknowledges may be lost")));
        }
    }
    if show(session, "transaction_read_only")? == "on" {
        return Err(Error::Away { why: "the server is a standby, or set read-only: it cannot be written now".into() });
    }
    // As durable as the server wants, and never less than flushed, also on the standby.
    let durable = if show(session, "synchronous_commit")? == "remote_apply" { "remote_apply" } else { "on" };
    ask(session, &format!("SET synchronous_commit = {durable}"))?;
    hold_node(session, node)
}

/// Holds the name of this node as long as the connection lives, so that it writes once only.
fn hold_node(session: &mut Session, node: &str) -> Result<(), Error> {
    let parameters: [Owned; 1] = [Box::new(node_lock(node))];
    wait_for_locks(session, NODE_WAIT)?;
    let held = session.query("SELECT pg_advisory_lock($1)", &parameters);
    match held {
        Ok(_) => wait_for_locks(session, LOCK_WAIT),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(Error::Away {
            why: format!(
                "the server still has a connection of node {node}: it waits for its standby, has not noticed that the \
                 connection broke, or another folder has the same name in its store.toml"
            ),
        }),
        Err(error) => Err(said(&error)),
    }
}

fn wait_for_locks(session: &mut Session, wait: Duration) -> Result<(), Error> {
    let sql = format!("SET lock_timeout = {}", wait.as_millis());
    session.client.batch_execute(&sql).map_err(|error| said(&error))
}

/// Number of the lock on the name of a node.
pub(super) fn node_lock(node: &str) -> i64 {
    let hash = Sha256::new().chain_update(b"bolwerk/node\0").chain_update(node).finalize();
    i64::from_be_bytes(std::array::from_fn(|n| hash[n]))
}

/// What the server said, by what can be done about it.
pub(super) fn said(error: &postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else { return Error::Away { why: chain(error) } };
    let (code, what) = (db.code(), format!("{} ({})", db.message(), db.code().code()));
    let passing = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::QUERY_CANCELED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    match code {
        _ if passing.contains(code) || code.code().starts_with("08") => Error::Away { why: what },
        code if *code == SqlState::DISK_FULL => Error::Full { what: format!("that of the database server: {what}") },
        code if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            Error::broken(None, format!("the store is damaged: {what}"))
        }
        _ => Error::Server { what },
    }
}

/// An error with its causes; the client's own words never hold a password.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

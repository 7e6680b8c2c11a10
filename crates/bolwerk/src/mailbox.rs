//! A mailbox on another mail server that is emptied into the desk.

use crate::config::{ImapFile, ImapTls, Settings};
use crate::exit::Failure;
use desk::intake::Via;
use engine::{Engine, Fault, MailIn, MailboxState};
use post::door::Kept;
use post::imap::{After, Mailbox, Secret, State, Tls, fetch};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks whether it is this node's turn.
const TURN: Duration = Duration::from_secs(1);

/// The task that does it, until it is told to stop. Of several nodes the one does it that is on duty.
pub fn empty_on_duty(
    file: &ImapFile,
    settings: &Settings,
    engine: Engine,
    mut stop: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let (file, settings) = (file.clone(), settings.clone());
    // Mistakes are found at the start.
    drop(mailbox(&file, &settings)?);
    Ok(async move {
        while !*stop.borrow() {
            if engine.is_on_duty()
                && let Ok(mailbox) = mailbox(&file, &settings)
            {
                tokio::select! {
                    () = empty(mailbox, file.tls != ImapTls::Off, engine.clone(), stop.clone()) => {}
                    () = engine.off_duty() => {}
                }
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(TURN) => {}
            }
        }
    })
}

fn mailbox(file: &ImapFile, settings: &Settings) -> Result<Mailbox, Failure> {
    Ok(Mailbox {
        port: file.port,
        tls: match file.tls {
            ImapTls::Implicit => Tls::Implicit,
            ImapTls::Starttls => Tls::StartTls,
            ImapTls::Off => Tls::Off,
        },
        folder: file.folder.clone(),
        after: match file.after.as_str() {
            "keep" => After::Keep,
            "delete" => After::Delete,
            folder => After::Move(folder.to_owned()),
        },
        size_max: settings.limits.message_mib << 20,
        poll: Duration::from_secs(file.poll_seconds),
        ..Mailbox::new(file.host.clone(), file.user.clone(), secret(file)?)
    })
}

async fn empty(mailbox: Mailbox, tls: bool, engine: Engine, stop: watch::Receiver<bool>) {
    let keep = |raw| keep(engine.clone(), tls, raw);
    let failing = AtomicBool::new(false);
    let name = format!("{} on {}", mailbox.user, mailbox.host);
    let tell = |state: State| {
        log(&name, &state, &failing);
        engine.tell_mailbox(state_of(&state, engine.now()));
    };
    fetch(mailbox, keep, stop, tell).await;
}

/// A failure is said once, and so is its end.
fn log(name: &str, state: &State, failing: &AtomicBool) {
    match state {
        State::Failed { why, .. } if !failing.swap(true, Ordering::Relaxed) => {
            eprintln!("bolwerk: mailbox {name}: no mail is fetched: {why}");
        }
        State::Connected | State::Waiting { .. } if failing.swap(false, Ordering::Relaxed) => {
            eprintln!("bolwerk: mailbox {name}: mail is fetched again");
        }
        _ => {}
    }
}

fn secret(file: &ImapFile) -> Result<Secret, Failure> {
    match (&file.password_file, &file.token_file) {
        (Some(password), _) => Ok(Secret::Password(crate::serve::secret(password)?)),
        (None, Some(token)) => {
            let token = token.clone();
            Ok(Secret::OAuth2Token(Box::new(move || {
                std::fs::read_to_string(&token).unwrap_or_default().trim().to_owned()
            })))
        }
        (None, None) => Ok(Secret::Password(String::new())),
    }
}

async fn keep(engine: Engine, tls: bool, raw: Vec<u8>) -> Kept {
    let mail = MailIn { via: Via::Imap, envelope_from: None, peer: None, helo: None, tls, raw };
    match engine.receive_mail(mail).await {
        Ok(received) => Kept::Kept { reference: received.reference.to_string() },
        Err(Fault::Frozen(frozen)) => Kept::Busy { why: frozen.to_string() },
        // It would be refused tomorrow too: it stays where it is, and is shown.
        Err(Fault::Refused(refusal)) => Kept::Refused { why: refusal.to_string() },
    }
}

fn state_of(state: &State, now: desk::ids::Timestamp) -> MailboxState {
    match state {
        State::Connecting => MailboxState::Connecting,
        State::Connected => MailboxState::Connected,
        State::Waiting { left, .. } => MailboxState::Waiting { left: left.len() },
        State::Failed { since, why, .. } => {
            let seconds = i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX);
            MailboxState::Failed { since: now.plus_seconds(-seconds), why: why.clone() }
        }
    }
}

//! People who sign in, their sessions, and the tokens of machines.

use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Subject};
use crate::house::Language;
use crate::ids::{AccountId, OrganisationId, SessionId, TEAM, Timestamp, TokenId};
use crate::lens::{Leave, Lens, Viewer};
use crate::sealed::Sealed;
use crate::{Desk, Digest};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Longest name of a login or person, in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// How long a session lasts, in seconds: one shift and its hand-over.
pub const SESSION_SECONDS_MAX: i64 = 16 * 3600;

/// What an account may do; what it may *see* is a matter of audiences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks, changes nothing.
    Reader,
    /// Answers, judges, leads incidents.
    Duty,
    /// As duty, and manages accounts and settings.
    Admin,
}

/// How a person wants the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// Language of the interface.
    pub language: Language,
    /// Light, dark, or as the device says.
    #[serde(default)]
    pub theme: Theme,
    /// Single-letter keys are off (WCAG 2.1.4).
    #[serde(default)]
    pub keys_off: bool,
}

/// Light, dark, or as the device says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// The personal data of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// What is typed to sign in, lower case.
    pub login: String,
    /// What colleagues read.
    pub name: String,
    /// Argon2id in PHC form; empty: no password, cannot sign in by one.
    pub password: String,
}

/// What a person signs in with, and is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// What is typed to sign in, lower case.
    pub login: String,
    /// What colleagues read.
    pub name: String,
}

impl Names {
    /// As they are kept, or what is wrong with them.
    fn checked(self) -> Result<Names, Refusal> {
        let (login, name) = (self.login.trim().to_lowercase(), self.name.trim().to_owned());
        if login.is_empty() || login.chars().count() > NAME_CHARS_MAX {
            return Err(Refusal::invalid("login", "length"));
        }
        if login.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Refusal::invalid("login", "signs"));
        }
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            return Err(Refusal::invalid("name", "length"));
        }
        Ok(Names { login, name })
    }
}

/// Where a session comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Address of the peer.
    pub address: String,
    /// User-Agent, cut to 200 characters.
    pub agent: String,
}

/// Facts about people and machines that sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A person may sign in from now on.
    Created {
        /// The account.
        account: AccountId,
        /// Its organisation.
        organisation: OrganisationId,
        /// What it may do.
        role: Role,
        /// How it wants the pages.
        preferences: Preferences,
        /// Who it is.
        person: Sealed<Person>,
    },
    /// The password was set: whoever got in by the old one is out, so the account's sessions and tokens end.
    PasswordSet {
        /// The account.
        account: AccountId,
        /// Argon2id in PHC form.
        password: Sealed<String>,
        /// The session in which its person set it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<SessionId>,
    },
    /// How a person wants the pages.
    Preferred {
        /// The account.
        account: AccountId,
        /// The new preferences.
        preferences: Preferences,
    },
    /// The account may not sign in any more; its sessions end.
    Disabled {
        /// The account.
        account: AccountId,
        /// Who decided it.
        by: AccountId,
    },
    /// The account may sign in again, by the password that it had.
    Enabled {
        /// The account.
        account: AccountId,
        /// Who decided it.
        by: AccountId,
    },
    /// Its person signs in, or is called, by another name.
    Renamed {
        /// The account.
        account: AccountId,
        /// Who says so.
        by: AccountId,
        /// The names from now on.
        names: Sealed<Names>,
    },
    /// It may do something else from now on.
    RoleSet {
        /// The account.
        account: AccountId,
        /// Who decided it.
        by: AccountId,
        /// What it may do.
        role: Role,
    },
    /// A session began.
    SignedIn {
        /// The session.
        session: SessionId,
        /// Whose.
        account: AccountId,
        /// SHA-256 of the cookie's secret.
        token: Digest,
        /// Where from.
        origin: Sealed<Origin>,
    },
    /// A session ended, by its person or revoked.
    SignedOut {
        /// The session.
        session: SessionId,
        /// Whose.
        account: AccountId,
    },
    /// A machine may call the API.
    TokenMade {
        /// The token.
        token: TokenId,
        /// In whose name it acts.
        account: AccountId,
        /// What it is for.
        label: String,
        /// SHA-256 of the secret.
        secret: Digest,
    },
    /// A machine may not call the API any more.
    TokenRevoked {
        /// The token.
        token: TokenId,
        /// In whose name it acted.
        account: AccountId,
    },
}

impl Fact {
    pub(crate) fn subject(&self) -> Subject {
        Subject::Account(self.account())
    }

    /// The account it is about.
    pub fn account(&self) -> AccountId {
        let (Fact::Created { account, .. }
        | Fact::PasswordSet { account, .. }
        | Fact::Preferred { account, .. }
        | Fact::Disabled { account, .. }
        | Fact::Enabled { account, .. }
        | Fact::Renamed { account, .. }
        | Fact::RoleSet { account, .. }
        | Fact::SignedIn { account, .. }
        | Fact::SignedOut { account, .. }
        | Fact::TokenMade { account, .. }
        | Fact::TokenRevoked { account, .. }) = self;
        *account
    }
}

/// What may be asked about accounts.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A new account; the first one needs no administrator.
    Create {
        /// Who asks; `None` only for the very first account and from the machine's own command line.
        leave: Option<Leave<AccountId>>,
        /// Its organisation.
        organisation: OrganisationId,
        /// What it may do.
        role: Role,
        /// How it wants the pages.
        preferences: Preferences,
        /// Who it is.
        person: Person,
    },
    /// A new password, Argon2id in PHC form: one's own, or an administrator's for a colleague. Ends sessions and tokens.
    SetPassword {
        /// Who asks.
        leave: Leave<AccountId>,
        /// Whose.
        account: AccountId,
        /// The hash.
        password: String,
        /// The session of one's own that goes on.
        keep: Option<SessionId>,
    },
    /// The account may not sign in any more; an administrator only, and never the last one.
    Disable(Leave<AccountId>, AccountId),
    /// The account may sign in again; an administrator only.
    Enable(Leave<AccountId>, AccountId),
    /// Its person signs in, or is called, by another name; an administrator only.
    Rename {
        /// Who asks.
        leave: Leave<AccountId>,
        /// Whose.
        account: AccountId,
        /// The names from now on.
        names: Names,
    },
    /// It may do something else; an administrator only, and one administrator stays.
    SetRole {
        /// Who asks.
        leave: Leave<AccountId>,
        /// Whose.
        account: AccountId,
        /// What it may do.
        role: Role,
    },
    /// How I want the pages.
    Prefer(Leave<AccountId>, Preferences),
    /// A password was checked; begin a session.
    SignIn {
        /// Whose.
        account: AccountId,
        /// SHA-256 of the cookie's secret.
        token: Digest,
        /// Where from.
        origin: Origin,
    },
    /// End one of my sessions.
    SignOut(Leave<AccountId>, SessionId),
    /// Let a machine in, in my name.
    MakeToken {
        /// In whose name.
        account: AccountId,
        /// What it is for.
        label: String,
        /// SHA-256 of the secret.
        secret: Digest,
    },
    /// A machine may not call any more.
    RevokeToken(Leave<AccountId>, TokenId),
}

/// An account as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub(crate) organisation: OrganisationId,
    pub(crate) role: Role,
    pub(crate) preferences: Preferences,
    pub(crate) disabled: bool,
    pub(crate) person: Sealed<Person>,
}

impl Account {
    fn is_admin(&self) -> bool {
        self.role == Role::Admin && self.organisation == TEAM && !self.disabled
    }
}

/// A session as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub(crate) account: AccountId,
    pub(crate) since: Timestamp,
    pub(crate) ended: bool,
    pub(crate) origin: Sealed<Origin>,
}

/// An API token as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub(crate) account: AccountId,
    pub(crate) label: String,
    pub(crate) since: Timestamp,
    pub(crate) revoked: bool,
}

/// All accounts, sessions and tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    pub(crate) accounts: Vec<Account>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) tokens: Vec<Token>,
    session_by: HashMap<Digest, SessionId>,
    token_by: HashMap<Digest, TokenId>,
}

impl Accounts {
    pub(crate) fn apply(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::Created { organisation, role, preferences, person, .. } => self.accounts.push(Account {
                organisation: *organisation,
                role: *role,
                preferences: *preferences,
                disabled: false,
                person: person.clone(),
            }),
            Fact::PasswordSet { account, password, keep } => {
                self.shut_out(*account, *keep);
                if let (Some(person), Some(password)) =
                    (self.accounts[account.index()].person.open_mut(), password.open())
                {
                    person.password.clone_from(password);
                }
            }
            Fact::Preferred { account, preferences } => self.accounts[account.index()].preferences = *preferences,
            Fact::Disabled { account, .. } => {
                self.accounts[account.index()].disabled = true;
                self.shut_out(*account, None);
            }
            Fact::Enabled { account, .. } => self.accounts[account.index()].disabled = false,
            Fact::Renamed { account, names, .. } => {
                if let (Some(person), Some(names)) = (self.accounts[account.index()].person.open_mut(), names.open()) {
                    person.login.clone_from(&names.login);
                    person.name.clone_from(&names.name);
                }
            }
            Fact::RoleSet { account, role, .. } => self.accounts[account.index()].role = *role,
            Fact::SignedIn { session, account, token, origin } => {
                self.session_by.insert(*token, *session);
                self.sessions.push(Session { account: *account, since: at, ended: false, origin: origin.clone() });
            }
            Fact::SignedOut { session, .. } => self.sessions[session.index()].ended = true,
            Fact::TokenMade { token, account, label, secret } => {
                self.token_by.insert(*secret, *token);
                self.tokens.push(Token { account: *account, label: label.clone(), since: at, revoked: false });
            }
            Fact::TokenRevoked { token, .. } => self.tokens[token.index()].revoked = true,
        }
    }

    /// Ends the sessions and tokens of an account, but for one session.
    fn shut_out(&mut self, account: AccountId, keep: Option<SessionId>) {
        let sessions = self.sessions.iter_mut().enumerate().filter(|(_, s)| s.account == account);
        sessions.filter(|(n, _)| keep.map(SessionId::index) != Some(*n)).for_each(|(_, s)| s.ended = true);
        self.tokens.iter_mut().filter(|t| t.account == account).for_each(|t| t.revoked = true);
    }

    pub(crate) fn name(&self, account: AccountId) -> Option<&str> {
        self.accounts.get(account.index())?.person.open().map(|p| p.name.as_str())
    }
}

pub(crate) fn decide(desk: &Desk, context: &Context<'_>, command: Command) -> Result<Decision, Refusal> {
    let accounts = &desk.accounts;
    let one = |fact: Fact, outcome: Outcome| Ok(Decision::one(fact::Fact::Accounts(fact), outcome));
    match command {
        Command::Create { leave, organisation, role, preferences, mut person } => {
            match (leave, context.actor) {
                (Some(leave), _) => desk.accounts.needs_admin(leave)?,
                // First run, or the machine's own command line: nobody signed in asks.
                (None, Actor::Rule) => {}
                (None, Actor::Person(_)) => return Err(Refusal::Forbidden),
            }
            if organisation != TEAM && organisation.index() >= desk.house.organisations.len() {
                return Err(Refusal::invalid("organisation", "unknown"));
            }
            Names { login: person.login, name: person.name } =
                Names { login: person.login, name: person.name }.checked()?;
            if accounts.by_login(&person.login).is_some() {
                return Err(Refusal::invalid("login", "taken"));
            }
            let account = AccountId(accounts.accounts.len() as u32);
            one(
                Fact::Created { account, organisation, role, preferences, person: Sealed::Open(person) },
                Outcome::Account(account),
            )
        }
        Command::SetPassword { leave, account, password, keep } => {
            accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            if leave.by != account {
                accounts.needs_admin(leave)?;
            }
            // Of a colleague, or of somebody else's number, nothing is kept.
            let own = |s: &SessionId| accounts.sessions.get(s.index()).is_some_and(|s| s.account == account);
            let keep = keep.filter(|s| leave.by == account && own(s));
            one(Fact::PasswordSet { account, password: Sealed::Open(password), keep }, Outcome::Done)
        }
        Command::Disable(leave, account) => {
            accounts.needs_admin(leave)?;
            let known = accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            if known.disabled {
                return Ok(Decision::nothing(Outcome::Done));
            }
            accounts.may_lose(known)?;
            one(Fact::Disabled { account, by: leave.by }, Outcome::Done)
        }
        Command::Enable(leave, account) => {
            accounts.needs_admin(leave)?;
            let known = accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            if !known.disabled {
                return Ok(Decision::nothing(Outcome::Done));
            }
            one(Fact::Enabled { account, by: leave.by }, Outcome::Done)
        }
        Command::Rename { leave, account, names } => {
            accounts.needs_admin(leave)?;
            let known = accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            let person = known.person.open().ok_or(Refusal::Erased)?;
            let names = names.checked()?;
            if (&names.login, &names.name) == (&person.login, &person.name) {
                return Ok(Decision::nothing(Outcome::Done));
            }
            if accounts.by_login(&names.login).is_some_and(|other| other != account) {
                return Err(Refusal::invalid("login", "taken"));
            }
            one(Fact::Renamed { account, by: leave.by, names: Sealed::Open(names) }, Outcome::Done)
        }
        Command::SetRole { leave, account, role } => {
            accounts.needs_admin(leave)?;
            let known = accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            if known.role == role {
                return Ok(Decision::nothing(Outcome::Done));
            }
            accounts.may_lose(known)?;
            one(Fact::RoleSet { account, by: leave.by, role }, Outcome::Done)
        }
        Command::Prefer(leave, preferences) => one(Fact::Preferred { account: leave.by, preferences }, Outcome::Done),
        Command::SignIn { account, token, origin } => {
            let known = accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            if known.disabled {
                return Err(Refusal::Forbidden);
            }
            let session = SessionId(accounts.sessions.len() as u32);
            one(Fact::SignedIn { session, account, token, origin: Sealed::Open(origin) }, Outcome::Done)
        }
        Command::SignOut(leave, session) => {
            let known = accounts.sessions.get(session.index()).ok_or(Refusal::NotFound)?;
            if known.account != leave.by && desk.accounts.needs_admin(leave).is_err() {
                return Err(Refusal::NotFound);
            }
            one(Fact::SignedOut { session, account: known.account }, Outcome::Done)
        }
        Command::MakeToken { account, label, secret } => {
            accounts.accounts.get(account.index()).ok_or(Refusal::NotFound)?;
            let label = label.trim().to_owned();
            if label.is_empty() || label.chars().count() > NAME_CHARS_MAX {
                return Err(Refusal::invalid("label", "length"));
            }
            one(Fact::TokenMade { token: TokenId(accounts.tokens.len() as u32), account, label, secret }, Outcome::Done)
        }
        Command::RevokeToken(leave, token) => {
            let known =
                accounts.tokens.get(token.index()).filter(|t| t.account == leave.by).ok_or(Refusal::NotFound)?;
            one(Fact::TokenRevoked { token, account: known.account }, Outcome::Done)
        }
    }
}

impl Accounts {
    pub(crate) fn by_login(&self, login: &str) -> Option<AccountId> {
        self.accounts
            .iter()
            .position(|a| a.person.open().is_some_and(|p| p.login == login))
            .map(|n| AccountId(n as u32))
    }

    /// Refuses to lose the last administrator.
    fn may_lose(&self, account: &Account) -> Result<(), Refusal> {
        let admins = self.accounts.iter().filter(|a| a.is_admin()).count();
        if account.is_admin() && admins == 1 { Err(Refusal::invalid("account", "last-admin")) } else { Ok(()) }
    }

    fn needs_admin(&self, leave: Leave<AccountId>) -> Result<(), Refusal> {
        self.is_admin(leave.by)
    }

    /// Whether an account administers this desk.
    pub(crate) fn is_admin(&self, account: AccountId) -> Result<(), Refusal> {
        let account = self.accounts.get(account.index()).ok_or(Refusal::Forbidden)?;
        if account.is_admin() { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// Whom a cookie or a token stands for. Answered before there is a viewer, hence on the desk itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub viewer: Viewer,
    /// The session; `None` for a machine's token.
    pub session: Option<SessionId>,
    /// How the person wants the pages.
    pub preferences: Preferences,
}

impl Desk {
    /// Whose session a cookie's secret (its SHA-256) opens, if it still does at `now`.
    pub fn session(&self, token: &Digest, now: Timestamp) -> Option<SignedIn> {
        let id = *self.accounts.session_by.get(token)?;
        let session = &self.accounts.sessions[id.index()];
        if session.ended || now.seconds_since(session.since) > SESSION_SECONDS_MAX {
            return None;
        }
        self.signed_in(session.account, Some(id))
    }

    /// In whose name a machine's token (its SHA-256) acts.
    pub fn token(&self, secret: &Digest) -> Option<SignedIn> {
        let token = &self.accounts.tokens[self.accounts.token_by.get(secret)?.index()];
        if token.revoked {
            return None;
        }
        self.signed_in(token.account, None)
    }

    fn signed_in(&self, id: AccountId, session: Option<SessionId>) -> Option<SignedIn> {
        let account = self.accounts.accounts.get(id.index()).filter(|a| !a.disabled)?;
        let viewer = Viewer { account: id, organisation: account.organisation, role: account.role };
        Some(SignedIn { viewer, session, preferences: account.preferences })
    }

    /// Account and password hash behind a login, for the sign-in page only.
    pub fn credentials(&self, login: &str) -> Option<(AccountId, &str)> {
        let id = self.accounts.by_login(&login.trim().to_lowercase())?;
        let account = &self.accounts.accounts[id.index()];
        let person = account.person.open()?;
        (!account.disabled && !person.password.is_empty()).then_some((id, person.password.as_str()))
    }

    /// The first account, in whose name the demonstration signs in.
    pub fn first_account(&self) -> Option<AccountId> {
        (!self.accounts.accounts.is_empty()).then_some(AccountId(0))
    }

    /// The viewer that an account is.
    pub fn viewer(&self, account: AccountId) -> Option<Viewer> {
        self.signed_in(account, None).map(|s| s.viewer)
    }
}

/// One of my sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// The session.
    pub session: SessionId,
    /// Since when.
    pub since: Timestamp,
    /// Where from.
    pub origin: Option<Origin>,
}

/// A colleague.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRow {
    /// The account.
    pub account: AccountId,
    /// Name; `None` when erased.
    pub name: Option<String>,
    /// What is typed to sign in, for an administrator.
    pub login: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Its organisation's name.
    pub organisation: String,
    /// May not sign in any more.
    pub disabled: bool,
}

impl Lens<'_> {
    /// Leave to act in one's own name; every account holds it, readers only for their own settings.
    pub fn own(&self) -> Leave<AccountId> {
        Leave { id: self.viewer.account, by: self.viewer.account }
    }

    fn me(&self) -> Option<&Person> {
        self.desk.accounts.accounts.get(self.viewer.account.index())?.person.open()
    }

    /// What I sign in with; `None` when erased.
    pub fn own_login(&self) -> Option<&str> {
        self.me().map(|p| p.login.as_str())
    }

    /// The hash of my own password, for checking it once more; `None` when I have none.
    pub fn own_password(&self) -> Option<&str> {
        self.me().map(|p| p.password.as_str()).filter(|p| !p.is_empty())
    }

    /// My sessions that still run at `now`, newest first.
    pub fn sessions(&self, now: Timestamp) -> Vec<SessionRow> {
        let mine = |s: &Session| {
            s.account == self.viewer.account && !s.ended && now.seconds_since(s.since) <= SESSION_SECONDS_MAX
        };
        let sessions = self.desk.accounts.sessions.iter().enumerate().rev();
        sessions
            .filter(|(_, s)| mine(s))
            .map(|(n, s)| SessionRow { session: SessionId(n as u32), since: s.since, origin: s.origin.open().cloned() })
            .collect()
    }

    /// My tokens that still work: identifier, label, since when.
    pub fn tokens(&self) -> Vec<(TokenId, String, Timestamp)> {
        let tokens = self.desk.accounts.tokens.iter().enumerate();
        tokens
            .filter(|(_, t)| t.account == self.viewer.account && !t.revoked)
            .map(|(n, t)| (TokenId(n as u32), t.label.clone(), t.since))
            .collect()
    }

    /// Colleagues of one's own organisation; the team sees everybody.
    pub fn people(&self) -> Vec<PersonRow> {
        let team = self.viewer.organisation == crate::ids::TEAM;
        let accounts = self.desk.accounts.accounts.iter().enumerate();
        accounts
            .filter(|(_, a)| team || a.organisation == self.viewer.organisation)
            .map(|(n, a)| PersonRow {
                account: AccountId(n as u32),
                name: a.person.open().map(|p| p.name.clone()),
                login: a.person.open().filter(|_| self.admin().is_some()).map(|p| p.login.clone()),
                role: a.role,
                organisation: self.desk.house.organisations.get(a.organisation.index()).cloned().unwrap_or_default(),
                disabled: a.disabled,
            })
            .collect()
    }
}

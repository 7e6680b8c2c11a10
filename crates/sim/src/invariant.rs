//! What must always hold, by name.

use std::fmt;

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Whatever was acknowledged is in the journal, with its content, for ever.
    AcknowledgedIsKept,
    /// A group is durable whole, or nothing of it is.
    GroupsAreWhole,
    /// Nobody is answered before it is durable.
    AnsweredAfterDurable,
    /// The same mail, however often it comes, is one report.
    SameMailOneReport,
    /// Another mail is another report, also under the same Message-ID.
    OtherMailOtherReport,
    /// Recorded times never go back.
    TimeNeverGoesBack,
    /// Facts count up: sequence numbers, reports, incidents, notices; references and Message-IDs are never used twice.
    NumbersCountUp,
    /// The journal takes every entry that the desk decides.
    JournalTakesIt,
    /// A desk opens again after every crash.
    OpensAgain,
    /// State by replay is the state that was live.
    ReplayEqualsLive,
    /// A follower equals the writer at equal positions.
    FollowerEqualsWriter,
    /// The chain computed again is the chain that was stored.
    ChainIsRecomputed,
    /// Any two checkpoints are consistent.
    CheckpointsAreConsistent,
    /// After an erasure nothing readable of the report is left, and nothing comes back.
    ErasedIsGone,
    /// Only what was decided and is not on hold is erased, by two people or by an administrator.
    ErasedByTwo,
    /// A mail of ours has one Message-ID, one recipient and one text for ever.
    OneMessageId,
    /// No mail of ours is lost: it is taken, given up or come back, and said so.
    NoNoticeLost,
    /// Nothing leaves before the fact that it is to leave is durable.
    SentAfterDurable,
    /// The peer sees a mail twice only when a crash or a break fell between its taking and our recording.
    ResentOnlyAfterBreak,
    /// At most one receipt per recipient and hour.
    OneReceiptAnHour,
    /// No receipt to robots, lists, bounces, the null sender; none about imported mail.
    NoReceiptToRobots,
    /// What is decided stays decided until it is taken back.
    DecisionStands,
    /// A stranger who quotes us lands in a report of his own.
    StrangerStaysOutside,
    /// Everybody does only what he may.
    OnlyWhoMay,
    /// An undo takes back that act and nothing else.
    UndoTakesBackThat,
    /// A field that somebody else changed meanwhile is not overwritten.
    NothingOverwritten,
    /// Lists, counts and rows say what a naive recount says.
    CountsAreRecounted,
    /// Nobody sees what is not addressed to his organisation.
    OthersAreKeptOut,
    /// A line that is stricter than its incident stays with those it was for, and stays visible to its writer.
    StrictLineStaysStrict,
    /// A mail that was never tried is due at once, whatever the clock says.
    MailLeavesWhateverTheClock,
    /// What can be read is read, what can be sent is sent, once the world is calm.
    EverythingSettles,
    /// Nothing panics.
    NoPanic,
}

impl Invariant {
    /// Its name, as printed.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// How it shows.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.name(), self.what)
    }
}

/// What checks give back.
pub type Check = Result<(), Broken>;

/// That an invariant does not hold.
pub fn broken<T>(invariant: Invariant, what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { invariant, what: what.into() })
}

/// Breaks with this unless the condition holds.
pub fn holds(condition: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Check {
    if condition { Ok(()) } else { Err(Broken { invariant, what: what() }) }
}

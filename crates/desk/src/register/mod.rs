//! Register: the boards (*besturen*) that this desk serves, with the dates between which each existed.

mod load;
mod view;

pub use view::*;

use crate::folding::{each_word, squeezed};
use crate::ids::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A board: its place in the register that is loaded. The order of a register never changes; it only grows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoardId(pub u32);

impl BoardId {
    /// Place in the register.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What kind of legal person a board is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BoardKind {
    /// A municipality or city.
    #[default]
    Municipality,
    /// A public centre for social welfare (OCMW): a legal person of its own, often on the same machines.
    SocialWelfare,
    /// An autonomous municipal company (AGB).
    MunicipalCompany,
    /// A police zone.
    PoliceZone,
    /// A rescue zone.
    RescueZone,
    /// An intermunicipal company.
    Intermunicipal,
    /// A province.
    Province,
}

impl BoardKind {
    /// Its name in the words, the API and forms.
    pub fn key(self) -> &'static str {
        match self {
            BoardKind::Municipality => "municipality",
            BoardKind::SocialWelfare => "social_welfare",
            BoardKind::MunicipalCompany => "municipal_company",
            BoardKind::PoliceZone => "police_zone",
            BoardKind::RescueZone => "rescue_zone",
            BoardKind::Intermunicipal => "intermunicipal",
            BoardKind::Province => "province",
        }
    }
}

/// A register that ships with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The municipalities of Flanders.
    Flanders,
    /// The demonstration's: fictional names but for Antwerpen, Diest and Willebroek.
    Demo,
}

impl Which {
    /// Its name on the command line, in the API and forms.
    pub fn key(self) -> &'static str {
        match self {
            Which::Flanders => "flanders",
            Which::Demo => "demo",
        }
    }

    /// By its key.
    pub fn from_key(key: &str) -> Option<Which> {
        [Which::Flanders, Which::Demo].into_iter().find(|w| w.key() == key)
    }
}

/// A board.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    /// Its place in the register.
    pub id: BoardId,
    /// Statistical code (REFNIS).
    pub refnis: u32,
    /// Official Dutch name.
    pub name: String,
    /// What kind of legal person.
    pub kind: BoardKind,
    /// Province.
    pub province: String,
    /// Inhabitants on 1 January 2020.
    pub population: u32,
    /// Latitude of its centre, WGS84 degrees.
    pub lat: f64,
    /// Longitude of its centre, WGS84 degrees.
    pub lon: f64,
    /// First day of its existence as far as the register knows, ISO 8601.
    pub valid_from: String,
    /// Last day, ISO 8601; `None`: it exists.
    pub valid_to: Option<String>,
    /// Into which it merged.
    pub successors: Vec<BoardId>,
    /// Other names: of the parts that it was formed from, and in other languages.
    pub former_names: Vec<String>,
    /// Mail domains known to be its own, lower case.
    pub domains: Vec<String>,
}

impl Default for BoardId {
    fn default() -> BoardId {
        BoardId(u32::MAX)
    }
}

impl Board {
    /// Whether it existed on a day (ISO 8601).
    pub fn existed_on(&self, day: &str) -> bool {
        self.valid_from.as_str() <= day && self.valid_to.as_deref().is_none_or(|to| day <= to)
    }
}

/// All boards that a desk serves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Register {
    which: Option<Which>,
    boards: Vec<Board>,
    neighbours: Vec<Vec<BoardId>>,
    /// Squeezed name (own, former, in another language) to boards, the latest first.
    by_name: HashMap<String, Vec<BoardId>>,
    by_domain: HashMap<String, BoardId>,
    /// First folded word of a name to the names that begin with it.
    spelled: HashMap<String, Vec<Spelled>>,
}

/// A name as words in a text.
#[derive(Clone, Debug, PartialEq)]
struct Spelled {
    words: Vec<String>,
    board: BoardId,
    former: bool,
}

/// A name that stands at some place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Of so many words.
    pub(crate) length: usize,
    /// Whose name it is or was on that day; several when the name does not tell.
    pub(crate) boards: Vec<BoardId>,
    /// A former name, or one in another language.
    pub(crate) former: bool,
}

impl Register {
    /// A register of these boards; `id`s are given by the order. Pairs name boards with a common border by their place.
    pub fn new(which: Option<Which>, mut boards: Vec<Board>, pairs: &[(BoardId, BoardId)]) -> Register {
        let mut by_name: HashMap<String, Vec<BoardId>> = HashMap::new();
        let mut by_domain = HashMap::new();
        for (n, board) in boards.iter_mut().enumerate() {
            board.id = BoardId(u32::try_from(n).expect("a register is far smaller than 2^32"));
            for name in std::iter::once(&board.name).chain(&board.former_names) {
                let known = by_name.entry(squeezed(name)).or_default();
                if !known.contains(&board.id) {
                    known.insert(0, board.id);
                }
            }
            for domain in &board.domains {
                by_domain.insert(domain.to_lowercase(), board.id);
            }
        }
        let mut neighbours = vec![Vec::new(); boards.len()];
        for (a, b) in pairs {
            if a.index() < boards.len() && b.index() < boards.len() {
                neighbours[a.index()].push(*b);
                neighbours[b.index()].push(*a);
            }
        }
        let spelled = spelled(&boards);
        Register { which, boards, neighbours, by_name, by_domain, spelled }
    }

    /// The longest name with which these folded words begin, as it was on a day (ISO 8601).
    pub(crate) fn named_at(&self, words: &[&str], day: &str) -> Option<Named> {
        let fits = |s: &&Spelled| {
            s.words.len() <= words.len() && s.words.iter().zip(words).all(|(name, word)| name.as_str() == *word)
        };
        let of_word = self.spelled.get(*words.first()?)?.iter().filter(fits);
        let length = of_word.clone().map(|s| s.words.len()).max()?;
        let longest = || of_word.clone().filter(|s| s.words.len() == length);
        let lives = |s: &&Spelled| self.boards[s.board.index()].existed_on(day);
        let mut then: Vec<&Spelled> = longest().filter(lives).collect();
        if then.is_empty() {
            then = longest().collect();
        }
        let mut boards: Vec<BoardId> = then.iter().map(|s| s.board).collect();
        boards.sort_unstable();
        boards.dedup();
        Some(Named { length, boards, former: then.iter().all(|s| s.former) })
    }

    /// Which of the registers that ship it is.
    pub fn which(&self) -> Option<Which> {
        self.which
    }

    /// The board at a place.
    pub fn get(&self, board: BoardId) -> Option<&Board> {
        self.boards.get(board.index())
    }

    /// The board with this statistical code that exists, else the one that existed last.
    pub fn by_refnis(&self, refnis: u32) -> Option<&Board> {
        let mut with = self.boards.iter().filter(|b| b.refnis == refnis);
        with.clone().find(|b| b.valid_to.is_none()).or_else(|| with.next_back())
    }

    /// The one board that a name means (its own, a former one, one in another language); `None` when there is none or when several
    /// boards of today bear it. Case, accents, spaces and hyphens do not count. Boards that exist go before those that do not.
    pub fn find(&self, name: &str) -> Option<BoardId> {
        self.one_of(name, |board| board.valid_to.is_none())
    }

    /// As [`Register::find`], as it was on a day (ISO 8601).
    pub fn find_on(&self, name: &str, day: &str) -> Option<BoardId> {
        self.one_of(name, |board| board.existed_on(day))
    }

    fn one_of(&self, name: &str, existed: impl Fn(&Board) -> bool) -> Option<BoardId> {
        let named = self.by_name.get(&squeezed(name))?;
        let mut then = named.iter().filter(|b| existed(&self.boards[b.index()]));
        match (then.next(), then.next()) {
            (Some(one), None) => Some(*one),
            (Some(_), Some(_)) => None,
            // Gone before that day, or not there yet: still the board that is meant.
            (None, _) if named.len() == 1 => Some(named[0]),
            (None, _) => None,
        }
    }

    /// The board whose mail domain this is, as far as somebody said so.
    pub fn by_domain(&self, domain: &str) -> Option<&Board> {
        self.get(*self.by_domain.get(domain)?)
    }

    /// All boards, in the register's order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Board> + Clone + '_ {
        self.boards.iter()
    }

    /// Boards that existed on a day (ISO 8601).
    pub fn on<'a>(&'a self, day: &'a str) -> impl Iterator<Item = &'a Board> + 'a {
        self.boards.iter().filter(move |b| b.existed_on(day))
    }

    /// How many boards it knows, past ones too.
    pub fn len(&self) -> usize {
        self.boards.len()
    }

    /// Whether no register is loaded.
    pub fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }

    /// Boards with a common border.
    pub fn neighbours(&self, board: BoardId) -> &[BoardId] {
        self.neighbours.get(board.index()).map_or(&[], Vec::as_slice)
    }
}

fn spelled(boards: &[Board]) -> HashMap<String, Vec<Spelled>> {
    let mut spelled: HashMap<String, Vec<Spelled>> = HashMap::new();
    for board in boards {
        let names = std::iter::once((&board.name, false)).chain(board.former_names.iter().map(|n| (n, true)));
        for (name, former) in names {
            let mut words = Vec::new();
            each_word(name, |word| words.push(word.to_owned()));
            let mut forms = vec![words.clone()];
            if words.first().is_some_and(|w| w == "sint") {
                forms.push([&["st".to_owned()], &words[1..]].concat());
            }
            if words.len() > 1 {
                forms.push(vec![words.concat()]);
            }
            for words in forms.into_iter().filter(|w| !w.is_empty()) {
                spelled.entry(words[0].clone()).or_default().push(Spelled { words, board: board.id, former });
            }
        }
    }
    spelled
}

/// The calendar day of a moment in UTC, ISO 8601 (`2022-12-15`). For register dates, where a day's edge does not matter.
pub fn day_of(at: Timestamp) -> String {
    // Civil from days, after Howard Hinnant's algorithm; days since 1970-01-01 in the proleptic Gregorian calendar.
    let days = at.seconds().div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_calendars() {
        assert_eq!(day_of(Timestamp::from_seconds(0)), "1970-01-01");
        assert_eq!(day_of(Timestamp::from_seconds(1_671_069_840)), "2022-12-15");
        assert_eq!(day_of(Timestamp::from_seconds(1_709_164_800)), "2024-02-29");
        assert_eq!(day_of(Timestamp::from_seconds(-1)), "1969-12-31");
    }

    #[test]
    fn flanders_had_300_municipalities_until_2024_and_has_285_since() {
        let register = Register::flanders();
        assert_eq!(register.on("2022-12-14").count(), 300);
        assert_eq!(register.on("2024-12-31").count(), 300);
        assert_eq!(register.on("2025-01-01").count(), 285);
        let merged = register.iter().filter(|b| b.valid_to.is_some());
        assert_eq!(merged.clone().count(), 28);
        assert!(merged.clone().all(|b| b.successors.len() == 1));
        let into: std::collections::BTreeSet<_> = merged.flat_map(|b| b.successors.clone()).collect();
        assert_eq!(into.len(), 13);
        assert_eq!(
            register.iter().filter(|b| b.existed_on("2022-12-14")).map(|b| u64::from(b.population)).sum::<u64>(),
            6_629_143
        );
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        let register = Register::flanders();
        let name = |n: &str| {
            register.find(n).and_then(|b| register.get(b)).map(|b| (b.name.as_str(), b.existed_on("2025-06-01")))
        };
        assert_eq!(name("sint niklaas"), Some(("Sint-Niklaas", true)));
        assert_eq!(name("Anvers"), Some(("Antwerpen", true)));
        assert_eq!(name("Tongeren"), Some(("Tongeren-Borgloon", true)));
        assert_eq!(name("Galmaarden"), Some(("Pajottegem", true)));
        assert_eq!(name("Nergenshuizen"), None);
        let then = register.find_on("Tongeren", "2022-12-14").and_then(|b| register.get(b)).expect("it existed then");
        assert_eq!((then.name.as_str(), then.valid_to.as_deref()), ("Tongeren", Some("2024-12-31")));
        assert_eq!(register.by_refnis(11002).map(|b| b.valid_from.as_str()), Some("2025-01-01"));
    }

    #[test]
    fn every_current_name_of_a_year_is_unambiguous() {
        for (register, day) in [
            (Register::flanders(), "2022-12-14"),
            (Register::flanders(), "2025-06-01"),
            (Register::demo(), "2022-12-14"),
        ] {
            for board in register.on(day) {
                assert_eq!(register.find_on(&board.name, day), Some(board.id), "{}", board.name);
            }
        }
    }

    #[test]
    fn the_demonstration_names_only_three_real_towns() {
        let demo = Register::demo();
        assert_eq!(demo.len(), 300);
        let real = Register::flanders();
        let shared: Vec<_> = demo.iter().filter(|b| real.find(&b.name).is_some()).map(|b| b.name.as_str()).collect();
        assert_eq!(shared, ["Antwerpen", "Willebroek", "Diest"]);
        assert!(demo.iter().all(|b| !demo.neighbours(b.id).is_empty() || real.neighbours(b.id).is_empty()));
    }

    #[test]
    fn the_order_of_a_register_never_changes() {
        // FNV-1a over codes in order: a fact names a board by its place.
        let order = |register: &Register| {
            register.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, board| {
                board.refnis.to_be_bytes().iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
            })
        };
        assert_eq!(order(&Register::flanders()), 11_650_151_768_340_407_318);
        assert_eq!(order(&Register::demo()), 11_848_877_274_091_597_415);
    }

    #[test]
    fn neighbours_are_mutual() {
        let register = Register::flanders();
        for board in register.iter() {
            for other in register.neighbours(board.id) {
                assert!(register.neighbours(*other).contains(&board.id));
                assert_ne!(*other, board.id);
            }
        }
    }
}

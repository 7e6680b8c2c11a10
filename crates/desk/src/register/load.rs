//! The registers that ship, built from the lists in `data/`.

use super::{Board, BoardId, BoardKind, Register, Which};
use std::collections::{BTreeMap, BTreeSet};

const MUNICIPALITIES_2019: &str = include_str!("../../data/flanders/municipalities_2019.csv");
const MUNICIPALITIES_2025: &str = include_str!("../../data/flanders/municipalities_2025.csv");
/// The seven mergers of 1 January 2019. Source: Statbel, changes of municipalities. What was before is no board here, only a name.
const MERGERS_2019: &str = include_str!("../../data/flanders/mergers_2019.csv");
const MERGERS_2025: &str = include_str!("../../data/flanders/mergers_2025.csv");
const NEIGHBOURS_2019: &str = include_str!("../../data/flanders/neighbours_2019.csv");
const ALIASES: &str = include_str!("../../data/flanders/aliases.csv");
const FICTIONAL: &str = include_str!("../../data/demo/fictional_boards.csv");

/// First day of the list of 2019.
const SINCE_2019: &str = "2019-01-01";
/// Last day of the boards that merged.
const UNTIL_2024: &str = "2024-12-31";
/// First day of the boards that were formed by merging.
const SINCE_2025: &str = "2025-01-01";
/// Codes of the towns that keep their names in the demonstration: what is public about them, and nothing else, carries a real name.
const REAL_IN_DEMO: [u32; 3] = [11002, 24020, 12040];

/// The lists that ship are plain: no quotes, no commas inside a field. A test reads them all.
fn rows(csv: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    csv.lines().skip(1).filter(|line| !line.trim().is_empty()).map(|line| line.trim_end().split(',').collect())
}

fn number<T: std::str::FromStr>(field: &str) -> T {
    field.parse().unwrap_or_else(|_| panic!("the lists that ship hold numbers where numbers belong, not {field:?}"))
}

fn board(row: &[&str], valid_from: &str) -> Board {
    Board {
        refnis: number(row[0]),
        name: row[1].to_owned(),
        kind: BoardKind::Municipality,
        province: row[2].to_owned(),
        population: number(row[3]),
        lat: number(row[4]),
        lon: number(row[5]),
        valid_from: valid_from.to_owned(),
        ..Board::default()
    }
}

fn place(n: usize) -> BoardId {
    BoardId(u32::try_from(n).expect("a register is far smaller than 2^32"))
}

impl Register {
    /// A register that ships.
    pub fn shipped(which: Which) -> Register {
        match which {
            Which::Flanders => Register::flanders(),
            Which::Demo => Register::demo(),
        }
    }

    /// The municipalities of Flanders: 300 from 2019 to 2024, 285 from 2025. Source: Statbel, CC BY 4.0.
    pub fn flanders() -> Register {
        let mut boards: Vec<Board> = rows(MUNICIPALITIES_2019).map(|row| board(&row, SINCE_2019)).collect();
        let place_2019: BTreeMap<u32, BoardId> = boards.iter().enumerate().map(|(n, b)| (b.refnis, place(n))).collect();
        let mut pairs = pairs_2019(&place_2019);
        for (refnis, alias) in rows(ALIASES).map(|row| (number::<u32>(row[0]), row[1])) {
            boards[place_2019[&refnis].index()].former_names.push(alias.to_owned());
        }
        for row in rows(MERGERS_2019) {
            let formed = &mut boards[place_2019[&number::<u32>(row[1])].index()];
            if formed.name != row[0] {
                formed.former_names.push(row[0].to_owned());
            }
        }
        let mut into: BTreeMap<u32, Vec<BoardId>> = BTreeMap::new();
        for row in rows(MERGERS_2025) {
            into.entry(number(row[2])).or_default().push(place_2019[&number::<u32>(row[0])]);
        }
        let mut merged: BTreeMap<BoardId, BoardId> = BTreeMap::new();
        for row in rows(MUNICIPALITIES_2025) {
            let refnis: u32 = number(row[0]);
            let Some(parts) = into.get(&refnis) else { continue };
            let formed = place(boards.len());
            let mut new = board(&row, SINCE_2025);
            for part in parts {
                merged.insert(*part, formed);
                let old = &mut boards[part.index()];
                old.valid_to = Some(UNTIL_2024.to_owned());
                old.successors.push(formed);
                new.former_names.push(old.name.clone());
                new.former_names.extend(old.former_names.iter().cloned());
            }
            new.former_names.retain(|name| *name != new.name);
            boards.push(new);
        }
        pairs.extend(pairs_2025(&pairs, &merged));
        Register::new(Some(Which::Flanders), boards, &pairs)
    }

    /// The demonstration's: sizes and places of the 300, fictional names but for three towns of which public facts are told.
    pub fn demo() -> Register {
        let names: BTreeMap<u32, &str> = rows(FICTIONAL).map(|row| (number(row[0]), row[1])).collect();
        let mut boards: Vec<Board> = rows(MUNICIPALITIES_2019).map(|row| board(&row, SINCE_2019)).collect();
        let place_2019: BTreeMap<u32, BoardId> = boards.iter().enumerate().map(|(n, b)| (b.refnis, place(n))).collect();
        for board in &mut boards {
            if !REAL_IN_DEMO.contains(&board.refnis) {
                board.name = names[&board.refnis].to_owned();
            }
        }
        let pairs = pairs_2019(&place_2019);
        Register::new(Some(Which::Demo), boards, &pairs)
    }
}

fn pairs_2019(place: &BTreeMap<u32, BoardId>) -> Vec<(BoardId, BoardId)> {
    rows(NEIGHBOURS_2019).map(|row| (place[&number::<u32>(row[0])], place[&number::<u32>(row[1])])).collect()
}

/// Borders of the boards that were formed by merging: those of their parts, but for the ones between the parts.
fn pairs_2025(pairs: &[(BoardId, BoardId)], merged: &BTreeMap<BoardId, BoardId>) -> BTreeSet<(BoardId, BoardId)> {
    let now = |board: BoardId| merged.get(&board).copied().unwrap_or(board);
    pairs
        .iter()
        .map(|(a, b)| (*a, *b, now(*a), now(*b)))
        .filter(|(a, b, x, y)| x != y && (a != x || b != y))
        .map(|(_, _, x, y)| (x.min(y), x.max(y)))
        .collect()
}

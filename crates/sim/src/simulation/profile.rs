//! How wild the world of one seed is.

use crate::random::Chance;

/// How often things go wrong, drawn once for each seed. Permille where nothing else is said.
#[derive(Clone, Debug)]
pub struct Profile {
    /// A register is loaded, so that boards have names.
    pub boards: bool,
    /// The machine dies, per step.
    pub crash: u32,
    /// A write fails, per write.
    pub disk: u32,
    /// Longest that a write takes, µs.
    pub write_micros_max: i64,
    /// The next hop makes trouble, per try.
    pub peer: u32,
    /// The clock is set, per step.
    pub clock: u32,
    /// A reading process dies, per mail.
    pub worker: u32,
    /// The acknowledgement is lost on the line, per mail.
    pub line: u32,
    /// Something happens between two nodes that share the disk, per step; 0: there is one.
    pub nodes: u32,
    /// Commands decided together, at most.
    pub group_max: usize,
    /// Weights of what happens next.
    pub weights: [u32; ACTIONS],
}

/// Number of kinds of things that happen.
pub const ACTIONS: usize = 9;

impl Profile {
    /// Drawn by chance: calm worlds and wild ones.
    pub fn draw(chance: &mut Chance) -> Profile {
        let mut some = |most: usize| chance.below(most + 1) as u32;
        let (crash, disk, peer, clock, worker, line) = (some(25), some(40), some(500), some(25), some(120), some(60));
        // mail, form, person, writer, reader, sender, time, follower, retry
        let mut weights = [14, 2, 56, 52, 20, 36, 3, 6, 2];
        // One part of the world is busier than usual, and one slower.
        weights[some(ACTIONS - 1) as usize] *= 2;
        let slow = some(ACTIONS - 1) as usize;
        weights[slow] = weights[slow] / 2 + 1;
        Profile {
            boards: chance.permille(50),
            crash,
            disk,
            write_micros_max: [2_000, 50_000, 30_000_000][chance.below(3)],
            peer,
            clock,
            worker,
            line,
            group_max: 1 + chance.below(8),
            nodes: [0, 0, 60, 250][chance.below(4)],
            weights,
        }
    }

    /// Nothing goes wrong any more.
    pub fn calm(&mut self) {
        (self.crash, self.disk, self.peer, self.clock, self.worker, self.line) = (0, 0, 0, 0, 0, 0);
        self.nodes = 0;
    }
}

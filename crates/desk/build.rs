//! Names the format of snapshots: a hash of this crate's source and of what it is built with, so that any change of it is another format.

use std::error::Error;
use std::path::{Path, PathBuf};

/// FNV-1a, 64 bits with an offset of its own: two of them name a format. Nobody gains by a collision.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for part in [&bytes.len().to_le_bytes(), bytes] {
            part.iter().for_each(|byte| self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        }
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    for part in ["src", "data"] {
        let folder = root.join(part);
        if folder.is_dir() {
            println!("cargo::rerun-if-changed={}", folder.display());
            files_below(&folder, &mut files)?;
        }
    }
    files.sort();
    let mut hashes = [Fnv(0xcbf2_9ce4_8422_2325), Fnv(0x6c62_272e_07bb_0142)];
    for file in &files {
        let (name, content) = (file.strip_prefix(&root)?.display().to_string(), std::fs::read(file)?);
        for hash in &mut hashes {
            hash.add(name.as_bytes());
            hash.add(&content);
        }
    }
    println!("cargo::rustc-env=BOLWERK_DESK_FORMAT={:016x}{:016x}", hashes[0].0, hashes[1].0);
    Ok(())
}

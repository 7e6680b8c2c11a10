//! `bolwerk nodes`: several machines that serve one desk.

use crate::exit::{Failure, Kind};
use crate::{keep, open};
use clap::ArgMatches;
use journal::{Node, Reader};
use serde_json::json;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest connection string, bytes.
const URL_BYTES_MAX: u64 = 8 << 10;

/// `bolwerk nodes …`.
pub fn nodes(matches: &ArgMatches) -> Result<(), Failure> {
    let (name, matches) = matches.subcommand().expect("the command line requires one");
    let data: &PathBuf = matches.get_one("data").expect("the command line requires it");
    match name {
        "connect" => connect(data, matches.get_one::<PathBuf>("url-file").expect("the command line requires it")),
        "list" => list(data, matches.get_flag("json")),
        _ => retire(data, matches.get_one::<String>("node").expect("the command line requires it")),
    }
}

/// The node that a folder is; `None` when its desk has a store of its own.
pub fn of(data: &Path) -> Result<Option<String>, Failure> {
    journal::node_of(data).map_err(|error| {
        Failure::new(Kind::Invalid, error)
            .hint("store.toml has two lines: url = \"postgresql://…\" and node = \"NAME\".")
    })
}

/// The connection string may hold a password, so it never stands on a command line.
fn connect(data: &Path, file: &Path) -> Result<(), Failure> {
    let mut url = String::new();
    match file.to_str() {
        Some("-") => std::io::stdin().take(URL_BYTES_MAX).read_to_string(&mut url)?,
        _ => std::fs::File::open(file)?.take(URL_BYTES_MAX).read_to_string(&mut url)?,
    };
    journal::connect(data, url.trim()).map_err(|e| keep::explain(data, e))?;
    println!("The desk of {} lies in that database from now on. Start it with: bolwerk serve", data.display());
    println!("A further node needs keys.next and then keys, copied from a node that runs, in its folder first.");
    Ok(())
}

fn list(data: &Path, as_json: bool) -> Result<(), Failure> {
    open::exists(data)?;
    let found = Reader::open(data).and_then(|reader| Ok((reader.nodes()?, reader.last_erasure()?)));
    let (nodes, erasure) = found.map_err(|e| keep::explain(data, e))?;
    for Node { name, cleared, here, runs } in &nodes {
        let lags = erasure.is_some_and(|seq| *cleared <= seq);
        if as_json {
            println!("{}", json!({ "node": name, "here": here, "runs": runs, "erasures_carried_out": !lags }));
            continue;
        }
        let erased = if lags { "erasures wait for it" } else { "every erasure is carried out" };
        let (runs, here) = (if *runs { "runs" } else { "does not run" }, if *here { ", this folder" } else { "" });
        println!("{name}: {runs}, {erased}{here}");
    }
    if nodes.is_empty() && !as_json {
        println!("{}: this desk has a store of its own, and no other nodes.", data.display());
    }
    Ok(())
}

fn retire(data: &Path, node: &str) -> Result<(), Failure> {
    open::exists(data)?;
    journal::retire(data, node).map_err(|e| match e {
        journal::Error::Invalid { what } => Failure::new(Kind::Usage, what).hint("See `bolwerk nodes list`."),
        e => keep::explain(data, e),
    })?;
    println!("{node} is forgotten.");
    Ok(())
}

//! `bolwerk`: the command line, configuration and wiring.

mod cli;
mod config;
mod control;
mod demo;
mod environment;
mod exit;
mod files;
mod import;
mod keep;
mod list;
mod mailbox;
mod manual;
mod mistakes;
mod nodes;
mod open;
mod progress;
mod serve;
mod story;
mod words;

use clap::ArgMatches;
use exit::{Failure, Kind};
use std::process::ExitCode;

/// Commands that only print: they end quietly when nobody reads on.
const PRINTING: [&str; 8] =
    ["list", "verify", "checkpoint", "erasures", "export", "check-config", "man", "completions"];

/// What Rust's start-up turns off: whoever writes to a closed pipe (`bolwerk man | head`) ends. Never where something is written.
#[allow(unsafe_code)]
fn end_with_the_reader() {
    // SAFETY: the default action is installed before any other thread runs.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    if matches.subcommand_name().is_some_and(|name| PRINTING.contains(&name)) {
        end_with_the_reader();
    }
    match run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bolwerk: {failure}");
            ExitCode::from(failure.kind as u8)
        }
    }
}

fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let (name, matches) = matches.subcommand().expect("the command line requires one");
    match name {
        "serve" => runtime()?.block_on(serve::serve(matches)),
        "demo" => runtime()?.block_on(demo::demo(matches)),
        "import" => {
            let (_, matches) = matches.subcommand().expect("the command line requires one");
            runtime()?.block_on(import::mail(matches))
        }
        "list" => list::list(matches),
        "verify" => keep::verify(matches),
        "checkpoint" => keep::checkpoint(matches),
        "erasures" => keep::erasures(matches),
        "backup" => keep::backup(matches),
        "restore" => keep::restore(matches),
        "export" => keep::export(matches),
        "token" => {
            let (_, matches) = matches.subcommand().expect("the command line requires one");
            runtime()?.block_on(serve::token(matches))
        }
        "register" => {
            let (_, matches) = matches.subcommand().expect("the command line requires one");
            runtime()?.block_on(serve::load_register(matches))
        }
        "nodes" => nodes::nodes(matches),
        "check-config" => {
            let file = matches.get_one::<std::path::PathBuf>("file");
            let read = config::read(file.map(std::path::PathBuf::as_path), &environment::given())?;
            let node = read.data.as_deref().map(nodes::of).transpose()?.flatten();
            let what = file.map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
            println!("{what}: no mistakes found");
            if let Some(node) = node {
                println!("The desk lies in a database; this node is {node}.");
            }
            let lacks = config::lacks(&read);
            if !lacks.is_empty() {
                println!("A server still needs to be told:");
                lacks.iter().for_each(|what| println!("  {what}"));
            }
            Ok(())
        }
        "man" => match matches.get_one::<std::path::PathBuf>("out") {
            None => Ok(manual::man(cli::command(), &mut std::io::stdout())?),
            Some(folder) => std::fs::create_dir_all(folder)
                .and_then(|()| manual::man_pages(cli::command(), folder))
                .map_err(|error| Failure::of_file(folder, error)),
        },
        "completions" => {
            let shell: clap_complete::Shell = *matches.get_one("shell").expect("the command line requires it");
            clap_complete::generate(shell, &mut cli::command(), "bolwerk", &mut std::io::stdout());
            Ok(())
        }
        "read-worker" => post::worker::worker_main(),
        "snapshot-worker" => keep::snapshot(matches),
        other => Err(Failure::new(Kind::Usage, format!("{other}: no such command"))),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

//! `bench`: the built program measured from outside, one subcommand a measurement. See `README.md` beside it.

mod chance;
mod demo_memory;
mod failure;
mod fill;
mod http;
mod kills;
mod latency;
mod lens;
mod machine;
mod mail_rate;
mod mails;
mod pages;
mod past;
mod peer;
mod probe;
mod server;
mod session;
mod sink;
mod smtp;
mod start;
mod stats;
mod table;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use failure::Failure;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let (name, matches) = matches.subcommand().expect("the command line requires one");
    let done = match name {
        "demo-memory" => demo_memory::run(matches),
        "mail-rate" => mail_rate::run(matches),
        "fill" => fill::run(matches),
        "kills" => kills::run(matches),
        "latency" => latency::run(matches),
        "lens" => lens::run(matches),
        "pages" => pages::run(matches),
        "past" => past::run(matches),
        "start" => start::run(matches),
        other => Err(Failure::usage(format!("{other}: no such benchmark"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let shared = [
        Arg::new("program")
            .long("program")
            .value_name("FILE")
            .default_value("target/release/bolwerk")
            .value_parser(value_parser!(PathBuf))
            .help("The built program"),
        Arg::new("work")
            .long("work")
            .value_name("DIR")
            .default_value("target/bench")
            .value_parser(value_parser!(PathBuf))
            .help("Where the run's folders are made: on the disk that is to be measured"),
        Arg::new("keep").long("keep").action(ArgAction::SetTrue).help("Keep the run's folder"),
        Arg::new("results")
            .long("results")
            .value_name("DIR")
            .default_value("bench/results")
            .value_parser(value_parser!(PathBuf))
            .help("Where results are appended"),
        Arg::new("dry").long("dry").action(ArgAction::SetTrue).help("Print the result only, append it nowhere"),
    ];
    let all = [
        mail_rate::command(),
        kills::command(),
        latency::command(),
        lens::command(),
        pages::command(),
        past::command(),
        start::command(),
        demo_memory::command(),
    ];
    Command::new("bench")
        .about("Measures the built program from outside, beside its limits and a peer")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(all.map(|command| command.args(shared.clone())))
        .subcommand(fill::command())
}

/// A whole number with a default.
fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("N").default_value(default).value_parser(value_parser!(usize)).help(help)
}

/// The desk that is measured.
fn filled_desk() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name("DIR")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The filled desk, as `bench fill` makes it")
}

/// The folder of real mails.
fn corpus() -> Arg {
    Arg::new("dir")
        .long("dir")
        .value_name("FOLDER")
        .value_parser(value_parser!(PathBuf))
        .help("Folder of .eml files [default: mail/abuse-desk in the folder named by BOLWERK_CORPUS]")
}

fn number_of(matches: &ArgMatches, name: &str) -> usize {
    *matches.get_one::<usize>(name).expect("it has a default")
}

fn path_of<'a>(matches: &'a ArgMatches, name: &str) -> &'a Path {
    matches.get_one::<PathBuf>(name).expect("it has a default")
}

fn results_of(matches: &ArgMatches) -> Option<&Path> {
    (!matches.get_flag("dry")).then(|| path_of(matches, "results"))
}

fn corpus_of(matches: &ArgMatches) -> Result<PathBuf, Failure> {
    match matches.get_one::<PathBuf>("dir") {
        Some(folder) => Ok(folder.clone()),
        None => match std::env::var_os("BOLWERK_CORPUS") {
            Some(corpus) => Ok(Path::new(&corpus).join("mail/abuse-desk")),
            None => Err(Failure::usage("give --dir FOLDER with .eml files, or set BOLWERK_CORPUS")),
        },
    }
}

/// How this run was asked for, as it can be typed again; where the program and its folders were does not matter.
fn asked() -> String {
    let mut words = vec!["bench".to_owned()];
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match word.as_str() {
            "--dry" | "--keep" => {}
            "--program" | "--work" | "--results" => drop(given.next()),
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// Lets time pass: a load generator paces itself by the clock.
fn pause(time: Duration) {
    #[allow(clippy::disallowed_methods)] // the rule protects the product, whose time is passed in
    std::thread::sleep(time);
}

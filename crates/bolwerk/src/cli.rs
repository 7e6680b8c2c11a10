//! The command line: one table for parsing, help, manual page and completions.

use clap::{Arg, ArgAction, Command, value_parser};
use std::net::SocketAddr;
use std::path::PathBuf;

fn data() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name("DIR")
        .env("BOLWERK_DATA")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The desk's folder")
}

fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, one object a line")
}

/// The whole command line, with the page of each command.
pub fn command() -> Command {
    crate::manual::written(table())
}

fn table() -> Command {
    Command::new("bolwerk")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The desk of a cyber response team that stands beside hundreds of small public bodies")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve())
        .subcommand(demo())
        .subcommand(import())
        .subcommand(list())
        .subcommand(
            Command::new("verify")
                .about("Recomputes everything that is stored and names the first bad entry")
                .arg(data())
                .arg(
                    Arg::new("against")
                        .long("against")
                        .value_name("CHECKPOINT")
                        .value_parser(value_parser!(PathBuf))
                        .help("A file with an earlier checkpoint: proves that nothing before it changed"),
                )
                .arg(json()),
        )
        .subcommand(
            Command::new("checkpoint")
                .about("Prints the newest checkpoint (a C2SP signed note): keep it elsewhere, verify against it later")
                .arg(data()),
        )
        .subcommand(
            Command::new("erasures")
                .about("Prints the signed, content-free list of what was erased: it travels with the checkpoints")
                .arg(data()),
        )
        .subcommand(backup())
        .subcommand(restore())
        .subcommand(
            Command::new("export")
                .about("Prints every entry of the journal as the desk reads it, one JSON object a line")
                .arg(data())
                .arg(Arg::new("jsonl").long("jsonl").action(ArgAction::SetTrue).help("JSON lines (the only format)"))
                .arg(known_at().help("Up to the entry at this position of the journal, and no further")),
        )
        .subcommand(
            Command::new("token")
                .about("Tokens with which machines call the API")
                .subcommand_required(true)
                .subcommand(
                    Command::new("new")
                        .about("Makes a token and prints it once")
                        .arg(data())
                        .arg(
                            Arg::new("account")
                                .long("account")
                                .value_name("LOGIN")
                                .help("In whose name it acts; the first account when not given"),
                        )
                        .arg(
                            Arg::new("label")
                                .long("label")
                                .value_name("TEXT")
                                .default_value("api")
                                .help("What it is for"),
                        ),
                ),
        )
        .subcommand(
            Command::new("register").about("The register of boards").subcommand_required(true).subcommand(
                Command::new("load")
                    .about("Loads a register that ships with the program")
                    .arg(
                        Arg::new("which").value_name("REGISTER").required(true).value_parser(["flanders"]).help(
                            "flanders: the 300 municipalities of 2019, 285 since 2025 (source: Statbel, CC BY 4.0)",
                        ),
                    )
                    .arg(data()),
            ),
        )
        .subcommand(nodes())
        .subcommand(
            Command::new("check-config")
                .about("Reads a configuration file and explains each mistake: file, line, cure")
                .arg(
                    Arg::new("file")
                        .value_name("FILE")
                        .env("BOLWERK_CONFIG")
                        .value_parser(value_parser!(PathBuf))
                        .help("The file (TOML); without one only the variables of the environment are looked at"),
                ),
        )
        .subcommand(
            Command::new("man")
                .about("Prints the manual page (roff), or writes a page for each command into a folder")
                .arg(
                    Arg::new("out")
                        .long("out")
                        .value_name("DIR")
                        .value_parser(value_parser!(PathBuf))
                        .help("Write bolwerk.1, bolwerk-serve.1 and the others here"),
                ),
        )
        .subcommand(
            Command::new("completions").about("Prints completions for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(value_parser!(clap_complete::Shell))
                    .help("For which one"),
            ),
        )
        .subcommand(Command::new("read-worker").hide(true).about("Reads foreign mail, in a process that may die"))
        .subcommand(
            Command::new("snapshot-worker")
                .hide(true)
                .about("Makes a snapshot of a desk, beside the server that runs it")
                .arg(Arg::new("data").value_name("DIR").required(true).value_parser(value_parser!(PathBuf))),
        )
}

fn serve() -> Command {
    let address = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("ADDR:PORT").value_parser(value_parser!(SocketAddr)).help(help)
    };
    Command::new("serve")
        .about("Runs the desk: takes mail, answers it, serves the pages")
        .arg(data().required(false))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .env("BOLWERK_CONFIG")
                .help("Configuration (TOML); `bolwerk check-config FILE` explains mistakes"),
        )
        .arg(
            address("http", "Where the pages are served [default: 127.0.0.1:8080]; port 0: any free one")
                .env("BOLWERK_HTTP"),
        )
        .arg(address("smtp", "Where mail is taken by SMTP; not at all when not given").env("BOLWERK_SMTP"))
        .arg(
            Arg::new("lmtp")
                .long("lmtp")
                .value_name("ADDR:PORT|unix:PATH")
                .env("BOLWERK_LMTP")
                .help("Where mail is taken by LMTP from a mail server beside it"),
        )
        .arg(
            Arg::new("address")
                .long("address")
                .value_name("MAILBOX")
                .env("BOLWERK_ADDRESS")
                .help("The one address that the desk answers, such as cyberresponse@vlaanderen.example"),
        )
        .arg(
            Arg::new("relay")
                .long("relay")
                .value_name("HOST:PORT")
                .env("BOLWERK_RELAY")
                .help("The next hop for mail that leaves; without one the outbox holds and says so"),
        )
        .arg(
            Arg::new("direct")
                .long("direct")
                .action(ArgAction::SetTrue)
                .help("Without a next hop: mail goes straight to the servers of each recipient's domain"),
        )
        .arg(
            Arg::new("check-senders")
                .long("check-senders")
                .action(ArgAction::SetTrue)
                .help("Check by the DNS whether mail is from whom it says (DKIM, SPF, DMARC, ARC), and show it"),
        )
        .arg(address("dns", "The resolver to ask; those of this machine when not given"))
        .arg(
            Arg::new("ready-file")
                .long("ready-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Written once mail and pages are accepted: JSON with the addresses in use"),
        )
}

fn demo() -> Command {
    Command::new("demo")
        .about("Opens a desk with an invented sector and the weeks of December 2022, replayed through the real intake")
        .arg(
            Arg::new("keep")
                .long("keep")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Keep the demonstration's folder here; opened again when it is there already"),
        )
        .arg(
            Arg::new("build-only")
                .long("build-only")
                .action(ArgAction::SetTrue)
                // A folder of its own is removed in the end: what would be printed is gone.
                .requires("keep")
                .help("Build the folder that --keep names, print its path, and exit"),
        )
        .arg(
            Arg::new("http")
                .long("http")
                .value_name("ADDR")
                .value_parser(value_parser!(SocketAddr))
                .help("Where the pages are served, loopback only [default: 127.0.0.1:8022, or any free port]"),
        )
        .arg(
            Arg::new("ready-file")
                .long("ready-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Written once pages are accepted: JSON with the addresses in use"),
        )
}

fn nodes() -> Command {
    Command::new("nodes")
        .about("Several machines that serve one desk, whose journal lies in PostgreSQL")
        .subcommand_required(true)
        .subcommand(
            Command::new("connect")
                .about("Lets the desk of a folder lie in a PostgreSQL database; the connection string is read from a file")
                .arg(data())
                .arg(
                    Arg::new("url-file")
                        .long("url-file")
                        .value_name("FILE")
                        .required(true)
                        .value_parser(value_parser!(PathBuf))
                        .help("A file with the connection string (postgresql://user:password@host/database); - is standard input"),
                ),
        )
        .subcommand(
            Command::new("list")
                .about("Lists the nodes: whether they run, and which erasures they have not carried out yet")
                .arg(data())
                .arg(json()),
        )
        .subcommand(
            Command::new("retire")
                .about("Forgets a node whose folder is destroyed, so that erasures no longer wait for it")
                .arg(Arg::new("node").value_name("NODE").required(true).help("Its name, as `bolwerk nodes list` shows it"))
                .arg(data()),
        )
}

fn import() -> Command {
    Command::new("import").about("Moves in what was kept elsewhere").subcommand_required(true).subcommand(
        Command::new("mail")
            .about("Imports mail: .eml files, mbox files, Maildirs, folders of them; never answers it")
            .arg(
                Arg::new("paths")
                    .value_name("PATH")
                    .required(true)
                    .num_args(1..)
                    .value_parser(value_parser!(PathBuf))
                    .help("Files or folders"),
            )
            .arg(data())
            .arg(json()),
    )
}

fn list() -> Command {
    let what = |name: &'static str, about: &'static str| {
        Command::new(name).about(about).arg(data()).arg(json()).args(moment())
    };
    Command::new("list")
        .about("Lists what is on the desk, also while a server runs")
        .subcommand_required(true)
        .subcommand(what("reports", "Every message that came in"))
        .subcommand(what("incidents", "Every incident"))
}

/// An earlier moment.
fn moment() -> [Arg; 2] {
    [
        Arg::new("as-of")
            .long("as-of")
            .value_name("DATE")
            .help("What was so at the end of this day (2022-12-15, Europe/Brussels), as it is known now"),
        known_at().help("What was known when the fact at this position of the journal was the newest"),
    ]
}

fn known_at() -> Arg {
    Arg::new("known-at").long("known-at").value_name("POSITION")
}

fn backup() -> Command {
    Command::new("backup")
        .about("Writes a consistent backup, also while a server runs; the keys go to FILE.keys")
        .arg(data())
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The backup"),
        )
        .arg(
            Arg::new("recipient")
                .long("recipient")
                .value_name("AGEKEY")
                .help("Encrypt both files to this age recipient (age1…)"),
        )
}

fn restore() -> Command {
    let file = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf)).help(help)
    };
    Command::new("restore")
        .about("Restores a backup into an empty folder: verified before it opens")
        .arg(Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help("The backup"))
        .arg(data().help("The new folder; empty, or not there yet"))
        .arg(file("keys", "FILE.keys", "The keys; FILE.keys beside the backup when not given"))
        .arg(file("erasures", "LIST", "A newer list of erasures: what it names stays erased"))
        .arg(file("checkpoint", "NOTE", "A newer checkpoint: the backup must be a beginning of what it speaks of"))
        .arg(file("identity", "AGEFILE", "The age identity that opens an encrypted backup"))
}

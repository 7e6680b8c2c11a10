//! What the page of each command says besides its arguments: more words, examples, exit statuses. Help and manual pages come from here.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::Write;
use std::path::Path;

/// What one page says.
struct Page {
    /// The command, without the program's name.
    command: &'static str,
    /// What the first line does not say.
    more: &'static str,
    /// A command line, and what it is for.
    examples: &'static [(&'static str, &'static str)],
    /// Exit statuses other than 0 (done), 1 (something unforeseen) and 2 (the command line is wrong).
    exits: &'static [(u8, &'static str)],
}

/// What every command can end with.
const EXITS: [(u8, &str); 3] = [(0, "done"), (1, "something unforeseen"), (2, "the command line is wrong")];
const MISSING: (u8, &str) = (3, "there is no such folder, or what was named in it is not there");
const HELD: (u8, &str) = (4, "another program holds the folder");
const DAMAGED: (u8, &str) = (5, "damage was found: the journal does not say what was written");
const STORAGE: (u8, &str) = (7, "the storage failed, or this user may not read it");

const PAGES: [Page; 23] = [
    Page {
        command: "",
        more: "Everything that happens on a desk is a fact in one append-only journal, in one folder. `serve` runs a desk, `demo` shows one; the \
               other commands keep the journal, look into it and move things in. Each command has a page: bolwerk COMMAND --help.",
        examples: &[
            ("bolwerk demo", "look at an invented desk"),
            (
                "bolwerk serve --data DIR --smtp 0.0.0.0:25 --address cyberresponse@team.example",
                "run a desk of your own",
            ),
            ("bolwerk verify --data DIR", "see that nothing in it was changed"),
        ],
        exits: &[
            (3, "not there"),
            (4, "held by another program"),
            (5, "damage was found"),
            (6, "the input or configuration is not what it must be"),
            (7, "the storage failed"),
        ],
    },
    Page {
        command: "serve",
        more: "On an empty folder the first page asks for the organisation and the first account; the one-time code for it is printed here. With \
               --address, mail is accepted and answered from the first second all the same; without it, once the first run is done.\n\n\
               Everything can also stand in a TOML file (--config), and each key of it in a variable of the environment, such as \
               BOLWERK_HOSTNAME or BOLWERK_IMAP_HOST: the environment goes before the file, and the command line before both. \
               docs/operator.md lists the variables.",
        examples: &[
            ("bolwerk serve --config /etc/bolwerk/bolwerk.toml", "as the systemd unit runs it"),
            (
                "bolwerk serve --data DIR --smtp 0.0.0.0:25 --address cyberresponse@team.example --relay smtp.team.example:25",
                "without a file",
            ),
            (
                "bolwerk serve --data DIR --http 127.0.0.1:0 --ready-file ready.json",
                "for a test: the ports stand in the file",
            ),
        ],
        exits: &[
            (2, "the command line is wrong, or a port is in use"),
            (3, "the desk's keys, or a file that was named, are not there"),
            HELD,
            DAMAGED,
            (6, "the configuration is not what it must be, or the folder is read-only"),
            STORAGE,
        ],
    },
    Page {
        command: "demo",
        more: "It prints an address that opens the desk with one click, from this machine only. Its clock starts on Thursday 15 December 2022, \
               03:04 Europe/Brussels, and no mail leaves it. A desk in use is never opened as a demonstration.",
        examples: &[
            ("bolwerk demo", "open it, and leave nothing behind"),
            ("bolwerk demo --keep DIR", "go on later where it stopped"),
            ("bolwerk demo --build-only --keep DIR", "build the folder alone"),
        ],
        exits: &[
            (3, "the folder for the ready file is not there"),
            HELD,
            (6, "the folder is in use for something else"),
            STORAGE,
        ],
    },
    Page {
        command: "import",
        more: "Mail at present. What is there already is not imported twice.",
        examples: &[("bolwerk import mail old-mails/ --data DIR", "a folder of mails")],
        exits: &[MISSING, HELD, STORAGE],
    },
    Page {
        command: "import mail",
        more: "May be stopped and run again: a mail that is there already is not imported twice. Creates the folder when it is not there; into one \
               that a server holds, the mail goes through that server. A mail that cannot be fully read is kept all the same, and counted.",
        examples: &[
            ("bolwerk import mail old-mails/ more.mbox --data DIR", "a folder and an mbox file"),
            ("bolwerk import mail Maildir --data DIR --json", "for a tool: one object with the counts"),
        ],
        exits: &[
            (3, "a file or folder that was named is not there"),
            HELD,
            (7, "some mails were not taken, or the storage failed: run it again"),
        ],
    },
    Page {
        command: "list",
        more: "It reads the whole desk, without the limits that a person has on the pages. docs/json.md describes what --json prints.",
        examples: &[
            ("bolwerk list reports --data DIR", "every report, the oldest first"),
            ("bolwerk list incidents --data DIR --json", "for a tool"),
        ],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "list reports",
        more: MOMENTS,
        examples: &[
            ("bolwerk list reports --data DIR | tail -3", "the newest three"),
            ("bolwerk list reports --data DIR --json --as-of 2022-12-15", "as they stood at the end of that day"),
        ],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "list incidents",
        more: MOMENTS,
        examples: &[
            ("bolwerk list incidents --data DIR", "every incident, the oldest first"),
            ("bolwerk list incidents --data DIR --json --known-at 12345", "as they were known then"),
        ],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "verify",
        more: "Reads every entry, every file and every snapshot, and opens what is sealed where the keys are there. Changes nothing, and works \
               beside a running server.",
        examples: &[
            ("bolwerk verify --data DIR", "is everything what was written?"),
            ("bolwerk verify --data DIR --against 2022-12-15.checkpoint", "did nothing change before that checkpoint?"),
        ],
        exits: &[
            MISSING,
            (5, "damage was found, or an entry before the checkpoint changed"),
            (6, "the checkpoint is none"),
            STORAGE,
        ],
    },
    Page {
        command: "checkpoint",
        more: "A signed note of how long the journal is and how it hashes. Whoever keeps it elsewhere can prove later that nothing before it changed.",
        examples: &[("bolwerk checkpoint --data DIR > 2022-12-15.checkpoint", "keep it with somebody else")],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "erasures",
        more: "Give the newest one to `restore`: what it names stays erased.",
        examples: &[("bolwerk erasures --data DIR > 2022-12-15.erasures", "keep it with the checkpoint")],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "backup",
        more: "Keep FILE and FILE.keys apart: whoever has both can read everything; with FILE alone nothing is readable. The journal is verified on \
               the way.",
        examples: &[
            ("bolwerk backup --data DIR --out night --recipient age1…", "both files encrypted to an age key"),
            ("bolwerk backup --data DIR --out night", "the keys in the clear: only where nobody else comes"),
        ],
        exits: &[MISSING, DAMAGED, (6, "the file is there already"), STORAGE],
    },
    Page {
        command: "restore",
        more: "Without keys it verifies and lists, and content stays sealed. Without a list of erasures as new as the newest checkpoint given, the \
               folder opens read-only and says why. It says how old the backup is, and leaves nothing behind when something is wrong.",
        examples: &[
            ("bolwerk restore night --data NEW", "with night.keys beside it"),
            (
                "bolwerk restore night --keys night.keys --identity backup-identity.txt --checkpoint NEWEST.checkpoint --erasures NEWEST.erasures \
                 --data NEW",
                "an encrypted one, beside what was kept elsewhere",
            ),
        ],
        exits: &[
            (3, "a file that was named is not there"),
            HELD,
            (5, "the backup is damaged, or is no backup"),
            (6, "the folder is not empty, or a note or identity is not the right one"),
            STORAGE,
        ],
    },
    Page {
        command: "export",
        more: "What it prints holds personal data in the clear, and hashes of passwords: keep it as you keep the keys. docs/json.md describes it.",
        examples: &[
            ("bolwerk export --jsonl --data DIR > facts.jsonl", "everything"),
            ("bolwerk export --data DIR --known-at 12345", "what was recorded up to that position"),
        ],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "token",
        more: "Whoever has one acts in the name of its account. They are ended on the page of settings.",
        examples: &[("bolwerk token new --data DIR --label monitor", "for the first account")],
        exits: &[MISSING, HELD, (6, "there is no such account"), STORAGE],
    },
    Page {
        command: "token new",
        more: "It is shown this once; the desk keeps its hash. Send it as: Authorization: Bearer TOKEN. Goes through the server that holds the folder.",
        examples: &[
            ("bolwerk token new --data DIR --label monitor", "for the first account"),
            ("bolwerk token new --data DIR --account wacht1 --label script", "for another one"),
        ],
        exits: &[MISSING, HELD, (6, "there is no such account"), STORAGE],
    },
    Page {
        command: "register",
        more: "Boards that the desk knows by name, with their neighbours and their successors.",
        examples: &[("bolwerk register load flanders --data DIR", "the municipalities of Flanders")],
        exits: &[MISSING, HELD, (6, "the desk has another register"), STORAGE],
    },
    Page {
        command: "register load",
        more: "Doing it again changes nothing; another register cannot take its place. Goes through the server that holds the folder.",
        examples: &[("bolwerk register load flanders --data DIR", "before the first report is judged")],
        exits: &[MISSING, HELD, (6, "the desk has another register"), STORAGE],
    },
    Page {
        command: "nodes",
        more: "docs/postgresql.md says how to set it up, what is promised, and what to do when a machine is lost.",
        examples: &[("bolwerk nodes list --data DIR", "which run, and where erasures wait")],
        exits: &[MISSING, HELD, (6, "the location of the database is not what it must be"), STORAGE],
    },
    Page {
        command: "nodes connect",
        more: "The connection string may hold a password, so it stands in a file or comes by standard input. An empty database becomes the desk's; \
               one with a desk gets a further node.",
        examples: &[(
            "bolwerk nodes connect --data DIR --url-file /etc/bolwerk/database",
            "before the first start of a node",
        )],
        exits: &[
            (3, "the file is not there"),
            HELD,
            (6, "the connection string is none, or the folder has a desk already"),
            STORAGE,
        ],
    },
    Page {
        command: "nodes list",
        more: "A node that does not run still counts until it is retired: erasures wait for it.",
        examples: &[("bolwerk nodes list --data DIR --json", "for a tool")],
        exits: &[MISSING, DAMAGED, STORAGE],
    },
    Page {
        command: "nodes retire",
        more: "Only for a node whose folder is destroyed: it holds keys that erasures did not reach.",
        examples: &[("bolwerk nodes retire north --data DIR", "its machine is gone")],
        exits: &[MISSING, STORAGE],
    },
    Page {
        command: "check-config",
        more: "Every mistake is told at once, with its line, or the variable of the environment that it stands in, and what cures it. Says too what a \
               server still needs to be told.",
        examples: &[
            ("bolwerk check-config /etc/bolwerk/bolwerk.toml", "before a restart"),
            ("bolwerk check-config", "where everything stands in the environment"),
        ],
        exits: &[(3, "there is no such file"), (6, "there are mistakes")],
    },
];

/// Commands that are part of the machinery of every installation.
const PRINTERS: [Page; 2] = [
    Page {
        command: "man",
        more: "The pages say what --help says.",
        examples: &[
            ("bolwerk man --out /usr/local/share/man/man1", "a page for each command"),
            ("bolwerk man | man -l -", "read the one of the program"),
        ],
        exits: &[(7, "the folder cannot be written")],
    },
    Page {
        command: "completions",
        more: "",
        examples: &[("bolwerk completions bash > /etc/bash_completion.d/bolwerk", "for everybody on this machine")],
        exits: &[],
    },
];

/// The two times of a list.
const MOMENTS: &str = "--as-of and --known-at are two times and never mixed: what was so on a day, and what was known at a position of the journal. \
                       Each can be given alone. What was erased since stays erased.";

fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().chain(&PRINTERS).find(|page| page.command == command)
}

impl Page {
    fn exits(&self) -> Vec<(u8, &'static str)> {
        let mut exits: Vec<_> = EXITS.iter().chain(self.exits).copied().collect();
        // The words of the command go before those of all.
        exits.reverse();
        exits.sort_by_key(|(status, _)| *status);
        exits.dedup_by_key(|(status, _)| *status);
        exits
    }

    /// What stands under the options.
    fn below(&self) -> String {
        let examples = self.examples.iter().map(|(line, what)| format!("  {line}\n      {what}\n"));
        let exits = self.exits().into_iter().map(|(status, what)| format!("  {status}  {what}\n"));
        format!("Examples:\n{}\nExit status:\n{}", examples.collect::<String>(), exits.collect::<String>())
    }
}

/// Gives each command its page.
pub fn written(command: Command) -> Command {
    write(command, "")
}

fn write(command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let mut command = command;
    for name in names {
        let below = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(name, |c| write(c, &below));
    }
    let Some(page) = page(path) else { return command };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = if page.more.is_empty() { format!("{about}.") } else { format!("{about}.\n\n{}", page.more) };
    command.long_about(long).after_long_help(page.below())
}

/// Writes the manual page of one command.
pub fn man(command: Command, out: &mut dyn Write) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let path = name.strip_prefix("bolwerk").unwrap_or_default().trim_start_matches('-').to_owned();
    let (options, subcommands) = (command.get_arguments().next().is_some(), command.has_subcommands());
    let page = PAGES.iter().chain(&PRINTERS).find(|page| page.command.replace(' ', "-") == path);
    let manual = Man::new(command);
    manual.render_title(out)?;
    manual.render_name_section(out)?;
    manual.render_synopsis_section(out)?;
    manual.render_description_section(out)?;
    if options {
        manual.render_options_section(out)?;
    }
    if subcommands {
        manual.render_subcommands_section(out)?;
    }
    let Some(page) = page else { return Ok(()) };
    let mut roff = Roff::default();
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in page.examples {
        roff.control("TP", []).text([bold(*line)]).text([roman(*what)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (status, what) in page.exits() {
        roff.control("TP", []).text([bold(status.to_string())]).text([roman(what)]);
    }
    roff.to_writer(out)
}

/// Writes a manual page for each command into a folder.
pub fn man_pages(command: Command, folder: &Path) -> std::io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    man_page(command, folder)
}

fn man_page(command: Command, folder: &Path) -> std::io::Result<()> {
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()).cloned() {
        man_page(below, folder)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join(format!("{name}.1")))?);
    man(command, &mut file)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    /// Every command that people see, by its path.
    fn all(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
            all(below, format!("{path} {}", below.get_name()).trim(), found);
        }
        found.push((path.to_owned(), command.clone()));
    }

    fn commands() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        all(&cli::command(), "", &mut found);
        assert!(found.len() > 20);
        found
    }

    #[test]
    fn each_command_has_a_page_with_words_examples_and_exit_statuses() {
        let commands = commands();
        for (path, command) in &commands {
            let page = page(path).unwrap_or_else(|| panic!("{path} has no page"));
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:\n  bolwerk") && help.contains("Exit status:\n  0  done\n"), "{help}");
            let statuses: Vec<u8> = page.exits().iter().map(|(status, _)| *status).collect();
            assert!(statuses.is_sorted() && statuses.starts_with(&[0, 1, 2]) && statuses.len() >= 3, "{path}");
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.len() > 5, "{path}: {} is not described", argument.get_id());
            }
        }
        for page in PAGES.iter().chain(&PRINTERS) {
            assert!(commands.iter().any(|(path, _)| path == page.command), "{}: no such command", page.command);
        }
    }

    #[test]
    fn each_example_is_a_command_line_that_is_taken() {
        for page in PAGES.iter().chain(&PRINTERS) {
            assert!(!page.examples.is_empty(), "{}", page.command);
            for (line, what) in page.examples {
                assert!(line.starts_with(format!("bolwerk {}", page.command).trim_end()) && !what.is_empty(), "{line}");
                let words = line.split(['|', '>']).next().unwrap().split_whitespace();
                let taken = cli::command().try_get_matches_from(words);
                assert!(taken.is_ok(), "{line}: {}", taken.unwrap_err());
            }
        }
    }

    #[test]
    fn a_manual_page_has_the_sections_that_manuals_have() {
        let folder = tempfile::tempdir().unwrap();
        man_pages(cli::command(), folder.path()).unwrap();
        for (path, _) in commands() {
            let name = format!("bolwerk {path}").trim().replace(' ', "-");
            let page = std::fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "\"EXIT STATUS\""] {
                assert!(page.contains(&format!(".SH {section}\n")), "{name}: {section}\n{page}");
            }
            assert!(!page.contains("EXTRA"), "{name}");
        }
    }
}

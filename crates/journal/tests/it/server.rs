//! PostgreSQL servers of the tests' own: real ones, with fsync on, in a folder that goes when the tests end.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls};

/// How often to try to start a server whose predecessor was just killed.
const STARTS_MAX: usize = 100;
const USER: &str = "bolwerk";

/// The programs of the newest PostgreSQL that is installed, as Debian installs them.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.map_while(Result::ok).map(|entry| entry.path());
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter(|path| number(path) >= Some(15)).max_by_key(|path| number(path))?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").exists())
}

/// A command run as somebody who may run PostgreSQL, which root may not.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// A server. It is stopped and its folder removed when this is dropped or the process ends, however it ends.
pub struct Server {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    /// Waits for the end of its input.
    _keeper: Child,
}

impl Server {
    /// Starts a server with further lines of configuration; `None`, said plainly, where PostgreSQL is not installed.
    pub fn start(settings: &str) -> Option<Server> {
        let server = Server::prepare()?;
        let data = server.data();
        let made = run(command(server.bin.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER, "--pgdata"])
            .arg(&data));
        assert!(made, "initdb failed");
        server.configure(settings);
        server.resume();
        Some(server)
    }

    /// A place for a server and the process that tidies it up.
    fn prepare() -> Option<Server> {
        let Some(bin) = programs() else {
            eprintln!("skipped: PostgreSQL 15 or later is not installed under /usr/lib/postgresql");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("bolwerk-pg-").tempdir().unwrap().keep();
        drop(Command::new("chown").arg("postgres:postgres").arg(&dir).stderr(Stdio::null()).status());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let keeper = command("sh")
            .args(["-c", "cd /; read -r _; \"$1\" -D \"$2/data\" -m immediate -s stop; rm -rf \"$2\"", "sh"])
            .args([&bin.join("pg_ctl"), &dir])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Server { bin, dir, port, _keeper: keeper })
    }

    /// A standby that follows this server, not yet started.
    pub fn standby(&self, settings: &str) -> Server {
        let standby = Server::prepare().unwrap();
        let made = run(command(self.bin.join("pg_basebackup"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--wal-method=stream", "--pgdata"])
            .arg(standby.data())
            .args(["--dbname", &format!("{} application_name=standby", self.address())]));
        assert!(made, "pg_basebackup failed");
        standby.configure(settings);
        standby.resume();
        standby
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Settings for the next start.
    fn configure(&self, settings: &str) {
        let all = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nmax_connections = 60\n\
             shared_buffers = 32MB\nfsync = on\nwal_retrieve_retry_interval = 100ms\nbolwerk.settings = '{}'\n{settings}\n",
            self.port,
            self.dir.display(),
            settings.replace('\'', "")
        );
        let path = self.data().join("bolwerk.conf");
        fs::write(&path, all).unwrap();
        let main = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&main).unwrap();
        if !text.contains("bolwerk.conf") {
            fs::write(&main, format!("{text}\ninclude 'bolwerk.conf'\n")).unwrap();
        }
    }

    /// Changes settings of the running server: new connections have them when this returns.
    pub fn reconfigure(&self, settings: &str) {
        self.configure(settings);
        self.client().batch_execute("SELECT pg_reload_conf()").unwrap();
        let sql = "SELECT current_setting('bolwerk.settings')";
        let known = |client: &mut Client| client.query_one(sql, &[]).unwrap().get::<_, String>(0);
        while known(&mut self.client()) != settings.replace('\'', "") {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Starts the server anew with other settings.
    pub fn restart(&self, settings: &str) {
        self.configure(settings);
        assert!(run(command(self.bin.join("pg_ctl"))
            .arg("-D")
            .arg(self.data())
            .args(["-s", "-w", "-m", "fast", "stop"])));
        self.resume();
    }

    /// Starts the server, and waits until it serves.
    pub fn resume(&self) {
        for _ in 0..STARTS_MAX {
            let mut start = command(self.bin.join("pg_ctl"));
            let start =
                start.arg("-D").arg(self.data()).arg("-l").arg(self.dir.join("log")).args(["-s", "-w", "start"]);
            if run(start.current_dir("/")) {
                return;
            }
            // Processes of the server that was killed may be there still.
            std::thread::park_timeout(Duration::from_millis(100));
        }
        panic!("the server does not start: {}", fs::read_to_string(self.dir.join("log")).unwrap_or_default());
    }

    /// Kills the server's first process as a crash would; the others go by themselves.
    pub fn kill(&self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        assert!(run(Command::new("kill").args(["-9", pid.lines().next().unwrap()])));
    }

    /// Makes a standby the server.
    pub fn promote(&self) {
        assert!(run(command(self.bin.join("pg_ctl")).arg("-D").arg(self.data()).args(["-s", "-w", "promote"])));
    }

    /// How to reach it, as a connection string without a schema.
    pub fn address(&self) -> String {
        format!("host={} port={} user={USER} dbname=postgres", self.dir.display(), self.port)
    }

    /// How to reach it by the network.
    pub fn network(&self) -> (String, u16) {
        ("127.0.0.1".into(), self.port)
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.address(), NoTls).unwrap()
    }

    /// A new schema; the connection string for it.
    pub fn schema(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("j{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.client().batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        format!("{} options='-csearch_path={name}'", self.address())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self._keeper.stdin.take());
        drop(self._keeper.wait());
    }
}

/// The server that tests share; `None` where PostgreSQL is not installed.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED.get_or_init(|| Server::start("")).as_ref()
}

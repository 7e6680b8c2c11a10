//! A Dovecot of our own, and a wire to it that can be cut.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use post::imap::{Mailbox, Secret, Timing, Tls};
use sha2::{Digest, Sha256};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PROGRAM: &str = "dovecot";
pub const USER: &str = "desk@example.org";
pub const PASSWORD: &str = "p\u{e2}ss \"w\\rd";
/// Whom mail belongs to where the test runs as root; Dovecot hands nothing to root itself.
const NOBODY: u32 = 65_534;
const TOKEN_KEY: &[u8] = b"a key of the tests, of no value to anybody";

pub struct Dovecot {
    dir: tempfile::TempDir,
    master: Child,
    pub port: u16,
    pub port_tls: u16,
    delivered: AtomicUsize,
}

impl Dovecot {
    /// A server that answers; `None`, said plainly, where Dovecot is not installed.
    pub async fn start() -> Option<Self> {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(PROGRAM).exists()))
            || Path::new("/usr/sbin/dovecot").exists();
        if !found {
            eprintln!("SKIPPED: dovecot is not installed (Debian: dovecot-imapd)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (port, port_tls) = free_ports();
        let file = configure(dir.path(), port, port_tls);
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut master = Command::new(PROGRAM)
            .env("PATH", path)
            .arg("-F")
            .arg("-c")
            .arg(file)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = |master| Self { dir, master, port, port_tls, delivered: AtomicUsize::new(0) };
        for _ in 0..1_000 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(server(master));
            }
            if master.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Dovecot does not start:\n{}", server(master).log());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn mailbox(&self) -> Mailbox {
        Mailbox {
            port: self.port,
            tls: Tls::Off,
            poll: Duration::from_secs(3_600),
            timing: Timing { pause: Duration::from_millis(20), ..Timing::default() },
            ..Mailbox::new("127.0.0.1", USER, Secret::Password(PASSWORD.into()))
        }
    }

    /// Puts one mail (with LF line ends) into the inbox, after those before it.
    pub fn deliver(&self, text: &str) {
        let number = self.delivered.fetch_add(1, Ordering::SeqCst);
        let name = format!("{}.M{number}P1.test", 1_700_000_000 + number);
        let (temporary, new) = (self.folder("").join("tmp").join(&name), self.folder("").join("new").join(&name));
        fs::write(&temporary, text).unwrap();
        own(&temporary);
        fs::rename(temporary, new).unwrap();
    }

    /// Maildir of a folder, `""` for the inbox.
    fn folder(&self, name: &str) -> PathBuf {
        let inbox = self.dir.path().join("mail");
        if name.is_empty() { inbox } else { inbox.join(format!(".{name}")) }
    }

    /// Names of the mails in a folder, with their flags.
    pub fn mails(&self, folder: &str) -> Vec<String> {
        let dirs = ["new", "cur"].map(|dir| fs::read_dir(self.folder(folder).join(dir)));
        let entries = dirs.into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // All of its processes at once: the master alone takes a second to leave.
        let group = format!("-{}", self.master.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.master.wait();
    }
}

fn free_ports() -> (u16, u16) {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, two) = (free(), free());
    (one.local_addr().unwrap().port(), two.local_addr().unwrap().port())
}

fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn configure(dir: &Path, port: u16, port_tls: u16) -> PathBuf {
    for name in ["mail", "mail/cur", "mail/new", "mail/tmp"] {
        fs::create_dir(dir.join(name)).unwrap();
        own(&dir.join(name));
    }
    let keys = dir.join("keys/default/HS256");
    fs::create_dir_all(&keys).unwrap();
    fs::write(keys.join("default"), STANDARD.encode(TOKEN_KEY)).unwrap();
    let at = dir.display();
    fs::write(dir.join("users"), format!("{USER}:{{PLAIN.b64}}{}\n", STANDARD.encode(PASSWORD))).unwrap();
    let oauth = format!(
        "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={at}/keys/\nusername_attribute = sub\n"
    );
    fs::write(dir.join("oauth2.conf"), oauth).unwrap();
    // The tests of the program start one too.
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../post/tests/tls");
    let tls = tls.display();
    let me = fs::metadata("/proc/self").unwrap();
    let (uid, gid) = if is_root() { (NOBODY, NOBODY) } else { (me.uid(), me.gid()) };
    let users = if is_root() { String::new() } else { as_myself() };
    let text = format!(
        "{users}
protocols = imap
listen = 127.0.0.1
base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/log
ssl = yes
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
mail_location = maildir:{at}/mail
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = {at}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {at}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={at}/home allow_all_users=yes
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {port_tls}
    ssl = yes
  }}
}}
"
    );
    fs::write(dir.join("dovecot.conf"), text).unwrap();
    dir.join("dovecot.conf")
}

/// What Dovecot needs to run without root.
fn as_myself() -> String {
    let id = |flags| String::from_utf8(Command::new("id").arg(flags).output().unwrap().stdout).unwrap();
    let (user, group) = (id("-un"), id("-gn"));
    let open = ["imap-login", "anvil", "stats"].map(|service| format!("service {service} {{\n  chroot =\n}}\n"));
    format!(
        "default_internal_user = {user}default_login_user = {user}default_internal_group = {group}{}",
        open.concat()
    )
}

/// A token that this Dovecot believes: JWT signed by HS256 (RFC 7519, RFC 2104).
pub fn token(user: &str) -> String {
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let head = part(r#"{"alg":"HS256","typ":"JWT","kid":"default"}"#.into());
    let body = part(format!(r#"{{"sub":"{user}","iat":1700000000,"nbf":1700000000,"exp":32503680000}}"#));
    let signed = format!("{head}.{body}");
    let keyed = |pad: u8, message: &[u8]| {
        let mut block = [pad; 64];
        block.iter_mut().zip(TOKEN_KEY).for_each(|(byte, key)| *byte ^= key);
        Sha256::new().chain_update(block).chain_update(message).finalize()
    };
    let signature = keyed(0x5c, &keyed(0x36, signed.as_bytes()));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A wire to a server that can be cut.
pub struct Wire {
    pub port: u16,
    cut: watch::Sender<usize>,
    connections: Arc<AtomicUsize>,
}

impl Wire {
    /// The first connection is cut once the server has said `first_max` bytes on it.
    pub async fn to(port: u16, first_max: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (cut, watched) = watch::channel(0);
        let connections = Arc::new(AtomicUsize::new(0));
        let wire = Self { port: listener.local_addr().unwrap().port(), cut, connections: connections.clone() };
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let mut watched = watched.clone();
                watched.mark_unchanged();
                tokio::spawn(async move {
                    let max = if first { first_max } else { usize::MAX };
                    tokio::select! {
                        _ = watched.changed() => {}
                        () = pass(&mut near, &mut far, max) => {}
                    }
                });
            }
        });
        wire
    }

    /// Cuts what is connected now.
    pub fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn pass(near: &mut TcpStream, far: &mut TcpStream, max: usize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if max == usize::MAX {
        let _ = copy_bidirectional(near, far).await;
        return;
    }
    let (mut near_in, mut near_out) = near.split();
    let (mut far_in, mut far_out) = far.split();
    let forth = tokio::io::copy(&mut near_in, &mut far_out);
    let back = async {
        let mut piece = vec![0; max];
        let mut said = 0;
        while said < max {
            let Ok(len @ 1..) = far_in.read(&mut piece[..max - said]).await else { return };
            near_out.write_all(&piece[..len]).await.unwrap();
            said += len;
        }
    };
    tokio::select! {
        _ = forth => {}
        () = back => {}
    }
}

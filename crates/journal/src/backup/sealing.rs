//! Files of a backup, plain or encrypted with age, that take their name only when they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::stream::StreamWriter;
use age::x25519::Recipient;
use age::{Decryptor, Encryptor, IdentityFile};

use crate::Error;
use crate::files::sync_folder_of;

/// How an age file begins.
const AGE: &[u8] = b"age-encryption.org/";

/// Reads an age public key.
pub(super) fn recipient(text: &str) -> Result<Recipient, Error> {
    text.trim().parse().map_err(|why| Error::invalid(format!("{text:?} is not an age public key (age1…): {why}")))
}

enum Sink {
    Plain(BufWriter<File>),
    Encrypted(StreamWriter<BufWriter<File>>),
}

/// A file being written beside its final name, removed when it is not finished.
pub(super) struct Output {
    path: PathBuf,
    beside: PathBuf,
    sink: Option<Sink>,
}

impl Output {
    pub fn create(path: &Path, recipient: Option<&Recipient>) -> Result<Output, Error> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".new");
        let beside = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(Error::io("create", &beside))?;
        let file = BufWriter::new(file);
        let mut output = Output { path: path.to_path_buf(), beside, sink: None };
        output.sink = Some(match recipient {
            None => Sink::Plain(file),
            Some(recipient) => Sink::Encrypted(encrypt(file, recipient, &output.beside)?),
        });
        Ok(output)
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = match &mut self.sink {
            Some(Sink::Plain(file)) => file.write_all(bytes),
            Some(Sink::Encrypted(stream)) => stream.write_all(bytes),
            None => Ok(()),
        };
        written.map_err(Error::io("write", &self.beside))
    }

    /// Syncs the file, gives it its name and syncs the folder; its length in bytes.
    pub fn finish(mut self) -> Result<u64, Error> {
        let failed = || Error::io("write", &self.beside);
        let file = match self.sink.take() {
            Some(Sink::Plain(file)) => file,
            Some(Sink::Encrypted(stream)) => stream.finish().map_err(failed())?,
            None => return Ok(0),
        };
        let file = file.into_inner().map_err(|error| failed()(error.into_error()))?;
        file.sync_all().map_err(failed())?;
        let len = file.metadata().map_err(failed())?.len();
        fs::rename(&self.beside, &self.path).map_err(Error::io("rename", &self.beside))?;
        sync_folder_of(&self.path)?;
        Ok(len)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.beside.exists() {
            drop(fs::remove_file(&self.beside));
        }
    }
}

fn encrypt(file: BufWriter<File>, recipient: &Recipient, path: &Path) -> Result<StreamWriter<BufWriter<File>>, Error> {
    Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
        .map_err(|error| Error::invalid(format!("cannot encrypt to this key: {error}")))?
        .wrap_output(file)
        .map_err(Error::io("write", path))
}

/// Opens a file of a backup, decrypted when it is encrypted.
pub(super) fn open(path: &Path, identity: Option<&Path>) -> Result<Box<dyn Read>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut file = BufReader::new(file);
    if !file.fill_buf().map_err(Error::io("read", path))?.starts_with(AGE) {
        return Ok(Box::new(file));
    }
    let encrypted = |what: String| Error::Encrypted { what };
    let identity = identity.ok_or_else(|| encrypted("name the file with the age identity".into()))?;
    let keys = File::open(identity).map_err(Error::io("read", identity))?;
    let identities = IdentityFile::from_buffer(BufReader::new(keys))
        .map_err(|error| encrypted(format!("{} is not a file of age identities: {error}", identity.display())))?
        .into_identities()
        .map_err(|error| encrypted(error.to_string()))?;
    let reader = Decryptor::new_buffered(file)
        .and_then(|decryptor| decryptor.decrypt(identities.iter().map(|identity| identity.as_ref() as _)))
        .map_err(|error| encrypted(format!("{} does not open {}: {error}", identity.display(), path.display())))?;
    Ok(Box::new(reader))
}

//! Files that are there for good once a call returns: content synced, name synced.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::leaf::Hash;
use crate::note::{hex, unhex};

/// Folder of large parts, inside the journal's.
pub(crate) const BLOBS: &str = "blobs";

/// Writes a file that is either as before or wholly new, also after a power cut: a file beside it is written and synced
/// (readable by its owner only), then takes the name, then the folder is synced.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    // Opened first: where no more files may be open, nothing was written when that shows.
    let folder = Folder::open(path.parent().unwrap_or(path))?;
    write_file_synced(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path).map_err(Error::io("rename", path)))
        .inspect_err(|_| drop(fs::remove_file(&beside)))?;
    folder.sync()
}

/// A folder that is open, so that it can be synced whatever happens to the limit of open files.
struct Folder<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Folder<'a> {
    fn open(path: &'a Path) -> Result<Folder<'a>, Error> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(Folder { path, file: File::open(path).map_err(Error::io("open", path))? })
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("sync", self.path))
    }
}

/// As [`write_synced`], and overwrites what lay there before unless it has another name: for secrets.
pub(crate) fn write_synced_over(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = OpenOptions::new().write(true).open(path).ok();
    write_synced(path, bytes)?;
    old.map_or(Ok(()), |old| overwrite(old).map_err(Error::io("overwrite the old", path)))
}

fn overwrite(mut old: File) -> std::io::Result<()> {
    let metadata = old.metadata()?;
    if metadata.nlink() > 0 {
        return Ok(());
    }
    std::io::copy(&mut std::io::repeat(0).take(metadata.len()), &mut old)?;
    old.sync_all()
}

fn write_file_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

/// Makes a folder and syncs the one it lies in.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let within = path.parent().filter(|parent| parent.is_dir()).map(Folder::open).transpose()?;
    fs::create_dir_all(path).map_err(Error::io("create", path))?;
    within.map_or_else(|| sync_folder_of(path), |folder| folder.sync())
}

pub(crate) fn sync_folder(dir: &Path) -> Result<(), Error> {
    Folder::open(dir)?.sync()
}

pub(crate) fn sync_folder_of(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

/// Reads a file of at most `limit` bytes; `None` when it is not there.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(Error::io("read", path))?,
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::invalid(format!("{} is larger than {limit} bytes", path.display())));
    }
    Ok(Some(bytes))
}

/// Where the file of a large part lies: `blobs/<two digits>/<64 digits>`.
pub(crate) fn blob_path(dir: &Path, stored: &Hash) -> PathBuf {
    let name = hex(stored);
    dir.join(BLOBS).join(&name[..2]).join(&name)
}

/// Writes the stored bytes of a large part under their hash, synced.
pub(crate) fn write_blob(dir: &Path, hash: &Hash, stored: &[u8]) -> Result<(), Error> {
    let path = blob_path(dir, hash);
    let folder = path.parent().unwrap_or(dir);
    make_folder(&dir.join(BLOBS))?;
    make_folder(folder)?;
    write_synced(&path, stored)
}

/// Names of all blobs on disk; whatever else lies in the folder is passed over.
pub(crate) fn blobs_on_disk(dir: &Path, each: &mut dyn FnMut(Hash, &Path) -> Result<(), Error>) -> Result<(), Error> {
    let root = dir.join(BLOBS);
    if !root.is_dir() {
        return Ok(());
    }
    for folder in fs::read_dir(&root).map_err(Error::io("read", &root))? {
        let folder = folder.map_err(Error::io("read", &root))?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let file = file.map_err(Error::io("read", &folder))?.path();
            if let Some(hash) = file.file_name().and_then(|name| name.to_str()).and_then(unhex) {
                each(hash, &file)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synced_file_replaces_the_old_one_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        write_synced(&path, b"one").unwrap();
        write_synced(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let blocked = dir.path().join("absent").join("f");
        assert!(write_synced(&blocked, b"x").is_err());
    }
}

//! The file that the ledger is kept in between two runs. It is read at the start, replaced as a whole, and
//! never a reason to serve nothing.

use super::terminal::Terminal;
use crate::files::{Ledger, memory};
use anyhow::{Context as _, Result};
use mailaccess_config::Digest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Where a ledger is kept.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    /// What lies there, if that is known.
    kept: Option<Digest>,
    /// Why nothing is kept, as it was said last.
    said: String,
}

impl LedgerFile {
    /// Hands the ledger what lies there. What cannot be used is said and left aside.
    pub fn open<W: Write>(
        path: PathBuf,
        ledger: &mut Ledger,
        terminal: &mut Terminal<W>,
    ) -> Result<Self> {
        let read = read(&path);
        let unusable = match &read {
            Ok(text) => ledger.remember(text).err().map(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(cause) = unusable {
            terminal.say(&format!(
                "{}: what the last run kept cannot be used: {cause}; each object counts as new",
                path.display()
            ))?;
        }
        Ok(Self {
            path,
            kept: read.ok().map(|text| Digest::of(text.as_bytes())),
            said: String::new(),
        })
    }

    /// Writes what the next run has to know, if that is something else now.
    pub fn keep<W: Write>(&mut self, ledger: &Ledger, terminal: &mut Terminal<W>) -> Result<()> {
        let text = match ledger.to_memory() {
            Ok(text) => text,
            Err(error) => return self.keep_nothing(&error.to_string(), terminal),
        };
        let digest = Digest::of(text.as_bytes());
        if self.kept == Some(digest) {
            return Ok(());
        }
        self.replace(&text)
            .with_context(|| format!("write {}", self.path.display()))?;
        self.kept = Some(digest);
        self.said.clear();
        Ok(())
    }

    /// A kill leaves what lay there, or what was to lie there.
    fn replace(&self, text: &str) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&next)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(next, &self.path)
    }

    /// What is out of date would be compared with what nobody accepted last.
    fn keep_nothing<W: Write>(&mut self, cause: &str, terminal: &mut Terminal<W>) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("delete {}", self.path.display()));
            }
            _ => self.kept = None,
        }
        if self.said != cause {
            cause.clone_into(&mut self.said);
            terminal.say(&format!(
                "{}: nothing is kept for the next run: {cause}",
                self.path.display()
            ))?;
        }
        Ok(())
    }
}

fn read(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(memory::LIMIT + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > memory::LIMIT {
        let message = memory::MemoryError::TooLarge.to_string();
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

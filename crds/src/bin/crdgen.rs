//! `crdgen [DIR]`: writes the `CustomResourceDefinition`s of the three kinds, one file each.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use mailaccess_crds::definition_files;

const HELP: &str = "\
Writes the CustomResourceDefinitions of MailAccessServer, CASMailbox and CertificateBinding.

Usage: crdgen [DIR]

  DIR     directory that gets one file a kind; default: crds
  --help  this text

Examples:
  crdgen                     write crds/*.yaml, from the root of the repository
  crdgen /tmp/crds           write them elsewhere
  crdgen - | kubectl apply --server-side -f -
                             print all of them as one stream
";

#[expect(clippy::disallowed_methods, reason = "too few arguments for clap")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let written = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--help" | "-h"] => print(HELP),
        [] => write_files(Path::new("crds")),
        ["-"] => print_files(),
        [dir] if !dir.starts_with('-') => write_files(Path::new(dir)),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_files(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir).map_err(|error| in_file(dir, &error))?;
    for (name, yaml) in definition_files() {
        let path: PathBuf = dir.join(name);
        fs::write(&path, yaml).map_err(|error| in_file(&path, &error))?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

fn print_files() -> io::Result<()> {
    for (_, yaml) in definition_files() {
        print(&format!("---\n{yaml}"))?;
    }
    Ok(())
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

fn in_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("write {}: {error}", path.display()))
}

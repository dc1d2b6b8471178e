//! Whole files of the table, for what is decided while a file is read; the first line says the verdict.

use std::fs;

use super::{Case, Verdict, crate_dir};

/// The cause of a file that is no YAML; both judges name it so.
pub(crate) const UNREADABLE: &str = "Unreadable";

pub(crate) fn cases() -> Vec<Case> {
    let dir = crate_dir().join("tests/examples/documents");
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(path).unwrap();
            let header = text.lines().next().unwrap_or_default();
            let expected =
                expected(header).unwrap_or_else(|| panic!("{name} begins with `{header}`"));
            Case {
                name: format!("documents/{name}"),
                new: text,
                old: None,
                of_status: false,
                expected,
            }
        })
        .collect()
}

/// `# accepted`, `# unreadable` or `# refused: CAUSE FIELD, CAUSE FIELD`.
fn expected(header: &str) -> Option<Verdict> {
    match header.strip_prefix("# ")? {
        "accepted" => Some(Verdict::new()),
        "unreadable" => Some([(String::new(), UNREADABLE.to_owned(), None)].into()),
        refused => refused
            .strip_prefix("refused: ")?
            .split(", ")
            .map(|error| {
                let (cause, field) = error.split_once(' ')?;
                Some((field.to_owned(), cause.to_owned(), None))
            })
            .collect(),
    }
}

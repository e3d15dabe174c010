//! Prose and code say the same: every layout table of the chapters against the layouts of both crates, fields and kinds against the
//! schema.
//!
//! The index run's chapter is left out: its layouts belong to the index crate.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indelible_evidence::schema::{Column, FIELDS, FieldType, Kind};
use indelible_format::layout;

type Rows = Vec<Vec<String>>;

/// The chapters by file name.
fn chapters() -> BTreeMap<String, String> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut chapters = BTreeMap::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "06-index-run.md" {
            chapters.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(chapters.len() >= 10, "chapters are missing in the folder above the crate");
    chapters
}

/// Tables behind a `<!-- KIND: NAME -->` comment, by name: cells without their header row.
fn tables(kind: &str) -> BTreeMap<String, Rows> {
    let mut tables = BTreeMap::new();
    for (file, text) in chapters() {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(rest) = line.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) else {
                continue;
            };
            let Some((found, name)) = rest.split_once(':') else { continue };
            if found.trim() != kind {
                continue;
            }
            let rows =
                lines.by_ref().skip_while(|line| line.trim().is_empty()).take_while(|line| line.starts_with('|'));
            let cells = |line: &str| -> Vec<String> {
                line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
            };
            let rows: Rows = rows.skip(2).map(cells).collect();
            assert!(!rows.is_empty(), "{file}: no table after {line}");
            let before = tables.insert(name.trim().to_owned(), rows);
            assert!(before.is_none(), "{file}: a second table {name}");
        }
    }
    tables
}

#[test]
fn layout_tables_are_the_layouts() {
    let mut prose = tables("layout");
    for layout in [indelible_evidence::layout::ALL, layout::ALL].concat() {
        let rows = prose.remove(layout.name).unwrap_or_else(|| panic!("no chapter has the layout {}", layout.name));
        let said: Vec<(String, String, String)> =
            rows.iter().map(|row| (row[0].clone(), row[1].clone(), row[2].clone())).collect();
        let meant: Vec<(String, String, String)> = layout
            .fields
            .iter()
            .enumerate()
            .map(|(index, &(name, size))| (layout.offset_of(index).to_string(), size.to_string(), name.to_owned()))
            .collect();
        assert_eq!(said, meant, "{}: offset, size, field", layout.name);
    }
    assert!(prose.is_empty(), "layouts that the code does not have: {:?}", prose.keys());
}

#[test]
fn the_field_table_is_the_schema() {
    let rows = tables("table").remove("fields").expect("a table of fields");
    let dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let meant: Rows = FIELDS
        .iter()
        .enumerate()
        .map(|(id, spec)| {
            let field_type = match spec.field_type {
                FieldType::Code => "code",
                FieldType::Text => "text",
                FieldType::Bytes => "bytes",
                FieldType::Proof => "proof",
            };
            let column = match spec.column {
                Column::None => "-",
                Column::Terms => "terms",
                Column::Codes => "codes",
                Column::Fingerprints => "fingerprints",
            };
            let group = dash(spec.group.map(|group| group.to_string()));
            let bit = dash(spec.group.map(|_| spec.bit.to_string()));
            [id.to_string(), spec.name.to_owned(), group, bit, field_type.to_owned(), column.to_owned()].to_vec()
        })
        .collect();
    assert_eq!(rows, meant);
}

/// [REC-7]
#[test]
fn the_kind_table_is_the_schema() {
    let rows = tables("table").remove("kinds").expect("a table of kinds");
    let said: Vec<(String, String)> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let meant: Vec<(String, String)> =
        Kind::ALL.iter().map(|&(kind, name)| ((kind as u8).to_string(), name.to_owned())).collect();
    assert_eq!(said, meant);
    for code in 0..=u8::MAX {
        let known = Kind::ALL.iter().any(|&(kind, _)| kind as u8 == code);
        assert_eq!(Kind::from_code(code).is_some(), known, "kind {code}");
    }
}

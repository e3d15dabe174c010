//! Code against prose: layouts, columns and the fingerprint's example in the chapters of `format-spec`.

use std::path::Path;

use indelible_index::{COLUMNS, ColumnKind, fingerprint, layout::LAYOUTS};

fn chapter(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../format-spec").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Cells of the table that follows a line, without its two head lines.
fn table_after<'t>(text: &'t str, line: &str) -> Vec<Vec<&'t str>> {
    let after = text.split_once(line).unwrap_or_else(|| panic!("no line {line}")).1;
    after
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn layouts_are_those_of_the_chapter() {
    let text = chapter("06-index-run.md");
    for layout in LAYOUTS {
        let mut offset = 0;
        let expected: Vec<(usize, usize, &str)> = layout
            .fields
            .iter()
            .map(|(name, size)| {
                let place = offset;
                offset += size;
                (place, *size, *name)
            })
            .collect();
        let found: Vec<(usize, usize, &str)> = table_after(&text, &format!("<!-- layout: {} -->", layout.name))
            .iter()
            .map(|row| (row[0].parse().expect("offset"), row[1].parse().expect("size"), row[2]))
            .collect();
        assert_eq!(found, expected, "{}", layout.name);
        assert_eq!(offset, layout.size);
    }
    assert_eq!(text.matches("<!-- layout:").count(), LAYOUTS.len(), "a layout that the code does not have");
}

#[test]
fn columns_are_those_of_the_fields_table() {
    let text = chapter("01-record.md");
    let mut expected: Vec<(u8, &str, &str)> = table_after(&text, "<!-- table: fields -->")
        .iter()
        .filter(|row| row[5] != "-")
        .map(|row| (row[0].parse().expect("field id"), row[1], row[5]))
        .collect();
    expected.sort_unstable();
    let found: Vec<(u8, &str, &str)> = COLUMNS
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnKind::Terms => "terms",
                ColumnKind::Codes => "codes",
                ColumnKind::Fingerprints => "fingerprints",
            };
            (column.field, column.name, kind)
        })
        .collect();
    assert_eq!(found, expected);
}

/// The fingerprint once more, step by step as the chapter tells it.
fn fingerprint_as_told(bytes: &[u8]) -> u32 {
    let h = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul((1 << 40) + 0x1b3));
    let h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (((h ^ h >> 33) >> 40) as u32).max(1)
}

#[test]
fn fingerprints_are_as_told() {
    let text = chapter("06-index-run.md");
    for value in ["", "a", "018f2c3e-7b1a-7cc3-9a55-0123456789ab", "ünïcode"] {
        assert_eq!(fingerprint(value.as_bytes()).get(), fingerprint_as_told(value.as_bytes()), "{value}");
    }
    assert!(text.contains(&format!("| (no bytes) | `{:06x}` |", fingerprint(b"").get())));
}

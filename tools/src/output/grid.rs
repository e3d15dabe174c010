//! Counts and other small results: named columns, rows of values, in every format.
//!
//! JSON: `{"rows":[{"severity":"info","count":3}]}`; NDJSON: the objects alone; CSV: header and records; absent values
//! are `null`, and empty in CSV and tables.

use std::borrow::Cow;
use std::io::{self, Write};

use super::table::{Content, Table};
use super::{Format, Look, csv, drawn, hygiene};

/// A value of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Absent,
    /// Text from the log.
    Text(String),
    /// A count.
    Number(u64),
}

/// Columns and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Names, also the keys in JSON.
    pub columns: Vec<String>,
    /// One value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Grid {
    /// Writes the grid; true where a table had to escape something.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&self, format: Format, look: Look, out: &mut dyn Write) -> io::Result<bool> {
        match format {
            Format::Table => return self.table(look, out),
            Format::Json => {
                out.write_all(b"{\"rows\":[")?;
                for (at, row) in self.rows.iter().enumerate() {
                    out.write_all(if at == 0 { b"" } else { b"," })?;
                    self.object(row, out)?;
                }
                out.write_all(b"]}\n")?;
            }
            Format::Ndjson => {
                for row in &self.rows {
                    self.object(row, out)?;
                    out.write_all(b"\n")?;
                }
            }
            Format::Csv => self.csv(out)?,
        }
        Ok(false)
    }

    fn object(&self, row: &[Value], out: &mut dyn Write) -> io::Result<()> {
        let mut object = Vec::with_capacity(128);
        for (at, (column, value)) in self.columns.iter().zip(row).enumerate() {
            object.push(if at == 0 { b'{' } else { b',' });
            serde_json::to_writer(&mut object, column)?;
            object.push(b':');
            match value {
                Value::Absent => object.extend_from_slice(b"null"),
                Value::Text(text) => serde_json::to_writer(&mut object, text)?,
                Value::Number(number) => object.extend_from_slice(number.to_string().as_bytes()),
            }
        }
        object.extend_from_slice(if self.columns.is_empty() { b"{}" } else { b"}" });
        let mut escaped = Vec::with_capacity(object.len());
        hygiene::escape_json(&object, &mut escaped);
        out.write_all(&escaped)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        csv::write_record(out, self.columns.iter().map(|column| csv::cell(column).0))?;
        for row in &self.rows {
            let cells = row.iter().map(|value| match value {
                Value::Absent => Cow::Borrowed(""),
                Value::Text(text) => csv::cell(text).0,
                Value::Number(number) => Cow::Owned(number.to_string()),
            });
            csv::write_record(out, cells)?;
        }
        Ok(())
    }

    fn table(&self, look: Look, out: &mut dyn Write) -> io::Result<bool> {
        let mut table = Table::titled(&self.columns, look);
        for row in &self.rows {
            let contents = row.iter().map(|value| match value {
                Value::Absent => Content::Plain("-".to_owned()),
                Value::Text(text) => Content::Untrusted(text.clone()),
                Value::Number(number) => Content::Number(super::table::thousands(*number)),
            });
            table.row(contents.collect());
        }
        let flagged = table.is_flagged();
        drawn(out, &table.render())?;
        Ok(flagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_says_the_same() {
        let grid = Grid {
            columns: vec!["lane".to_owned(), "count".to_owned()],
            rows: vec![
                vec![Value::Text("=a\u{202e}".to_owned()), Value::Number(1_200)],
                vec![Value::Absent, Value::Number(3)],
            ],
        };
        let write = |format| {
            let mut out = Vec::new();
            let flagged = grid.write(format, Look::default(), &mut out).expect("memory");
            (String::from_utf8(out).expect("UTF-8"), flagged)
        };
        let json = "{\"rows\":[{\"lane\":\"=a\\u202e\",\"count\":1200},{\"lane\":null,\"count\":3}]}\n";
        assert_eq!(write(Format::Json), (json.to_owned(), false));
        let ndjson = "{\"lane\":\"=a\\u202e\",\"count\":1200}\n{\"lane\":null,\"count\":3}\n";
        assert_eq!(write(Format::Ndjson), (ndjson.to_owned(), false));
        assert_eq!(write(Format::Csv), ("lane,count\n'=a\\u{202e},1200\n,3\n".to_owned(), false));
        let (table, flagged) = write(Format::Table);
        assert!(flagged && table.contains(r"=a\u{202e}") && table.contains("1,200"), "{table}");
    }
}

//! Strictness of a whole frame: everything that reading single rows does not touch.

use super::read::{ColumnAt, ColumnValues, FrameReader};
use super::{NAME, Slot};
use crate::error::FormatError;

impl FrameReader<'_> {
    /// Checks what opening and access to single rows do not: that every column is what its values encode to, and that no
    /// row has a value of a group that it lost ([FRM-4] to [FRM-6], [FRM-9]). Inflates nothing: what the blocks hold is checked
    /// when records are rebuilt.
    pub fn check(&self) -> Result<(), FormatError> {
        for column in &self.columns {
            self.check_column(column).map_err(|error| error.shifted(column.data.start))?;
        }
        let (payload, texts) = (self.column(Slot::PAYLOAD), self.column(Slot::TEXTS));
        for row in 0..self.rows() {
            let Some(position) = self.position_of_row(row) else { break };
            for column in &self.columns {
                let Some(group) = column.slot.group() else { continue };
                let lost = self.removed_positions(group.into()) >> position & 1 == 1;
                if lost && self.has_value(column, row)? {
                    let why = format!("position {position} has a value of group {group}, which it lost");
                    return Err(FormatError::invalid(NAME, "columns", column.data.start, why));
                }
            }
            let lost = self.removed_positions(3) >> position & 1 == 1;
            let has = |column: Option<&ColumnAt>| column.map_or(Ok(false), |column| self.has_value(column, row));
            if !lost && has(payload)? == has(texts)? {
                let why = format!("position {position} has no payload and did not lose it, or has it twice");
                return Err(FormatError::invalid(NAME, "columns", 0, why));
            }
        }
        Ok(())
    }

    fn check_column(&self, column: &ColumnAt) -> Result<(), FormatError> {
        let data = self.body.get(column.data.clone()).unwrap_or_default();
        match &column.values {
            ColumnValues::Numbers(numbers) => numbers.check(&self.body, data, self.rows()),
            ColumnValues::Ids(ids) => ids.check(&self.body, data, self.rows()),
            ColumnValues::Blobs(blobs) => blobs.check(&self.body),
            ColumnValues::Texts => match &self.texts {
                Some(texts) => texts.check(&self.body, data, self.rows()),
                None => Ok(()),
            },
        }
    }

    fn has_value(&self, column: &ColumnAt, row: usize) -> Result<bool, FormatError> {
        Ok(match &column.values {
            // Envelope columns are never asked: a row has its group 0.
            ColumnValues::Numbers(numbers) => numbers.get(&self.body, row)? != 0,
            ColumnValues::Ids(ids) => ids.get(&self.body, row)?.is_some(),
            ColumnValues::Blobs(blobs) => blobs.length(&self.body, row) > 0,
            ColumnValues::Texts => self.texts.as_ref().is_some_and(|texts| texts.has(&self.body, row)),
        })
    }
}

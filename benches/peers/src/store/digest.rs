//! An answer as a short text: two answers have the same one when all rows, totals and counts are equal, in order.

use indelible_benches::question::Answer;

use super::row;

/// BLAKE3 of the answer.
pub fn digest(answer: &Answer) -> String {
    let mut bytes = Vec::new();
    for event in &answer.rows {
        let from = bytes.len();
        row::encode(event, &mut bytes);
        let length = bytes.len() - from;
        bytes.extend_from_slice(&(length as u64).to_le_bytes());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(answer.rows.len() as u64).to_le_bytes()).update(&bytes);
    hasher.update(format!("{:?} {:?}", answer.total, answer.counts).as_bytes());
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use indelible_tools::workload::Workload;

    use super::*;

    #[test]
    fn rows_totals_counts_and_order_matter() {
        let rows: Vec<_> = Workload::new(1, 3).collect();
        let answer = Answer { rows: rows.clone(), ..Answer::default() };
        let others = [
            Answer { rows: rows.iter().rev().cloned().collect(), ..Answer::default() },
            Answer { rows: rows[..2].to_vec(), ..Answer::default() },
            Answer { total: Some(3), ..answer.clone() },
            Answer { counts: vec![("severity=info".to_owned(), 1)], ..answer.clone() },
        ];
        assert_eq!(digest(&answer), digest(&answer.clone()));
        for other in others {
            assert_ne!(digest(&answer), digest(&other), "{} rows", other.rows.len());
        }
    }
}

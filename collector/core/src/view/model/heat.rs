//! A spectrogram.

/// How many there were, by when they ended and how long they took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    /// Where the first time column begins, nanoseconds since the run began.
    pub start_ns: u64,
    /// How much time each column stands for, nanoseconds.
    pub step_ns: u64,
    /// Where the durations of each row begin, nanoseconds, the shortest first.
    pub rows: Vec<u64>,
    /// For each time column a count for each of the rows; those that are missing are 0.
    pub counts: Vec<Vec<u64>>,
}

impl Heat {
    /// The count of a time column and a row.
    #[must_use]
    pub fn count(&self, column: usize, row: usize) -> u64 {
        let column = self.counts.get(column);
        column
            .and_then(|rows| rows.get(row))
            .copied()
            .unwrap_or_default()
    }
}

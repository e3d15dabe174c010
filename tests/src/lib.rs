//! Nothing: this crate exists for its `tests` directory, which sees the whole workspace and on which nothing depends.

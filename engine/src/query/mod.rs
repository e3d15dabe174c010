//! Queries over a view of the log.

mod expr;

pub use expr::{Expr, Test};

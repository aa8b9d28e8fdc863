//! index.


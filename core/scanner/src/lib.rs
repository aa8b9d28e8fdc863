//! scanner.


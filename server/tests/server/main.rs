//! The server as phones, people and operators meet it: requests in; answers, rows and pictures out.
//!
//! What must hold on every store runs on both: SQLite with a folder, and a PostgreSQL with a bucket, which the tests start themselves
//! (`postgres.rs`, `bucket.rs`). Where this machine has no PostgreSQL the latter say `SKIPPED`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test's")]

mod bucket;
mod export;
mod hostile;
mod items;
mod killed;
mod pages;
mod postgres;
mod publish;
mod recognise;
mod review;
mod roles;
mod running;
mod stores;

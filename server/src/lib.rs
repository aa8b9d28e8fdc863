//! Recognition over HTTP, the intake of the phones' crop queues, their review and export.
//!
//! Owns everything between a phone's request and the stores: tokens, limits, the order in which things reach the disk, the review,
//! the publication of what people labelled. It runs on one machine with nothing set (SQLite and a folder), or on many that share a
//! PostgreSQL and a bucket. What travels is `shelfscan-protocol`'s, what is on a photo `shelfscan`'s.
//!
//! Refuses: TLS, which is a proxy's in front of it; training.

#![forbid(unsafe_code)]

pub mod access;
pub mod blobs;
pub mod bundles;
pub mod config;
mod crop;
pub mod database;
pub mod engine;
pub mod error;
mod intake;
mod look_alikes;
pub mod metrics;
pub mod models;
mod openapi;
mod request;
pub mod routes;
mod serve;
mod server;
pub mod signing;
mod sku_id;
mod zip;

pub use config::Config;
pub use crop::re_encode;
pub use openapi::description;
pub use routes::app;
pub use serve::serve;
pub use server::{Server, StartError};

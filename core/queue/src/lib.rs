//! The crops that a phone is unsure of, kept until the office has them.
//!
//! Owns what is worth keeping ([`Policy`]), how it lies on the disk (one redb file; accepted means flushed), how much of it
//! ([`Limits`]), and what to send next, as data: [`Queue::next_upload`] gives a request, [`Queue::report`] takes the answer.
//!
//! Refuses: sockets, threads and clocks. Each call gets the time from its caller, who also does the HTTP and decides when; and it
//! does not look into pictures.
//!
//! ```no_run
//! use shelfscan_queue::{Conditions, Network, Next, Outcome, Queue, Settings};
//! # fn http(_: shelfscan_queue::Upload) -> Outcome { Outcome::Aborted }
//! # fn now() -> u64 { 0 }
//! # fn main() -> Result<(), shelfscan_queue::QueueError> {
//! let queue = Queue::open("queue.redb".as_ref(), Settings::default())?;
//! queue.set_token(Some("the device's token".into()));
//! let conditions = Conditions { network: Network::Unmetered, battery_low: false };
//! while let Next::Ready(upload) = queue.next_upload(now(), conditions)? {
//!     let id = upload.id;
//!     queue.report(id, &http(upload), now())?;
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod backoff;
mod delta;
mod entry;
mod error;
mod intake;
mod outcome;
mod policy;
mod queue;
mod rows;
mod settings;
mod sync;

pub use delta::{Download, Downloaded};
pub use entry::{Entry, Eviction, State, Totals};
pub use error::QueueError;
pub use intake::Offered;
pub use outcome::Outcome;
pub use policy::{Judged, Policy};
pub use queue::{Queue, Status, set_aside};
pub use settings::{Conditions, Limits, MeteredUse, Network, Settings, SyncRules};
pub use shelfscan_protocol as protocol;
pub use sync::{Hold, Next, Upload};

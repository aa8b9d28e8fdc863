//! What became of an item, and how many there are of each kind.

use serde::{Deserialize, Serialize};
use shelfscan_protocol::{Meta, Reason, Sha256};

/// An item as the app may show it. Its crop and metadata are [`Queue::item`](crate::Queue::item)'s, while they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its SHA-256.
    pub id: Sha256,
    /// Why it was kept.
    pub reason: Reason,
    /// The SKU it is likest to.
    pub likest: Option<String>,
    /// When the photo was taken, Unix time in milliseconds.
    pub captured_at: u64,
    /// When it was accepted, Unix time in milliseconds.
    pub accepted_at: u64,
    /// Its length.
    pub bytes: u64,
    /// Times it was sent in vain.
    pub tries: u32,
    /// What became of it.
    pub state: State,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// It is to be sent.
    Waiting {
        /// Not before this time, Unix time in milliseconds.
        not_before: u64,
        /// Why it was not sent the last time it was tried.
        last_error: Option<String>,
    },
    /// It was handed out and its answer has not come.
    Sending,
    /// The server has it.
    Sent {
        /// Since when it is known to.
        at: u64,
    },
    /// The server won't have it. It is kept while there is room, and [`Queue::retry`](crate::Queue::retry) tries again.
    Refused {
        /// When.
        at: u64,
        /// The HTTP status.
        status: u16,
        /// The server's reason.
        message: String,
    },
    /// It was given up.
    Evicted {
        /// When.
        at: u64,
        /// Why.
        why: Eviction,
    },
}

/// Why an item was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eviction {
    /// Something worth more needed the room.
    NoRoom,
    /// A person dropped it.
    ByPerson,
    /// A person corrected the same facing before it was sent; the correction goes instead.
    Superseded,
    /// Its bytes on the disk are not what was accepted.
    Damaged,
}

/// How many items there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// To be sent, those being sent included.
    pub waiting: u64,
    /// Sent since the queue was made.
    pub sent: u64,
    /// Refused by the server and still kept.
    pub refused: u64,
    /// Given up since the queue was made.
    pub evicted: u64,
    /// Bytes of what waits or was refused.
    pub bytes: u64,
}

impl Entry {
    pub(crate) fn new(id: Sha256, meta: &Meta, bytes: usize, now: u64) -> Self {
        Self {
            id,
            reason: meta.reason,
            likest: meta.candidates.first().map(|candidate| candidate.sku.clone()),
            captured_at: meta.captured_at,
            accepted_at: now,
            bytes: bytes as u64,
            tries: 0,
            state: State::Waiting { not_before: 0, last_error: None },
        }
    }

    /// The SKU whose quota it counts for and whose look-alikes it is compared with.
    pub(crate) fn group(&self) -> &str {
        self.likest.as_deref().unwrap_or_default()
    }

    /// What its document is worth; the least makes way first. None where there is no document any more.
    pub(crate) fn worth(&self) -> Option<u8> {
        match self.state {
            State::Waiting { .. } | State::Sending => Some(worth(self.reason)),
            State::Refused { .. } => Some(0),
            State::Sent { .. } | State::Evicted { .. } => None,
        }
    }

    /// Corrections are sent first.
    pub(crate) fn class(&self) -> u8 {
        u8::from(self.reason != Reason::Corrected)
    }
}

/// See [`Limits`](crate::Limits).
pub(crate) fn worth(reason: Reason) -> u8 {
    match reason {
        Reason::Random => 1,
        Reason::NearThreshold => 2,
        Reason::LowMargin => 3,
        Reason::Unknown => 4,
        Reason::Corrected => 5,
    }
}

impl Totals {
    /// Items whose document is kept.
    pub(crate) fn kept(&self) -> u64 {
        self.waiting + self.refused
    }

    pub(crate) fn of(&mut self, state: &State) -> &mut u64 {
        match state {
            State::Waiting { .. } | State::Sending => &mut self.waiting,
            State::Sent { .. } => &mut self.sent,
            State::Refused { .. } => &mut self.refused,
            State::Evicted { .. } => &mut self.evicted,
        }
    }
}

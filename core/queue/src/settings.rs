//! What the app decides: how much is kept, and when the network may be used.

use shelfscan_protocol::PublicKey;

use crate::Policy;

/// All that an app decides about its queue.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much is kept.
    pub limits: Limits,
    /// What is worth keeping.
    pub policy: Policy,
    /// When the network may be used.
    pub sync: SyncRules,
    /// Whose changes of the SKUs are believed; without a key none are asked for.
    pub keys: Vec<PublicKey>,
}

/// How much is kept on the phone until it is sent.
///
/// Where there is no room for a new item, others make way: refused ones first, then those kept at random, near the detection
/// threshold, for a low margin, unknown ones; the oldest of each first. An item makes way only for one that is worth as much or
/// more, and a correction for none: when only corrections are left, the next is answered by [`Offered::Full`](crate::Offered::Full).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most items that wait or were refused.
    pub items: u64,
    /// Most bytes of them.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { items: 2_000, bytes: 128 << 20 }
    }
}

/// When the network may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRules {
    /// What may go over a network that costs.
    pub metered: MeteredUse,
    /// Whether to go on when the battery is low.
    pub on_low_battery: bool,
    /// Least milliseconds from one question for new SKUs to the next.
    pub ask_every: u64,
}

impl Default for SyncRules {
    fn default() -> Self {
        Self { metered: MeteredUse::Corrections, on_low_battery: false, ask_every: 60 * 60 * 1000 }
    }
}

/// What may go over a network that costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeteredUse {
    /// Nothing.
    Nothing,
    /// What people corrected.
    Corrections,
    /// All, and new SKUs too.
    Everything,
}

/// What the phone is like at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Its network.
    pub network: Network,
    /// Whether the system calls the battery low.
    pub battery_low: bool,
}

/// A network, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// There is none.
    None,
    /// It costs.
    Metered,
    /// It costs nothing.
    Unmetered,
}

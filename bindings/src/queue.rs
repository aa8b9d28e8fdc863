//! The queue of crops to be reviewed, as an object of Kotlin and Swift.
//!
//! Owns the records that an app gives and gets. What is worth keeping, what makes way and what became of it is the core's.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use shelfscan::Facing as CoreFacing;
use shelfscan::protocol::{Item, Label, Reason, Sha256};
use shelfscan::queue::{self, Entry, Eviction, Limits, Offered, Policy, Queue, Settings, State, SyncRules};

use crate::result::{Facing, ScanResult};
use crate::scanner::{ScanOptions, core_options};
use crate::{PixelLayout, Scanner, ShelfscanError, YuvLayout};

/// What an app decides about its queue.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct QueueSettings {
    /// Most items that are kept until they are sent.
    #[uniffi(default = 2000)]
    pub max_items: u64,
    /// Most bytes of them; 128 MiB.
    #[uniffi(default = 134217728)]
    pub max_bytes: u64,
    /// Most crops likest to one SKU that wait at a time.
    #[uniffi(default = 40)]
    pub per_sku: u32,
    /// Most crops kept a day; corrections are not counted.
    #[uniffi(default = 300)]
    pub per_day: u32,
    /// Share of the surely named facings that is kept, 0 to 1.
    #[uniffi(default = 0.002)]
    pub random_share: f32,
    /// What may go over a network that costs.
    pub metered: MeteredUse,
    /// Whether to go on when the battery is low.
    #[uniffi(default = false)]
    pub on_low_battery: bool,
    /// Least minutes from one question for new SKUs to the next.
    #[uniffi(default = 60)]
    pub ask_every_minutes: u32,
    /// The server's public keys, 64 hex digits each; without one, no new SKUs are asked for.
    pub public_keys: Vec<String>,
}

/// What may go over a network that costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum MeteredUse {
    /// Nothing.
    Nothing,
    /// What people corrected.
    Corrections,
    /// All, and new SKUs too.
    Everything,
}

/// When a photo was taken and what the app knows of it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Capture {
    /// Unix time in milliseconds.
    pub captured_at: u64,
    /// What the app wants to be known, such as the store: at most 16; keys of 1 to 64 characters `a-z 0-9 _ . -`, values of 1 to
    /// 256 bytes.
    pub tags: HashMap<String, String>,
}

/// What a person says a facing is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Correction {
    /// A known SKU.
    Sku {
        /// Its id.
        id: String,
    },
    /// A product that is no SKU yet.
    NewSku {
        /// Its name for people, 1 to 200 bytes.
        name: String,
        /// `bottle`, `can`, `glass`, …
        container: Option<String>,
        /// EAN/UPC, 6 to 18 digits.
        barcode: Option<String>,
    },
    /// Nothing that is sold: a shelf label, a reflection.
    NotAProduct,
}

/// What came of the crops that were offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct Intake {
    /// On the disk now.
    pub accepted: u32,
    /// Accepted before.
    pub known: u32,
    /// Like one that is there.
    pub look_alikes: u32,
    /// Enough of their SKU wait.
    pub over_quota: u32,
    /// The day's budget is spent.
    pub over_budget: u32,
    /// No room, and nothing worth less could make way. A correction that counts here should be told to the person.
    pub full: u32,
}

/// What an app shows of its queue.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct QueueStatus {
    /// To be sent, those being sent included.
    pub waiting: u64,
    /// Of these, being sent now.
    pub sending: u64,
    /// Sent since the queue was made.
    pub sent: u64,
    /// Refused by the server and still kept.
    pub refused: u64,
    /// Given up since the queue was made.
    pub evicted: u64,
    /// Bytes of what waits or was refused.
    pub bytes: u64,
    /// The server refused the token: nothing is sent until `setToken` is given another.
    pub token_rejected: bool,
    /// Nothing is sent until then (Unix time in milliseconds), because the last request failed.
    pub resting_until: Option<u64>,
    /// How it failed.
    pub last_error: Option<String>,
}

/// An item as the app may show it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct QueuedItem {
    /// Its SHA-256, hex.
    pub id: String,
    /// Why it was kept.
    pub reason: KeepReason,
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
    pub state: ItemState,
}

/// Why a crop was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum KeepReason {
    /// A person corrected it.
    Corrected,
    /// No SKU, or not surely one.
    Unknown,
    /// The likeliest SKU is not far enough ahead of the second.
    LowMargin,
    /// The detector was hardly sure that it is a container.
    NearThreshold,
    /// One of a small share taken at random.
    Random,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ItemState {
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
        /// Since when it is known to, Unix time in milliseconds.
        at: u64,
    },
    /// The server won't have it; `retry` tries again.
    Refused {
        /// When.
        at: u64,
        /// The HTTP status.
        status: u16,
        /// The server's reason.
        message: String,
    },
    /// It was given up: something worth more needed the room, a person dropped it or corrected the facing before it was sent, or it
    /// was damaged on the disk.
    Evicted {
        /// When.
        at: u64,
        /// `no_room`, `by_person`, `superseded` or `damaged`.
        why: String,
    },
}

/// The crops that a person should look at, kept in one file until the server has them. Any thread may call; each call blocks.
/// Times are Unix time in milliseconds, by the phone's clock.
#[derive(Debug, uniffi::Object)]
pub struct ReviewQueue {
    pub(crate) queue: Queue,
    set_aside: Option<String>,
}

#[uniffi::export]
impl ReviewQueue {
    /// Opens the queue's file, or makes it. Fails with `QueueDamaged` where it is no queue.
    #[uniffi::constructor]
    pub fn open(path: String, settings: QueueSettings) -> Result<Arc<Self>, ShelfscanError> {
        let queue = Queue::open(Path::new(&path), settings.try_into()?)?;
        Ok(Arc::new(Self { queue, set_aside: None }))
    }

    /// As `open`; a damaged file is renamed and kept, and a new queue begins.
    #[uniffi::constructor]
    pub fn open_or_set_aside(path: String, settings: QueueSettings) -> Result<Arc<Self>, ShelfscanError> {
        let (queue, aside) = Queue::open_or_set_aside(Path::new(&path), settings.try_into()?)?;
        Ok(Arc::new(Self { queue, set_aside: aside.map(|path| path.display().to_string()) }))
    }

    /// Where a damaged file was put by `openOrSetAside`.
    pub fn set_aside(&self) -> Option<String> {
        self.set_aside.clone()
    }

    /// Offers the uncertain facings of a photo file that was scanned with these options.
    pub fn offer_file(
        &self,
        scanner: Arc<Scanner>,
        bytes: &[u8],
        result: ScanResult,
        options: ScanOptions,
        capture: Capture,
        now: u64,
    ) -> Result<Intake, ShelfscanError> {
        let (capture, options) = (capture.of(&[bytes]), core_options(options, None));
        self.offer(now, |policy, most| {
            let result = result.into();
            scanner.with(|scanner| Ok(scanner.uncertain_in_file(bytes, &result, &options, &capture, policy, most)?))
        })
    }

    /// Offers the uncertain facings of packed pixels that were scanned with these options.
    #[allow(clippy::too_many_arguments)]
    pub fn offer_pixels(
        &self,
        scanner: Arc<Scanner>,
        pixels: &[u8],
        layout: PixelLayout,
        result: ScanResult,
        options: ScanOptions,
        capture: Capture,
        now: u64,
    ) -> Result<Intake, ShelfscanError> {
        let (view, capture, options) = (layout.view(pixels)?, capture.of(&[pixels]), core_options(options, None));
        self.offer(now, |policy, most| {
            let result = result.into();
            scanner.with(|scanner| Ok(scanner.uncertain(view, &result, &options, &capture, policy, most)?))
        })
    }

    /// Offers the uncertain facings of a 4:2:0 picture that was scanned with these options.
    #[allow(clippy::too_many_arguments)]
    pub fn offer_yuv(
        &self,
        scanner: Arc<Scanner>,
        y: &[u8],
        u: &[u8],
        v: &[u8],
        layout: YuvLayout,
        result: ScanResult,
        options: ScanOptions,
        capture: Capture,
        now: u64,
    ) -> Result<Intake, ShelfscanError> {
        let (view, capture, options) = (layout.view(y, u, v)?, capture.of(&[y, u, v]), core_options(options, None));
        self.offer(now, |policy, most| {
            let result = result.into();
            scanner.with(|scanner| Ok(scanner.uncertain(view, &result, &options, &capture, policy, most)?))
        })
    }

    /// Takes what a person says of a facing on a photo file. A facing that the scan missed may be made up: its box counts.
    pub fn correct_file(
        &self,
        scanner: Arc<Scanner>,
        bytes: &[u8],
        facing: Facing,
        correction: Correction,
        capture: Capture,
        now: u64,
    ) -> Result<Intake, ShelfscanError> {
        let (capture, facing) = (capture.of(&[bytes]), CoreFacing::from(facing));
        let item = scanner.with(|scanner| {
            Ok(scanner.corrected_in_file(bytes, &Default::default(), &facing, correction.into(), &capture)?)
        })?;
        Ok(intake(&self.queue.offer(&[item], now)?))
    }

    /// Takes what a person says of a facing on packed pixels.
    #[allow(clippy::too_many_arguments)]
    pub fn correct_pixels(
        &self,
        scanner: Arc<Scanner>,
        pixels: &[u8],
        layout: PixelLayout,
        facing: Facing,
        correction: Correction,
        capture: Capture,
        now: u64,
    ) -> Result<Intake, ShelfscanError> {
        let (view, capture, facing) = (layout.view(pixels)?, capture.of(&[pixels]), CoreFacing::from(facing));
        let item = scanner.with(|scanner| Ok(scanner.corrected(view, &facing, correction.into(), &capture)?))?;
        Ok(intake(&self.queue.offer(&[item], now)?))
    }

    /// Counts, and what holds the queue up.
    pub fn status(&self) -> Result<QueueStatus, ShelfscanError> {
        let queue::Status { totals, sending, token_rejected, resting } = self.queue.status()?;
        let (resting_until, last_error) = resting.unzip();
        Ok(QueueStatus {
            waiting: totals.waiting,
            sending,
            sent: totals.sent,
            refused: totals.refused,
            evicted: totals.evicted,
            bytes: totals.bytes,
            token_rejected,
            resting_until,
            last_error,
        })
    }

    /// The items accepted last, the latest first. Those sent or given up are remembered for the last 2,000.
    pub fn latest(&self, most: u32) -> Result<Vec<QueuedItem>, ShelfscanError> {
        Ok(self.queue.latest(most as usize)?.into_iter().map(QueuedItem::from).collect())
    }

    /// What became of an item.
    pub fn item(&self, id: String) -> Result<QueuedItem, ShelfscanError> {
        Ok(self.queue.entry(parse_id(&id)?)?.into())
    }

    /// An item's crop, a JPEG, while it waits or was refused.
    pub fn crop(&self, id: String) -> Result<Option<Vec<u8>>, ShelfscanError> {
        Ok(self.queue.item(parse_id(&id)?)?.map(|item| item.crop().to_vec()))
    }

    /// Gives up an item because a person says so.
    pub fn drop_item(&self, id: String, now: u64) -> Result<QueuedItem, ShelfscanError> {
        Ok(self.queue.drop_item(parse_id(&id)?, now)?.into())
    }

    /// Has a refused item sent again.
    pub fn retry(&self, id: String) -> Result<QueuedItem, ShelfscanError> {
        Ok(self.queue.retry(parse_id(&id)?)?.into())
    }
}

impl ReviewQueue {
    fn offer(
        &self,
        now: u64,
        items: impl FnOnce(&Policy, usize) -> Result<Vec<Item>, ShelfscanError>,
    ) -> Result<Intake, ShelfscanError> {
        let budget = self.queue.budget(now)?;
        let items = items(&self.queue.settings().policy, budget as usize)?;
        Ok(intake(&self.queue.offer(&items, now)?))
    }
}

pub(crate) fn parse_id(id: &str) -> Result<Sha256, ShelfscanError> {
    id.parse().map_err(|error| ShelfscanError::Item(format!("item id `{id}`: {error}")))
}

fn intake(answers: &[Offered]) -> Intake {
    let mut intake = Intake::default();
    for answer in answers {
        *match answer {
            Offered::Accepted => &mut intake.accepted,
            Offered::Known(_) => &mut intake.known,
            Offered::LookAlike { .. } => &mut intake.look_alikes,
            Offered::Quota => &mut intake.over_quota,
            Offered::Budget => &mut intake.over_budget,
            Offered::Full => &mut intake.full,
        } += 1;
    }
    intake
}

impl Capture {
    fn of(self, photo: &[&[u8]]) -> shelfscan::Capture {
        let photo = Sha256::of_parts(photo);
        shelfscan::Capture { photo, captured_at: self.captured_at, tags: self.tags.into_iter().collect() }
    }
}

impl From<Correction> for Label {
    fn from(correction: Correction) -> Self {
        match correction {
            Correction::Sku { id } => Self::Sku { sku: id },
            Correction::NewSku { name, container, barcode } => Self::NewSku { name, container, barcode },
            Correction::NotAProduct => Self::NotAProduct,
        }
    }
}

impl TryFrom<QueueSettings> for Settings {
    type Error = ShelfscanError;

    fn try_from(settings: QueueSettings) -> Result<Self, ShelfscanError> {
        let key =
            |text: String| text.parse().map_err(|error| ShelfscanError::Item(format!("public key `{text}`: {error}")));
        Ok(Self {
            limits: Limits { items: settings.max_items, bytes: settings.max_bytes },
            policy: Policy {
                per_sku: settings.per_sku,
                per_day: settings.per_day,
                random_share: settings.random_share,
                ..Policy::default()
            },
            sync: SyncRules {
                metered: match settings.metered {
                    MeteredUse::Nothing => queue::MeteredUse::Nothing,
                    MeteredUse::Corrections => queue::MeteredUse::Corrections,
                    MeteredUse::Everything => queue::MeteredUse::Everything,
                },
                on_low_battery: settings.on_low_battery,
                ask_every: u64::from(settings.ask_every_minutes) * 60_000,
            },
            keys: settings.public_keys.into_iter().map(key).collect::<Result<_, _>>()?,
        })
    }
}

impl From<Entry> for QueuedItem {
    fn from(entry: Entry) -> Self {
        let Entry { id, reason, likest, captured_at, accepted_at, bytes, tries, state } = entry;
        let reason = match reason {
            Reason::Corrected => KeepReason::Corrected,
            Reason::Unknown => KeepReason::Unknown,
            Reason::LowMargin => KeepReason::LowMargin,
            Reason::NearThreshold => KeepReason::NearThreshold,
            Reason::Random => KeepReason::Random,
        };
        let state = match state {
            State::Waiting { not_before, last_error } => ItemState::Waiting { not_before, last_error },
            State::Sending => ItemState::Sending,
            State::Sent { at } => ItemState::Sent { at },
            State::Refused { at, status, message } => ItemState::Refused { at, status, message },
            State::Evicted { at, why } => {
                let why = match why {
                    Eviction::NoRoom => "no_room",
                    Eviction::ByPerson => "by_person",
                    Eviction::Superseded => "superseded",
                    Eviction::Damaged => "damaged",
                };
                ItemState::Evicted { at, why: why.into() }
            }
        };
        Self { id: id.to_string(), reason, likest, captured_at, accepted_at, bytes, tries, state }
    }
}

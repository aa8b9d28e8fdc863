//! What is offered, and what is taken.
//!
//! Owns steps 2 to 4 of the policy, the order in which items make way, and that a correction takes the place of what waits of the same
//! facing. Refuses nothing silently: each item offered has its
//! answer.

use serde::{Deserialize, Serialize};
use shelfscan_protocol::{Item, Reason, Sha256};

use crate::entry::{Eviction, worth};
use crate::error::Fault;
use crate::queue::Inner;
use crate::rows::Rows;
use crate::{Entry, Queue, QueueError, State};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// What came of an item that was offered.
#[derive(Clone, Debug, PartialEq)]
pub enum Offered {
    /// It is on the disk.
    Accepted,
    /// It was accepted before.
    Known(State),
    /// It looks like one that is there.
    LookAlike {
        /// That one.
        of: Sha256,
        /// Their cosine.
        cosine: f32,
    },
    /// Enough of its SKU wait.
    Quota,
    /// The day's budget is spent.
    Budget,
    /// There is no room, and nothing that is worth less could make way.
    Full,
}

/// How many were kept on a day.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Day {
    day: u64,
    kept: u32,
}

impl Queue {
    /// Offers items, those worth most first where it matters, and gives an answer for each. What is accepted is on the disk when
    /// this returns. `now` is Unix time in milliseconds.
    ///
    /// # Errors
    /// Those of the disk; nothing was accepted then.
    pub fn offer(&self, items: &[Item], now: u64) -> Result<Vec<Offered>, QueueError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.with(|rows, inner| items.iter().map(|item| self.take(rows, inner, item, now)).collect())
    }

    /// How many crops the day's budget still has room for; making more for it is in vain.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn budget(&self, now: u64) -> Result<u32, QueueError> {
        self.with(|rows, _| Ok(self.settings.policy.per_day.saturating_sub(today(rows, now)?.kept)))
    }

    fn take(&self, rows: &mut Rows<'_>, inner: &Inner, item: &Item, now: u64) -> Result<Offered, Fault> {
        if let Some(number) = rows.number_of(item.id())? {
            return Ok(Offered::Known(rows.entry(number)?.state));
        }
        let policy = &self.settings.policy;
        let entry = Entry::new(item.id(), item.meta(), item.bytes().len(), now);
        let mut day = today(rows, now)?;
        if entry.reason != Reason::Corrected {
            if day.kept >= policy.per_day {
                return Ok(Offered::Budget);
            }
            if rows.waiting_of(entry.group())? >= policy.per_sku.into() {
                return Ok(Offered::Quota);
            }
            if let Some(embedding) = &item.meta().embedding
                && let Some((number, cosine)) = rows.most_alike(entry.group(), embedding)?
                && cosine >= policy.look_alike
            {
                return Ok(Offered::LookAlike { of: rows.entry(number)?.id, cosine });
            }
            day.kept += 1;
        }
        if !self.make_room(rows, inner, &entry, now)? {
            return Ok(Offered::Full);
        }
        if entry.reason == Reason::Corrected {
            supersede(rows, inner, item, now)?;
        }
        rows.insert(&entry, item)?;
        rows.set_fact("day", &day)?;
        Ok(Offered::Accepted)
    }

    /// Lets what is worth less make way, or nothing where that would not do.
    fn make_room(&self, rows: &mut Rows<'_>, inner: &Inner, entry: &Entry, now: u64) -> Result<bool, Fault> {
        let limits = self.settings.limits;
        let totals = rows.totals()?;
        let (mut items, mut bytes) = (totals.kept() + 1, totals.bytes + entry.bytes);
        let own = worth(entry.reason);
        let mut leaving = Vec::new();
        for row in rows.least_worth()? {
            let (worth, number) = row?;
            if items <= limits.items && bytes <= limits.bytes || worth > own || worth == self::worth(Reason::Corrected)
            {
                break;
            }
            let before = rows.entry(number)?;
            if inner.sending.contains(&before.id) {
                continue;
            }
            items -= 1;
            bytes -= before.bytes;
            leaving.push((number, before));
        }
        if items > limits.items || bytes > limits.bytes {
            return Ok(false);
        }
        for (number, before) in leaving {
            let state = State::Evicted { at: now, why: Eviction::NoRoom };
            rows.change(number, &before, &Entry { state, ..before.clone() })?;
        }
        Ok(true)
    }
}

/// Gives up what waits of the facing that was corrected: a person need not look at it again.
fn supersede(rows: &mut Rows<'_>, inner: &Inner, item: &Item, now: u64) -> Result<(), Fault> {
    let Some(number) = rows.of_facing(item.meta())? else { return Ok(()) };
    let before = rows.entry(number)?;
    if matches!(before.state, State::Waiting { .. }) && !inner.sending.contains(&before.id) {
        let state = State::Evicted { at: now, why: Eviction::Superseded };
        rows.change(number, &before, &Entry { state, ..before.clone() })?;
    }
    Ok(())
}

fn today(rows: &Rows<'_>, now: u64) -> Result<Day, Fault> {
    let day: Day = rows.fact("day")?;
    let today = now / DAY;
    Ok(if day.day == today { day } else { Day { day: today, kept: 0 } })
}

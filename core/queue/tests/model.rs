//! The queue against a model of a few lines that keeps everything in memory: whatever is done to both in whatever order, and
//! however often the file is closed in between, they say the same.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;
use shelfscan_queue::protocol::{Reason, Sha256};
use shelfscan_queue::{
    Conditions, Eviction, Hold, Limits, MeteredUse, Network, Next, Offered, Outcome, Policy, Queue, Settings, State,
};
use tempfile::TempDir;

mod sample;

const START: u64 = 1_790_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1000;
const LONGEST_REST: u64 = 60 * 60 * 1000;

fn settings() -> Settings {
    let policy = Policy { look_alike: 0.97, per_sku: 4, per_day: 12, ..Policy::default() };
    Settings { limits: Limits { items: 8, bytes: 12_000 }, policy, ..Settings::default() }
}

#[derive(Clone, Debug)]
enum Step {
    Offer(Vec<(u64, u8, u8, u64, usize)>),
    Next(Network, bool),
    /// An answer for one of those that are being sent, or of all if there is none.
    Report(usize, Answer),
    Wait(u64),
    Token(bool),
    Drop(usize),
    Retry(usize),
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Stored,
    There,
    Never,
    Token,
    Busy(u64),
    Nothing,
    Aborted,
}

impl Answer {
    fn outcome(self) -> Outcome {
        let answered = |status, retry_after: Option<u64>, body: &str| Outcome::Answered {
            status,
            retry_after: retry_after.map(|seconds| seconds.to_string()),
            body: body.into(),
        };
        match self {
            Self::Stored => answered(201, None, ""),
            Self::There => answered(409, None, "{}"),
            Self::Never => answered(422, None, r#"{"error": {"code": "bad_item", "message": "no crop"}}"#),
            Self::Token => answered(401, None, ""),
            Self::Busy(seconds) => answered(503, Some(seconds), ""),
            Self::Nothing => Outcome::Failed { reason: "no route".into() },
            Self::Aborted => Outcome::Aborted,
        }
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Stored),
        1 => Just(Answer::There),
        1 => Just(Answer::Never),
        1 => Just(Answer::Token),
        1 => (0..200_u64).prop_map(Answer::Busy),
        1 => Just(Answer::Nothing),
        1 => Just(Answer::Aborted),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let offered = (0..60_u64, 0..5_u8, 0..3_u8, 0..12_u64, 0..3000_usize);
    prop_oneof![
        6 => prop::collection::vec(offered, 1..4).prop_map(Step::Offer),
        6 => (prop_oneof![1 => Just(Network::None), 1 => Just(Network::Metered), 4 => Just(Network::Unmetered)], prop::bool::weighted(0.1))
            .prop_map(|(network, low)| Step::Next(network, low)),
        6 => (0..8_usize, answer()).prop_map(|(which, answer)| Step::Report(which, answer)),
        2 => prop_oneof![0..5000_u64, 0..3 * DAY].prop_map(Step::Wait),
        2 => prop::bool::weighted(0.9).prop_map(Step::Token),
        1 => (0..12_usize).prop_map(Step::Drop),
        1 => (0..12_usize).prop_map(Step::Retry),
        2 => Just(Step::Reopen),
    ]
}

/// What the model knows of an item.
#[derive(Clone, Debug)]
struct Known {
    id: Sha256,
    reason: Reason,
    sku: String,
    look: u64,
    facing: u64,
    bytes: u64,
    state: State,
}

impl Known {
    fn kept(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Refused { .. })
    }

    fn waits(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    fn not_before(&self) -> u64 {
        match self.state {
            State::Waiting { not_before, .. } => not_before,
            _ => u64::MAX,
        }
    }

    fn worth(&self) -> usize {
        match self.state {
            State::Refused { .. } => 0,
            _ => ORDER.iter().position(|reason| *reason == self.reason).unwrap() + 1,
        }
    }
}

const ORDER: [Reason; 5] =
    [Reason::Random, Reason::NearThreshold, Reason::LowMargin, Reason::Unknown, Reason::Corrected];

struct Pair {
    folder: TempDir,
    queue: Option<Queue>,
    known: Vec<Known>,
    sending: HashSet<Sha256>,
    token: Option<bool>,
    rest: u64,
    day: (u64, u32),
    now: u64,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut pair = Self {
            folder,
            queue: None,
            known: Vec::new(),
            sending: HashSet::new(),
            token: None,
            rest: 0,
            day: (0, 0),
            now: START,
        };
        pair.reopen();
        pair
    }

    fn queue(&self) -> &Queue {
        self.queue.as_ref().unwrap()
    }

    /// What was handed out waits again, and the token is forgotten.
    fn reopen(&mut self) {
        self.queue = None;
        self.queue = Some(Queue::open(&self.folder.path().join("queue"), settings()).unwrap());
        self.sending.clear();
        self.token = None;
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Offer(specs) => self.offer(specs),
            Step::Next(network, low) => self.next(*network, *low),
            Step::Report(which, answer) => self.report(*which, *answer),
            Step::Wait(time) => self.now += time,
            Step::Token(given) => {
                self.queue().set_token(given.then(|| "t".into()));
                self.token = given.then_some(true);
            }
            Step::Drop(which) => {
                let Some(place) = self.place(*which) else { return };
                self.queue().drop_item(self.known[place].id, self.now).unwrap();
                if self.known[place].kept() {
                    self.known[place].state = State::Evicted { at: self.now, why: Eviction::ByPerson };
                    self.sending.remove(&self.known[place].id);
                }
            }
            Step::Retry(which) => {
                let Some(place) = self.place(*which) else { return };
                let refused = matches!(self.known[place].state, State::Refused { .. });
                let retried = self.queue().retry(self.known[place].id);
                assert_eq!(retried.is_ok(), refused, "{retried:?}");
                if refused {
                    self.known[place].state = State::Waiting { not_before: 0, last_error: None };
                }
            }
            Step::Reopen => self.reopen(),
        }
    }

    fn place(&self, which: usize) -> Option<usize> {
        (!self.known.is_empty()).then(|| which % self.known.len())
    }

    fn offer(&mut self, specs: &[(u64, u8, u8, u64, usize)]) {
        let reason = |reason: u8| ORDER[reason as usize];
        let items: Vec<_> = specs
            .iter()
            .map(|&(n, r, sku, look, bytes)| sample::item(n, reason(r), &format!("sku-{sku}"), look, bytes))
            .collect();
        let answers = self.queue().offer(&items, self.now).unwrap();
        for ((item, &(n, r, sku, look, _)), answer) in items.iter().zip(specs).zip(answers) {
            let known = Known {
                id: item.id(),
                reason: reason(r),
                sku: format!("sku-{sku}"),
                look,
                facing: n / 2,
                bytes: item.bytes().len() as u64,
                state: State::Waiting { not_before: 0, last_error: None },
            };
            assert_eq!(kind(&answer), self.offered(known), "{answer:?}");
        }
    }

    fn offered(&mut self, new: Known) -> &'static str {
        if self.known.iter().any(|known| known.id == new.id) {
            return "known";
        }
        let today = self.now / DAY;
        if self.day.0 != today {
            self.day = (today, 0);
        }
        if new.reason != Reason::Corrected {
            let of_sku: Vec<&Known> = self.known.iter().filter(|known| known.sku == new.sku).collect();
            if self.day.1 >= 12 {
                return "budget";
            }
            if of_sku.iter().filter(|known| known.waits()).count() >= 4 {
                return "quota";
            }
            if of_sku.iter().any(|known| known.look == new.look) {
                return "look-alike";
            }
        }
        let (mut leaving, mut items, mut bytes) = (Vec::new(), 1, new.bytes);
        for known in self.known.iter().filter(|known| known.kept()) {
            items += 1;
            bytes += known.bytes;
        }
        let mut order: Vec<usize> = (0..self.known.len())
            .filter(|&place| self.known[place].kept() && !self.sending.contains(&self.known[place].id))
            .filter(|&place| self.known[place].worth() <= new.worth().min(4))
            .collect();
        order.sort_by_key(|&place| self.known[place].worth());
        for place in order {
            if items <= 8 && bytes <= 12_000 {
                break;
            }
            items -= 1;
            bytes -= self.known[place].bytes;
            leaving.push(place);
        }
        if items > 8 || bytes > 12_000 {
            return "full";
        }
        for place in leaving {
            self.known[place].state = State::Evicted { at: self.now, why: Eviction::NoRoom };
        }
        if new.reason == Reason::Corrected
            && let Some(last) = self.known.iter_mut().rfind(|known| known.facing == new.facing)
            && last.waits()
            && !self.sending.contains(&last.id)
        {
            last.state = State::Evicted { at: self.now, why: Eviction::Superseded };
        }
        self.day.1 += u32::from(new.reason != Reason::Corrected);
        self.known.push(new);
        "accepted"
    }

    fn next(&mut self, network: Network, battery_low: bool) {
        let next = self.queue().next_upload(self.now, Conditions { network, battery_low }).unwrap();
        let waiting: Vec<&Known> = self.known.iter().filter(|known| known.waits()).collect();
        let free = waiting.iter().filter(|known| !self.sending.contains(&known.id));
        let metered = network == Network::Metered;
        let allowed = free.clone().filter(|known| !metered || known.reason == Reason::Corrected);
        let over = |until: u64| until <= self.now || until > self.now + DAY;
        let first = |corrections: bool| {
            let class = allowed.clone().filter(|known| (known.reason == Reason::Corrected) == corrections);
            class.min_by_key(|known| known.not_before())
        };
        let ready = [first(true), first(false)].into_iter().flatten().find(|known| over(known.not_before()));
        let expected = if waiting.is_empty() {
            Next::Nothing
        } else if self.token == Some(false) {
            Next::Held(Hold::TokenRejected)
        } else if self.token.is_none() {
            Next::Held(Hold::NoToken)
        } else if network == Network::None {
            Next::Held(Hold::NoNetwork)
        } else if battery_low {
            Next::Held(Hold::BatteryLow)
        } else if !over(self.rest) {
            Next::Wait { until: self.rest }
        } else if let Some(known) = ready {
            Next::Ready(known.id)
        } else if let Some(soonest) = allowed.clone().map(|known| known.not_before()).min() {
            Next::Wait { until: soonest }
        } else if free.clone().count() > 0 {
            Next::Held(Hold::Metered)
        } else {
            Next::Held(Hold::Sending)
        };
        let found = match next {
            Next::Ready(upload) => {
                assert_eq!(Sha256::of(&upload.body), upload.id);
                assert!(upload.path.ends_with(&upload.id.to_string()), "{upload:?}");
                self.sending.insert(upload.id);
                Next::Ready(upload.id)
            }
            Next::Wait { until } => Next::Wait { until },
            Next::Held(hold) => Next::Held(hold),
            Next::Nothing => Next::Nothing,
        };
        assert_eq!(found, expected);
    }

    fn report(&mut self, which: usize, answer: Answer) {
        let mut sending: Vec<Sha256> = self.known.iter().map(|known| known.id).collect();
        if !self.sending.is_empty() {
            sending.retain(|id| self.sending.contains(id));
        }
        let Some(&id) = sending.get(which % sending.len().max(1)) else { return };
        let (now, known) = (self.now, self.known.iter_mut().find(|known| known.id == id).unwrap());
        let said = self.queue.as_ref().unwrap().report(id, &answer.outcome(), now).unwrap().state;
        self.sending.remove(&id);
        let waited = known.waits();
        match answer {
            Answer::Stored | Answer::There => {
                if !matches!(known.state, State::Sent { .. }) {
                    known.state = State::Sent { at: now };
                }
                self.rest = 0;
            }
            Answer::Never if waited => {
                known.state = State::Refused { at: now, status: 422, message: "no crop (bad_item)".into() };
                self.rest = 0;
            }
            Answer::Token if waited => self.token = Some(false),
            Answer::Busy(_) | Answer::Nothing if waited => {
                let seconds = if let Answer::Busy(seconds) = answer { seconds } else { 0 };
                let State::Waiting { not_before, last_error: Some(_) } = &said else { panic!("{said:?}") };
                let earliest = now + seconds * 1000;
                assert!((earliest..=now + LONGEST_REST).contains(not_before), "{not_before} - {now}");
                known.state = said.clone();
                let (until, _) = self.queue.as_ref().unwrap().status().unwrap().resting.unwrap();
                assert!((earliest..=now + LONGEST_REST).contains(&until), "{until} - {now}");
                self.rest = until;
            }
            _ => {}
        }
        assert_eq!(said, known.state);
    }

    /// Both say the same.
    fn agree(&self) {
        let entries = self.queue().latest(usize::MAX).unwrap();
        let found: Vec<(Sha256, State)> = entries.into_iter().rev().map(|entry| (entry.id, entry.state)).collect();
        let expected: Vec<(Sha256, State)> = self
            .known
            .iter()
            .map(|known| {
                let sending = known.waits() && self.sending.contains(&known.id);
                (known.id, if sending { State::Sending } else { known.state.clone() })
            })
            .collect();
        assert_eq!(found, expected);
        let count = |wanted: fn(&State) -> bool| self.known.iter().filter(|known| wanted(&known.state)).count() as u64;
        let status = self.queue().status().unwrap();
        assert_eq!(status.totals.waiting, count(|state| matches!(state, State::Waiting { .. })));
        assert_eq!(status.totals.sent, count(|state| matches!(state, State::Sent { .. })));
        assert_eq!(status.totals.refused, count(|state| matches!(state, State::Refused { .. })));
        assert_eq!(status.totals.evicted, count(|state| matches!(state, State::Evicted { .. })));
        let kept = self.known.iter().filter(|known| known.kept());
        assert_eq!(status.totals.bytes, kept.clone().map(|known| known.bytes).sum::<u64>());
        for known in &self.known {
            let item = self.queue().item(known.id).unwrap();
            assert_eq!(item.map(|item| item.id()), known.kept().then_some(known.id));
        }
    }
}

fn kind(answer: &Offered) -> &'static str {
    match answer {
        Offered::Accepted => "accepted",
        Offered::Known(_) => "known",
        Offered::LookAlike { .. } => "look-alike",
        Offered::Quota => "quota",
        Offered::Budget => "budget",
        Offered::Full => "full",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_its_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.agree();
        }
    }

    #[test]
    fn closing_the_file_after_each_step_changes_nothing(steps in prop::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.reopen();
            pair.agree();
        }
    }
}

#[test]
fn metered_networks_are_for_what_the_app_says() {
    let folder = tempfile::tempdir().unwrap();
    for (metered, allowed) in [(MeteredUse::Nothing, 0), (MeteredUse::Corrections, 1), (MeteredUse::Everything, 2)] {
        let mut settings = settings();
        settings.sync.metered = metered;
        let queue = Queue::open(&folder.path().join(format!("{metered:?}")), settings).unwrap();
        let items = [sample::item(1, Reason::Unknown, "a", 1, 10), sample::item(2, Reason::Corrected, "a", 2, 10)];
        queue.offer(&items, START).unwrap();
        queue.set_token(Some("t".into()));
        let conditions = Conditions { network: Network::Metered, battery_low: false };
        let mut handed_out = Vec::new();
        while let Next::Ready(upload) = queue.next_upload(START, conditions).unwrap() {
            handed_out.push(upload.id);
        }
        let order = [items[1].id(), items[0].id()];
        assert_eq!(handed_out, order[..allowed], "{metered:?}");
    }
}

#[test]
fn a_correction_takes_the_place_of_what_waits_of_the_same_facing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(&folder.path().join("queue"), settings()).unwrap();
    let (unknown, other) = (sample::item(10, Reason::Unknown, "a", 1, 9), sample::item(12, Reason::Unknown, "a", 2, 9));
    let (first, second) =
        (sample::item(11, Reason::Corrected, "a", 1, 9), sample::item(11, Reason::Corrected, "b", 1, 9));
    queue.offer(&[unknown.clone(), other.clone(), first.clone()], START).unwrap();
    assert_eq!(queue.entry(unknown.id()).unwrap().state, State::Evicted { at: START, why: Eviction::Superseded });
    // The person thinks again; then the item is on its way already.
    queue.offer(std::slice::from_ref(&second), START).unwrap();
    assert_eq!(queue.entry(first.id()).unwrap().state, State::Evicted { at: START, why: Eviction::Superseded });
    queue.set_token(Some("t".into()));
    let conditions = Conditions { network: Network::Unmetered, battery_low: false };
    let Next::Ready(upload) = queue.next_upload(START, conditions).unwrap() else { panic!("two wait") };
    assert_eq!(upload.id, second.id());
    queue.offer(&[sample::item(11, Reason::Corrected, "c", 1, 9)], START).unwrap();
    assert_eq!(queue.entry(second.id()).unwrap().state, State::Sending);
    assert_eq!(queue.status().unwrap().totals.waiting, 3, "the other facing, the one that is sent, and the last word");
    // Seen again, the facing is known.
    assert!(matches!(queue.offer(&[unknown], START).unwrap()[..], [Offered::Known(_)]));
}

//! `shelfscan queue`: what waits for a person's look, and its way to the server.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use shelfscan::protocol::{Item, Meta, PublicKey, Sha256};
use shelfscan::queue::{
    Conditions, Downloaded, Entry, Hold, Network, Next, Queue, QueueError, Settings, State, Status,
};
use shelfscan::{Bundle, Catalogue};

use crate::failure::{Failure, complain};
use crate::http::Server;
use crate::output::Output;
use crate::table;

/// Where `sync` finds the token if no file is named.
const TOKEN: &str = "SHELFSCAN_TOKEN";

/// What to do with a queue.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the items, the latest first.
    List {
        #[command(flatten)]
        queue: OfQueue,
        /// Most items that are listed.
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// Show what is known of an item, as JSON.
    Show {
        #[command(flatten)]
        queue: OfQueue,
        /// Id of the item, or its first digits.
        #[arg(value_name = "ID")]
        id: String,
        /// Write its crop to a file.
        #[arg(long, value_name = "OUT")]
        crop: Option<PathBuf>,
    },
    /// Give up an item: it is not sent.
    Drop {
        #[command(flatten)]
        queue: OfQueue,
        /// Id of the item, or its first digits.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Have an item that the server refused sent again.
    Retry {
        #[command(flatten)]
        queue: OfQueue,
        /// Id of the item, or its first digits.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Send what waits, and take new SKUs over.
    Sync(Sync),
}

/// The queue that a command is about.
#[derive(Debug, clap::Args)]
pub struct OfQueue {
    /// File of the queue.
    #[arg(value_name = "QUEUE")]
    file: PathBuf,
}

/// Send what waits, and take new SKUs over.
#[derive(Debug, clap::Args)]
pub struct Sync {
    #[command(flatten)]
    queue: OfQueue,
    /// Address of the server, such as https://shelves.example.com.
    #[arg(long, value_name = "URL")]
    server: String,
    /// File with the device's token; else it is taken from the environment, SHELFSCAN_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Folder of the bundle whose SKUs are kept up to date; --key is needed too.
    #[arg(long, value_name = "DIR", requires = "key")]
    bundle: Option<PathBuf>,
    /// Public key of the server, 64 hex digits; may be given several times.
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: Vec<PublicKey>,
    /// Seconds to wait, all in all, for a server that can't be reached or is busy.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
}

fn key(text: &str) -> Result<PublicKey, String> {
    text.parse().map_err(|error: shelfscan::protocol::BadKey| error.to_string())
}

/// Runs the command.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List { queue, most } => list(&queue.open(Settings::default())?, *most),
        Command::Show { queue, id, crop } => show(&queue.open(Settings::default())?, id, crop.as_deref()),
        Command::Drop { queue, id } => {
            let queue = queue.open(Settings::default())?;
            let entry = queue.drop_item(find(&queue, id)?, now())?;
            Ok(writeln!(io::stdout(), "{}: {}", entry.id, told(&entry.state))?)
        }
        Command::Retry { queue, id } => {
            let queue = queue.open(Settings::default())?;
            let entry = queue.retry(find(&queue, id)?)?;
            Ok(writeln!(io::stdout(), "{}: {}", entry.id, told(&entry.state))?)
        }
        Command::Sync(sync) => sync.run(),
    }
}

impl OfQueue {
    /// Opens a queue that is there.
    fn open(&self, settings: Settings) -> Result<Queue, Failure> {
        if !self.file.is_file() {
            let reason = "no queue here; `shelfscan scan --queue` makes one";
            return Err(Failure::Nothing(format!("{}: {reason}", self.file.display())));
        }
        Ok(Queue::open(&self.file, settings)?)
    }
}

/// Unix time in milliseconds.
pub fn now() -> u64 {
    milliseconds(SystemTime::now())
}

/// A time in Unix milliseconds; 0 before 1970.
pub fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn list(queue: &Queue, most: usize) -> Result<(), Failure> {
    let mut table = table::with_headings(["id", "reason", "likest", "tries", "bytes", "state"]);
    for entry in queue.latest(most)? {
        let Entry { id, reason, likest, tries, bytes, state, .. } = entry;
        table.add_row([
            id.to_string()[..12].into(),
            name(&reason).into(),
            likest.unwrap_or_default().into(),
            table::number(tries),
            table::number(bytes),
            told(&state).into(),
        ]);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{table}")?;
    Ok(writeln!(out, "{}", summary(&queue.status()?))?)
}

fn show(queue: &Queue, id: &str, crop: Option<&Path>) -> Result<(), Failure> {
    let id = find(queue, id)?;
    let (entry, item) = (queue.entry(id)?, queue.item(id)?);
    if let Some(path) = crop {
        let item = item.as_ref().ok_or_else(|| Failure::Nothing(format!("{id}: its crop is not kept any more")))?;
        Output::at(path)?.finish(item.crop())?;
    }
    let shown = Shown { entry, metadata: item.as_ref().map(Item::meta) };
    let text = serde_json::to_string_pretty(&shown).map_err(io::Error::from)?;
    Ok(writeln!(io::stdout(), "{text}")?)
}

#[derive(serde::Serialize)]
struct Shown<'a> {
    entry: Entry,
    metadata: Option<&'a Meta>,
}

/// The item whose id begins with these digits.
fn find(queue: &Queue, digits: &str) -> Result<Sha256, Failure> {
    if let Ok(id) = digits.parse() {
        return Ok(id);
    }
    let entries = queue.latest(usize::MAX)?;
    let mut found = entries.iter().filter(|entry| entry.id.to_string().starts_with(digits));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry.id),
        (Some(_), Some(_)) => Err(Failure::Arguments(format!("several items begin with {digits}; give more digits"))),
        (None, _) => Err(Failure::Nothing(format!("no item begins with {digits}"))),
    }
}

impl Sync {
    fn run(&self) -> Result<(), Failure> {
        let server = Server::at(&self.server)?;
        let mut settings = Settings { keys: self.key.clone(), ..Settings::default() };
        settings.sync.ask_every = 0;
        let queue = self.queue.open(settings)?;
        queue.set_token(Some(self.token()?));
        let patience = now().saturating_add(self.patience.saturating_mul(1000));
        let uploaded = self.upload(&queue, &server, patience);
        let downloaded = match (&uploaded, &self.bundle) {
            (Ok(()), Some(bundle)) => self.download(&queue, &server, bundle, patience),
            _ => Ok(()),
        };
        let status = queue.status()?;
        writeln!(io::stdout(), "{}", summary(&status))?;
        uploaded.and(downloaded)?;
        let totals = status.totals;
        if totals.waiting + totals.refused > 0 { Err(Failure::Some) } else { Ok(()) }
    }

    fn token(&self) -> Result<String, Failure> {
        let token = match &self.token_file {
            Some(path) => fs::read_to_string(path)
                .map_err(|error| Failure::Arguments(format!("--token-file {}: {error}", path.display())))?,
            None => env::var(TOKEN).map_err(|_| {
                Failure::Arguments(format!("a token is needed: --token-file, or {TOKEN} in the environment"))
            })?,
        };
        Ok(token.trim().into())
    }

    fn upload(&self, queue: &Queue, server: &Server, patience: u64) -> Result<(), Failure> {
        loop {
            match queue.next_upload(now(), CONDITIONS)? {
                Next::Ready(upload) => {
                    let outcome = server.put(&upload.path, &upload.headers, &upload.body);
                    let entry = queue.report(upload.id, &outcome, now())?;
                    if matches!(entry.state, State::Refused { .. }) {
                        complain(format!("{}: {}", entry.id, told(&entry.state)));
                    }
                }
                Next::Wait { until } if until <= patience => rest(until),
                Next::Wait { .. } => {
                    return Err(Failure::Bundle(format!("{}: {}", self.server, why(&queue.status()?))));
                }
                Next::Held(Hold::TokenRejected) => return Err(self.token_rejected()),
                Next::Held(_) | Next::Nothing => return Ok(()),
            }
        }
    }

    fn download(&self, queue: &Queue, server: &Server, folder: &Path, patience: u64) -> Result<(), Failure> {
        let mut bundle = Bundle::open(folder, 1)?;
        loop {
            let (index, embedder) = bundle.office();
            let download = match queue.next_download(now(), CONDITIONS, index, embedder)? {
                Next::Ready(download) => download,
                Next::Wait { until } if until <= patience => {
                    rest(until);
                    continue;
                }
                Next::Wait { .. } => return Err(Failure::Bundle(format!("{}: no new SKUs came", self.server))),
                Next::Held(_) | Next::Nothing => return Ok(()),
            };
            match queue.report_download(&server.get(&download.path, &download.headers), now())? {
                Downloaded::UpToDate => return Ok(writeln!(io::stdout(), "no new SKUs")?),
                Downloaded::Delta(delta) => {
                    let mut catalogue = Catalogue::of(bundle);
                    match catalogue.apply(&delta) {
                        Ok(applied) => {
                            let (added, changed) = (applied.added.join(", "), applied.changed.join(", "));
                            let removed = applied.removed.join(", ");
                            writeln!(io::stdout(), "SKUs added: {added}; changed: {changed}; removed: {removed}")?;
                            return Ok(());
                        }
                        Err(fault) if fault.is_mended_by_the_whole() && delta.head.from.is_some() => {
                            queue.ask_for_whole()?;
                            bundle = catalogue.into_bundle()?;
                        }
                        Err(fault) => return Err(Failure::Bundle(fault.to_string())),
                    }
                }
                Downloaded::Never(reason) => return Err(Failure::Bundle(reason)),
                Downloaded::Unbelievable(error) => return Err(Failure::Bundle(error.to_string())),
                Downloaded::TokenRejected => return Err(self.token_rejected()),
                Downloaded::Later { until, .. } if until <= patience => rest(until),
                Downloaded::Later { why, .. } => return Err(Failure::Bundle(format!("{}: {why}", self.server))),
            }
        }
    }

    fn token_rejected(&self) -> Failure {
        Failure::Bundle(format!("{}: the token is not good (any more); get a new one", self.server))
    }
}

/// A computer's.
const CONDITIONS: Conditions = Conditions { network: Network::Unmetered, battery_low: false };

fn rest(until: u64) {
    thread::sleep(Duration::from_millis(until.saturating_sub(now())));
}

fn why(status: &Status) -> String {
    let reason = status.resting.as_ref().map_or("the items that wait failed before", |(_, reason)| reason);
    format!("{reason}; what waits is kept, try again later")
}

/// What stands in a queue, in one sentence.
pub fn summary(status: &Status) -> String {
    let totals = &status.totals;
    format!(
        "{} waiting, {} sent, {} refused, {} given up; {} bytes kept",
        totals.waiting, totals.sent, totals.refused, totals.evicted, totals.bytes
    )
}

fn told(state: &State) -> String {
    match state {
        State::Waiting { last_error: None, .. } => "waiting".into(),
        State::Waiting { last_error: Some(error), .. } => format!("waiting; {error}"),
        State::Sending => "sending".into(),
        State::Sent { .. } => "sent".into(),
        State::Refused { status, message, .. } => format!("refused ({status}): {message}"),
        State::Evicted { why, .. } => format!("given up: {}", name(why)),
    }
}

/// The name that something has in JSON.
fn name(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().into()
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::DiskFull { .. } | QueueError::Storage { .. } => Self::Output(error.to_string()),
            QueueError::UnknownItem { .. } | QueueError::NotRefused { .. } => Self::Nothing(error.to_string()),
            _ => Self::Bundle(error.to_string()),
        }
    }
}

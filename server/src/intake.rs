//! The last step of taking items in: their rows, many in one commit.
//!
//! Owns the one task that writes them. Whoever hands it a row hears of it when the commit is on the disk, and not before. Under load
//! rows that wait for the disk share the next flush.

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::database::items::NewItem;
use crate::database::{Database, now};

/// Most rows of one commit.
const TOGETHER: usize = 128;

/// Where rows are handed in. When all of these are gone the task ends, everything written.
#[derive(Clone, Debug)]
pub struct Intake(mpsc::Sender<Waiting>);

#[derive(Debug)]
struct Waiting {
    item: NewItem,
    answer: oneshot::Sender<Result<bool, String>>,
}

impl Intake {
    /// Starts the task.
    pub fn start(database: Database) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(TOGETHER * 2);
        (Self(sender), tokio::spawn(write(database, receiver)))
    }

    /// Takes an item in and says whether it is new.
    ///
    /// # Errors
    /// Why the database failed; the item was not taken in then.
    pub async fn put(&self, item: NewItem) -> Result<bool, String> {
        let (answer, answered) = oneshot::channel();
        let stopping = || "the server is stopping".to_owned();
        self.0.send(Waiting { item, answer }).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

async fn write(database: Database, mut rows: mpsc::Receiver<Waiting>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while rows.recv_many(&mut together, TOGETHER).await > 0 {
        let (items, answers): (Vec<NewItem>, Vec<_>) =
            together.drain(..).map(|waiting| (waiting.item, waiting.answer)).unzip();
        match database.insert_items(&items, now()).await {
            Ok(new) => tell(answers, new.into_iter().map(Ok)),
            // One that can't be written must not keep the others out.
            Err(_) if items.len() > 1 => {
                for (item, answer) in items.into_iter().zip(answers) {
                    let alone = database.insert_items(&[item], now()).await;
                    tell([answer], [alone.map(|new| new[0]).map_err(|error| error.to_string())]);
                }
            }
            Err(error) => tell(answers, std::iter::repeat_with(|| Err(error.to_string()))),
        }
    }
}

fn tell(
    answers: impl IntoIterator<Item = oneshot::Sender<Result<bool, String>>>,
    outcomes: impl IntoIterator<Item = Result<bool, String>>,
) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // Whoever asked may be gone; they will ask again.
        let _ = answer.send(outcome);
    }
}

//! A phone that is killed, over and over, in the midst of accepting and sending, against a server that fails in every way a network
//! can: what was accepted arrives, once, with its bytes.
//!
//! The program starts itself again as the phone, kills it with SIGKILL after a random time, and starts it again; in the end it is
//! left alone until nothing waits. `SHELFSCAN_KILLS` says how often (20).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use shelfscan_queue::protocol::{Item, Reason, Sha256};
use shelfscan_queue::{Conditions, Limits, Network, Next, Offered, Outcome, Policy, Queue, Settings};

mod sample;

/// Set for the process that is the phone: file of the queue, address of the server, its number among the phones, what to do.
const PHONE: &str = "SHELFSCAN_QUEUE_PHONE";

fn main() {
    match env::var(PHONE) {
        Ok(task) => phone(&task),
        Err(_) => nothing_is_lost(),
    }
}

fn nothing_is_lost() {
    let kills: u64 = env::var("SHELFSCAN_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue");
    let server = Arc::new(Server::default());
    let address = Server::listen(&server);
    let mut random = Random(0x5eed);
    let mut accepted = HashSet::new();
    for number in 0..kills {
        let mut phone = start(&file, &address, number, "work");
        let output = phone.stdout.take().unwrap();
        let told = thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // The last line may be cut off by the kill.
            lines.filter_map(|line| line.strip_prefix("accepted ")?.parse::<Sha256>().ok()).collect::<Vec<_>>()
        });
        thread::sleep(Duration::from_millis(20 + random.below(250)));
        assert!(phone.try_wait().unwrap().is_none(), "phone {number} ended by itself before it was killed");
        phone.kill().unwrap();
        phone.wait().unwrap();
        accepted.extend(told.join().unwrap());
    }
    let left = start(&file, &address, kills, "drain").wait().unwrap();
    assert!(left.success(), "the last phone could not send what was left: {left}");

    let there = server.items.lock().unwrap();
    assert!(accepted.len() as u64 > kills, "only {} items were accepted in {kills} lives", accepted.len());
    for id in &accepted {
        assert!(there.contains_key(id), "item {id} was accepted and did not arrive");
    }
    for (id, item) in there.iter() {
        assert_eq!(Sha256::of(item), *id, "an item arrived under another name");
        Item::parse(item.clone()).unwrap_or_else(|error| panic!("item {id} arrived damaged: {error}"));
    }
    let queue = Queue::open(&file, settings()).unwrap();
    let totals = queue.status().unwrap().totals;
    assert_eq!((totals.sent, totals.waiting), (there.len() as u64, 0), "{totals:?}");
    let answers = server.answers.lock().unwrap();
    println!(
        "{kills} kills: {} items accepted, {} arrived; the server's part: {answers:?}",
        accepted.len(),
        there.len()
    );
}

fn start(file: &Path, address: &str, number: u64, task: &str) -> std::process::Child {
    let task = format!("{}\n{address}\n{number}\n{task}", file.display());
    Command::new(env::current_exe().unwrap()).env(PHONE, task).stdout(Stdio::piped()).spawn().unwrap()
}

fn settings() -> Settings {
    let policy = Policy { look_alike: 2.0, per_sku: u32::MAX, per_day: u32::MAX, ..Policy::default() };
    Settings { limits: Limits { items: 1_000_000, bytes: 1 << 40 }, policy, ..Settings::default() }
}

/// Accepts and sends until it is killed, or sends until nothing is left. Instead of waiting it sets its clock forward.
fn phone(task: &str) {
    let [file, address, number, task] = task.lines().collect::<Vec<_>>()[..] else { panic!("{task}") };
    let number: u64 = number.parse().unwrap();
    let mut random = Random(number);
    let queue = Queue::open(Path::new(file), settings()).unwrap();
    queue.set_token(Some("token".into()));
    let conditions = Conditions { network: Network::Unmetered, battery_low: false };
    let mut now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    for made in 0.. {
        if task == "work" {
            let items: Vec<Item> = (0..1 + random.below(3))
                .map(|part| {
                    let reason = if random.below(5) == 0 { Reason::Corrected } else { Reason::Unknown };
                    let bytes = random.below(60_000) as usize;
                    sample::item(number * 1_000_000 + made * 10 + part, reason, "a", part, bytes)
                })
                .collect();
            for (item, answer) in items.iter().zip(queue.offer(&items, now).unwrap()) {
                assert_eq!(answer, Offered::Accepted);
                println!("accepted {}", item.id());
            }
            io::stdout().flush().unwrap();
        }
        for _ in 0..random.below(5) {
            match queue.next_upload(now, conditions).unwrap() {
                Next::Ready(upload) => {
                    let id = upload.id;
                    let outcome = put(address, &upload.path, &upload.headers, &upload.body);
                    queue.report(id, &outcome, now).unwrap();
                }
                Next::Wait { until } => now = until,
                Next::Nothing if task == "drain" => return,
                Next::Nothing => {}
                Next::Held(hold) => panic!("{hold:?}"),
            }
        }
    }
}

/// HTTP as small as it can be.
fn put(address: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Outcome {
    let exchange = || -> io::Result<Outcome> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(stream, "PUT {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(body)?;
        let mut reader = BufReader::new(stream);
        let (head, length) = head(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let retry_after = head.iter().find_map(|line| line.strip_prefix("Retry-After: ")).map(str::to_owned);
        Ok(Outcome::Answered { status, retry_after, body })
    };
    exchange().unwrap_or_else(|error| Outcome::Failed { reason: error.to_string() })
}

/// The lines before an empty one, and the length of what follows.
fn head(reader: &mut impl BufRead) -> io::Result<(Vec<String>, usize)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(Ok(0), str::parse);
    Ok((lines, length.map_err(io::Error::other)?))
}

/// A server that keeps what it gets and fails in turn.
#[derive(Default)]
struct Server {
    items: Mutex<HashMap<Sha256, Vec<u8>>>,
    answers: Mutex<BTreeMap<&'static str, u64>>,
}

impl Server {
    fn listen(server: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Arc::clone(server);
        thread::spawn(move || {
            let mut random = Random(1);
            for stream in listener.incoming().flatten() {
                let answer = server.serve(stream, random.below(100)).unwrap_or("the phone was gone");
                *server.answers.lock().unwrap().entry(answer).or_default() += 1;
            }
        });
        address
    }

    fn serve(&self, stream: TcpStream, chance: u64) -> io::Result<&'static str> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let (lines, length) = head(&mut reader)?;
        assert!(lines.iter().any(|line| line == "Authorization: Bearer token"), "{lines:?}");
        if chance < 8 {
            reader.read_exact(&mut vec![0; length / 2])?;
            return Ok("hung up in the midst of the body");
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = |status: &str, more: &str, body: &str| {
            write!(&stream, "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
        };
        match chance {
            8..14 => {
                answer("503 Busy", "Retry-After: 1\r\n", "")?;
                return Ok("503");
            }
            14..18 => {
                answer("429 Slow Down", "Retry-After: 2\r\n", "")?;
                return Ok("429");
            }
            18..22 => {
                answer("200 OK", "", "<html>Sign in to the hotel's network</html>")?;
                return Ok("a sign-in page");
            }
            22..26 => {
                write!(&stream, "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n")?;
                return Ok("an answer of another length");
            }
            _ => {}
        }
        let id: Sha256 = lines[0].split(['/', ' ']).find_map(|part| part.parse().ok()).unwrap();
        let known = self.items.lock().unwrap().insert(id, body).is_some();
        match chance {
            26..34 => return Ok("stored, and hung up"),
            34..38 => thread::sleep(Duration::from_millis(30)),
            _ => {}
        }
        if known {
            answer("409 Conflict", "", "{}")?;
            return Ok("there already");
        }
        answer("201 Created", "", "")?;
        Ok("stored")
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

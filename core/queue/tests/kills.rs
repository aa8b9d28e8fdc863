//! A phone that is killed, over and over, in the midst of accepting and sending, against a server that fails in every way a network
//! can: what was accepted arrives, once, with its bytes.
//!
//! The program starts itself again as the phone, kills it with SIGKILL after a random time, and starts it again; in the end it is
//! left alone until nothing waits. `SHELFSCAN_KILLS` says how often (20). Where `SHELFSCAN_KILLS_SERVER` names the program of the
//! server, the same is done against it, and it is killed too, in the midst of every second life of the phone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
        Err(_) => {
            let kills = env::var("SHELFSCAN_KILLS").map_or(20, |kills| kills.parse().unwrap());
            nothing_is_lost(kills);
            if let Some(program) = env::var_os("SHELFSCAN_KILLS_SERVER") {
                nothing_is_lost_at(&PathBuf::from(program), kills);
            }
        }
    }
}

fn nothing_is_lost(kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue");
    let server = Arc::new(Server::default());
    let address = Server::listen(&server);
    let mut random = Random(0x5eed);
    let mut accepted = HashSet::new();
    for number in 0..kills {
        let life = Duration::from_millis(20 + random.below(250));
        accepted.extend(live(&file, &address, "token", number, || thread::sleep(life)));
    }
    drain(&file, &address, "token", kills);

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

/// The life of a phone, which ends with a kill after `meanwhile`. Gives the items that it said are accepted.
fn live(file: &Path, address: &str, token: &str, number: u64, meanwhile: impl FnOnce()) -> Vec<Sha256> {
    let mut phone = start(file, address, token, number, "work");
    let output = phone.stdout.take().unwrap();
    let told = thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        // The last line may be cut off by the kill.
        lines.filter_map(|line| line.strip_prefix("accepted ")?.parse::<Sha256>().ok()).collect::<Vec<_>>()
    });
    meanwhile();
    assert!(phone.try_wait().unwrap().is_none(), "phone {number} ended by itself before it was killed");
    phone.kill().unwrap();
    phone.wait().unwrap();
    told.join().unwrap()
}

/// The last life, without a kill: until nothing waits.
fn drain(file: &Path, address: &str, token: &str, number: u64) {
    let left = start(file, address, token, number, "drain").wait().unwrap();
    assert!(left.success(), "the last phone could not send what was left: {left}");
}

fn start(file: &Path, address: &str, token: &str, number: u64, task: &str) -> Child {
    let task = format!("{}\n{address}\n{token}\n{number}\n{task}", file.display());
    Command::new(env::current_exe().unwrap()).env(PHONE, task).stdout(Stdio::piped()).spawn().unwrap()
}

fn settings() -> Settings {
    let policy = Policy { look_alike: 2.0, per_sku: u32::MAX, per_day: u32::MAX, ..Policy::default() };
    Settings { limits: Limits { items: 1_000_000, bytes: 1 << 40 }, policy, ..Settings::default() }
}

/// Accepts and sends until it is killed, or sends until nothing is left. Instead of waiting it sets its clock forward.
fn phone(task: &str) {
    let [file, address, token, number, task] = task.lines().collect::<Vec<_>>()[..] else { panic!("{task}") };
    let number: u64 = number.parse().unwrap();
    let mut random = Random(number);
    let queue = Queue::open(Path::new(file), settings()).unwrap();
    queue.set_token(Some(token.into()));
    let conditions = Conditions { network: Network::Unmetered, battery_low: false };
    let mut now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    for made in 0.. {
        if task == "work" {
            let items: Vec<Item> = (0..1 + random.below(3))
                .map(|part| {
                    let reason = if random.below(5) == 0 { Reason::Corrected } else { Reason::Unknown };
                    // Each of a facing of its own: a correction takes the place of what waits.
                    let id = 2 * (number * 1_000_000 + made * 10 + part);
                    match token {
                        "token" => sample::item(id, reason, "a", part, random.below(60_000) as usize),
                        // The real server looks into the picture.
                        _ => sample::decodable(id, reason, "a", part),
                    }
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

/// The same against the real server, which is killed too.
fn nothing_is_lost_at(program: &Path, kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue");
    // A port that is free now; nobody else takes it between two lives of the server.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let office = Office { program, folder: folder.path(), address: &address };
    let (device, reviewer) = (office.token("device"), office.token("reviewer"));
    let mut random = Random(0x0ff1ce);
    let mut accepted = HashSet::new();
    let mut server = Some(office.start());
    for number in 0..kills {
        let (before, after) = (random.below(200), random.below(200));
        accepted.extend(live(&file, &address, &device, number, || {
            thread::sleep(Duration::from_millis(20 + before));
            if number % 2 == 0 {
                server.take();
                server = Some(office.start());
            }
            thread::sleep(Duration::from_millis(after));
        }));
    }
    drain(&file, &address, &device, kills);
    let there = office.items(&reviewer);
    drop(server);
    assert!(accepted.len() as u64 > kills, "only {} items were accepted in {kills} lives", accepted.len());
    let distinct: HashSet<Sha256> = there.iter().copied().collect();
    assert_eq!(distinct.len(), there.len(), "an item is there twice");
    for id in &accepted {
        assert!(distinct.contains(id), "item {id} was accepted and did not arrive");
    }
    let totals = Queue::open(&file, settings()).unwrap().status().unwrap().totals;
    assert_eq!((totals.sent, totals.waiting, totals.refused), (there.len() as u64, 0, 0), "{totals:?}");
    println!(
        "{kills} kills of the phone and {} of the server: {} items accepted, {} arrived",
        kills.div_ceil(2),
        accepted.len(),
        there.len()
    );
}

/// A process that is killed, with SIGKILL, where it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real server.
struct Office<'a> {
    program: &'a Path,
    folder: &'a Path,
    address: &'a str,
}

impl Office<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .current_dir(self.folder)
            .env("SHELFSCAN_DATA", self.folder.join("office"))
            .env("AI_V2_ENABLED", "false");
        command.env("SHELFSCAN_LISTEN", self.address).env("SHELFSCAN_REQUESTS_PER_MINUTE", "1000000");
        command.env_remove("DATABASE_URL").env_remove("BLOB_URL").stderr(Stdio::null());
        command
    }

    fn start(&self) -> Killed {
        let server = Killed(self.command().spawn().unwrap());
        for _ in 0..2000 {
            if TcpStream::connect(self.address).is_ok() {
                return server;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the server does not listen at {}", self.address)
    }

    fn token(&self, role: &str) -> String {
        let made = self.command().args(["token", "create", "--role", role, "--name", "test"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().into()
    }

    /// All items that a reviewer is told of.
    fn items(&self, token: &str) -> Vec<Sha256> {
        let headers = [("Authorization".to_owned(), format!("Bearer {token}"))];
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/ai/v2/active-learning-queue?limit=200{cursor}");
            let Outcome::Answered { status: 200, body, .. } = request(self.address, "GET", &path, &headers, &[]) else {
                panic!("the server gives no list")
            };
            let page: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let ids = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().parse::<Sha256>().unwrap());
            items.extend(ids);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

fn put(address: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Outcome {
    request(address, "PUT", path, headers, body)
}

/// HTTP as small as it can be.
fn request(address: &str, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Outcome {
    let exchange = || -> io::Result<Outcome> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(body)?;
        let mut reader = BufReader::new(stream);
        let (head, length) = head(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let retry_after = head.iter().find_map(|line| line.strip_prefix("retry-after: ")).map(str::to_owned);
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
            // Names of headers come in any case.
            line => match line.split_once(": ") {
                Some((name, value)) => lines.push(format!("{}: {value}", name.to_lowercase())),
                None => lines.push(line.to_owned()),
            },
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")).map_or(Ok(0), str::parse);
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
        assert!(lines.iter().any(|line| line == "authorization: Bearer token"), "{lines:?}");
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

//! `cargo xtask loop`: the way of a crop from phone to office and back, for somebody who sees it for the first time.
//!
//! Owns the order: a server of its own, a phone's scan and sync with the command line, a person at the review page, then publish, sync
//! and the same scan again. Everything lies in the build folder and is begun anew each time.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::demo::{SAMPLE, copied_bundle, shelfscan};
use crate::error::{Error, Result};
use crate::fetch;
use crate::step::execute;
use crate::tools::build;
use crate::workspace::{root, target};

/// Where the office is.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Port of the server, on this machine alone.
    #[arg(long, default_value_t = 8000)]
    port: u16,
}

/// Goes through the loop, and waits in the middle for a person at the review page.
pub(crate) fn run(options: &Options) -> Result<()> {
    fetch::run()?;
    build(&["shelfscan-server", "shelfscan-cli"])?;
    let folder = target().join("office");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    let phone = Phone::new(&folder)?;
    let office = Office::open(&folder, options.port)?;

    println!("\n==> on the phone: the shipped bundle knows none of the products on this shelf");
    phone.scan(true)?;
    let device = office.token("device", "The phone")?;
    phone.sync(&office, &device)?;

    let address = format!("http://{}/review", office.address);
    println!(
        "\n==> in the office: open {address}\n    and sign in with this token: {}",
        office.token("reviewer", "You")?
    );
    println!("    Name some crops: N for a new SKU, L for look-alikes of the crop on the screen.");
    print!("    Then come back here and press Enter. ");
    io::stdout().flush().map_err(Error::file("standard output"))?;
    io::stdin().lock().read_line(&mut String::new()).map_err(Error::file("standard input"))?;

    println!("\n==> in the office: an admin publishes what was named");
    println!("{}", office.publish(&office.token("admin", "The admin")?)?);
    println!("\n==> on the phone: sync, and scan the same shelf again");
    phone.sync(&office, &device)?;
    phone.scan(false)
}

/// What lies on a phone.
struct Phone {
    bundle: PathBuf,
    queue: PathBuf,
}

impl Phone {
    fn new(folder: &Path) -> Result<Self> {
        Ok(Self { bundle: copied_bundle(folder)?, queue: folder.join("queue.redb") })
    }

    fn scan(&self, keep: bool) -> Result<()> {
        let mut scan = shelfscan();
        scan.arg("scan").arg(root().join(SAMPLE).join("shelf.jpg")).arg("--bundle").arg(&self.bundle);
        if keep {
            scan.arg("--queue").arg(&self.queue);
        }
        execute(&mut scan)
    }

    fn sync(&self, office: &Office, token: &str) -> Result<()> {
        let mut sync = shelfscan();
        sync.args(["queue", "sync"]).arg(&self.queue).arg("--server").arg(format!("http://{}", office.address));
        sync.arg("--bundle").arg(&self.bundle).arg("--key").arg(office.key()?);
        execute(sync.env("SHELFSCAN_TOKEN", token))
    }
}

/// A server, which ends with this.
struct Office {
    data: PathBuf,
    address: String,
    serving: Child,
}

impl Office {
    fn open(folder: &Path, port: u16) -> Result<Self> {
        let (data, address) = (folder.join("office"), format!("127.0.0.1:{port}"));
        let mut serve = server(&data);
        serve.env("SHELFSCAN_LISTEN", &address).env("RUST_LOG", "warn").stdin(Stdio::null());
        let serving = serve.spawn().map_err(|source| Error::Program { program: "shelfscan-server".into(), source })?;
        let mut office = Self { data, address, serving };
        for _ in 0..300 {
            if office.serving.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            if office.ask("GET", "/readyz", "").is_ok() {
                return Ok(office);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(Error::Office(format!("the server at {} did not start, for the reason above", office.address)))
    }

    fn token(&self, role: &str, name: &str) -> Result<String> {
        let said = said(server(&self.data).args(["token", "create", "--role", role, "--name", name]))?;
        let token = said.split_whitespace().find(|word| word.starts_with("sst_"));
        token.map(str::to_owned).ok_or_else(|| Error::Office(format!("no token in {said:?}")))
    }

    fn key(&self) -> Result<String> {
        Ok(said(server(&self.data).arg("key"))?.trim().to_owned())
    }

    fn publish(&self, token: &str) -> Result<String> {
        self.ask("POST", "/api/v1/ai/v2/bundle/publish", &format!("Authorization: Bearer {token}\r\n"))
    }

    /// The body of the answer to a request without one.
    fn ask(&self, method: &str, path: &str, header: &str) -> Result<String> {
        let ask = || -> io::Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            let host = &self.address;
            write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n{header}\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().map_err(|error| Error::Office(format!("{}: {error}", self.address)))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some("200") => Ok(body.to_owned()),
            _ => Err(Error::Office(format!("{method} {path}: {answer}"))),
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // One that has ended already can't be ended; the wait takes either away.
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

fn server(data: &Path) -> Command {
    let mut server =
        Command::new(target().join("release").join(format!("shelfscan-server{}", std::env::consts::EXE_SUFFIX)));
    server.current_dir(root()).env("SHELFSCAN_DATA", data).env_remove("DATABASE_URL").env_remove("BLOB_URL");
    server
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| Error::Program { program: "shelfscan-server".into(), source })?;
    if !output.status.success() {
        return Err(Error::Command { command: "shelfscan-server".into(), status: output.status.to_string() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

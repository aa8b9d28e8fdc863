//! A PostgreSQL of the tests' own: in a folder that goes, on a port of its own, as a user without rights.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The address of an empty database, new for each call; none where this machine has no PostgreSQL, which is then said.
pub fn database() -> Option<String> {
    static PORT: OnceLock<Option<u16>> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let port = (*PORT.get_or_init(start))?;
    let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let programs = programs()?;
    let made = Command::new(programs.join("createdb"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres", &name])
        .output()
        .unwrap();
    assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
    Some(format!("postgres://postgres@127.0.0.1:{port}/{name}"))
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    folders.filter(|folder| folder.join("initdb").is_file()).max()
}

/// Starts it; it ends with this process, however that ends.
fn start() -> Option<u16> {
    let Some(programs) = programs() else {
        println!("SKIPPED: the shared stores, no PostgreSQL here; apt-get install postgresql");
        return None;
    };
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let folder = tempfile::Builder::new().prefix("shelfscan-postgres-").tempdir().unwrap().keep();
    if root {
        run(Command::new("chown").arg("postgres").arg(&folder));
    }
    let data = folder.join("data");
    let mut init = as_postgres(root, &programs.join("initdb"));
    run(init.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (ready, waits) = std::sync::mpsc::channel();
    // The thread that starts it must stay: it is told of this one's end.
    thread::spawn(move || {
        let mut server = as_postgres(root, &programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300", "-k"])
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let up = loop {
            let mut asked = Command::new(programs.join("pg_isready"));
            asked.args(["-h", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null());
            if asked.status().unwrap().success() {
                break true;
            }
            if started.elapsed() > Duration::from_secs(60) || server.try_wait().unwrap().is_some() {
                break false;
            }
            thread::sleep(Duration::from_millis(100));
        };
        ready.send(up).unwrap();
        let _ = server.wait();
    });
    assert!(waits.recv().unwrap(), "PostgreSQL did not start");
    Some(port)
}

/// A program of PostgreSQL's, which will not run as root.
fn as_postgres(root: bool, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=KILL");
    if root {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

//! Running a program as one step, seen by whoever waits for it and read for what it says.
//!
//! Owns the echo of a step's output and the search for lines that begin with `SKIPPED:`, by which a test says that this
//! machine could not run it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;

use crate::error::{Error, Result};

/// How a line begins that says what was not run, and why.
const SKIPPED: &str = "SKIPPED:";

/// Runs a command to its end with the terminal as it is.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|source| Error::Program { program: program(command), source })?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs a command to its end, showing its output as it comes, and gathers the `SKIPPED:` lines in it.
pub(crate) fn watch(command: &mut Command, skipped: &Mutex<Vec<String>>) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| Error::Program { program: program(command), source })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| echo(stdout, io::stdout(), skipped));
        scope.spawn(|| echo(stderr, io::stdout(), skipped));
    });
    let status = child.wait().map_err(|source| Error::Program { program: program(command), source })?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Says that this machine can't run something, and why.
pub(crate) fn skip(skipped: &Mutex<Vec<String>>, what: &str) {
    let line = format!("{SKIPPED} {what}");
    println!("{line}");
    skipped.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(line);
}

/// Passes each line on, and keeps those that say `SKIPPED:`. Both streams of a step go to stdout: a log has one order.
fn echo(stream: Option<impl Read>, mut to: impl Write, skipped: &Mutex<Vec<String>>) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n').map_while(|line| line.ok()) {
        let line = String::from_utf8_lossy(&line);
        // A closed stdout is no reason to stop reading: the child would block.
        let _ = writeln!(to, "{line}");
        if line.trim_start().starts_with(SKIPPED) {
            skipped.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(line.trim().to_owned());
        }
    }
}

/// The program's name without its folder.
fn program(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn failed(command: &Command, status: ExitStatus) -> Error {
    let mut words = vec![program(command)];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    Error::Command { command: words.join(" "), status: status.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_skipped_are_kept_and_others_are_not() {
        let output = "test a ... ok\nSKIPPED: the emulator, no KVM\r\n  SKIPPED: Swift, not installed\n\
                      not SKIPPED: this\nSKIPPED: no end";
        let (mut shown, skipped) = (Vec::new(), Mutex::default());
        echo(Some(output.as_bytes()), &mut shown, &skipped);
        let expected = ["SKIPPED: the emulator, no KVM", "SKIPPED: Swift, not installed", "SKIPPED: no end"];
        assert_eq!(skipped.into_inner().unwrap(), expected);
        assert_eq!(String::from_utf8(shown).unwrap(), format!("{output}\n"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_end_the_reading() {
        let skipped = Mutex::default();
        echo(Some(&b"\xff\xfe\n\0\nSKIPPED: after noise\n"[..]), io::sink(), &skipped);
        assert_eq!(skipped.into_inner().unwrap(), ["SKIPPED: after noise"]);
    }

    #[test]
    fn a_failed_command_is_named_with_its_arguments() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        let status = command.args(["no-such-command"]).output().unwrap().status;
        let error = failed(&command, status);
        assert!(error.to_string().starts_with("`cargo no-such-command` failed"), "{error}");
        let error = watch(&mut Command::new("no-such-program"), &Mutex::default()).unwrap_err();
        assert!(error.to_string().starts_with("can't run `no-such-program`"), "{error}");
    }
}

//! Wrong arguments, a missing library, and the help that says what exit codes mean.

use std::process::Command;

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{PROGRAM, Ran, shelfscan};

#[test]
fn wrong_arguments_end_with_2_and_say_which() {
    let cases: [(&[&str], &str); 12] = [
        (&[], "Usage"),
        (&["skan"], "unrecognized subcommand 'skan'"),
        (&["scan"], "<PHOTO>"),
        (&["scan", "a.jpg"], "--bundle"),
        (&["scan", "--bundle", "b"], "<PHOTO>"),
        (&["scan", "a.jpg", "--bundle", "b", "--threads", "0"], "--threads"),
        (&["scan", "a.jpg", "--bundle", "b", "--threads", "many"], "--threads"),
        (&["scan", "a.jpg", "--bundle", "b", "--confidence", "1.5"], "0.001 to 0.999"),
        (&["scan", "a.jpg", "--bundle", "b", "--confidence", "NaN"], "0.001 to 0.999"),
        (&["index", "build", "--bundle", "b"], "<GALLERY>"),
        (&["index", "build", "--bundle", "b", "--from", "one.npy"], "--from"),
        (&["index", "add", "--bundle", "b", "a.jpg"], "--sku"),
    ];
    for (arguments, word) in cases {
        let ran = shelfscan(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(word), "{arguments:?}: `{word}` is not in {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[test]
fn the_help_says_what_exit_codes_mean() {
    let ran = shelfscan(["--help"]);
    let help = ran.succeeds().stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in [
        "0 all done",
        "1 some photos",
        "2 wrong arguments",
        "3 the bundle",
        "4 no TensorFlow Lite library",
        "5 an output can't be written",
        "6 nothing to work on",
    ] {
        assert!(help.contains(code), "`{code}` is not in: {help}");
    }
}

#[test]
fn a_missing_library_ends_with_4_and_says_how_to_get_one() {
    let here = tempfile::tempdir().unwrap();
    let broken = here.path().join("libtensorflowlite_c.so");
    std::fs::write(&broken, "not a library").unwrap();
    for library in [here.path().join("nothing.so"), broken] {
        for arguments in [
            arguments!["scan", "a.jpg", "--bundle", shipped()].to_vec(),
            arguments!["bundle", "check", shipped()].to_vec(),
        ] {
            let ran = Ran::of(Command::new(PROGRAM).args(arguments).env("TFLITE_LIBRARY_PATH", &library));
            ran.fails(4, &[&library.display().to_string(), "cargo xtask fetch", "TFLITE_LIBRARY_PATH"]);
        }
    }
}

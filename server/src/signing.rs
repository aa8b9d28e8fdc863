//! The key that deltas are signed with.
//!
//! Owns where it is: in `SHELFSCAN_SIGNING_KEY`, else in the file `signing.key` of the server's own folder, made at the first start and
//! readable by its owner alone. Servers that share their stores share the key too, so they are given it. Refuses to show it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use shelfscan_protocol::SecretKey;

/// Name of the key's file.
const FILE: &str = "signing.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not 32 bytes in hex.
    #[error("{place}: 64 hex digits are needed, as `openssl rand -hex 32` makes them")]
    Text {
        /// The variable or file.
        place: String,
    },
    /// Its file can't be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The key given, or that of the folder, made if need be.
///
/// # Errors
/// A key that can't be read, or made.
pub fn key(given: Option<&str>, data: &Path) -> Result<SecretKey, KeyError> {
    if let Some(text) = given {
        return parse(text).ok_or(KeyError::Text { place: "SHELFSCAN_SIGNING_KEY".into() });
    }
    let path = data.join(FILE);
    let failed = |source| KeyError::File { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| KeyError::Text { place: path.display().to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, &path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn make(data: &Path, path: &Path) -> io::Result<SecretKey> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    fs::create_dir_all(data)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let beside = data.join(format!(".{FILE}-{}", std::process::id()));
    let mut file = options.open(&beside)?;
    file.write_all(format!("{}\n", seed.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(SecretKey::from_seed(seed))
}

fn parse(text: &str) -> Option<SecretKey> {
    let digits = text.trim().as_bytes();
    let mut seed = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in seed.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(SecretKey::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = key(None, folder.path()).unwrap().public().to_string();
        assert_eq!(key(None, folder.path()).unwrap().public().to_string(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{mode:o}");
        }
        let given = key(Some(&"07".repeat(32)), folder.path()).unwrap().public().to_string();
        assert_eq!(given, SecretKey::from_seed([7; 32]).public().to_string());
        for bad in ["", "07", &"zz".repeat(32), &"07".repeat(33)] {
            assert!(matches!(key(Some(bad), folder.path()), Err(KeyError::Text { .. })), "{bad}");
        }
        fs::write(folder.path().join(FILE), "cut").unwrap();
        assert!(key(None, folder.path()).is_err(), "a damaged key is not replaced by another");
    }
}

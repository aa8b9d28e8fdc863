//! What a linked library says of itself: the alignment of what is loaded, and the names that it exports.
//!
//! Owns reading a 64-bit little-endian ELF file by its format's description (System V ABI, chapters 4 and 5). Four fields of three
//! tables are all that is needed of it, which is less than a library's interface. Refuses other files by name.

use std::path::Path;

use crate::error::{Error, Result};

/// Type of a program header whose segment is loaded.
const LOAD: u32 = 1;
/// Type of the section with the symbols that the loader looks up.
const DYNAMIC_SYMBOLS: u32 = 11;
/// Index of the section of a symbol that is only used here.
const UNDEFINED: u16 = 0;
/// Binding of a symbol that only its own file sees.
const LOCAL: u8 = 0;

/// What is known of a library.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Library {
    /// Alignment of each loaded segment, in bytes.
    pub(crate) alignments: Vec<u64>,
    /// Names that other libraries can call, sorted.
    pub(crate) exported: Vec<String>,
}

impl Library {
    /// Reads it from the bytes of the file at `path`.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        read(bytes).ok_or_else(|| Error::Size(format!("{}: it is no whole 64-bit ELF library", path.display())))
    }
}

fn read(bytes: &[u8]) -> Option<Library> {
    // Magic, 64 bits, little endian.
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let header = Entry(bytes.get(..64)?);
    let segments = table(bytes, header.u64(32)?, header.u16(54)?, header.u16(56)?)?;
    let sections = table(bytes, header.u64(40)?, header.u16(58)?, header.u16(60)?)?;
    let alignments = segments.iter().filter(|segment| segment.u32(0) == Some(LOAD)).map(|segment| segment.u64(48));

    let symbols = sections.iter().find(|section| section.u32(4) == Some(DYNAMIC_SYMBOLS))?;
    let names = content(bytes, sections.get(symbols.u32(40)? as usize)?)?;
    let size = u16::try_from(symbols.u64(56)?).ok().filter(|&size| size > 0)?;
    let count = u16::try_from(symbols.u64(32)? / u64::from(size)).ok()?;
    let mut exported = Vec::new();
    for symbol in table(bytes, symbols.u64(24)?, size, count)? {
        let (binding, section) = (symbol.0.get(4)? >> 4, symbol.u16(6)?);
        if binding != LOCAL && section != UNDEFINED {
            let name = names.get(symbol.u32(0)? as usize..)?;
            exported.push(String::from_utf8_lossy(name.split(|&byte| byte == 0).next()?).into_owned());
        }
    }
    exported.sort();
    Some(Library { alignments: alignments.collect::<Option<_>>()?, exported })
}

/// `count` entries of `size` bytes each, from `start` on.
fn table(bytes: &[u8], start: u64, size: u16, count: u16) -> Option<Vec<Entry<'_>>> {
    let start = usize::try_from(start).ok()?;
    let all = bytes.get(start..)?.get(..usize::from(size) * usize::from(count))?;
    Some(if size == 0 { Vec::new() } else { all.chunks_exact(size.into()).map(Entry).collect() })
}

/// What a section holds.
fn content<'a>(bytes: &'a [u8], section: &Entry<'_>) -> Option<&'a [u8]> {
    bytes.get(usize::try_from(section.u64(24)?).ok()?..)?.get(..usize::try_from(section.u64(32)?).ok()?)
}

/// An entry of a table, whose fields are at fixed places.
struct Entry<'a>(&'a [u8]);

impl Entry<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library with one loaded segment and the symbols `local`, `used` (undefined) and `given`.
    fn library(alignment: u64) -> Vec<u8> {
        let names = b"\0local\0used\0given\0";
        let symbol = |name: u32, binding: u8, section: u16| {
            let mut symbol = [0; 24];
            symbol[..4].copy_from_slice(&name.to_le_bytes());
            symbol[4] = binding << 4;
            symbol[6..8].copy_from_slice(&section.to_le_bytes());
            symbol
        };
        let symbols = [symbol(0, 0, 0), symbol(1, 0, 5), symbol(7, 1, 0), symbol(12, 1, 5)].concat();
        let (segment, sections) = (64_u64, 64 + 56);
        let (symbols_at, names_at) = (sections + 2 * 64, sections + 2 * 64 + symbols.len() as u64);
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64 + 56 + 2 * 64, 0);
        let mut put = |at: u64, value: u64, size: usize| {
            bytes[at as usize..at as usize + size].copy_from_slice(&value.to_le_bytes()[..size]);
        };
        for (at, value, size) in [(32, segment, 8), (40, sections, 8), (54, 56, 2), (56, 1, 2), (58, 64, 2), (60, 2, 2)]
        {
            put(at, value, size);
        }
        put(segment, 1, 4);
        put(segment + 48, alignment, 8);
        for (at, value, size) in
            [(4, 11, 4), (24, symbols_at, 8), (32, symbols.len() as u64, 8), (40, 1, 4), (56, 24, 8)]
        {
            put(sections + at, value, size);
        }
        for (at, value) in [(24, names_at), (32, names.len() as u64)] {
            put(sections + 64 + at, value, 8);
        }
        bytes.extend(symbols);
        bytes.extend(names);
        bytes
    }

    #[test]
    fn alignment_and_exported_names_are_read() {
        let read = read(&library(0x4000)).unwrap();
        assert_eq!(read, Library { alignments: vec![0x4000], exported: vec!["given".to_owned()] });
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = library(0x1000);
        for length in 0..whole.len() - b"given\0".len() {
            assert_eq!(read(&whole[..length]), None, "{length} bytes of {}", whole.len());
        }
        let error = Library::parse(b"MZ", Path::new("some.dll")).unwrap_err();
        assert!(error.to_string().contains("some.dll"), "{error}");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
    fn this_very_program_is_read() {
        let program = std::env::current_exe().unwrap();
        let read = Library::parse(&std::fs::read(&program).unwrap(), &program).unwrap();
        assert!(!read.alignments.is_empty() && read.alignments.iter().all(|alignment| alignment.is_power_of_two()));
    }
}

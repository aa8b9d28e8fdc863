//! The Swift in the guide for iOS.
//!
//! Owns taking its blocks out: those marked `swift` are compiled with the package's tests, those marked `swift apple` need Apple's
//! frameworks and are parsed. A block is the body of a function whose arguments are what the guide takes as given.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::swift::write_if_new;
use crate::workspace::root;

/// The guide.
const GUIDE: &str = "docs/ios.md";
/// Where in the package the compiled blocks go.
pub(crate) const COMPILED: &str = "Tests/ShelfScanTests/GuideBlocks.swift";
/// What the guide's blocks may take as given.
const GIVEN: &str = "scanner: ShelfScanner, queue: ShelfQueue, bundleFolder: URL, jpeg: Data, result: ScanResult, \
                     photo: ShelfPhoto, viewSize: CGSize";

/// A block of the guide.
#[derive(Debug, PartialEq)]
struct Block<'a> {
    /// The line it begins on, from 1.
    line: usize,
    /// Whether it needs Apple's frameworks.
    apple: bool,
    code: Vec<&'a str>,
}

/// Writes the blocks that Linux compiles into the package, and gives the files of the others, in `folder`.
pub(crate) fn stage(package: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let guide = root().join(GUIDE);
    let text = fs::read_to_string(&guide).map_err(Error::file(&guide))?;
    let blocks = blocks(&text);
    let (apple, compiled): (Vec<&Block>, Vec<&Block>) = blocks.iter().partition(|block| block.apple);
    println!("{GUIDE}: {} blocks are compiled, {} need Apple's frameworks and are parsed", compiled.len(), apple.len());
    write_if_new(&package.join(COMPILED), file(&compiled).as_bytes())?;
    let mut files = Vec::new();
    for block in apple {
        let path = folder.join(format!("GuideLine{}.swift", block.line));
        write_if_new(&path, file(&[block]).as_bytes())?;
        files.push(path);
    }
    Ok(files)
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open): (Vec<Block<'_>>, Option<Block<'_>>) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim_end()) {
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), _) => block.code.push(line),
            (None, "```swift") => open = Some(Block { line: index + 1, apple: false, code: Vec::new() }),
            (None, "```swift apple") => open = Some(Block { line: index + 1, apple: true, code: Vec::new() }),
            (None, _) => {}
        }
    }
    blocks
}

/// One file of functions, with the blocks' imports at its top. Errors are told by the guide's lines.
fn file(blocks: &[&Block<'_>]) -> String {
    let is_import = |line: &&&str| line.starts_with("import ");
    let mut imports: Vec<&str> = blocks.iter().flat_map(|block| block.code.iter().filter(is_import)).copied().collect();
    imports.extend(["import Foundation", "import ShelfScan"]);
    imports.sort_unstable();
    imports.dedup();
    let mut text = format!("{}\n", imports.join("\n"));
    for block in blocks {
        text.push_str(&format!("\nprivate func line{}({GIVEN}) async throws {{\n", block.line));
        text.push_str(&format!("#sourceLocation(file: \"{GUIDE}\", line: {})\n", block.line + 1));
        // An import leaves its line empty, so that the others keep theirs.
        for line in &block.code {
            text.push_str(if is_import(&line) { "" } else { line });
            text.push('\n');
        }
        text.push_str("#sourceLocation()\n}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a\n```swift\nimport ShelfScan\nlet a = 1\n```\n```sh\nls\n```\n```swift apple\nimport UIKit\nb()\n```\n";

    #[test]
    fn blocks_are_taken_by_their_mark() {
        let found = blocks(TEXT);
        assert_eq!(
            found,
            [
                Block { line: 2, apple: false, code: vec!["import ShelfScan", "let a = 1"] },
                Block { line: 9, apple: true, code: vec!["import UIKit", "b()"] },
            ]
        );
    }

    #[test]
    fn imports_go_to_the_top_and_code_keeps_its_line() {
        let found = blocks(TEXT);
        let text = file(&[&found[1]]);
        assert!(text.starts_with("import Foundation\nimport ShelfScan\nimport UIKit\n\nprivate func line9("), "{text}");
        assert!(text.contains("line: 10)\n\nb()\n#sourceLocation()\n}\n"), "{text}");
    }
}

//! The code in a page for app developers, made into something that a compiler sees.
//!
//! Owns cutting the blocks out of the page. A block of statements becomes a function of a class that has the names the page takes
//! for granted (`tests/kotlin/docs`); one that declares something stands for itself. What is no Kotlin must be in the sample app.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    language: &'a str,
    /// The line of the page that it begins at, from 1.
    line: usize,
    code: String,
}

/// Writes a file for each block of Kotlin in `page` into `folder`, which is emptied first. Lines of other blocks must be among those
/// of the file in `sources` with the block's language as its extension.
pub(crate) fn extract(page: &Path, sources: &[PathBuf], folder: &Path) -> Result<()> {
    let text = fs::read_to_string(page).map_err(Error::file(page))?;
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file(folder))?;
    }
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let blocks = blocks(&text);
    let refused =
        |line, reason: String| Error::Document { path: page.into(), reason: format!("line {line}: {reason}") };
    for block in &blocks {
        if block.language == "kotlin" {
            let file = folder.join(format!("Line{}.kt", block.line));
            fs::write(&file, compilable(block)).map_err(Error::file(&file))?;
        } else {
            let same = |source: &&PathBuf| source.extension().is_some_and(|extension| extension == block.language);
            let source = sources.iter().find(same);
            let source = source.ok_or_else(|| refused(block.line, format!("nothing checks `{}`", block.language)))?;
            let used = fs::read_to_string(source).map_err(Error::file(source))?;
            let missing = block.code.lines().map(str::trim).find(|line| used.lines().all(|used| used.trim() != *line));
            if let Some(missing) = missing {
                return Err(refused(block.line, format!("`{missing}` is not in {}", source.display())));
            }
        }
    }
    if blocks.is_empty() { Err(refused(1, "the page has no code".to_owned())) } else { Ok(()) }
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => open = Some(Block { language, line: number + 1, code: String::new() }),
            (None, Some(mut block)) => {
                block.code.push_str(line);
                block.code.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    // One that is never closed is shown to the end of the page, and is compiled so.
    blocks.extend(open);
    blocks
}

fn compilable(block: &Block<'_>) -> String {
    let (imports, body): (Vec<&str>, Vec<&str>) = block.code.lines().partition(|line| line.starts_with("import "));
    let declares =
        body.iter().any(|line| ["class ", "object ", "fun ", "suspend fun "].iter().any(|word| line.starts_with(word)));
    let imports = imports.join("\n");
    let file = format!("package docs.line{}\n\nimport dev.shelfscan.*\nimport docs.Setting\n{imports}\n", block.line);
    let body = body.join("\n");
    if declares {
        file + "\n" + &body + "\n"
    } else {
        format!("{file}\nabstract class Code : Setting() {{\n    suspend fun run() {{\n{body}\n    }}\n}}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n```kotlin\nimport a.B\nval b = B()\n```\ntext\n```kts\nplugins {}\n```\n";

    #[test]
    fn blocks_are_cut_out_with_their_place() {
        let expected = [
            Block { language: "kotlin", line: 2, code: "import a.B\nval b = B()\n".to_owned() },
            Block { language: "kts", line: 7, code: "plugins {}\n".to_owned() },
        ];
        assert_eq!(blocks(PAGE), expected);
    }

    #[test]
    fn statements_are_wrapped_and_declarations_are_not() {
        let statements = compilable(&blocks(PAGE)[0]);
        assert!(statements.contains("import a.B\n\nabstract class Code : Setting()"), "{statements}");
        let declared = compilable(&Block { language: "kotlin", line: 3, code: "class A\n".to_owned() });
        assert!(declared.starts_with("package docs.line3\n") && !declared.contains("abstract"), "{declared}");
    }

    #[test]
    fn what_the_sample_does_not_have_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let (page, sample) = (scratch.path().join("page.md"), scratch.path().join("build.gradle.kts"));
        fs::write(&page, PAGE).unwrap();
        fs::write(&sample, "    plugins {}\n").unwrap();
        let folder = scratch.path().join("blocks");
        extract(&page, std::slice::from_ref(&sample), &folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(&sample, "plugins { id(\"other\") }\n").unwrap();
        let error = extract(&page, &[sample], &folder).unwrap_err().to_string();
        assert!(error.contains("line 7: `plugins {}` is not in"), "{error}");
        let error = extract(&page, &[], &folder).unwrap_err().to_string();
        assert!(error.contains("nothing checks `kts`"), "{error}");
    }
}

//! The step `report`: an evaluation's page in a real browser, without network.
//!
//! Owns what a page must do there: say nothing on the console, show each picture, and be no wider than the window. The page is of
//! the sample photo, judged by its own truth. Refuses to pass without a browser: it is installed where this may be done, else the
//! step says that it was skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use crate::debian;
use crate::demo::{SAMPLE, enrolled_bundle, shelfscan};
use crate::error::{Error, Result};
use crate::fetch;
use crate::step::skip;
use crate::tools::build;
use crate::workspace::{root, target};

/// How a Chromium may be called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Width of a window as narrow as Chromium makes it without a screen, and of a desk's.
const WIDTHS: [u32; 2] = [500, 1280];
/// Adds to the page what it may not say by itself: how it came out, in its title.
const PROBE: &str = "<script>addEventListener('load', () => { const page = document.documentElement; document.title = 'came out: ' + \
                     [...document.images].filter(image => !image.naturalWidth).length + ' of ' + document.images.length + \
                     ' pictures blank, ' + Math.max(0, page.scrollWidth - page.clientWidth) + ' px too wide'; });</script>";

/// Makes the page and looks at it.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(chromium) = browser()? else {
        skip(skipped, "report: there is no Chromium; apt-get install -y --no-install-recommends chromium");
        return Ok(());
    };
    let folder = target().join("report");
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let page = make(&folder)?;
    let text = fs::read_to_string(&page).map_err(Error::file(&page))?;

    let picture = folder.join("report.png");
    let console = look(&chromium, &page, &["--window-size=1280,6000", &format!("--screenshot={}", picture.display())])?;
    expect(console.errors.is_empty(), &page, &console.errors)?;
    let drawn = fs::metadata(&picture).map_err(Error::file(&picture))?.len();
    expect(drawn > 50_000, &picture, "the page's picture is next to empty")?;

    // The console is heard: a page that asks for the network is told on.
    let spoiled = folder.join("spoiled.html");
    let asking = text.replacen("<main>", "<main><img src=\"https://example.invalid/a.png\" alt=\"\">", 1);
    fs::write(&spoiled, asking).map_err(Error::file(&spoiled))?;
    let heard = look(&chromium, &spoiled, &["--dump-dom"])?;
    expect(heard.errors.contains("Content Security Policy"), &spoiled, "a request to the network was not noticed")?;

    let probed = folder.join("probed.html");
    let open = text.replacen("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'", 1);
    fs::write(&probed, open.replacen("</head>", &format!("{PROBE}</head>"), 1)).map_err(Error::file(&probed))?;
    for width in WIDTHS {
        let size = format!("--window-size={width},900");
        let page = look(&chromium, &probed, &[&size, "--dump-dom"])?.page;
        let said = page.split("came out: ").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or("nothing");
        println!("{width} px: {said}");
        let good = said.starts_with("0 of ") && !said.starts_with("0 of 0 ") && said.ends_with(", 0 px too wide");
        expect(good, &probed, &format!("at a width of {width} px: {said}"))?;
    }
    println!("page     {}\npicture  {}", page.display(), picture.display());
    Ok(())
}

fn expect(good: bool, file: &Path, reason: &str) -> Result<()> {
    if good { Ok(()) } else { Err(Error::Page { path: file.into(), reason: reason.trim().to_owned() }) }
}

/// The browser, installed where this may be done.
pub(crate) fn browser() -> Result<Option<PathBuf>> {
    if on_path().is_none() {
        debian::install(&["chromium"])?;
    }
    Ok(on_path())
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

#[derive(Deserialize)]
struct Truth {
    photo: String,
    width: u32,
    height: u32,
    skus: Vec<Sku>,
    facings: Vec<Facing>,
}

#[derive(Deserialize)]
struct Sku {
    id: String,
    enrolled: bool,
}

#[derive(Deserialize)]
struct Facing {
    sku: String,
    container: String,
    #[serde(rename = "box")]
    rect: [f64; 4],
}

/// Judges the bundle of the sample's products on the sample photo, and returns the page.
fn make(folder: &Path) -> Result<PathBuf> {
    fetch::run()?;
    build(&["shelfscan-cli"])?;
    let bundle = enrolled_bundle(folder)?;
    let data = folder.join("sample");
    fs::create_dir_all(&data).map_err(Error::file(&data))?;
    let source = root().join(SAMPLE).join("truth.json");
    let text = fs::read_to_string(&source).map_err(Error::file(&source))?;
    let truth: Truth =
        serde_json::from_str(&text).map_err(|error| Error::Json { path: source, reason: error.to_string() })?;
    let (photo, copy) = (root().join(SAMPLE).join(&truth.photo), data.join(&truth.photo));
    fs::copy(&photo, &copy).map_err(Error::file(&photo))?;
    let labels = data.join("labels.json");
    fs::write(&labels, coco(&truth).to_string()).map_err(Error::file(&labels))?;
    let page = folder.join("report.html");
    let mut eval = shelfscan();
    eval.arg("eval").arg("--bundle").arg(bundle).arg("--test-dir").arg(&data).arg("--report").arg(&page);
    let status = eval.status().map_err(|source| Error::Program { program: "shelfscan".into(), source })?;
    // A missed target is no fault of the page.
    let judged = matches!(status.code(), Some(0 | 1));
    expect(judged, &page, &format!("`shelfscan eval --report` failed ({status})"))?;
    Ok(page)
}

/// The sample's truth as COCO JSON; a product that is not enrolled is a drink outside the list.
fn coco(truth: &Truth) -> serde_json::Value {
    let kinds: Vec<&str> = {
        let mut kinds: Vec<&str> = truth.facings.iter().map(|facing| facing.container.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    let annotation = |(id, facing): (usize, &Facing)| {
        let [left, top, right, bottom] = facing.rect;
        let known = truth.skus.iter().any(|sku| sku.id == facing.sku && sku.enrolled);
        json!({
            "id": id + 1,
            "image_id": 1,
            "category_id": kinds.iter().position(|kind| *kind == facing.container),
            "bbox": [left, top, right - left, bottom - top],
            "sku": if known { facing.sku.as_str() } else { "unknown" },
        })
    };
    let categories: Vec<_> = kinds.iter().enumerate().map(|(id, name)| json!({"id": id, "name": name})).collect();
    let annotations: Vec<_> = truth.facings.iter().enumerate().map(annotation).collect();
    json!({
        "images": [{"id": 1, "file_name": truth.photo, "width": truth.width, "height": truth.height}],
        "categories": categories,
        "annotations": annotations,
    })
}

/// What a browser said of a page.
struct Looked {
    /// Lines of the console.
    errors: String,
    /// The page as it was in the end, where that was asked for.
    page: String,
}

fn look(chromium: &Path, page: &Path, arguments: &[&str]) -> Result<Looked> {
    let profile = tempfile::tempdir().map_err(Error::file(std::env::temp_dir()))?;
    let page = page.canonicalize().map_err(Error::file(page))?;
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0", "--timeout=60000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null());
    let output = command.output().map_err(|source| Error::Program { program: "chromium".into(), source })?;
    let text = String::from_utf8_lossy(&output.stderr);
    expect(output.status.success(), &page, &format!("chromium failed ({}): {text}", output.status))?;
    let errors: Vec<&str> = text.lines().filter(|line| line.contains(":CONSOLE")).collect();
    Ok(Looked { errors: errors.join("; "), page: String::from_utf8_lossy(&output.stdout).into_owned() })
}

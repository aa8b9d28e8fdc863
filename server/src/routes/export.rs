//! What people labelled, as a data set.
//!
//! Owns three forms of it, each as `lab/FORMATS.md` has it, written as a `.zip` while it is read, so that any number of items takes
//! the same memory. Only labelled items are in it. Refuses to show as background what nobody looked at: a picture shows some of the
//! shelf around its facing, and what stands there is not labelled. Folders of pictures hold the facing alone, YOLO's pictures are
//! grey around it, and COCO says that the surroundings don't count.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use shelfscan::{DecodeLimits, decode};
use shelfscan_protocol::Meta;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use crate::crop::encode;
use crate::database::items::{Filter, ItemRow, State as ItemState};
use crate::error::{ApiResult, ErrorBody};
use crate::request::Query;
use crate::server::Server;
use crate::zip::Zip;

/// Items read from the database at once.
const TOGETHER: i64 = 200;
/// Bytes handed on at once.
const CHUNK: usize = 64 << 10;
/// Grey of the surroundings, as around letterboxed pictures.
const GREY: u8 = 114;

/// A form of data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `SKU/*.jpg`, each the facing alone. Without what is no product.
    ImageFolder,
    /// Ultralytics: `data.yaml`, `images/train`, `labels/train`.
    Yolo,
    /// `images/*.jpg` and `annotations/train.json`.
    Coco,
}

/// Which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Export {
    /// The form.
    format: Format,
}

/// All labelled items as a data set, a `.zip` that is written while it is read. The names of pictures begin with 12 digits of their
/// photo's SHA-256: `shelfscan dataset split --group-by '([0-9a-f]{12})-'` keeps facings of one photo together.
#[utoipa::path(get, path = "/api/v1/ai/v2/active-learning/export", tag = "admin", security(("token" = [])),
    params(Export),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = 400, body = ErrorBody)))]
pub async fn export(
    State(server): State<Arc<Server>>,
    Query(Export { format }): Query<Export>,
) -> ApiResult<impl IntoResponse> {
    // Asked here, so that a database that fails is an answer and not a zip that ends early.
    server.database.ping().await?;
    let (sender, receiver) = mpsc::channel(4);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        let written = write(&server, &handle, format, &mut out).and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            log::error!("an export ended early: {error}");
            // An error here cuts the connection: nobody takes the part for the whole.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let body = Body::from_stream(futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }));
    let disposition = "attachment; filename=\"labelled.zip\"";
    Ok(([(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, disposition)], body))
}

/// Hands chunks to whoever reads; they wait while nobody does.
struct Chunks(mpsc::Sender<io::Result<Bytes>>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(server: &Server, handle: &Handle, format: Format, out: impl Write) -> io::Result<()> {
    let mut set = Set { zip: Zip::new(out), format, classes: Vec::new(), images: Vec::new(), annotations: Vec::new() };
    let mut filter = Filter { state: Some(ItemState::Labelled), ..Filter::default() };
    loop {
        let rows = handle.block_on(server.database.list_items(&filter, TOGETHER)).map_err(io::Error::other)?;
        let Some(last) = rows.last() else { break };
        filter.after = last.seq;
        for row in &rows {
            let jpeg = handle.block_on(server.blobs.crop(&row.id)).map_err(io::Error::other)?;
            set.add(row, &jpeg)?;
        }
    }
    set.finish()
}

/// A data set on its way out.
struct Set<W: Write> {
    zip: Zip<W>,
    format: Format,
    /// SKUs in the order of their first item: its place is a class's number.
    classes: Vec<String>,
    images: Vec<Value>,
    annotations: Vec<Value>,
}

impl<W: Write> Set<W> {
    fn add(&mut self, row: &ItemRow, jpeg: &Bytes) -> io::Result<()> {
        let meta: Meta = serde_json::from_str(&row.metadata)?;
        let name = format!("{}-{}", &meta.photo.sha256.to_string()[..12], &row.id[..16]);
        let picture = Picture::decode(jpeg, (row.crop_width as u32, row.crop_height as u32))?;
        let rect = picture.pixels_of(meta.facing.box_in_crop);
        match (self.format, &row.sku) {
            (Format::ImageFolder, None) => Ok(()),
            (Format::ImageFolder, Some(sku)) => {
                self.zip.add(&format!("{}/{name}.jpg", folder_name(sku)), &picture.cut(rect)?)
            }
            (Format::Yolo, sku) => {
                self.zip.add(&format!("images/train/{name}.jpg"), &picture.grey_around(rect)?)?;
                let line = sku.as_ref().map(|sku| picture.yolo(self.class(sku), rect)).unwrap_or_default();
                self.zip.add(&format!("labels/train/{name}.txt"), line.as_bytes())
            }
            (Format::Coco, sku) => {
                self.zip.add(&format!("images/{name}.jpg"), jpeg)?;
                self.coco(&format!("{name}.jpg"), sku.as_deref(), rect, picture.size, &meta.facing.container);
                Ok(())
            }
        }
    }

    fn class(&mut self, sku: &str) -> usize {
        self.classes.iter().position(|known| known == sku).unwrap_or_else(|| {
            self.classes.push(sku.to_owned());
            self.classes.len() - 1
        })
    }

    fn coco(&mut self, file: &str, sku: Option<&str>, rect: [u32; 4], (width, height): (u32, u32), container: &str) {
        let image = self.images.len() + 1;
        self.images.push(json!({"id": image, "file_name": file, "width": width, "height": height}));
        let category = self.class(container);
        let [left, top, right, bottom] = rect;
        if let Some(sku) = sku {
            let bbox = [left, top, right - left, bottom - top];
            self.annotate(json!({"image_id": image, "category_id": category, "bbox": bbox, "sku": sku}));
        }
        // What stands around the facing is not labelled.
        let around = [
            [0, 0, width, top],
            [0, bottom, width, height - bottom],
            [0, top, left, bottom - top],
            [right, top, width - right, bottom - top],
        ];
        for bbox in around.into_iter().filter(|[_, _, width, height]| width * height > 0) {
            self.annotate(json!({"image_id": image, "category_id": category, "bbox": bbox, "ignore": 1}));
        }
    }

    fn annotate(&mut self, mut annotation: Value) {
        let [_, _, width, height] = [0, 1, 2, 3].map(|side| annotation["bbox"][side].as_u64().unwrap_or_default());
        annotation["id"] = json!(self.annotations.len() + 1);
        annotation["area"] = json!(width * height);
        annotation["iscrowd"] = json!(0);
        self.annotations.push(annotation);
    }

    fn finish(mut self) -> io::Result<()> {
        match self.format {
            Format::ImageFolder => {}
            Format::Yolo => {
                // JSON is YAML, so that no id needs rules of its own.
                let data = json!({"train": "images/train", "names": self.classes});
                self.zip.add("data.yaml", (serde_json::to_string_pretty(&data)? + "\n").as_bytes())?;
            }
            Format::Coco => {
                let category = |(id, name): (usize, &String)| json!({"id": id, "name": name});
                let categories: Vec<Value> = self.classes.iter().enumerate().map(category).collect();
                let data = json!({"images": self.images, "annotations": self.annotations, "categories": categories});
                self.zip.add("annotations/train.json", data.to_string().as_bytes())?;
            }
        }
        self.zip.finish().map(drop)
    }
}

/// A decoded crop: RGB.
struct Picture {
    pixels: Vec<u8>,
    size: (u32, u32),
}

impl Picture {
    fn decode(jpeg: &[u8], size: (u32, u32)) -> io::Result<Self> {
        let limits = DecodeLimits { max_pixels: u64::from(size.0) * u64::from(size.1), max_side: size.0.max(size.1) };
        let photo = decode(jpeg, &limits).map_err(io::Error::other)?;
        let pixels = photo.into_buffer();
        if pixels.len() != size.0 as usize * size.1 as usize * 3 {
            return Err(io::Error::other("a stored crop is not of the size its row says"));
        }
        Ok(Self { pixels, size })
    }

    /// The whole pixels that a box touches: left, top, right, bottom; at least one each way.
    fn pixels_of(&self, [left, top, right, bottom]: [f32; 4]) -> [u32; 4] {
        let span = |low: f32, high: f32, size: u32| {
            let low = (low.floor().max(0.0) as u32).min(size - 1);
            (low, (high.ceil() as u32).clamp(low + 1, size))
        };
        let ((left, right), (top, bottom)) = (span(left, right, self.size.0), span(top, bottom, self.size.1));
        [left, top, right, bottom]
    }

    fn cut(&self, [left, top, right, bottom]: [u32; 4]) -> io::Result<Bytes> {
        let row = |y: u32| {
            let start = (y * self.size.0 + left) as usize * 3;
            &self.pixels[start..start + (right - left) as usize * 3]
        };
        let pixels: Vec<u8> = (top..bottom).flat_map(row).copied().collect();
        encode(&pixels, (right - left, bottom - top)).map_err(io::Error::other)
    }

    fn grey_around(&self, [left, top, right, bottom]: [u32; 4]) -> io::Result<Bytes> {
        let mut pixels = self.pixels.clone();
        for (number, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (number as u32 % self.size.0, number as u32 / self.size.0);
            if !(left..right).contains(&x) || !(top..bottom).contains(&y) {
                pixel.fill(GREY);
            }
        }
        encode(&pixels, self.size).map_err(io::Error::other)
    }

    fn yolo(&self, class: usize, [left, top, right, bottom]: [u32; 4]) -> String {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        let middle = |low: u32, high: u32, side: f64| f64::from(low + high) / 2.0 / side;
        format!(
            "{class} {:.6} {:.6} {:.6} {:.6}\n",
            middle(left, right, width),
            middle(top, bottom, height),
            f64::from(right - left) / width,
            f64::from(bottom - top) / height
        )
    }
}

/// A SKU's id as the name of a folder on any system: what could be a path or is no name is written as `%` and hex.
fn folder_name(sku: &str) -> String {
    let mut name = String::new();
    for (at, letter) in sku.chars().enumerate() {
        let plain =
            !letter.is_control() && !"/\\:*?\"<>|%".contains(letter) && !(at == 0 && (letter == '.' || letter == ' '));
        if plain {
            name.push(letter);
        } else {
            let mut bytes = [0; 4];
            letter.encode_utf8(&mut bytes).bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}")));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_out_of_the_zip() {
        for (id, name) in [
            ("cola", "cola"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("C:\\x", "C%3A%5Cx"),
            ("50%", "50%25"),
            (".hidden", "%2Ehidden"),
            ("Süß", "Süß"),
        ] {
            assert_eq!(folder_name(id), name);
        }
    }

    #[test]
    fn boxes_are_of_whole_pixels_inside_the_picture() {
        let picture = Picture { pixels: vec![0; 10 * 20 * 3], size: (10, 20) };
        assert_eq!(picture.pixels_of([1.2, 2.9, 8.1, 19.5]), [1, 2, 9, 20]);
        assert_eq!(picture.pixels_of([9.9, 19.9, 10.0, 20.0]), [9, 19, 10, 20]);
        assert_eq!(picture.yolo(3, [1, 2, 9, 20]), "3 0.500000 0.550000 0.800000 0.900000\n");
    }
}

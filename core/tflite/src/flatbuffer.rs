//! The little of a model file that must be known before TensorFlow Lite gets it.
//!
//! Owns one question: do weights lie outside the flatbuffer? Reads bytes that may be anything, so every offset is
//! checked; a file that can't be followed counts as having none, and is left to the library's own verification. The
//! layout is that of flatbuffers (`flatbuffers.dev/internals`) and `tensorflow/lite/schema/schema.fbs`, version 3.

/// Field numbers of the schema.
const MODEL_BUFFERS: usize = 4;
const BUFFER_OFFSET: usize = 1;

/// Whether any buffer says `offset` and `size` instead of holding its data, as files of more than 2 GB have to and as
/// some quantizers write them at any size. The C API of TensorFlow Lite 2.17 never looks there: its interpreter knows
/// the flatbuffer but not the file around it, and a run ends in "Input tensor N lacks data".
pub(crate) fn has_external_buffers(file: &[u8]) -> bool {
    external_buffers(file).unwrap_or(false)
}

fn external_buffers(file: &[u8]) -> Option<bool> {
    let buffers = follow(file, field(file, follow(file, 0)?, MODEL_BUFFERS)?)?;
    let count = usize::try_from(u32_at(file, buffers)?).ok()?;
    let slots = buffers.checked_add(4)?..file.len();
    for slot in slots.step_by(4).take(count) {
        let buffer = follow(file, slot)?;
        // 0 is unset and 1 a placeholder for "not yet known": see `Buffer` in the schema.
        if let Some(at) = field(file, buffer, BUFFER_OFFSET)
            && u64::from_le_bytes(array(file, at)?) > 1
        {
            return Some(true);
        }
    }
    Some(false)
}

/// Position of a field of the table at `table`, if the table has it.
fn field(file: &[u8], table: usize, number: usize) -> Option<usize> {
    let to_vtable = i64::from(i32::from_le_bytes(array(file, table)?));
    let vtable = usize::try_from(i64::try_from(table).ok()? - to_vtable).ok()?;
    let size = usize::from(u16::from_le_bytes(array(file, vtable)?));
    let slot = 4 + 2 * number;
    if slot + 2 > size {
        return None;
    }
    let offset = u16::from_le_bytes(array(file, vtable.checked_add(slot)?)?);
    (offset != 0).then(|| table + usize::from(offset))
}

/// Where the offset stored at `at` leads.
fn follow(file: &[u8], at: usize) -> Option<usize> {
    at.checked_add(usize::try_from(u32_at(file, at)?).ok()?)
}

fn u32_at(file: &[u8], at: usize) -> Option<u32> {
    array(file, at).map(u32::from_le_bytes)
}

fn array<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

//! An Android Bitmap's pixels, lent to a Java function without a copy.
//!
//! Owns the lock on the pixels: they are borrowed from it, and it is given back whatever the function does. One of the three
//! places in this project with unsafe code.

#![allow(unsafe_code)]

use jni::errors::{Error, ThrowRuntimeExAndDefault};
use jni::objects::{JClass, JObject};
use jni::{Env, EnvUnowned, JValue, jni_sig, jni_str};
use ndk::bitmap::Bitmap;

/// Pixels that stay where they are until this is dropped.
struct LockedPixels {
    bitmap: Bitmap,
    address: *mut u8,
    len: usize,
}

impl LockedPixels {
    /// # Errors
    /// Bitmaps without pixels in memory: recycled ones, and `HARDWARE` ones.
    fn lock(bitmap: Bitmap) -> Result<Self, Error> {
        let info = bitmap.info().map_err(|error| refused("its size can't be read", error))?;
        let address = bitmap.lock_pixels().map_err(|error| refused("its pixels can't be locked", error))?;
        Ok(Self { bitmap, address: address.cast(), len: info.stride() as usize * info.height() as usize })
    }

    /// Calls `lent.accept(ByteBuffer)` with the pixels.
    fn lend(&self, env: &mut Env<'_>, lent: &JObject<'_>) -> Result<(), Error> {
        // SAFETY: the lock keeps `len` bytes from `address` in place, and the caller holds it beyond the call below; that the buffer
        // is not kept longer is the contract of `accept` in Kotlin, which is internal to the library.
        let buffer = unsafe { env.new_direct_byte_buffer(self.address, self.len) }?;
        env.call_method(lent, jni_str!("accept"), jni_sig!("(Ljava/nio/ByteBuffer;)V"), &[JValue::Object(&buffer)])?;
        Ok(())
    }
}

impl Drop for LockedPixels {
    fn drop(&mut self) {
        // A lock that can't be given back keeps the bitmap in memory: there is nothing better to do about it.
        let _ = self.bitmap.unlock_pixels();
    }
}

fn refused(what: &str, error: ndk::bitmap::BitmapError) -> Error {
    Error::ParseFailed(format!("the bitmap can't be scanned: {what} ({error})"))
}

/// `dev.shelfscan.BitmapPixels.lend(Bitmap, PixelsConsumer)`: calls the consumer with the bitmap's pixels in a direct buffer.
/// What the consumer throws is thrown.
#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_shelfscan_BitmapPixels_lend<'local>(
    mut caller: EnvUnowned<'local>,
    _class: JClass<'local>,
    bitmap: JObject<'local>,
    lent: JObject<'local>,
) {
    let outcome = caller.with_env(|env| -> Result<(), Error> {
        // SAFETY: env and bitmap are those of this native call; the bitmap is a non-null `android.graphics.Bitmap` by the Kotlin
        // declaration and is kept alive by the caller's frame.
        let bitmap = unsafe { Bitmap::from_jni(env.get_raw().cast(), bitmap.as_raw().cast()) };
        LockedPixels::lock(bitmap)?.lend(env, &lent)
    });
    outcome.resolve::<ThrowRuntimeExAndDefault>()
}

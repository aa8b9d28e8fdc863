//! tflite.


//! Two-dimensional float32 arrays in numpy's file format, version 1.0 (NEP 1): what embeddings are exchanged with Python in.
//!
//! Owns reading and writing their bytes. Refuses other element types, orders and dimensions, by name.

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";
/// The header with its ten bytes of preamble fills whole blocks of this many bytes.
const BLOCK: usize = 64;

/// Rows and columns, and the numbers row by row.
#[derive(Debug, PartialEq)]
pub struct Array {
    /// (rows, columns).
    pub shape: (usize, usize),
    /// rows * columns numbers.
    pub numbers: Vec<f32>,
}

impl Array {
    /// Reads a whole file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("not a .npy file of version 1.0; numpy.save writes one")?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or("it ends within its header")?;
        let length = usize::from(u16::from_le_bytes(*length));
        let header = rest.get(..length).and_then(|header| std::str::from_utf8(header).ok());
        let header: String = header.ok_or("it ends within its header")?.split_whitespace().collect();
        for (field, why) in [
            ("'descr':'<f4'", "its numbers must be little-endian float32"),
            ("'fortran_order':False", "its numbers must be in C order"),
        ] {
            if !header.contains(field) {
                return Err(format!("{why}; its header is {header}"));
            }
        }
        let shape = header.split_once("'shape':(").and_then(|(_, shape)| shape.split_once(')')).map(|(shape, _)| shape);
        let axes: Vec<usize> = shape
            .unwrap_or_default()
            .split(',')
            .filter(|axis| !axis.is_empty())
            .map_while(|axis| axis.parse().ok())
            .collect();
        let [rows, columns] = axes[..] else {
            return Err(format!("it must have two dimensions; its header is {header}"));
        };
        let data = &rest[length..];
        let needed = rows.checked_mul(columns).and_then(|count| count.checked_mul(4));
        if needed != Some(data.len()) {
            return Err(format!("its shape is {rows} x {columns}, but it has {} bytes of numbers", data.len()));
        }
        let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        Ok(Self { shape: (rows, columns), numbers: data.chunks_exact(4).map(number).collect() })
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (rows, columns) = self.shape;
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
        let preamble = MAGIC.len() + 2;
        let padded = (preamble + header.len() + 1).next_multiple_of(BLOCK) - preamble;
        header.extend(std::iter::repeat_n(' ', padded - header.len() - 1));
        header.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for shape in [(0, 512), (1, 1), (3, 7), (1000, 2)] {
            let numbers = (0..shape.0 * shape.1).map(|number| number as f32 * -0.5).collect();
            let array = Array { shape, numbers };
            let bytes = array.to_bytes();
            assert_eq!((bytes.len() - array.numbers.len() * 4) % BLOCK, 0);
            assert_eq!(Array::parse(&bytes).unwrap(), array);
        }
    }

    /// `numpy.save(f, numpy.array([[1, 2], [3, 4.5]], "<f4"))`, numpy 2.4.
    #[test]
    fn a_file_of_numpy_is_read() {
        let mut bytes = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".to_vec();
        bytes.resize(127, b' ');
        bytes.push(b'\n');
        bytes.extend([1f32, 2.0, 3.0, 4.5].iter().flat_map(|number| number.to_le_bytes()));
        assert_eq!(Array::parse(&bytes).unwrap(), Array { shape: (2, 2), numbers: vec![1.0, 2.0, 3.0, 4.5] });
    }

    #[test]
    fn other_arrays_and_broken_files_are_refused() {
        let good = Array { shape: (2, 3), numbers: vec![1.0; 6] }.to_bytes();
        for end in 0..good.len() {
            assert!(Array::parse(&good[..end]).is_err(), "{end} bytes");
        }
        let changed = |from: &str, to: &str| {
            let text: Vec<u8> = good.clone();
            let at = text.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
        };
        assert!(Array::parse(&changed("<f4", "<f8")).unwrap_err().contains("float32"));
        assert!(Array::parse(&changed("False", "True ")).unwrap_err().contains("C order"));
        assert!(Array::parse(&changed("(2, 3)", "(6,)  ")).unwrap_err().contains("two dimensions"));
        assert!(Array::parse(&changed("(2, 3)", "(2, 4)")).unwrap_err().contains("2 x 4"));
    }
}

//! Arrays in files: `.npy` and `.npz`.
//!
//! Reads float32, float64, signed and unsigned integers and booleans, C or Fortran order, little endian. Nothing is
//! converted: float32 stays float32. Writes float64, float32 and int64 in C order, readable by NumPy. Knows nothing
//! of networks.

pub mod npy;
pub mod npz;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use indexmap::IndexMap;
use thiserror::Error;

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 8 << 30;

/// An array in row-major (C) order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Dimensions; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values, as many as the product of the dimensions.
    pub values: Values,
}

/// Values in the type of the file, except that all integers and booleans are 64 bits wide.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// float32
    F32(Vec<f32>),
    /// float64
    F64(Vec<f64>),
    /// int8 to int64, uint8 to uint64 up to 2^63 - 1, bool as 0 and 1.
    I64(Vec<i64>),
}

/// What a file of arrays holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrays {
    /// `.npy`: one array.
    One(Array),
    /// `.npz`: arrays by name, in the order of the file.
    Named(IndexMap<String, Array>),
}

/// Why an array cannot be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Larger than anything that is read.
    #[error("is {bytes} bytes long; at most {MAX_FILE_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Neither `.npy` nor `.npz`.
    #[error(
        "is neither .npy nor .npz: it starts with {found}; save it with numpy.save or numpy.savez"
    )]
    NotAnArray {
        /// Its first bytes, readable.
        found: String,
    },
    /// The header cannot be understood.
    #[error("has a damaged .npy header: {detail}")]
    Header {
        /// What is wrong.
        detail: String,
    },
    /// An element type that is not read.
    #[error(
        "has elements of type {found}; float32, float64, integers and bool are read: use .astype(numpy.float64)"
    )]
    Dtype {
        /// NumPy's name.
        found: String,
    },
    /// Big endian.
    #[error("is big endian ({found}); little endian is read: use .astype(\"{wanted}\")")]
    BigEndian {
        /// The type in the file.
        found: String,
        /// The little-endian type.
        wanted: String,
    },
    /// The data does not fill the shape.
    #[error("is cut short: shape {shape} needs {needed} bytes of data, {found} are there")]
    Truncated {
        /// The shape.
        shape: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes found.
        found: u64,
    },
    /// More data than the shape holds.
    #[error("has {extra} bytes after its data")]
    Trailing {
        /// Bytes too many.
        extra: u64,
    },
    /// The shape overflows.
    #[error("claims the impossible shape {shape}")]
    Shape {
        /// The shape.
        shape: String,
    },
    /// An unsigned integer beyond int64.
    #[error("holds {value} at flat index {index}, which is beyond int64")]
    Beyond {
        /// The value.
        value: u64,
        /// Flat index in file order.
        index: usize,
    },
    /// The archive is damaged.
    #[error("is no usable .npz archive: {0}")]
    Archive(String),
    /// A member of an archive.
    #[error("member `{member}` {source}")]
    Member {
        /// Its name.
        member: String,
        /// What is wrong with it.
        source: Box<DataError>,
    },
}

/// Reads a `.npy` or `.npz` file, told apart by content.
pub fn load(path: &Path) -> Result<Arrays, DataError> {
    let file = fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(DataError::TooLarge { bytes });
    }
    let mut data = Vec::new();
    // Pipes have no size.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut data)?;
    if data.len() as u64 > MAX_FILE_BYTES {
        return Err(DataError::TooLarge {
            bytes: data.len() as u64,
        });
    }
    read(&data)
}

/// Reads the content of a `.npy` or `.npz` file.
pub fn read(data: &[u8]) -> Result<Arrays, DataError> {
    use crate::untrusted::archive::{EMPTY_MAGIC, MAGIC};
    if data.starts_with(npy::MAGIC) {
        npy::read(data).map(Arrays::One)
    } else if data.starts_with(MAGIC) || data.starts_with(EMPTY_MAGIC) {
        npz::read(data).map(Arrays::Named)
    } else {
        Err(DataError::NotAnArray {
            found: npy::first_bytes(data),
        })
    }
}

impl Array {
    /// An array of float64 values.
    ///
    /// # Panics
    /// If the number of values is not the product of the dimensions.
    pub fn f64(shape: Vec<usize>, values: Vec<f64>) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "values must fill the shape"
        );
        Array {
            shape,
            values: Values::F64(values),
        }
    }

    /// An array of int64 values.
    ///
    /// # Panics
    /// If the number of values is not the product of the dimensions.
    pub fn i64(shape: Vec<usize>, values: Vec<i64>) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "values must fill the shape"
        );
        Array {
            shape,
            values: Values::I64(values),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::I64(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as float64; `Err` names the flat index of an integer that float64 cannot hold.
    pub fn to_f64(&self) -> Result<Vec<f64>, usize> {
        match &self.values {
            Values::F32(values) => Ok(values.iter().copied().map(f64::from).collect()),
            Values::F64(values) => Ok(values.clone()),
            Values::I64(values) => {
                let mut out = Vec::with_capacity(values.len());
                for (index, &value) in values.iter().enumerate() {
                    out.push(exact_f64(value).ok_or(index)?);
                }
                Ok(out)
            }
        }
    }
}

/// The float64 equal to an integer, if there is one.
fn exact_f64(value: i64) -> Option<f64> {
    // Two halves that float64 holds exactly; their sum is exact or rounds, and rounding changes the integer.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the comparison below detects any loss"
    )]
    let float = value as f64;
    // 2^63 itself would saturate when converted back.
    #[expect(clippy::cast_possible_truncation, reason = "in range, and compared")]
    let back = float as i64;
    (float < 9_223_372_036_854_775_808.0 && back == value).then_some(float)
}

fn show_shape(shape: &[u64]) -> String {
    let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
    format!("({})", sizes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::exact_f64;

    #[test]
    fn integers_as_float64() {
        for value in [
            0,
            -1,
            1 << 53,
            -(1 << 53),
            (1 << 53) + 2,
            i64::MIN,
            i64::MAX - 1023,
        ] {
            assert!(exact_f64(value).is_some(), "{value}");
        }
        for value in [(1 << 53) + 1, i64::MAX, i64::MIN + 1] {
            assert_eq!(exact_f64(value), None, "{value}");
        }
    }
}

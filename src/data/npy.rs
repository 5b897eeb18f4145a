//! `.npy`: one array.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use npyz::{DType, Endianness, NpyHeader, NpyWriter, Order, TypeChar, WriterBuilder};

use super::{Array, DataError, Values, show_shape};
use crate::untrusted::quiet;

/// First bytes of every `.npy` file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is parsed, in bytes. NumPy's own limit is 10000.
const MAX_HEADER: usize = 10_000;
/// Most brackets in a header. A plain array has two; each nesting of a structured type adds some.
const MAX_BRACKETS: usize = 8;

/// A `.npy` file that is read some samples at a time, a sample being an entry along the first axis.
#[derive(Debug)]
pub struct Reader {
    file: BufReader<File>,
    element: Element,
    shape: Vec<usize>,
    /// Samples read so far.
    next: usize,
}

impl Reader {
    /// Opens a file, if it is one that can be read so: `None` for `.npz`, for Fortran order and for
    /// an array without axes.
    ///
    /// # Errors
    /// As for [`read`].
    pub fn open(path: &Path) -> Result<Option<Self>, DataError> {
        let mut file = BufReader::new(File::open(path)?);
        let bytes = file.get_ref().metadata()?.len();
        // The longest header that is parsed, with what stands before it.
        let mut start = Vec::new();
        (&mut file)
            .take(MAX_HEADER as u64 + 12)
            .read_to_end(&mut start)?;
        if !start.starts_with(MAGIC) {
            return Ok(None);
        }
        let header = Header::of(&start)?;
        let needed = header.check(bytes.saturating_sub(header.end as u64))?;
        let shape = header.dimensions()?;
        if header.order == Order::Fortran || shape.is_empty() || needed == 0 {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(header.end as u64))?;
        Ok(Some(Self {
            file,
            element: header.element,
            shape,
            next: 0,
        }))
    }

    /// The shape of the whole array.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The next samples, at most so many; none at the end.
    ///
    /// # Errors
    /// A file that is cut short meanwhile, an integer beyond int64 (counted from the first of these
    /// samples).
    pub fn samples(&mut self, most: usize) -> Result<Array, DataError> {
        let count = most.min(self.shape[0] - self.next);
        let elements: usize = self.shape[1..].iter().product();
        let width = usize::try_from(self.element.width()).expect("at most 8 bytes");
        let mut body = vec![0; count * elements * width];
        self.file.read_exact(&mut body)?;
        self.next += count;
        let mut shape = self.shape.clone();
        shape[0] = count;
        Ok(Array {
            shape,
            values: self.element.decode(&body)?,
        })
    }
}

/// A `.npy` file that is written some samples at a time, in C order.
pub struct Writer<W: Write> {
    values: Typed<W>,
}

enum Typed<W: Write> {
    F32(NpyWriter<f32, W>),
    F64(NpyWriter<f64, W>),
    I64(NpyWriter<i64, W>),
}

impl<W: Write> Writer<W> {
    /// Writes the header for an array of this shape, with elements of the type of `like`.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn new(to: W, shape: &[usize], like: &Values) -> std::io::Result<Self> {
        let values = match like {
            Values::F32(_) => Typed::F32(begin(to, shape)?),
            Values::F64(_) => Typed::F64(begin(to, shape)?),
            Values::I64(_) => Typed::I64(begin(to, shape)?),
        };
        Ok(Self { values })
    }

    /// Writes further values, of the type that the file was begun with.
    ///
    /// # Errors
    /// When nothing can be written, or the values are of another type.
    pub fn extend(&mut self, values: &Values) -> std::io::Result<()> {
        match (&mut self.values, values) {
            (Typed::F32(to), Values::F32(x)) => to.extend(x.iter().copied()),
            (Typed::F64(to), Values::F64(x)) => to.extend(x.iter().copied()),
            (Typed::I64(to), Values::I64(x)) => to.extend(x.iter().copied()),
            _ => Err(std::io::Error::other("values of another type")),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When fewer values were written than the shape has.
    pub fn finish(self) -> std::io::Result<()> {
        match self.values {
            Typed::F32(to) => to.finish(),
            Typed::F64(to) => to.finish(),
            Typed::I64(to) => to.finish(),
        }
    }
}

fn begin<T: npyz::Serialize + npyz::AutoSerialize, W: Write>(
    to: W,
    shape: &[usize],
) -> std::io::Result<NpyWriter<T, W>> {
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(to)
        .begin_nd()
}

/// What a header says.
struct Header {
    /// Where the data begins.
    end: usize,
    element: Element,
    shape: Vec<u64>,
    order: Order,
}

impl Header {
    /// The header at the start of a file.
    fn of(data: &[u8]) -> Result<Self, DataError> {
        let end = header_end(data)?;
        let damaged = |detail: String| DataError::Header { detail };
        let header = quiet::catch(|| NpyHeader::from_reader(&data[..end]))
            .map_err(damaged)?
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            end,
            element: Element::of(&header.dtype())?,
            shape: header.shape().to_vec(),
            order: header.order(),
        })
    }

    /// Bytes of data; they have to be as many as there are.
    fn check(&self, found: u64) -> Result<u64, DataError> {
        let shown = || show_shape(&self.shape);
        let count = self.shape.iter();
        let count = count.copied().try_fold(1_u64, u64::checked_mul);
        let needed = count.and_then(|count| count.checked_mul(self.element.width()));
        let needed = needed.ok_or_else(|| DataError::Shape { shape: shown() })?;
        if found < needed {
            return Err(DataError::Truncated {
                shape: shown(),
                needed,
                found,
            });
        }
        if found > needed {
            return Err(DataError::Trailing {
                extra: found - needed,
            });
        }
        Ok(needed)
    }

    fn dimensions(&self) -> Result<Vec<usize>, DataError> {
        let impossible = || DataError::Shape {
            shape: show_shape(&self.shape),
        };
        let sizes = self.shape.iter();
        sizes
            .map(|&size| usize::try_from(size).map_err(|_| impossible()))
            .collect()
    }
}

/// Reads the content of a `.npy` file. Takes memory for at most eight times the data.
pub fn read(data: &[u8]) -> Result<Array, DataError> {
    if !data.starts_with(MAGIC) {
        return Err(DataError::NotAnArray {
            found: first_bytes(data),
        });
    }
    let header = Header::of(data)?;
    let body = &data[header.end..];
    header.check(body.len() as u64)?;
    let shape = header.dimensions()?;
    let element = header.element;
    let values = element.decode(body)?;
    let values = match header.order {
        Order::C => values,
        Order::Fortran => match values {
            Values::F32(values) => Values::F32(to_c_order(&shape, &values)),
            Values::F64(values) => Values::F64(to_c_order(&shape, &values)),
            Values::I64(values) => Values::I64(to_c_order(&shape, &values)),
        },
    };
    Ok(Array { shape, values })
}

/// An array as the content of a `.npy` file: C order, little endian, in the type of its values.
pub fn write(array: &Array) -> Vec<u8> {
    match &array.values {
        Values::F32(values) => write_values(&array.shape, values),
        Values::F64(values) => write_values(&array.shape, values),
        Values::I64(values) => write_values(&array.shape, values),
    }
}

fn write_values<T: npyz::Serialize + npyz::AutoSerialize + Copy>(
    shape: &[usize],
    values: &[T],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + size_of_val(values));
    let mut writer = begin(&mut out, shape).expect("writing to memory does not fail");
    writer
        .extend(values.iter().copied())
        .expect("writing to memory does not fail");
    writer
        .finish()
        .expect("an array has as many values as its shape says");
    out
}

/// Where the data begins. The parser of the header text is recursive, so the text is bounded first.
fn header_end(data: &[u8]) -> Result<usize, DataError> {
    let damaged = |detail: &str| DataError::Header {
        detail: detail.to_owned(),
    };
    let cut = || damaged("it is cut short");
    let (start, length) = match data.get(6) {
        Some(1) => (
            10,
            usize::from(u16::from_le_bytes(bytes_at(data, 8).ok_or_else(cut)?)),
        ),
        Some(2 | 3) => {
            let length = u32::from_le_bytes(bytes_at(data, 8).ok_or_else(cut)?);
            (
                12,
                usize::try_from(length).map_err(|_| damaged("it is too long"))?,
            )
        }
        Some(_) => return Err(damaged("its version is unknown")),
        None => return Err(cut()),
    };
    if length > MAX_HEADER {
        return Err(damaged("it is too long"));
    }
    let text = data.get(start..start + length).ok_or_else(cut)?;
    if text
        .iter()
        .filter(|byte| matches!(byte, b'(' | b'[' | b'{'))
        .count()
        > MAX_BRACKETS
    {
        return Err(DataError::Dtype {
            found: "a structured type".to_owned(),
        });
    }
    Ok(start + length)
}

fn bytes_at<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at + N)?.try_into().ok()
}

/// Element types that are read.
#[derive(Debug, Clone, Copy)]
enum Element {
    F32,
    F64,
    Signed(u64),
    Unsigned(u64),
}

impl Element {
    fn of(dtype: &DType) -> Result<Self, DataError> {
        let DType::Plain(plain) = dtype else {
            return Err(DataError::Dtype {
                found: "a structured type".to_owned(),
            });
        };
        let size = plain.size_field();
        let element = match (plain.type_char(), size) {
            (TypeChar::Float, 4) => Element::F32,
            (TypeChar::Float, 8) => Element::F64,
            (TypeChar::Int, 1 | 2 | 4 | 8) => Element::Signed(size),
            (TypeChar::Uint, 1 | 2 | 4 | 8) | (TypeChar::Bool, 1) => Element::Unsigned(size),
            _ => {
                return Err(DataError::Dtype {
                    found: numpy_name(plain),
                });
            }
        };
        if plain.endianness() == Endianness::Big && size > 1 {
            let found = plain.to_string();
            let wanted = found.replacen('>', "<", 1);
            return Err(DataError::BigEndian { found, wanted });
        }
        Ok(element)
    }

    /// Bytes of one element.
    fn width(self) -> u64 {
        match self {
            Element::F32 => 4,
            Element::F64 => 8,
            Element::Signed(width) | Element::Unsigned(width) => width,
        }
    }

    fn decode(self, body: &[u8]) -> Result<Values, DataError> {
        Ok(match self {
            Element::F32 => Values::F32(
                body.chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            ),
            Element::F64 => Values::F64(
                body.chunks_exact(8)
                    .map(|b| f64::from_bits(word(b)))
                    .collect(),
            ),
            Element::Signed(width) => {
                let unused = 64 - 8 * width;
                // The arithmetic shift back extends the sign.
                let value = |b: &[u8]| (word(b) << unused).cast_signed() >> unused;
                Values::I64(elements(body, width).map(value).collect())
            }
            Element::Unsigned(width) => {
                let values = elements(body, width).enumerate().map(|(index, b)| {
                    let value = word(b);
                    i64::try_from(value).map_err(|_| DataError::Beyond { value, index })
                });
                Values::I64(values.collect::<Result<_, _>>()?)
            }
        })
    }
}

fn elements(body: &[u8], width: u64) -> std::slice::ChunksExact<'_, u8> {
    body.chunks_exact(usize::try_from(width).expect("a width is at most 8"))
}

/// Up to eight little-endian bytes as an integer.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

fn numpy_name(plain: &npyz::TypeStr) -> String {
    match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, size) => format!("float{}", 8 * size),
        (TypeChar::Complex, size) => format!("complex{}", 8 * size),
        (TypeChar::Object, _) => "object".to_owned(),
        (TypeChar::ByteStr | TypeChar::UnicodeStr, _) => "string".to_owned(),
        _ => plain.to_string(),
    }
}

/// Reorders values whose first index varies fastest.
fn to_c_order<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    // Distance in the file between neighbours along each axis.
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |stride, &size| {
            let own = *stride;
            *stride *= size;
            Some(own)
        })
        .collect();
    let mut at = 0;
    for _ in 0..values.len() {
        out.push(values[at]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

/// The start of a file for a message.
pub(super) fn first_bytes(data: &[u8]) -> String {
    match data {
        [] => "nothing (it is empty)".to_owned(),
        _ => format!("\"{}\"", data[..data.len().min(8)].escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file written by hand after NumPy's description of the format.
    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, text.as_bytes(), data].concat()
    }

    #[test]
    fn element_types() {
        let cases: [(&str, &[u8], Values); 9] = [
            ("'<f4'", &1.5_f32.to_le_bytes(), Values::F32(vec![1.5])),
            ("'<f8'", &(-0.1_f64).to_le_bytes(), Values::F64(vec![-0.1])),
            ("'|i1'", &[0x80], Values::I64(vec![-128])),
            ("'<i2'", &[0xfe, 0xff], Values::I64(vec![-2])),
            (
                "'<i4'",
                &[0, 0, 0, 0x80],
                Values::I64(vec![i64::from(i32::MIN)]),
            ),
            (
                "'<i8'",
                &[0, 0, 0, 0, 0, 0, 0, 0x80],
                Values::I64(vec![i64::MIN]),
            ),
            ("'|u1'", &[0xff], Values::I64(vec![255])),
            (
                "'<u4'",
                &[0xff, 0xff, 0xff, 0xff],
                Values::I64(vec![i64::from(u32::MAX)]),
            ),
            ("'|b1'", &[1], Values::I64(vec![1])),
        ];
        for (descr, data, values) in cases {
            let array = read(&file(descr, false, "(1,)", data)).unwrap();
            assert_eq!(
                array,
                Array {
                    shape: vec![1],
                    values
                },
                "{descr}"
            );
        }
    }

    #[test]
    fn fortran_order() {
        let data: Vec<u8> = (0..24).collect();
        let array = read(&file("'|u1'", true, "(2, 3, 4)", &data)).unwrap();
        let mut expected = Vec::new();
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    expected.push(i + 2 * j + 6 * k);
                }
            }
        }
        assert_eq!(array.values, Values::I64(expected));
    }

    #[test]
    fn what_is_refused() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(message(b"\x93NUMPX").contains("neither .npy nor .npz"));
        assert!(
            message(&file("'<f8'", false, "(2,)", &[0; 8]))
                .contains("needs 16 bytes of data, 8 are there")
        );
        assert!(message(&file("'<f8'", false, "()", &[0; 9])).contains("1 bytes after"));
        assert!(message(&file("'>f8'", false, "(1,)", &[0; 8])).contains("use .astype(\"<f8\")"));
        assert!(message(&file("'<f2'", false, "(1,)", &[0; 2])).contains("float16"));
        assert!(message(&file("'|O'", false, "(1,)", &[0; 8])).contains("object"));
        assert!(message(&file("[('a', '<f8')]", false, "(1,)", &[0; 8])).contains("structured"));
        assert!(message(&file("'<u8'", false, "(1,)", &[0xff; 8])).contains("beyond int64"));
        let huge = "(4294967296, 4294967296, 4294967296)";
        let huge = read(&file("'<f8'", false, huge, &[])).unwrap_err();
        // The parser of the header panics on overflow where overflow checks are on.
        assert!(
            matches!(huge, DataError::Shape { .. } | DataError::Header { .. }),
            "{huge}"
        );
        let nested = format!("{}{}", "(".repeat(4000), ")".repeat(4000));
        assert!(message(&file(&nested, false, "(1,)", &[])).contains("structured"));
        assert!(message(&[MAGIC, &[2, 0, 0xff, 0xff, 0xff, 0xff]].concat()).contains("too long"));
    }

    #[test]
    fn written_arrays_read_back() {
        let arrays = [
            Array::f64(vec![2, 2], vec![0.1, -0.0, f64::MAX, 5e-324]),
            Array::i64(vec![3], vec![i64::MIN, 0, i64::MAX]),
            Array {
                shape: vec![],
                values: Values::F32(vec![0.1]),
            },
            Array::f64(vec![0, 3], vec![]),
        ];
        for array in arrays {
            assert_eq!(read(&write(&array)).unwrap(), array);
        }
    }
}

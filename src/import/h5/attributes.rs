//! Attributes that are strings or lists of strings.

use std::cell::Cell;

use hdf5_reader::RawAttribute;
use hdf5_reader::group::Group;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::dataspace::DataspaceType;
use hdf5_reader::messages::datatype::{Datatype, StringPadding, StringSize, VarLenKind};

use super::spend;

/// See [`super::H5::strings`].
pub(super) fn strings(
    group: &Group,
    name: &str,
    budget: &Cell<u64>,
) -> Result<Option<Vec<String>>, String> {
    let attributes = group.raw_attributes().map_err(|error| error.to_string())?;
    let find = |name: &str| {
        attributes
            .iter()
            .map(RawAttribute::message)
            .find(|attribute| attribute.name == name)
    };
    let resolve = |reference: &[u8]| group.resolve_vlen_reference_bytes(reference, 1);
    let read = |attribute| {
        decode(
            attribute,
            8 + usize::from(group.offset_size()),
            resolve,
            budget,
        )
    };
    if let Some(attribute) = find(name) {
        return read(attribute).map(Some);
    }
    let mut all = None;
    for part in 0_u32.. {
        let Some(attribute) = find(&format!("{name}{part}")) else {
            break;
        };
        all.get_or_insert_with(Vec::new).extend(read(attribute)?);
    }
    Ok(all)
}

/// The strings of one attribute. A string of variable length is a reference of `reference` bytes into a global heap;
/// `resolve` follows it.
pub(super) fn decode(
    attribute: &AttributeMessage,
    reference: usize,
    resolve: impl Fn(&[u8]) -> hdf5_reader::error::Result<Vec<u8>>,
    budget: &Cell<u64>,
) -> Result<Vec<String>, String> {
    let count = match attribute.dataspace.dataspace_type {
        DataspaceType::Null => 0,
        DataspaceType::Scalar => 1,
        DataspaceType::Simple => attribute
            .dataspace
            .num_elements()
            .map_err(|error| error.to_string())?,
    };
    if count == 0 {
        return Ok(Vec::new());
    }
    let raw = &attribute.raw_data;
    let (size, padding) = match &attribute.datatype {
        Datatype::String {
            size: StringSize::Fixed(size),
            padding,
            ..
        } => (
            usize::try_from(*size).map_err(|error| error.to_string())?,
            Some(*padding),
        ),
        Datatype::String {
            size: StringSize::Variable,
            ..
        } => (reference, None),
        Datatype::VarLen {
            base,
            kind: VarLenKind::String,
            ..
        } if base.is_vlen_string_base() => (reference, None),
        other => return Err(format!("strings were expected, found {other:?}")),
    };
    let declared = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(size));
    if size == 0 || declared != Some(raw.len()) {
        return Err(format!(
            "{count} strings of {size} bytes were announced, {} bytes are there",
            raw.len()
        ));
    }
    raw.chunks_exact(size)
        .map(|item| {
            let bytes = match padding {
                Some(padding) => trim(item, padding).to_vec(),
                None => {
                    let length = u32::from_le_bytes([item[0], item[1], item[2], item[3]]);
                    spend(budget, u64::from(length))?;
                    let bytes = resolve(item).map_err(|error| error.to_string())?;
                    trim(&bytes, StringPadding::NullTerminate).to_vec()
                }
            };
            String::from_utf8(bytes).map_err(|_| "a string is not UTF-8".to_owned())
        })
        .collect()
}

/// The string in a field of fixed length.
fn trim(bytes: &[u8], padding: StringPadding) -> &[u8] {
    match padding {
        StringPadding::NullTerminate => bytes.split(|&byte| byte == 0).next().unwrap_or(bytes),
        StringPadding::NullPad => trim_end(bytes, 0),
        StringPadding::SpacePad => trim_end(bytes, b' '),
    }
}

fn trim_end(bytes: &[u8], pad: u8) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|&byte| byte != pad)
        .map_or(0, |last| last + 1);
    &bytes[..end]
}

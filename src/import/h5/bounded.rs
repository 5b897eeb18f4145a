//! File bytes behind a limit on how much may be read in all.
//!
//! HDF5 structures point at each other freely, so a small file can make a reader visit the same bytes many times.
//! With each read accounted for, time and memory stay proportional to the file.

use std::sync::atomic::{AtomicU64, Ordering};

use hdf5_reader::error::{Error, Result};
use hdf5_reader::{BytesStorage, Storage, StorageBuffer};

/// How often, on average, each byte may be read. Files of Keras need about 3.
const MAX_READS_PER_BYTE: u64 = 16;
/// Bytes that may be read whatever the size of the file.
const FREE_READS: u64 = 1 << 20;
/// What a read costs besides its bytes.
const READ_OVERHEAD: u64 = 16;

pub(super) struct BoundedBytes {
    bytes: BytesStorage,
    pub(super) read: AtomicU64,
    limit: u64,
}

impl BoundedBytes {
    pub(super) fn new(data: Vec<u8>) -> Self {
        let bytes = BytesStorage::new(data);
        let limit = bytes.len().saturating_mul(MAX_READS_PER_BYTE) + FREE_READS;
        BoundedBytes {
            bytes,
            read: AtomicU64::new(0),
            limit,
        }
    }

    /// Size of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.bytes.len()
    }
}

impl Storage for BoundedBytes {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        let buffer = self.bytes.read_range(offset, len)?;
        let cost = len as u64 + READ_OVERHEAD;
        let before = self.read.fetch_add(cost, Ordering::Relaxed);
        if before.saturating_add(cost) > self.limit {
            return Err(Error::ResourceLimit(
                "its structures refer to the same bytes again and again".into(),
            ));
        }
        Ok(buffer)
    }
}

//! Every number of the estimates that is not counted, with its source.

/// Operands of at most this many bits are multiplied in LUTs: the rule of thumb of the field for
/// the latency strategy (a DSP for a product of operands of more than about 10 bits).
pub(super) const LUT_PRODUCT_BITS: u32 = 10;

/// A LUT adds, compares or selects one bit (a carry chain has one LUT a bit; UG474, UG574).
pub(super) const LUT_PER_BIT: u64 = 1;

/// LUTs for each bit of a population count, the comparison included: a 6-input LUT compares and
/// counts three pairs of bits to two bits (two LUTs), and the tree of short adders behind them
/// takes about as many again.
pub(super) const LUT_PER_COUNTED_BIT: u64 = 2;

/// Entries of one output bit of a table that one LUT holds (a 6-input LUT).
pub(super) const TABLE_ENTRIES_PER_LUT: u64 = 64;

/// Bits of a block RAM of 18 kbit.
pub(super) const BRAM18_BITS: u64 = 18_432;

/// Memories of at most this many bits are LUTs (the tools' usual threshold of 1024).
pub(super) const SMALL_MEMORY_BITS: u64 = 1_024;

/// Bits that one LUT holds as memory.
pub(super) const MEMORY_BITS_PER_LUT: u64 = 64;

/// Nanoseconds of an adder of a few dozen bits with its routing; how many fit a cycle decides the
/// depth of a pipeline. From the clock estimates of published reports (0.8 to 4.7 ns for one to
/// three levels).
pub(super) const ADDER_NS: f64 = 1.5;

//! Every number of the estimates that is not counted, with its source.

/// Products whose operands both have at most this many bits are made in LUTs: the rule of thumb of
/// the field for the latency strategy (a DSP when an operand needs more than about 10 bits).
pub(super) const LUT_PRODUCT_BITS: u32 = 10;

/// Digits (canonical signed digits) of a constant up to which multiplying by it is an addition at
/// most. Of 64 products of 16 bits with weights of up to 11 bits, of which some 6 % have no more
/// than two digits, csynth puts 56 to 62 into DSPs.
pub(super) const CHEAP_DIGITS: u32 = 2;

/// LUTs of an addition besides one for each bit: csynth reports 23 for 16 bits (average pools of two
/// samples: 4178 LUT for 180 outputs).
pub(super) const LUT_PER_ADDER: u64 = 7;

/// LUTs of a comparison besides one for every two bits: a comparison and a selection of 16 bits take
/// 29 (maximum pools of two samples: 5258 LUT for 180 outputs), the selection one for each bit.
pub(super) const LUT_PER_COMPARISON: u64 = 5;

/// LUTs after logic synthesis for each LUT that csynth reports: 0.45, 0.50 and 0.60 in the three
/// published designs that have both.
pub(super) const SYNTHESIS_SHARE: f64 = 0.5;

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

/// Levels that a product takes, in DSPs or in LUTs.
pub(super) const PRODUCT_LEVELS: u32 = 1;

/// Cycles that a process of a stream design takes besides: a function that only compares 900 words
/// takes 902 cycles.
pub(super) const STREAM_CYCLES: u32 = 2;

/// Nanoseconds of an adder of a few dozen bits with its routing; how many fit a cycle decides the
/// depth of a pipeline. From the clock estimates of published reports (0.8 to 4.7 ns for one to
/// three levels).
pub(super) const ADDER_NS: f64 = 1.5;

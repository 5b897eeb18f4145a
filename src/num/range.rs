//! Proven ranges of integer codes.

/// All codes that can occur lie in `lo..=hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// Smallest code.
    pub lo: i128,
    /// Largest code.
    pub hi: i128,
}

impl Range {
    /// The range that holds just `code`.
    #[must_use]
    pub fn point(code: i128) -> Self {
        Self { lo: code, hi: code }
    }

    /// Smallest range that contains both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }

    /// Whether `code` lies in the range.
    #[must_use]
    pub fn contains(self, code: i128) -> bool {
        self.lo <= code && code <= self.hi
    }

    /// Whether a code below zero can occur, so that the type needs a sign.
    #[must_use]
    pub fn signed(self) -> bool {
        self.lo < 0
    }

    /// Fewest bits that hold every code, the sign bit included where there is one; at least 1.
    ///
    /// `0..=5` needs 3 (unsigned), `-4..=3` needs 3 (signed), `-1..=5` needs 4.
    #[must_use]
    pub fn width(self) -> u32 {
        let magnitude = |c: i128| 128 - (if c < 0 { !c } else { c }).leading_zeros();
        let bits = magnitude(self.lo).max(magnitude(self.hi));
        (bits + u32::from(self.signed())).max(1)
    }

    /// Number of codes, saturating at `u128::MAX`.
    #[must_use]
    pub fn codes(self) -> u128 {
        self.hi.abs_diff(self.lo).saturating_add(1)
    }

    /// Both ends shifted left; `None` when the result leaves the 127 bits the design may use.
    #[must_use]
    pub fn shifted(self, bits: u32) -> Option<Self> {
        let shift = |c: i128| {
            let s = c.checked_shl(bits)?;
            (s >> bits == c).then_some(s)
        };
        if bits >= 127 {
            return (self.lo == 0 && self.hi == 0).then_some(self);
        }
        Some(Self {
            lo: shift(self.lo)?,
            hi: shift(self.hi)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        for (lo, hi, width) in [
            (0, 0, 1),
            (0, 5, 3),
            (0, 8, 4),
            (-1, 0, 1),
            (-4, 3, 3),
            (-1, 5, 4),
            (-5, 0, 4),
            (3, 4, 3),
        ] {
            assert_eq!(Range { lo, hi }.width(), width, "{lo}..={hi}");
        }
    }

    #[test]
    fn shifted_refuses_what_does_not_fit() {
        assert_eq!(
            Range { lo: -1, hi: 1 }.shifted(4),
            Some(Range { lo: -16, hi: 16 })
        );
        assert_eq!(
            Range {
                lo: 0,
                hi: 1 << 100
            }
            .shifted(40),
            None
        );
        assert_eq!(
            Range { lo: 0, hi: 0 }.shifted(400),
            Some(Range { lo: 0, hi: 0 })
        );
    }
}

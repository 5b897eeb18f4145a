//! The headers' names of modes and families, and what each family allows.

use super::{Family, FixedType, Overflow, Quantization};

/// Largest width that is read from a user: far beyond any hardware, small enough for any machine.
pub const MAX_WIDTH: u32 = 65_536;

impl Family {
    /// `AP` or `AC`, the prefix of the mode names.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Ap => "AP",
            Self::Ac => "AC",
        }
    }

    /// Whether the family has the mode: `RND_CONV_ODD` is AC's alone.
    #[must_use]
    pub fn has_quantization(self, mode: Quantization) -> bool {
        self == Self::Ac || mode != Quantization::RndConvOdd
    }

    /// Whether the family has the mode: `WRAP_SM` is AP's alone.
    #[must_use]
    pub fn has_overflow(self, mode: Overflow) -> bool {
        self == Self::Ap || mode != Overflow::WrapSm
    }

    /// The name without its prefix; a name without a prefix stays as it is.
    fn strip(self, name: &str) -> &str {
        name.strip_prefix(self.prefix())
            .and_then(|rest| rest.strip_prefix('_'))
            .unwrap_or(name)
    }

    /// Reads `AP_RND` or `RND` (`AC_RND` for AC); the message names what the family has.
    ///
    /// # Errors
    /// When the family has no mode of that name.
    pub fn quantization(self, name: &str) -> Result<Quantization, String> {
        let modes = Quantization::ALL
            .into_iter()
            .filter(|&mode| self.has_quantization(mode));
        self.find(name, "quantization mode", modes, Quantization::name)
    }

    /// Reads `AP_SAT` or `SAT` (`AC_SAT` for AC); the message names what the family has.
    ///
    /// # Errors
    /// When the family has no mode of that name.
    pub fn overflow(self, name: &str) -> Result<Overflow, String> {
        let modes = Overflow::ALL
            .into_iter()
            .filter(|&mode| self.has_overflow(mode));
        self.find(name, "overflow mode", modes, Overflow::name)
    }

    fn find<M: Copy>(
        self,
        name: &str,
        what: &str,
        modes: impl Iterator<Item = M> + Clone,
        spell: fn(M) -> &'static str,
    ) -> Result<M, String> {
        let bare = self.strip(name);
        modes.clone().find(|&m| spell(m) == bare).ok_or_else(|| {
            let names: Vec<_> = modes
                .map(|m| format!("{}_{}", self.prefix(), spell(m)))
                .collect();
            format!("unknown {what} `{name}`: expected {}", names.join(", "))
        })
    }

    /// Whether the type exists in the family; the message says why not.
    ///
    /// # Errors
    /// W of 0 or above [`MAX_WIDTH`], a mode the family lacks, `AP_WRAP_SM` without a sign, N
    /// outside AP or above W.
    pub fn check(self, ty: &FixedType) -> Result<(), String> {
        if ty.width == 0 || ty.width > MAX_WIDTH {
            return Err(format!(
                "width {}: expected 1 to {MAX_WIDTH} bits",
                ty.width
            ));
        }
        if !self.has_quantization(ty.quantization) {
            return Err(format!(
                "{} is a mode of the AC family only",
                ty.quantization.name()
            ));
        }
        if !self.has_overflow(ty.overflow) {
            return Err(format!(
                "{} is a mode of the AP family only",
                ty.overflow.name()
            ));
        }
        if ty.overflow == Overflow::WrapSm && !ty.signed {
            return Err("AP_WRAP_SM needs a signed type".into());
        }
        if self == Self::Ac && ty.sat_bits != 0 {
            return Err("saturation bits N exist in the AP family only".into());
        }
        if ty.sat_bits > ty.width {
            return Err(format!(
                "{} saturation bits: expected at most the width, {}",
                ty.sat_bits, ty.width
            ));
        }
        Ok(())
    }
}

impl Quantization {
    /// All modes.
    pub const ALL: [Self; 8] = [
        Self::Trn,
        Self::TrnZero,
        Self::Rnd,
        Self::RndZero,
        Self::RndInf,
        Self::RndMinInf,
        Self::RndConv,
        Self::RndConvOdd,
    ];

    /// The headers' name without prefix, `RND_CONV`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trn => "TRN",
            Self::TrnZero => "TRN_ZERO",
            Self::Rnd => "RND",
            Self::RndZero => "RND_ZERO",
            Self::RndInf => "RND_INF",
            Self::RndMinInf => "RND_MIN_INF",
            Self::RndConv => "RND_CONV",
            Self::RndConvOdd => "RND_CONV_ODD",
        }
    }
}

impl Overflow {
    /// All modes.
    pub const ALL: [Self; 5] = [
        Self::Wrap,
        Self::Sat,
        Self::SatZero,
        Self::SatSym,
        Self::WrapSm,
    ];

    /// The headers' name without prefix, `SAT_SYM`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrap => "WRAP",
            Self::Sat => "SAT",
            Self::SatZero => "SAT_ZERO",
            Self::SatSym => "SAT_SYM",
            Self::WrapSm => "WRAP_SM",
        }
    }
}

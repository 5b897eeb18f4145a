//! `qk-hls fixed`: the rules of `num` as a calculator.

use std::io::{BufRead, Read};

use clap::Subcommand;
use comfy_table::{Table, presets};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Answer, Failure, Ui};
use crate::num::{Code, Decimal, Family, Fixed, FixedType, NamedType, Overflow, Quantization};

/// Fixed-point calculator: JSON lines in, JSON lines out
///
/// A line names a family, an operation, types and raw codes, as in
/// {"family":"ap","op":"cast","a":{"w":7,"i":3,"s":1},"r":{"w":4,"i":2,"s":1,"q":"AP_RND","o":"AP_SAT"},"x":["-64"]}.
/// Operations: cast add sub mul div neg shl shr cmp on codes, from_double and from_decimal on numbers,
/// to_double, to_decimal and to_int. The second operand's codes, or the counts of shifts, are in "z".
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Convert one decimal number into a type
    #[command(allow_negative_numbers = true)]
    Cast {
        /// Any decimal number, read exactly
        value: String,
        /// For instance `ap_fixed<8,3,AP_RND,AP_SAT>`
        #[arg(value_name = "TYPE")]
        ty: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 20;

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    if let Some(Action::Cast { value, ty, json }) = &args.action {
        return cast(value, ty, *json, ui);
    }
    let mut answer = Answer::Yes;
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = (&mut input)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|e| format!("stdin: {e}"))?;
        if read == 0 {
            return Ok(answer);
        }
        if read as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            return Err(format!("stdin: a line is longer than {MAX_LINE} bytes").into());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let result = serde_json::from_slice::<Line<'_>>(&line)
            .map_err(|e| e.to_string())
            .and_then(|line| line.calculate());
        let text = match result {
            Ok(result) => serde_json::to_string(&result)?,
            Err(error) => {
                answer = Answer::No;
                serde_json::to_string(&serde_json::json!({ "error": error }))?
            }
        };
        ui.print(&format!("{text}\n"))?;
    }
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    family: FamilyName,
    op: Op,
    a: Option<Type<'a>>,
    b: Option<Type<'a>>,
    r: Option<Type<'a>>,
    #[serde(borrow, default)]
    x: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    z: Vec<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FamilyName {
    Ap,
    Ac,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Cast,
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Shl,
    Shr,
    Cmp,
    FromDouble,
    FromDecimal,
    ToDouble,
    ToDecimal,
    ToInt,
}

/// A type as the lines spell it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Type<'a> {
    #[serde(borrow)]
    w: &'a RawValue,
    #[serde(borrow)]
    i: &'a RawValue,
    #[serde(borrow)]
    s: &'a RawValue,
    q: Option<String>,
    o: Option<String>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
}

/// An answer: the result's type where the family's rules choose it, and codes or numbers.
#[derive(Debug, Default, Serialize)]
struct Results {
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<ResultType>,
    y: Vec<String>,
    /// Of `cmp`: what `==` says; `y` holds -1, 0, 1 for what `<` and `>` say.
    #[serde(skip_serializing_if = "Option::is_none")]
    eq: Option<Vec<bool>>,
}

#[derive(Debug, Serialize)]
struct ResultType {
    w: u32,
    i: i32,
    s: u8,
}

impl From<&FixedType> for ResultType {
    fn from(ty: &FixedType) -> Self {
        Self {
            w: ty.width,
            i: ty.int_bits,
            s: u8::from(ty.signed),
        }
    }
}

/// The text of a number or of a string.
fn text(raw: &RawValue) -> Result<String, String> {
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map_err(|e| e.to_string());
    }
    Ok(raw.get().to_owned())
}

fn code(raw: &RawValue) -> Result<Code, String> {
    text(raw)?.trim().parse().map_err(|e| format!("{e}"))
}

impl Type<'_> {
    fn read(&self, name: &str, family: Family) -> Result<FixedType, String> {
        fn number<T: std::str::FromStr>(
            raw: &RawValue,
            name: &str,
            key: &str,
        ) -> Result<T, String> {
            let text = text(raw)?;
            text.trim()
                .parse()
                .map_err(|_| format!("{name}.{key}: `{text}` is no integer in range"))
        }
        let signed = match text(self.s)?.trim() {
            "1" | "true" => true,
            "0" | "false" => false,
            other => return Err(format!("{name}.s: `{other}`; 1 (signed) or 0 is wanted")),
        };
        let quantization = match &self.q {
            None => Quantization::Trn,
            Some(mode) => family
                .quantization(mode)
                .map_err(|e| format!("{name}.q: {e}"))?,
        };
        let overflow = match &self.o {
            None => Overflow::Wrap,
            Some(mode) => family
                .overflow(mode)
                .map_err(|e| format!("{name}.o: {e}"))?,
        };
        let sat_bits = match self.n {
            None => 0,
            Some(n) => number(n, name, "n")?,
        };
        let ty = FixedType {
            width: number(self.w, name, "w")?,
            int_bits: number(self.i, name, "i")?,
            signed,
            quantization,
            overflow,
            sat_bits,
        };
        family.check(&ty).map_err(|e| format!("{name}: {e}"))?;
        Ok(ty)
    }
}

impl Line<'_> {
    fn calculate(&self) -> Result<Results, String> {
        let family = match self.family {
            FamilyName::Ap => Family::Ap,
            FamilyName::Ac => Family::Ac,
        };
        let ty = |ty: &Option<Type<'_>>, name: &str| match ty {
            Some(ty) => ty.read(name, family),
            None => Err(format!("`{name}` is missing: the type")),
        };
        let mut results = Results::default();
        match self.op {
            Op::FromDouble => {
                let to = ty(&self.r, "r")?;
                for x in &self.x {
                    let text = text(x)?;
                    let x: f64 = text
                        .trim()
                        .parse()
                        .map_err(|_| format!("`{text}` is no double"))?;
                    results.y.push(to.from_double(family, x).to_string());
                }
                return Ok(results);
            }
            Op::FromDecimal => {
                let to = ty(&self.r, "r")?;
                for x in &self.x {
                    let x: Decimal = text(x)?.trim().parse().map_err(|e| format!("{e}"))?;
                    let code = x.quantize(&to).map_err(|e| e.to_string())?;
                    results.y.push(code.to_string());
                }
                return Ok(results);
            }
            _ => {}
        }
        let a = ty(&self.a, "a")?;
        let xs = values(&self.x, &a, "x")?;
        let shift = matches!(self.op, Op::Shl | Op::Shr);
        let second = matches!(self.op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Cmp);
        let n = xs.len();
        if (second || shift) && self.z.len() != n && self.z.len() != 1 {
            return Err(format!(
                "{n} codes in `x` and {} in `z`: as many are wanted, or one",
                self.z.len()
            ));
        }
        let zs = if second {
            values(&self.z, &ty(&self.b, "b")?, "z")?
        } else {
            vec![]
        };
        let to = match self.op {
            Op::Cast => Some(ty(&self.r, "r")?),
            _ => None,
        };
        let mut result_type = None;
        for (k, x) in xs.iter().enumerate() {
            let z = || &zs[if zs.len() == 1 { 0 } else { k }];
            let count = || -> Result<i64, String> {
                let raw = self.z[if self.z.len() == 1 { 0 } else { k }];
                let text = text(raw)?;
                text.trim()
                    .parse()
                    .map_err(|_| format!("`{text}` is no count of a shift"))
            };
            let wide = |r: Result<Fixed, crate::num::TooWide>| r.map_err(|e| e.to_string());
            let y = match self.op {
                Op::Cast => x.cast(family, to.as_ref().expect("read above")),
                Op::Add => wide(x.add(z()))?,
                Op::Sub => wide(x.sub(z()))?,
                Op::Mul => wide(x.mul(z()))?,
                Op::Div => x.div(family, z()).map_err(|e| e.to_string())?,
                Op::Neg => wide(x.neg())?,
                Op::Shl => x.shl(count()?),
                Op::Shr => x.shr(count()?),
                Op::Cmp => {
                    let found = x.compare(family, z()).map_err(|e| e.to_string())?;
                    results.y.push((found.order as i8).to_string());
                    results.eq.get_or_insert_default().push(found.equal);
                    continue;
                }
                Op::ToDouble => {
                    results.y.push(format!("{:?}", x.to_double(family)));
                    continue;
                }
                Op::ToDecimal => {
                    results.y.push(x.to_string());
                    continue;
                }
                Op::ToInt => {
                    let integer = x.to_integer(family, 32, true);
                    let integer =
                        integer.ok_or("to_int() of this type is undefined in the AP headers")?;
                    results.y.push(integer.to_string());
                    continue;
                }
                Op::FromDouble | Op::FromDecimal => unreachable!("answered above"),
            };
            result_type = Some(*y.ty());
            results.y.push(y.code().to_string());
        }
        if self.op != Op::Cast {
            results.r = result_type.as_ref().map(ResultType::from);
        }
        Ok(results)
    }
}

fn values(raws: &[&RawValue], ty: &FixedType, name: &str) -> Result<Vec<Fixed>, String> {
    let value = |raw: &&RawValue| {
        let code = code(raw)?;
        let shown = code.to_string();
        Fixed::new(code, *ty).ok_or_else(|| format!("{name}: {ty} cannot store the code {shown}"))
    };
    raws.iter().map(value).collect()
}

/// What `fixed cast --json` prints.
#[derive(Serialize)]
struct Casted {
    #[serde(rename = "type")]
    ty: String,
    raw: String,
    binary: String,
    value: String,
    error: Option<String>,
}

fn cast(value: &str, ty: &str, json: bool, ui: &Ui) -> Result<Answer, Failure> {
    let named: NamedType = ty
        .parse()
        .map_err(|e: crate::num::ParseTypeError| format!("{e}\n{}", e.pointer()))?;
    let exact: Decimal = value.trim().parse().map_err(|e| format!("{e}"))?;
    let code = exact.quantize(&named.ty).map_err(|e| e.to_string())?;
    let result = Fixed::new(code, named.ty).expect("a conversion's result fits its type");
    let spelled = match named.family {
        Some(Family::Ac) => named.ty.display_ac().to_string(),
        Some(Family::Ap) | None => named.ty.to_string(),
    };
    let casted = Casted {
        ty: spelled,
        raw: result.code().to_string(),
        binary: binary(&result),
        value: result.to_string(),
        error: Decimal::of(&result).and_then(|_| {
            let error = exact.minus(&result)?;
            Some(error.to_string())
        }),
    };
    if json {
        let text = serde_json::to_string(&casted)?;
        ui.print(&format!("{text}\n"))?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let error = casted.error.as_deref().unwrap_or("beyond what is printed");
    for (name, text) in [
        ("type", casted.ty.as_str()),
        ("raw", &casted.raw),
        ("binary", &casted.binary),
        ("value", &casted.value),
        ("error", error),
    ] {
        table.add_row([name, text]);
    }
    ui.print(&format!("{table}\n"))?;
    Ok(Answer::Yes)
}

/// Farthest that the binary point is drawn from the bits.
const MAX_GAP: i64 = 64;

/// The bit pattern with the point marked; places that the type does not have are `_`.
fn binary(x: &Fixed) -> String {
    let width = x.ty().width;
    let bits: String = (0..width)
        .rev()
        .map(|at| {
            let bit = x.code().shr(at).to_big().bit(0);
            if bit { '1' } else { '0' }
        })
        .collect();
    let (integer, width) = (i64::from(x.ty().int_bits), i64::from(width));
    let gap = |n: i64| "_".repeat(usize::try_from(n).unwrap_or(0));
    match integer {
        i if i < -MAX_GAP || i > width + MAX_GAP => format!("{bits} * 2^{}", i - width),
        i if i <= 0 => format!(".{}{bits}", gap(-i)),
        i if i >= width => format!("{bits}{}.", gap(i - width)),
        i => {
            let (whole, fraction) = bits.split_at(usize::try_from(i).unwrap_or(0));
            format!("{whole}.{fraction}")
        }
    }
}

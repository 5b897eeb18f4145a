//! Constant arrays: integer codes as C initialisers.

use std::fmt::Write as _;

use super::FileSet;
use super::project::Project;
use super::spell;
use crate::ir::Range;

/// A constant array of a project.
#[derive(Debug, Clone)]
pub(crate) struct Array {
    /// C++ name.
    pub(crate) name: String,
    /// C type of the elements.
    pub(crate) storage: &'static str,
    /// What the codes are, for people.
    pub(crate) comment: String,
    /// Codes in row-major order.
    pub(crate) codes: Vec<i128>,
    /// Codes that belong on one line, the last axis for instance.
    pub(crate) row: usize,
    /// In a file of its own under `weights/`, or in `parameters.h`.
    pub(crate) own_file: bool,
}

/// Longest array that stands in `parameters.h` itself.
const SHORT: usize = 16;
/// Longest line of codes.
const LINE: usize = 100;

impl Array {
    /// An array of these codes; weights, biases and long arrays get a file of their own.
    pub(crate) fn new(name: String, comment: String, codes: Vec<i128>, row: usize) -> Self {
        let own_file = codes.len() > SHORT;
        Self {
            name,
            storage: spell::storage(hull(&codes)),
            comment,
            codes,
            row,
            own_file,
        }
    }

    /// The same, in a file of its own whatever its length.
    pub(crate) fn in_own_file(mut self) -> Self {
        self.own_file = true;
        self
    }

    /// The C++ definition.
    pub(crate) fn definition(&self) -> String {
        let mut text = format!(
            "// {}\nstatic const {} {}[{}] = {{",
            self.comment,
            self.storage,
            self.name,
            self.codes.len()
        );
        if self.codes.len() <= SHORT && !self.own_file {
            let codes: Vec<String> = self.literals().collect();
            let _ = write!(text, "{}}};", codes.join(", "));
            return text;
        }
        let mut column = LINE;
        for (i, code) in self.literals().enumerate() {
            if column + code.len() + 2 > LINE || i % self.row.max(1) == 0 {
                text.push_str("\n    ");
                column = 4;
            } else {
                text.push(' ');
                column += 1;
            }
            column += code.len() + 1;
            text.push_str(&code);
            text.push(',');
        }
        text.pop();
        text.push_str("\n};");
        text
    }

    fn literals(&self) -> impl Iterator<Item = String> + '_ {
        self.codes.iter().map(|&c| spell::literal(c, self.storage))
    }
}

/// Smallest range that holds the codes; arrays are never empty.
pub(crate) fn hull(codes: &[i128]) -> Range {
    let mut all = codes.iter().map(|&c| Range::point(c));
    let first = all.next().expect("a constant array has elements");
    all.fold(first, Range::hull)
}

/// Writes the arrays that have files of their own.
pub(crate) fn add_files(project: &Project, files: &mut FileSet) {
    for array in project.arrays().filter(|a| a.own_file) {
        let guard = format!("{}_{}_H_", project.name, array.name.to_ascii_uppercase());
        let include = if array.storage == "nnet::wide" {
            "#include \"../nnet_utils/constants.h\"\n\n"
        } else {
            ""
        };
        let text = format!(
            "#ifndef {guard}\n#define {guard}\n\n{include}namespace {} {{\n\n{}\n\n}} // namespace {}\n\n#endif",
            project.name,
            array.definition(),
            project.name
        );
        files.add(format!("firmware/weights/{}.h", array.name), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions() {
        let short = Array::new("lo4".into(), "limits".into(), vec![-1, 2], 1);
        assert_eq!(
            short.definition(),
            "// limits\nstatic const signed char lo4[2] = {-1, 2};"
        );
        let weights = Array::new("w2".into(), "kernel".into(), vec![1, -200, 3, 4], 2);
        assert_eq!(
            weights.in_own_file().definition(),
            "// kernel\nstatic const short w2[4] = {\n    1, -200,\n    3, 4\n};"
        );
    }
}

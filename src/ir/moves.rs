//! Rearrangements: operations that move elements without computing.

use super::{Shape, elements};

/// A rearrangement of one or more tensors. Axes exclude the batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Move {
    /// Same elements in the same row-major order, another shape.
    Reshape(Shape),
    /// Output axis `i` is input axis `axes[i]`.
    Permute(Vec<usize>),
    /// Zeros before and after, per axis.
    Pad(Vec<(usize, usize)>),
    /// Elements dropped before and after, per axis.
    Crop(Vec<(usize, usize)>),
    /// Every slice of `axis` repeated `times` in place (nearest up-sampling).
    Repeat {
        /// The axis.
        axis: usize,
        /// How often each slice stands in the output.
        times: usize,
    },
    /// The order along `axis` reversed.
    Reverse(usize),
    /// Several tensors one after the other along `axis`.
    Concat(usize),
}

/// Where one output element of a [`Move`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Flat element `index` of input number `input`.
    Element {
        /// Which input.
        input: usize,
        /// Flat row-major index in it.
        index: usize,
    },
    /// The number zero.
    Zero,
}

impl Move {
    /// Shape of the output, or `None` when the move does not fit the inputs.
    #[must_use]
    pub fn output_shape(&self, inputs: &[&[usize]]) -> Option<Shape> {
        let [first, ..] = inputs else { return None };
        if !matches!(self, Self::Concat(_)) && inputs.len() != 1 {
            return None;
        }
        let per_axis = |sizes: &[(usize, usize)], f: fn(usize, usize) -> Option<usize>| {
            (sizes.len() == first.len()).then_some(())?;
            first
                .iter()
                .zip(sizes)
                .map(|(&n, &(a, b))| f(n, a.checked_add(b)?))
                .collect()
        };
        match self {
            Self::Reshape(shape) => (elements(shape) == elements(first)).then(|| shape.clone()),
            Self::Permute(axes) => {
                let mut seen = axes.clone();
                seen.sort_unstable();
                seen.iter()
                    .copied()
                    .eq(0..first.len())
                    .then(|| axes.iter().map(|&a| first[a]).collect())
            }
            Self::Pad(sizes) => per_axis(sizes, |n, ab| n.checked_add(ab)),
            Self::Crop(sizes) => per_axis(sizes, |n, ab| n.checked_sub(ab).filter(|&m| m > 0)),
            Self::Repeat { axis, times } => {
                let mut shape = first.to_vec();
                *shape.get_mut(*axis)? = first[*axis].checked_mul(*times)?;
                Some(shape)
            }
            Self::Reverse(axis) => (*axis < first.len()).then(|| first.to_vec()),
            Self::Concat(axis) => {
                let mut shape = first.to_vec();
                *shape.get_mut(*axis)? = 0;
                for input in inputs {
                    let fits = input.len() == first.len()
                        && input
                            .iter()
                            .zip(*first)
                            .enumerate()
                            .all(|(a, (x, y))| a == *axis || x == y);
                    shape[*axis] = shape[*axis].checked_add(fits.then(|| input[*axis])?)?;
                }
                Some(shape)
            }
        }
    }

    /// The source of every output element, in row-major order: the definition of each move.
    ///
    /// # Panics
    /// When [`Move::output_shape`] refuses these inputs.
    #[must_use]
    pub fn sources(&self, inputs: &[&[usize]]) -> Vec<Source> {
        let shape = self
            .output_shape(inputs)
            .expect("the move was checked when it was built");
        let first = inputs[0];
        let single = |f: &dyn Fn(&[usize]) -> Option<Vec<usize>>| {
            super::positions(&shape)
                .map(|at| match f(&at) {
                    Some(index) => Source::Element {
                        input: 0,
                        index: flat(&index, first),
                    },
                    None => Source::Zero,
                })
                .collect()
        };
        let edit = |at: &[usize], axis: usize, value: usize| {
            let mut index = at.to_vec();
            index[axis] = value;
            index
        };
        match self {
            Self::Reshape(_) => (0..elements(first))
                .map(|index| Source::Element { input: 0, index })
                .collect(),
            Self::Permute(axes) => single(&|at| {
                let mut index = vec![0; at.len()];
                for (value, &axis) in at.iter().zip(axes) {
                    index[axis] = *value;
                }
                Some(index)
            }),
            Self::Pad(sizes) => single(&|at| {
                at.iter()
                    .zip(sizes)
                    .zip(first)
                    .map(|((&o, &(before, _)), &n)| o.checked_sub(before).filter(|&i| i < n))
                    .collect()
            }),
            Self::Crop(sizes) => single(&|at| {
                Some(
                    at.iter()
                        .zip(sizes)
                        .map(|(&o, &(before, _))| o + before)
                        .collect(),
                )
            }),
            Self::Repeat { axis, times } => single(&|at| Some(edit(at, *axis, at[*axis] / times))),
            Self::Reverse(axis) => {
                single(&|at| Some(edit(at, *axis, first[*axis] - 1 - at[*axis])))
            }
            Self::Concat(axis) => super::positions(&shape)
                .map(|at| {
                    let mut along = at[*axis];
                    let mut input = 0;
                    while along >= inputs[input][*axis] {
                        along -= inputs[input][*axis];
                        input += 1;
                    }
                    Source::Element {
                        input,
                        index: flat(&edit(&at, *axis, along), inputs[input]),
                    }
                })
                .collect(),
        }
    }
}

/// Row-major index of `at` in a tensor of this shape.
fn flat(at: &[usize], shape: &[usize]) -> usize {
    at.iter().zip(shape).fold(0, |sum, (i, n)| sum * n + i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(m: &Move, inputs: &[&[usize]]) -> Vec<i64> {
        m.sources(inputs)
            .into_iter()
            .map(|s| match s {
                Source::Element { input, index } => (input * 100 + index) as i64,
                Source::Zero => -1,
            })
            .collect()
    }

    #[test]
    fn every_move() {
        let m: &[usize] = &[2, 3];
        assert_eq!(
            indices(&Move::Permute(vec![1, 0]), &[m]),
            [0, 3, 1, 4, 2, 5]
        );
        assert_eq!(
            indices(&Move::Pad(vec![(0, 0), (1, 0)]), &[m]),
            [-1, 0, 1, 2, -1, 3, 4, 5]
        );
        assert_eq!(indices(&Move::Crop(vec![(1, 0), (0, 1)]), &[m]), [3, 4]);
        assert_eq!(
            indices(&Move::Repeat { axis: 1, times: 2 }, &[&[1, 2]]),
            [0, 0, 1, 1]
        );
        assert_eq!(indices(&Move::Reverse(1), &[m]), [2, 1, 0, 5, 4, 3]);
        assert_eq!(
            indices(&Move::Concat(1), &[&[2, 1], &[2, 2]]),
            [0, 100, 101, 1, 102, 103]
        );
        assert_eq!(
            indices(&Move::Reshape(vec![3, 2]), &[m]),
            [0, 1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn misfits_are_refused() {
        assert_eq!(Move::Reshape(vec![5]).output_shape(&[&[2, 3]]), None);
        assert_eq!(Move::Permute(vec![0, 0]).output_shape(&[&[2, 3]]), None);
        assert_eq!(Move::Crop(vec![(1, 1)]).output_shape(&[&[2]]), None);
        assert_eq!(Move::Concat(0).output_shape(&[&[2, 3], &[2, 4]]), None);
    }
}

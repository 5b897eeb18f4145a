//! Per-channel properties.

/// A property of the elements of a flat tensor that repeats: element `i` has `values[i % len]`.
///
/// Length 1 is a property of the whole tensor, the extent of the last axis a property per
/// channel, the number of elements a property of each element. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Periodic<T>(Vec<T>);

impl<T> Periodic<T> {
    /// The same value for every element.
    pub fn uniform(value: T) -> Self {
        Self(vec![value])
    }

    /// One value for each position in the period.
    ///
    /// # Panics
    /// When `values` is empty: a tensor without channels does not exist.
    pub fn new(values: Vec<T>) -> Self {
        assert!(!values.is_empty(), "a period has at least one value");
        Self(values)
    }

    /// The value of flat element `index`.
    pub fn at(&self, index: usize) -> &T {
        &self.0[index % self.0.len()]
    }

    /// All values of one period, in order.
    pub fn values(&self) -> &[T] {
        &self.0
    }

    /// Length of the period.
    pub fn period(&self) -> usize {
        self.0.len()
    }

    /// The one value, if the property is the same everywhere by construction.
    pub fn as_uniform(&self) -> Option<&T> {
        match self.0.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Applies `f` to every value of the period.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Periodic<U> {
        Periodic(self.0.iter().map(f).collect())
    }

    /// Combines two periodic properties over their common period.
    pub fn zip<U, V>(&self, other: &Periodic<U>, mut f: impl FnMut(&T, &U) -> V) -> Periodic<V> {
        let n = num_integer::lcm(self.period(), other.period());
        Periodic((0..n).map(|i| f(self.at(i), other.at(i))).collect())
    }
}

impl<T: PartialEq> Periodic<T> {
    /// The same property with the shortest period that expresses it.
    #[must_use]
    pub fn compact(mut self) -> Self {
        let n = self.0.len();
        let repeats = |p: usize| (p..n).all(|i| self.0[i] == self.0[i - p]);
        if let Some(p) = (1..n).find(|p| n.is_multiple_of(*p) && repeats(*p)) {
            self.0.truncate(p);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_finds_the_shortest_period() {
        assert_eq!(
            Periodic::new(vec![1, 2, 1, 2]).compact(),
            Periodic::new(vec![1, 2])
        );
        assert_eq!(Periodic::new(vec![3, 3, 3]).compact(), Periodic::uniform(3));
        assert_eq!(
            Periodic::new(vec![1, 2, 1]).compact(),
            Periodic::new(vec![1, 2, 1])
        );
    }

    #[test]
    fn zip_covers_the_common_period() {
        let sum = Periodic::new(vec![1, 2]).zip(&Periodic::new(vec![10, 20, 30]), |a, b| a + b);
        assert_eq!(sum.values(), [11, 22, 31, 12, 21, 32]);
    }
}

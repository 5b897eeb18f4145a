//! Model files to [`RawModel`](self): containers, JSON and weights, without numerics.

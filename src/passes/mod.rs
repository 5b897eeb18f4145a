//! From mathematics to hardware, and improvements that keep every bit.
//!
//! Order: [`resolve`] makes a `Design` of a `Network`.
//! A pass may not know Keras: names and classes reach it only as `Origin`, for messages.

pub mod resolve;

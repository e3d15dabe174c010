//! Structs that are read from JSON objects and from nothing else.
//!
//! ```text
//! {"type":"user","id":"u-7"}   ->   the struct
//! ["user","u-7"]               ->   an error: the members' order in the source code is no format
//! ```
//!
//! A derived struct takes an array of its fields as well, in the order in which they are declared. What is valid would then
//! change with every field that is added.
//!
//! Invariant: the error says what was expected, as the struct's `#[serde(expecting)]` has it.

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// A value that has to be a JSON object.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(MapOnly(deserializer)).map(Object)
    }
}

/// Asks for a map wherever a struct is asked for.
struct MapOnly<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for MapOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

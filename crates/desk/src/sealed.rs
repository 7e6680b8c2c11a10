//! Personal data inside a fact: present, or erased for good.

use serde::{Deserialize, Serialize};

/// A value that is stored sealed under its subject's key, apart from the fact's plain body.
///
/// In JSON it is `{"$sealed": value}`; [`crate::fact`] takes the values out before a fact is written and puts them back when it is
/// read. Once the key is destroyed only `Erased` is left. No rule, order or figure may depend on what is inside.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Sealed<T> {
    /// The content, readable.
    Open(T),
    /// The key is gone, or not here.
    #[default]
    Erased,
}

/// The JSON member under which a sealed value travels.
pub const MARK: &str = "$sealed";

impl<T> Sealed<T> {
    /// The content, if it can still be read.
    pub fn open(&self) -> Option<&T> {
        match self {
            Sealed::Open(value) => Some(value),
            Sealed::Erased => None,
        }
    }

    /// The content to change, if it can still be read.
    pub fn open_mut(&mut self) -> Option<&mut T> {
        match self {
            Sealed::Open(value) => Some(value),
            Sealed::Erased => None,
        }
    }
}

#[derive(Serialize)]
struct Out<'a, T> {
    #[serde(rename = "$sealed")]
    value: Option<&'a T>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct In<T> {
    #[serde(rename = "$sealed")]
    value: Option<T>,
}

impl<T: Serialize> Serialize for Sealed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Out { value: self.open() }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Sealed<T>, D::Error> {
        Ok(In::<T>::deserialize(deserializer)?.value.map_or(Sealed::Erased, Sealed::Open))
    }
}

//! Writing: a serde format of the desk's own, compact and without names, in which the same value always has the same bytes.
//!
//! Unsigned numbers are varints (LEB128), signed ones and fractions eight bytes, texts and lists follow their length, an option is 0 or 1
//! and its value, a variant is its place. **Maps are sorted** by the bytes of their keys, so a hash map has one written form too. A field
//! that serde skips when it is empty is written as 0, which is how an empty option, text or list is written.

use super::Unwritable;
use serde::ser::{self, Serialize};
use std::io::Write;
use std::ops::Range;

/// Bytes collected before they are handed on.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes values one after the other. Call [`Encoder::finish`] in the end.
pub(super) struct Encoder<W: Write> {
    out: W,
    buffer: Vec<u8>,
    /// Maps that are being written: their entries are sorted before anything is handed on.
    maps: usize,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(out: W) -> Encoder<W> {
        Encoder { out, buffer: Vec::with_capacity(2 * BUFFER_BYTES), maps: 0 }
    }

    pub(super) fn finish(mut self) -> Result<(), Unwritable> {
        self.out.write_all(&self.buffer)?;
        Ok(())
    }

    fn varint(&mut self, mut value: u64) -> Result<(), Unwritable> {
        while value >= 0x80 {
            self.buffer.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
        self.hand_on()
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.buffer.extend_from_slice(bytes);
        self.hand_on()
    }

    fn hand_on(&mut self) -> Result<(), Unwritable> {
        if self.maps == 0 && self.buffer.len() >= BUFFER_BYTES {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl<'a, W: Write> ser::Serializer for &'a mut Encoder<W> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Sorted<'a, W>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, v: bool) -> Result<(), Unwritable> {
        self.raw(&[v.into()])
    }

    fn serialize_i8(self, v: i8) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<(), Unwritable> {
        self.raw(&v.to_le_bytes())
    }

    fn serialize_u8(self, v: u8) -> Result<(), Unwritable> {
        self.raw(&[v])
    }

    fn serialize_u16(self, v: u16) -> Result<(), Unwritable> {
        self.varint(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<(), Unwritable> {
        self.varint(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<(), Unwritable> {
        self.varint(v)
    }

    fn serialize_f32(self, v: f32) -> Result<(), Unwritable> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Unwritable> {
        self.raw(&v.to_bits().to_le_bytes())
    }

    fn serialize_char(self, v: char) -> Result<(), Unwritable> {
        self.varint(u32::from(v).into())
    }

    fn serialize_str(self, v: &str) -> Result<(), Unwritable> {
        self.serialize_bytes(v.as_bytes())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Unwritable> {
        self.varint(v.len() as u64)?;
        self.raw(v)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.raw(&[0])
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        self.raw(&[1])?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unwritable> {
        self.varint(index.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.varint(index.into())?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Unwritable> {
        self.varint(len.ok_or(Unwritable::Length)? as u64)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unwritable> {
        self.varint(index.into())?;
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Sorted<'a, W>, Unwritable> {
        self.varint(len.ok_or(Unwritable::Length)? as u64)?;
        self.maps += 1;
        Ok(Sorted { start: self.buffer.len(), entries: Vec::new(), encoder: self })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unwritable> {
        self.varint(index.into())?;
        Ok(self)
    }
}

macro_rules! in_order {
    ($of:ident, $method:ident) => {
        impl<W: Write> ser::$of for &mut Encoder<W> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Unwritable> {
                Ok(())
            }
        }
    };
}

in_order!(SerializeSeq, serialize_element);
in_order!(SerializeTuple, serialize_element);
in_order!(SerializeTupleStruct, serialize_field);
in_order!(SerializeTupleVariant, serialize_field);

macro_rules! by_name {
    ($of:ident) => {
        impl<W: Write> ser::$of for &mut Encoder<W> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unwritable> {
                value.serialize(&mut **self)
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), Unwritable> {
                self.raw(&[0])
            }

            fn end(self) -> Result<(), Unwritable> {
                Ok(())
            }
        }
    };
}

by_name!(SerializeStruct);
by_name!(SerializeStructVariant);

/// A map whose entries are sorted once all are there.
pub(super) struct Sorted<'a, W: Write> {
    encoder: &'a mut Encoder<W>,
    /// Where its entries begin in the buffer.
    start: usize,
    /// Of each entry: its key, and where its value ends.
    entries: Vec<(Range<usize>, usize)>,
}

impl<W: Write> ser::SerializeMap for Sorted<'_, W> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        let from = self.encoder.buffer.len();
        key.serialize(&mut *self.encoder)?;
        let end = self.encoder.buffer.len();
        self.entries.push((from..end, end));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut *self.encoder)?;
        if let Some((_, end)) = self.entries.last_mut() {
            *end = self.encoder.buffer.len();
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), Unwritable> {
        let bytes = &self.encoder.buffer;
        let key = |entry: &(Range<usize>, usize)| &bytes[entry.0.clone()];
        if !self.entries.is_sorted_by(|a, b| key(a) <= key(b)) {
            self.entries.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            let mut sorted = Vec::with_capacity(bytes.len() - self.start);
            self.entries.iter().for_each(|(key, end)| sorted.extend_from_slice(&bytes[key.start..*end]));
            self.encoder.buffer.truncate(self.start);
            self.encoder.buffer.extend_from_slice(&sorted);
        }
        self.encoder.maps -= 1;
        self.encoder.hand_on()
    }
}

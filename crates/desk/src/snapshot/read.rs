//! Reading what [`super::write`] wrote. Bytes of any other origin end in an error: nothing is allocated beyond what was really read.

use super::Undecodable;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use std::io::{BufRead, Read};

/// Reads values one after the other.
pub(super) struct Decoder<R: BufRead> {
    input: R,
    /// A text that lies across two pieces of the input.
    scratch: Vec<u8>,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(input: R) -> Decoder<R> {
        Decoder { input, scratch: Vec::new() }
    }

    /// An error unless the input ends here.
    pub(super) fn end(mut self) -> Result<(), Undecodable> {
        if self.input.fill_buf()?.is_empty() { Ok(()) } else { Err(Undecodable::Malformed) }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Undecodable> {
        let byte = *self.input.fill_buf()?.first().ok_or(Undecodable::Malformed)?;
        self.input.consume(1);
        Ok(byte)
    }

    fn eight(&mut self) -> Result<[u8; 8], Undecodable> {
        let mut eight = [0; 8];
        self.input.read_exact(&mut eight)?;
        Ok(eight)
    }

    fn varint(&mut self) -> Result<u64, Undecodable> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Undecodable::Malformed)
    }

    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Undecodable> {
        T::try_from(self.varint()?).map_err(|_| Undecodable::Malformed)
    }

    fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, Undecodable> {
        T::try_from(i64::from_le_bytes(self.eight()?)).map_err(|_| Undecodable::Malformed)
    }

    fn flag(&mut self) -> Result<bool, Undecodable> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Undecodable::Malformed),
        }
    }

    /// Calls `with` on so many bytes as the length before them says.
    fn bytes<T>(&mut self, with: impl FnOnce(&[u8]) -> Result<T, Undecodable>) -> Result<T, Undecodable> {
        let len: usize = self.number()?;
        let here = self.input.fill_buf()?;
        if let Some(bytes) = here.get(..len) {
            let value = with(bytes)?;
            self.input.consume(len);
            return Ok(value);
        }
        self.scratch.clear();
        // Grows with what comes, not with what was announced.
        let read = self.input.by_ref().take(len as u64).read_to_end(&mut self.scratch)?;
        if read == len { with(&self.scratch) } else { Err(Undecodable::Malformed) }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Undecodable> {
    std::str::from_utf8(bytes).map_err(|_| Undecodable::Malformed)
}

macro_rules! unsigned {
    ($($method:ident $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
            visitor.$visit(self.number()?)
        })*
    };
}

macro_rules! signed {
    ($($method:ident $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
            visitor.$visit(self.signed()?)
        })*
    };
}

impl<'de, R: BufRead> de::Deserializer<'de> for &mut Decoder<R> {
    type Error = Undecodable;

    unsigned!(deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64);
    signed!(deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64);

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Undecodable> {
        Err(Undecodable::Nameless)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Undecodable> {
        Err(Undecodable::Nameless)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Undecodable> {
        Err(Undecodable::Nameless)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_bool(self.flag()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_u8(self.byte()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_f64(f64::from_bits(u64::from_le_bytes(self.eight()?)))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_f64(f64::from_bits(u64::from_le_bytes(self.eight()?)))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_char(char::from_u32(self.number()?).ok_or(Undecodable::Malformed)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        self.bytes(|bytes| visitor.visit_str(text(bytes)?))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        self.bytes(|bytes| visitor.visit_bytes(bytes))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        if self.flag()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        let left = self.number()?;
        visitor.visit_seq(Items { decoder: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_seq(Items { decoder: self, left })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Undecodable> {
        visitor.visit_seq(Items { decoder: self, left })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Undecodable> {
        let left = self.number()?;
        visitor.visit_map(Items { decoder: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Undecodable> {
        visitor.visit_seq(Items { decoder: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Undecodable> {
        visitor.visit_enum(self)
    }
}

/// What is left of a list, a map or a struct.
struct Items<'a, R: BufRead> {
    decoder: &'a mut Decoder<R>,
    left: usize,
}

impl<'de, R: BufRead> de::SeqAccess<'de> for Items<'_, R> {
    type Error = Undecodable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Undecodable> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        // serde reserves no more than a megabyte for a hint.
        Some(self.left)
    }
}

impl<'de, R: BufRead> de::MapAccess<'de> for Items<'_, R> {
    type Error = Undecodable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Undecodable> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Undecodable> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de, R: BufRead> de::EnumAccess<'de> for &mut Decoder<R> {
    type Error = Undecodable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Undecodable> {
        let index: u32 = self.number()?;
        let value = seed.deserialize(IntoDeserializer::<Undecodable>::into_deserializer(index))?;
        Ok((value, self))
    }
}

impl<'de, R: BufRead> de::VariantAccess<'de> for &mut Decoder<R> {
    type Error = Undecodable;

    fn unit_variant(self) -> Result<(), Undecodable> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Undecodable> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Undecodable> {
        visitor.visit_seq(Items { decoder: self, left })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Undecodable> {
        visitor.visit_seq(Items { decoder: self, left: fields.len() })
    }
}

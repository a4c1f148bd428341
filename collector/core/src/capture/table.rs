//! Columns side by side, compressed: what a block consists of.
//!
//! A table begins with a list of its columns. Then comes one frame for all small columns together, as each for itself
//! would not compress; then the frames of the large ones; then what is not compressed, the bits of numbers. A reader
//! passes over columns that it does not know, and what a column that is not there would say is its default.

use super::bytes::{Bad, Result, number, put_number, take};
use super::ints::{Packed, unpack};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// Numbers, all below 256: a byte each.
    Bytes = 0,
    /// Numbers as [`Packed`].
    Packed = 1,
    /// Bytes, whatever they are.
    Text = 2,
}

/// A column of so many bytes has a frame of its own.
const LARGE: usize = 512;
/// The most that the columns of one table may come to, in bytes: a block has not nearly as much. As numbers they take
/// eight times of it.
pub(super) const TABLE_MAX: u64 = 8 << 20;
/// The most columns of a table.
const COLUMNS_MAX: u64 = 1 << 16;

/// How frames are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// Not at all.
    None,
    /// By Zstandard, at its fastest usual level.
    #[default]
    Fast,
    /// By Zstandard, at this level.
    Level(i32),
}

/// Compresses frames; what it needs for that is made once.
pub(super) struct Compressor(Option<zstd::bulk::Compressor<'static>>);

impl Compressor {
    /// Where the library refuses, frames are stored as they are, which any reader reads.
    pub(super) fn new(how: Compress) -> Self {
        let level = match how {
            Compress::None => return Self(None),
            Compress::Fast => 1,
            Compress::Level(level) => level,
        };
        Self(zstd::bulk::Compressor::new(level).ok())
    }

    /// The bytes as a frame: its length, and itself; stored where that is shorter.
    fn frame(&mut self, bytes: &[u8], to: &mut Vec<u8>, lengths: &mut Vec<u8>) {
        let compressed = self.0.as_mut().and_then(|with| with.compress(bytes).ok());
        match compressed.filter(|made| made.len() < bytes.len()) {
            Some(made) => {
                put_number(lengths, made.len() as u64);
                to.extend_from_slice(&made);
            }
            None => {
                put_number(lengths, 0);
                to.extend_from_slice(bytes);
            }
        }
    }
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Compressor")
            .field(&self.0.is_some())
            .finish()
    }
}

/// Expands frames; what it needs for that is made once.
#[derive(Default)]
pub(super) struct Expander(Option<zstd::bulk::Decompressor<'static>>);

impl Expander {
    /// Takes a frame from the front of `from`, and appends what it holds, which is so many bytes.
    fn expand(
        &mut self,
        from: &mut &[u8],
        len: usize,
        stored: u64,
        to: &mut Vec<u8>,
    ) -> Result<()> {
        if stored == 0 {
            to.extend_from_slice(take(from, len as u64)?);
            return Ok(());
        }
        let frame = take(from, stored)?;
        let with = match &mut self.0 {
            Some(with) => with,
            None => {
                let with = zstd::bulk::Decompressor::new().map_err(|_| Bad::Compressed)?;
                self.0.insert(with)
            }
        };
        let at = to.len();
        to.resize(at + len, 0);
        let room = to.get_mut(at..).unwrap_or_default();
        match with.decompress_to_buffer(frame, room) {
            Ok(made) if made == len => Ok(()),
            _ => Err(Bad::Compressed),
        }
    }
}

impl core::fmt::Debug for Expander {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Expander").field(&self.0.is_some()).finish()
    }
}

/// A table that is written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    columns: u64,
    list: Vec<u8>,
    small: Vec<u8>,
    large: Vec<u8>,
    bits: Vec<u8>,
}

impl Writer {
    /// Adds a column of numbers; not if there are none.
    pub(super) fn numbers(&mut self, id: u32, numbers: &[u64], with: &mut Compressor) {
        if numbers.iter().all(|&n| n < 256) {
            let bytes: Vec<u8> = numbers.iter().map(|&n| n as u8).collect();
            return self.column(id, Form::Bytes, &bytes, &[], with);
        }
        let mut packed = Packed::default();
        numbers.iter().for_each(|&n| packed.push(n));
        let (codes, bits) = packed.end();
        self.column(id, Form::Packed, &codes, &bits, with);
    }

    /// Adds a column of bytes; not if there are none.
    pub(super) fn text(&mut self, id: u32, bytes: &[u8], with: &mut Compressor) {
        self.column(id, Form::Text, bytes, &[], with);
    }

    fn column(&mut self, id: u32, form: Form, bytes: &[u8], bits: &[u8], with: &mut Compressor) {
        if bytes.is_empty() {
            return;
        }
        self.columns += 1;
        let own = bytes.len() >= LARGE;
        put_number(&mut self.list, id.into());
        self.list.push(form as u8 | if own { 0x80 } else { 0 });
        put_number(&mut self.list, bytes.len() as u64);
        match own {
            true => with.frame(bytes, &mut self.large, &mut self.list),
            false => self.small.extend_from_slice(bytes),
        }
        if form == Form::Packed {
            put_number(&mut self.list, bits.len() as u64);
            self.bits.extend_from_slice(bits);
        }
    }

    /// The table.
    pub(super) fn end(self, with: &mut Compressor) -> Vec<u8> {
        let mut table = Vec::with_capacity(self.list.len() + self.large.len() + self.bits.len());
        let (mut small, mut lengths) = (Vec::new(), Vec::new());
        with.frame(&self.small, &mut small, &mut lengths);
        put_number(&mut table, self.columns);
        put_number(&mut table, self.list.len() as u64);
        table.extend_from_slice(&self.list);
        put_number(&mut table, self.small.len() as u64);
        table.extend_from_slice(&lengths);
        for part in [&small, &self.large, &self.bits] {
            table.extend_from_slice(part);
        }
        table
    }
}

/// One column of a table that is read.
#[derive(Clone, Copy, Debug)]
struct Column {
    id: u32,
    form: u8,
    /// Where its bytes lie in [`Table::bytes`].
    at: usize,
    len: usize,
    /// Where its bits lie in [`Table::bits`].
    bits: (usize, usize),
}

/// A table that is read: all of it is decompressed.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    columns: Vec<Column>,
    bytes: Vec<u8>,
    bits: &'a [u8],
}

impl<'a> Table<'a> {
    /// Reads a table.
    pub(super) fn read(mut from: &'a [u8], with: &mut Expander) -> Result<Self> {
        let count = number(&mut from)?;
        if count > COLUMNS_MAX {
            return Err(Bad::TooMuch(count));
        }
        let list = number(&mut from)?;
        let list = &mut take(&mut from, list)?;
        let small = number(&mut from)?;
        let mut table = Self {
            columns: Vec::with_capacity(count as usize),
            ..Self::default()
        };
        if small > TABLE_MAX {
            return Err(Bad::TooMuch(small));
        }
        let stored = number(&mut from)?;
        let small = small as usize;
        with.expand(&mut from, small, stored, &mut table.bytes)?;
        let (mut shared, mut bits) = (0, 0);
        for _ in 0..count {
            let id = u32::try_from(number(list)?).map_err(|_| Bad::Counts)?;
            let [form] = *take(list, 1)? else {
                return Err(Bad::Short);
            };
            let len = number(list)?;
            if len > TABLE_MAX - table.bytes.len().min(TABLE_MAX as usize) as u64 {
                return Err(Bad::TooMuch(len));
            }
            let len = len as usize;
            let at = match form & 0x80 != 0 {
                true => {
                    let stored = number(list)?;
                    let at = table.bytes.len();
                    with.expand(&mut from, len, stored, &mut table.bytes)?;
                    at
                }
                false => {
                    let at = shared;
                    shared += len;
                    at
                }
            };
            if shared > small {
                return Err(Bad::Short);
            }
            let form = form & 0x7f;
            let more = match form == Form::Packed as u8 {
                true => usize::try_from(number(list)?).map_err(|_| Bad::Short)?,
                false => 0,
            };
            table.columns.push(Column {
                id,
                form,
                at,
                len,
                bits: (bits, more),
            });
            bits = bits.checked_add(more).ok_or(Bad::Short)?;
        }
        match (list.is_empty() && shared == small, from.len().cmp(&bits)) {
            (true, core::cmp::Ordering::Equal) => {}
            (_, core::cmp::Ordering::Less) => return Err(Bad::Short),
            _ => return Err(Bad::Long),
        }
        table.bits = from;
        Ok(table)
    }

    fn find(&self, id: u32) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    fn bytes_of(&self, column: &Column) -> Result<&[u8]> {
        let end = column.at.checked_add(column.len).ok_or(Bad::Short)?;
        self.bytes.get(column.at..end).ok_or(Bad::Short)
    }

    /// The numbers of a column; none if it is not there.
    pub(super) fn numbers(&self, id: u32) -> Result<Vec<u64>> {
        let Some(column) = self.find(id) else {
            return Ok(Vec::new());
        };
        let bytes = self.bytes_of(column)?;
        if column.form == Form::Bytes as u8 {
            return Ok(bytes.iter().map(|&byte| byte.into()).collect());
        }
        if column.form != Form::Packed as u8 {
            return Err(Bad::NoColumn(id));
        }
        let (from, len) = column.bits;
        let end = from.checked_add(len).ok_or(Bad::Short)?;
        let bits = self.bits.get(from..end).ok_or(Bad::Short)?;
        let mut numbers = Vec::with_capacity(bytes.len());
        unpack(bytes, bits, |n| numbers.push(n))?;
        Ok(numbers)
    }

    /// The bytes of a column of text; none if it is not there.
    pub(super) fn text(&self, id: u32) -> Result<&[u8]> {
        match self.find(id) {
            None => Ok(&[]),
            Some(column) if column.form == Form::Text as u8 => self.bytes_of(column),
            Some(_) => Err(Bad::NoColumn(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressions() -> impl Strategy<Value = Compress> {
        prop_oneof![
            Just(Compress::None),
            Just(Compress::Fast),
            Just(Compress::Level(3)),
        ]
    }

    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = (any::<u64>(), 0..64_u32).prop_map(|(n, by)| n >> by);
        prop_oneof![
            prop::collection::vec(0..256_u64, 0..2000),
            prop::collection::vec(number, 0..2000),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn columns_are_read_back(
            how in compressions(),
            columns in prop::collection::vec((numbers(), prop::collection::vec(any::<u8>(), 0..900)), 0..5),
        ) {
            let with = &mut Compressor::new(how);
            let mut writer = Writer::default();
            for (place, (numbers, text)) in columns.iter().enumerate() {
                writer.numbers(2 * place as u32, numbers, with);
                writer.text(2 * place as u32 + 1, text, with);
            }
            let bytes = writer.end(with);
            let table = Table::read(&bytes, &mut Expander::default()).unwrap();
            for (place, (numbers, text)) in columns.iter().enumerate() {
                prop_assert_eq!(&table.numbers(2 * place as u32).unwrap(), numbers);
                prop_assert_eq!(table.text(2 * place as u32 + 1).unwrap(), &text[..]);
            }
            prop_assert!(table.numbers(99).unwrap().is_empty());
            // Cut anywhere it is refused.
            for end in 0..bytes.len().min(400) {
                prop_assert!(Table::read(&bytes[..end], &mut Expander::default()).is_err());
            }
        }

        #[test]
        fn damage_breaks_nothing(
            numbers in numbers(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
        ) {
            let with = &mut Compressor::new(Compress::Fast);
            let mut writer = Writer::default();
            writer.numbers(1, &numbers, with);
            writer.text(2, b"text of a column", with);
            let mut bytes = writer.end(with);
            for (at, bit) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            if let Ok(table) = Table::read(&bytes, &mut Expander::default()) {
                let _ = (table.numbers(1), table.numbers(2), table.text(2), table.text(1));
            }
        }
    }

    #[test]
    fn repeated_numbers_take_next_to_nothing() {
        let with = &mut Compressor::new(Compress::Fast);
        let mut writer = Writer::default();
        writer.numbers(1, &[1_000_000; 100_000], with);
        // 17 bits each are not compressed.
        assert!(writer.end(with).len() < 100_000 * 17 / 8 + 100);
        let mut writer = Writer::default();
        writer.numbers(1, &[200; 100_000], with);
        assert!(writer.end(with).len() < 100);
    }

    #[test]
    fn a_table_that_would_be_too_large_is_refused() {
        let mut bytes = vec![1];
        let mut list = vec![0, Form::Text as u8 | 0x80];
        put_number(&mut list, TABLE_MAX + 1);
        list.push(0);
        put_number(&mut bytes, list.len() as u64);
        bytes.extend(list);
        bytes.extend([0, 0]);
        assert_eq!(
            Table::read(&bytes, &mut Expander::default()).unwrap_err(),
            Bad::TooMuch(TABLE_MAX + 1)
        );
    }
}

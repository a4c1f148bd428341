//! Markers: a shape, an id and values.

use super::bytes::{Bad, Result};
use super::columns::{
    ARG_KIND, ARG_NUMBER, ARG_TEXT, Columns, Cursors, ENTER_ID, EXIT_ID, EXIT_SLOT, SHAPE, of_name,
};
use super::dictionaries::Dictionaries;
use super::dictionary::{Values, entry};
use super::ints::{unzigzag, zigzag};
use super::shape::{Parts, decimal};
use super::threads::Thread;

/// The id is none that the thread has open.
pub(super) const NO_SLOT: u64 = 255;

/// What is expected of ids and values, in one block.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The id of the last enter marker.
    id: u64,
    /// The last number of each argument, by column.
    values: Vec<u64>,
}

impl Expected {
    pub(super) fn begin(&mut self) {
        self.id = 0;
        self.values.clear();
    }

    fn value(&mut self, name: u32) -> Option<&mut u64> {
        let at = (of_name(name) / 4) as usize;
        if at >= self.values.len() {
            self.values.resize(at + 1, 0);
        }
        self.values.get_mut(at)
    }
}

/// Stores a marker that has a shape, with what was found of it.
pub(super) fn put(
    bytes: &[u8],
    parts: &Parts,
    thread: &mut Thread,
    expected: &mut Expected,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let (number, shape) = dictionaries.shape(&parts.shape, to);
    to.push(SHAPE, number);
    if let Some(id) = parts.id {
        if shape.enters {
            to.push(ENTER_ID, zigzag(id, expected.id.wrapping_add(1)));
            expected.id = id;
            thread.open(id);
        } else if let Some(place) = thread.place(id) {
            to.push(EXIT_SLOT, place as u64);
            thread.close(place);
        } else {
            to.push(EXIT_SLOT, NO_SLOT);
            to.push(EXIT_ID, zigzag(id, expected.id));
        }
    }
    for (&(from, end), &name) in parts.values.iter().zip(&shape.names) {
        let value = bytes.get(from as usize..end as usize).unwrap_or_default();
        let column = of_name(name);
        match decimal(value).zip(expected.value(name)) {
            Some((n, last)) => {
                to.push(column + ARG_KIND, 0_u64);
                to.push(column + ARG_NUMBER, zigzag(n, *last));
                *last = n;
            }
            None => {
                to.push(column + ARG_KIND, value.len() as u64 + 1);
                to.text(column + ARG_TEXT, value);
            }
        }
    }
}

/// Reads a marker and appends its bytes.
pub(super) fn get(
    bytes: &mut Vec<u8>,
    thread: &mut Thread,
    expected: &mut Expected,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<()> {
    let shape = entry(&values.shapes, from.number(SHAPE)?)?;
    let mut texts = shape.texts();
    let mut text = |bytes: &mut Vec<u8>| bytes.extend_from_slice(texts.next().unwrap_or_default());
    text(bytes);
    if shape.has_id {
        let id = if shape.enters {
            let id = unzigzag(from.number(ENTER_ID)?, expected.id.wrapping_add(1));
            expected.id = id;
            thread.open(id);
            id
        } else {
            match from.number(EXIT_SLOT)? {
                NO_SLOT => unzigzag(from.number(EXIT_ID)?, expected.id),
                place => thread.close(place as usize).ok_or(Bad::NoRecord)?,
            }
        };
        write_number(bytes, id);
        text(bytes);
    }
    for &name in &shape.names {
        let column = of_name(name);
        match from.number(column + ARG_KIND)? {
            0 => {
                let by = from.number(column + ARG_NUMBER)?;
                let last = expected.value(name).ok_or(Bad::NoRecord)?;
                *last = unzigzag(by, *last);
                write_number(bytes, *last);
            }
            more => bytes.extend_from_slice(from.text(column + ARG_TEXT, more - 1)?),
        }
        text(bytes);
    }
    Ok(())
}

/// Appends the usual decimal form of a number.
#[inline]
fn write_number(bytes: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut left = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        left -= 1;
        if n == 0 {
            break;
        }
    }
    bytes.extend_from_slice(digits.get(left..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_usual() {
        for n in [0, 7, 10, 99, 100, 1 << 32, u64::MAX] {
            let mut bytes = b"x".to_vec();
            write_number(&mut bytes, n);
            assert_eq!(bytes, format!("x{n}").as_bytes());
        }
    }
}

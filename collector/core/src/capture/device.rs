//! Requests to block devices, and interrupts.

use hashbrown::HashMap;

use super::bytes::{Bad, Result};
use super::columns::{
    BLOCK_BYTES, BLOCK_DEV, BLOCK_ERROR, BLOCK_QUEUED, BLOCK_SECTOR, BLOCK_TIME, Columns, Cursors,
    IRQ_TIME, SINGLE, TEXT,
};
use super::dictionaries::Dictionaries;
use super::dictionary::{SingleKind, Values, entry};
use super::ints::{unzigzag, zigzag};
use crate::input::full::{BlockRecord, IrqRecord};
use crate::input::record::{COMM_LEN, Head};

const QUEUED: u32 = 1;
const ERROR: u32 = 2;
const DEV: u32 = 4;
const BYTES: u32 = 8;
/// The handler's name is not that of the last such interrupt.
const NAME: u32 = 1;

/// A sector, in bytes.
const SECTOR: u64 = 512;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What is expected of them, in one block.
#[derive(Debug, Default)]
pub(super) struct Devices {
    dev: u32,
    bytes: u32,
    /// Where the last request of a device ended.
    ends: Map<u32, u64>,
    /// Names of handlers, by number and flags.
    names: Map<(u32, u8), [u8; COMM_LEN]>,
}

impl Devices {
    pub(super) fn begin(&mut self) {
        (self.dev, self.bytes) = (0, 0);
        self.ends.clear();
        self.names.clear();
    }

    /// A request was seen. Returns where the one before it ended.
    fn request(&mut self, dev: u32) -> &mut u64 {
        self.dev = dev;
        self.ends.entry(dev).or_default()
    }
}

const fn end_of(sector: u64, bytes: u32) -> u64 {
    sector.wrapping_add(bytes as u64 / SECTOR)
}

pub(super) fn put_block(
    block: &BlockRecord,
    expected: &mut Devices,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    to.push(BLOCK_TIME, block.time);
    let mut set = 0;
    let error = zigzag(i64::from(block.error).cast_unsigned(), 0);
    for (field, is, column, n) in [
        (QUEUED, block.queued != 0, BLOCK_QUEUED, block.queued),
        (ERROR, block.error != 0, BLOCK_ERROR, error),
        (DEV, block.dev != expected.dev, BLOCK_DEV, block.dev.into()),
        (
            BYTES,
            block.bytes != expected.bytes,
            BLOCK_BYTES,
            block.bytes.into(),
        ),
    ] {
        if is {
            set |= field;
            to.push(column, n);
        }
    }
    expected.bytes = block.bytes;
    let end = expected.request(block.dev);
    to.push(BLOCK_SECTOR, zigzag(block.sector, *end));
    *end = end_of(block.sector, block.bytes);
    let kind = SingleKind { nr: block.op, set };
    let kind = dictionaries.single(&kind, to);
    to.push(SINGLE, kind);
}

pub(super) fn get_block(
    head: Head,
    expected: &mut Devices,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<BlockRecord> {
    let &SingleKind { nr, set } = entry(&values.singles, from.number(SINGLE)?)?;
    let has = |field| set & field != 0;
    let time = from.number(BLOCK_TIME)?;
    let queued = match has(QUEUED) {
        true => from.number(BLOCK_QUEUED)?,
        false => 0,
    };
    let error = match has(ERROR) {
        true => unzigzag(from.number(BLOCK_ERROR)?, 0).cast_signed(),
        false => 0,
    };
    let dev = match has(DEV) {
        true => from.small(BLOCK_DEV)?,
        false => expected.dev,
    };
    if has(BYTES) {
        expected.bytes = from.small(BLOCK_BYTES)?;
    }
    let bytes = expected.bytes;
    let end = expected.request(dev);
    let sector = unzigzag(from.number(BLOCK_SECTOR)?, *end);
    *end = end_of(sector, bytes);
    Ok(BlockRecord {
        head,
        time,
        queued,
        sector,
        dev,
        bytes,
        op: nr,
        error: i32::try_from(error).map_err(|_| Bad::NoRecord)?,
    })
}

pub(super) fn put_irq(
    irq: &IrqRecord,
    expected: &mut Devices,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    to.push(IRQ_TIME, irq.time);
    let mut set = 0;
    let name = expected.names.entry((irq.irq, irq.head.flags)).or_default();
    if *name != irq.name {
        *name = irq.name;
        let number = dictionaries.text(&irq.name, to);
        to.push(TEXT, number);
        set = NAME;
    }
    let kind = SingleKind { nr: irq.irq, set };
    let kind = dictionaries.single(&kind, to);
    to.push(SINGLE, kind);
}

pub(super) fn get_irq(
    head: Head,
    cpu: u16,
    expected: &mut Devices,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<IrqRecord> {
    let &SingleKind { nr, set } = entry(&values.singles, from.number(SINGLE)?)?;
    let time = from.number(IRQ_TIME)?;
    let name = expected.names.entry((nr, head.flags)).or_default();
    if set & NAME != 0 {
        let text = entry(&values.texts, from.number(TEXT)?)?;
        *name = <[u8; COMM_LEN]>::try_from(&**text).map_err(|_| Bad::NoRecord)?;
    }
    Ok(IrqRecord {
        head,
        time,
        irq: nr,
        cpu,
        reserved: 0,
        name: *name,
    })
}

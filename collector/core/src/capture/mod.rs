//! The capture file: records in blocks that are checked, in columns that are compressed. `spec/CAPTURE.md` describes
//! it.
//!
//! It is written once, from its beginning to its end, and read so: what a recording that was killed has written is
//! readable to its last whole block.

mod block;
mod bytes;
mod calls;
mod columns;
mod cpus;
mod cutter;
mod damage;
mod decode;
mod device;
mod dictionaries;
mod dictionary;
mod encode;
mod index;
mod ints;
mod marker;
mod reader;
mod segment;
mod shape;
mod single;
mod syscall;
mod table;
mod threads;
mod writer;

pub use bytes::Bad;
pub use cutter::{Cutter, Piece};
pub use damage::{Damage, Refused, Why};
pub use decode::Decoder;
pub use encode::Encoder;
pub use index::{FRONT, Index, TAIL};
pub use reader::{Blocks, Read, Reader, Told};
pub use table::Compress;
pub use writer::{BLOCK_BYTES, BLOCK_NS, CHECKPOINT, VERSION, Writer};

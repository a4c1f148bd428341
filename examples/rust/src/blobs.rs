//! The four files that `/download` sends.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{self, OpenOptions};

/// How long each is. The last one is sparse: it takes no room.
const SIZES: [u64; 4] = [1 << 10, 64 << 10, 1 << 20, 512 << 20];

/// Makes those that are not there, and says where each is to be: `DIR/blob.bin.1` and so on.
pub(crate) async fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir).await?;
    for (index, size) in SIZES.into_iter().enumerate() {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        options
            .open(path(dir, index + 1))
            .await?
            .set_len(size)
            .await?;
    }
    Ok(())
}

pub(crate) fn path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("blob.bin.{number}"))
}

/// The number a request names; any of the four if it names none.
pub(crate) fn choose(query: &str) -> Option<usize> {
    let named = query.split('&').find_map(|pair| pair.strip_prefix("file="));
    match named {
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| (1..=SIZES.len()).contains(number)),
        None => Some(RandomState::new().build_hasher().finish() as usize % SIZES.len() + 1),
    }
}

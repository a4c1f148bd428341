//! Sockets as a person thinks of them: a server's many connections with one peer are one row, and so are a
//! client's with one server.
//!
//! Each connection has another port at one of its ends, which says nothing. Which end that is shows by the
//! others: those that a server accepted share its own end, those that a client made share the other.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::facts::file::{Ends, File};
use crate::measure::calls::{Both, CallStats};

use super::named;
use super::words::thousands;

/// Files of which the calls are one row.
pub(super) struct Peer<'a> {
    /// One of them.
    pub(super) file: &'a File,
    pub(super) calls: CallStats,
    /// How many.
    pub(super) files: u64,
    shared: Option<Shared>,
}

/// What connections have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Shared {
    /// This end, and the address of the other.
    Local(&'static str, SocketAddr, IpAddr),
    /// The other, and the address of this end.
    Remote(&'static str, IpAddr, SocketAddr),
}

impl Peer<'_> {
    /// As a person reads it, not yet safe.
    pub(super) fn name(&self) -> Vec<u8> {
        let port = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => format!("{ip}:*"),
            IpAddr::V6(ip) => format!("[{ip}]:*"),
        };
        let ends = match self.shared.filter(|_| self.files > 1) {
            None => return named::name(self.file),
            Some(Shared::Local(_, local, remote)) => format!("{local}→{}", port(remote)),
            Some(Shared::Remote(_, local, remote)) => format!("{}→{remote}", port(local)),
        };
        format!("{ends} ({} sockets)", thousands(self.files)).into_bytes()
    }
}

/// What a connected socket may have in common with others.
fn shared(file: &File) -> Option<[Shared; 2]> {
    let Ends {
        protocol,
        local,
        remote: Some(remote),
    } = file.ends?
    else {
        return None;
    };
    Some([
        Shared::Local(protocol, local, remote.ip()),
        Shared::Remote(protocol, local.ip(), remote),
    ])
}

/// Connections of one peer as one, in the order of the first of them; all else as it is.
pub(super) fn merged<'a>(files: Vec<(&'a Arc<File>, Both)>) -> Vec<Peer<'a>> {
    let mut counts: HashMap<Shared, u64> = HashMap::new();
    for shared in files.iter().filter_map(|(file, _)| shared(file)).flatten() {
        *counts.entry(shared).or_default() += 1;
    }
    let mut peers: Vec<Peer<'a>> = Vec::new();
    let mut known: HashMap<Shared, usize> = HashMap::new();
    for (file, both) in files {
        let count = |shared: &Shared| counts.get(shared).copied().unwrap_or_default();
        // Of both with as many the first: a server is the more likely to be looked at.
        let most = shared(file).map(|[local, remote]| match count(&remote) > count(&local) {
            true => remote,
            false => local,
        });
        let place = most.and_then(|shared| known.get(&shared).copied());
        if let Some(peer) = place.and_then(|at| peers.get_mut(at)) {
            peer.calls.merge(both.all());
            peer.files += 1;
            continue;
        }
        if let Some(shared) = most {
            known.insert(shared, peers.len());
        }
        peers.push(Peer {
            file,
            calls: both.all().clone(),
            files: 1,
            shared: most,
        });
    }
    peers
}

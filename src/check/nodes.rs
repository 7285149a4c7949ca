//! Word from the ranks of other nodes: the lowest rank of each node sends what it sees to rank 0's watchdog.
//!
//! Over TCP, because no call of MPI may be made from there. Whoever connects has to know a secret that went round over MPI; all
//! others are turned away.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use super::state::State;
use crate::partition::Partition;
use crate::sys::collectives::{all_gather, broadcast};
use crate::sys::{Communicator, Outcome, Received, Sent};

/// Bytes of the secret.
const SECRET: usize = 32;
/// Where rank 0 can be reached: its address and its name, in so many bytes.
const NAMES: usize = 256;
/// A longer message is not one of ours.
const LONGEST: usize = 64 << 20;
/// Whoever has not said the secret by then is turned away; and so many may try at a time.
const PATIENCE: Duration = Duration::from_secs(2);
const STRANGERS: usize = 16;
const CONNECT: Duration = Duration::from_millis(500);

/// What a node's watchdog tells: ranks with what they do.
pub(super) type News = Vec<(u32, State)>;

/// One end of what goes from node to node.
#[derive(Debug)]
pub(super) enum Link {
    /// All ranks are on one node.
    None,
    /// Rank 0 listens.
    Listening {
        listener: TcpListener,
        secret: [u8; SECRET],
        callers: Vec<Caller>,
        /// How many have gone, or were turned away.
        gone: usize,
    },
    /// The lowest rank of another node calls, and gives up after some tries.
    Calling { to: Vec<SocketAddr>, secret: [u8; SECRET], stream: Option<TcpStream>, tries: usize },
}

#[derive(Debug)]
pub(super) struct Caller {
    stream: TcpStream,
    since: Instant,
    known: bool,
    bytes: Vec<u8>,
}

/// A number for the node of each rank. Collective.
pub(super) fn nodes(world: &Communicator, host: &str) -> Outcome<Vec<u64>> {
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    // For tests: as if the ranks were on so many nodes.
    let pretended = std::env::var("RANKWISE_TEST_NODES").ok().and_then(|n| n.parse::<usize>().ok());
    if let Some(nodes) = pretended.filter(|n| *n > 0) {
        (world.rank * nodes / world.size).hash(&mut hasher);
    }
    let mut all = vec![0; world.size];
    let each = Partition::even(world.size, world.size);
    all_gather(world, &each, Sent::new(&[hasher.finish()])?, Received::new(&mut all)?)?;
    Ok(all)
}

impl Link {
    /// Collective over the world.
    pub(super) fn open(world: &Communicator, host: &str, nodes: &[u64]) -> Outcome<Self> {
        if nodes.iter().all(|node| *node == nodes[0]) {
            return Ok(Link::None);
        }
        let listener = if world.rank == 0 { listen() } else { None };
        let mut secret = [0; SECRET];
        let mut head = [0u8; SECRET + 2 + NAMES];
        if let Some((_, port)) = &listener {
            for part in secret.chunks_mut(8) {
                part.copy_from_slice(&RandomState::new().build_hasher().finish().to_ne_bytes());
            }
            let address = own_address().map_or(String::new(), |address| address.to_string());
            let names: Vec<u8> = format!("{address}\n{host}").into_bytes();
            let len = names.len().min(NAMES);
            head[..SECRET].copy_from_slice(&secret);
            head[SECRET..SECRET + 2].copy_from_slice(&port.to_ne_bytes());
            head[SECRET + 2..SECRET + 2 + len].copy_from_slice(&names[..len]);
        }
        broadcast(world, 0, Received::new(&mut head)?)?;
        secret.copy_from_slice(&head[..SECRET]);
        let port = u16::from_ne_bytes([head[SECRET], head[SECRET + 1]]);
        if let Some((listener, _)) = listener {
            return Ok(Link::Listening { listener, secret, callers: Vec::new(), gone: 0 });
        }
        let lowest = nodes.iter().position(|node| *node == nodes[world.rank]) == Some(world.rank);
        if port == 0 || !lowest || nodes[0] == nodes[world.rank] {
            return Ok(Link::None);
        }
        let names = String::from_utf8_lossy(&head[SECRET + 2..]).into_owned();
        let names = names.trim_end_matches('\0').lines().filter(|name| !name.is_empty());
        let to = names.flat_map(|name| (name, port).to_socket_addrs().into_iter().flatten()).collect();
        Ok(Link::Calling { to, secret, stream: None, tries: 0 })
    }

    /// Tells rank 0. What cannot be told is lost; the next time all is told again.
    pub(super) fn tell(&mut self, news: &News) -> bool {
        let Link::Calling { to, secret, stream, tries } = self else { return false };
        if stream.is_none() {
            const TRIES: usize = 20;
            if *tries == TRIES {
                return false;
            }
            *tries += 1;
            *stream = to.iter().find_map(|to| call(to, secret));
        }
        let Some(open) = stream else { return false };
        let told = postcard::to_extend(news, vec![0; 4]).is_ok_and(|mut bytes| {
            let len = (bytes.len() - 4) as u32;
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            open.write_all(&bytes).is_ok()
        });
        if !told {
            *stream = None;
        }
        told
    }

    /// What has been told since the last time.
    pub(super) fn hear(&mut self) -> News {
        let Link::Listening { listener, secret, callers, gone } = self else { return News::new() };
        while let Ok((stream, _)) = listener.accept() {
            let strangers = callers.iter().filter(|caller| !caller.known).count();
            if strangers < STRANGERS && stream.set_nonblocking(true).is_ok() {
                callers.push(Caller { stream, since: Instant::now(), known: false, bytes: Vec::new() });
            }
        }
        let mut news = News::new();
        let before = callers.len();
        callers.retain_mut(|caller| caller.hear(secret, &mut news));
        *gone += before - callers.len();
        news
    }
}

impl Caller {
    /// Takes in what has come; false when there is nothing more to come.
    fn hear(&mut self, secret: &[u8; SECRET], news: &mut News) -> bool {
        let mut part = [0; 1 << 16];
        let open = loop {
            match self.stream.read(&mut part) {
                Ok(0) => break false,
                Ok(n) => self.bytes.extend_from_slice(&part[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
            if !self.known && self.bytes.len() >= SECRET {
                if !same(&self.bytes[..SECRET], secret) {
                    return false;
                }
                self.known = true;
                self.bytes.drain(..SECRET);
            }
        };
        if !self.known {
            return open && self.since.elapsed() < PATIENCE;
        }
        while let Some(head) = self.bytes.first_chunk::<4>() {
            let len = u32::from_le_bytes(*head) as usize;
            if len > LONGEST {
                return false;
            }
            if self.bytes.len() < 4 + len {
                break;
            }
            let Ok(told) = postcard::from_bytes::<News>(&self.bytes[4..4 + len]) else { return false };
            news.extend(told);
            self.bytes.drain(..4 + len);
        }
        open
    }
}

/// Whether they are equal, in a time that does not say where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn listen() -> Option<(TcpListener, u16)> {
    let listener = TcpListener::bind(("0.0.0.0", 0)).ok()?;
    listener.set_nonblocking(true).ok()?;
    let port = listener.local_addr().ok()?.port();
    Some((listener, port))
}

/// The address by which this node is seen from outside. Nothing is sent: the address asked for is one of documentation (RFC 5737).
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn call(to: &SocketAddr, secret: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect_timeout(to, CONNECT).ok()?;
    stream.set_write_timeout(Some(CONNECT)).ok()?;
    let _ = stream.set_nodelay(true);
    stream.write_all(secret).ok()?;
    Some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(rank: u32) -> News {
        vec![(rank, State::computing())]
    }

    /// What is heard, as soon as something is; `None` when a caller has gone without a word.
    fn heard(link: &mut Link) -> Option<News> {
        let until = Instant::now() + Duration::from_secs(20);
        let gone = |link: &Link| match link {
            Link::Listening { gone, .. } => *gone,
            _ => 0,
        };
        let before = gone(link);
        while Instant::now() < until {
            let news = link.hear();
            if !news.is_empty() {
                return Some(news);
            }
            if gone(link) > before {
                return None;
            }
            std::thread::yield_now();
        }
        panic!("neither a word nor an end");
    }

    #[test]
    fn only_who_knows_the_secret_is_heard() {
        let (listener, port) = listen().expect("a port");
        let secret = [7; SECRET];
        let mut link = Link::Listening { listener, secret, callers: Vec::new(), gone: 0 };
        let to: SocketAddr = ([127, 0, 0, 1], port).into();
        let calling = |secret| Link::Calling { to: vec![to], secret, stream: None, tries: 0 };

        let mut friend = calling(secret);
        assert!(friend.tell(&news(3)));
        assert_eq!(heard(&mut link), Some(news(3)));
        assert!(friend.tell(&news(4)));
        assert_eq!(heard(&mut link), Some(news(4)));
        drop(friend);
        assert_eq!(heard(&mut link), None, "it has gone");

        let mut almost = secret;
        almost[SECRET - 1] += 1;
        let mut stranger = calling(almost);
        stranger.tell(&news(5));
        assert_eq!(heard(&mut link), None, "turned away");

        // Who says nothing, or not enough, is turned away after a while.
        let silent = TcpStream::connect(to).expect("it listens");
        (&silent).write_all(&secret[1..]).expect("it is open");
        assert_eq!(heard(&mut link), None);
        // And whoever knows the secret, but speaks another language.
        let mut odd = call(&to, &secret).expect("it listens");
        odd.write_all(&[255; 100]).expect("it is open");
        assert_eq!(heard(&mut link), None);
    }
}

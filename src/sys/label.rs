//! What a message holds, said by the message itself: MPI moves bytes, and does not ask whether the receiver means the same.
//!
//! While labels are on, the first piece of every message of the program carries one in front, as a part of one datatype: no
//! further message is sent and nothing is copied, but a datatype is made for each message. All ranks have them on, or none.

use std::ffi::{c_int, c_void};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use mpi::ffi;

use super::communicator::Channel;
use super::element::Described;
use super::failure::{Failure, Outcome, check};

static ON: AtomicBool = AtomicBool::new(false);

/// From now on messages have labels, or none. The same on all ranks, while no message is under way.
pub(crate) fn set(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Whether messages on this channel have labels.
#[inline]
pub(super) fn on(channel: Channel) -> bool {
    channel == Channel::Program && ON.load(Ordering::Relaxed)
}

/// A number for the sequence of basic numbers that elements consist of, whatever their types are called: what MPI calls the
/// signature of a type. That of one `f64` is that of an array or a struct of nothing else.
pub(super) fn signature(basics: &[u8]) -> u64 {
    let repeats = |n: &usize| basics.len().is_multiple_of(*n) && basics[*n..] == basics[..basics.len() - n];
    match &basics[..(1..basics.len()).find(repeats).unwrap_or(basics.len())] {
        [one] => u64::from(*one),
        several => {
            let mut hasher = DefaultHasher::new();
            several.hash(&mut hasher);
            hasher.finish() | 1 << 63
        }
    }
}

/// Bytes of a label.
pub(super) const BYTES: usize = 64;

/// The signature of the elements, and the name of their type as far as there is room.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(super) struct Label([u8; BYTES]);

impl Label {
    pub(super) fn of(of: &Described) -> Self {
        let mut label = [0; BYTES];
        let (signature, text) = label.split_at_mut(8);
        signature.copy_from_slice(&of.signature().to_le_bytes());
        let name = super::memory::without_paths(of.name());
        let len = name.len().min(text.len());
        text[..len].copy_from_slice(&name.as_bytes()[..len]);
        Label(label)
    }

    /// To be received.
    pub(super) const fn blank() -> Self {
        Label([0; BYTES])
    }

    /// Whether one was received: there it has at least a name.
    pub(super) fn is_filled(&self) -> bool {
        self.0[8] != 0
    }

    /// An error unless the message that came with it holds elements like these.
    pub(super) fn check(&self, of: &Described) -> Outcome {
        let (signature, text) = self.0.split_at(8);
        if signature == of.signature().to_le_bytes() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(text);
        Err(Failure::Argument(format!(
            "the message that came holds elements of type {}, and {} are to be received",
            text.trim_end_matches(['\0', '\u{fffd}']),
            super::memory::without_paths(of.name())
        )))
    }

    /// Where it is: what [`in_front`] begins with.
    pub(super) fn start(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// A datatype that was made for one message.
pub(super) struct Made(pub(super) ffi::MPI_Datatype);

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: ours, live, and not used again. MPI keeps it for as long as a transfer needs it.
        unsafe { ffi::MPI_Type_free(&mut self.0) };
    }
}

/// The datatype of blocks of items, of which one begins at the first.
pub(super) fn scattered(blocks: &[(*const c_void, c_int)], of: &Described) -> Outcome<Made> {
    let (first, all) = (blocks[0].0, blocks.iter().map(|&(start, count)| (start, count, of.raw)));
    datatype(first, all)
}

/// The datatype of a label and, behind it, of blocks of items that lie elsewhere. One of it begins at the label.
pub(super) fn in_front(
    label: *const c_void,
    blocks: &[(*const c_void, c_int)],
    of: &Described,
) -> Outcome<Made> {
    // SAFETY: a constant of the library, read only.
    let front = (label, BYTES as c_int, unsafe { ffi::RSMPI_UINT8_T });
    let blocks = blocks.iter().map(|&(start, count)| (start, count, of.raw));
    datatype(label, std::iter::once(front).chain(blocks))
}

fn datatype(
    origin: *const c_void,
    blocks: impl Iterator<Item = (*const c_void, c_int, ffi::MPI_Datatype)>,
) -> Outcome<Made> {
    let (mut counts, mut places, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for (start, count, of) in blocks {
        counts.push(count);
        places.push((start as ffi::MPI_Aint).wrapping_sub(origin as ffi::MPI_Aint));
        types.push(of);
    }
    let len = super::counts::int(types.len())?;
    // SAFETY: the three lists have one entry a block; the handle is used only after the call that makes it.
    unsafe {
        let mut raw = ffi::RSMPI_DATATYPE_NULL;
        let (counts, places) = (counts.as_ptr(), places.as_ptr());
        check(ffi::MPI_Type_create_struct(len, counts, places, types.as_ptr(), &mut raw))?;
        let mut made = Made(raw);
        check(ffi::MPI_Type_commit(&mut made.0))?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_that_of_the_numbers_one_after_the_other() {
        assert_eq!(signature(&[3]), signature(&[3, 3, 3, 3]));
        assert_eq!(signature(&[1, 2]), signature(&[1, 2, 1, 2]));
        assert_ne!(signature(&[1, 2]), signature(&[2, 1]));
        assert_ne!(signature(&[1, 2]), signature(&[1, 2, 1]));
        assert_ne!(signature(&[1]), signature(&[2]));
        assert_ne!(signature(&[1, 1, 2]), signature(&[1, 2]));
    }
}

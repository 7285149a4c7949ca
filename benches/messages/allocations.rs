//! How often this thread has asked Rust's allocator for memory. What MPI takes for itself is not counted.
#![expect(unsafe_code, reason = "an allocator is unsafe to write; it hands everything on to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Constant and without a destructor, so that it can be used while memory is being handed out.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Allocations of this thread so far, reallocations included.
pub(crate) fn count() -> u64 {
    COUNT.get()
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn one_more() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: the caller's promises are passed on as they are, and so is what the system's allocator promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: the caller keeps what `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: the caller keeps what `alloc_zeroed` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        one_more();
        // SAFETY: the caller keeps what `realloc` asks for; the memory came from the system's allocator.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what `dealloc` asks for; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

//! A small allocator: Rust's own is a seventh of the widget's code, for speed that a slider has no use for.
//!
//! Blocks are powers of two, 8 bytes at least. A freed block goes to the list of its size and serves the next request
//! of that size; new ones are cut off the end of the memory. Nothing is ever merged or given back: the widget holds a
//! few hundred small texts, and one trace at a time.
#![allow(
    unsafe_code,
    reason = "an allocator deals in raw memory; every use says why it is sound"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;

const PAGE: usize = 65_536;
const MIN_BLOCK: usize = 8;
/// Blocks are aligned to their size or to this, whichever is less.
const MAX_ALIGN: usize = 16;
const CLASSES: usize = usize::BITS as usize;

/// More memory: grows by so many pages, and says where they begin; `None` when there is no more. What it says follows
/// on what it said before, or else lies apart from it.
type Grow = fn(pages: usize) -> Option<usize>;

struct State {
    /// Per power of two, the first free block; a free block begins with the address of the next one.
    free: [usize; CLASSES],
    next: usize,
    end: usize,
}

/// The allocator. For one thread.
pub struct Allocator {
    state: UnsafeCell<State>,
    grow: Grow,
}

// SAFETY: the widget's module has one thread; elsewhere, the allocator is only used in tests, one each.
unsafe impl Sync for Allocator {}

impl Allocator {
    /// An allocator without memory.
    #[must_use]
    pub const fn new(grow: Grow) -> Self {
        Self {
            state: UnsafeCell::new(State {
                free: [0; CLASSES],
                next: 0,
                end: 0,
            }),
            grow,
        }
    }
}

/// The block for a layout, in bytes.
fn block(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(MIN_BLOCK).next_power_of_two()
}

// SAFETY: blocks come from memory that `grow` handed over and that nobody else uses, are cut off once, and are in at
// most one free list, to which only `dealloc` returns them.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and no reference to the state outlives a call.
        let state = unsafe { &mut *self.state.get() };
        let size = block(layout);
        let Some(free) = state.free.get_mut(size.trailing_zeros() as usize) else {
            return ptr::null_mut();
        };
        if *free != 0 {
            let block = *free as *mut usize;
            // SAFETY: a free block is ours, and holds the address of the next one.
            *free = unsafe { *block };
            return block.cast();
        }
        let align = size.min(MAX_ALIGN);
        let mut start = state.next.next_multiple_of(align);
        if layout.align() > MAX_ALIGN {
            return ptr::null_mut();
        }
        if state.end.saturating_sub(start) < size {
            let pages = size.div_ceil(PAGE);
            let Some(more) = (self.grow)(pages) else {
                return ptr::null_mut();
            };
            if more != state.end {
                start = more;
            }
            state.end = more + pages * PAGE;
        }
        state.next = start + size;
        start as *mut u8
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.state.get() };
        if let Some(free) = state.free.get_mut(block(layout).trailing_zeros() as usize) {
            // SAFETY: the caller gives the block back; it is at least `MIN_BLOCK` long and aligned to it.
            unsafe { pointer.cast::<usize>().write(*free) };
            *free = pointer as usize;
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that `size`, rounded up, does not overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if block(wanted) == block(layout) {
            return pointer;
        }
        // SAFETY: two blocks of ours that do not overlap, each as long as the shorter of the two sizes.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(pointer, moved, size.min(layout.size()));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new(|pages| match core::arch::wasm32::memory_grow::<0>(pages) {
    usize::MAX => None,
    before => Some(before * PAGE),
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static GROWN: Cell<usize> = const { Cell::new(0) };
    }

    /// Memory apart from what was handed over before, as when something else of the module grew it in between.
    fn apart(pages: usize) -> Option<usize> {
        GROWN.set(GROWN.get() + pages);
        let layout = Layout::from_size_align(pages * PAGE, PAGE).ok()?;
        // SAFETY: the size is not zero. Never freed: the test ends soon.
        Some(unsafe { std::alloc::alloc(layout) } as usize).filter(|start| *start != 0)
    }

    /// A step of a linear congruential generator (Knuth's MMIX constants).
    fn step(seed: &mut u64) -> usize {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize
    }

    #[test]
    fn blocks_keep_what_is_written_and_never_overlap() {
        let allocator = Allocator::new(apart);
        let mut seed = 1;
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..20_000 {
            let fill = round as u8;
            match step(&mut seed) % 4 {
                0 | 1 => {
                    let size = 1 + step(&mut seed) % if round % 100 == 0 { 200_000 } else { 300 };
                    let layout = Layout::from_size_align(size, 1 << (step(&mut seed) % 5)).unwrap();
                    // SAFETY: the layout is not empty; the whole block is ours to write.
                    let pointer = unsafe {
                        let pointer = allocator.alloc(layout);
                        pointer.write_bytes(fill, size);
                        pointer
                    };
                    assert_eq!(pointer as usize % layout.align(), 0, "round {round}");
                    live.push((pointer, layout, fill));
                }
                2 if !live.is_empty() => {
                    let (pointer, layout, fill) = live.swap_remove(step(&mut seed) % live.len());
                    let size = 1 + step(&mut seed) % 500;
                    // SAFETY: a live block of ours; read up to the shorter of both sizes.
                    unsafe {
                        let moved = allocator.realloc(pointer, layout, size);
                        let kept = core::slice::from_raw_parts(moved, size.min(layout.size()));
                        assert!(kept.iter().all(|byte| *byte == fill), "round {round}");
                        moved.write_bytes(fill, size);
                        live.push((moved, Layout::from_size_align(size, layout.align()).unwrap(), fill));
                    }
                }
                _ if !live.is_empty() => {
                    let (pointer, layout, fill) = live.swap_remove(step(&mut seed) % live.len());
                    // SAFETY: a live block of ours, not used afterwards.
                    unsafe {
                        let kept = core::slice::from_raw_parts(pointer, layout.size());
                        assert!(kept.iter().all(|byte| *byte == fill), "round {round}");
                        allocator.dealloc(pointer, layout);
                    }
                }
                _ => {}
            }
        }
    }

    #[test]
    fn freed_blocks_are_used_again() {
        let allocator = Allocator::new(apart);
        GROWN.set(0);
        let layout = Layout::from_size_align(1_000, 8).unwrap();
        for _ in 0..10_000 {
            // SAFETY: the layout is not empty; the block is given back at once.
            unsafe {
                let pointer = allocator.alloc(layout);
                allocator.dealloc(pointer, layout);
            }
        }
        assert_eq!(GROWN.get(), 1);
    }

    #[test]
    fn what_cannot_be_had_is_null() {
        let none = Allocator::new(|_| None);
        let wide = Layout::from_size_align(64, 64).unwrap();
        // SAFETY: the layouts are not empty.
        unsafe {
            assert!(none.alloc(Layout::new::<u64>()).is_null());
            assert!(Allocator::new(apart).alloc(wide).is_null());
        }
    }
}

//! Work spread over background threads whose results come back in order.
//!
//! Worker `w` of `n` makes the items `w`, `w + n`, `w + 2n`, ... into a bounded channel of its own, and the consumer takes
//! from the channels in turn: however many threads work, the order is the same, and memory stays bounded.

use std::{
    ops::Range,
    panic::resume_unwind,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

/// The items of a range, made in the background, taken in order.
#[derive(Debug)]
pub struct Ordered<T> {
    workers: Vec<Worker<T>>,
    next: usize,
    left: u64,
}

#[derive(Debug)]
struct Worker<T> {
    // Dropping the receiver ends the thread: its next send fails.
    items: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Ordered<T> {
    /// Starts one thread for each of `workers`, which together make the items of `range`, each of them at most `ahead`
    /// items further than the consumer took. A worker is given the index of the item to make.
    pub fn start<F>(range: Range<u64>, ahead: usize, workers: impl IntoIterator<Item = F>) -> Self
    where
        F: FnMut(u64) -> T + Send + 'static,
    {
        let workers: Vec<F> = workers.into_iter().collect();
        let stride = workers.len();
        let left = if stride == 0 {
            0
        } else {
            range.end.saturating_sub(range.start)
        };
        let start = |(first, make): (u64, F)| {
            let (sender, items) = sync_channel(ahead);
            let indices = (first..range.end).step_by(stride);
            let thread = Some(thread::spawn(move || work(indices, make, &sender)));
            Worker { items, thread }
        };
        let workers = (range.start..).zip(workers).map(start).collect();
        Self { workers, next: 0, left }
    }
}

fn work<T>(indices: impl Iterator<Item = u64>, make: impl FnMut(u64) -> T, sender: &SyncSender<T>) {
    for item in indices.map(make) {
        if sender.send(item).is_err() {
            return;
        }
    }
}

impl<T> Iterator for Ordered<T> {
    type Item = T;

    /// The next item; a panic of the thread that was to make it is passed on.
    fn next(&mut self) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let stride = self.workers.len();
        let worker = self.workers.get_mut(self.next)?;
        let item = worker.items.recv().ok();
        if item.is_none()
            && let Some(Err(panic)) = worker.thread.take().map(JoinHandle::join)
        {
            resume_unwind(panic);
        }
        self.left -= 1;
        self.next = (self.next + 1) % stride;
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_depend_on_threads() {
        for threads in 1..=4 {
            let items = Ordered::start(5..35, 2, vec![|index| index * 10; threads]);
            assert_eq!(
                items.collect::<Vec<_>>(),
                (5..35).map(|index| index * 10).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn nothing_comes_of_no_items_and_no_workers() {
        assert_eq!(Ordered::start(3..3, 1, vec![|index| index]).count(), 0);
        assert_eq!(Ordered::start(0..3, 1, Vec::<fn(u64) -> u64>::new()).count(), 0);
    }

    #[test]
    fn an_endless_range_can_be_left() {
        let items = Ordered::start(7..u64::MAX, 1, vec![|index| index; 2]);
        assert_eq!(items.take(3).collect::<Vec<_>>(), [7, 8, 9]);
    }

    #[test]
    #[should_panic(expected = "item 2")]
    fn a_panic_is_passed_on() {
        let make = |index: u64| assert!(index != 2, "item {index}");
        Ordered::start(0..4, 1, vec![make; 2]).for_each(drop);
    }
}

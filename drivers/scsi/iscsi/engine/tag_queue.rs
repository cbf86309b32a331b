// SPDX-License-Identifier: GPL-2.0

//! Queues of task tags: many producers that never wait, one consumer.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    }, //
};

/// The end of a list of tags.
const END: u32 = u32::MAX;

/// A queue of tags below a fixed number, in which each tag stands at most once.
///
/// Pushing is an exchange loop on one word and takes no lock; the consumer takes all that was
/// pushed at once and then hands it out in the order of the pushes. Pushing a tag that is already in
/// the queue does nothing: the consumer will look at the task when it comes to it.
///
/// The consumer side may move from one thread to another under a lock of theirs. Two consumers at a
/// time would hand out tags twice, and forget others.
pub(super) struct TagQueue {
    /// The tag pushed last, or `END`.
    head: Atomic<u32>,
    /// For each tag the one pushed before it.
    links: KVec<Atomic<u32>>,
    /// For each tag 1 while it is in the queue.
    queued: KVec<Atomic<i32>>,
    /// The consumer's: the first of what it has taken over, in order, or `END`.
    first: Atomic<u32>,
}

impl TagQueue {
    /// An empty queue for tags below `depth`.
    pub(super) fn new(depth: u32) -> Result<Self> {
        Ok(Self {
            head: Atomic::new(END),
            links: words(depth, END)?,
            queued: flags(depth)?,
            first: Atomic::new(END),
        })
    }

    /// Puts `tag` at the end of the queue, unless it is in it.
    ///
    /// What the caller wrote before is seen by the consumer after it has popped the tag, also when
    /// the tag was in the queue already.
    pub(super) fn push(&self, tag: u32) {
        let (Some(link), Some(queued)) =
            (self.links.get(tag as usize), self.queued.get(tag as usize))
        else {
            return;
        };
        // Full order pairs with the exchange in `pop`: either this sees the consumer's 0 and pushes
        // again, or the consumer's look at the task comes after what the caller wrote.
        if queued.xchg(1, Full) != 0 {
            return;
        }
        let mut head = self.head.load(Relaxed);
        loop {
            link.store(head, Relaxed);
            // Full order publishes `link` and the task to whoever takes the list.
            match self.head.cmpxchg(head, tag, Full) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the tag at the front of the queue; for the consumer.
    pub(super) fn pop(&self) -> Option<u32> {
        let mut tag = self.first.load(Relaxed);
        if tag == END {
            if self.head.load(Relaxed) == END {
                return None;
            }
            tag = self.take_all();
        }
        let next = self.links.get(tag as usize)?.load(Relaxed);
        self.first.store(next, Relaxed);
        // See `push`.
        self.queued.get(tag as usize)?.xchg(0, Full);
        Some(tag)
    }

    /// Whether a `pop` would find nothing. For others than the consumer, the answer may be late.
    pub(super) fn is_empty(&self) -> bool {
        self.first.load(Relaxed) == END && self.head.load(Relaxed) == END
    }

    /// Takes what was pushed and turns it round, so that the first pushed comes first.
    fn take_all(&self) -> u32 {
        let mut rest = self.head.xchg(END, Full);
        let mut first = END;
        while let Some(link) = self.links.get(rest as usize) {
            let next = link.load(Relaxed);
            link.store(first, Relaxed);
            first = rest;
            rest = next;
        }
        first
    }
}

fn words(count: u32, value: u32) -> Result<KVec<Atomic<u32>>> {
    let mut all = KVec::with_capacity(count as usize, GFP_KERNEL)?;
    for _ in 0..count {
        all.push(Atomic::new(value), GFP_KERNEL)?;
    }
    Ok(all)
}

fn flags(count: u32) -> Result<KVec<Atomic<i32>>> {
    let mut all = KVec::with_capacity(count as usize, GFP_KERNEL)?;
    for _ in 0..count {
        all.push(Atomic::new(0), GFP_KERNEL)?;
    }
    Ok(all)
}

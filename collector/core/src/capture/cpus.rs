//! Which threads are on which cpus, as far as it was seen in the same block.

/// One cpu.
#[derive(Clone, Copy, Debug, Default)]
struct Cpu {
    /// One more than the number of the thread that was seen there last.
    thread: u32,
    /// The same of the one before it.
    before: u32,
    /// The same of the one that is to run there.
    woken: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Cpus {
    of: Vec<Cpu>,
    /// That of the last entry that has one.
    pub(super) last: u16,
}

impl Cpus {
    /// A block begins: nothing is known.
    pub(super) fn begin(&mut self) {
        self.of.clear();
        self.last = 0;
    }

    fn get(&self, cpu: u16) -> Cpu {
        self.of.get(usize::from(cpu)).copied().unwrap_or_default()
    }

    fn at(&mut self, cpu: u16) -> Option<&mut Cpu> {
        let at = usize::from(cpu);
        if at >= self.of.len() {
            self.of.resize(at + 1, Cpu::default());
        }
        self.of.get_mut(at)
    }

    /// The number of the thread that is there.
    #[inline]
    pub(super) fn thread(&self, cpu: u16) -> Option<u32> {
        self.get(cpu).thread.checked_sub(1)
    }

    /// The thread that was there before that.
    pub(super) fn before(&self, cpu: u16) -> Option<u32> {
        self.get(cpu).before.checked_sub(1)
    }

    /// The last thread that became runnable there.
    pub(super) fn woken(&self, cpu: u16) -> Option<u32> {
        self.get(cpu).woken.checked_sub(1)
    }

    /// A thread was seen there.
    #[inline]
    pub(super) fn seen(&mut self, cpu: u16, thread: u32) {
        let thread = thread.wrapping_add(1);
        if let Some(cpu) = self.at(cpu).filter(|cpu| cpu.thread != thread) {
            cpu.before = cpu.thread;
            cpu.thread = thread;
        }
    }

    /// A thread is to run there.
    pub(super) fn wake(&mut self, cpu: u16, thread: u32) {
        if let Some(cpu) = self.at(cpu) {
            cpu.woken = thread.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_where() {
        let mut cpus = Cpus::default();
        assert_eq!((cpus.thread(3), cpus.before(3)), (None, None));
        cpus.seen(3, 7);
        cpus.seen(3, 7);
        cpus.seen(3, 0);
        cpus.wake(3, 5);
        assert_eq!((cpus.thread(3), cpus.before(3)), (Some(0), Some(7)));
        assert_eq!((cpus.woken(3), cpus.woken(2)), (Some(5), None));
        cpus.begin();
        assert_eq!((cpus.thread(3), cpus.woken(3)), (None, None));
    }
}

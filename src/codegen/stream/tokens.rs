//! The stream design as processes that exchange tokens: depths of the FIFOs, latency, interval.
//!
//! Each process is a sequential program of reads and writes that blocks on an empty FIFO and on a
//! full one. Whether such a network deadlocks does not depend on the order in which its processes
//! run, so simulating one order decides it.
//!
//! Two kinds of processes are looked at. In C++ a round reads, then writes, and waits in between. In
//! hardware it is a pipeline: what a round reads is written some rounds later, the words in between
//! stand still while a round waits, and a round takes all its words and gives all its words at once
//! or waits. A FIFO that is deeper never makes a deadlock, so the larger of both depths suffices for
//! both.

use std::collections::VecDeque;

/// What a process does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Take a word from this stream.
    Read(usize),
    /// Put a word into this stream; neighbouring ones happen at once, when all have places, as in
    /// a pipelined loop.
    Write(usize),
    /// The next round of the process's loop, a cycle later.
    Step,
}

/// Processes in topological order, and the streams between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenGraph {
    /// The program of each process for one sample.
    pub(crate) programs: Vec<Vec<Op>>,
    /// Cycles of a round of each process.
    pub(crate) cycles: Vec<u64>,
    /// Streams that are ports of the design: full at the start, or never full.
    pub(crate) ports: Vec<bool>,
    /// Whether rounds happen as a whole.
    pub(crate) whole_rounds: bool,
}

/// One sample through the design, no FIFO ever full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Cycles from the first input word to the last output word.
    pub(crate) latency: u64,
    /// Cycles from one sample to the next: rounds of the busiest process.
    pub(crate) interval: u64,
}

/// The program of a pipeline: what a round writes leaves so many rounds later, and further rounds at
/// the end empty the pipeline.
pub(crate) fn pipelined(program: &[Op], rounds: usize) -> Vec<Op> {
    let mut ops = Vec::with_capacity(program.len() + rounds);
    // Writes of the rounds that are in the pipeline.
    let mut inside: VecDeque<Vec<Op>> = vec![Vec::new(); rounds].into();
    for round in program.split_inclusive(|op| *op == Op::Step) {
        let is = |wanted: fn(&Op) -> bool| round.iter().copied().filter(wanted);
        ops.extend(is(|op| matches!(op, Op::Read(_))));
        inside.push_back(is(|op| matches!(op, Op::Write(_))).collect());
        ops.extend(inside.pop_front().unwrap_or_default());
        ops.push(Op::Step);
    }
    while inside.back().is_some_and(Vec::is_empty) {
        inside.pop_back();
    }
    for writes in inside {
        ops.extend(writes);
        ops.push(Op::Step);
    }
    ops
}

/// Most steps that the search for smaller depths may take.
const SEARCH: usize = 200_000_000;

impl TokenGraph {
    /// The smallest depth of each FIFO such that the design does not deadlock: no single one can be
    /// smaller. Ports have none.
    pub(crate) fn depths(&self) -> Vec<usize> {
        let mut depths = self.sufficient();
        let steps: usize = self.programs.iter().map(Vec::len).sum();
        let mut budget = SEARCH;
        let mut deep: Vec<usize> = (0..depths.len()).filter(|&s| depths[s] > 1).collect();
        deep.sort_by_key(|&s| std::cmp::Reverse(depths[s]));
        for stream in deep {
            let (mut low, mut high) = (1, depths[stream]);
            while low < high && budget > steps {
                budget -= steps;
                depths[stream] = usize::midpoint(low, high);
                if self.completes(&depths) {
                    high = depths[stream];
                } else {
                    low = depths[stream] + 1;
                }
            }
            depths[stream] = high;
        }
        depths
    }

    /// Whether one sample runs to its end with FIFOs of these depths.
    pub(crate) fn completes(&self, depths: &[usize]) -> bool {
        Run::new(self, depths.to_vec()).until_blocked()
    }

    /// Depths that suffice: whenever all processes wait, the shallowest full FIFO grows (the rule
    /// of Parks, 1995).
    fn sufficient(&self) -> Vec<usize> {
        let mut run = Run::new(self, vec![1; self.ports.len()]);
        while !run.until_blocked() {
            let full = (0..self.programs.len()).filter_map(|p| {
                let stream = run.full(p)?;
                Some((run.depths[stream], stream, p))
            });
            let (_, stream, process) = full
                .min()
                .expect("in a graph without cycles, one that waits for places ends every wait");
            run.depths[stream] += 1;
            run.ready.push_back(process);
        }
        run.depths
    }

    /// One sample with unlimited FIFOs.
    pub(crate) fn timing(&self) -> Timing {
        let mut written: Vec<VecDeque<u64>> = vec![VecDeque::new(); self.ports.len()];
        let (mut latency, mut interval) = (0, 0);
        for (program, cycles) in self.programs.iter().zip(&self.cycles) {
            let (mut now, mut busy) = (0, 0);
            for op in program {
                match *op {
                    Op::Read(s) => {
                        // Words of an input port are there from the start.
                        let at = written[s].pop_front().unwrap_or(0);
                        now = now.max(at);
                    }
                    Op::Write(s) => {
                        written[s].push_back(now + 1);
                        latency = latency.max(now + 1);
                    }
                    Op::Step => {
                        now += cycles;
                        busy += cycles;
                    }
                }
            }
            interval = interval.max(busy);
        }
        Timing { latency, interval }
    }
}

/// A run of one sample.
struct Run<'a> {
    graph: &'a TokenGraph,
    depths: Vec<usize>,
    used: Vec<usize>,
    position: Vec<usize>,
    /// Who reads and who writes each stream.
    reader: Vec<Option<usize>>,
    writer: Vec<Option<usize>>,
    ready: VecDeque<usize>,
}

impl<'a> Run<'a> {
    fn new(graph: &'a TokenGraph, depths: Vec<usize>) -> Self {
        let mut reader = vec![None; graph.ports.len()];
        let mut writer = vec![None; graph.ports.len()];
        for (p, program) in graph.programs.iter().enumerate() {
            for op in program {
                match *op {
                    Op::Read(s) => reader[s] = Some(p),
                    Op::Write(s) => writer[s] = Some(p),
                    Op::Step => {}
                }
            }
        }
        Self {
            graph,
            depths,
            used: vec![0; graph.ports.len()],
            position: vec![0; graph.programs.len()],
            reader,
            writer,
            ready: (0..graph.programs.len()).collect(),
        }
    }

    fn next(&self, process: usize) -> Option<Op> {
        let at = self.position[process];
        self.graph.programs[process].get(at).copied()
    }

    /// The round that begins at the process's position, when it takes and gives at most one word of
    /// each FIFO: such rounds happen as a whole. Rounds of more words go on word by word.
    fn round(&self, process: usize) -> Option<&[Op]> {
        let program = &self.graph.programs[process];
        let at = self.position[process];
        if !self.graph.whole_rounds || at > 0 && program[at - 1] != Op::Step {
            return None;
        }
        let length = program[at..].iter().position(|op| *op == Op::Step)?;
        let round = &program[at..at + length];
        let twice = (1..length).any(|i| round[..i].contains(&round[i]));
        (!twice).then_some(round)
    }

    /// An empty FIFO among those that the round reads.
    fn empty(&self, round: &[Op]) -> bool {
        let port = &self.graph.ports;
        round
            .iter()
            .any(|op| matches!(*op, Op::Read(s) if !port[s] && self.used[s] == 0))
    }

    /// A full FIFO among those that the process writes next, where places are all it waits for.
    fn full(&self, process: usize) -> Option<usize> {
        let program = &self.graph.programs[process];
        let at = self.position[process];
        let full = |s: &usize| !self.graph.ports[*s] && self.used[*s] == self.depths[*s];
        let written = |op: &Op| match *op {
            Op::Write(s) => Some(s),
            Op::Read(_) | Op::Step => None,
        };
        if let Some(round) = self.round(process) {
            if self.empty(round) {
                return None;
            }
            return round.iter().filter_map(written).find(full);
        }
        if at > 0 && matches!(program[at - 1], Op::Write(_)) {
            // Its places were there when the first of them was written.
            return None;
        }
        program[at..].iter().map_while(written).find(full)
    }

    /// Goes on until nobody can; true when everybody is done.
    fn until_blocked(&mut self) -> bool {
        while let Some(process) = self.ready.pop_front() {
            while let Some(op) = self.next(process) {
                let waits = |round| self.empty(round) || self.full(process).is_some();
                if self.round(process).is_some_and(waits) {
                    break;
                }
                let woken = match op {
                    Op::Step => None,
                    Op::Read(s) | Op::Write(s) if self.graph.ports[s] => None,
                    Op::Read(s) => {
                        if self.used[s] == 0 {
                            break;
                        }
                        self.used[s] -= 1;
                        self.writer[s]
                    }
                    Op::Write(s) => {
                        if self.full(process).is_some() {
                            break;
                        }
                        self.used[s] += 1;
                        self.reader[s]
                    }
                };
                self.position[process] += 1;
                if let Some(other) = woken
                    && self.ready.back() != Some(&other)
                {
                    self.ready.push_back(other);
                }
            }
        }
        (0..self.position.len()).all(|p| self.next(p).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source splits n words to two branches; one holds all of them back.
    fn skip(n: usize) -> TokenGraph {
        let clone = (0..n).flat_map(|_| [Op::Read(0), Op::Write(1), Op::Write(2), Op::Step]);
        let mut whole: Vec<Op> = (0..n).flat_map(|_| [Op::Read(1), Op::Step]).collect();
        whole.extend((0..n).flat_map(|_| [Op::Write(3), Op::Step]));
        let add = (0..n).flat_map(|_| [Op::Read(3), Op::Read(2), Op::Write(4), Op::Step]);
        TokenGraph {
            programs: vec![clone.collect(), whole, add.collect()],
            cycles: vec![1; 3],
            ports: vec![true, false, false, false, true],
            whole_rounds: false,
        }
    }

    #[test]
    fn the_short_branch_of_a_diamond_holds_what_the_long_one_keeps() {
        let graph = skip(12);
        let depths = graph.depths();
        assert_eq!(depths, [1, 1, 12, 1, 1]);
        assert!(graph.completes(&depths));
        assert!(!graph.completes(&[1, 1, 11, 1, 1]));
    }

    #[test]
    fn the_short_branch_holds_what_is_in_the_pipeline_of_the_long_one() {
        // A source splits 20 words; one branch is a pipeline of five rounds.
        let clone = (0..20).flat_map(|_| [Op::Read(0), Op::Write(1), Op::Write(2), Op::Step]);
        let long = (0..20).flat_map(|_| [Op::Read(1), Op::Write(3), Op::Step]);
        let long = pipelined(&long.collect::<Vec<_>>(), 5);
        assert_eq!(long.iter().filter(|op| **op == Op::Step).count(), 25);
        let add = (0..20).flat_map(|_| [Op::Read(3), Op::Read(2), Op::Write(4), Op::Step]);
        let graph = TokenGraph {
            programs: vec![clone.collect(), long, add.collect()],
            cycles: vec![1; 3],
            ports: vec![true, false, false, false, true],
            whole_rounds: true,
        };
        // Five words in the pipeline, and one that waits for the round in which the first leaves.
        assert_eq!(graph.depths(), [1, 1, 6, 1, 1]);
        assert!(!graph.completes(&[1, 1, 5, 1, 1]));
        assert_eq!(graph.timing().interval, 25);
        assert_eq!(graph.timing().latency, 27);
    }

    #[test]
    fn timing_follows_the_longest_path() {
        // The last word is read by the holding process in cycle 12 (it was written then), leaves
        // in rounds 13 to 24, and passes the sum one cycle later.
        let timing = skip(12).timing();
        assert_eq!(timing.interval, 24);
        assert_eq!(timing.latency, 26);
    }
}

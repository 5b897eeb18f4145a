//! Which widths are tried: uniform ones, a descent along the cheapest losses, then mutations of the front.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Genome, Space, State, Trial};

/// How long and from where.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Different widths that are tried at most.
    pub evaluations: usize,
    /// Seed of the mutations.
    pub seed: u64,
}

/// Trials that are made side by side, and between two saves of the state.
const ROUND: usize = 16;

/// Everything tried, by widths. `save` is called with the state after every round of new trials.
///
/// # Errors
/// What a trial or a save failed with.
pub fn search(
    space: &Space,
    options: Options,
    state: &mut State,
    trial: impl Fn(&Genome) -> Result<Trial, Vec<String>> + Sync,
    mut save: impl FnMut(&State) -> Result<(), Vec<String>>,
) -> Result<BTreeMap<Genome, Trial>, Vec<String>> {
    let mut work = Work {
        state,
        trial,
        save: &mut save,
        tried: BTreeMap::new(),
        limit: options.evaluations,
    };
    let uniform: Vec<Genome> = (space.least..=space.most)
        .map(|bits| space.uniform(bits))
        .collect();
    work.limit = work.limit.max(uniform.len());
    work.all(&uniform)?;
    descend(space, &mut work)?;
    mutate(space, options.seed, &mut work)?;
    Ok(work.tried)
}

struct Work<'a, T, S> {
    state: &'a mut State,
    trial: T,
    save: &'a mut S,
    /// Of this search, whether tried now or in an interrupted run.
    tried: BTreeMap<Genome, Trial>,
    limit: usize,
}

impl<T, S> Work<'_, T, S>
where
    T: Fn(&Genome) -> Result<Trial, Vec<String>> + Sync,
    S: FnMut(&State) -> Result<(), Vec<String>>,
{
    fn left(&self) -> usize {
        self.limit - self.tried.len().min(self.limit)
    }

    /// Tries what was not tried yet, as far as the limit goes.
    fn all(&mut self, genomes: &[Genome]) -> Result<(), Vec<String>> {
        let mut new: Vec<&Genome> = Vec::new();
        for genome in genomes {
            if !self.tried.contains_key(genome) && !new.contains(&genome) && new.len() < self.left()
            {
                new.push(genome);
            }
        }
        for round in new.chunks(ROUND) {
            let open: Vec<&Genome> = round
                .iter()
                .copied()
                .filter(|g| self.state.get(g).is_none())
                .collect();
            let trial = &self.trial;
            let made: Vec<_> = open.par_iter().map(|genome| trial(genome)).collect();
            for (genome, made) in open.iter().zip(made) {
                self.state.insert(genome, made?);
            }
            if !open.is_empty() {
                (self.save)(self.state)?;
            }
            for genome in round {
                if let Some(trial) = self.state.get(genome) {
                    self.tried.insert((*genome).clone(), trial);
                }
            }
        }
        Ok(())
    }
}

/// From the largest widths downwards: each step takes the bit away whose loss of accuracy is smallest for the energy it
/// saves.
fn descend<T, S>(space: &Space, work: &mut Work<'_, T, S>) -> Result<(), Vec<String>>
where
    T: Fn(&Genome) -> Result<Trial, Vec<String>> + Sync,
    S: FnMut(&State) -> Result<(), Vec<String>>,
{
    let mut here = space.uniform(space.most);
    while work.left() > 0 {
        let Some(now) = work.tried.get(&here).copied() else {
            return Ok(());
        };
        let narrower: Vec<Genome> = (0..here.len())
            .filter(|&gene| here[gene] > space.least)
            .map(|gene| {
                let mut next = here.clone();
                next[gene] -= 1;
                next
            })
            .collect();
        work.all(&narrower)?;
        let price = |trial: &Trial| {
            let loss = now.correct as f64 - trial.correct as f64;
            let saved = (now.energy - trial.energy).max(1e-9);
            // A loss is dear where little is saved; a gain is worth most where much is saved.
            if loss > 0.0 {
                loss / saved
            } else {
                (loss - 1.0) * saved
            }
        };
        let known = narrower
            .iter()
            .filter_map(|g| Some((g, price(work.tried.get(g)?))));
        let best = known.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0)));
        match best {
            Some((next, _)) => here = next.clone(),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Neighbours of the front, until the limit or until nothing new is found.
fn mutate<T, S>(space: &Space, seed: u64, work: &mut Work<'_, T, S>) -> Result<(), Vec<String>>
where
    T: Fn(&Genome) -> Result<Trial, Vec<String>> + Sync,
    S: FnMut(&State) -> Result<(), Vec<String>>,
{
    let mut random = seed;
    let mut idle = 0;
    while work.left() > 0 && idle < 64 {
        let parents: Vec<Genome> = front(&work.tried)
            .into_iter()
            .map(|(genome, _)| genome.clone())
            .collect();
        let mut children = Vec::new();
        for _ in 0..ROUND {
            let mut below =
                |n: usize| (crate::sim::split_mix(&mut random) % n.max(1) as u64) as usize;
            let mut child = parents[below(parents.len())].clone();
            for _ in 0..=below(3) {
                let gene = below(child.len());
                child[gene] = if below(3) == 0 {
                    child[gene] + 1
                } else {
                    child[gene].saturating_sub(1)
                };
                child[gene] = child[gene].clamp(space.least, space.most);
            }
            children.push(child);
        }
        let before = work.tried.len();
        work.all(&children)?;
        idle = if work.tried.len() == before {
            idle + 1
        } else {
            0
        };
    }
    Ok(())
}

/// The trials that no other one beats, by rising energy.
#[must_use]
pub fn front(tried: &BTreeMap<Genome, Trial>) -> Vec<(&Genome, Trial)> {
    let mut all: Vec<(&Genome, Trial)> = tried
        .iter()
        .map(|(genome, trial)| (genome, *trial))
        .collect();
    all.sort_by(|a, b| {
        let by_energy = a.1.energy.total_cmp(&b.1.energy);
        by_energy
            .then_with(|| b.1.correct.cmp(&a.1.correct))
            .then_with(|| a.0.cmp(b.0))
    });
    let mut best = None;
    all.retain(|(_, trial)| {
        let better = best.is_none_or(|best| trial.correct > best);
        if better {
            best = Some(trial.correct);
        }
        better
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_not_dominated() {
        let trial = |correct, energy| Trial { correct, energy };
        let tried = BTreeMap::from([
            (vec![1], trial(5, 10.0)),
            (vec![2], trial(7, 20.0)),
            (vec![3], trial(6, 30.0)),
            (vec![4], trial(7, 25.0)),
            (vec![5], trial(9, 40.0)),
        ]);
        let genomes: Vec<&Genome> = front(&tried).into_iter().map(|(g, _)| g).collect();
        assert_eq!(genomes, [&vec![1], &vec![2], &vec![5]]);
    }
}

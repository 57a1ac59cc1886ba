//! Sources of answers that are alike, as groups (Lloyd 1982).

/// Answers by which a source is known well enough to shape the groups, each counted by its weight.
const LEAST_OF_SOURCE: f64 = 5.0;
/// Moves of the groups' centres, at most.
const MOVES: usize = 50;
/// Centres of groups are to be farther apart than so many times the root mean square distance of a group's sources from
/// its centre; sources of one kind, cut into two, are 2 to 3 apart.
const SEPARATION: f64 = 4.0;
/// A group is at least this wide, as a likeness: of few answers each it is not known better.
const LEAST_WIDTH: f64 = 0.02;

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Which of `count` groups each of `points` is in: Lloyd's algorithm over those whose size is enough, each counted by its
/// size; the others go to the nearest centre. It begins with the point that is most like one substitute alone and whatever
/// lies farthest from those chosen before. Groups are numbered so that a group's centre is largest where its own number is,
/// as far as that can be had: a substitute begins with those it is like.
///
/// `None` where fewer points have that size than there are groups, or the groups lie closer together than they are wide.
pub(super) fn groups(points: &[Vec<f64>], sizes: &[f64], count: usize) -> Option<Vec<usize>> {
    let known: Vec<_> = points
        .iter()
        .zip(sizes)
        .filter(|(_, size)| **size >= LEAST_OF_SOURCE)
        .collect();
    if known.len() < count {
        return None;
    }
    let nearest = |point: &[f64], centres: &[Vec<f64>]| {
        let distances: Vec<_> = centres.iter().map(|centre| -distance(point, centre)).collect();
        largest(&distances)
    };
    let spread = |point: &[f64]| {
        let mean = point.iter().sum::<f64>() / point.len().max(1) as f64;
        point.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let spreads: Vec<_> = known.iter().map(|(point, _)| spread(point)).collect();
    let first = known.get(largest(&spreads)).map(|(point, _)| (*point).clone());
    let mut centres: Vec<Vec<f64>> = first.into_iter().collect();
    while !centres.is_empty() && centres.len() < count {
        let from_nearest = known.iter().map(|(point, _)| {
            let distances = centres.iter().map(|centre| distance(point, centre));
            distances.fold(f64::INFINITY, f64::min)
        });
        let farthest = largest(&from_nearest.collect::<Vec<_>>());
        centres.extend(known.get(farthest).map(|(point, _)| (*point).clone()));
    }
    let mut assigned = Vec::new();
    for _ in 0..MOVES {
        let now: Vec<_> = known.iter().map(|(point, _)| nearest(point, &centres)).collect();
        if now == assigned {
            break;
        }
        assigned = now;
        for (number, centre) in centres.iter_mut().enumerate() {
            let own: Vec<_> = known.iter().zip(&assigned).filter(|(_, of)| **of == number).collect();
            let size: f64 = own.iter().map(|((_, size), _)| **size).sum();
            for (dimension, value) in centre.iter_mut().enumerate() {
                let values = own
                    .iter()
                    .filter_map(|((point, size), _)| Some(**size * point.get(dimension)?));
                if size > 0.0 {
                    *value = values.sum::<f64>() / size;
                }
            }
        }
    }
    let width = |number: usize| {
        let own = known.iter().zip(&assigned).filter(|(_, of)| **of == number);
        let (mut squares, mut all) = (0.0, f64::MIN_POSITIVE);
        for ((point, size), _) in own {
            squares += *size
                * centres
                    .get(number)
                    .map_or(0.0, |centre| distance(point, centre).powi(2));
            all += *size;
        }
        (squares / all).sqrt()
    };
    let widest = (0..centres.len()).map(width).fold(0.0, f64::max);
    let pairs = (0..centres.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let closest = pairs
        .filter_map(|(a, b)| Some(distance(centres.get(a)?, centres.get(b)?)))
        .fold(f64::INFINITY, f64::min);
    if closest <= SEPARATION * widest.max(LEAST_WIDTH) {
        return None;
    }
    let numbers = numbers(&centres);
    let all = points.iter().map(|point| nearest(point, &centres));
    Some(all.filter_map(|of| numbers.get(of).copied()).collect())
}

/// A number for each centre, each once: the pair of a centre and a dimension with the largest value first.
fn numbers(centres: &[Vec<f64>]) -> Vec<usize> {
    let pairs = centres
        .iter()
        .enumerate()
        .flat_map(|(centre, values)| (0..centres.len()).map(move |number| (centre, number, values.get(number))));
    let mut pairs: Vec<_> = pairs
        .map(|(centre, number, value)| (value.copied().unwrap_or(0.0), centre, number))
        .collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut numbers = vec![None; centres.len()];
    for (_, centre, number) in pairs {
        let is_free = !numbers.contains(&Some(number));
        if let Some(of @ None) = numbers.get_mut(centre)
            && is_free
        {
            *of = Some(number);
        }
    }
    numbers.into_iter().map(Option::unwrap_or_default).collect()
}

/// The index of the largest value, the first of several; 0 of none.
pub(super) fn largest(values: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (index, *value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_are_alike_are_one_group_which_the_most_alike_substitute_gets() {
        // Nine sources like the second substitute, three like the first, with noise.
        let noise = |i: usize| ((i * 7919) % 11) as f64 / 400.0;
        let points: Vec<_> = (0..12)
            .map(|i| match i % 4 {
                0 => vec![0.6 + noise(i), 0.3 - noise(i + 3)],
                _ => vec![0.2 - noise(i), 0.5 + noise(i + 5)],
            })
            .collect();
        let expected: Vec<_> = (0..12).map(|i| usize::from(i % 4 != 0)).collect();
        assert_eq!(groups(&points, &[9.0; 12], 2), Some(expected));
        assert_eq!(groups(&points, &[9.0; 12], 1), Some(vec![0; 12]));
    }

    #[test]
    fn sources_that_are_all_alike_are_no_groups() {
        let noise = |i: usize, by: usize| ((i * by) % 17) as f64 / 100.0;
        let alike: Vec<_> = (0..40).map(|i| vec![0.4 + noise(i, 7), 0.4 + noise(i, 5)]).collect();
        assert_eq!(groups(&alike, &[9.0; 40], 2), None);
        assert_eq!(groups(&[vec![0.1, 0.9]], &[9.0], 2), None, "fewer than groups");
        assert_eq!(groups(&[], &[], 2), None);
    }

    #[test]
    fn groups_both_like_one_substitute_are_two_all_the_same() {
        let points: Vec<_> = (0..10).map(|i| vec![if i < 5 { 0.9 } else { 0.4 }, 0.1]).collect();
        let assigned = groups(&points, &[9.0; 10], 2).unwrap();
        assert!(assigned[..5].iter().all(|of| *of == 0) && assigned[5..].iter().all(|of| *of == 1));
    }

    #[test]
    fn single_answers_and_people_do_not_shape_the_groups() {
        // Two attackers with many answers; many sources of one answer anywhere; people, whose answers weigh nothing.
        let attackers = [vec![0.8, 0.2], vec![0.2, 0.8]];
        let singles = (0..30).map(|i| vec![f64::from(i % 5) / 4.0, f64::from(i % 7) / 6.0]);
        let people = [vec![0.0, 0.0]];
        let points: Vec<_> = attackers.into_iter().chain(singles).chain(people).collect();
        let sizes: Vec<_> = [200.0, 200.0].into_iter().chain([1.0; 30]).chain([0.0]).collect();
        let assigned = groups(&points, &sizes, 2).unwrap();
        assert_eq!((assigned[0], assigned[1], assigned.len()), (0, 1, 33));
    }
}

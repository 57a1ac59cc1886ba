//! Gradient-boosted trees of one depth, on binned features (Friedman 2001; histograms as in Ke et al. 2017).
//!
//! Our own and small, because the trees have to leave as the few bytes that `captcha::risk::model` walks: complete trees,
//! splits at bin edges, features drawn anew at every node. Deterministic by seed.

use parallax_captcha::risk::{
    features::{COUNT, Features},
    model::{DEPTH, Model, Tree},
};

use super::{corpus::Domain, random::Random};

const SPLITS: usize = (1 << DEPTH) - 1;
const LEAVES: usize = 1 << DEPTH;
/// The most bin edges a feature has.
const MAX_EDGES: usize = 62;

/// How trees are grown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoostingConfig {
    /// Number of trees.
    pub trees: usize,
    /// Share of each tree's step that is taken.
    pub learning_rate: f64,
    /// Share of the features that a node chooses from.
    pub features: f64,
    /// Share of the rows that a tree is grown on, drawn anew for each (Friedman 2002).
    pub rows: f64,
    /// Smallest number of rows in a leaf.
    pub min_rows: u32,
    /// Added to the curvature of a leaf: pulls it to 0.
    pub l2: f64,
    /// Seed of the drawing of features.
    pub seed: u64,
}

impl BoostingConfig {
    /// How the model for a domain is grown: the widget's is small, because it travels in the visitor path.
    #[must_use]
    pub fn of(domain: Domain, seed: u64) -> Self {
        let (trees, learning_rate) = match domain {
            Domain::Recording => (600, 0.06),
            Domain::Widget => (Self::WIDGET_TREES, 0.2),
        };
        Self {
            trees,
            learning_rate,
            features: 0.3,
            rows: 0.5,
            min_rows: 20,
            l2: 5.0,
            seed,
        }
    }

    /// Trees of the widget's model.
    pub const WIDGET_TREES: usize = 100;
}

/// A row to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its features.
    pub features: &'a Features,
    /// 1 for a machine, 0 for a human.
    pub label: f64,
    /// How much it counts.
    pub weight: f64,
}

/// Grows a model whose log odds are those of the weighted rows; not calibrated, without typical values.
#[must_use]
pub fn fit(rows: &[Row<'_>], config: &BoostingConfig) -> Model {
    let edges: Vec<Vec<f32>> = (0..COUNT).map(|feature| edges(rows, feature)).collect();
    let bins: Vec<Vec<u8>> = (0..COUNT).map(|feature| binned(rows, feature, &edges)).collect();
    let (positive, total) = rows
        .iter()
        .fold((0.0, 0.0), |(p, n), r| (p + r.weight * r.label, n + r.weight));
    let intercept = (positive.max(1e-9) / (total - positive).max(1e-9)).ln();
    let mut scores = vec![intercept; rows.len()];
    let mut random = Random::new(config.seed, 0);
    let mut grower = Grower {
        bins: &bins,
        usable: (0..COUNT)
            .filter(|f| edges.get(*f).is_some_and(|e| !e.is_empty()))
            .collect(),
        gradients: Vec::new(),
        config,
    };
    let mut trees = Vec::with_capacity(config.trees);
    for _ in 0..config.trees {
        let gradient = |(row, score): (&Row<'_>, &f64)| {
            let p = 1.0 / (1.0 + (-score).exp());
            [row.weight * (p - row.label), row.weight * p * (1.0 - p)]
        };
        grower.gradients = rows.iter().zip(&scores).map(gradient).collect();
        let tree = grower.tree(&mut random);
        for (row, score) in scores.iter_mut().enumerate() {
            *score += f64::from(grower.value(&tree, row));
        }
        trees.push(tree);
    }
    // Judged as its file judges.
    Model::new(edges, trees, intercept as f32).rounded()
}

/// Edges between bins: halfway between neighbouring quantiles that differ.
fn edges(rows: &[Row<'_>], feature: usize) -> Vec<f32> {
    let mut values: Vec<f32> = rows.iter().filter_map(|r| r.features.0.get(feature).copied()).collect();
    values.sort_by(f32::total_cmp);
    let quantile = |i: usize| values.get((values.len().max(1) - 1) * i / (MAX_EDGES + 1)).copied();
    let mut edges = Vec::new();
    for (low, high) in (0..=MAX_EDGES).filter_map(|i| quantile(i).zip(quantile(i + 1))) {
        if high > low {
            edges.push(low + (high - low) / 2.0);
        }
    }
    // Halves of very near numbers may round onto one another.
    edges.dedup();
    edges
}

fn binned(rows: &[Row<'_>], feature: usize, edges: &[Vec<f32>]) -> Vec<u8> {
    let edges = edges.get(feature).map_or(&[][..], Vec::as_slice);
    let bin = |row: &Row<'_>| {
        let value = row.features.0.get(feature).copied().unwrap_or(0.0);
        edges.partition_point(|edge| *edge < value) as u8
    };
    rows.iter().map(bin).collect()
}

struct Grower<'a> {
    /// `[feature][row]`.
    bins: &'a [Vec<u8>],
    usable: Vec<usize>,
    /// Gradient and curvature of each row.
    gradients: Vec<[f64; 2]>,
    config: &'a BoostingConfig,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    curvature: f64,
    rows: u32,
}

impl Sum {
    fn with(self, [gradient, curvature]: [f64; 2]) -> Self {
        Self {
            gradient: self.gradient + gradient,
            curvature: self.curvature + curvature,
            rows: self.rows + 1,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            curvature: self.curvature + other.curvature,
            rows: self.rows + other.rows,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }

    fn gain(self, l2: f64) -> f64 {
        self.gradient * self.gradient / (self.curvature + l2)
    }
}

impl Grower<'_> {
    fn tree(&self, random: &mut Random) -> Tree {
        let mut tree = Tree {
            splits: [Tree::ALL_LEFT; SPLITS],
            leaves: [0.0; LEAVES],
        };
        let all = 0..self.gradients.len() as u32;
        let mut nodes: Vec<Vec<u32>> = vec![all.filter(|_| random.chance(self.config.rows)).collect()];
        for index in 0..SPLITS {
            let rows = nodes.get_mut(index).map(std::mem::take).unwrap_or_default();
            let (left, right) = match self.best_split(&rows, random) {
                Some((feature, bin)) => {
                    if let Some(place) = tree.splits.get_mut(index) {
                        *place = (feature as u8, bin);
                    }
                    let bins = self.bins.get(feature).map_or(&[][..], Vec::as_slice);
                    rows.iter()
                        .partition(|row| bins.get(**row as usize).is_some_and(|b| *b <= bin))
                }
                None => (rows, Vec::new()),
            };
            nodes.extend([left, right]);
        }
        for (rows, value) in nodes.iter().skip(SPLITS).zip(&mut tree.leaves) {
            let sum = self.gathered(rows).into_iter().fold(Sum::default(), Sum::with);
            *value = (-self.config.learning_rate * sum.gradient / (sum.curvature + self.config.l2)) as f32;
        }
        tree
    }

    /// The leaf that a row falls into.
    fn value(&self, tree: &Tree, row: usize) -> f32 {
        tree.leaf(|feature| {
            self.bins
                .get(feature)
                .and_then(|bins| bins.get(row))
                .copied()
                .unwrap_or(0)
        })
    }

    fn gathered(&self, rows: &[u32]) -> Vec<[f64; 2]> {
        rows.iter()
            .filter_map(|row| self.gradients.get(*row as usize).copied())
            .collect()
    }

    /// The feature and the last bin that goes left, where that gains anything.
    fn best_split(&self, rows: &[u32], random: &mut Random) -> Option<(usize, u8)> {
        let mut features = self.usable.clone();
        random.shuffle(&mut features);
        features.truncate(((features.len() as f64 * self.config.features).round() as usize).max(1));
        if rows.len() < 2 * self.config.min_rows as usize {
            return None;
        }
        let gradients = self.gathered(rows);
        let total = gradients.iter().copied().fold(Sum::default(), Sum::with);
        let mut best = (1e-6, None);
        for feature in features {
            let histogram = self.histogram(feature, rows, &gradients);
            let mut left = Sum::default();
            for (bin, sum) in histogram.iter().enumerate() {
                left = left.plus(*sum);
                let right = total.minus(left);
                if left.rows < self.config.min_rows || right.rows < self.config.min_rows {
                    continue;
                }
                let l2 = self.config.l2;
                let gain = left.gain(l2) + right.gain(l2) - total.gain(l2);
                if gain > best.0 {
                    best = (gain, Some((feature, bin as u8)));
                }
            }
        }
        best.1
    }

    fn histogram(&self, feature: usize, rows: &[u32], gradients: &[[f64; 2]]) -> [Sum; MAX_EDGES + 2] {
        let mut histogram = [Sum::default(); MAX_EDGES + 2];
        let bins = self.bins.get(feature).map_or(&[][..], Vec::as_slice);
        for (row, gradient) in rows.iter().zip(gradients) {
            let bin = bins.get(*row as usize).copied().unwrap_or(0);
            if let Some(sum) = histogram.get_mut(usize::from(bin)) {
                *sum = sum.with(*gradient);
            }
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine is where the first feature is above 0.3 but not the second, whatever the others.
    fn table() -> Vec<(Features, f64)> {
        let mut random = Random::new(3, 0);
        let row = |_| {
            let mut features = [0.0; COUNT];
            features.iter_mut().for_each(|f| *f = random.unit() as f32);
            let label = f64::from(u8::from(features[0] > 0.3 && features[1] <= 0.3));
            (Features(features), label)
        };
        (0..2000).map(row).collect()
    }

    #[test]
    fn an_interaction_is_learned_and_a_seed_repeats() {
        let table = table();
        let rows: Vec<Row<'_>> = table
            .iter()
            .map(|(features, label)| Row {
                features,
                label: *label,
                weight: 1.0,
            })
            .collect();
        let config = BoostingConfig {
            trees: 60,
            ..BoostingConfig::of(Domain::Widget, 1)
        };
        let model = fit(&rows[..1500], &config);
        let right = |(features, label): &&(Features, f64)| (model.log_odds(features) > 0.0) == (*label > 0.5);
        assert!(table[1500..].iter().filter(right).count() >= 470);
        assert_eq!(fit(&rows[..1500], &config).to_bytes(), model.to_bytes());
    }

    #[test]
    fn nothing_to_learn_from_is_not_a_panic() {
        let model = fit(
            &[],
            &BoostingConfig {
                trees: 2,
                ..BoostingConfig::of(Domain::Widget, 1)
            },
        );
        assert!(model.log_odds(&Features([0.0; COUNT])).is_finite());
    }
}

//! Layers of a model under construction, the same calls for each of its graphs.
//!
//! A model is written once, as calls on a [`Net`]. What a call emits depends on the graph: normalisation by the batch
//! in a training step, by running statistics in a recogniser, folded into the filters in an attack. A first pass that
//! emits nothing collects which weights there are.

use parallax_onnx::layers::{ConvBlock, EPSILON, LstmWeights, PooledConv, conv_block, conv_max_pool, lstm};
use parallax_onnx::{Builder, GraphError, Literal, TensorId};

use super::layout::{Init, Layout, Spec, Weights, WeightsError, cut};

/// Feature maps, `[N, channels, rows, columns]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maps {
    pub(super) id: TensorId,
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A sequence, `[steps, N, features]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    pub(super) id: TensorId,
    pub(super) steps: usize,
    pub(super) features: usize,
}

/// Convolution, normalisation and pooling of a block, without its activation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    pub(super) filters: usize,
    /// Rows and columns of a filter.
    pub(super) kernel: [usize; 2],
    /// Zeros around the picture: rows, columns.
    pub(super) pads: [usize; 2],
    /// Pooling window: rows, columns; `[1, 1]` is none.
    pub(super) pool: [usize; 2],
}

impl Conv {
    /// A square kernel of odd `side` that keeps the size of its input, then pooling.
    pub(super) fn same(filters: usize, side: usize, pool: [usize; 2]) -> Self {
        Self {
            filters,
            kernel: [side; 2],
            pads: [side / 2; 2],
            pool,
        }
    }
}

/// Where the weights of a graph come from.
pub(super) enum Mode {
    /// No graph: weights are noted down.
    Declare,
    /// Tensors that the step updates; normalisation by the batch, whose statistics are noted down.
    Train(std::vec::IntoIter<TensorId>),
    /// Named constants: learned ones, running statistics.
    Read(std::vec::IntoIter<TensorId>, std::vec::IntoIter<TensorId>),
    /// Values to fold: learned ones, running statistics.
    Attack(std::vec::IntoIter<Literal>, std::vec::IntoIter<Literal>),
}

impl Mode {
    /// `weights`, cut as `layout` says, to be folded; [`WeightsError`] when they are of another.
    pub(super) fn attack(layout: &Layout, weights: &Weights) -> Result<Self, WeightsError> {
        let parameters = cut(&layout.parameters, &weights.parameters)?;
        let running = cut(&layout.running, &weights.running)?;
        Ok(Self::Attack(parameters.into_iter(), running.into_iter()))
    }
}

/// A model under construction.
pub(super) struct Net<'a> {
    pub(super) b: &'a Builder,
    mode: Mode,
    slope: f32,
    convolutions: usize,
    recurrences: usize,
    /// Weights asked for so far.
    pub(super) layout: Layout,
    /// Mean and variance over the batch of each normalisation, in a training step.
    pub(super) statistics: Vec<TensorId>,
}

type Layer<T> = Result<T, WeightsError>;

impl<'a> Net<'a> {
    pub(super) fn new(b: &'a Builder, mode: Mode, slope: f32) -> Self {
        Self {
            b,
            mode,
            slope,
            convolutions: 0,
            recurrences: 0,
            layout: Layout::default(),
            statistics: Vec::new(),
        }
    }

    /// A learned weight, used as it is.
    pub(super) fn weight(&mut self, name: String, shape: &[usize], init: Init) -> Layer<TensorId> {
        self.layout.parameters.push(Spec::new(name, shape, init));
        match &mut self.mode {
            Mode::Declare => Ok(self.b.input("weight", shape)),
            Mode::Train(weights) | Mode::Read(weights, _) => weights.next().ok_or_else(missing),
            // In 16 bits: half the bytes that an edge loads.
            Mode::Attack(weights, _) => half(self.b, &weights.next().ok_or_else(missing)?),
        }
    }

    /// Convolution, normalisation, pooling.
    pub(super) fn conv(&mut self, x: Maps, conv: Conv) -> Layer<Maps> {
        let Conv {
            filters,
            kernel: [kh, kw],
            pads,
            pool,
        } = conv;
        let k = self.convolutions;
        self.convolutions += 1;
        let fan_in = x.channels * kh * kw;
        let weight = (
            format!("conv{k}.weight"),
            vec![filters, x.channels, kh, kw],
            uniform(fan_in),
        );
        let scale = (format!("norm{k}.scale"), vec![filters], Init::Constant(1.0));
        let bias = (format!("norm{k}.bias"), vec![filters], Init::Constant(0.0));
        for (name, value) in [("mean", 0.0), ("variance", 1.0)] {
            self.layout
                .running
                .push(Spec::new(format!("norm{k}.{name}"), &[filters], Init::Constant(value)));
        }
        let reach = |size: usize, pad: usize, kernel: usize| (size + 2 * pad + 1).saturating_sub(kernel);
        let (rows, columns) = (
            reach(x.rows, pads[0], kh) / pool[0],
            reach(x.columns, pads[1], kw) / pool[1],
        );

        let id = if let Mode::Attack(weights, running) = &mut self.mode {
            self.layout
                .parameters
                .extend([weight, scale, bias].map(|(name, shape, init)| Spec::new(name, &shape, init)));
            let mut next = || weights.next().ok_or_else(missing);
            let block = [next()?, next()?, next()?];
            let (mean, variance) = (running.next().ok_or_else(missing)?, running.next().ok_or_else(missing)?);
            folded(self.b, x.id, &fold(&block, &mean, &variance)?, pads, pool)?
        } else {
            let [weight, scale, bias] =
                [weight, scale, bias].map(|(name, shape, init)| self.weight(name, &shape, init));
            let (weight, scale, bias) = (weight?, scale?, bias?);
            match &mut self.mode {
                Mode::Read(_, running) => {
                    let (mean, variance) = (running.next().ok_or_else(missing)?, running.next().ok_or_else(missing)?);
                    let convolved = self.b.conv(x.id, weight, pads)?;
                    let operands = [convolved, scale, bias, mean, variance];
                    let normal = self.b.batch_normalization(operands, EPSILON)?;
                    pooled(self.b, normal, pool)?
                }
                Mode::Train(_) => {
                    let block = ConvBlock {
                        weight,
                        scale,
                        bias,
                        pads,
                        pool,
                    };
                    let block = conv_block(self.b, x.id, block)?;
                    self.statistics.extend([block.mean, block.variance]);
                    block.output
                }
                Mode::Declare | Mode::Attack(..) => self.b.input("maps", &[1, filters, rows, columns]),
            }
        };
        Ok(Maps {
            id,
            channels: filters,
            rows,
            columns,
        })
    }

    /// Convolution, normalisation, pooling, activation. The activation rises, so it may follow the pooling, which leaves
    /// a quarter of the values.
    pub(super) fn conv_relu(&mut self, x: Maps, conv: Conv) -> Layer<Maps> {
        let maps = self.conv(x, conv)?;
        let id = self.relu(maps.id)?;
        Ok(Maps { id, ..maps })
    }

    /// The activation.
    pub(super) fn relu(&self, x: TensorId) -> Layer<TensorId> {
        Ok(self.b.leaky_relu(x, self.slope)?)
    }

    /// Maximum pooling.
    pub(super) fn max_pool(&self, x: Maps, pool: [usize; 2]) -> Layer<Maps> {
        Ok(Maps {
            id: pooled(self.b, x.id, pool)?,
            rows: x.rows / pool[0],
            columns: x.columns / pool[1],
            ..x
        })
    }

    /// Every pixel repeated, `scales` times along rows and columns.
    pub(super) fn upsample(&self, x: Maps, scales: [usize; 2]) -> Layer<Maps> {
        Ok(Maps {
            id: self.b.resize(x.id, &[1, 1, scales[0], scales[1]])?,
            rows: x.rows * scales[0],
            columns: x.columns * scales[1],
            ..x
        })
    }

    /// The channels of all `parts`, which have one size.
    pub(super) fn side_by_side(&self, parts: &[Maps]) -> Layer<Maps> {
        let first = parts.first().copied().ok_or_else(missing)?;
        let ids: Vec<_> = parts.iter().map(|part| part.id).collect();
        Ok(Maps {
            id: self.b.concat(&ids, 1)?,
            channels: parts.iter().map(|part| part.channels).sum(),
            ..first
        })
    }

    /// Maps of one row as a sequence along their columns.
    pub(super) fn frames(&self, x: Maps) -> Layer<Frames> {
        Ok(Frames {
            id: self.b.transpose(self.b.squeeze(x.id, &[2])?, &[2, 0, 1])?,
            steps: x.columns,
            features: x.channels,
        })
    }

    /// A forward LSTM layer of `hidden` cells.
    pub(super) fn lstm(&mut self, x: Frames, hidden: usize) -> Layer<Frames> {
        let l = self.recurrences;
        self.recurrences += 1;
        let init = uniform(hidden);
        let input = self.weight(format!("lstm{l}.input"), &[x.features, 4 * hidden], init)?;
        let recurrent = self.weight(format!("lstm{l}.recurrent"), &[hidden, 4 * hidden], init)?;
        let bias = self.weight(format!("lstm{l}.bias"), &[4 * hidden], init)?;
        let id = match self.mode {
            Mode::Declare => self.b.input("frames", &[x.steps, 1, hidden]),
            Mode::Read(..) => fused_lstm(self.b, x.id, [input, recurrent, bias], hidden)?,
            Mode::Train(_) | Mode::Attack(..) => lstm(self.b, x.id, LstmWeights { input, recurrent, bias })?,
        };
        Ok(Frames {
            id,
            steps: x.steps,
            features: hidden,
        })
    }

    /// `x [..., inputs]` times a weight `[inputs, outputs]` plus a bias `[outputs]`.
    pub(super) fn dense(&mut self, name: &str, x: TensorId, inputs: usize, outputs: usize) -> Layer<TensorId> {
        let weight = |net: &mut Self| net.weight(format!("{name}.weight"), &[inputs, outputs], uniform(inputs));
        let bias = |net: &mut Self| net.weight(format!("{name}.bias"), &[outputs], uniform(inputs));
        if let Mode::Train(_) = self.mode {
            let (weight, bias) = (weight(self)?, bias(self)?);
            let mut shape = self.b.shape(x)?;
            if let Some(last) = shape.last_mut() {
                *last = outputs;
            }
            // As one matrix product.
            let rows = shape.iter().rev().skip(1).product();
            let product = self.b.gemm(self.b.reshape(x, &[rows, inputs])?, weight, bias)?;
            return Ok(self.b.reshape(product, &shape)?);
        }
        let product = weight(self).and_then(|weight| Ok(self.b.matmul(x, weight)?))?;
        let bias = bias(self)?;
        Ok(self.b.add(product, bias)?)
    }
}

/// PyTorch's first weights of a layer that sums `fan_in` products.
pub(super) fn uniform(fan_in: usize) -> Init {
    Init::Uniform {
        bound: 1.0 / (fan_in as f32).sqrt(),
    }
}

/// Cannot happen when the flat vectors have the declared lengths.
fn missing() -> WeightsError {
    WeightsError::Length { expected: 1, found: 0 }
}

/// A constant stored in 16 bits, used in 32.
fn half(b: &Builder, literal: &Literal) -> Layer<TensorId> {
    Ok(b.to_f32(b.constant(literal.to_f16()))?)
}

fn pooled(b: &Builder, x: TensorId, pool: [usize; 2]) -> Result<TensorId, GraphError> {
    if pool == [1, 1] { Ok(x) } else { b.max_pool(x, pool) }
}

/// A convolution into which its normalisation was folded, and its pooling.
fn folded(
    b: &Builder,
    x: TensorId,
    [weight, bias]: &[Literal; 2],
    pads: [usize; 2],
    pool: [usize; 2],
) -> Layer<TensorId> {
    let conv = PooledConv {
        weight: half(b, weight)?,
        bias: b.constant(bias.clone()),
        pads,
        pool,
    };
    if pool == [1, 1] {
        return Ok(b.conv_bias(x, conv.weight, conv.bias, pads)?);
    }
    Ok(conv_max_pool(b, x, conv)?)
}

/// Weight and bias of the convolution that equals one of `block` (weight, scale, bias) followed by its normalisation.
fn fold(block: &[Literal; 3], mean: &Literal, variance: &Literal) -> Layer<[Literal; 2]> {
    let values = |literal: &Literal| literal.as_f32().map(<[f32]>::to_vec).unwrap_or_default();
    let [weight, scale, bias] = block.each_ref().map(values);
    let (mean, variance) = (values(mean), values(variance));
    let filters = scale.len();
    let per_filter = weight.len().checked_div(filters).unwrap_or(1).max(1);
    let factors: Vec<_> = scale
        .iter()
        .zip(&variance)
        .map(|(s, v)| s / (v + EPSILON).sqrt())
        .collect();
    let folded = weight
        .chunks(per_filter)
        .zip(&factors)
        .flat_map(|(w, f)| w.iter().map(move |x| x * f))
        .collect();
    let shifted = bias
        .iter()
        .zip(mean.iter().zip(&factors))
        .map(|(b, (m, f))| b - m * f)
        .collect();
    Ok([
        Literal::f32(block[0].shape(), folded)?,
        Literal::f32(&[filters], shifted)?,
    ])
}

/// The operator LSTM wants weights as `[1, 4H, I]` and two biases; runtimes fold the rearrangement when they load.
fn fused_lstm(b: &Builder, x: TensorId, weights: [TensorId; 3], hidden: usize) -> Layer<TensorId> {
    let [input, recurrent, bias] = weights;
    let rearranged = |weight| b.unsqueeze(b.transpose(weight, &[1, 0])?, &[0]);
    let no_bias = b.constant(Literal::f32(&[4 * hidden], vec![0.0; 4 * hidden])?);
    let biases = b.unsqueeze(b.concat(&[bias, no_bias], 0)?, &[0])?;
    let output = b.lstm([x, rearranged(input)?, rearranged(recurrent)?, biases], hidden)?;
    Ok(b.squeeze(output, &[1])?)
}

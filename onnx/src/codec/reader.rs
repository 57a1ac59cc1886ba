//! One node's operator, attributes and constant inputs, each read exactly once.

use std::collections::BTreeMap;

use super::decode::DecodeError;
use super::messages::{Attribute, GraphMessage, NodeMessage, attribute_type};
use super::tensors;
use crate::graph::{Binary, Literal, Op, Reduction, Unary};

/// A node of which nothing may stay unread: what we do not know could change what it means.
pub(super) struct NodeReader<'a> {
    op: &'a str,
    attributes: Vec<&'a Attribute>,
    constants: &'a BTreeMap<String, Literal>,
    inputs: Vec<&'a str>,
}

impl<'a> NodeReader<'a> {
    pub(super) fn new(node: &'a NodeMessage, constants: &'a BTreeMap<String, Literal>) -> Self {
        Self {
            op: &node.op_type,
            attributes: node.attribute.iter().collect(),
            constants,
            inputs: node.input.iter().map(String::as_str).collect(),
        }
    }

    /// Names of the inputs that are tensors.
    pub(super) fn finish(self) -> Result<Vec<String>, DecodeError> {
        match self.attributes.first() {
            Some(attribute) => Err(self.error(&attribute.name)),
            None => Ok(self.inputs.into_iter().map(str::to_owned).collect()),
        }
    }

    /// The operator. Constant inputs are taken off the end of the list of inputs.
    pub(super) fn op(&mut self) -> Result<Op, DecodeError> {
        let name = self.op;
        if let Some(unary) = Unary::ALL.into_iter().find(|unary| unary.name() == name) {
            return Ok(Op::Unary(unary));
        }
        if let Some(binary) = Binary::ALL.into_iter().find(|binary| binary.name() == name) {
            return Ok(Op::Binary(binary));
        }
        if let Some(reduction) = Reduction::ALL.into_iter().find(|reduction| reduction.name() == name) {
            return Ok(Op::Reduce {
                reduction,
                axes: self.index_input("axes")?,
                keep: self.flag("keepdims")?,
            });
        }
        Ok(match name {
            "LeakyRelu" => Op::LeakyRelu {
                alpha: self.float("alpha")?,
            },
            "Clip" => {
                let max = self.scalar_input("max")?;
                Op::Clip {
                    min: self.scalar_input("min")?,
                    max,
                }
            }
            "Cast" => {
                let code = i32::try_from(self.int("to")?).map_err(|_| self.error("to"))?;
                Op::Cast {
                    to: tensors::element(code).ok_or_else(|| self.error("to"))?,
                }
            }
            "MatMul" => Op::MatMul,
            "Gemm" => Op::Gemm {
                trans_a: self.flag("transA")?,
                trans_b: self.flag("transB")?,
            },
            "Conv" => Op::Conv { pads: self.pads()? },
            "MaxPool" => Op::MaxPool { kernel: self.kernel()? },
            "AveragePool" => Op::AveragePool { kernel: self.kernel()? },
            "BatchNormalization" => Op::BatchNormalization {
                epsilon: self.float("epsilon")?,
            },
            "LSTM" => Op::Lstm {
                hidden: self.index("hidden_size")?,
            },
            "Reshape" => Op::Reshape {
                shape: self.index_input("shape")?,
            },
            "Transpose" => Op::Transpose {
                perm: self.indices("perm")?,
            },
            "Squeeze" => Op::Squeeze {
                axes: self.index_input("axes")?,
            },
            "Unsqueeze" => Op::Unsqueeze {
                axes: self.index_input("axes")?,
            },
            "Slice" => {
                let (steps, axes) = (self.int_input("steps")?, self.index_input("axes")?);
                let (ends, starts) = (self.int_input("ends")?, self.int_input("starts")?);
                Op::Slice {
                    axes,
                    starts,
                    ends,
                    steps,
                }
            }
            "Concat" => Op::Concat {
                axis: self.index("axis")?,
            },
            "Gather" => Op::Gather {
                axis: self.index("axis")?,
            },
            "LogSoftmax" => Op::LogSoftmax {
                axis: self.index("axis")?,
            },
            "Split" => Op::Split {
                axis: self.index("axis")?,
                sizes: self.index_input("split")?,
            },
            "Pad" => self.pad()?,
            "Resize" => self.resize()?,
            _ => return Err(DecodeError::Operator(name.to_owned())),
        })
    }

    /// Body, number of scanned inputs, direction of a `Scan`.
    pub(super) fn scan(&mut self) -> Result<(&'a GraphMessage, usize, bool), DecodeError> {
        let body = self
            .attribute("body", attribute_type::GRAPH)?
            .g
            .as_deref()
            .ok_or_else(|| self.error("body"))?;
        let scanned = self.index("num_scan_inputs")?;
        let mut directions = self.indices("scan_input_directions")?;
        if directions.len() != scanned {
            return Err(self.error("scan_input_directions"));
        }
        directions.extend(self.indices("scan_output_directions")?);
        match directions.first() {
            Some(first) if *first <= 1 && directions.iter().all(|direction| direction == first) => {
                Ok((body, scanned, *first == 1))
            }
            _ => Err(self.error("scan_input_directions")),
        }
    }

    fn pad(&mut self) -> Result<Op, DecodeError> {
        let value = self.scalar_input("constant_value")?;
        let mut before = self.int_input("pads")?;
        if before.len() % 2 != 0 {
            return Err(self.error("pads"));
        }
        let after = before.split_off(before.len() / 2);
        Ok(Op::Pad { before, after, value })
    }

    fn resize(&mut self) -> Result<Op, DecodeError> {
        let scales = self
            .constant_input("scales")?
            .as_f32()
            .ok_or_else(|| self.error("scales"))?;
        if self.inputs.pop() != Some("") {
            return Err(self.error("roi"));
        }
        for (name, value) in [
            ("mode", "nearest"),
            ("nearest_mode", "floor"),
            ("coordinate_transformation_mode", "asymmetric"),
        ] {
            if self.attribute(name, attribute_type::STRING)?.s != value.as_bytes() {
                return Err(self.error(name));
            }
        }
        // Whole numbers only; 65536 is far beyond any image.
        let whole = |scale: &f32| (1.0..=65536.0).contains(scale).then_some(*scale as usize);
        let exact = |scale: &f32| whole(scale).filter(|n| *n as f32 == *scale);
        let scales = scales
            .iter()
            .map(exact)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| self.error("scales"))?;
        Ok(Op::Resize { scales })
    }

    fn kernel(&mut self) -> Result<[usize; 2], DecodeError> {
        let (kernel, strides) = (self.indices("kernel_shape")?, self.indices("strides")?);
        match <[usize; 2]>::try_from(kernel) {
            Ok(kernel) if strides == kernel => Ok(kernel),
            _ => Err(self.error("strides")),
        }
    }

    fn pads(&mut self) -> Result<[usize; 2], DecodeError> {
        match self.indices("pads")?.as_slice() {
            [top, left, bottom, right] if top == bottom && left == right => Ok([*top, *left]),
            _ => Err(self.error("pads")),
        }
    }

    fn attribute(&mut self, name: &str, r#type: i32) -> Result<&'a Attribute, DecodeError> {
        let position = self
            .attributes
            .iter()
            .position(|a| a.name == name && a.r#type == r#type);
        position
            .map(|position| self.attributes.swap_remove(position))
            .ok_or_else(|| self.error(name))
    }

    fn int(&mut self, name: &str) -> Result<i64, DecodeError> {
        Ok(self.attribute(name, attribute_type::INT)?.i)
    }

    fn index(&mut self, name: &str) -> Result<usize, DecodeError> {
        usize::try_from(self.int(name)?).map_err(|_| self.error(name))
    }

    fn flag(&mut self, name: &str) -> Result<bool, DecodeError> {
        match self.int(name)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.error(name)),
        }
    }

    fn float(&mut self, name: &str) -> Result<f32, DecodeError> {
        Ok(self.attribute(name, attribute_type::FLOAT)?.f)
    }

    fn indices(&mut self, name: &str) -> Result<Vec<usize>, DecodeError> {
        let ints = &self.attribute(name, attribute_type::INTS)?.ints;
        self.to_indices(name, ints)
    }

    fn constant_input(&mut self, name: &str) -> Result<&'a Literal, DecodeError> {
        let input = self.inputs.pop().ok_or_else(|| self.error(name))?;
        self.constants.get(input).ok_or_else(|| self.error(name))
    }

    fn int_input(&mut self, name: &str) -> Result<Vec<i64>, DecodeError> {
        let literal = self.constant_input(name)?;
        match literal.as_i64() {
            Some(values) if literal.shape().len() == 1 => Ok(values.to_vec()),
            _ => Err(self.error(name)),
        }
    }

    fn index_input(&mut self, name: &str) -> Result<Vec<usize>, DecodeError> {
        let ints = self.int_input(name)?;
        self.to_indices(name, &ints)
    }

    fn scalar_input(&mut self, name: &str) -> Result<f32, DecodeError> {
        let literal = self.constant_input(name)?;
        match literal.as_f32() {
            Some([value]) if literal.shape().is_empty() => Ok(*value),
            _ => Err(self.error(name)),
        }
    }

    fn to_indices(&self, name: &str, ints: &[i64]) -> Result<Vec<usize>, DecodeError> {
        ints.iter()
            .map(|n| usize::try_from(*n))
            .collect::<Result<_, _>>()
            .map_err(|_| self.error(name))
    }

    fn error(&self, name: &str) -> DecodeError {
        DecodeError::Attribute {
            op: self.op.to_owned(),
            name: name.to_owned(),
        }
    }
}

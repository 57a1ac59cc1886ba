//! Constant tensors and element types, both ways.

use half::f16;

use super::messages::TensorMessage;
use crate::graph::{ElementType, Literal, Values};

/// ONNX's number of an element type.
pub(super) fn element_code(element: ElementType) -> i32 {
    match element {
        ElementType::F32 => 1,
        ElementType::I64 => 7,
        ElementType::Bool => 9,
        ElementType::F16 => 10,
    }
}

/// The element type of ONNX's number, if it is one of ours.
pub(super) fn element(code: i32) -> Option<ElementType> {
    [ElementType::F32, ElementType::I64, ElementType::Bool, ElementType::F16]
        .into_iter()
        .find(|element| element_code(*element) == code)
}

pub(super) fn encode_literal(literal: &Literal, name: String) -> TensorMessage {
    let raw_data = match literal.values() {
        Values::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Values::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Values::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    TensorMessage {
        dims: literal.shape().iter().map(|n| *n as i64).collect(),
        data_type: element_code(literal.element()),
        name,
        raw_data,
    }
}

/// `None` unless the bytes fill the dimensions exactly.
pub(super) fn decode_literal(message: &TensorMessage) -> Option<Literal> {
    let shape = message
        .dims
        .iter()
        .map(|n| usize::try_from(*n).ok())
        .collect::<Option<Vec<_>>>()?;
    let bytes = message.raw_data.as_slice();
    let values = match element(message.data_type)? {
        ElementType::F32 => Values::F32(split(bytes)?.map(f32::from_le_bytes).collect()),
        ElementType::F16 => Values::F16(split(bytes)?.map(f16::from_le_bytes).collect()),
        ElementType::I64 => Values::I64(split(bytes)?.map(i64::from_le_bytes).collect()),
        ElementType::Bool => return None,
    };
    Literal::new(&shape, values).ok()
}

/// The bytes in groups of N, `None` if some are left over.
fn split<const N: usize>(bytes: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
    let (groups, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| groups.iter().copied())
}

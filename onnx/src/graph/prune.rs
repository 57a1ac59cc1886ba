//! Removal of what no output needs.

use std::collections::BTreeMap;

use super::{Graph, TensorId};

impl Graph {
    /// The same graph without nodes and constants that no output depends on. Inputs stay, ids change.
    #[must_use]
    pub fn pruned(&self) -> Self {
        let mut needed = vec![false; self.tensors.len()];
        let mark = |needed: &mut Vec<bool>, id: TensorId| {
            if let Some(slot) = needed.get_mut(id.index()) {
                *slot = true;
            }
        };
        let is_needed = |needed: &[bool], id: &TensorId| needed.get(id.index()).copied().unwrap_or(false);
        self.inputs
            .iter()
            .chain(&self.outputs)
            .for_each(|id| mark(&mut needed, *id));
        let mut kept = Vec::new();
        for node in self.nodes.iter().rev() {
            if node.outputs.iter().any(|id| is_needed(&needed, id)) {
                node.inputs
                    .iter()
                    .chain(&node.outputs)
                    .for_each(|id| mark(&mut needed, *id));
                kept.push(node);
            }
        }
        let mut result = Self::new();
        let mut renamed = BTreeMap::new();
        for (index, info) in self.tensors.iter().enumerate() {
            let id = TensorId::new(index);
            if is_needed(&needed, &id) {
                renamed.insert(id, result.tensor(info.clone()));
            }
        }
        let rename = |ids: &[TensorId]| ids.iter().filter_map(|id| renamed.get(id).copied()).collect::<Vec<_>>();
        result.inputs = rename(&self.inputs);
        result.outputs = rename(&self.outputs);
        result.initialisers = self
            .initialisers
            .iter()
            .filter_map(|(id, literal)| Some((*renamed.get(id)?, literal.clone())))
            .collect();
        result.nodes = kept
            .into_iter()
            .rev()
            .map(|node| super::Node {
                op: node.op.clone(),
                inputs: rename(&node.inputs),
                outputs: rename(&node.outputs),
            })
            .collect();
        result
    }
}

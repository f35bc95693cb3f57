//! How much of an execution is kept for people to look at.

use gatehouse_store::Tx;
use gatehouse_types::{ExecutionId, Result};

use crate::model::execution::{StepRow, Warning};
use crate::store::steps;

/// Bytes of a timeline at most, as they are stored.
const TIMELINE_BYTES: i64 = 32 * 1024 * 1024;
/// Outputs that are kept however full the timeline is, in bytes: 10,000 steps have no more than 40 MiB of them.
const SMALL_BYTES: i64 = 4 * 1024;
/// Warnings of an execution at most.
const WARNINGS: usize = 100;
/// What the last one says when there are more.
const MORE: &str = "There are further warnings, which are not kept.";

/// How full a timeline is.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Its bytes; what was there before this server drove the execution is asked for when it may matter.
    bytes: Option<i64>,
}

impl Timeline {
    /// Leaves a large output out that the timeline has no room for.
    pub(super) async fn fit(&mut self, tx: &mut Tx, id: &ExecutionId, row: &mut StepRow) -> Result<()> {
        let Some(output) = &row.output else { return Ok(()) };
        let size = i64::try_from(output.to_string().len()).unwrap_or(i64::MAX);
        if size <= SMALL_BYTES {
            return Ok(());
        }
        let before = match self.bytes {
            Some(bytes) => bytes,
            None => steps::weight(tx, id).await?,
        };
        let after = before.saturating_add(size);
        if after > TIMELINE_BYTES {
            (row.output, row.left_out) = (None, true);
        }
        self.bytes = Some(if row.left_out { before } else { after });
        Ok(())
    }
}

/// Puts a warning beside the others, once, as long as there is room.
pub(super) fn push_warning(all: &mut Vec<Warning>, new: Warning) {
    if all.contains(&new) || all.len() >= WARNINGS {
        return;
    }
    let is_last = all.len() + 1 == WARNINGS;
    all.push(if is_last { Warning { step: new.step, message: MORE.to_owned() } } else { new });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_there_once_and_end_somewhere() {
        let mut all = Vec::new();
        for n in 0..500 {
            let new = Warning { step: format!("each[{n}]/ask"), message: "It ran as another.".to_owned() };
            push_warning(&mut all, new.clone());
            push_warning(&mut all, new);
        }
        assert_eq!((all.len(), all[99].message.as_str(), all[98].step.as_str()), (100, MORE, "each[98]/ask"));
    }
}

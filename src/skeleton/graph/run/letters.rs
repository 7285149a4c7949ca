//! Results on their way: encoded once for all ranks that need them, several to a message.

use std::any::Any;
use std::rc::Rc;

use super::super::{Act, Coded, Decoded, Value};
use super::Run;
use super::grow::OWN;
use crate::error::Result;
use crate::skeleton::pipeline::Item;
use crate::sys::memory;

pub(super) const TAG: i32 = 0;
/// A message is not made longer than this, if it is of several results.
const MESSAGE: usize = 16 << 10;

pub(in crate::skeleton::graph) fn encode<T: Item>(value: &dyn Any, message: Vec<u8>) -> Coded<Vec<u8>> {
    let value = value.downcast_ref::<T>().ok_or("a result of another type")?;
    postcard::to_extend(value, message)
        .map_err(|error| format!("cannot encode {}: {error}", memory::name::<T>()))
}

pub(in crate::skeleton::graph) fn decode<T: Item>(message: &[u8]) -> Decoded<'_> {
    let (value, rest) = postcard::take_from_bytes::<T>(message)
        .map_err(|error| format!("what came is no {}: {error}", memory::name::<T>()))?;
    Ok((Rc::new(value), rest))
}

impl Run<'_, '_, '_> {
    /// The other ranks that need a result.
    pub(super) fn others(&self, id: usize) -> Vec<usize> {
        let me = self.comm.rank();
        let users = self.users[self.starts[id]..self.starts[id + 1]].iter().map(|&user| &self.nodes[user]);
        if self.nodes[id].adds || users.clone().any(|user| user.adds) {
            return (0..self.comm.size()).filter(|&rank| rank != me).collect();
        }
        let of_users = users.map(|user| user.rank);
        let mut ranks: Vec<usize> =
            of_users.chain((self.wanted[id]).then_some(0)).filter(|&rank| rank != me).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }

    /// Encodes a result, once for all ranks that need it, if there are any.
    pub(super) fn code(&mut self, id: usize, value: &Value) -> Coded<()> {
        self.to = self.others(id);
        self.coded.clear();
        if !self.to.is_empty() {
            self.coded = (self.nodes[id].encode)(value.as_ref(), std::mem::take(&mut self.coded))?;
        }
        Ok(())
    }

    /// Writes the result that was encoded, or that there is none, to each other rank that needs it.
    pub(super) fn send(&mut self, id: usize, there: bool) -> Result<()> {
        let ranks = if there { std::mem::take(&mut self.to) } else { self.others(id) };
        let called = id.checked_sub(self.fixed).map_or(id as u64, |new| self.called[new]);
        for rank in ranks {
            let letter = std::mem::take(&mut self.letters[rank]);
            let head = postcard::to_extend(&(called, there), letter);
            self.letters[rank] = head.map_err(|error| self.wrong(error.to_string()))?;
            if there {
                self.letters[rank].extend_from_slice(&self.coded);
            }
            if self.letters[rank].len() > MESSAGE {
                self.post(rank)?;
            }
        }
        Ok(())
    }

    pub(super) fn post(&mut self, rank: usize) -> Result<()> {
        if !self.letters[rank].is_empty() {
            let letter = std::mem::take(&mut self.letters[rank]);
            self.sends.push_back(self.comm.isend((rank, TAG), letter)?);
        }
        Ok(())
    }

    /// Reads the results of another rank.
    pub(super) fn open(&mut self, letter: &[u8]) -> Result<()> {
        let mut rest = letter;
        while !rest.is_empty() {
            let ((called, there), behind) = postcard::take_from_bytes::<(u64, bool)>(rest)
                .map_err(|error| self.wrong(error.to_string()))?;
            let id = match called.checked_sub(self.fixed as u64) {
                None => called as usize,
                Some(_) => match self.tasks.get(&called) {
                    Some(&id) => id,
                    None if called >> OWN > 0 => {
                        self.early.push(rest.to_vec());
                        return Ok(());
                    }
                    None => return Err(self.wrong(format!("there is no task {called}"))),
                },
            };
            let node = &self.nodes[id];
            let (value, behind) = if there {
                let (value, behind) = (node.decode)(behind).map_err(|problem| self.wrong(problem))?;
                (Some(value), behind)
            } else {
                (None, behind)
            };
            rest = behind;
            self.awaited -= 1;
            match value {
                Some(added) if self.nodes[id].adds => {
                    self.told.insert(id, added);
                    self.follow(id)?;
                }
                value => {
                    if self.nodes[id].adds {
                        // It has failed, or was cancelled.
                        self.nodes[id].act = Act::None;
                        let inputs = std::mem::take(&mut self.nodes[id].inputs);
                        self.release(&inputs);
                    }
                    self.arrive(id, value);
                }
            }
        }
        Ok(())
    }
}

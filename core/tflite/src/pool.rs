//! Interpreters for several threads.
//!
//! Owns how many interpreters of a model exist and who has one. Makes them when they are first needed, keeps them until
//! it is dropped, and never makes more than its limit: who comes when all are out waits. Starts no threads itself.

use std::fmt;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::{Interpreter, Model, Result};

/// Up to `limit` interpreters of one model, lent out one at a time. `Send` and `Sync`.
pub struct Pool {
    model: Model,
    limit: NonZeroUsize,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Interpreter>,
    /// Interpreters that exist, lent out ones and ones being made included.
    made: usize,
}

impl Pool {
    /// An empty pool. Each interpreter costs its arena and packed weights (a few megabytes for a mobile model), so
    /// `limit` is best the number of threads that will ask: more can't run at the same time.
    #[must_use]
    pub fn new(model: Model, limit: NonZeroUsize) -> Self {
        let state = Mutex::new(State { idle: Vec::with_capacity(limit.get()), made: 0 });
        Self { model, limit, state, returned: Condvar::new() }
    }

    /// The model it runs.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The most interpreters it will make.
    #[must_use]
    pub fn limit(&self) -> NonZeroUsize {
        self.limit
    }

    /// Takes an interpreter: the one returned last, or a new one while there are fewer than the limit, or else waits
    /// for one. A thread that already holds `limit` of them would wait for itself.
    ///
    /// # Errors
    /// Those of [`Interpreter::new`].
    pub fn get(&self) -> Result<Pooled<'_>> {
        let mut state = self.lock();
        loop {
            if let Some(interpreter) = state.idle.pop() {
                return Ok(self.lend(interpreter));
            }
            if state.made < self.limit.get() {
                break;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.made += 1;
        drop(state);
        // Made outside the lock: packing the weights takes milliseconds.
        match Interpreter::new(&self.model) {
            Ok(interpreter) => Ok(self.lend(interpreter)),
            Err(error) => {
                self.lock().made -= 1;
                self.returned.notify_one();
                Err(error)
            }
        }
    }

    fn lend(&self, interpreter: Interpreter) -> Pooled<'_> {
        Pooled { pool: self, interpreter: ManuallyDrop::new(interpreter) }
    }

    // Nothing panics while it is locked, so a poisoned lock still holds a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("model", &self.model).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// An interpreter on loan from a [`Pool`]; dropping it gives it back.
#[derive(Debug)]
pub struct Pooled<'a> {
    pool: &'a Pool,
    interpreter: ManuallyDrop<Interpreter>,
}

impl Deref for Pooled<'_> {
    type Target = Interpreter;

    fn deref(&self) -> &Interpreter {
        &self.interpreter
    }
}

impl DerefMut for Pooled<'_> {
    fn deref_mut(&mut self) -> &mut Interpreter {
        &mut self.interpreter
    }
}

impl Drop for Pooled<'_> {
    #[expect(
        unsafe_code,
        reason = "moving a field out on drop, without an `Option` that every access would have to unwrap"
    )]
    fn drop(&mut self) {
        // SAFETY: taken here alone, and the field is not used after.
        let interpreter = unsafe { ManuallyDrop::take(&mut self.interpreter) };
        self.pool.lock().idle.push(interpreter);
        self.pool.returned.notify_one();
    }
}

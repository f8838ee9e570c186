/**
 * Guards the order of steps: schedules, snapshots and restored samplers are wrong if a step comes twice or goes back.
 */
import { z } from 'zod';

/** The last step taken; −1 before the first. */
export const lastStepSchema = z.int().min(-1);

export interface StepOrder {
  readonly last: number;
  /** Notes that `step` begins. Throws RangeError unless it is an integer after the last one. */
  enter(step: number): void;
}

export function createStepOrder(last: number): StepOrder {
  let current = last;
  return {
    get last() {
      return current;
    },
    enter(step) {
      if (!Number.isInteger(step) || step <= current) {
        throw new RangeError(`next(step): step must be an integer above the last one (${current}), got ${step}`);
      }
      current = step;
    },
  };
}

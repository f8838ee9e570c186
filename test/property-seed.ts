/** One seed for all property tests, so that a run says the same each time; PROPERTY_SEED=<integer> tries others. */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PROPERTY_SEED ?? 1) });

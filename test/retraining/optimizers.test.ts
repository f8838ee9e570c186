import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { backward } from '../../src/graph/gradients.ts';
import { type GradientSink, Graph, type Tensor } from '../../src/graph/graph.ts';
import { moveTowards } from '../../src/graph/ops/running-average.ts';
import { momentumSgd, rmspropTf } from '../../src/graph/optimizers.ts';
import { attribute } from '../../src/graph/types.ts';
import { averageFactor } from '../../src/retraining/schedule.ts';
import { openTraining } from '../graph/training-graph.ts';

interface Case {
  readonly name: string;
  readonly optimizer: { readonly kind: string; readonly momentum: number; readonly weightDecay: number } & {
    readonly rho: number;
    readonly epsilon: number;
  };
  readonly average: { readonly decay: number; readonly warmup: boolean };
  readonly rates: readonly number[];
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  readonly averages: readonly (readonly number[])[];
}

function casesOf(program: string): readonly Case[] {
  const file = new URL(`../fixtures/retraining/optimizers-${program}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).cases;
}

function sinkOf({ optimizer }: Case, learningRate: Tensor): GradientSink {
  return optimizer.kind === 'sgd'
    ? momentumSgd({ ...optimizer, nesterov: true, learningRate })
    : rmspropTf({ ...optimizer, learningRate });
}

describe('optimizers and averages of a retraining', () => {
  for (const program of ['tensorflow', 'pytorch']) {
    for (const each of casesOf(program)) {
      it(`${each.name}: 20 updates as ${program} takes them, within 1e-6`, () => {
        const size = each.start.length;
        const graph = new Graph();
        const scope = graph.main;
        const weight = graph.variable('w', { shape: [size], decay: true });
        const average = graph.variable('average', { shape: [size], trainable: false });
        const gradient = graph.placeholder('gradient', 'float32', [size]);
        const sink = sinkOf(each, graph.placeholder('rate', 'float32', []));
        backward({ outputs: [{ tensor: scope.read(weight), gradient }], from: scope, into: scope, sink });
        const updates = scope.updates.splice(0);
        const after = scope.addOne('ReadVariableOp', {
          inputs: [scope.handle(weight)],
          attributes: { dtype: attribute.type('float32') },
          dtype: 'float32',
          shape: [size],
          control: updates,
        });
        const moved = moveTowards(scope, average, after, graph.placeholder('factor', 'float32', []));
        const training = openTraining(graph, { step: { after: [...updates, moved] } });
        const slots = each.optimizer.kind === 'sgd' ? {} : { 'w/rms': new Float32Array(size).fill(1) };
        training.set({ w: each.start, average: each.start, 'w/momentum': new Float32Array(size), ...slots });
        let largest = 0;
        for (const [step, rate] of each.rates.entries()) {
          const exact = averageFactor(each.average.decay, each.average.warmup, step);
          // TensorFlow takes the decay from 1 in float32, so that 1 − 0.9999 is 1.00017e-4 there.
          const factor = program === 'tensorflow' ? Math.fround(1 - Math.fround(1 - exact)) : exact;
          training.run('step', { gradient: Float32Array.from(each.gradients[step]!), rate, factor });
          const found = training.read();
          for (const [values, expected] of [
            [found.w!, each.weights[step]!],
            [found.average!, each.averages[step]!],
          ] as const) {
            for (const [index, value] of expected.entries()) {
              const difference = Math.abs(values[index]! - value);
              if (!(difference <= largest)) largest = difference;
            }
          }
        }
        training.close();
        expect(largest).to.be.at.most(1e-6);
        // The fixture is no flat line.
        expect(Math.abs(each.weights.at(-1)![0]! - each.start[0]!)).to.be.above(0.01);
      });
    }
  }
});

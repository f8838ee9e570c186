import { expect } from 'chai';
import { createPathPredictor } from '../../src/predictors/path-predictor.ts';
import { createStream } from '../../src/random/stream.ts';
import { limitedPaths } from '../../src/search/limits.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { engine } from '../graph/engine.ts';
import { smallConfig } from '../training/small-run.ts';

const large = buildSpace({ preset: 'mobilenet-13-se' });
const stream = createStream(1, 'paths');
const paths = Array.from({ length: 10 }, () => limitedPaths(large, {}).sample(stream));
/** The last layers have the highest kinds; an identity there is bad. */
const worth = (path: Path): number => path.slice(-8).filter((operation) => operation < 6).length;

describe('createPathPredictor', () => {
  for (const [name, search] of [
    ['the perceptron of weaknas', { method: 'weaknas', predictor: { ...smallConfig.search.predictor } }],
    ['the graph network of neural-predictor', { method: 'neural-predictor' }],
  ] as const) {
    it(`${name} learns paths of the largest space`, () => {
      const config = {
        ...smallConfig,
        engine: { ...smallConfig.engine, ...engine },
        search: { ...smallConfig.search, ...search },
      };
      const predictor = createPathPredictor(config, large);
      predictor.fit(paths, paths.map(worth), 3);
      const predicted = Array.from(predictor.predict(paths));
      predictor.close();
      // Of its examples it knows the better half from the worse.
      const order = predicted.map((value, index) => ({ value, worth: worth(paths[index]!) }));
      order.sort((a, b) => b.value - a.value);
      const mean = (some: typeof order) => some.reduce((sum, each) => sum + each.worth, 0) / some.length;
      expect(mean(order.slice(0, 5))).to.be.above(mean(order.slice(5)) + 0.5);
    }).timeout(60_000);
  }
});

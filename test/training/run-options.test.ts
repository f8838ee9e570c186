import { expect } from 'chai';
import { runConfigSchema } from '../../src/config/schema.ts';
import { networkOptions } from '../../src/training/run-options.ts';

describe('networkOptions', () => {
  const train = { images: new Uint8Array(0), labels: new Int32Array(0), count: 0, height: 8, width: 8 };
  const data = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.1], train } as const;
  const colours = (config: object) => {
    const { mean, deviation } = networkOptions(runConfigSchema.parse({ data: config }), data).recipe;
    return { mean, deviation };
  };

  it('normalises by what the data set says, or by the config', () => {
    expect(colours({})).to.deep.equal({ mean: data.mean, deviation: data.std });
    expect(colours({ mean: [0.1, 0, 1] })).to.deep.equal({ mean: [0.1, 0, 1], deviation: data.std });
    expect(colours({ std: [1, 0.5, 0.25] })).to.deep.equal({ mean: data.mean, deviation: [1, 0.5, 0.25] });
  });

  it('takes no numbers that are none of colours in 0 … 1', () => {
    for (const wrong of [{ mean: [0.1, 0.2] }, { mean: [124, 116, 104] }, { std: [0.2, 0, 0.2] }, { std: 0.5 }]) {
      const { error } = runConfigSchema.safeParse({ data: wrong });
      expect(error?.issues[0]?.message, JSON.stringify(wrong)).to.match(/^three numbers .*, or null$/);
    }
  });
});

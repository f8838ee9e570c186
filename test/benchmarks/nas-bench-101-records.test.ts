import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createNasBench101 } from '../../src/benchmarks/nas-bench-101.ts';
import { modelMetrics, readNasBench101Records } from '../../src/benchmarks/nas-bench-101-records.ts';
import { frameRecord } from '../../src/data/tfrecord.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

/** A record of one training, as the benchmark's own `api.py` reads it. */
function record(adjacency: string, operations: string, validation: number, test: number, epochs = 108): string {
  const evaluation = (share: number) => ({
    currentEpoch: epochs * share,
    trainingTime: 1000 * share,
    trainAccuracy: share,
    validationAccuracy: validation * share,
    testAccuracy: test * share,
  });
  const metrics = modelMetrics
    .encode(
      modelMetrics.fromObject({
        evaluationData: [evaluation(0), evaluation(0.5), evaluation(1)],
        trainableParameters: 8_555_530,
        totalTime: 1500,
      }),
    )
    .finish();
  return JSON.stringify(['00aa', epochs, adjacency, operations, Buffer.from(metrics).toString('base64')]);
}

const chain = '010000100001' + '0000';
const chainOps = 'input,conv3x3-bn-relu,maxpool3x3,output';

describe("NAS-Bench-101's own file", () => {
  const folder = temporaryFolder();
  const write = (records: readonly string[]): string => {
    const path = join(folder(), 'nasbench_only108.tfrecord');
    writeFileSync(path, Buffer.concat(records.map((text) => frameRecord(Buffer.from(text)))));
    return path;
  };

  it('gives the mean test accuracy of the trainings of a cell, isomorphic records together', async () => {
    const split = '0110' + '0001' + '0001' + '0000';
    const file = write([
      record(chain, chainOps, 0.91, 0.9),
      record(split, 'input,conv1x1-bn-relu,maxpool3x3,output', 0.8, 0.85),
      record(chain, chainOps, 0.93, 0.92),
      // Fewer epochs: the full file has them too.
      record(chain, chainOps, 0.1, 0.1, 4),
      record(split, 'input,maxpool3x3,conv1x1-bn-relu,output', 0.82, 0.87),
    ]);
    const benchmark = createNasBench101(await readNasBench101Records(file, 'test'));
    expect(benchmark.rows).to.equal(2);
    expect(benchmark.reported.values[0]).to.be.closeTo(91, 1e-9);
    expect(benchmark.reported.values[1]).to.be.closeTo(86, 1e-9);
    expect(benchmark.searched.values).to.equal(benchmark.reported.values);
    expect(benchmark.describe(0)).to.equal('0:input>1 1:conv3x3>2 2:maxpool3x3>3');
    expect(benchmark.describe(1)).to.equal('0:input>1,2 1:conv1x1>3 2:maxpool3x3>3');
  });

  it('gives the validation accuracy of the first training to search by', async () => {
    const file = write([record(chain, chainOps, 0.91, 0.9), record(chain, chainOps, 0.93, 0.92)]);
    const { searched, reported } = await readNasBench101Records(file, 'validation');
    expect(searched.values[0]).to.be.closeTo(91, 1e-9);
    expect(reported.values[0]).to.be.closeTo(91, 1e-9);
    expect(searched.name).to.include('validation');
  });

  it('names the record that is not as described', async () => {
    const good = record(chain, chainOps, 0.9, 0.9);
    const cases: [string, RegExp][] = [
      ['{', /record 1: its data is no JSON/],
      ['[1,2]', /record 1: must be \[hash, epochs/],
      [JSON.stringify(['a', 108, chain, chainOps, 'AAAA']), /record 1: its metrics/],
      [record('01', 'input', 0.9, 0.9), /record 1: has 1 vertices/],
      [record('0100', chainOps, 0.9, 0.9), /adjacency "0100" is no 4 x 4 matrix/],
      [record(`1${chain.slice(1)}`, chainOps, 0.9, 0.9), /edge from vertex 0 back to 0/],
      [record(chain, 'input,conv5x5,maxpool3x3,output', 0.9, 0.9), /"conv5x5" is not one of/],
      [record(chain, 'input,maxpool3x3,maxpool3x3,maxpool3x3', 0.9, 0.9), /must go from input to output/],
      [record('0'.repeat(16), chainOps, 0.9, 0.9), /not connected/],
    ];
    for (const [text, message] of cases) {
      const error = await rejection(readNasBench101Records(write([good, text]), 'test'));
      expect(error.code, String(message)).to.equal('io');
      expect(error.message).to.match(message);
    }
    const none = await rejection(readNasBench101Records(write([record(chain, chainOps, 0.9, 0.9, 12)]), 'test'));
    expect(none.message).to.include('no training of 108 epochs');
  });
});

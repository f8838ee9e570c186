/** Old runs, searches, weights and subnets go on: a tiny one of each version of the formats lies in fixtures/checkpoints. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { buildSpace } from '../src/space/presets.ts';
import { createSupernetSession } from '../src/supernet/session.ts';
import { evaluateSubnet, readSubnet } from '../src/supernet/subnet.ts';
import { greedynas } from './cli/simulated-surroundings.ts';
import { sealAgain } from './storage/seal-again.ts';
import { imageBatch, sessionOptions } from './supernet/small-space.ts';
import { rejection, temporaryFolder } from './training/temporary.ts';

const fixtures = fileURLToPath(new URL('fixtures/checkpoints', import.meta.url));
const versions = readdirSync(fixtures).filter((name) => name.startsWith('version-'));

describe('file formats', () => {
  const folder = temporaryFolder();
  const run = () => join(folder(), 'checkpoints', 'old');

  it('have a fixture of the first version', () => {
    expect(versions).to.include('version-1');
  });

  for (const version of versions) {
    describe(version, () => {
      const fixture = (name: string) => join(fixtures, version, name);
      const takeRun = () => {
        mkdirSync(join(folder(), 'checkpoints'));
        cpSync(fixture('old'), run(), { recursive: true });
      };

      it('a run goes on where it stopped, with its pool', async () => {
        takeRun();
        const before: { paths: { path: string; loss: number }[] } = JSON.parse(
          readFileSync(join(run(), 'step-00000033', 'pool.json'), 'utf8'),
        );
        const { code, stdout, stderr } = await greedynas(folder(), [
          'train-supernet',
          ...['--run', 'old', '--resume', '--json'],
        ]);
        expect(stderr).to.include('resuming old at step 33');
        expect(code).to.equal(0);
        expect(JSON.parse(stdout)).to.include({ step: 60, end: 'length' });
        const metrics = readFileSync(join(run(), 'metrics.jsonl'), 'utf8');
        expect(metrics.startsWith(readFileSync(join(fixture('old'), 'metrics.jsonl'), 'utf8'))).to.equal(true);
        // Good paths of before are in the pool of after.
        const after = readFileSync(join(run(), 'pool.json'), 'utf8');
        expect(before.paths.some(({ path }) => after.includes(path))).to.equal(true);
      });

      it('a search goes on where it stopped, and evaluates nothing again', async () => {
        takeRun();
        const { code, stdout, stderr } = await greedynas(folder(), [
          'search',
          ...['--run', 'old', '--name', 'old', '--resume', '--json'],
        ]);
        expect(stderr).to.include('resuming search old of run old');
        expect(code).to.equal(0);
        expect(JSON.parse(stdout).candidates).to.have.length(40);
        const log = (root: string) => readFileSync(join(root, 'search', 'old', 'population.jsonl'), 'utf8');
        expect(log(run()).startsWith(log(fixture('old')))).to.equal(true);
      });

      it('weights and momentum of a supernet load and mean the same', async () => {
        const { space: options } = await readSubnet(fixture('subnet'));
        const space = buildSpace(options);
        const batches = { ranking: 8, validation: 8, calibration: 8 };
        const supernet = createSupernetSession(space, { ...sessionOptions(), batches });
        const expected = JSON.parse(readFileSync(fixture('losses.json'), 'utf8'));
        const path = [1, 0, 0];
        try {
          supernet.restore(fixture('weights'));
          supernet.loadStack('ranking', imageBatch(8, 9, space));
          expect(supernet.rank(path).loss).to.be.closeTo(expected.saved, 1e-4);
          expect(supernet.trainStep(path, imageBatch(8, 10, space), 0.01).loss).to.be.closeTo(expected.next, 1e-4);
          expect(supernet.rank(path).loss).to.be.closeTo(expected.after, 1e-4);
        } finally {
          supernet.close();
        }
      });

      it('a subnet is the network that it was', async () => {
        const description = await readSubnet(fixture('subnet'));
        const space = buildSpace(description.space);
        const batches = { ranking: 8, validation: 8, calibration: 8 };
        const { engine } = sessionOptions();
        const scores = evaluateSubnet(fixture('subnet'), description, { engine, batches }, [imageBatch(8, 12, space)]);
        expect(scores.loss).to.be.closeTo(description.validation.loss, 1e-4);
        expect(scores.top1).to.equal(description.validation.top1);
      });
    });
  }

  describe('that are newer than this program', () => {
    const newer = (text: string) => JSON.stringify({ ...JSON.parse(text), format: 99 });
    beforeEach(() => {
      mkdirSync(join(folder(), 'checkpoints'));
      cpSync(join(fixtures, 'version-1', 'old'), run(), { recursive: true });
      cpSync(join(fixtures, 'version-1', 'subnet'), join(folder(), 'subnet'), { recursive: true });
    });

    it('are refused as a checkpoint, though an older one is there', async () => {
      sealAgain(join(run(), 'step-00000033'), (manifest) => ({ ...manifest, format: 99 }));
      const { code, stderr } = await greedynas(folder(), ['train-supernet', '--run', 'old', '--resume']);
      expect(code).to.equal(4);
      expect(stderr).to.match(/step-00000033: it was written by a newer greedynas .*update greedynas/);
    });

    it('are refused as a search', async () => {
      const file = join(run(), 'search', 'old', 'state.json');
      writeFileSync(file, newer(readFileSync(file, 'utf8')));
      const { code, stderr } = await greedynas(folder(), ['search', '--run', 'old', '--resume', '--name', 'old']);
      expect(code).to.equal(4);
      expect(stderr).to.include(file).and.to.include('has format 99').and.to.include('update greedynas');
    });

    it('are refused as a subnet', async () => {
      sealAgain(join(folder(), 'subnet'), (manifest) => ({ ...manifest, format: 99 }));
      const error = await rejection(readSubnet(join(folder(), 'subnet')));
      expect(error.code).to.equal('io');
      expect(error.message).to.include('newer greedynas').and.to.include('update greedynas');
    });
  });
});

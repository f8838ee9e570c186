import { expect } from 'chai';
import { parseWheelName, tensorflowVersion, wheelsFor } from '../../src/engine/version.ts';

describe('the pinned wheels', () => {
  const all = [wheelsFor('cpu', 'x86_64'), wheelsFor('cpu', 'aarch64'), wheelsFor('cuda', 'x86_64')];

  it('are there for each served machine, and absent elsewhere', () => {
    for (const wheels of all) expect(wheels).to.be.an('array').that.is.not.empty;
    expect(wheelsFor('cuda', 'aarch64')).to.equal(null);
    expect(wheelsFor('cpu', 'riscv64')).to.equal(null);
    expect(wheelsFor('cpu', 'toString')).to.equal(null);
  });

  it('begin with TensorFlow in the pinned version, the rest is nvidia for CUDA 12', () => {
    for (const wheels of all) {
      const [first, ...rest] = (wheels ?? []).map(({ file }) => parseWheelName(file));
      expect(first?.project).to.match(/^tensorflow(-cpu)?$/);
      expect(first?.version).to.equal(tensorflowVersion);
      for (const { project, abi } of rest) {
        expect(project).to.match(/^nvidia-.*-cu12$/);
        expect(abi).to.equal('none');
      }
    }
  });

  it('each have a SHA-256 of their own and a plausible size', () => {
    const hashes = all.flatMap((wheels) => (wheels ?? []).map(({ sha256 }) => sha256));
    expect(new Set(hashes).size).to.equal(hashes.length);
    for (const hash of hashes) expect(hash).to.match(/^[0-9a-f]{64}$/);
    for (const wheels of all) for (const { bytes } of wheels ?? []) expect(bytes).to.be.within(1e6, 1e9);
  });
});

describe('parseWheelName', () => {
  it('takes a name apart', () => {
    expect(parseWheelName('tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl')).to.deep.equal({
      project: 'tensorflow-cpu',
      version: '2.21.0',
      abi: 'cp311',
      platform: 'manylinux_2_27_x86_64',
    });
  });

  it('takes the first of several platforms', () => {
    const file = 'nvidia_nccl_cu12-2.32.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl';
    expect(parseWheelName(file).platform).to.equal('manylinux2014_x86_64');
  });

  it('refuses other names', () => {
    for (const file of ['', 'tensorflow-2.21.0.tar.gz', 'tensorflow-2.21.0-cp311.whl', 'a-b-c-d-e.whl']) {
      expect(() => parseWheelName(file)).to.throw(RangeError, 'not a wheel');
    }
  });
});

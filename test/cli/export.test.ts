import { expect } from 'chai';
import { temporaryFolder } from '../training/temporary.ts';
import { greedynas } from './simulated-surroundings.ts';

describe('cli/export', () => {
  const folder = temporaryFolder();
  const run = (line: string) => greedynas(folder(), ['export', ...line.split(' ')]);

  it('writes where it is told, and says how to load it', async () => {
    const { code, stdout } = await run('--subnet x --format onnx --fold --out here');
    expect(code).to.equal(0);
    expect(stdout).to.match(/^Wrote here: onnx, batch norm folded, 1\.23MB \(11M FLOPs, 395k parameters\)\.\n/);
    expect(stdout).to.include("onnxruntime.InferenceSession('here/model.onnx')");
  });

  it('says how each format is loaded', async () => {
    for (const [format, line] of [
      ['savedmodel', /tf\.saved_model\.load/],
      ['safetensors', /load_network/],
      ['tfjs', /http-server/],
    ] as const) {
      expect((await run(`--subnet x --format ${format}`)).stdout).to.match(line);
    }
  });

  it('says what threads an export for a CPU wants, and only there', async () => {
    const line = /fastest with TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=<cores>/;
    const { stdout } = await run('--subnet x --format savedmodel --fold --target cpu');
    expect(stdout)
      .to.match(/^Wrote exports\/small: savedmodel, batch norm folded, for a CPU, /)
      .and.match(line);
    expect((await run('--subnet x --format savedmodel --fold')).stdout).not.to.match(line);
  });

  it('with --json prints one object', async () => {
    const { stdout } = await run('--subnet x --format tfjs --json');
    expect(JSON.parse(stdout)).to.include({ format: 'tfjs', folded: false, target: 'any', directory: 'exports/small' });
  });

  it('refuses formats that it does not have', async () => {
    const { code, stderr } = await run('--subnet x --format caffe');
    expect(code).to.equal(2);
    expect(stderr).to.match(/Choices: "savedmodel", "onnx", "safetensors", "tfjs"/);
  });
});

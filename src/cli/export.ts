/** `greedynas export`: a subnet in the format of another program. */
import { type Command, flag, requiredText, switchFlag, textFlag } from './command.ts';
import { printResult } from './output.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write a subnet as a TensorFlow SavedModel, as ONNX, for PyTorch and timm, or for the browser.',
  flags: {
    subnet: flag.subnet,
    format: {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      choices: ['savedmodel', 'onnx', 'safetensors', 'tfjs'],
      describe: 'savedmodel: TensorFlow; onnx; safetensors: PyTorch, built by timm; tfjs: browsers, with a demo page',
    },
    fold: { type: 'boolean', describe: 'work batch norm into the convolutions: faster, for inference only' },
    target: {
      type: 'string',
      requiresArg: true,
      choices: ['any', 'cpu'],
      default: 'any',
      describe: 'cpu: faster there, batches go through in pieces; for savedmodel --fold, not to be served on a GPU',
    },
    out: {
      type: 'string',
      requiresArg: true,
      describe: "folder to write; default: exports/<subnet>-<format> in the run's folder",
    },
  },
  examples: [
    ['greedynas export --subnet checkpoints/default/subnets/12M-1 --format onnx --fold', 'one .onnx file to deploy'],
    [
      'greedynas export --subnet checkpoints/default/subnets/12M-1 --format savedmodel --fold --target cpu',
      'to serve on CPUs',
    ],
    ['greedynas export --subnet checkpoints/default/subnets/12M-1 --format safetensors', 'to train on in PyTorch'],
  ],
  files: [
    'Reads the folder of the subnet. Writes the folder --out, whole or not at all: export.json, which',
    'says what it is, and for savedmodel saved_model.pb, variables/ (with --fold its weights are',
    'constants in saved_model.pb), checkpoint/; for onnx model.onnx; for safetensors model.safetensors,',
    'model.json, greedynas_timm.py; for tfjs model.json, weights, index.html, tf.min.js.',
    'An older export in that folder is replaced, anything else there is an error.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { exportSummary } = await import('../report/export-summary.ts');
    const { exportFormats, exportTargets } = await import('../export/export-subnet.ts');
    const format = exportFormats.find((known) => known === requiredText(flags, 'format'))!;
    const target = exportTargets.find((known) => known === requiredText(flags, 'target'))!;
    const result = await surroundings.exportSubnet({
      subnet: requiredText(flags, 'subnet'),
      format,
      fold: switchFlag(flags, 'fold'),
      target,
      out: textFlag(flags, 'out') ?? null,
    });
    printResult(surroundings, flags, result, exportSummary(result));
    return 0;
  },
};

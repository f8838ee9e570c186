/** What an export says when it is written: where it is and how to load it. */
import type { ExportResult } from '../export/export-subnet.ts';
import { formatFlops } from '../space/cost.ts';
import { formatCount } from './format.ts';

/** How the program of each format loads the folder. */
const next: Readonly<Record<ExportResult['format'], (directory: string) => string>> = {
  savedmodel: (directory) => `Python: tf.saved_model.load('${directory}').signatures['serving_default']`,
  onnx: (directory) => `Python: onnxruntime.InferenceSession('${directory}/model.onnx')`,
  safetensors: (directory) =>
    `Python, in ${directory}: from greedynas_timm import load_network; model = load_network('.')`,
  tfjs: (directory) => `Serve the folder and open its page: npx http-server ${directory}`,
};

/** What a batch in pieces needs, so that each core works on a piece of its own. */
const servingThreads =
  'It is fastest with TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=<cores> in the environment of what serves it.';

export function exportSummary(result: ExportResult): string {
  const { format, folded, target, directory, bytes, flops, params } = result;
  return [
    `Wrote ${directory}: ${format}${folded ? ', batch norm folded' : ''}${target === 'cpu' ? ', for a CPU' : ''}, ${formatCount(bytes)}B (${formatFlops(flops)} FLOPs, ${formatCount(params)} parameters).`,
    next[format](directory),
    ...(target === 'cpu' ? [servingThreads] : []),
  ].join('\n');
}

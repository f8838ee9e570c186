/** The supernet recipe of the paper, which the benches train with: image statistics of ImageNet, decay, momentum, smoothing. */
import type { NetworkRecipe } from '../../src/supernet/compile.ts';

export const paperRecipe: NetworkRecipe = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
  labelSmoothing: 0.1,
  dropout: 0,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 4e-5,
  zeroGamma: false,
};

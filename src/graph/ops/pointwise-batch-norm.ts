/**
 * A 1x1 convolution and the batch norm after it as one matrix product, without a pass over what the convolution makes.
 *
 * With x centred, C its covariance and W the filter, channel c of x · W has the variance Wcᵀ · C · Wc, and batch norm is a
 * factor for each column of W and an offset. C comes from x alone, which an inverted bottleneck's expansion makes 3 or 6
 * times as wide; batch norm after the convolution reads the wide image three times and writes it once, its gradient reads two
 * of them twice and writes one, and both must keep the image as it was before. The values are those of batch norm, but for
 * rounding. (Ioffe and Szegedy 2015, section 3, for the derivative that is written here in terms of x.)
 */
import type { Scope, Tensor } from '../graph.ts';
import { attribute, shapeText } from '../types.ts';
import { cast, elementwise } from './arithmetic.ts';
import { batchNormEpsilon } from './batch-norm.ts';
import { biasAdd, biasAttributes, channelSums, product } from './dense.ts';
import { reshape } from './shapes.ts';

export interface PointwiseBatchNorm {
  /** `[batch · height · width, outChannels]`: rows of pixels, so that an activation can join the product. */
  readonly y: Tensor;
  /** Mean of each channel of the convolution. `[outChannels]` */
  readonly mean: Tensor;
  /** Its unbiased variance (divided by count − 1). `[outChannels]` */
  readonly variance: Tensor;
}

/**
 * Whether a convolution is one that this is faster for, on a CPU with oneDNN. Processor time of convolution, batch norm and
 * ReLU with their gradients at batch 32, apart and joined: 32 → 192 channels at 56x56 98 and 68 ms, 16 → 96 at 112x112 150
 * and 108, 40 → 240 at 28x28 33 and 25, 96 → 576 at 14x14 31 and 27; but 96 → 288 13.8 and 14.3, 192 → 1152 at 7x7 24 and
 * 26. The passes saved cost about 1 ns a value of the wide image, the added products 0.04 ns a multiplication and addition,
 * and twenty more small operations 0.3 ms. Where the batch is fed, one of 32 is meant.
 */
export function joinsProduct(scope: Scope, x: Tensor, filter: Tensor, stride: number): boolean {
  const [batch = -1, height = -1, width = -1, inChannels = -1] = x.shape ?? [];
  const [filterHeight, filterWidth, , outChannels = -1] = filter.shape ?? [];
  if (scope.graph.kernels !== 'onednn' || stride !== 1 || filterHeight !== 1 || filterWidth !== 1) return false;
  if (Math.min(height, width) < 1) return false;
  const rows = (batch < 0 ? 32 : batch) * height * width;
  return rows * outChannels > 300_000 + 0.04 * inChannels ** 2 * (rows + outChannels);
}

/**
 * Convolves with stride 1, normalises each channel by the batch, then scales and shifts it.
 *
 * @param x `[batch, height, width, inChannels]`; only the batch may be unknown
 * @param filter `[1, 1, inChannels, outChannels]`
 * @param gamma, beta `[outChannels]`
 */
export function pointwiseBatchNorm(
  scope: Scope,
  x: Tensor,
  filter: Tensor,
  gamma: Tensor,
  beta: Tensor,
): PointwiseBatchNorm {
  const [batch, height, width, inChannels] = (x.shape ?? []) as readonly [number, number, number, number];
  const outChannels = filter.shape?.[3] ?? -1;
  const rows = batch < 0 ? -1 : batch * height * width;
  if (Math.min(height, width) < 1 || shapeText(filter.shape) !== shapeText([1, 1, inChannels, outChannels])) {
    throw new Error(`pointwiseBatchNorm: image ${shapeText(x.shape)} does not fit filter ${shapeText(filter.shape)}`);
  }
  const pixels = reshape(scope, x, [rows, inChannels]);
  const share = oneOf(scope, pixels, inChannels);
  const inMean = elementwise(scope, 'Mul', [channelSums(scope, pixels), share]);
  const centred = biasAdd(scope, pixels, elementwise(scope, 'Neg', [inMean]));
  const covariance = elementwise(scope, 'Mul', [product(scope, centred, centred, 'first'), share]);
  const weights = matrixOf(scope, filter);
  const covarianceByWeights = product(scope, covariance, weights);
  const sums = channelSums(scope, elementwise(scope, 'Mul', [weights, covarianceByWeights]));
  // Rounding may leave a channel that never varies just below 0.
  const variance = elementwise(scope, 'Maximum', [sums, scope.constant(0, x.dtype)]);
  const epsilon = scope.constant(batchNormEpsilon, x.dtype);
  const inverse = elementwise(scope, 'Rsqrt', [elementwise(scope, 'AddV2', [variance, epsilon])]);
  const factor = elementwise(scope, 'Mul', [gamma, inverse]);
  const scaled = elementwise(scope, 'Mul', [weights, factor]);
  const y = scope.addOne('BiasAdd', {
    inputs: [product(scope, centred, scaled), beta],
    attributes: biasAttributes(x),
    dtype: x.dtype,
    shape: [rows, outChannels],
    differentiates: [x, filter, gamma, beta],
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null, null, null];
      const parts = { x, filter, gamma, beta, share, centred, covarianceByWeights, inverse, factor, scaled };
      return derivative(into, gradient, parts);
    },
  });
  const outMean = product(scope, reshape(scope, inMean, [1, inChannels]), weights);
  // 1 − 1/count; of a single row, whose variance is 0, 1.
  const others = elementwise(scope, 'Maximum', [
    elementwise(scope, 'Sub', [scope.constant(1, x.dtype), share], [1]),
    share,
  ]);
  return {
    y,
    mean: reshape(scope, outMean, [outChannels]),
    variance: elementwise(scope, 'RealDiv', [variance, others], variance.shape),
  };
}

/** Of y = centred · scaled + beta, with scaled = weights ∘ factor, factor = gamma ∘ inverse, inverse = 1 / √(variance + ε). */
interface Parts {
  readonly x: Tensor;
  readonly filter: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  /** 1 / count. */
  readonly share: Tensor;
  readonly centred: Tensor;
  readonly covarianceByWeights: Tensor;
  readonly inverse: Tensor;
  readonly factor: Tensor;
  readonly scaled: Tensor;
}

/** The gradients of x, filter, gamma and beta, given that of y. */
function derivative(into: Scope, gradient: Tensor, parts: Parts): (Tensor | null)[] {
  const { x, filter, gamma, beta, share, centred, covarianceByWeights, inverse, factor, scaled } = parts;
  const [inChannels, outChannels] = scaled.shape as readonly [number, number];
  const multiply = (a: Tensor, b: Tensor): Tensor => elementwise(into, 'Mul', [a, b]);
  const weights = matrixOf(into, filter);
  const toBeta = channelSums(into, gradient);
  const toScaled = product(into, centred, gradient, 'first');
  const toFactor = channelSums(into, multiply(toScaled, weights));
  // Twice the gradient of the variance.
  const cubed = multiply(factor, multiply(inverse, inverse));
  const toVariance = elementwise(into, 'Neg', [multiply(toFactor, cubed)]);
  const toWeights = elementwise(into, 'AddV2', [multiply(toScaled, factor), multiply(covarianceByWeights, toVariance)]);
  const toImage = (): Tensor => {
    const perPixel = product(into, multiply(weights, multiply(toVariance, share)), weights, 'second');
    // Of what comes through the product the mean is taken away; what comes through the variance has none, as centred has none.
    const sum = product(into, reshape(into, toBeta, [1, outChannels]), scaled, 'second');
    const mean = reshape(into, multiply(sum, share), [inChannels]);
    const rest = biasAdd(into, product(into, centred, perPixel), elementwise(into, 'Neg', [mean]));
    const both = elementwise(into, 'AddV2', [rest, product(into, gradient, scaled, 'second')]);
    return reshape(into, both, x.shape ?? []);
  };
  return [
    x.differentiable ? toImage() : null,
    filter.differentiable ? reshape(into, toWeights, filter.shape ?? []) : null,
    gamma.differentiable ? multiply(toFactor, inverse) : null,
    beta.differentiable ? toBeta : null,
  ];
}

/** A 1x1 filter as `[inChannels, outChannels]`. */
function matrixOf(scope: Scope, filter: Tensor): Tensor {
  return reshape(scope, filter, filter.shape?.slice(2) ?? []);
}

/** 1 / the number of rows of a matrix: `[1]`, since what leaves a branch for its derivative cannot be a scalar. */
function oneOf(scope: Scope, matrix: Tensor, columns: number): Tensor {
  const size = scope.addOne('Size', {
    inputs: [matrix],
    attributes: { T: attribute.type(matrix.dtype), out_type: attribute.type('int32') },
    dtype: 'int32',
    shape: [],
  });
  const count = cast(scope, reshape(scope, size, [1]), matrix.dtype);
  return elementwise(scope, 'RealDiv', [scope.constant(columns, matrix.dtype), count], [1]);
}

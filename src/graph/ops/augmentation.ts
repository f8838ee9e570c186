/**
 * The image operations of RandAugment (Cubuk et al. 2019) as Pillow and timm compute them, on one image in a function that tf.data maps.
 *
 * Which operation, and with which numbers, is data: nothing is drawn here.
 */
import type { Scope, Tensor } from '../graph.ts';
import { mapFunction } from '../map-function.ts';
import { attribute } from '../types.ts';
import { cast, elementwise } from './arithmetic.ts';
import { reshape } from './shapes.ts';

/** Their places are the numbers that a plan names them by. What `values` mean stands beside each; those of no meaning are 0. */
export const imageOperations = [
  'none',
  /** Row by row the first six numbers of the transform from output to input pixels, both counted from the centre of the first. */
  'affine',
  'autocontrast',
  'equalize',
  'invert',
  /** 2^(8 − bits that stay). */
  'posterize',
  /** Values from here on are inverted. */
  'solarize',
  /** What values below 128 are raised by. */
  'solarize-add',
  /** The factor of Pillow's enhancers: 0 grey, mean grey, black, or smoothed; 1 the image itself. */
  'color',
  'contrast',
  'brightness',
  'sharpness',
] as const;
export type ImageOperation = (typeof imageOperations)[number];

/** Numbers that each operation is given. */
export const operationValues = 6;

/** A function of the graph that runs one of the operations on an image: (image, number of the operation, values) → image. */
export type OperationRunner = (body: Scope, image: Tensor, operation: Tensor, values: Tensor) => Tensor;

/**
 * Adds the operations to the graph, for uint8 images `[side, side, 3]`.
 *
 * @param fill what `affine` shows beside the image, for each colour in 0 … 255
 */
export function addImageOperations(scope: Scope, side: number, fill: readonly number[]): OperationRunner {
  const shape = [side, side, 3];
  const parts = [
    { dtype: 'uint8', shape },
    { dtype: 'float32', shape: [operationValues] },
  ] as const;
  const names = imageOperations.map(
    (operation) =>
      mapFunction(scope, `image_${operation}`, parts, (body, [image, values]) => [
        operation === 'none' ? image! : bytes(body, run(operation, body, image!, values!, side, fill)),
      ]).name,
  );
  return (body, image, operation, values) =>
    // Stateless: a stateful operation in it, and tf.data gives up all parallelism where TensorFlow is to be deterministic.
    body.addOne('StatelessCase', {
      inputs: [operation, image, values],
      attributes: {
        Tin: attribute.types(['uint8', 'float32']),
        Tout: attribute.types(['uint8']),
        branches: attribute.functions(names),
        output_shapes: attribute.shapes([shape]),
      },
      dtype: 'uint8',
      shape,
    });
}

function run(
  operation: Exclude<ImageOperation, 'none'>,
  scope: Scope,
  image: Tensor,
  values: Tensor,
  side: number,
  fill: readonly number[],
): Tensor {
  const x = cast(scope, image, 'float32');
  const number = (value: number): Tensor => scope.constant(value, 'float32');
  const first = (): Tensor => reshape(scope, head(scope, values), []);
  const inverted = (): Tensor => elementwise(scope, 'Sub', [number(255), x], x.shape);
  switch (operation) {
    case 'affine':
      return transformed(scope, x, values, side, fill);
    case 'autocontrast':
      return stretched(scope, x);
    case 'equalize':
      return equalized(scope, x, side);
    case 'invert':
      return inverted();
    case 'posterize': {
      const steps = elementwise(scope, 'Floor', [elementwise(scope, 'RealDiv', [x, first()])]);
      return elementwise(scope, 'Mul', [steps, first()]);
    }
    case 'solarize':
      return select(scope, compare(scope, 'Less', x, first()), x, inverted());
    case 'solarize-add': {
      const raised = elementwise(scope, 'Minimum', [elementwise(scope, 'AddV2', [x, first()]), number(255)]);
      return select(scope, compare(scope, 'Less', x, number(128)), raised, x);
    }
    case 'color':
      return blended(scope, cast(scope, grey(scope, image), 'float32'), x, first());
    case 'contrast': {
      const level = reduced(scope, 'Mean', cast(scope, grey(scope, image), 'float32'), [0, 1, 2], [1, 1, 1]);
      const rounded = elementwise(scope, 'Floor', [elementwise(scope, 'AddV2', [level, number(0.5)])]);
      return blended(scope, rounded, x, first());
    }
    case 'brightness':
      return elementwise(scope, 'Mul', [x, first()]);
    case 'sharpness':
      return blended(scope, smoothed(scope, x, side), x, first());
  }
}

/** Cut off as Pillow does: what lies outside becomes 0 or 255, fractions are dropped. */
function bytes(scope: Scope, x: Tensor): Tensor {
  const least = elementwise(scope, 'Maximum', [x, scope.constant(0, 'float32')]);
  return cast(scope, elementwise(scope, 'Minimum', [least, scope.constant(255, 'float32')]), 'uint8');
}

/** The first of the values, `[1]`. */
function head(scope: Scope, values: Tensor): Tensor {
  return scope.addOne('Slice', {
    inputs: [values, scope.constant([0], 'int32'), scope.constant([1], 'int32')],
    attributes: { T: attribute.type(values.dtype), Index: attribute.type('int32') },
    dtype: values.dtype,
    shape: [1],
  });
}

/** other + factor · (x − other), which goes beyond x where the factor is above 1. */
function blended(scope: Scope, other: Tensor, x: Tensor, factor: Tensor): Tensor {
  const away = elementwise(scope, 'Mul', [elementwise(scope, 'Sub', [x, other]), factor]);
  return elementwise(scope, 'AddV2', [away, other], x.shape);
}

/** Luma in whole numbers as Pillow's mode L has it: `[side, side, 1]`, int32. */
function grey(scope: Scope, image: Tensor): Tensor {
  const weighted = elementwise(scope, 'Mul', [
    cast(scope, image, 'int32'),
    scope.constant([19_595, 38_470, 7471], 'int32'),
  ]);
  const [height = -1, width = -1] = image.shape ?? [];
  const sum = reduced(scope, 'Sum', weighted, [2], [height, width, 1]);
  const rounded = elementwise(scope, 'AddV2', [sum, scope.constant(0x8000, 'int32')]);
  return elementwise(scope, 'FloorDiv', [rounded, scope.constant(0x10000, 'int32')]);
}

/** Each colour stretched from its least and greatest value to 0 … 255; a colour of one value stays. */
function stretched(scope: Scope, x: Tensor): Tensor {
  const least = reduced(scope, 'Min', x, [0, 1], [1, 1, 3]);
  const range = elementwise(scope, 'Sub', [reduced(scope, 'Max', x, [0, 1], [1, 1, 3]), least]);
  const risen = elementwise(scope, 'Mul', [elementwise(scope, 'Sub', [x, least]), scope.constant(255, 'float32')]);
  const varies = compare(scope, 'Less', scope.constant(0, 'float32'), range);
  const divisor = elementwise(scope, 'Maximum', [range, scope.constant(1, 'float32')]);
  return select(scope, varies, elementwise(scope, 'RealDiv', [risen, divisor]), x);
}

/** Pillow's histogram equalisation of each colour, in whole numbers. */
function equalized(scope: Scope, x: Tensor, side: number): Tensor {
  const whole = (values: number | number[]): Tensor => scope.constant(values, 'int32');
  const colours = cast(scope, reshape(scope, x, [side * side, 3]), 'int32');
  const byColour = scope.addOne('Transpose', {
    inputs: [colours, whole([1, 0])],
    attributes: { T: attribute.type('int32'), Tperm: attribute.type('int32') },
    dtype: 'int32',
    shape: [3, side * side],
  });
  const histogram = scope.addOne('DenseBincount', {
    inputs: [byColour, whole(256), scope.constant([], 'int32', [0])],
    attributes: { T: attribute.type('int32'), Tidx: attribute.type('int32'), binary_output: attribute.bool(false) },
    dtype: 'int32',
    shape: [3, 256],
  });
  const before = scope.addOne('Cumsum', {
    inputs: [histogram, whole(1)],
    attributes: {
      T: attribute.type('int32'),
      Tidx: attribute.type('int32'),
      exclusive: attribute.bool(true),
      reverse: attribute.bool(false),
    },
    dtype: 'int32',
    shape: [3, 256],
  });
  // All but those of the greatest value, as that many are before it.
  const greatest = reduced(scope, 'Max', byColour, [1], [3, 1]);
  const places = elementwise(scope, 'AddV2', [greatest, scope.constant([0, 256, 512], 'int32', [3, 1])]);
  const others = gather(scope, reshape(scope, before, [768]), places, [3, 1]);
  const step = elementwise(scope, 'FloorDiv', [others, whole(255)]);
  const divisor = elementwise(scope, 'Maximum', [step, whole(1)]);
  const half = elementwise(scope, 'FloorDiv', [divisor, whole(2)]);
  const table = elementwise(scope, 'FloorDiv', [elementwise(scope, 'AddV2', [before, half]), divisor]);
  const indices = elementwise(scope, 'AddV2', [colours, whole([0, 256, 512])]);
  const looked = gather(scope, reshape(scope, table, [768]), indices, [side * side, 3]);
  const changes = compare(scope, 'Less', whole(0), reshape(scope, step, [3]));
  return reshape(scope, cast(scope, select(scope, changes, looked, colours), 'float32'), [side, side, 3]);
}

/** Pillow's SMOOTH filter: 5 for the pixel, 1 for each neighbour, of 13; the border stays. */
function smoothed(scope: Scope, x: Tensor, side: number): Tensor {
  const kernel = Array.from({ length: 27 }, (_, index) => (Math.floor(index / 3) === 4 ? 5 / 13 : 1 / 13));
  const filtered = scope.addOne('DepthwiseConv2dNative', {
    inputs: [reshape(scope, x, [1, side, side, 3]), scope.constant(kernel, 'float32', [3, 3, 3, 1])],
    attributes: {
      T: attribute.type('float32'),
      strides: attribute.ints([1, 1, 1, 1]),
      padding: attribute.text('SAME'),
      explicit_paddings: attribute.ints([]),
      data_format: attribute.text('NHWC'),
      dilations: attribute.ints([1, 1, 1, 1]),
    },
    dtype: 'float32',
    shape: [1, side, side, 3],
  });
  const rounded = elementwise(scope, 'Floor', [
    elementwise(scope, 'AddV2', [reshape(scope, filtered, [side, side, 3]), scope.constant(0.5, 'float32')]),
  ]);
  const edge = (index: number): boolean => index === 0 || index === side - 1;
  const border = Array.from({ length: side * side }, (_, pixel) =>
    Number(edge(Math.floor(pixel / side)) || edge(pixel % side)),
  );
  return select(scope, scope.constant(border, 'bool', [side, side, 1]), x, rounded);
}

/** Bilinear; fill beside the image. */
function transformed(scope: Scope, x: Tensor, values: Tensor, side: number, fill: readonly number[]): Tensor {
  const background = scope.constant(fill, 'float32');
  const transform = scope.addOne('ConcatV2', {
    inputs: [values, scope.constant([0, 0], 'float32'), scope.constant(0, 'int32')],
    attributes: { T: attribute.type('float32'), Tidx: attribute.type('int32'), N: attribute.int(2) },
    dtype: 'float32',
    shape: [8],
  });
  // The op fills with one number for all colours: with 0, of images less their fill.
  const moved = scope.addOne('ImageProjectiveTransformV3', {
    inputs: [
      reshape(scope, elementwise(scope, 'Sub', [x, background]), [1, side, side, 3]),
      reshape(scope, transform, [1, 8]),
      scope.constant([side, side], 'int32'),
      scope.constant(0, 'float32'),
    ],
    attributes: {
      dtype: attribute.type('float32'),
      interpolation: attribute.text('BILINEAR'),
      fill_mode: attribute.text('CONSTANT'),
    },
    dtype: 'float32',
    shape: [1, side, side, 3],
  });
  const back = elementwise(scope, 'AddV2', [reshape(scope, moved, [side, side, 3]), background]);
  return elementwise(scope, 'AddV2', [back, scope.constant(0.5, 'float32')]);
}

function reduced(
  scope: Scope,
  op: 'Mean' | 'Sum' | 'Min' | 'Max',
  x: Tensor,
  axes: readonly number[],
  shape: readonly number[],
): Tensor {
  return scope.addOne(op, {
    inputs: [x, scope.constant(axes, 'int32')],
    attributes: { T: attribute.type(x.dtype), Tidx: attribute.type('int32'), keep_dims: attribute.bool(true) },
    dtype: x.dtype,
    shape,
  });
}

function compare(scope: Scope, op: 'Less', x: Tensor, y: Tensor): Tensor {
  const [xShape, yShape] = [x.shape ?? [], y.shape ?? []];
  return scope.addOne(op, {
    inputs: [x, y],
    attributes: { T: attribute.type(x.dtype) },
    dtype: 'bool',
    shape: xShape.length < yShape.length ? yShape : xShape,
  });
}

function select(scope: Scope, condition: Tensor, x: Tensor, y: Tensor): Tensor {
  return scope.addOne('SelectV2', {
    inputs: [condition, x, y],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
  });
}

function gather(scope: Scope, table: Tensor, indices: Tensor, shape: readonly number[]): Tensor {
  return scope.addOne('GatherV2', {
    inputs: [table, indices, scope.constant(0, 'int32')],
    attributes: {
      Tparams: attribute.type(table.dtype),
      Tindices: attribute.type('int32'),
      Taxis: attribute.type('int32'),
      batch_dims: attribute.int(0),
    },
    dtype: table.dtype,
    shape,
  });
}

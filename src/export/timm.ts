/**
 * A network as timm (huggingface/pytorch-image-models) builds it: the strings of its EfficientNet builder, keyword arguments,
 * and the weights under PyTorch's names and in its layout.
 */
import { operationToken } from '../space/genotype.ts';
import { type Activation, keepsShape, type Layer, type Operation, type Path, type Space } from '../space/space.ts';
import { filterChannelsFirst, transposed } from './layout.ts';
import { valuesOf, type WeightTensor } from './program.ts';

export interface TimmNetwork {
  /** What `decode_arch_def` takes: a list of blocks for each stage. */
  readonly arch_def: readonly (readonly string[])[];
  /** Further arguments of `EfficientNet`. */
  readonly kwargs: {
    readonly num_classes: number;
    readonly num_features: number;
    readonly stem_size: number;
    readonly fix_stem: true;
    readonly output_stride: number;
    readonly pad_type: 'same';
  };
  /** Arguments to bind to timm's `SqueezeExcite`. */
  readonly se: { readonly gate_layer: 'hard_sigmoid'; readonly force_act_layer: 'relu' };
  /** Of the stem, which timm builds with stride 2. */
  readonly stem_stride: number;
  /** Blocks `stage.index` that are a convolution without activation, which timm's strings cannot say. */
  readonly linear_blocks: readonly string[];
}

/** A tensor of PyTorch and the weight that it is made of. */
interface NamedWeight {
  readonly name: string;
  readonly from: string;
  readonly layout: 'same' | 'filter' | 'depthwise' | 'matrix';
}

const activationNames: Readonly<Record<Activation, string>> = { relu: 'nre', relu6: 'nr6', hswish: 'nhs' };

interface Block {
  readonly stage: string;
  readonly text: string;
  readonly linear: boolean;
  /** Its weights, named from the block on. */
  readonly weights: readonly NamedWeight[];
}

/**
 * The network of a path, with the names of its weights.
 *
 * @throws Error for a space that is not built like the presets: a 3x3 stem, at most one MBConv after it, a 1x1 head, both ReLU
 */
export function describeForTimm(space: Space, path: Path): { network: TimmNetwork; weights: readonly NamedWeight[] } {
  const [stem, ...stemBlocks] = space.stem;
  const [head, ...more] = space.head;
  if (stem?.kind !== 'conv' || head?.kind !== 'conv' || more.length > 0)
    throw new Error('timm has no such stem or head');
  if (stem.kernel !== 3 || head.kernel !== 1 || stem.activation !== 'relu' || head.activation !== 'relu') {
    throw new Error('timm has no such stem or head');
  }
  const blocks: Block[] = [];
  for (const block of stemBlocks) {
    if (block.kind !== 'mbconv') throw new Error('timm has no second convolution in its stem');
    const { expansion, kernel } = block;
    blocks.push(bottleneck(space, block, { kind: 'mbconv', expansion, kernel, se: false }, block.name, 'stem'));
  }
  for (const [position, layer] of space.layers.entries()) {
    const block = searched(space, layer, layer.operations[path[position]!]!);
    if (block !== null) blocks.push(block);
  }
  const stages = [...new Set(blocks.map(({ stage }) => stage))].map((name) =>
    blocks.filter(({ stage }) => stage === name),
  );
  const placed = stages.flatMap((stage, first) =>
    stage.map((block, second) => ({ place: `${first}.${second}`, block })),
  );
  const strides = [...space.layers].reduce((product, { stride }) => product * stride, 2);
  return {
    network: {
      arch_def: stages.map((stage) => stage.map(({ text }) => text)),
      kwargs: {
        num_classes: space.classes,
        num_features: head.outChannels,
        stem_size: stem.outChannels,
        fix_stem: true,
        output_stride: Math.max(32, strides),
        pad_type: 'same',
      },
      se: { gate_layer: 'hard_sigmoid', force_act_layer: 'relu' },
      stem_stride: stem.stride,
      linear_blocks: placed.filter(({ block }) => block.linear).map(({ place }) => place),
    },
    weights: [
      ...convolution('conv_stem', 'bn1', stem.name, 'filter'),
      ...placed.flatMap(({ place, block }) =>
        block.weights.map((weight) => ({ ...weight, name: `blocks.${place}.${weight.name}` })),
      ),
      ...convolution('conv_head', 'bn2', head.name, 'filter'),
      { name: 'classifier.weight', from: 'classifier/weights', layout: 'matrix' },
      { name: 'classifier.bias', from: 'classifier/bias', layout: 'same' },
    ],
  };
}

/** The weights as PyTorch has them. */
export function pytorchTensors(
  named: readonly NamedWeight[],
  weights: ReadonlyMap<string, WeightTensor>,
): Map<string, WeightTensor> {
  return new Map(
    named.map(({ name, from, layout }) => {
      const tensor = valuesOf(weights, from);
      switch (layout) {
        case 'same':
          return [name, tensor];
        case 'matrix':
          return [name, transposed(tensor)];
        default:
          return [name, filterChannelsFirst(tensor, layout === 'depthwise')];
      }
    }),
  );
}

function searched(space: Space, layer: Layer, operation: Operation): Block | null {
  // `stage3b_2` is of stage3b.
  const stage = layer.name.replace(/_\d+$/, '');
  if (operation.kind === 'mbconv') {
    return bottleneck(space, layer, operation, `${layer.name}/${operationToken(operation)}`, stage);
  }
  if (keepsShape(layer)) return null;
  const text = `cn_r1_k1_s${layer.stride}_c${layer.outChannels}`;
  return {
    stage,
    text,
    linear: true,
    weights: convolution('conv', 'bn1', `${layer.name}/${operationToken(operation)}`, 'filter'),
  };
}

function bottleneck(
  space: Space,
  { stride, outChannels }: { readonly stride: number; readonly outChannels: number },
  operation: Operation & { readonly kind: 'mbconv' },
  name: string,
  stage: string,
): Block {
  const { expansion, kernel, se } = operation;
  const squeeze = se
    ? [...biased('se.conv_reduce', `${name}/squeeze`), ...biased('se.conv_expand', `${name}/excite`)]
    : [];
  // timm's ratio is of the block's input, ours of the expanded width.
  const ratio = se ? `_se${space.seRatio * expansion}` : '';
  const rest = `s${stride}_e${expansion}_c${outChannels}${ratio}_${activationNames[space.activation]}`;
  if (expansion === 1) {
    return {
      stage,
      text: `ds_r1_k${kernel}_${rest}`,
      linear: false,
      weights: [
        ...convolution('conv_dw', 'bn1', `${name}/depthwise`, 'depthwise'),
        ...squeeze,
        ...convolution('conv_pw', 'bn2', `${name}/project`, 'filter'),
      ],
    };
  }
  return {
    stage,
    text: `ir_r1_k${kernel}_${rest}`,
    linear: false,
    weights: [
      ...convolution('conv_pw', 'bn1', `${name}/expand`, 'filter'),
      ...convolution('conv_dw', 'bn2', `${name}/depthwise`, 'depthwise'),
      ...squeeze,
      ...convolution('conv_pwl', 'bn3', `${name}/project`, 'filter'),
    ],
  };
}

/** A convolution without bias and its batch norm. */
function convolution(name: string, norm: string, from: string, layout: 'filter' | 'depthwise'): NamedWeight[] {
  const parts = { weight: 'gamma', bias: 'beta', running_mean: 'mean', running_var: 'variance' };
  return [
    { name: `${name}.weight`, from: `${from}/weights`, layout },
    ...Object.entries(parts).map(
      ([part, ours]): NamedWeight => ({ name: `${norm}.${part}`, from: `${from}/${ours}`, layout: 'same' }),
    ),
  ];
}

function biased(name: string, from: string): NamedWeight[] {
  return [
    { name: `${name}.weight`, from: `${from}/weights`, layout: 'filter' },
    { name: `${name}.bias`, from: `${from}/bias`, layout: 'same' },
  ];
}

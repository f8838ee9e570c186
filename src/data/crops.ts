/** Which part of an image is seen: a random resized crop in training (Szegedy et al. 2015), the central square when it is scored. */
import { integerAt, itemKey, uniformAt } from './counter-hash.ts';

export interface CropRange {
  /** Share of the image's area, from … to, in (0, 1]. */
  readonly area: readonly [number, number];
  /** Width over height, from … to. */
  readonly ratio: readonly [number, number];
}

/** A part of an image in pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const tries = 10;

/**
 * The crop of image `index` in the epoch with this key (`epochKey`): area uniform, logarithm of the ratio uniform, place
 * uniform; after ten crops that do not fit the largest central one whose ratio is within the range. As torchvision's
 * `RandomResizedCrop`.
 */
export function drawBox(key: number, index: number, width: number, height: number, range: CropRange): Box {
  const item = itemKey(key, index);
  const [leastRatio, mostRatio] = range.ratio;
  for (let attempt = 0; attempt < tries; attempt++) {
    const first = firstDraw + 4 * attempt;
    const share = range.area[0] + uniformAt(item, first) * (range.area[1] - range.area[0]);
    const ratio = Math.exp(Math.log(leastRatio) + uniformAt(item, first + 1) * Math.log(mostRatio / leastRatio));
    const area = width * height * share;
    const boxWidth = Math.round(Math.sqrt(area * ratio));
    const boxHeight = Math.round(Math.sqrt(area / ratio));
    if (boxWidth < 1 || boxHeight < 1 || boxWidth > width || boxHeight > height) continue;
    const top = integerAt(item, first + 2, height - boxHeight + 1);
    const left = integerAt(item, first + 3, width - boxWidth + 1);
    return { top, left, height: boxHeight, width: boxWidth };
  }
  const boxWidth = Math.max(1, Math.min(width, Math.round(height * mostRatio)));
  const boxHeight = Math.max(1, Math.min(height, Math.round(width / leastRatio)));
  return {
    top: Math.floor((height - boxHeight) / 2),
    left: Math.floor((width - boxWidth) / 2),
    height: boxHeight,
    width: boxWidth,
  };
}

/** The draws before are the flip's and those of other augmentations. */
const firstDraw = 16;

/** Whether the image is mirrored in the epoch. */
export function drawFlip(key: number, index: number): boolean {
  return integerAt(itemKey(key, index), 0, 2) === 1;
}

/**
 * How a whole image is scaled, and where the central square of `resolution` lies in it then, as torchvision's
 * `Resize(resize)` and `CenterCrop(resolution)` have it.
 */
export function centralSquare(width: number, height: number, resize: number, resolution: number) {
  const longer = (shorter: number, other: number): number => Math.floor((resize * other) / shorter);
  const scaledHeight = height <= width ? resize : longer(width, height);
  const scaledWidth = width <= height ? resize : longer(height, width);
  return {
    scale: [scaledHeight / height, scaledWidth / width] as const,
    corner: [halfEven(scaledHeight - resolution), halfEven(scaledWidth - resolution)] as const,
  };
}

/** Half of a whole number, rounded to the even neighbour as Python's `round` does. */
function halfEven(value: number): number {
  const half = Math.floor(value / 2);
  return value % 2 === 0 || half % 2 === 0 ? half : half + 1;
}

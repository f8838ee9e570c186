/** From what a user calls a network (a published name, a genotype, a code of digits) to its space and path. */
import { GreedynasError } from '../errors.ts';
import { findArchitecture } from './architectures.ts';
import { parseGenotype, pathFromDigits } from './genotype.ts';
import { buildSpace, type SpaceOptions, type SpacePresetName, spacePresetNames } from './presets.ts';
import type { Path, Space } from './space.ts';

export interface RecognisedNetwork {
  /** The published name, where it was called by that. */
  readonly name: string | null;
  readonly preset: SpacePresetName;
  readonly space: Space;
  readonly path: Path;
}

/** The path of a text in a space: a genotype, a published name, or one digit a layer. Throws a usage error as `parseGenotype` does. */
export function readPath(space: Space, text: string): Path {
  const isCode = /^\d+$/.test(text.trim()) && text.trim().length > 1;
  return isCode ? pathFromDigits(space, text.trim()) : parseGenotype(space, text);
}

/**
 * The network of a text in the first preset that has it: `mobilenet-7` before `mobilenet-13-se`, whose genotypes without
 * squeeze-and-excite look the same but for H-Swish (name the preset for these). A published name knows its own.
 *
 * @throws GreedynasError `usage` that says of each preset why it is not the one
 */
export function recogniseNetwork(text: string): RecognisedNetwork {
  const named = findArchitecture(text);
  const presets = named === null ? spacePresetNames : [named.preset];
  const reasons: string[] = [];
  for (const preset of presets) {
    const space = buildSpace({ preset });
    try {
      return { name: named?.name ?? null, preset, space, path: readPath(space, text) };
    } catch (error) {
      if (!(error instanceof GreedynasError)) throw error;
      reasons.push(`\n  ${preset}: ${error.message}`);
    }
  }
  throw new GreedynasError('usage', `${JSON.stringify(text.slice(0, 80))} is a path of no space:${reasons.join('')}`);
}

/** The same in the space of these options. */
export function networkIn(
  options: SpaceOptions & { readonly preset: SpacePresetName },
  text: string,
): RecognisedNetwork {
  const space = buildSpace(options);
  return { name: findArchitecture(text)?.name ?? null, preset: options.preset, space, path: readPath(space, text) };
}

/** What may differ between the config of a run and the one it is resumed with. */
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { readIfThere } from '../storage/durable.ts';

export interface ConfigChange {
  /** The key with its dots: `training.batch`. */
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * Keys that may change. The rest decides what the run computes. So does the length, since learning rate and ε are functions
 * of step over length; but who wants a longer run need not begin anew.
 */
const changeable: readonly { readonly key: RegExp; readonly warning?: string }[] = [
  { key: /^logging\./ },
  { key: /^checkpoints\./ },
  { key: /^search\./ },
  // The same images in another place.
  { key: /^data\.folder$/ },
  // They change nothing as long as all is finite.
  { key: /^training\.(divergence|skippedInRow)$/ },
  { key: /^training\.steps$/, warning: 'learning rate and epsilon of the steps to come follow the new length' },
  { key: /^engine\.threads$/, warning: 'another number of threads may change the last bits of the results' },
];

function flatten(value: unknown, key: string, into: Map<string, unknown>): Map<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, child] of Object.entries(value)) {
      flatten(child, key === '' ? name : `${key}.${name}`, into);
    }
  } else {
    into.set(key, value);
  }
  return into;
}

/** Every key whose value differs, in the order of the config; `undefined` where one side lacks the key. */
export function configChanges(before: unknown, after: unknown): ConfigChange[] {
  const old = flatten(before, '', new Map());
  const fresh = flatten(after, '', new Map());
  const keys = new Set([...old.keys(), ...fresh.keys()]);
  return [...keys]
    .map((key) => ({ key, before: old.get(key), after: fresh.get(key) }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}

function show({ key, before, after }: ConfigChange): string {
  return `${key}: ${JSON.stringify(before) ?? '(not set)'} in the run, ${JSON.stringify(after) ?? '(not set)'} now`;
}

/**
 * Compares the config of a run with the one to resume it with.
 * @returns a line for each permitted change that the user should know of
 * @throws GreedynasError `usage` if a key differs that decides what the run computes; old and new value are shown
 */
export function checkResumable(runName: string, before: unknown, after: unknown): string[] {
  const changes = configChanges(before, after);
  const refused = changes.filter(({ key }) => !changeable.some((rule) => rule.key.test(key)));
  if (refused.length > 0) {
    const lines = refused.map((change) => `\n  ${show(change)}`).join('');
    throw new GreedynasError(
      'usage',
      `run "${runName}" was started with another config:${lines}\nOnly logging, checkpoints, search, training.steps, training.divergence, training.skippedInRow and engine.threads may change on --resume. Resume without the change, or start another --run.`,
    );
  }
  return changes.flatMap((change) => {
    const warning = changeable.find((rule) => rule.key.test(change.key))?.warning;
    return warning === undefined ? [] : [`${show(change)} (${warning})`];
  });
}

/** What may differ from the config that a checkpoint was trained with where it is only scored: beginnings of keys. */
export const freeWhenScored = ['search.', 'engine.'] as const;

/** In a checkpoint: the config that it was trained with. Unlike the run's own, which anyone may edit, it is under the manifest's hash. */
export const trainedWithFile = 'config.yaml';

/**
 * Compares the config of a run, which may have been edited or cut off since, with that of a checkpoint to go on from.
 *
 * @param parse makes a config of the text of a file; the name is for messages
 * @param changeable further keys that may differ, by their beginnings
 * @throws GreedynasError `usage` if a key differs that decides what the run computes; old and new value are shown
 */
export async function checkTrainedWith(
  runName: string,
  checkpoint: string,
  config: unknown,
  parse: (text: string, source: { readonly file: string }) => unknown,
  changeable: readonly string[] = [],
): Promise<void> {
  const file = join(checkpoint, trainedWithFile);
  const text = await readIfThere(file);
  // Checkpoints of earlier versions have none.
  if (text === null) return;
  const before = parse(text, { file });
  const kept = (value: unknown): unknown =>
    Object.fromEntries(
      [...flatten(value, '', new Map())].filter(([key]) => !changeable.some((beginning) => key.startsWith(beginning))),
    );
  try {
    checkResumable(runName, kept(before), kept(config));
  } catch (error) {
    if (!(error instanceof GreedynasError)) throw error;
    throw new GreedynasError(error.code, `${error.message} ${file} is the config that it was trained with.`);
  }
}

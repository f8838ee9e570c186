/** Names of classes for people, where a source has a list of them: ImageNet's and Tiny ImageNet's own lists, or classes.json. */
import { GreedynasError } from '../errors.ts';
import type { FileSource } from './source-files.ts';

/** Larger than ImageNet's list of all synsets. */
const longestList = 64 << 20;

/**
 * The list that is there, and the name by folder name: from `words.txt` (synset, tab, name), `LOC_synset_mapping.txt` (synset, space, name) or
 * `classes.json` (an object); null and empty where there is none.
 *
 * @throws GreedynasError `io` for a classes.json that is no object of texts
 */
export async function classTexts(source: FileSource): Promise<{ list: string | null; names: Map<string, string> }> {
  const find = async (name: string): Promise<string | null> => {
    const file = source.files.find(({ path, size }) => path === name && size <= longestList);
    return file === undefined ? null : (await source.read(file)).toString('utf8');
  };
  const json = await find('classes.json');
  if (json !== null) return { list: 'classes.json', names: new Map(parseObject(json, source.name)) };
  for (const list of ['words.txt', 'LOC_synset_mapping.txt']) {
    const text = await find(list);
    if (text === null) continue;
    const lines = text.matchAll(/^(\S+)[\t ]+(.+?)\s*$/gm);
    return { list, names: new Map([...lines].map(([, folder, name]) => [folder!, name!])) };
  }
  return { list: null, names: new Map() };
}

function parseObject(json: string, source: string): [string, string][] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries: [string, unknown][] = isObject ? Object.entries(value as object) : [];
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (!isObject || texts.length < entries.length) {
    throw new GreedynasError(
      'io',
      `${source}/classes.json is no JSON object of class folder to name; mend or remove it`,
    );
  }
  return texts;
}

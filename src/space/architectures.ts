/** Published networks by name, with their genotypes; FLOPs and parameters at 224 px agree with `test/fixtures/architectures.json`. */

export interface NamedArchitecture {
  readonly name: string;
  /** Further names that people write. Case and everything but letters and digits do not count. */
  readonly aliases: readonly string[];
  /** The space that it was searched in. */
  readonly preset: 'mobilenet-7' | 'mobilenet-13-se';
  readonly genotype: string;
}

/** GreedyNAS-A, -B and -C (You et al., CVPR 2020) and ProxylessNAS' mobile network (Cai et al., ICLR 2019) in the 7^21 space. */
export const namedArchitectures: readonly NamedArchitecture[] = [
  {
    name: 'GreedyNAS-A',
    aliases: [],
    preset: 'mobilenet-13-se',
    genotype:
      'e3k5se e3k3 skip e3k3se e3k5 e3k7 e6k3se e6k5se e3k5se e3k7se e6k7 e3k5 e3k5se e3k3se e6k3 e3k7se e3k7se e6k7se e3k5 e6k3se e6k7se',
  },
  {
    name: 'GreedyNAS-B',
    aliases: [],
    preset: 'mobilenet-13-se',
    genotype:
      'e3k5se e3k5se e3k5se skip e3k5se e3k7se e3k5se e3k3 e6k5 skip e3k7se e3k7se e3k3se e3k5 e3k5 e3k7se e6k5se e3k7se e3k3se e3k7se e6k7se',
  },
  {
    name: 'GreedyNAS-C',
    aliases: [],
    preset: 'mobilenet-13-se',
    genotype:
      'e3k7 skip skip e3k3se e3k5se skip e3k3se e3k3se e3k7se e6k5se e3k5se skip e3k5se e3k5 e6k3 e3k7 e3k5se e3k3 e3k7se e3k5 e6k7se',
  },
  {
    name: 'ProxylessR-mobile',
    aliases: ['Proxyless-R', 'Proxyless-R mobile'],
    preset: 'mobilenet-7',
    genotype:
      'e3k5 e3k3 skip skip e3k7 e3k3 e3k5 e3k5 e6k7 e3k5 e3k5 e3k5 e6k5 e3k5 e3k5 e3k5 e6k7 e6k7 e3k7 e3k7 e6k7',
  },
];

/** The published network of this name, or null. */
export function findArchitecture(text: string): NamedArchitecture | null {
  if (text.length > 64) return null;
  const wanted = plain(text);
  return namedArchitectures.find(({ name, aliases }) => [name, ...aliases].map(plain).includes(wanted)) ?? null;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Usage errors of the command line, with the nearest flag or command as a suggestion. */
import { GreedynasError } from '../errors.ts';

/** Edits (insert, delete, replace) that turn one word into the other. */
export function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replace = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}

/** The known word nearest to `word`, if it is near enough to be what was meant. */
export function nearest(word: string, known: readonly string[]): string | null {
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 2)) + 1;
  for (const candidate of known) {
    const distance = candidate.startsWith(wanted) && wanted.length > 1 ? 0 : editDistance(wanted, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A flag that the command does not have. Very long ones are cut: the message stays one line. */
export function unknownFlag(command: string, name: string, known: readonly string[]): GreedynasError {
  const shown = name.slice(0, 80);
  const suggestion = nearest(shown, known);
  const meant = suggestion === null ? '' : ` Did you mean --${suggestion}?`;
  return new GreedynasError('usage', `${command} has no flag --${shown}.${meant} See "greedynas ${command} --help".`);
}

export function unknownCommand(name: string, known: readonly string[]): GreedynasError {
  const shown = name.slice(0, 80);
  const suggestion = nearest(shown, known);
  const meant = suggestion === null ? '' : ` Did you mean ${suggestion}?`;
  return new GreedynasError('usage', `there is no command "${shown}".${meant} The commands are ${known.join(', ')}.`);
}

/** Parses the command line, runs the command, and turns what it returns or throws into output and an exit code. */
import yargs from 'yargs';
import { exitCodes, GreedynasError } from '../errors.ts';
import type { Command, Flags } from './command.ts';
import { dataCommand } from './data.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { predictCommand } from './predict.ts';
import { prepareCommand } from './prepare.ts';
import { rankCommand } from './rank.ts';
import { retrainCommand } from './retrain.ts';
import { searchCommand } from './search.ts';
import { spaceCommand } from './space.ts';
import { packageVersion, processSurroundings, type Surroundings } from './surroundings.ts';
import { trainSupernetCommand } from './train-supernet.ts';
import { unknownCommand, unknownFlag } from './usage.ts';

/** In the order of a user's work. */
export const commands: readonly Command[] = [
  prepareCommand,
  dataCommand,
  trainSupernetCommand,
  rankCommand,
  searchCommand,
  evaluateCommand,
  retrainCommand,
  exportCommand,
  spaceCommand,
  predictCommand,
];

const names = commands.map(({ name }) => name);
const everyCommand = ['json', 'help'];

/** Runs one command line and returns the exit code. Throws nothing. */
export async function main(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await dispatch(argv, surroundings);
  } catch (error) {
    if (error instanceof GreedynasError) {
      surroundings.stderr.write(`greedynas: ${error.message}\n`);
      return error.exitCode;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    surroundings.stderr.write(`greedynas: this is a bug, please report it with the lines below.\n${text}\n`);
    return exitCodes.bug;
  }
}

async function dispatch(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const [first] = argv;
  // Not left to yargs, which would need the version for every command line.
  if (first === '--version') {
    surroundings.stdout.write(`${await packageVersion()}\n`);
    return 0;
  }
  if (first !== undefined && !first.startsWith('-') && !names.includes(first)) {
    throw unknownCommand(first, names);
  }
  const named = commands.find(({ name }) => name === first);
  if (named !== undefined) {
    refuseUnknownFlags(
      named,
      argv.slice(1).flatMap((word) => /^--([^=]+)/.exec(word)?.[1] ?? []),
    );
  }
  let chosen: { command: Command; flags: Flags } | null = null;
  let output = '';
  const parser = createParser((command, flags) => {
    chosen = { command, flags };
  });
  await parser.parseAsync([...argv], {}, (_error: unknown, _flags: unknown, text: string) => {
    output = text;
  });
  if (output !== '') {
    surroundings.stdout.write(`${output}\n`);
    return 0;
  }
  // TypeScript does not see that the parser has called the function above.
  const found = chosen as { command: Command; flags: Flags } | null;
  if (found === null) {
    surroundings.stderr.write(`${await createParser(() => {}).getHelp()}\n`);
    return exitCodes.usage;
  }
  const { command, flags } = found;
  refuseUnknownFlags(command, Object.keys(flags));
  refuseBadValues(command, flags);
  return command.run(flags, surroundings);
}

function createParser(choose: (command: Command, flags: Flags) => void) {
  const parser = yargs()
    .scriptName('greedynas')
    .usage(
      '$0 <command>\n\nOne-shot neural architecture search: train a supernet with GreedyNAS, search it, cut subnets out.',
    )
    .locale('en')
    .wrap(100)
    .version(false)
    .option('version', { type: 'boolean', global: false, describe: 'Show the version' })
    .help('help')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'greedy-arrays': false,
    })
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      // Without a throw yargs would run the command all the same.
      const text = message ?? error?.message ?? '';
      if (error !== undefined && error.name !== 'YError') {
        throw error;
      }
      throw new GreedynasError('usage', `${text.trim().replace(/\s*\n\s*/g, ' ')}. See --help.`);
    })
    .epilogue(
      'Exit codes: 0 done, 1 bug, 2 usage or config, 3 diverged, 4 input or output, 5 run in use, 130 and 143 ended by a signal (saved first).',
    );
  for (const command of commands) {
    parser.command(
      command.name,
      command.summary,
      (builder) =>
        builder
          .usage(`$0 ${command.name}${command.words === undefined ? '' : ` ${command.words}`}\n\n${command.summary}`)
          .options({
            ...command.flags,
            json: { type: 'boolean', describe: 'print the result as one JSON object on standard output' },
          })
          .example(command.examples.map(([line, text]) => [line, text]))
          .epilogue(command.files),
      (flags) => choose(command, flags),
    );
  }
  return parser;
}

/** Called before parsing too: a misspelt flag explains itself better than the required one that is then missing. */
function refuseUnknownFlags(command: Command, given: readonly string[]): void {
  const known = [...Object.keys(command.flags), ...everyCommand];
  const unknown = given.find((name) => name !== '_' && name !== '$0' && !known.includes(name));
  if (unknown !== undefined) {
    throw unknownFlag(command.name, unknown, known);
  }
}

function refuseBadValues(command: Command, flags: Flags): void {
  for (const [name, value] of Object.entries(flags)) {
    if (Array.isArray(value) && name !== '_' && command.flags[name]?.type !== 'array') {
      throw new GreedynasError('usage', `--${name} was given ${value.length} times: give it once`);
    }
    if (value === '') {
      throw new GreedynasError('usage', `--${name} needs a value`);
    }
  }
  const words = flags._;
  if (command.words === undefined && Array.isArray(words) && words.length > 1) {
    throw new GreedynasError(
      'usage',
      `${command.name} does not take "${words[1]}": flags begin with --. See "greedynas ${command.name} --help".`,
    );
  }
}

/** Runs the command line of this process and ends it. */
export async function runProcess(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader (`| head`) has gone: a training goes on without it.
      if (error.code !== 'EPIPE') {
        throw error;
      }
    });
  }
  process.exit(await main(process.argv.slice(2), processSurroundings()));
}

/** The command line as the tests of each command use it. */
import { temporaryFolder } from '../training/temporary.ts';
import { greedynas, type Simulation, writeSmallConfig } from './simulated-surroundings.ts';

/** Call it in `describe`: each test gets a folder of its own, in which `run` runs what would stand behind `greedynas`. */
export function commandLine() {
  const folder = temporaryFolder();
  const run = (line: string, simulation?: Simulation) =>
    greedynas(
      folder(),
      line.split(' ').filter((word) => word !== ''),
      simulation,
    );
  /** Trains the run "small". */
  const train = (more = '', simulation?: Simulation) =>
    run(`train-supernet --config ${writeSmallConfig(folder())} --run small ${more}`, simulation);
  return { folder, run, train };
}

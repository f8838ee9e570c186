/** The state of a search at work, saved in its folder as it goes on. */
import { writeDurably } from '../storage/durable.ts';
import type { Clock } from '../training/ledger.ts';
import { formatSavedSearch, type SavedSearch, stateFile } from './saved-search.ts';
import { createSearchFolder, removeUnfinishedFiles, type SearchFolder } from './search-folder.ts';

export interface SearchRecord {
  readonly state: SavedSearch;
  /** Saves the state with what has changed, durably. */
  save(change: Partial<Pick<SavedSearch, 'phase' | 'exploration' | 'comparison' | 'subnets'>>): Promise<void>;
  /** Wall time of the search, of the processes before this one too. */
  seconds(): number;
}

export interface SearchRecordOptions {
  readonly place: SearchFolder;
  /** What to begin or to go on with. */
  readonly state: SavedSearch;
  /** Whether the folder is there already. */
  readonly resumed: boolean;
  readonly clock: Clock;
  /** By the clock, when this process began to work on the search. */
  readonly began: number;
}

export async function openSearchRecord(options: SearchRecordOptions): Promise<SearchRecord> {
  const { place, clock, began } = options;
  let { state } = options;
  const before = state.seconds;
  const seconds = (): number => before + clock() - began;
  if (options.resumed) await removeUnfinishedFiles(place);
  else await createSearchFolder(place, formatSavedSearch(state));
  return {
    get state() {
      return state;
    },
    async save(change) {
      state = { ...state, ...change, seconds: seconds() };
      await writeDurably(place.file(stateFile), formatSavedSearch(state));
    },
    seconds,
  };
}

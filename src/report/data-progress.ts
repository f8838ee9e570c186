/** What the user is told while a data set is fetched and prepared: one line for each stage, none for what is already there. */
import type { DataProgress } from '../data/dataset.ts';

/** The line for an event, or null for one that says nothing new. */
export function describeDataProgress(event: DataProgress): string | null {
  switch (event.kind) {
    case 'notice':
      return event.message;
    case 'download': {
      const megabytes = Math.round(event.totalBytes / 1e6);
      return event.doneBytes === 0 ? `fetching the data set with npm (${megabytes} MB)` : null;
    }
    case 'decode':
      return event.doneImages === event.totalImages ? `decoded ${event.totalImages} images` : null;
  }
}

/** The names of a queue: its file, its configuration keys, and the words in messages. */
export interface OutboxNames {
  /** File name of the database. */
  readonly file: string;
  /** The word for one item and for several. */
  readonly item: string;
  readonly items: string;
  /** Configuration keys of the endpoint, the timeout and the maximum queue length. */
  readonly endpointKey: string;
  readonly timeoutKey: string;
  readonly maxQueueKey: string;
  /** The REST route that reports the status of the queue. */
  readonly statusRoute: string;
}

/** The word with a capital letter, for the beginning of a sentence. */
export function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

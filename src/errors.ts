/** The errors that a user can meet, each with the exit code that the command line returns for it. */

/** Exit codes of every command: what went wrong, for scripts. */
export const exitCodes = {
  bug: 1,
  usage: 2,
  diverged: 3,
  io: 4,
  locked: 5,
} as const;

export type ErrorCode = keyof typeof exitCodes;

/**
 * An error whose message is meant for the user: it names what (file, key or record), the value, what is allowed, and
 * what to do. Anything else that is thrown is a bug of ours.
 */
export class GreedynasError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GreedynasError';
    this.code = code;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}

/** An error on its way to another process or thread, where classes do not go. */
export interface SentError {
  /** Null: a bug of ours. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

export function toSent(error: unknown): SentError {
  const code = error instanceof GreedynasError ? error.code : null;
  return { code, message: error instanceof Error ? error.message : String(error) };
}

export function fromSent({ code, message }: SentError): Error {
  return code === null ? new Error(message) : new GreedynasError(code, message);
}
